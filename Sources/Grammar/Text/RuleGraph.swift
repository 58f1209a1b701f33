// A rule set as a graph of the parser: regular parts as lexemes, rules as calls, left recursion as loops.
import JSON

/// Builds the graph of one rule set. Rules are made from a work list, so that no chain of rules is too long for the stack.
struct RuleGraph {
    private let set: RuleSet
    private let edges: RuleEdges
    private var parts: RegularParts
    private(set) var graph: Graph
    private var places: [RuleID: NodeID] = [:]
    private var nonEmptyPlaces: [RuleID: NodeID] = [:]
    private var networks: [RuleID: NodeID] = [:]
    private var starts: [RuleID: RuleEdges.Starts] = [:]
    private var open: [Work] = []

    private enum Work {
        case rule(RuleID)
        case nonEmpty(RuleID)
        case network(RuleID)
    }

    /// - Throws: `.malformed` for a terminal that refers to itself; what is too large.
    init(_ set: RuleSet, limits: GrammarLimits) throws(GrammarError) {
        self.set = set
        let references = set.rules.map { Array(Set(RuleSet.references(of: $0.body))) }
        let order = components(references)
        for component in order where component.count > 1 || references[component[0]].contains(component[0]) {
            if let id = component.first(where: { set.rules[$0].isTerminal }) {
                throw .malformed(line: set.rules[id].place, column: 1, reason: "the terminal \(set.rules[id].name) refers to itself")
            }
        }
        edges = RuleEdges(set, order: order, limits: limits)
        parts = RegularParts(set, order: order, edges: references, limits: limits)
        graph = Graph(limits: limits)
    }

    /// The whole set's rule.
    mutating func build() throws(GrammarError) -> NodeID {
        let entry = try place(.reference(set.entry), next: Graph.end)
        while let work = open.popLast() {
            switch work {
            case .rule(let id): graph.fill(places[id]!, with: [try taken(set.rules[id].body, next: Graph.end)])
            case .nonEmpty(let id):
                graph.fill(nonEmptyPlaces[id]!, with: [try place(try edges.nonEmpty(set.rules[id].body), next: Graph.end)])
            case .network(let id): try fillNetwork(id)
            }
        }
        return entry
    }

    /// Whether the whole set's rule may be empty.
    var isEntryNullable: Bool { edges.isNullable[set.entry] }

    /// Adds a body before `next`; the answer is where it starts.
    private mutating func place(_ body: RuleBody, next: NodeID) throws(GrammarError) -> NodeID {
        if let bytes = text(body) { return try graph.literal(bytes, next: next) }
        if case .alternatives(let items) = body, items.count > 1, let words = words(items) { return try graph.words(words, next: next) }
        switch try parts.lexeme(of: body, isNeeded: Self.isIndivisible(body)) {
        case .lexeme(let lexeme): return try graph.lexeme(lexeme, next: next)
        case .nothing: return try graph.reserve()
        case .none: return try taken(body, next: next)
        }
    }

    /// Adds a body by its parts.
    private mutating func taken(_ body: RuleBody, next: NodeID) throws(GrammarError) -> NodeID {
        switch body {
        case .text, .characters, .intersection, .complement, .shortest: return try place(body, next: next)
        case .pattern(let tree): return try place(RuleBody(tree), next: next)
        case .limited(let item, let maximum):
            guard let lexeme = try parts.limited(item, maximum) else { return try graph.reserve() }
            return try graph.lexeme(lexeme, next: next)
        case .sequence(let items):
            var start = next
            for item in items.reversed() { start = try place(item, next: start) }
            return start
        case .alternatives(let items): return try choice(items, next: next)
        case .repeated(let item, let minimum, let maximum): return try loop(item, minimum, maximum, next: next)
        case .reference(let id): return try reference(id, next: next)
        case .nonEmptyReference(let id): return try nonEmptyReference(id, next: next)
        case .nested(let expression): return try expression.build(in: &graph, next: next)
        case .dispatch(let text): return try dispatch(text, next: next)
        }
    }

    private mutating func choice(_ items: [RuleBody], next: NodeID) throws(GrammarError) -> NodeID {
        // Texts become one trie, whatever stands between them.
        var words: [[UInt8]] = []
        var targets: [NodeID] = []
        for item in items {
            if let bytes = text(item), !bytes.isEmpty { words.append(bytes) } else { targets.append(try place(item, next: next)) }
        }
        if !words.isEmpty { targets.append(try graph.words(words, next: next)) }
        return targets.isEmpty ? try graph.reserve() : try graph.choice(targets)
    }

