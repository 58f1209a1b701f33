// Which parts of a rule set are regular, and their lexemes: what needs no stack is read by an automaton.
import JSON

/// The regular rules of a set as terms, and the lexemes made of them.
struct RegularParts {
    /// A regular body.
    struct Regular {
        let term: TermID
        /// About how many states it takes, counts unrolled.
        let cost: Int
        /// How deep the term is nested (derivatives descend it).
        let height: Int
    }

    private(set) var terms: Terms
    private let limits: GrammarLimits
    private var rules: [Regular?]
    private var lexemes: [TermID: Lexeme?] = [:]
    private var counted: [CountedKey: Lexeme?] = [:]

    private struct CountedKey: Hashable {
        let set: CodePointSet
        let minimum: Int
        let maximum: Int?
    }

    /// Larger expressions are read with a stack and counters instead, unless they use `&`, `~` or `lazy`, which need an automaton.
    static let maximumCost = 2_000
    static let maximumHeight = 200
    /// Automata that replace whole rules; beyond it only single characters get one.
    static let maximumAutomata = 2_000
    static let maximumLexemes = 20_000
    private static let workForOne = 200_000

    init(_ set: RuleSet, order: [[RuleID]], edges: [[RuleID]], limits: GrammarLimits) {
        self.limits = limits
        terms = Terms(workLimit: limits.work)
        rules = [Regular?](repeating: nil, count: set.rules.count)
        for component in order {
            guard component.count == 1, !edges[component[0]].contains(component[0]) else { continue }
            rules[component[0]] = regular(set.rules[component[0]].body)
        }
    }

    func isRegular(_ rule: RuleID) -> Bool { rules[rule] != nil }

