// Which chapters of the validator a subschema has anything to say in, so that the others are not looked up for every value.
import JSON

/// The chapters of `Evaluation` that at least one keyword of a subschema belongs to.
struct KeywordChapters: OptionSet, Sendable {
    let rawValue: UInt16
    static let type = KeywordChapters(rawValue: 1)
    static let values = KeywordChapters(rawValue: 2)
    static let numbers = KeywordChapters(rawValue: 4)
    static let strings = KeywordChapters(rawValue: 8)
    static let combinators = KeywordChapters(rawValue: 16)
    static let conditionals = KeywordChapters(rawValue: 32)
    static let arrays = KeywordChapters(rawValue: 64)
    static let objects = KeywordChapters(rawValue: 128)
    static let references = KeywordChapters(rawValue: 256)
    /// Looks at what others have not looked at.
    static let unevaluated = KeywordChapters(rawValue: 512)

    init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Every keyword that `Evaluation` asks for.
    private static let chapters: [String: KeywordChapters] = [
        "$ref": .references, "$dynamicRef": .references, "$recursiveRef": .references,
        "type": .type, "enum": .values, "const": .values,
        "minimum": .numbers, "maximum": .numbers, "exclusiveMinimum": .numbers, "exclusiveMaximum": .numbers, "multipleOf": .numbers,
        "minLength": .strings, "maxLength": .strings, "pattern": .strings, "format": .strings,
        "allOf": .combinators, "anyOf": .combinators, "oneOf": .combinators, "not": .combinators,
        "if": .conditionals, "then": .conditionals, "else": .conditionals, "dependentSchemas": .conditionals,
        "dependencies": [.conditionals, .objects],
        "prefixItems": .arrays, "items": .arrays, "additionalItems": .arrays, "contains": .arrays, "minContains": .arrays,
        "maxContains": .arrays, "minItems": .arrays, "maxItems": .arrays, "uniqueItems": .arrays,
        "unevaluatedItems": [.arrays, .unevaluated],
        "properties": .objects, "patternProperties": .objects, "additionalProperties": .objects, "propertyNames": .objects,
        "required": .objects, "minProperties": .objects, "maxProperties": .objects, "dependentRequired": .objects,
        "unevaluatedProperties": [.objects, .unevaluated],
    ]

    /// The chapters of these keywords; those that nobody knows have none.
    init(of keywords: [String]) {
        self = keywords.reduce(into: []) { $0.formUnion(Self.chapters[$1] ?? []) }
    }
}

extension SchemaDocument {
    /// The chapters of every subschema, by number.
    var chapters: [KeywordChapters] { (0..<count).map { self[$0].object.map { KeywordChapters(of: $0.keys) } ?? [] } }
}
