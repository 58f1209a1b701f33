// A JSON Schema document taken apart: its subschemas, their identifiers, where each reference leads.
import JSON

/// A subschema's number in its document; the root is 0.
typealias SchemaID = Int

/// The subschemas of one document. Shared by the grammar and the validator; neither changes it.
struct SchemaDocument: Sendable {
    struct Subschema: Sendable {
        let pointer: JSONPointer
        /// Nil for a boolean schema.
        let object: JSONObject?
        /// The value of a boolean schema.
        let boolean: Bool
        fileprivate let base: String
    }

    private struct Storage: Sendable {
        var subschemas: [Subschema] = []
        var numbers: [[UInt8]: SchemaID] = [:]
        var resources: [String: SchemaID] = [:]
        var anchors: [String: SchemaID] = [:]
        var references: [SchemaID: Result<SchemaID, GrammarError>] = [:]
    }
    private var storage = Storage()
    /// Whether the document says that it is of a draft in which `$ref` hides its siblings (4, 6, 7).
    let hidesReferenceSiblings: Bool
    private let root: JSONValue
    private let limits: GrammarLimits

    /// - Throws: `.invalidSchema` where something that must be a schema is none, `.tooLarge` beyond the limits.
    init(_ root: JSONValue, limits: GrammarLimits) throws(GrammarError) {
        self.root = root
        self.limits = limits
        let dialect = root["$schema"]?.stringValue ?? ""
        hidesReferenceSiblings = ["draft-04", "draft-06", "draft-07"].contains { dialect.contains($0) }
        // A dialect of its own may give the keywords another meaning.
        guard dialect.isEmpty || dialect.contains("json-schema.org/") && !dialect.contains("draft-03") else {
            throw .unsupported(
                keyword: "$schema", pointer: JSONPointer(["$schema"]), reason: "the dialect \"\(dialect)\" is not known here")
        }
        storage.resources[""] = 0
        try add(root, JSONPointer(), base: "", depth: 0)
        var next = 0
        while next < storage.subschemas.count {
            if storage.subschemas[next].object?["$ref"] != nil { storage.references[next] = resolve(next) }
            next += 1
        }
    }

