// The values of the items of arrays whose items must differ: without end, or listed one by one.
import JSON

/// Finds for every such array of a graph whether it can be finished, and the values of its items where these are few.
struct DistinctPlans {
    private let graph: Graph
    private let program: Program
    private let productive: [Bool]

    /// By plan what is known of its values; plans that cannot be finished are not in it.
    ///
    /// An array that can be finished may make others possible in whose items it stands, so this is repeated until nothing is found any more.
    /// - Throws: `.tooLarge` where values are neither without end nor few enough to be listed.
    static func solve(_ graph: Graph) throws(GrammarError) -> [Int: Distinctness] {
        let plans = graph.plans.indices.filter { graph.plans[$0].isUnique }
        var found: [Int: Distinctness] = [:]
        guard !plans.isEmpty else { return found }
        for index in plans where graph.plans[index].minimum > graph.limits.distinctItems {
            throw .tooLarge(what: "items that must differ", limit: graph.limits.distinctItems, pointer: graph.plans[index].pointer)
        }
        let nested = plans.filter { reachesUnique(graph, index: $0) }
        var isChanged = true
        while isChanged {
            isChanged = false
            let productive = try Program.productive(graph, found)
            let solver = DistinctPlans(graph: graph, program: try Program(graph, entry: Graph.end, productive, found), productive: productive)
            for index in plans where found[index] == nil || nested.contains(index) {
                let run = try PlanRun(graph.plans[index], limits: graph.limits) { productive[Int($0)] }
                guard run.isFeasible else { continue }
                let distinct = Distinctness(run.plan, try solver.lists(run.plan, index))
                guard try PlanRun(run, distinct, limits: graph.limits).isFeasible else { continue }
                if found[index].map({ !$0.isSame(as: distinct) }) ?? true {
                    found[index] = distinct
                    isChanged = !nested.isEmpty
                }
            }
        }
        return found
    }

    /// Whether another such array, or the same again, stands somewhere in the plan's items.
    private static func reachesUnique(_ graph: Graph, index: Int) -> Bool {
        var visited: Set<NodeID> = []
        var open = graph.plans[index].elements.flatMap { $0.ways.map(\.value) }
        while let id = open.popLast() {
            guard id >= 0, visited.insert(id).inserted else { continue }
            let node = graph.nodes[Int(id)]
            switch node.kind {
            case .choice, .text: open += graph.targets[Int(node.first)..<Int(node.first + node.count)] + [node.next]
            case .call: open += [node.first, node.next]
            case .loop: open += [node.first, node.rest, node.next]
            case .planStart:
                let plan = graph.plans[Int(node.index)]
                if plan.isUnique { return true }
                open += plan.elements.flatMap { $0.ways.map(\.value) }
            default: open.append(node.next)
            }
        }
        return false
    }

    /// By element and way the values.
    private func lists(_ plan: Plan, _ index: Int) throws(GrammarError) -> [[ValueList]] {
        let limit = graph.limits.listedValues
        // So many values an array may have before all that it must have are there.
        let needed = max(plan.minimum, plan.declared) + plan.counters.reduce(0) { $0 + $1.minimum }
        let ways = plan.elements.reduce(0) { $0 + $1.ways.count }
        var known: [NodeID: ValueList] = [:]
        var lists: [[ValueList]] = []
        for element in plan.elements {
            var row: [ValueList] = []
            for way in element.ways {
                let list: ValueList
                if let other = known[way.value] {
                    list = other
                } else if case let count = try supply(of: way.value), count > needed + (ways + 1) * limit {
                    list = .many(count)
                } else {
                    list = try listed(way.value, index, limit)
                }
                known[way.value] = list
                row.append(list)
            }
            lists.append(row)
        }
        let total = Set(lists.joined().flatMap { $0.keys ?? [] }).count
        for case .many(let count) in lists.joined() where count <= needed + total {
            throw .tooLarge(what: "values of items that must differ", limit: limit, pointer: plan.pointer)
        }
        return lists
    }

    /// At least so many values a rule has, by its strings and whole numbers, or because it stands within itself; 0 where these do not say.
    private func supply(of start: NodeID) throws(GrammarError) -> Int {
        var most = 0
        var followers: [NodeID: [NodeID]] = [:]
        var open = [start]
        while let id = open.popLast() {
            guard id >= 0, followers[id] == nil else { continue }
            let next = try self.followers(id).filter { $0 >= 0 && productive[Int($0)] }
            followers[id] = next
            open += next
            let node = program.nodes[Int(id)]
            // Where a string or number differs the value does.
            if node.kind == .lexeme { most = max(most, program.lexemes[Int(node.index)].valueSupply) }
            if most == .max { return most }
        }
        return Self.hasCycle(followers) ? .max : most
    }

