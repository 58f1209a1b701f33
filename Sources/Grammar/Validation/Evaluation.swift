// One evaluation of an instance against the subschemas of a document, keyword by keyword.
import JSON

/// What an evaluation of one value has found out for the `unevaluated…` keywords.
struct Evaluated {
    var properties: Set<[UInt8]> = []
    var items: Set<Int> = []

    mutating func formUnion(_ other: Evaluated) {
        properties.formUnion(other.properties)
        items.formUnion(other.items)
    }
}

/// Runs the keywords of JSON Schema 2020-12 as they are written.
struct Evaluation {
    let document: SchemaDocument
    /// What each subschema has anything to say about.
    let chapters: [KeywordChapters]
    /// Whether any subschema asks what others have looked at.
    private let tracksEvaluated: Bool
    let patterns: [[UInt8]: PatternSearch]
    /// The values of long enumerations, as keys.
    let enumerations: [SchemaID: Set<[UInt8]>]
    let assertsFormat: Bool
    /// Failures, unless only the verdict is wanted.
    var failures: [ValidationFailure] = []
    var isCollecting: Bool
    /// The first thing met that cannot be evaluated.
    var fault: GrammarError?
    /// Subschemas that may still be applied to values.
    var remainingSteps = GrammarLimits().validationSteps
    private var path: [String] = []
    /// What dynamic references see.
    var scope = DynamicScope()

    static let maximumFailures = 100

    init(
        _ document: SchemaDocument, chapters: [KeywordChapters], patterns: [[UInt8]: PatternSearch], enumerations: [SchemaID: Set<[UInt8]>],
        assertsFormat: Bool, isCollecting: Bool
    ) {
        self.document = document
        self.chapters = chapters
        tracksEvaluated = chapters.contains { $0.contains(.unevaluated) }
        self.patterns = patterns
        self.enumerations = enumerations
        self.assertsFormat = assertsFormat
        self.isCollecting = isCollecting
    }

    private mutating func fail(_ id: SchemaID, _ keyword: String, _ sentence: String) {
        guard isCollecting, failures.count < Self.maximumFailures else { return }
        failures.append(
            ValidationFailure(
                instancePointer: JSONPointer(path), schemaPointer: document[id].pointer.appending(keyword), keyword: keyword,
                sentence: sentence))
    }

    /// Evaluates quietly: failures inside do not count by themselves.
    private mutating func quietly(_ value: JSONValue, _ id: SchemaID) -> (Bool, Evaluated) {
        let wasCollecting = isCollecting
        isCollecting = false
        defer { isCollecting = wasCollecting }
        return evaluate(value, id)
    }

    mutating func evaluate(_ value: JSONValue, _ id: SchemaID) -> (isValid: Bool, evaluated: Evaluated) {
        // After a fault there is no verdict any more: nothing further is looked at.
        if fault != nil { return (false, Evaluated()) }
        guard remainingSteps > 0 else {
            fault = .tooLarge(what: "steps of validation", limit: GrammarLimits().validationSteps, pointer: document[id].pointer)
            return (false, Evaluated())
        }
        remainingSteps -= 1
        guard let object = document[id].object else {
            if !document[id].boolean, isCollecting, failures.count < Self.maximumFailures {
                failures.append(
                    ValidationFailure(
                        instancePointer: JSONPointer(path), schemaPointer: document[id].pointer, keyword: "",
                        sentence: "nothing is allowed here"))
            }
            return (document[id].boolean, Evaluated())
        }
        let outerScope = scope
        scope = document.entering(id, from: scope)
        defer { scope = outerScope }
        var isValid = true
        var evaluated = Evaluated()
        let chapters = chapters[id]
        do throws(GrammarError) {
            if chapters.contains(.references) {
                if let target = try document.target(id, in: scope) {
                    let (holds, more) = evaluate(value, target)
                    isValid = isValid && holds
                    evaluated.formUnion(more)
                }
                if document.hidesReferenceSiblings && object["$ref"] != nil { return (isValid, evaluated) }
            }
            if !(try assertions(value, id, object, chapters)) { isValid = false }
            if chapters.contains(.combinators), !combinators(value, id, object, &evaluated) { isValid = false }
            if chapters.contains(.conditionals), !conditionals(value, id, object, &evaluated) { isValid = false }
            if chapters.contains(.arrays), case .array(let array) = value, try !arrayKeywords(array, id, object, &evaluated) { isValid = false }
            if chapters.contains(.objects), case .object(let members) = value, try !objectKeywords(members, id, object, &evaluated) {
                isValid = false
            }
        } catch {
            if fault == nil { fault = error }
            return (false, evaluated)
        }
        return (isValid, isValid ? evaluated : Evaluated())
    }

