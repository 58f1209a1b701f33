// From formulas to graph nodes: one rule for each conjunction that a place may need, and in it one branch for each cell and type.
import JSON

/// Builds the graph of one document. Rules are made from a work list, so that no schema is too deep for the stack.
struct SchemaBuilder {
    let document: SchemaDocument
    let options: SchemaOptions
    let limits: GrammarLimits
    let validator: InstanceValidator
    var graph: Graph
    var terms: Terms
    /// Dynamic scopes and extents by number.
    private(set) var scopes: [DynamicScope] = [DynamicScope()]
    private var scopeNumbers: [DynamicScope: Int] = [DynamicScope(): 0]
    private(set) var extents: [Set<SchemaID>] = [[]]
    private var extentNumbers: [Set<SchemaID>: Int] = [[]: 0]
    /// Subschemas that the validator has checked.
    private var validated: Set<SchemaID> = []
    var knownTypes: [SchemaID: InstanceTypes] = [:]
    /// The members of subschemas that list their values.
    var memberLists: [Place: [(key: [UInt8], values: [JSONValue])]] = [:]
    /// Whether pairs of branches exclude each other, as far as was asked.
    var disjointness: [Set<Requirement>: Bool] = [:]
    var disjointSteps = 0
    /// Branches tried in unfolding.
    var branchTrials = 0
    /// Steps that the validator may still take.
    var validationSteps: Int
    /// The first contradiction met, for the error of an unsatisfiable schema.
    var contradiction: (pointer: JSONPointer, text: String)?
    /// The keywords left to the validator (only with `SchemaOptions.exactness == .relax`).
    var relaxations: [Relaxation] = []
    private var places: [Set<Requirement>: NodeID] = [:]
    private var open: [(requirements: [Requirement], place: NodeID)] = []
    private var anyPlace: NodeID?
    var patterns: [[UInt8]: TermID] = [:]
    private var patternAutomata: [TermID: Automaton?] = [:]
    private var lexemes: [LexemeKey: Lexeme?] = [:]

    private struct LexemeKey: Hashable {
        let term: TermID
        let spelling: Lexeme.Spelling
        let minimum: Int
        let maximum: Int?
    }

    /// Whether "not more than one" of a `oneOf` whose branches overlap is left to the validator.
    let relaxesExclusion: Bool

    /// - Parameter original: the document before keywords were taken away, by which listed values are judged.
    init(_ document: SchemaDocument, _ options: SchemaOptions, original: SchemaDocument, relaxesExclusion: Bool) {
        self.document = document
        self.relaxesExclusion = relaxesExclusion
        self.options = options
        limits = options.limits
        validationSteps = options.limits.validationSteps
        validator = InstanceValidator(document: original, assertsFormat: options.assertsFormat)
        graph = Graph(limits: options.limits)
        terms = Terms(workLimit: options.limits.work)
    }

    /// The whole document's rule.
    mutating func build() throws(GrammarError) -> NodeID {
        let entry = try rule([.holds(Place(id: 0))])
        while let (requirements, place) = open.popLast() { try fill(place, requirements) }
        return entry
    }

    mutating func number(of scope: DynamicScope) -> Int {
        if let known = scopeNumbers[scope] { return known }
        scopes.append(scope)
        scopeNumbers[scope] = scopes.count - 1
        return scopes.count - 1
    }

    mutating func number(of extent: Set<SchemaID>) -> Int {
        if let known = extentNumbers[extent] { return known }
        extents.append(extent)
        extentNumbers[extent] = extents.count - 1
        return extents.count - 1
    }

    /// The rule for values that satisfy all requirements; it may be filled later.
    mutating func rule(_ requirements: [Requirement]) throws(GrammarError) -> NodeID {
        if requirements.isEmpty { return try anyValue() }
        let key = Set(requirements)
        if let known = places[key] { return known }
        guard places.count < limits.conjunctions else {
            throw .tooLarge(what: "conjunctions of subschemas", limit: limits.conjunctions, pointer: JSONPointer())
        }
        let place = try graph.reserve()
        places[key] = place
        open.append((requirements, place))
        return place
    }

