// From subschemas to graph nodes: one rule for each conjunction of subschemas that a place may need.
import JSON

/// Builds the graph of one document. Rules are made from a work list, so that no schema is too deep for the stack.
struct SchemaBuilder {
    let document: SchemaDocument
    let options: SchemaOptions
    let limits: GrammarLimits
    let validator: InstanceValidator
    var graph: Graph
    var terms: Terms
    /// Subschemas that the validator has checked.
    var validated: Set<SchemaID> = []
    /// Subschemas whose `oneOf` was shown to be exclusive.
    var disjointChecked: Set<SchemaID> = []
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
    private var patterns: [[UInt8]: (term: TermID, automaton: Automaton?)] = [:]
    private var lexemes: [LexemeKey: Lexeme?] = [:]

    private struct LexemeKey: Hashable {
        let term: TermID
        let spelling: Lexeme.Spelling
        let minimum: Int
        let maximum: Int?
    }

    init(_ document: SchemaDocument, _ options: SchemaOptions) {
        self.document = document
        self.options = options
        limits = options.limits
        validationSteps = options.limits.validationSteps
        validator = InstanceValidator(document: document, assertsFormat: options.assertsFormat)
        graph = Graph(limits: options.limits)
        terms = Terms(workLimit: options.limits.work)
    }

    /// The whole document's rule.
    mutating func build() throws(GrammarError) -> NodeID {
        let entry = try rule([.whole(0)])
        while let (requirements, place) = open.popLast() { try fill(place, requirements) }
        return entry
    }

    /// The rule for values that satisfy all requirements; it may be filled later.
    mutating func rule(_ requirements: [Requirement]) throws(GrammarError) -> NodeID {
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
        let ways = try alternatives(requirements)
        if ways.isEmpty { note(requirements, "nothing is allowed here") }
        var branches: [NodeID] = []
        for own in ways { branches += try values(own) }
        graph.fill(place, with: branches)
    }

    mutating func note(_ requirements: [Requirement], _ text: String) {
        guard contradiction == nil, let first = requirements.first else { return }
        switch first {
        case .whole(let id), .own(let id), .exceptOneOf(let id): contradiction = (document[id].pointer, text)
        }
    }

    /// One node for each type of value that an alternative allows.
    private mutating func values(_ own: Alternative) throws(GrammarError) -> [NodeID] {
        if let listed = try ownEnumeration(own) { return listed.isEmpty ? [] : [try enumeration(listed)] }
        var mattering: Alternative = []
        for id in own where document[id].object?.contains(where: { !Self.annotations.contains($0.key) }) ?? false { mattering.append(id) }
        if mattering.isEmpty { return [try anyValue()] }
        let types = try types(own)
        if types.isEmpty { note(own.map(Requirement.own), "no type is left") }
        try refuseUnsupported(own, types)
        var nodes: [NodeID] = []
        var scalars: [[UInt8]] = []
        if types.contains(.null) { scalars.append(Array("null".utf8)) }
        if types.contains(.boolean) { scalars += [Array("false".utf8), Array("true".utf8)] }
        if !scalars.isEmpty { nodes.append(try graph.words(scalars, next: Graph.end)) }
        if !types.isDisjoint(with: .number) { nodes += try number(own, isInteger: !types.contains(.fraction)) }
        if types.contains(.string) { nodes += try string(own) }
        if types.contains(.array) { nodes += try array(own) }
        if types.contains(.object) { nodes += try object(own) }
        return nodes
    }

    private mutating func ownEnumeration(_ own: Alternative) throws(GrammarError) -> [JSONValue]? {
        for id in own {
            guard let values = try enumeration(id) else { continue }
            var result: [JSONValue] = []
            for value in values where try holds(value, own.map(Requirement.own)) { result.append(value) }
            if result.isEmpty { note([.own(id)], "no value of the enumeration satisfies the rest") }
            return result
        }
        return nil
    }

    /// Listed values are spelled as the schema spells them, and with their whole numbers without fraction and exponent.
    private mutating func enumeration(_ values: [JSONValue]) throws(GrammarError) -> NodeID {
        var spellings: [[UInt8]] = []
        for value in values {
            for spelling in [value, Self.withPlainIntegers(value)] {
                var bytes: [UInt8] = []
                spelling.write(to: &bytes, style: options.separators == .compact ? .compact : .spaced)
                if bytes != spellings.last { spellings.append(bytes) }
            }
        }
        return try graph.words(spellings, next: Graph.end)
    }

    private static func withPlainIntegers(_ value: JSONValue) -> JSONValue {
        switch value {
        case .number(let number): number.isInteger ? number.intValue.map { JSONValue($0) } ?? value : value
        case .array(let items): .array(items.map(withPlainIntegers))
        case .object(let members): .object(JSONObject(members.map { ($0.key, withPlainIntegers($0.value)) }))
        default: value
        }
    }

    private mutating func number(_ own: Alternative, isInteger: Bool) throws(GrammarError) -> [NodeID] {
        var constraint = NumberConstraint()
        constraint.isInteger = isInteger
        for id in own { try document.bounds(id, &constraint) }
        let term = terms.numbers(constraint, digits: limits.numberDigits)
        guard let lexeme = try lexeme(term, .plain) else {
            note(own.map(Requirement.own), "no number lies within the bounds")
            return []
        }
        return [try graph.lexeme(lexeme, next: Graph.end)]
    }

