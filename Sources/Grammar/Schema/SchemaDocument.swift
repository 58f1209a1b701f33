// A JSON Schema document taken apart: its subschemas, their identifiers, where each reference leads.
import JSON

/// A subschema's number in its document; the root is 0.
typealias SchemaID = Int

/// What the dynamic references of draft 2020-12 see: for each dynamic anchor the outermost resource entered that names it.
struct DynamicScope: Sendable, Hashable {
    var anchors: [String: SchemaID] = [:]
}

/// The subschemas of one document. Shared by the grammar and the validator; neither changes it.
struct SchemaDocument: Sendable {
    struct Subschema: Sendable {
        let pointer: JSONPointer
        /// Nil for a boolean schema.
        fileprivate(set) var object: JSONObject?
        /// The value of a boolean schema.
        let boolean: Bool
        /// The subschema at the root of its resource (the nearest `$id`).
        let resource: SchemaID
        fileprivate let base: String
        fileprivate var children: [String: Children] = [:]
    }

    /// The subschemas under one keyword.
    fileprivate enum Children: Sendable {
        case one(SchemaID)
        case list([SchemaID])
        case map([[UInt8]: SchemaID])
    }

    private struct Storage: Sendable {
        var subschemas: [Subschema] = []
        var numbers: [[UInt8]: SchemaID] = [:]
        var resources: [String: SchemaID] = [:]
        var anchors: [String: SchemaID] = [:]
        var references: [SchemaID: Result<SchemaID, GrammarError>] = [:]
        var dynamicReferences: [SchemaID: DynamicReference] = [:]
        /// By resource: the subschemas that `$dynamicAnchor` names in it.
        var dynamicAnchors: [SchemaID: [String: SchemaID]] = [:]
    }

    /// A `$dynamicRef` whose first resolution met a `$dynamicAnchor`: the name to be looked up in the dynamic scope.
    private struct DynamicReference: Sendable {
        let name: String
        let target: SchemaID
    }
    private var storage = Storage()
    /// Whether the document says that it is of a draft in which `$ref` hides its siblings (4, 6, 7).
    let hidesReferenceSiblings: Bool
    /// Whether an item that `contains` matches counts as looked at (from draft 2020-12 on).
    let containsLooks: Bool
    private let root: JSONValue
    private let limits: GrammarLimits

