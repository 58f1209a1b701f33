// Which members of a schema constrain nothing, and what may have been meant.
public import JSON

/// A member of a schema that constrains nothing. That is legal (JSON Schema 2020-12 Core, 6.5: unknown keywords are annotations), so it is only said.
public struct Annotation: Sendable, Hashable, CustomStringConvertible {
    /// The keyword.
    public let keyword: String
    /// Where it stands in the schema.
    public let pointer: JSONPointer
    /// Why it constrains nothing, and what may have been meant, without a full stop.
    public let reason: String
    /// Whether nobody would take it for a constraint: what a vocabulary defines as an annotation, an extension (`x-…`), a format where formats are
    /// not asserted.
    public let isExpected: Bool

    /// The place and the reason, as a sentence.
    public var description: String { "\(pointer): \"\(keyword)\" constrains nothing: \(reason)" }

    /// As reports show it.
    public var json: JSONValue { ["keyword": .string(keyword), "pointer": .string(pointer.description), "reason": .string(reason)] }
}

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
    /// Keywords of the content vocabulary, and OpenAPI's own annotations.
    static let annotating: Set<String> = [
        "contentEncoding", "contentMediaType", "contentSchema", "example", "xml", "externalDocs", "discriminator",
    ]
    /// What is written in other places for what a keyword says here.
    private static let meanings: [String: String] = [
        "nullable": "it is OpenAPI's; in JSON Schema null is a type of its own, as in \"type\": [\"string\", \"null\"]",
        "optional": "members are optional unless the object lists them in \"required\"", "divisibleBy": "it is draft 3's \"multipleOf\"",
        "disallow": "it is draft 3's \"not\"", "extends": "it is draft 3's \"allOf\"", "regex": "the keyword is \"pattern\"",
        "min": "the keywords are \"minimum\", \"minLength\" and \"minItems\"", "max": "the keywords are \"maximum\", \"maxLength\" and \"maxItems\"",
        "length": "the keywords are \"minLength\" and \"maxLength\"", "options": "the keyword is \"enum\"", "values": "the keyword is \"enum\"",
        "choices": "the keyword is \"enum\"",
    ]
    private static let names = constraining.union(describing).union(annotating).union(["format"]).sorted()

    /// The members that constrain nothing, but for those that describe or place a schema, in the order in which the schema is read. Empty for a
    /// document that is no schema.
    public static func annotations(in schema: JSONValue, assertsFormat: Bool) -> [Annotation] {
        guard let document = try? SchemaDocument(schema, limits: GrammarLimits()) else { return [] }
        var found: [Annotation] = []
        for id in document.reachable() {
            guard let object = document[id].object else { continue }
            let isHidden = document.hidesReferenceSiblings && object["$ref"] != nil
            for (keyword, value) in object where !describing.contains(keyword) {
                guard let (reason, isExpected) = verdict(keyword, value, isHidden: isHidden, assertsFormat) else { continue }
                let pointer = document[id].pointer.appending(keyword)
                found.append(Annotation(keyword: keyword, pointer: pointer, reason: reason, isExpected: isExpected))
            }
        }
        return found.isEmpty ? [] : withoutContainers(found, document)
    }

    /// The annotations that a reader might take for constraints, as "minLenght".
    public static func surprises(in schema: JSONValue, assertsFormat: Bool = true) -> [Annotation] {
        annotations(in: schema, assertsFormat: assertsFormat).filter { !$0.isExpected }
    }

    /// Why a member constrains nothing; nil where it does.
    private static func verdict(
        _ keyword: String, _ value: JSONValue, isHidden: Bool, _ assertsFormat: Bool
    ) -> (reason: String, isExpected: Bool)? {
        if annotating.contains(keyword) { return ("it is an annotation", true) }
        if keyword.hasPrefix("x-") { return ("it is an extension", true) }
        guard constraining.contains(keyword) || keyword == "format" else {
            if let meaning = meanings[keyword] { return (meaning, false) }
            let nearest = nearestName(to: keyword, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
            return ("it is no keyword of JSON Schema\(nearest)", false)
        }
        if isHidden, !["$ref", "$defs", "definitions"].contains(keyword) {
            return ("it stands beside \"$ref\", which in this draft hides it; \"allOf\" joins the two", false)
        }
        if keyword == "required", value.boolValue != nil {
            return ("true or false is draft 3's; the object lists the names in its \"required\"", false)
        }
        guard keyword == "format" else { return nil }
        if !assertsFormat { return ("formats are not asserted", true) }
        guard let name = value.stringValue, !StringFormats.refused.contains(name), !StringFormats.names.contains(name) else { return nil }
        let nearest = nearestName(to: name, among: StringFormats.names).map { "; did you mean \"\($0)\"?" } ?? ""
        return ("\"\(name)\" is no format of JSON Schema\(nearest)", false)
    }

    /// Members that only hold what references lead to have their use.
    private static func withoutContainers(_ found: [Annotation], _ document: SchemaDocument) -> [Annotation] {
        var holders: Set<[String]> = []
        for id in document.reachable() {
            var tokens = document[id].pointer.tokens
            while !tokens.isEmpty, holders.insert(tokens).inserted { tokens.removeLast() }
        }
        return found.filter { $0.isExpected || !holders.contains($0.pointer.tokens) || constraining.contains($0.keyword) }
    }
}
