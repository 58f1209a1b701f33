// Objects and arrays as front ends plan them: members and items, the ways to read each, and what must hold of their numbers.
import JSON

/// Counts the members (items) that were read in a way that bears its bit.
struct PlanCounter: Hashable, Sendable {
    let minimum: Int
    let maximum: Int?
}

/// One way to read a value: its rule, and the bit set of the counters that go up.
struct Way: Hashable, Sendable {
    let value: NodeID
    var counters: UInt32 = 0
}

/// An object. Several ways of a member, and overlapping ones, are alternatives: the object is read if some choice of ways fits.
struct ObjectPlan {
    /// A declared member; without ways it must not appear.
    struct Member {
        let name: String
        let ways: [Way]
        let isRequired: Bool
    }

    /// Members that are not declared: the characters of their names (spelled as `.string`; no declared name is among them).
    struct Cell {
        let key: Lexeme
        let ways: [Way]
    }
    var members: [Member] = []
    var cells: [Cell] = []
    var minimum = 0
    var maximum: Int?
    var counters: [PlanCounter] = []
    /// Declared members in their order, then the others; else all in any order. No name stands twice.
    var isOrdered = true
    /// Where it stands in the schema.
    var pointer = JSONPointer()
}

/// An array: items with ways of their own, then any number of others.
struct ArrayPlan {
    var prefix: [[Way]] = []
    /// Empty: no more items.
    var rest: [Way] = []
    var minimum = 0
    var maximum: Int?
    var counters: [PlanCounter] = []
    /// No two items are equal as JSON values.
    var isUnique = false
    /// The keyword that says so or, where none does, the first that counts.
    var pointer = JSONPointer()
}

/// A plan with its places in the graph.
struct Plan: Sendable {
    struct Element: Sendable {
        var ways: [Way]
        var isRequired = false
        /// How many members may be of this element; `Int32.max` without end.
        var supply: Int32 = 1
    }
    let isArray: Bool
    /// Objects: the declared members, other single members, the kinds of other members. Arrays: the prefix, the rest.
    var elements: [Element]
    /// How many elements are declared members, or of the prefix.
    let declared: Int
    /// How many elements are single members: each has its bit among the members seen.
    let singles: Int
    let minimum: Int
    let maximum: Int?
    let counters: [PlanCounter]
    let isOrdered: Bool
    /// Arrays: no two items are equal.
    let isUnique: Bool
    /// The keyword to name where the plan is refused.
    let pointer: JSONPointer
    var start: NodeID = -1
    var pick: NodeID = -1
    var close: NodeID = -1
    var comma: NodeID = -1
    /// Where values return to.
    var back: NodeID = -1
    /// By element: where its key begins.
    var keys: [NodeID] = []

    func moved(_ move: (NodeID) -> NodeID) -> Plan {
        var copy = self
        for index in elements.indices {
            copy.elements[index].ways = elements[index].ways.map { Way(value: move($0.value), counters: $0.counters) }
        }
        copy.start = move(start)
        copy.pick = move(pick)
        copy.close = move(close)
        copy.comma = move(comma)
        copy.back = move(back)
        copy.keys = keys.map(move)
        return copy
    }
}

extension Graph {
    static let maximumCounters = 32
    /// Cells with at most so many names become single members.
    private static let listedNames = 64

    /// The whole `{ … }`, before `next`.
    mutating func object(_ plan: ObjectPlan, _ options: SchemaOptions, next: NodeID) throws(GrammarError) -> NodeID {
        try checkCounters(plan.counters)
        return try call(isPlain(plan) ? try plainObject(plan, options) : try plannedObject(plan, options), next: next)
    }

    /// The whole `[ … ]`, before `next`.
    mutating func array(_ plan: ArrayPlan, _ options: SchemaOptions, next: NodeID) throws(GrammarError) -> NodeID {
        try checkCounters(plan.counters)
        let isPlain = plan.counters.isEmpty && !plan.isUnique
        return try call(isPlain ? try plainArray(plan, options) : try plannedArray(plan, options), next: next)
    }