    /// - Throws: `.invalidSchema` where something that must be a schema is none, `.tooLarge` beyond the limits.
    init(_ root: JSONValue, limits: GrammarLimits) throws(GrammarError) {
        self.root = root
        self.limits = limits
        let dialect = root["$schema"]?.stringValue ?? ""
        hidesReferenceSiblings = ["draft-04", "draft-06", "draft-07"].contains { dialect.contains($0) }
        containsLooks = !dialect.contains("2019-09")
        // A dialect of its own may give the keywords another meaning.
        guard dialect.isEmpty || dialect.contains("json-schema.org/") && !dialect.contains("draft-03") else {
            throw .unsupported(
                keyword: "$schema", pointer: JSONPointer(["$schema"]), reason: "the dialect \"\(dialect)\" is not known here")
        }
        storage.resources[""] = 0
        try add(root, JSONPointer(), base: "", resource: 0, depth: 0)
        var next = 0
        while next < storage.subschemas.count {
            if let object = storage.subschemas[next].object {
                if object["$ref"] != nil { storage.references[next] = resolve(next, "$ref") }
                if object["$dynamicRef"] != nil { resolveDynamic(next) }
                if object["$recursiveRef"] != nil { resolveRecursive(next) }
                let references = ["$ref", "$dynamicRef", "$recursiveRef"].filter { object[$0] != nil }
                if references.count > 1, !hidesReferenceSiblings {
                    storage.dynamicReferences[next] = nil
                    storage.references[next] = .failure(
                        .unsupported(
                            keyword: references[1], pointer: storage.subschemas[next].pointer.appending(references[1]),
                            reason: "it stands beside \"\(references[0])\""))
                }
            }
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
    private mutating func add(
        _ value: JSONValue, _ pointer: JSONPointer, base: String, resource: SchemaID, depth: Int
    ) throws(GrammarError) -> SchemaID {
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
            storage.subschemas.append(Subschema(pointer: pointer, object: nil, boolean: boolean, resource: resource, base: base))
            return number
        }
        let own = register(object, number, base, resource)
        storage.subschemas.append(Subschema(pointer: pointer, object: object, boolean: true, resource: own.resource, base: own.base))
        for (keyword, child) in object {
            storage.subschemas[number].children[keyword] =
                try addChildren(keyword, child, pointer.appending(keyword), own, depth + 1)
        }
        return number
    }

    private mutating func addChildren(
        _ keyword: String, _ value: JSONValue, _ pointer: JSONPointer, _ own: (base: String, resource: SchemaID), _ depth: Int
    ) throws(GrammarError) -> Children? {
        func add(_ child: JSONValue, _ pointer: JSONPointer, _ document: inout SchemaDocument) throws(GrammarError) -> SchemaID {
            try document.add(child, pointer, base: own.base, resource: own.resource, depth: depth)
        }
        if Self.mapKeywords.contains(keyword) || keyword == "dependencies" {
            guard let map = value.objectValue else {
                throw .invalidSchema(pointer: pointer, reason: "\"\(keyword)\" must be an object")
            }
            var children: [[UInt8]: SchemaID] = [:]
            for (name, child) in map where keyword != "dependencies" || child.arrayValue == nil && child.stringValue == nil {
                children[Array(name.utf8)] = try add(child, pointer.appending(name), &self)
            }
            return .map(children)
        }
        if Self.listKeywords.contains(keyword) || keyword == "items" && value.arrayValue != nil {
            guard let list = value.arrayValue, !list.isEmpty || keyword == "items" || keyword == "prefixItems" else {
                throw .invalidSchema(pointer: pointer, reason: "\"\(keyword)\" must be an array that is not empty")
            }
            var children: [SchemaID] = []
            for (index, child) in list.enumerated() { children.append(try add(child, pointer.appending(index), &self)) }
            return .list(children)
        }
        return Self.schemaKeywords.contains(keyword) ? .one(try add(value, pointer, &self)) : nil
    }

    /// Notes the identifiers that a subschema gives itself; the answer is its base URI and its resource.
    private mutating func register(
        _ object: JSONObject, _ number: SchemaID, _ base: String, _ resource: SchemaID
    ) -> (base: String, resource: SchemaID) {
        var own = base
        var resource = resource
        let isHidden = hidesReferenceSiblings && object["$ref"] != nil
        if !isHidden, let id = (object["$id"] ?? (hidesReferenceSiblings ? object["id"] : nil))?.stringValue {
            let (uri, fragment) = Identifier.split(id)
            if !uri.isEmpty {
                own = Identifier.resolve(uri, against: base)
                resource = number
                if storage.resources[own] == nil { storage.resources[own] = number }
            }
            if let fragment, !fragment.isEmpty, !fragment.hasPrefix("/") { storage.anchors[own + "#" + fragment] = number }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let anchor = object[keyword]?.stringValue { storage.anchors[own + "#" + anchor] = number }
        }
        if let anchor = object["$dynamicAnchor"]?.stringValue { storage.dynamicAnchors[resource, default: [:]][anchor] = number }
        if object["$recursiveAnchor"]?.boolValue == true, number == resource {
            storage.dynamicAnchors[resource, default: [:]][Self.recursiveAnchor] = number
        }
        return (own, resource)
    }

    /// The name under which draft 2019-09's `$recursiveAnchor` stands among the dynamic anchors; no `$dynamicAnchor` can have it.
    private static let recursiveAnchor = "#"

    private mutating func resolveDynamic(_ number: SchemaID) {
        let result = resolve(number, "$dynamicRef")
        storage.references[number] = storage.references[number] ?? result
        guard case .success(let target) = result, storage.subschemas[number].object?["$ref"] == nil else { return }
        let name = storage.subschemas[number].object?["$dynamicRef"]?.stringValue.flatMap { Identifier.split($0).fragment } ?? ""
        if !name.hasPrefix("/"), storage.subschemas[target].object?["$dynamicAnchor"]?.stringValue == name {
            storage.dynamicReferences[number] = DynamicReference(name: name, target: target)
        }
    }

    private mutating func resolveRecursive(_ number: SchemaID) {
        let subschema = storage.subschemas[number]
        let place = subschema.pointer.appending("$recursiveRef")
        guard subschema.object?["$recursiveRef"]?.stringValue == "#", subschema.object?["$ref"] == nil else {
            storage.references[number] = .failure(.invalidSchema(pointer: place, reason: "\"$recursiveRef\" must be \"#\""))
            return
        }
        storage.references[number] = .success(subschema.resource)
        if storage.dynamicAnchors[subschema.resource]?[Self.recursiveAnchor] != nil {
            storage.dynamicReferences[number] = DynamicReference(name: Self.recursiveAnchor, target: subschema.resource)
        }
    }

    private mutating func resolve(_ number: SchemaID, _ keyword: String) -> Result<SchemaID, GrammarError> {
        let subschema = storage.subschemas[number]
        let place = subschema.pointer.appending(keyword)
        guard let reference = subschema.object?[keyword]?.stringValue else {
            return .failure(.invalidSchema(pointer: place, reason: "\"\(keyword)\" must be a string"))
        }
        let (uri, rawFragment) = Identifier.split(reference)
        let target = Identifier.resolve(uri, against: subschema.base)
        guard let resource = storage.resources[target] else {
            return .failure(.unsupported(keyword: keyword, pointer: place, reason: "\"\(reference)\" is not in this document"))
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
            return .success(try add(value, pointer, base: storage.subschemas[resource].base, resource: resource, depth: 0))
        } catch {
            return .failure(error)
        }
    }

    /// The subschema at a place of the document.
    func number(at pointer: JSONPointer) -> SchemaID? { storage.numbers[Array(pointer.description.utf8)] }

    /// The subschema under a keyword.
    func child(_ number: SchemaID, _ keyword: String) -> SchemaID? {
        guard case .one(let id) = storage.subschemas[number].children[keyword] else { return nil }
        return id
    }

    /// The subschema under a keyword that maps names or patterns to subschemas.
    func child(_ number: SchemaID, _ keyword: String, _ name: String) -> SchemaID? {
        guard case .map(let children) = storage.subschemas[number].children[keyword] else { return nil }
        return children[Array(name.utf8)]
    }

    /// The subschemas that a keyword lists; none where it is not there or no list.
    func children(_ number: SchemaID, _ keyword: String) -> [SchemaID] {
        guard case .list(let children) = storage.subschemas[number].children[keyword] else { return [] }
        return children
    }

    /// Where the `$ref`, `$dynamicRef` or `$recursiveRef` of a subschema leads in a dynamic scope.
    func target(_ number: SchemaID, in scope: DynamicScope = DynamicScope()) throws(GrammarError) -> SchemaID? {
        if let dynamic = storage.dynamicReferences[number] { return scope.anchors[dynamic.name] ?? dynamic.target }
        return try storage.references[number]?.get()
    }

    /// The scope inside a subschema that is entered from `scope`: the outermost resource that names an anchor keeps it.
    func entering(_ number: SchemaID, from scope: DynamicScope) -> DynamicScope {
        guard !storage.dynamicReferences.isEmpty, let anchors = storage.dynamicAnchors[storage.subschemas[number].resource] else { return scope }
        var scope = scope
        for (name, target) in anchors where scope.anchors[name] == nil { scope.anchors[name] = target }
        return scope
    }

    /// All subschemas that a reference can lead to, whatever the dynamic scope.
    private func possibleTargets(_ number: SchemaID) -> [SchemaID] {
        guard let dynamic = storage.dynamicReferences[number] else { return (try? target(number)).map { [$0] } ?? [] }
        return [dynamic.target] + storage.dynamicAnchors.values.compactMap { $0[dynamic.name] }.filter { $0 != dynamic.target }.sorted()
    }

    subscript(_ number: SchemaID) -> Subschema { storage.subschemas[number] }

    /// The number of subschemas.
    var count: Int { storage.subschemas.count }

    /// Subschemas of which a keyword was taken away: that they fail can no longer be told.
    private(set) var relaxed: Set<SchemaID> = []

    /// Takes the keyword at or above a place away, with those whose meaning depends on it; nil where there is none that could go.
    mutating func relax(at pointer: JSONPointer) -> (keyword: String, pointer: JSONPointer)? {
        var tokens = pointer.tokens
        var keyword: String?
        // A pattern's place is its subschema's, and that of what is counted: the keyword stands above.
        if tokens.dropLast().last == "patternProperties" { tokens.removeLast() }
        if tokens.last == "contains", child(number(at: JSONPointer(tokens.dropLast())) ?? -1, "contains") != nil { keyword = tokens.removeLast() }
        while number(at: JSONPointer(tokens)) == nil, let last = tokens.popLast() { keyword = last }
        guard let id = number(at: JSONPointer(tokens)), let keyword, !keyword.hasPrefix("$"), self[id].object?[keyword] != nil else { return nil }
        var gone = [keyword]
        if keyword == "patternProperties" { gone.append("additionalProperties") }
        if keyword == "prefixItems" { gone += ["items", "additionalItems"] }
        for name in gone { take(name, from: id) }
        relaxed.insert(id)
        if Self.partKeywords.contains(keyword) {
            for other in storage.subschemas.indices {
                for name in ["unevaluatedProperties", "unevaluatedItems"] where storage.subschemas[other].object?[name] != nil {
                    take(name, from: other)
                    relaxed.insert(other)
                }
            }
        }
        return (keyword, self[id].pointer.appending(keyword))
    }

    private mutating func take(_ keyword: String, from id: SchemaID) {
        storage.subschemas[id].object?[keyword] = nil
        storage.subschemas[id].children[keyword] = nil
    }

    /// The keywords that apply a subschema to the same value.
    private func inPlace(_ id: SchemaID) -> [SchemaID] {
        guard let object = self[id].object else { return [] }
        var list: [SchemaID] = []
        list += possibleTargets(id)
        if hidesReferenceSiblings && object["$ref"] != nil { return list }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            list += children(id, keyword)
        }
        for keyword in ["not", "if", "then", "else"] where object[keyword] != nil { list.append(child(id, keyword)!) }
        for keyword in ["dependentSchemas", "dependencies"] {
            for (name, _) in object[keyword]?.objectValue ?? JSONObject() {
                if let child = child(id, keyword, name) { list.append(child) }
            }
        }
        return list
    }

    /// A subschema and all that it applies to the same value, directly or not.
    func inPlaceReachable(_ start: SchemaID) -> [SchemaID] {
        var seen: Set<SchemaID> = [start]
        var order = [start]
        var next = 0
        while next < order.count {
            for child in inPlace(order[next]) where seen.insert(child).inserted { order.append(child) }
            next += 1
        }
        return order
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
            list += children(id, keyword)
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