    /// What may come after a node within its value.
    private func followers(_ id: NodeID) throws(GrammarError) -> [NodeID] {
        let node = program.nodes[Int(id)]
        switch node.kind {
        case .choice, .text: return program.targets[Int(node.first)..<Int(node.first + node.count)] + [node.next]
        case .call: return [node.first, node.next]
        case .loop: return node.maximum > 0 ? [node.first, node.next] : [node.next]
        case .planStart:
            let run = try PlanRun(graph.plans[Int(node.index)], limits: graph.limits) { productive[Int($0)] }
            if run.plan.isArray { return run.ways(0, run.initial).map(\.value) }
            var found: [NodeID] = []
            for element in run.plan.elements.indices {
                let ways = run.ways(element, run.initial)
                if !ways.isEmpty { found.append(run.plan.keys[element]) }
                found += ways.map(\.value)
            }
            return found
        default: return [node.next]
        }
    }

    /// Whether some node can be reached from itself: its values stand within each other, as deep as one likes.
    private static func hasCycle(_ followers: [NodeID: [NodeID]]) -> Bool {
        var waiting: [NodeID: Int] = [:]
        for next in followers.values { for id in next { waiting[id, default: 0] += 1 } }
        var open = followers.keys.filter { waiting[$0] == nil }
        var count = 0
        while let id = open.popLast() {
            count += 1
            for next in followers[id] ?? [] {
                waiting[next]! -= 1
                if waiting[next] == 0 { open.append(next) }
            }
        }
        return count < followers.count
    }

    private func listed(_ value: NodeID, _ index: Int, _ limit: Int) throws(GrammarError) -> ValueList {
        if let texts = try scalars(value, limit) {
            var trees: [ValueTree] = []
            var keys: Set<[UInt8]> = []
            for text in texts {
                let tree = ValueTree(text)
                if keys.insert(tree.key).inserted { trees.append(tree) }
            }
            return trees.count > limit ? .many(trees.count) : .listed(trees)
        }
        let novelty = Novelty(program)
        var trees: [ValueTree] = []
        while trees.count <= limit {
            guard let text = try novelty.text(of: value, in: index, without: trees, steps: graph.limits.planSteps) else { return .listed(trees) }
            trees.append(ValueTree(text))
        }
        return .many(trees.count)
    }

    /// All texts of a rule of words, numbers and strings that are not too many; nil where it is of another kind.
    private func scalars(_ start: NodeID, _ limit: Int) throws(GrammarError) -> [[UInt8]]? {
        let node = program.nodes[Int(start)]
        /// More spellings than this are not listed.
        let textLimit = 64 * limit
        switch node.kind {
        case .choice:
            var texts: [[UInt8]] = []
            for target in program.targets[Int(node.first)..<Int(node.first + node.count)] {
                guard let list = try scalars(target, limit) else { return nil }
                texts += list
                if texts.count > textLimit { return nil }
            }
            return texts
        case .words: return node.next == Graph.end ? program.tries[Int(node.index)].strings() : nil
        case .literal:
            let bytes = program.literals[Int(node.index)]
            if node.next == Graph.end { return [bytes] }
            let next = program.nodes[Int(node.next)]
            guard bytes == [0x22], next.kind == .lexeme, next.next == Graph.end, !next.isName else { return nil }
            return try program.lexemes[Int(next.index)].texts(atMost: textLimit)?.map { Array(JSONValue.string($0).text(.compact).utf8) }
        case .lexeme:
            guard node.next == Graph.end, program.lexemes[Int(node.index)].spelling == .plain else { return nil }
            return try program.lexemes[Int(node.index)].texts(atMost: textLimit)?.map { Array($0.utf8) }
        default: return nil
        }
    }
}

extension Lexeme {
    /// At least so many values: all strings, of numbers those of digits only.
    fileprivate var valueSupply: Int {
        if spelling == .string {
            let count = (try? supply()) ?? 0
            return count == .max ? .max : Int(count)
        }
        return automaton.digitTexts(atMost: 1 << 20)
    }
}

extension Automaton {
    /// How many texts of digits it accepts, at most the limit; those of zeros at the front aside.
    fileprivate func digitTexts(atMost limit: Int) -> Int {
        let digits = (UInt32(0x30)...0x39).map { classIndex($0) }
        var ways = [Int](repeating: 0, count: stateCount)
        for digit in digits.dropFirst() {
            let target = transitions[digit]
            if target >= 0 { ways[Int(target)] += 1 }
        }
        var total = 0
        for _ in 0...stateCount {
            var next = [Int](repeating: 0, count: stateCount)
            for state in ways.indices where ways[state] > 0 {
                if accepting[state] { total += ways[state] }
                for digit in digits {
                    let target = transitions[state * classCount + digit]
                    if target >= 0 { next[Int(target)] = min(next[Int(target)] + ways[state], limit) }
                }
            }
            if total >= limit { return .max }
            if next.allSatisfy({ $0 == 0 }) { break }
            ways = next
        }
        return total
    }
}