    private func checkCounters(_ counters: [PlanCounter]) throws(GrammarError) {
        if counters.count > Self.maximumCounters {
            throw .tooLarge(what: "counters of one object or array", limit: Self.maximumCounters, pointer: JSONPointer())
        }
    }

    /// Whether the object's members need not be remembered: order and names say it all.
    private func isPlain(_ plan: ObjectPlan) -> Bool {
        let required = plan.members.count { $0.isRequired }
        let usable = plan.members.count { !$0.ways.isEmpty }
        let isUnbounded = plan.maximum.map { plan.cells.isEmpty && $0 >= usable } ?? true
        return plan.isOrdered && plan.counters.isEmpty && isUnbounded && plan.minimum <= max(required, 1)
            && plan.cells.allSatisfy { !$0.key.isCounted && $0.key.automaton.isInfinite }
    }

    /// `{`, the declared members in order (optional ones may be left out), others, `}`.
    private mutating func plainObject(_ plan: ObjectPlan, _ options: SchemaOptions) throws(GrammarError) -> NodeID {
        let members = plan.members.filter { $0.isRequired || !$0.ways.isEmpty }
        let close = try literal("}", next: Graph.end)
        var later = close
        var others: [NodeID] = []
        if plan.cells.contains(where: { !$0.ways.isEmpty }) {
            later = try reserve()
            for cell in plan.cells where !cell.ways.isEmpty {
                let value = try call(try anyOf(cell.ways), next: try blank(options, later))
                others.append(try key(cell.key, options, next: value))
            }
            var following = [close]
            for other in others { following.append(try separator(",", options, next: other)) }
            fill(later, with: following)
        }
        // `later` goes on after some member, `first` before any.
        let firstRequired = members.firstIndex { $0.isRequired } ?? members.count
        var first: NodeID?
        if firstRequired == members.count {
            let choices = (plan.minimum == 0 ? [close] : []) + others
            first = choices.isEmpty ? try reserve() : try choice(choices)
        }
        for index in members.indices.reversed() {
            let member = members[index]
            let value = try call(try anyOf(member.ways), next: try blank(options, later))
            let key = try key(member.name, options, next: value)
            let following = try separator(",", options, next: key)
            if index <= firstRequired { first = member.isRequired ? key : try choice([key, first!]) }
            later = member.isRequired ? following : try choice([following, later])
        }
        return try literal("{", next: try blank(options, first!))
    }

    /// `[`, the listed items, any number of further ones, `]`.
    private mutating func plainArray(_ plan: ArrayPlan, _ options: SchemaOptions) throws(GrammarError) -> NodeID {
        let close = try literal("]", next: Graph.end)
        if let maximum = plan.maximum, maximum < plan.minimum { return try reserve() }
        var place = close
        let prefix = plan.maximum.map { plan.prefix.prefix($0) } ?? plan.prefix[...]
        let rest = prefix.count == plan.maximum || plan.prefix.count > prefix.count ? [] : plan.rest
        if !rest.isEmpty {
            let after = try blank(options, Graph.end)
            let value = try anyOf(rest)
            let following = try separator(",", options, next: try call(value, next: after))
            let first = prefix.isEmpty ? try call(value, next: after) : following
            place = try loop(
                first: first, rest: following, minimum: max(plan.minimum - prefix.count, 0),
                maximum: plan.maximum.map { $0 - prefix.count }, isBodyNullable: false, next: close)
        } else if plan.minimum > prefix.count {
            return try reserve()
        }
        for index in prefix.indices.reversed() {
            var item = try call(try anyOf(prefix[index]), next: try blank(options, place))
            if index > 0 { item = try separator(",", options, next: item) }
            place = index >= plan.minimum ? try choice([close, item]) : item
        }
        return try literal("[", next: try blank(options, place))
    }