    private mutating func combinators(
        _ value: JSONValue, _ id: SchemaID, _ object: JSONObject, _ evaluated: inout Evaluated
    ) -> Bool {
        var isValid = true
        for branch in document.children(id, "allOf") {
            let (holds, more) = evaluate(value, branch)
            isValid = isValid && holds
            evaluated.formUnion(more)
        }
        for keyword in ["anyOf", "oneOf"] {
            guard object[keyword] != nil else { continue }
            let list = document.children(id, keyword)
            var matches: [Int] = []
            for (index, branch) in list.enumerated() {
                let (holds, more) = quietly(value, branch)
                if holds {
                    matches.append(index)
                    evaluated.formUnion(more)
                }
            }
            if matches.isEmpty {
                isValid = false
                fail(id, keyword, "it matches none of the \(list.count) alternatives")
            } else if keyword == "oneOf" && matches.count > 1 {
                isValid = false
                fail(id, keyword, "it matches more than one alternative (\(matches.map(String.init).joined(separator: ", ")))")
            }
        }
        if object["not"] != nil, quietly(value, document.child(id, "not")!).0 {
            isValid = false
            fail(id, "not", "it matches what is excluded")
        }
        return isValid
    }

    private mutating func conditionals(_ value: JSONValue, _ id: SchemaID, _ object: JSONObject, _ evaluated: inout Evaluated) -> Bool {
        var isValid = true
        if object["if"] != nil {
            let (holds, more) = quietly(value, document.child(id, "if")!)
            if holds { evaluated.formUnion(more) }
            let keyword = holds ? "then" : "else"
            if object[keyword] != nil {
                let (branch, more) = evaluate(value, document.child(id, keyword)!)
                isValid = isValid && branch
                evaluated.formUnion(more)
            }
        }
        guard let members = value.objectValue else { return isValid }
        for keyword in ["dependentSchemas", "dependencies"] {
            for (name, _) in object[keyword]?.objectValue ?? JSONObject() where members[name] != nil {
                guard let child = document.child(id, keyword, name) else { continue }
                let (holds, more) = evaluate(value, child)
                isValid = isValid && holds
                evaluated.formUnion(more)
            }
        }
        return isValid
    }

    private mutating func assertions(
        _ value: JSONValue, _ id: SchemaID, _ object: JSONObject, _ chapters: KeywordChapters
    ) throws(GrammarError) -> Bool {
        var isValid = true
        if chapters.contains(.type), try !document.types(id).contains(types(of: value)) {
            isValid = false
            fail(id, "type", "\(value.typeName) is not of the type \(object["type"]?.text() ?? "")")
        }
        if chapters.contains(.values), try !valueKeywords(value, id, object) { isValid = false }
        if chapters.contains(.numbers), case .number(let number) = value, try !numberKeywords(number, id, object) { isValid = false }
        if chapters.contains(.strings), case .string(let text) = value, try !stringKeywords(text, id, object) { isValid = false }
        return isValid
    }

    private mutating func valueKeywords(_ value: JSONValue, _ id: SchemaID, _ object: JSONObject) throws(GrammarError) -> Bool {
        var isValid = true
        if let list = object["enum"]?.arrayValue,
            !(enumerations[id].map { $0.contains(ExactArithmetic.key(of: value)) } ?? list.contains { $0.isEquivalent(to: value) })
        {
            isValid = false
            fail(id, "enum", "it is none of \(shortened(object["enum"]!.text()))")
        }
        if let constant = object["const"], !constant.isEquivalent(to: value) {
            isValid = false
            fail(id, "const", "it is not \(shortened(constant.text()))")
        }
        return isValid
    }