    static let schemaKeywords: Set<String> = [
        "additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems",
        "unevaluatedProperties", "additionalItems", "contentSchema",
    ]
    static let listKeywords: Set<String> = ["allOf", "anyOf", "oneOf", "prefixItems"]
    static let mapKeywords: Set<String> = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]

    @discardableResult
    private mutating func add(_ value: JSONValue, _ pointer: JSONPointer, base: String, depth: Int) throws(GrammarError) -> SchemaID {
        let key = Array(pointer.description.utf8)
        if let known = storage.numbers[key] { return known }
        guard depth <= limits.depth else { throw .tooLarge(what: "levels of subschemas", limit: limits.depth, pointer: pointer) }
        guard storage.subschemas.count < limits.subschemas else {
            throw .tooLarge(what: "subschemas", limit: limits.subschemas, pointer: pointer)
        }
        let number = storage.subschemas.count
        storage.numbers[key] = number
        guard let object = value.objectValue else {
            guard let boolean = value.boolValue else {
                throw .invalidSchema(pointer: pointer, reason: "a schema is an object or a boolean, not \(value.typeName)")
            }
            storage.subschemas.append(Subschema(pointer: pointer, object: nil, boolean: boolean, base: base))
            return number
        }
        let own = register(object, number, base)
        storage.subschemas.append(Subschema(pointer: pointer, object: object, boolean: true, base: own))
        for (keyword, child) in object { try addChildren(keyword, child, pointer.appending(keyword), own, depth + 1) }
        return number
    }

    private mutating func addChildren(_ keyword: String, _ value: JSONValue, _ pointer: JSONPointer, _ base: String, _ depth: Int)
        throws(GrammarError)
    {
        if Self.mapKeywords.contains(keyword) || keyword == "dependencies" {
            guard let map = value.objectValue else {
                throw .invalidSchema(pointer: pointer, reason: "\"\(keyword)\" must be an object")
            }
            for (name, child) in map where keyword != "dependencies" || child.arrayValue == nil {
                try add(child, pointer.appending(name), base: base, depth: depth)
            }
        } else if Self.listKeywords.contains(keyword) || keyword == "items" && value.arrayValue != nil {
            guard let list = value.arrayValue, !list.isEmpty || keyword == "items" || keyword == "prefixItems" else {
                throw .invalidSchema(pointer: pointer, reason: "\"\(keyword)\" must be an array that is not empty")
            }
            for (index, child) in list.enumerated() { try add(child, pointer.appending(index), base: base, depth: depth) }
        } else if Self.schemaKeywords.contains(keyword) {
            try add(value, pointer, base: base, depth: depth)
        }
    }

    /// Notes the identifiers that a subschema gives itself; the answer is its base URI.
    private mutating func register(_ object: JSONObject, _ number: SchemaID, _ base: String) -> String {
        var own = base
        let isHidden = hidesReferenceSiblings && object["$ref"] != nil
        if !isHidden, let id = (object["$id"] ?? (hidesReferenceSiblings ? object["id"] : nil))?.stringValue {
            let (uri, fragment) = Identifier.split(id)
            if !uri.isEmpty {
                own = Identifier.resolve(uri, against: base)
                if storage.resources[own] == nil { storage.resources[own] = number }
            }
            if let fragment, !fragment.isEmpty, !fragment.hasPrefix("/") { storage.anchors[own + "#" + fragment] = number }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let anchor = object[keyword]?.stringValue { storage.anchors[own + "#" + anchor] = number }
        }
        return own
    }

    private mutating func resolve(_ number: SchemaID) -> Result<SchemaID, GrammarError> {
        let subschema = storage.subschemas[number]
        let place = subschema.pointer.appending("$ref")
        guard let reference = subschema.object?["$ref"]?.stringValue else {
            return .failure(.invalidSchema(pointer: place, reason: "\"$ref\" must be a string"))
        }
        let (uri, rawFragment) = Identifier.split(reference)
        let target = Identifier.resolve(uri, against: subschema.base)
        guard let resource = storage.resources[target] else {
            return .failure(.unsupported(keyword: "$ref", pointer: place, reason: "\"\(reference)\" is not in this document"))
        }
        guard let rawFragment, !rawFragment.isEmpty else { return .success(resource) }
        guard let fragment = Identifier.decoded(rawFragment) else {
            return .failure(.invalidSchema(pointer: place, reason: "\"\(reference)\" is not well formed"))
        }
        let missing = GrammarError.invalidSchema(pointer: place, reason: "\"\(reference)\" leads nowhere")
        guard fragment.hasPrefix("/") else {
            return storage.anchors[target + "#" + fragment].map { .success($0) } ?? .failure(missing)
        }
        guard let relative = JSONPointer(parsing: fragment) else { return .failure(missing) }
        let pointer = JSONPointer(storage.subschemas[resource].pointer.tokens + relative.tokens)
        if let known = storage.numbers[Array(pointer.description.utf8)] { return .success(known) }
        guard let value = pointer.resolve(in: root) else { return .failure(missing) }
        do throws(GrammarError) {
            return .success(try add(value, pointer, base: storage.subschemas[resource].base, depth: 0))
        } catch {
            return .failure(error)
        }
    }

    /// The subschema at a place of the document.
    func number(at pointer: JSONPointer) -> SchemaID? { storage.numbers[Array(pointer.description.utf8)] }

    /// The subschema at a place below another.
    func child(_ number: SchemaID, _ tokens: String...) -> SchemaID? {
        self.number(at: JSONPointer(storage.subschemas[number].pointer.tokens + tokens))
    }

    /// Where the `$ref` of a subschema leads.
    func target(_ number: SchemaID) throws(GrammarError) -> SchemaID? {
        try storage.references[number]?.get()
    }

    subscript(_ number: SchemaID) -> Subschema { storage.subschemas[number] }

    /// The keywords that apply a subschema to the same value.
    private func inPlace(_ id: SchemaID) -> [SchemaID] {
        guard let object = self[id].object else { return [] }
        var list: [SchemaID] = []
        if let target = try? target(id) { list.append(target) }
        if hidesReferenceSiblings && object["$ref"] != nil { return list }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for index in (object[keyword]?.arrayValue ?? []).indices { list.append(child(id, keyword, String(index))!) }
        }
        for keyword in ["not", "if", "then", "else"] where object[keyword] != nil { list.append(child(id, keyword)!) }
        for keyword in ["dependentSchemas", "dependencies"] {
            for (name, value) in object[keyword]?.objectValue ?? JSONObject() where value.arrayValue == nil {
                list.append(child(id, keyword, name)!)
            }
        }
        return list
    }

    /// The subschemas that evaluation from one of them may meet.
    func reachable(from start: SchemaID = 0) -> [SchemaID] {
        var seen: Set<SchemaID> = [start]
        var order = [start]
        var next = 0
        while next < order.count {
            let id = order[next]
            next += 1
            for child in inPlace(id) + below(id) where seen.insert(child).inserted { order.append(child) }
        }
        return order
    }

    /// The subschemas that a subschema applies to parts of its value.
    private func below(_ id: SchemaID) -> [SchemaID] {
        guard let object = self[id].object, !(hidesReferenceSiblings && object["$ref"] != nil) else { return [] }
        var list: [SchemaID] = []
        for keyword in ["properties", "patternProperties"] {
            for (name, _) in object[keyword]?.objectValue ?? JSONObject() { list.append(child(id, keyword, name)!) }
        }
        for keyword in ["prefixItems", "items"] {
            for index in (object[keyword]?.arrayValue ?? []).indices { list.append(child(id, keyword, String(index))!) }
        }
        for keyword in Self.schemaKeywords.subtracting(["not", "if", "then", "else", "contentSchema"]) where object[keyword] != nil {
            if let number = child(id, keyword) { list.append(number) }
        }
        return list
    }

    /// Refuses references that lead back to themselves without reading anything: their evaluation would never end.
    func requireProgress() throws(GrammarError) {
        var state = [UInt8](repeating: 0, count: storage.subschemas.count)
        for start in storage.subschemas.indices where state[start] == 0 {
            var path: [(id: SchemaID, rest: [SchemaID])] = [(start, inPlace(start))]
            state[start] = 1
            while let top = path.last {
                guard let next = top.rest.last else {
                    state[top.id] = 2
                    path.removeLast()
                    continue
                }
                path[path.count - 1].rest.removeLast()
                if state[next] == 1 {
                    throw .invalidSchema(pointer: self[top.id].pointer, reason: "it refers back to itself without reading anything")
                }
                if state[next] == 0 {
                    state[next] = 1
                    path.append((next, inPlace(next)))
                }
            }
        }
    }

    /// The sources of all regular expressions.
    var patternSources: [String] {
        storage.subschemas.flatMap { subschema -> [String] in
            guard let object = subschema.object else { return [] }
            return [object["pattern"]?.stringValue].compactMap { $0 } + (object["patternProperties"]?.objectValue?.keys ?? [])
        }
    }

    /// The values of the enumerations that are too long to be searched one by one.
    var longEnumerations: [SchemaID: [JSONValue]] {
        var found: [SchemaID: [JSONValue]] = [:]
        for (id, subschema) in storage.subschemas.enumerated() {
            if let list = subschema.object?["enum"]?.arrayValue, list.count > 32 { found[id] = list }
        }
        return found
    }
}