    private mutating func fill(_ place: NodeID, _ requirements: [Requirement]) throws(GrammarError) {
        if let values = try finiteValues(requirements) {
            if values.isEmpty { note(requirements, "no value of the enumeration satisfies the rest") }
            graph.fill(place, with: values.isEmpty ? [] : [try enumeration(values)])
            return
        }
        let ways = try cells(requirements)
        if ways.isEmpty { note(requirements, "nothing is allowed here") }
        var branches: [NodeID] = []
        for cell in ways { branches += try values(cell, requirements) }
        graph.fill(place, with: branches)
    }

    /// Keeps the first contradiction.
    mutating func note(_ requirements: [Requirement], _ text: String) {
        guard contradiction == nil else { return }
        for requirement in requirements {
            switch requirement {
            case .holds(let place), .fails(let place), .fact(.own(let place)), .fact(.breaks(let place, _)):
                contradiction = (document[place.id].pointer, text)
                return
            default: continue
            }
        }
    }

    mutating func note(_ cell: Cell, _ text: String) { note(cell.facts.map(Requirement.fact), text) }

    /// One node for each type of value that a cell allows.
    private mutating func values(_ cell: Cell, _ requirements: [Requirement]) throws(GrammarError) -> [NodeID] {
        if let listed = try listedValues(cell, requirements) { return listed.isEmpty ? [] : [try enumeration(listed)] }
        if cell.types == .all, cell.facts.allSatisfy(isAnnotation) { return [try anyValue()] }
        if cell.types.isEmpty { note(cell, "no type is left") }
        var nodes: [NodeID] = []
        var scalars: [[UInt8]] = []
        if cell.types.contains(.null), !excludes(.null, cell) { scalars.append(Array("null".utf8)) }
        if cell.types.contains(.boolean) {
            for value in [false, true] where !excludes(.bool(value), cell) { scalars.append(Array("\(value)".utf8)) }
        }
        if !scalars.isEmpty { nodes.append(try graph.words(scalars, next: Graph.end)) }
        if !cell.types.isDisjoint(with: .number) { nodes += try number(cell) }
        if cell.types.contains(.string) { nodes += try string(cell) }
        if cell.types.contains(.array) { nodes += try array(cell) }
        if cell.types.contains(.object) { nodes += try object(cell) }
        return nodes
    }

    private func isAnnotation(_ fact: Fact) -> Bool {
        guard case .own(let place) = fact else { return false }
        return document[place.id].object?.allSatisfy { Self.annotations.contains($0.key) || Self.applicators.contains($0.key) } ?? true
    }

    func excludes(_ value: JSONValue, _ cell: Cell) -> Bool { cell.facts.contains(.excludes(value)) }

    /// Keywords that never constrain by themselves.
    static let annotations: Set<String> = [
        "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$id", "id", "$anchor",
        "$dynamicAnchor", "$recursiveAnchor", "$defs", "definitions", "$vocabulary", "contentEncoding", "contentMediaType", "contentSchema",
    ]

    /// Keywords that apply subschemas in place.
    static let applicators: Set<String> = [
        "$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
        "dependencies",
    ]

    // MARK: Enumerations

    /// The values of an enumeration in the cell, if it has one; each satisfies all requirements.
    private mutating func listedValues(_ cell: Cell, _ requirements: [Requirement]) throws(GrammarError) -> [JSONValue]? {
        for case .own(let place) in cell.facts {
            guard let values = try enumeration(place.id) else { continue }
            let result = try holding(values, requirements)
            if result.isEmpty { note(cell, "no value of the enumeration satisfies the rest") }
            return result
        }
        return nil
    }

    /// The values that a subschema lists.
    func enumeration(_ id: SchemaID) throws(GrammarError) -> [JSONValue]? {
        guard let object = document[id].object else { return nil }
        if document.hidesReferenceSiblings && object["$ref"] != nil { return nil }
        if let constant = object["const"] { return [constant] }
        guard let list = object["enum"] else { return nil }
        guard let values = list.arrayValue else {
            throw .invalidSchema(pointer: document[id].pointer.appending("enum"), reason: "\"enum\" must be an array")
        }
        return values
    }