    private mutating func plannedObject(_ plan: ObjectPlan, _ options: SchemaOptions) throws(GrammarError) -> NodeID {
        var elements = plan.members.map { Plan.Element(ways: $0.ways, isRequired: $0.isRequired) }
        var names = plan.members.map(\.name)
        var cells: [ObjectPlan.Cell] = []
        for (index, cell) in plan.cells.enumerated() where !cell.ways.isEmpty {
            if let listed = try listedNames(plan.cells, index) {
                elements += listed.map { _ in Plan.Element(ways: cell.ways) }
                names += listed
            } else {
                cells.append(cell)
            }
        }
        for cell in cells { elements.append(Plan.Element(ways: cell.ways, supply: try cell.key.supply())) }
        let built = Plan(
            isArray: false, elements: elements, declared: plan.members.count, singles: names.count, minimum: plan.minimum,
            maximum: plan.maximum, counters: plan.counters, isOrdered: plan.isOrdered, isUnique: false,
            pointer: plan.pointer)
        return try planned(built, options) { (graph, begin, element) throws(GrammarError) in
            element < names.count
                ? try graph.key(names[element], options, next: begin) : try graph.key(cells[element - names.count].key, options, next: begin)
        }
    }

    /// The names of a cell that has few and shares none with another cell.
    private func listedNames(_ cells: [ObjectPlan.Cell], _ index: Int) throws(GrammarError) -> [String]? {
        guard let names = try cells[index].key.texts(atMost: Self.listedNames) else { return nil }
        for (other, cell) in cells.enumerated() where other != index && !cell.ways.isEmpty {
            if names.contains(where: { cell.key.contains($0) }) { return nil }
        }
        return names
    }

    private mutating func plannedArray(_ plan: ArrayPlan, _ options: SchemaOptions) throws(GrammarError) -> NodeID {
        var elements = plan.prefix.map { Plan.Element(ways: $0) }
        elements.append(Plan.Element(ways: plan.rest, supply: .max))
        let built = Plan(
            isArray: true, elements: elements, declared: plan.prefix.count, singles: 0, minimum: plan.minimum, maximum: plan.maximum,
            counters: plan.counters, isOrdered: true, isUnique: plan.isUnique, pointer: plan.pointer)
        return try planned(built, options) { (_, begin, _) throws(GrammarError) in begin }
    }

    /// The nodes that work for a plan.
    private mutating func planned(
        _ plan: Plan, _ options: SchemaOptions,
        key: (inout Graph, _ begin: NodeID, _ element: Int) throws(GrammarError) -> NodeID
    ) throws(GrammarError) -> NodeID {
        var plan = plan
        let index = try add(plan)
        plan.start = try add(GraphNode(kind: .planStart, index: index))
        plan.close = try literal(plan.isArray ? "]" : "}", next: Graph.end)
        if plan.isArray {
            plan.pick = try add(GraphNode(kind: .planBegin, index: index, count: 0))
        } else {
            plan.pick = try add(GraphNode(kind: .planPick, index: index))
            for element in plan.elements.indices {
                let begin = try add(GraphNode(kind: .planBegin, index: index, count: Int32(element)))
                plan.keys.append(try key(&self, begin, element))
            }
        }
        plan.comma = try separator(",", options, next: plan.pick)
        plan.back = try blank(options, try add(GraphNode(kind: .planAfter, index: index)))
        setPlan(index, plan)
        return try literal(plan.isArray ? "[" : "{", next: try blank(options, plan.start))
    }

    private mutating func anyOf(_ ways: [Way]) throws(GrammarError) -> NodeID {
        var values: [NodeID] = []
        for way in ways where !values.contains(way.value) { values.append(way.value) }
        return values.isEmpty ? try reserve() : try choice(values)
    }

    private mutating func key(_ name: String, _ options: SchemaOptions, next: NodeID) throws(GrammarError) -> NodeID {
        let text = JSONValue.string(name).text(.compact)
        switch options.separators {
        case .spaced: return try literal(text + ": ", next: next)
        case .compact: return try literal(text + ":", next: next)
        case .flexible: return try literal(text, next: try blank(options, try separator(":", options, next: next)))
        }
    }

    private mutating func key(_ names: Lexeme, _ options: SchemaOptions, next: NodeID) throws(GrammarError) -> NodeID {
        let colon = try blank(options, try separator(":", options, next: next))
        return try literal("\"", next: try lexeme(names, isName: true, next: colon))
    }

