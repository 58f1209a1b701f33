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

    /// The place and the reason.
    public var description: String {
        let place = instancePointer.tokens.isEmpty ? "the value" : instancePointer.description
        return "\(place): \(sentence)"
    }
}

/// A validator for JSON Schema 2020-12, independent of the automata. Unknown keywords are annotations; remote references are refused.
///
/// The older drafts' `definitions`, `dependencies`, array `items` with `additionalItems` and boolean `exclusiveMinimum` are understood too.
public struct InstanceValidator: Sendable {
    let document: SchemaDocument
    private let patterns: [[UInt8]: PatternSearch]
    private let enumerations: [SchemaID: Set<[UInt8]>]
    private let chapters: [KeywordChapters]
    private let assertsFormat: Bool

    /// - Parameter assertsFormat: whether `format` constrains strings; formats that no specification names never do.
    /// - Throws: `.invalidSchema` or `.unsupported`, with the pointer.
    public init(schema: JSONValue, assertsFormat: Bool = true) throws(GrammarError) {
        let document = try SchemaDocument(schema, limits: GrammarLimits())
        self.init(document: document, assertsFormat: assertsFormat)
        for id in document.reachable() { try check(id) }
        try document.requireProgress()
    }

    /// A validator for single subschemas, which are checked as they are met.
    init(document: SchemaDocument, assertsFormat: Bool) {
        self.document = document
        self.assertsFormat = assertsFormat
        var patterns: [[UInt8]: PatternSearch] = [:]
        for source in document.patternSources {
            guard let tree = try? RegexParser.parse(source, allowsLookAhead: true) else { continue }
            patterns[Array(source.utf8)] = PatternSearch(tree: tree)
        }
        self.patterns = patterns
        enumerations = document.longEnumerations.mapValues { Set($0.map(ExactArithmetic.key)) }
        chapters = document.chapters
    }

    /// All failures found (at most a hundred), none for a valid instance. An instance that takes more than `GrammarLimits.validationSteps`
    /// is never valid: the failure says so.
    public func validate(_ instance: JSONValue) -> [ValidationFailure] {
        var evaluation = Evaluation(
            document, chapters: chapters, patterns: patterns, enumerations: enumerations, assertsFormat: assertsFormat, isCollecting: true)
        let isValid = evaluation.evaluate(instance, 0).isValid
        if let fault = evaluation.fault {
            // What came before may hold through a `not` that was never finished: the verdict is the fault.
            return [ValidationFailure(instancePointer: JSONPointer(), schemaPointer: JSONPointer(), keyword: "", sentence: "\(fault)")]
        }
        if !isValid && evaluation.failures.isEmpty {
            return [
                ValidationFailure(
                    instancePointer: JSONPointer(), schemaPointer: JSONPointer(), keyword: "", sentence: "it does not match the schema")
            ]
        }
        return evaluation.failures
    }

    /// Refuses a subschema that cannot be evaluated wholly.
    func checkReachable(from id: SchemaID) throws(GrammarError) {
        for number in document.reachable(from: id) { try check(number) }
    }

    /// Whether the value satisfies one subschema, which must have been checked; counts its steps down.
    func isValid(_ value: JSONValue, _ id: SchemaID, in scope: DynamicScope, steps: inout Int) throws(GrammarError) -> Bool {
        var evaluation = Evaluation(
            document, chapters: chapters, patterns: patterns, enumerations: enumerations, assertsFormat: assertsFormat, isCollecting: false)
        evaluation.remainingSteps = steps
        evaluation.scope = scope
        defer { steps = evaluation.remainingSteps }
        let isValid = evaluation.evaluate(value, id).isValid
        if let fault = evaluation.fault { throw fault }
        return isValid
    }

    /// Refuses what cannot be evaluated.
    private func check(_ id: SchemaID) throws(GrammarError) {
        guard let object = document[id].object else { return }
        let pointer = document[id].pointer
        _ = try document.target(id)
        if document.hidesReferenceSiblings && object["$ref"] != nil { return }
        _ = try document.types(id)
        for keyword in ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains"] {
            _ = try document.count(id, keyword)
        }
        for keyword in ["required"] { _ = try document.names(id, keyword) }
        for keyword in ["minimum", "maximum", "multipleOf"] {
            guard let value = object[keyword] else { continue }
            guard let number = value.numberValue, keyword != "multipleOf" || number.doubleValue > 0 else {
                throw .invalidSchema(pointer: pointer.appending(keyword), reason: "\"\(keyword)\" is not a number that it can be")
            }
        }
        if let list = object["enum"], list.arrayValue == nil {
            throw .invalidSchema(pointer: pointer.appending("enum"), reason: "\"enum\" must be an array")
        }
        if assertsFormat, let format = object["format"]?.stringValue, StringFormats.refused.contains(format) {
            throw .unsupported(
                keyword: "format", pointer: pointer.appending("format"), reason: "the format \"\(format)\" is not checked here")
        }
        try checkPatterns(object, pointer)
    }

    private func checkPatterns(_ object: JSONObject, _ pointer: JSONPointer) throws(GrammarError) {
        var sources: [(String, JSONPointer)] = []
        if let pattern = object["pattern"]?.stringValue { sources.append((pattern, pointer.appending("pattern"))) }
        for (pattern, _) in object["patternProperties"]?.objectValue ?? JSONObject() {
            sources.append((pattern, pointer.appending("patternProperties").appending(pattern)))
        }
        for (source, place) in sources where patterns[Array(source.utf8)] == nil {
            do throws(GrammarError) {
                _ = try RegexParser.parse(source, allowsLookAhead: true)
            } catch .tooLarge(let what, let limit, _) {
                throw .tooLarge(what: what, limit: limit, pointer: place)
            } catch {
                throw .unsupported(
                    keyword: place.tokens.contains("patternProperties") ? "patternProperties" : "pattern", pointer: place,
                    reason: error.description)
            }
        }
    }
}
