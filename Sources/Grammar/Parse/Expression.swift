// The tree that rules are, and how it becomes a graph.
import JSON

indirect enum Expression: Sendable, Hashable {
    case literal([UInt8])
    case words([[UInt8]])
    case regex(RegexGrammar)
    case schema(SchemaGrammar)
    case grammar(TextGrammar)
    case sequence([Expression])
    case alternatives([Expression])
    case repeated(Expression, Int, Int?)
    case text(FreeText)

    /// Whether the empty text belongs to it.
    var isNullable: Bool {
        switch self {
        case .literal(let bytes): bytes.isEmpty
        case .words(let list): list.contains { $0.isEmpty }
        case .regex(let regex): regex.isNullable
        case .schema: false
        case .grammar(let grammar): grammar.isNullable
        case .sequence(let items): items.allSatisfy(\.isNullable)
        case .alternatives(let items): items.contains(where: \.isNullable)
        case .repeated(let item, let minimum, _): minimum == 0 || item.isNullable
        case .text(let text): !text.atLeastOne
        }
    }

    /// Adds the expression to the graph, before `next`; the answer is where it starts.
    func build(in graph: inout Graph, next: NodeID) throws(GrammarError) -> NodeID {
        switch self {
        case .literal(let bytes): return try graph.literal(bytes, next: next)
        case .words(let list): return list.isEmpty ? try graph.reserve() : try graph.words(list, next: next)
        case .regex(let regex): return try regex.build(in: &graph, next: next)
        case .schema(let schema):
            let entry = try graph.append(schema.graph, entry: schema.entry)
            return try graph.call(entry, next: next)
        case .grammar(let grammar): return try graph.call(try graph.append(grammar.graph, entry: grammar.entry), next: next)
        case .sequence(let items):
            var place = next
            for item in items.reversed() { place = try item.build(in: &graph, next: place) }
            return place
        case .alternatives(let items):
            var places: [NodeID] = []
            for item in items { places.append(try item.build(in: &graph, next: next)) }
            return places.isEmpty ? try graph.reserve() : try graph.choice(places)
        case .repeated(let item, let minimum, let maximum):
            if maximum == 0 { return next }
            if minimum == 0 && maximum == 1 {
                return try graph.choice([try item.build(in: &graph, next: next), next])
            }
            let body = try item.build(in: &graph, next: Graph.end)
            return try graph.loop(
                first: body, rest: body, minimum: minimum, maximum: maximum, isBodyNullable: item.isNullable, next: next)
        case .text(let text): return try text.build(in: &graph, next: next)
        }
    }
}

/// Free text with triggers.
struct FreeText: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        let text: [UInt8]
        let expression: Expression
    }
    let triggers: [Entry]
    let excluded: [[UInt8]]
    let atLeastOne: Bool
    let stopAfterFirst: Bool

    static let maximumBytes = 1_024

    func check() throws(GrammarError) {
        if triggers.contains(where: { $0.text.isEmpty }) { throw .syntax(offset: 0, reason: "an empty trigger") }
        if excluded.contains(where: \.isEmpty) { throw .syntax(offset: 0, reason: "an empty excluded string") }
        let bytes = triggers.reduce(0) { $0 + $1.text.count } + excluded.reduce(0) { $0 + $1.count }
        if bytes > Self.maximumBytes {
            throw .tooLarge(what: "bytes of triggers and excluded strings", limit: Self.maximumBytes, pointer: JSONPointer())
        }
        for entry in triggers {
            for text in excluded where Self.holds(entry.text, text) {
                throw .syntax(offset: 0, reason: "the trigger \"\(String(decoding: entry.text, as: UTF8.self))\" holds an excluded string")
            }
        }
    }

    private static func holds(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        text.count >= part.count && (0...(text.count - part.count)).contains { text[$0...].starts(with: part) }
    }

    func build(in graph: inout Graph, next: NodeID) throws(GrammarError) -> NodeID {
        let automaton = TextAutomaton(triggers: triggers.map(\.text), excluded: excluded)
        if triggers.isEmpty { return try graph.text(automaton, targets: [], next: atLeastOne ? -1 : next) }
        let again = stopAfterFirst ? next : try graph.reserve()
        var targets: [NodeID] = []
        for entry in triggers { targets.append(try entry.expression.build(in: &graph, next: again)) }
        let first = try graph.text(automaton, targets: targets, next: atLeastOne ? -1 : next)
        if !stopAfterFirst {
            let later = atLeastOne ? try graph.text(automaton, targets: targets, next: next) : first
            graph.fill(again, with: [later])
        }
        return first
    }
}