    /// The values of an enumeration that the requirements surely imply, less those that they exclude.
    mutating func finiteValues(_ requirements: [Requirement]) throws(GrammarError) -> [JSONValue]? {
        var open = requirements
        var seen: Set<Requirement> = []
        while let requirement = open.popLast() {
            switch requirement {
            case .all(let items): open += items
            case .any(let items): if items.isEmpty { return [] }
            case .equals(let value): return try holding([value], requirements)
            case .differs, .fails, .fact: continue
            case .holds(let place):
                guard seen.insert(requirement).inserted else { continue }
                guard let object = document[place.id].object else {
                    if !document[place.id].boolean { return [] }
                    continue
                }
                if let values = try enumeration(place.id) { return try holding(values, requirements) }
                let scope = number(of: document.entering(place.id, from: scopes[place.scope]))
                if let target = try document.target(place.id, in: scopes[scope]) { open.append(.holds(Place(id: target, scope: scope))) }
                if document.hidesReferenceSiblings && object["$ref"] != nil { continue }
                for branch in document.children(place.id, "allOf") { open.append(.holds(Place(id: branch, scope: scope))) }
            }
        }
        return nil
    }

    /// The values that satisfy all requirements, by the validator.
    private mutating func holding(_ values: [JSONValue], _ requirements: [Requirement]) throws(GrammarError) -> [JSONValue] {
        var result: [JSONValue] = []
        for value in values where try holds(value, .all(requirements)) { result.append(value) }
        return result
    }

    /// Whether a value satisfies a requirement, by the validator.
    mutating func holds(_ value: JSONValue, _ requirement: Requirement) throws(GrammarError) -> Bool {
        switch requirement {
        case .all(let items):
            for item in items where try !holds(value, item) { return false }
            return true
        case .any(let items):
            for item in items where try holds(value, item) { return true }
            return false
        case .equals(let other): return value.isEquivalent(to: other)
        case .differs(let other): return !value.isEquivalent(to: other)
        case .fact: preconditionFailure("facts are not asked of the validator")
        case .holds(let place), .fails(let place):
            if validated.insert(place.id).inserted { try validator.checkReachable(from: place.id) }
            let isValid = try validator.isValid(value, place.id, in: scopes[place.scope], steps: &validationSteps)
            if case .fails = requirement { return !isValid }
            return isValid
        }
    }

    /// Listed values are spelled as the schema spells them, and with their whole numbers without fraction and exponent.
    private mutating func enumeration(_ values: [JSONValue]) throws(GrammarError) -> NodeID {
        var spellings: [[UInt8]] = []
        var structures: [NodeID] = []
        for value in values {
            if options.anyOrder, Self.hasOrders(value) {
                structures.append(try structure(value))
                continue
            }
            for spelling in [value, Self.withPlainIntegers(value)] {
                var bytes: [UInt8] = []
                spelling.write(to: &bytes, style: options.separators == .compact ? .compact : .spaced)
                if bytes != spellings.last { spellings.append(bytes) }
            }
        }
        if !spellings.isEmpty { structures.append(try graph.words(spellings, next: Graph.end)) }
        return try graph.choice(structures)
    }

    /// Whether a listed value can be written in several orders of its members.
    private static func hasOrders(_ value: JSONValue) -> Bool {
        switch value {
        case .array(let items): items.contains(where: hasOrders)
        case .object(let members): members.count > 1 || members.contains { hasOrders($0.value) }
        default: false
        }
    }

    /// One listed value, its members in any order.
    private mutating func structure(_ value: JSONValue) throws(GrammarError) -> NodeID {
        switch value {
        case .array(let items):
            var prefix: [[Way]] = []
            for item in items { prefix.append([Way(value: try enumeration([item]))]) }
            return try graph.array(ArrayPlan(prefix: prefix, minimum: items.count, maximum: items.count), options, next: Graph.end)
        case .object(let pairs):
            var members: [ObjectPlan.Member] = []
            for (name, item) in pairs {
                members.append(ObjectPlan.Member(name: name, ways: [Way(value: try enumeration([item]))], isRequired: true))
            }
            return try graph.object(ObjectPlan(members: members, isOrdered: false), options, next: Graph.end)
        default: return try enumeration([value])
        }
    }