    private func shortened(_ text: String) -> String { text.unicodeScalars.count <= 200 ? text : String(text.prefix(200)) + "…" }

    private func types(of value: JSONValue) -> InstanceTypes {
        switch value {
        case .null: .null
        case .bool: .boolean
        case .number(let number): number.isInteger ? .integer : .fraction
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }

    private mutating func numberKeywords(_ number: JSONNumber, _ id: SchemaID, _ object: JSONObject) throws(GrammarError) -> Bool {
        var isValid = true
        let value = number.decimal
        func broken(_ keyword: String, unless holds: (Decimal) -> Bool) -> JSONNumber? {
            guard let bound = object[keyword]?.numberValue, !holds(bound.decimal) else { return nil }
            return bound
        }
        let exclusiveMinimum = object["exclusiveMinimum"]?.boolValue ?? false
        let exclusiveMaximum = object["exclusiveMaximum"]?.boolValue ?? false
        let bounds = [
            ("minimum", "less than", broken("minimum") { exclusiveMinimum ? value > $0 : value >= $0 }),
            ("maximum", "greater than", broken("maximum") { exclusiveMaximum ? value < $0 : value <= $0 }),
            ("exclusiveMinimum", "not greater than", broken("exclusiveMinimum") { value > $0 }),
            ("exclusiveMaximum", "not less than", broken("exclusiveMaximum") { value < $0 }),
        ]
        for case (let keyword, let words, let bound?) in bounds {
            isValid = false
            fail(id, keyword, "\(number.text) is \(words) \(bound.text)")
        }
        if let divisor = object["multipleOf"]?.numberValue, !ExactArithmetic.isMultiple(value, of: divisor.decimal) {
            isValid = false
            fail(id, "multipleOf", "\(number.text) is not a multiple of \(divisor.text)")
        }
        return isValid
    }

    private mutating func stringKeywords(_ text: String, _ id: SchemaID, _ object: JSONObject) throws(GrammarError) -> Bool {
        var isValid = true
        let length = text.unicodeScalars.count
        if let minimum = try document.count(id, "minLength"), length < minimum {
            isValid = false
            fail(id, "minLength", "it has \(length) characters, fewer than \(minimum)")
        }
        if let maximum = try document.count(id, "maxLength"), length > maximum {
            isValid = false
            fail(id, "maxLength", "it has \(length) characters, more than \(maximum)")
        }
        if let pattern = object["pattern"]?.stringValue, let search = patterns[Array(pattern.utf8)], !search.matches(text) {
            isValid = false
            fail(id, "pattern", "it does not match \(pattern)")
        }
        if assertsFormat, let format = object["format"]?.stringValue, let check = FormatChecks.checks[format], !check(text) {
            isValid = false
            fail(id, "format", "it is no \(format)")
        }
        return isValid
    }

    private mutating func descend(_ value: JSONValue, _ id: SchemaID, _ token: String) -> Bool {
        path.append(token)
        defer { path.removeLast() }
        return evaluate(value, id).isValid
    }

    private mutating func arrayKeywords(
        _ array: [JSONValue], _ id: SchemaID, _ object: JSONObject, _ evaluated: inout Evaluated
    ) throws(GrammarError) -> Bool {
        var isValid = try arraySizes(array, id, object)
        let list = object["prefixItems"]?.arrayValue ?? object["items"]?.arrayValue
        let listKeyword = object["prefixItems"] != nil ? "prefixItems" : "items"
        let prefix = list?.count ?? 0
        for index in 0..<min(prefix, array.count) {
            if !descend(array[index], document.children(id, listKeyword)[index], String(index)) { isValid = false }
            if tracksEvaluated { evaluated.items.insert(index) }
        }
        let restKeyword = object["items"]?.arrayValue == nil ? "items" : "additionalItems"
        if object[restKeyword] != nil, let rest = document.child(id, restKeyword) {
            for index in array.indices.dropFirst(prefix) {
                if !descend(array[index], rest, String(index)) { isValid = false }
                if tracksEvaluated { evaluated.items.insert(index) }
            }
        }
        if object["contains"] != nil {
            let found = array.indices.filter { quietly(array[$0], document.child(id, "contains")!).0 }
            if document.containsLooks { evaluated.items.formUnion(found) }
            let minimum = try document.count(id, "minContains") ?? 1
            let maximum = try document.count(id, "maxContains")
            if found.count < minimum || found.count > maximum ?? .max {
                isValid = false
                fail(id, "contains", "\(found.count) items match what it must contain")
            }
        }
        if object["unevaluatedItems"] != nil {
            let rest = document.child(id, "unevaluatedItems")!
            for index in array.indices where !evaluated.items.contains(index) {
                if !descend(array[index], rest, String(index)) { isValid = false }
                evaluated.items.insert(index)
            }
        }
        return isValid
    }

    private mutating func arraySizes(_ array: [JSONValue], _ id: SchemaID, _ object: JSONObject) throws(GrammarError) -> Bool {
        var isValid = true
        if let minimum = try document.count(id, "minItems"), array.count < minimum {
            isValid = false
            fail(id, "minItems", "it has \(array.count) items, fewer than \(minimum)")
        }
        if let maximum = try document.count(id, "maxItems"), array.count > maximum {
            isValid = false
            fail(id, "maxItems", "it has \(array.count) items, more than \(maximum)")
        }
        if object["uniqueItems"]?.boolValue == true {
            var places: [[UInt8]: Int] = [:]
            for second in array.indices {
                if let first = places.updateValue(second, forKey: ExactArithmetic.key(of: array[second])) {
                    fail(id, "uniqueItems", "items \(first) and \(second) are equal")
                    return false
                }
            }
        }
        return isValid
    }

    private mutating func objectKeywords(
        _ members: JSONObject, _ id: SchemaID, _ object: JSONObject, _ evaluated: inout Evaluated
    ) throws(GrammarError) -> Bool {
        var isValid = try objectSizes(members, id, object)
        let patternProperties = object["patternProperties"]?.objectValue?.keys ?? []
        let rest = document.child(id, "additionalProperties")
        let names = document.child(id, "propertyNames")
        for (name, value) in members {
            var isOwn = false
            if let child = document.child(id, "properties", name) {
                isOwn = true
                if !descend(value, child, name) { isValid = false }
            }
            for pattern in patternProperties {
                guard let search = patterns[Array(pattern.utf8)], search.matches(name) else { continue }
                isOwn = true
                if !descend(value, document.child(id, "patternProperties", pattern)!, name) { isValid = false }
            }
            if let rest, !isOwn {
                isOwn = true
                if !descend(value, rest, name) { isValid = false }
            }
            if let names, !quietly(.string(name), names).0 {
                isValid = false
                fail(id, "propertyNames", "the name \"\(name)\" is not allowed")
            }
            if isOwn, tracksEvaluated { evaluated.properties.insert(Array(name.utf8)) }
        }
        if object["unevaluatedProperties"] != nil {
            for (name, value) in members where !evaluated.properties.contains(Array(name.utf8)) {
                if !descend(value, document.child(id, "unevaluatedProperties")!, name) { isValid = false }
                evaluated.properties.insert(Array(name.utf8))
            }
        }
        return isValid
    }

    private mutating func objectSizes(_ members: JSONObject, _ id: SchemaID, _ object: JSONObject) throws(GrammarError) -> Bool {
        var isValid = true
        for name in try document.names(id, "required") where members[name] == nil {
            isValid = false
            fail(id, "required", "the property \"\(name)\" is missing")
        }
        if let minimum = try document.count(id, "minProperties"), members.count < minimum {
            isValid = false
            fail(id, "minProperties", "it has \(members.count) properties, fewer than \(minimum)")
        }
        if let maximum = try document.count(id, "maxProperties"), members.count > maximum {
            isValid = false
            fail(id, "maxProperties", "it has \(members.count) properties, more than \(maximum)")
        }
        for keyword in ["dependentRequired", "dependencies"] {
            for (name, list) in object[keyword]?.objectValue ?? JSONObject() where members[name] != nil {
                for needed in list.arrayValue ?? [] where needed.stringValue.map({ members[$0] == nil }) ?? false {
                    isValid = false
                    fail(id, keyword, "the property \"\(name)\" needs \"\(needed.stringValue!)\"")
                }
            }
        }
        return isValid
    }
}