/// A regular expression as an automaton or, where that is too large, as a graph with counters.
struct RegexGrammar: Sendable, Hashable {
    let source: String
    let dialect: RegexDialect
    let isNullable: Bool
    private let tree: RegexSyntax
    private let lexeme: Lexeme?

    init(_ source: String, _ dialect: RegexDialect, _ limits: GrammarLimits) throws(GrammarError) {
        self.source = source
        self.dialect = dialect
        let syntax = try RegexParser.parse(source, dialect: dialect, maximumDepth: limits.depth, maximumBytes: limits.patternBytes)
        tree = try Terms.withoutAssertions(syntax)
        var terms = Terms(workLimit: limits.work)
        let term = try terms.matching(syntax)
        isNullable = terms.nullable[Int(term)]
        if term == terms.nothing { throw .unsatisfiable(pointer: JSONPointer(), reason: "the expression matches nothing") }
        do throws(GrammarError) {
            guard let automaton = try terms.automaton(term, stateLimit: limits.automatonStates) else {
                throw GrammarError.unsatisfiable(pointer: JSONPointer(), reason: "the expression matches nothing")
            }
            lexeme = try Lexeme(automaton, spelling: .plain)
        } catch {
            guard case .tooLarge = error else { throw error }
            lexeme = nil
        }
    }

    static func == (a: RegexGrammar, b: RegexGrammar) -> Bool { a.dialect == b.dialect && a.source.utf8.elementsEqual(b.source.utf8) }
    func hash(into hasher: inout Hasher) { for byte in source.utf8 { hasher.combine(byte) } }

    func build(in graph: inout Graph, next: NodeID) throws(GrammarError) -> NodeID {
        if let lexeme { return try graph.lexeme(lexeme, next: next) }
        return try tree.build(in: &graph, spelling: .plain, next: next)
    }
}

extension RegexSyntax {
    /// The expression as a graph: counts become counters, so that no count is too large. It must be free of assertions.
    func build(in graph: inout Graph, spelling: Lexeme.Spelling, next: NodeID) throws(GrammarError) -> NodeID {
        switch self {
        case .characters(let set):
            var terms = Terms()
            let term = terms.characters(set)
            guard let automaton = try terms.automaton(term, stateLimit: 16), let lexeme = try Lexeme(automaton, spelling: spelling) else {
                return try graph.reserve()
            }
            return try graph.lexeme(lexeme, next: next)
        case .sequence(let items):
            var place = next
            for item in items.reversed() { place = try item.build(in: &graph, spelling: spelling, next: place) }
            return place
        case .alternatives(let items):
            var places: [NodeID] = []
            for item in items { places.append(try item.build(in: &graph, spelling: spelling, next: next)) }
            return places.isEmpty ? try graph.reserve() : try graph.choice(places)
        case .repeated(let item, let minimum, let maximum):
            if maximum == 0 { return next }
            let body = try item.build(in: &graph, spelling: spelling, next: Graph.end)
            return try graph.loop(
                first: body, rest: body, minimum: minimum, maximum: maximum, isBodyNullable: item.isNullable, next: next)
        case .start, .end: return try graph.reserve()
        case .lookAhead: preconditionFailure("only the patterns of schemas look ahead, and those only as automata")
        }
    }

    private var isNullable: Bool {
        switch self {
        case .characters, .start, .end, .lookAhead: false
        case .sequence(let items): items.allSatisfy(\.isNullable)
        case .alternatives(let items): items.contains(where: \.isNullable)
        case .repeated(let item, let minimum, _): minimum == 0 || item.isNullable
        }
    }
}
