// The slow twin of the grammar: does a JSON value satisfy a schema?
public import JSON

/// One way in which an instance misses a schema.
public struct ValidationFailure: Sendable, Hashable, CustomStringConvertible {
    /// Where in the instance.
    public let instancePointer: JSONPointer
    /// Which keyword's value in the schema (through references, the place where it stands).
    public let schemaPointer: JSONPointer
    /// The keyword; empty for the schema `false`.
    public let keyword: String
    /// What is wrong, as a sentence without a full stop.
    public let sentence: String

    public var description: String {
        let place = instancePointer.tokens.isEmpty ? "the value" : instancePointer.description
        return "\(place): \(sentence)"
    }
}

/// A validator for JSON Schema 2020-12, independent of the automata. Unknown keywords are annotations; remote references are refused.
public struct InstanceValidator: Sendable {
    /// - Throws: `.invalidSchema` or `.unsupported`, with the pointer.
    public init(schema: JSONValue) throws(GrammarError) {
        throw .unsupported(keyword: "schema", pointer: JSONPointer(), reason: "the validator is on its way")
    }

    /// All failures found, none for a valid instance.
    public func validate(_ instance: JSONValue) -> [ValidationFailure] { [] }
}