    /// White space where the policy allows it.
    mutating func blank(_ options: SchemaOptions, _ next: NodeID) throws(GrammarError) -> NodeID {
        guard case .flexible(let maximum) = options.separators, maximum > 0 else { return next }
        var terms = Terms()
        let set = terms.characters(CodePointSet(" \t\n\r"))
        let term = terms.repetition(set, minimum: 0, maximum: min(maximum, 1_000))
        guard let automaton = try terms.automaton(term, stateLimit: 2_000) else { return next }
        return try lexeme(try Lexeme(automaton, spelling: .plain)!, next: next)
    }

    /// A comma or colon with the white space of the policy after it.
    mutating func separator(_ mark: String, _ options: SchemaOptions, next: NodeID) throws(GrammarError) -> NodeID {
        switch options.separators {
        case .spaced: try literal(mark + " ", next: next)
        case .compact: try literal(mark, next: next)
        case .flexible: try literal(mark, next: try blank(options, next))
        }
    }
}

extension Lexeme {
    /// Names beyond so many count as without end.
    private static let countedTexts: Int32 = 1 << 20

    /// How many texts the lexeme holds; `Int32.max` for more than a million.
    func supply() throws(GrammarError) -> Int32 {
        if maximum == .max && automaton.isInfinite { return .max }
        let sizes = automaton.classSizes
        var ways = [Int64](repeating: 0, count: automaton.stateCount)
        ways[0] = 1
        var total: Int64 = 0
        var length: Int32 = 0
        var work = 0
        while ways.contains(where: { $0 > 0 }), length <= maximum {
            work += ways.count * automaton.classCount
            guard work <= 50_000_000 else { throw .tooLarge(what: "steps to count names", limit: 50_000_000, pointer: JSONPointer()) }
            var next = [Int64](repeating: 0, count: ways.count)
            for state in ways.indices where ways[state] > 0 {
                if automaton.accepting[state] && length >= minimum { total = min(total + ways[state], Int64(Self.countedTexts)) }
                for index in 0..<automaton.classCount {
                    let target = automaton.transitions[state * automaton.classCount + index]
                    if target >= 0 { next[Int(target)] = min(next[Int(target)] + ways[state] * sizes[index], 1 << 32) }
                }
            }
            if total >= Int64(Self.countedTexts) { return .max }
            ways = next
            length += 1
        }
        return Int32(total)
    }

    /// All texts, if there are at most so many.
    func texts(atMost limit: Int) throws(GrammarError) -> [String]? {
        guard try supply() <= Int32(clamping: limit) else { return nil }
        var found: [String] = []
        var open: [(state: Int, text: String.UnicodeScalarView)] = [(0, "".unicodeScalars)]
        while let (state, text) = open.popLast() {
            if automaton.accepting[state] && text.count >= Int(minimum) { found.append(String(text)) }
            guard text.count < Int(maximum) else { continue }
            for (index, start) in automaton.starts.enumerated().reversed() {
                let target = automaton.transitions[state * automaton.classCount + Int(automaton.classOf[index])]
                let end = index + 1 < automaton.starts.count ? automaton.starts[index + 1] : CodePointSet.maximum + 1
                guard target >= 0 else { continue }
                for codePoint in (start..<end).reversed() {
                    guard let scalar = Unicode.Scalar(codePoint) else { continue }
                    var longer = text
                    longer.append(scalar)
                    open.append((Int(target), longer))
                }
            }
        }
        return found
    }

    /// Whether the lexeme holds this text.
    func contains(_ text: String) -> Bool {
        let count = text.unicodeScalars.count
        return count >= Int(minimum) && count <= Int(maximum) && automaton.accepts(text.unicodeScalars)
    }
}

extension Automaton {
    /// By class: how many code points it has.
    fileprivate var classSizes: [Int64] {
        var sizes = [Int64](repeating: 0, count: classCount)
        for (index, start) in starts.enumerated() {
            let end = index + 1 < starts.count ? starts[index + 1] : CodePointSet.maximum + 1
            sizes[Int(classOf[index])] += Int64(end - start)
        }
        return sizes
    }
}