    private static func withPlainIntegers(_ value: JSONValue) -> JSONValue {
        switch value {
        case .number(let number): number.isInteger ? number.intValue.map { JSONValue($0) } ?? value : value
        case .array(let items): .array(items.map(withPlainIntegers))
        case .object(let members): .object(JSONObject(members.map { ($0.key, withPlainIntegers($0.value)) }))
        default: value
        }
    }

    // MARK: Patterns and lexemes

    /// The texts that a pattern matches somewhere.
    mutating func pattern(_ source: String, _ keyword: String, _ pointer: JSONPointer) throws(GrammarError) -> TermID {
        let key = Array(source.utf8)
        if let known = patterns[key] { return known }
        let term: TermID
        do throws(GrammarError) {
            let tree = try RegexParser.parse(source, maximumDepth: limits.depth, maximumBytes: limits.patternBytes, allowsLookAhead: true)
            term = try terms.searching(tree)
        } catch .tooLarge(let what, let limit, _) {
            throw .tooLarge(what: what, limit: limit, pointer: pointer)
        } catch {
            throw .unsupported(keyword: keyword, pointer: pointer, reason: error.description)
        }
        patterns[key] = term
        return term
    }

    /// Whether a name belongs to a term's language.
    mutating func accepts(_ term: TermID, _ name: String) throws(GrammarError) -> Bool {
        var rest = term
        for scalar in name.unicodeScalars { rest = try terms.derivative(rest, by: scalar.value) }
        return terms.nullable[Int(rest)]
    }

    /// The lexeme of a term, made once; nil when nothing is in it.
    mutating func lexeme(_ term: TermID, _ spelling: Lexeme.Spelling, minimum: Int = 0, maximum: Int? = nil) throws(GrammarError) -> Lexeme? {
        if let maximum, maximum < minimum { return nil }
        let key = LexemeKey(term: term, spelling: spelling, minimum: minimum, maximum: maximum)
        if let known = lexemes[key] { return known }
        let lexeme: Lexeme?
        if term == terms.anything, spelling == .string, minimum == 0, maximum == nil {
            lexeme = try anyText()
        } else {
            let automaton = term == terms.anything ? .any : try terms.automaton(term, stateLimit: limits.automatonStates)
            lexeme = try automaton.flatMap { automaton throws(GrammarError) in
                try Lexeme(automaton, spelling: spelling, minimum: minimum, maximum: maximum)
            }
        }
        lexemes[key] = lexeme
        return lexeme
    }

    /// Any JSON value, nested as deep as the limit allows.
    mutating func anyValue() throws(GrammarError) -> NodeID {
        if let anyPlace { return anyPlace }
        let key = CommonParts.AnyValueKey(
            separators: options.separators, anyOrder: options.anyOrder, depth: limits.anyValueDepth, digits: limits.numberDigits)
        let part = try CommonParts.anyValue(key) { () throws(GrammarError) in
            var builder = self
            builder.graph = Graph(limits: limits)
            let entry = try builder.makeAnyValue()
            return (builder.graph, entry)
        }
        let place = try graph.append(part.graph, entry: part.entry)
        anyPlace = place
        return place
    }

    private mutating func makeAnyValue() throws(GrammarError) -> NodeID {
        let number = try numberLexeme(NumberConstraint())!
        let text = try anyText()
        var inner: NodeID?
        for _ in 0...max(limits.anyValueDepth, 0) {
            let place = try graph.reserve()
            let ways = inner.map { [Way(value: $0)] } ?? []
            let array = try graph.array(ArrayPlan(rest: ways), options, next: Graph.end)
            let object = try graph.object(
                ObjectPlan(cells: ways.isEmpty ? [] : [ObjectPlan.Cell(key: text, ways: ways)], isOrdered: !options.anyOrder), options,
                next: Graph.end)
            graph.fill(
                place,
                with: [
                    try graph.words(["null", "true", "false"].map { Array($0.utf8) }, next: Graph.end),
                    try graph.lexeme(number, next: Graph.end),
                    try graph.literal("\"", next: try graph.lexeme(text, next: Graph.end)), array, object,
                ])
            inner = place
        }
        return inner!
    }

    private mutating func anyText() throws(GrammarError) -> Lexeme {
        try CommonParts.lexeme(.anyText) { () throws(GrammarError) in try Lexeme(.any, spelling: .string) }!
    }
}
