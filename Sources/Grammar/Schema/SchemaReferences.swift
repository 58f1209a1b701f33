// Where the references of a schema lead: one resolution for the grammar, the validator and whoever shows a schema.
public import JSON

/// The references of one JSON Schema document, resolved as the grammar resolves them: by `$id`, `$anchor` and JSON Pointer, within the document.
public struct SchemaReferences: Sendable {
    private let document: SchemaDocument

    /// Reads a document. Throws where something that must be a schema is none, and beyond the limits.
    public init(_ schema: JSONValue, limits: GrammarLimits = GrammarLimits()) throws(GrammarError) {
        document = try SchemaDocument(schema, limits: limits)
    }

    /// Where the `$ref` of the subschema at `place` leads; nil where there is none, or where it leads nowhere in this document.
    public func target(of place: JSONPointer) -> JSONPointer? {
        guard let number = document.number(at: place), let target = try? document.target(number) else { return nil }
        return document[target].pointer
    }
}