    /// What strings may be: a term over characters and bounds on their number.
    mutating func stringConstraint(_ own: Alternative) throws(GrammarError) -> (term: TermID, minimum: Int, maximum: Int?) {
        var parts: [TermID] = []
        var minimum = 0
        var maximum: Int?
        func tighten(_ value: Int?) { if let value { maximum = min(maximum ?? value, value) } }
        for id in own {
            guard let object = document[id].object else { continue }
            minimum = max(minimum, try document.count(id, "minLength") ?? 0)
            tighten(try document.count(id, "maxLength"))
            if let pattern = object["pattern"] {
                let pointer = document[id].pointer.appending("pattern")
                guard let source = pattern.stringValue else {
                    throw .invalidSchema(pointer: pointer, reason: "\"pattern\" must be a string")
                }
                parts.append(try self.pattern(source, "pattern", pointer).term)
            }
            guard options.assertsFormat, let format = object["format"]?.stringValue else { continue }
            if StringFormats.refused.contains(format) {
                throw .unsupported(
                    keyword: "format", pointer: document[id].pointer.appending("format"), reason: "\"\(format)\" has no automaton here")
            }
            if let (expression, longest) = StringFormats.expression(format) {
                parts.append(try terms.matching(try RegexParser.parse(expression, maximumBytes: .max)))
                tighten(longest)
            }
        }
        return (terms.intersection(parts), minimum, maximum)
    }

    private mutating func string(_ own: Alternative) throws(GrammarError) -> [NodeID] {
        let (term, minimum, maximum) = try stringConstraint(own)
        let lexeme: Lexeme?
        do throws(GrammarError) {
            lexeme = try self.lexeme(term, .string, minimum: minimum, maximum: maximum)
        } catch {
            guard case .tooLarge = error else { throw error }
            if minimum == 0, maximum == nil, let node = try counted(own) { return [node] }
            let place = own.first { document[$0].object?["pattern"] != nil } ?? own[0]
            throw .tooLarge(what: "automaton states", limit: limits.automatonStates, pointer: document[place].pointer.appending("pattern"))
        }
        guard let lexeme else {
            note(own.map(Requirement.own), "no string satisfies pattern, format and length together")
            return []
        }
        return [try graph.literal("\"", next: try graph.lexeme(lexeme, next: Graph.end))]
    }

    /// A single pattern whose automaton is too large, as a graph with counters.
    private mutating func counted(_ own: Alternative) throws(GrammarError) -> NodeID? {
        let sources = own.compactMap { document[$0].object?["pattern"]?.stringValue }
        guard sources.count == 1, !own.contains(where: { options.assertsFormat && document[$0].object?["format"] != nil }) else {
            return nil
        }
        let any = RegexSyntax.repeated(.characters(.all), minimum: 0, maximum: nil)
        let tree = try Terms.withoutAssertions(
            .sequence([any, try RegexParser.parse(sources[0], maximumDepth: limits.depth, maximumBytes: limits.patternBytes), any]))
        let close = try graph.literal("\"", next: Graph.end)
        return try graph.literal("\"", next: try tree.build(in: &graph, spelling: .string, next: close))
    }

    /// The texts that a pattern matches somewhere.
    mutating func pattern(_ source: String, _ keyword: String, _ pointer: JSONPointer) throws(GrammarError) -> (
        term: TermID, automaton: Automaton?
    ) {
        let key = Array(source.utf8)
        if let known = patterns[key] { return known }
        let term: TermID
        do throws(GrammarError) {
            let tree = try RegexParser.parse(source, maximumDepth: limits.depth, maximumBytes: limits.patternBytes)
            term = try terms.searching(tree)
        } catch .tooLarge(let what, let limit, _) {
            throw .tooLarge(what: what, limit: limit, pointer: pointer)
        } catch {
            throw .unsupported(keyword: keyword, pointer: pointer, reason: error.description)
        }
        let automaton = keyword == "patternProperties" ? try terms.automaton(term, stateLimit: limits.automatonStates) : nil
        patterns[key] = (term, automaton)
        return (term, automaton)
    }

    /// The lexeme of a term, made once; nil when nothing is in it.
    mutating func lexeme(_ term: TermID, _ spelling: Lexeme.Spelling, minimum: Int = 0, maximum: Int? = nil) throws(GrammarError) -> Lexeme? {
        if let maximum, maximum < minimum { return nil }
        let key = LexemeKey(term: term, spelling: spelling, minimum: minimum, maximum: maximum)
        if let known = lexemes[key] { return known }
        let automaton = term == terms.anything ? .any : try terms.automaton(term, stateLimit: limits.automatonStates)
        let lexeme = try automaton.flatMap { automaton throws(GrammarError) in
            try Lexeme(automaton, spelling: spelling, minimum: minimum, maximum: maximum)
        }
        lexemes[key] = lexeme
        return lexeme
    }

    /// Any JSON value, nested as deep as the limit allows.
    mutating func anyValue() throws(GrammarError) -> NodeID {
        if let anyPlace { return anyPlace }
        let number = try lexeme(terms.numbers(NumberConstraint(), digits: limits.numberDigits), .plain)!
        let text = try lexeme(terms.anything, .string)!
        var inner: NodeID?
        for _ in 0...max(limits.anyValueDepth, 0) {
            let place = try graph.reserve()
            let array = try arrayNodes(prefix: [], rest: inner, minimum: 0, maximum: inner == nil ? 0 : nil)
            var cells: [MemberCell] = []
            if let inner { cells.append(MemberCell(key: text, value: inner)) }
            let object = try objectNodes(members: [], cells: cells, mayBeEmpty: true)
            graph.fill(
                place,
                with: [
                    try graph.words(["null", "true", "false"].map { Array($0.utf8) }, next: Graph.end),
                    try graph.lexeme(number, next: Graph.end),
                    try graph.literal("\"", next: try graph.lexeme(text, next: Graph.end)), array, object,
                ])
            inner = place
        }
        anyPlace = inner
        return inner!
    }
}