    private mutating func loop(_ item: RuleBody, _ minimum: Int, _ maximum: Int?, next: NodeID) throws(GrammarError) -> NodeID {
        if maximum == 0 { return next }
        if case .characters(let set) = item {
            guard let lexeme = try parts.counted(set, minimum, maximum) else { return try minimum == 0 ? next : graph.reserve() }
            return try graph.lexeme(lexeme, next: next)
        }
        if minimum == 0 && maximum == 1 { return try graph.choice([try place(item, next: next), next]) }
        let body = try place(item, next: Graph.end)
        return try graph.loop(
            first: body, rest: body, minimum: minimum, maximum: maximum, isBodyNullable: edges.isNullable(item), next: next)
    }

    private mutating func reference(_ id: RuleID, next: NodeID) throws(GrammarError) -> NodeID {
        if edges.recursion[id] != nil {
            let start = try graph.call(try network(id), next: next)
            return edges.isNullable[id] ? try graph.choice([start, next]) : start
        }
        if places[id] == nil {
            places[id] = try graph.reserve()
            open.append(.rule(id))
        }
        return try graph.call(places[id]!, next: next)
    }

    private mutating func nonEmptyReference(_ id: RuleID, next: NodeID) throws(GrammarError) -> NodeID {
        if edges.recursion[id] != nil { return try graph.call(try network(id), next: next) }
        if !edges.isNullable[id] { return try place(.reference(id), next: next) }
        if nonEmptyPlaces[id] == nil {
            nonEmptyPlaces[id] = try graph.reserve()
            open.append(.nonEmpty(id))
        }
        return try graph.call(nonEmptyPlaces[id]!, next: next)
    }

    private mutating func network(_ id: RuleID) throws(GrammarError) -> NodeID {
        if let known = networks[id] { return known }
        let place = try graph.reserve()
        networks[id] = place
        open.append(.network(id))
        return place
    }

    /// The texts of a left-recursive rule but the empty one (left-corner transform: Rosenkrantz and Lewis 1970): something that starts with
    /// no rule of the component, a text of rule B then; and as long as B starts another rule C, what follows it there makes a text of C;
    /// done when that is the rule wanted.
    private mutating func fillNetwork(_ wanted: RuleID) throws(GrammarError) {
        let component = edges.recursion[wanted]!.sorted()
        var after: [RuleID: NodeID] = [:]
        for id in component { after[id] = try graph.reserve() }
        var continuations: [RuleID: [NodeID]] = [wanted: [Graph.end]]
        var first: [NodeID] = []
        for id in component {
            let starts = try startsOf(id)
            for (head, rest) in starts.recursive {
                continuations[head, default: []].append(try place(.sequence(rest), next: after[id]!))
            }
            for plain in starts.plain { first.append(try place(plain, next: after[id]!)) }
        }
        for (id, place) in after { graph.fill(place, with: continuations[id] ?? []) }
        graph.fill(networks[wanted]!, with: first)
    }

    private mutating func startsOf(_ id: RuleID) throws(GrammarError) -> RuleEdges.Starts {
        if let known = starts[id] { return known }
        let found = try edges.starts(of: set.rules[id].body, in: edges.recursion[id]!)
        starts[id] = found
        return found
    }

    /// Free text: it goes on after each entry's body, unless the entry is a last one.
    private mutating func dispatch(_ text: TextDispatch, next: NodeID) throws(GrammarError) -> NodeID {
        let entries = text.joined
        let automaton = TextAutomaton(triggers: entries.map(\.text), excluded: text.excluded)
        let again = try graph.reserve()
        var targets: [NodeID] = []
        for entry in entries { targets.append(try place(entry.body, next: entry.isLast ? next : again)) }
        let start = try graph.text(automaton, targets: targets, next: text.mayEnd ? next : -1)
        graph.fill(again, with: [start])
        return start
    }

    /// The text that a body is, or the rule that it refers to.
    private func text(_ body: RuleBody) -> [UInt8]? {
        switch body {
        case .text(let bytes): return bytes
        case .reference(let id):
            if case .text(let bytes) = set.rules[id].body { return bytes }
            return nil
        default: return nil
        }
    }

    /// The texts, where all items are that.
    private func words(_ items: [RuleBody]) -> [[UInt8]]? {
        var words: [[UInt8]] = []
        for item in items {
            guard let bytes = text(item) else { return nil }
            words.append(bytes)
        }
        return words
    }

    /// Whether only an automaton can read the body.
    private static func isIndivisible(_ body: RuleBody) -> Bool {
        switch body {
        case .intersection, .complement, .shortest, .characters: true
        default: false
        }
    }
}