    /// The body as a term, nil where it is not regular or too deep.
    mutating func regular(_ body: RuleBody) -> Regular? {
        switch body {
        case .text(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
            return Regular(term: terms.literal(text), cost: bytes.count, height: 1)
        case .characters(let set): return Regular(term: terms.characters(set), cost: 1, height: 1)
        case .pattern(let tree): return regular(RuleBody(tree))
        case .intersection(let items):
            guard let parts = regular(items) else { return nil }
            return checked(terms.intersection(parts.map(\.term)), parts.reduce(1) { Self.sum($0, $1.cost) }, parts)
        case .complement(let item):
            guard let part = regular(item) else { return nil }
            return checked(terms.complement(part.term), part.cost, [part])
        case .shortest(let item):
            guard let part = regular(item) else { return nil }
            let longer = terms.concatenation([part.term, terms.character, terms.anything])
            return checked(terms.intersection([part.term, terms.complement(longer)]), Self.sum(part.cost, part.cost), [part])
        case .sequence(let items):
            guard let parts = regular(items) else { return nil }
            return checked(terms.concatenation(parts.map(\.term)), parts.reduce(0) { Self.sum($0, $1.cost) }, parts)
        case .alternatives(let items):
            guard let parts = regular(items) else { return nil }
            return checked(terms.union(parts.map(\.term)), parts.reduce(0) { Self.sum($0, $1.cost) }, parts)
        case .repeated(let item, let minimum, let maximum):
            guard let part = regular(item) else { return nil }
            let (cost, isTooMuch) = part.cost.multipliedReportingOverflow(by: max(maximum ?? minimum, 1))
            return checked(terms.repetition(part.term, minimum: minimum, maximum: maximum), isTooMuch ? .max : cost, [part])
        case .reference(let id): return rules[id].flatMap { checked($0.term, $0.cost, [$0]) }
        case .nonEmptyReference(let id):
            guard let part = rules[id] else { return nil }
            return checked(terms.intersection([part.term, terms.concatenation(terms.character, terms.anything)]), part.cost, [part])
        case .limited, .nested, .dispatch: return nil
        }
    }

    private mutating func regular(_ items: [RuleBody]) -> [Regular]? {
        var parts: [Regular] = []
        var cost = 0
        for item in items {
            guard let part = regular(item) else { return nil }
            cost = Self.sum(cost, part.cost)
            // So long a list is read item by item.
            guard cost <= limits.automatonStates * 4 else { return nil }
            parts.append(part)
        }
        return parts
    }

    private func checked(_ term: TermID, _ cost: Int, _ parts: [Regular]) -> Regular? {
        let height = 1 + (parts.map(\.height).max() ?? 0)
        return height > Self.maximumHeight ? nil : Regular(term: term, cost: cost, height: height)
    }

    private static func sum(_ a: Int, _ b: Int) -> Int {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }

    /// The result of looking for a body's lexeme.
    enum Answer {
        case lexeme(Lexeme)
        /// No text belongs to the body.
        case nothing
        /// The body is not regular, or its automaton too large: take it apart.
        case none
    }

    /// The automaton of a body.
    /// - Parameter isNeeded: the body cannot be taken apart, so that the larger limits hold and failing is an error.
    mutating func lexeme(of body: RuleBody, isNeeded: Bool) throws(GrammarError) -> Answer {
        guard let regular = regular(body) else {
            if isNeeded { throw .tooLarge(what: "levels of a regular expression", limit: Self.maximumHeight, pointer: JSONPointer()) }
            return .none
        }
        if regular.term == terms.nothing { return .nothing }
        if let known = lexemes[regular.term], known != nil || !isNeeded { return known.map(Answer.lexeme) ?? .none }
        if !isNeeded, regular.cost > Self.maximumCost { return .none }
        if !isNeeded, regular.cost > 1, lexemes.count > Self.maximumAutomata { return .none }
        guard lexemes.count < Self.maximumLexemes else {
            throw .tooLarge(what: "different lexemes", limit: Self.maximumLexemes, pointer: JSONPointer())
        }
        let total = limits.work
        terms.workLimit = isNeeded ? total : min(total, terms.work + Self.workForOne)
        defer { terms.workLimit = total }
        do throws(GrammarError) {
            let states = isNeeded ? limits.automatonStates : 2 * Self.maximumCost
            guard let automaton = try terms.automaton(regular.term, stateLimit: states) else { return .nothing }
            let lexeme = try Lexeme(automaton, spelling: .plain)
            lexemes[regular.term] = .some(lexeme)
            return lexeme.map(Answer.lexeme) ?? .nothing
        } catch {
            guard case .tooLarge = error, !isNeeded, terms.work < total else { throw error }
            lexemes[regular.term] = .some(nil)
            return .none
        }
    }

    /// The texts of a regular body that are not too long.
    mutating func limited(_ body: RuleBody, _ maximum: Int) throws(GrammarError) -> Lexeme? {
        guard case .lexeme(let open) = try lexeme(of: body, isNeeded: true) else { return nil }
        return try Lexeme(open.automaton, spelling: .plain, maximum: maximum)
    }

    /// So many characters of one set, counted by a register instead of states.
    mutating func counted(_ set: CodePointSet, _ minimum: Int, _ maximum: Int?) throws(GrammarError) -> Lexeme? {
        let key = CountedKey(set: set, minimum: minimum, maximum: maximum)
        if let known = counted[key] { return known }
        guard counted.count < Self.maximumAutomata else {
            throw .tooLarge(what: "different counted classes", limit: Self.maximumAutomata, pointer: JSONPointer())
        }
        let term = terms.repetition(terms.characters(set), minimum: 0, maximum: nil)
        let lexeme = try terms.automaton(term, stateLimit: limits.automatonStates).flatMap { automaton throws(GrammarError) in
            try Lexeme(automaton, spelling: .plain, minimum: minimum, maximum: maximum)
        }
        counted[key] = .some(lexeme)
        return lexeme
    }
}

extension RuleBody {
    /// A regular expression taken apart; assertions left over can never hold.
    init(_ tree: RegexSyntax) {
        switch tree {
        case .characters(let set): self = .characters(set)
        case .sequence(let items): self = .sequence(items.map { RuleBody($0) })
        case .alternatives(let items): self = .alternatives(items.map { RuleBody($0) })
        case .repeated(let item, let minimum, let maximum): self = .counted(RuleBody(item), minimum, maximum)
        case .start, .end: self = .nothing
        case .lookAhead: preconditionFailure("only the patterns of schemas look ahead")
        }
    }
}
