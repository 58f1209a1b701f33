// Which members of a schema constrain nothing.
public import JSON

/// The keywords of JSON Schema, by what they do.
public enum SchemaVocabulary {
    /// Keywords that constrain values, of all drafts that are read.
    static let constraining: Set<String> = SchemaDocument.schemaKeywords.subtracting(["contentSchema"])
        .union(SchemaDocument.listKeywords).union(SchemaDocument.mapKeywords)
        .union([
            "type", "enum", "const", "required", "dependencies", "dependentRequired", "minProperties", "maxProperties", "minItems", "maxItems",
            "uniqueItems", "minContains", "maxContains", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
            "exclusiveMaximum", "multipleOf", "$ref", "$dynamicRef", "$recursiveRef",
        ])
    /// Keywords that name, describe or place a schema; nobody takes them for constraints.
    static let describing: Set<String> = [
        "$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "title", "description", "default",
        "examples", "deprecated", "readOnly", "writeOnly",
    ]

    /// Keywords that a reader might take for constraints and that constrain nothing: unknown ones, those about content, and formats that no
    /// specification names (all formats where `format` is not asserted). Empty for a document that is no schema.
    public static func annotations(in schema: JSONValue, assertsFormat: Bool) -> [(keyword: String, pointer: JSONPointer)] {
        guard let document = try? SchemaDocument(schema, limits: GrammarLimits()) else { return [] }
        var found: [(String, JSONPointer)] = []
        for id in document.reachable() {
            guard let object = document[id].object else { continue }
            for (keyword, value) in object where !constraining.contains(keyword) && !describing.contains(keyword) {
                let pointer = document[id].pointer.appending(keyword)
                guard keyword == "format" else {
                    found.append((keyword, pointer))
                    continue
                }
                let name = value.stringValue ?? value.text()
                let isKnown = StringFormats.expression(name) != nil || StringFormats.refused.contains(name)
                if !assertsFormat || !isKnown { found.append(("format \"\(name)\"", pointer)) }
            }
        }
        return found
    }
}
