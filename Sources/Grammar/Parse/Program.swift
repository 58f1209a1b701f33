// A finished graph: ways that lead nowhere are cut, and what remains never changes.
import JSON
import Synchronization

/// The grammar as configurations run it. From every node that can be reached, the rule can be finished.
final class Program: Sendable {
    let nodes: [GraphNode]
    let targets: [NodeID]
    let literals: [[UInt8]]
    let lexemes: [Lexeme]
    let tries: [LiteralTrie]
    let texts: [TextAutomaton]
    let plans: [PlanRun]
    let entry: NodeID
    /// Whether some object keeps track of its undeclared names.
    let hasNames: Bool
    /// Whether some array's items must differ.
    let hasItems: Bool
    /// The most items that such an array may have.
    let distinctItems: Int
    /// Steps in search of one value that such an item may still become.
    let noveltySteps: Int
    private let costs = Mutex<EndingCosts?>(nil)

    /// What endings cost, worked out when it is first asked for.
    var endingCosts: EndingCosts {
        costs.withLock {
            if let known = $0 { return known }
            let made = EndingCosts(self)
            $0 = made
            return made
        }
    }

    /// - Throws: `.unsatisfiable` when no text at all can be finished from the entry.
    convenience init(_ graph: Graph, entry: NodeID, reason: (pointer: JSONPointer, text: String)? = nil) throws(GrammarError) {
        let distinct = try DistinctPlans.solve(graph)
        let productive = try Self.productive(graph, distinct)
        guard productive[Int(entry)] else {
            throw .unsatisfiable(
                pointer: reason?.pointer ?? JSONPointer(), reason: reason?.text ?? "every way through the rules ends in a contradiction")
        }
        try self.init(graph, entry: entry, productive, distinct)
    }

    /// - Parameters:
    ///   - productive: the nodes from which the end of the rule can be reached.
    ///   - distinct: what is known of the arrays whose items must differ, by plan; those not in it are not entered.
    init(_ graph: Graph, entry: NodeID, _ productive: [Bool], _ distinct: [Int: Distinctness]) throws(GrammarError) {
        var nodes = graph.nodes
        var targets: [NodeID] = []
        for index in nodes.indices {
            let node = nodes[index]
            switch node.kind {
            case .choice:
                let list = graph.targets[Int(node.first)..<Int(node.first + node.count)].filter { productive[Int($0)] }
                nodes[index].first = Int32(targets.count)
                nodes[index].count = Int32(list.count)
                targets += list
            case .text:
                let list = graph.targets[Int(node.first)..<Int(node.first + node.count)].map { productive[Int($0)] ? $0 : -1 }
                nodes[index].first = Int32(targets.count)
                targets += list
                if node.next >= 0 && !productive[Int(node.next)] { nodes[index].next = -1 }
            case .loop:
                // A body that cannot be finished is never entered.
                if !productive[Int(node.first)] {
                    nodes[index].maximum = 0
                } else if !productive[Int(node.rest)] {
                    nodes[index].maximum = min(node.maximum, 1)
                }
            default: break
            }
        }
        plans = try Self.runs(graph, productive, distinct)
        self.nodes = nodes
        self.targets = targets
        self.entry = entry
        hasNames = nodes.contains { $0.isName }
        hasItems = !distinct.isEmpty
        distinctItems = graph.limits.distinctItems
        noveltySteps = graph.limits.noveltySteps
        literals = graph.literals
        lexemes = graph.lexemes
        tries = graph.tries
        texts = graph.texts
    }

    /// The nodes from which the end of the rule can be reached: the least fixed point, by a work list over reversed edges.
    static func productive(_ graph: Graph, _ distinct: [Int: Distinctness]) throws(GrammarError) -> [Bool] {
        let nodes = graph.nodes
        var productive = [Bool](repeating: false, count: nodes.count)
        func choices(_ node: GraphNode) -> ArraySlice<NodeID> { graph.targets[Int(node.first)..<Int(node.first + node.count)] }
        func forEachNeed(_ node: GraphNode, _ body: (Int) -> Void) {
            func need(_ id: NodeID) { if id >= 0 { body(Int(id)) } }
            switch node.kind {
            case .end: break
            case .literal, .lexeme, .words: need(node.next)
            case .text:
                need(node.next)
                for target in choices(node) { need(target) }
            case .choice: for target in choices(node) { need(target) }
            case .call:
                need(node.first)
                need(node.next)
            case .loop:
                need(node.first)
                need(node.rest)
                need(node.next)
            case .planStart: for element in graph.plans[Int(node.index)].elements { for way in element.ways { need(way.value) } }
            case .planPick, .planBegin, .planAfter: need(graph.plans[Int(node.index)].start)
            }
        }
        // Who needs node i: `dependents[starts[i]..<starts[i + 1]]`.
        var starts = [Int](repeating: 0, count: nodes.count + 1)
        for node in nodes { forEachNeed(node) { starts[$0 + 1] += 1 } }
        for index in nodes.indices { starts[index + 1] += starts[index] }
        var dependents = [Int32](repeating: 0, count: starts[nodes.count])
        var ends = starts
        for (index, node) in nodes.enumerated() {
            forEachNeed(node) {
                dependents[ends[$0]] = Int32(index)
                ends[$0] += 1
            }
        }
        func holds(_ node: GraphNode) throws(GrammarError) -> Bool {
            func reaches(_ other: NodeID) -> Bool { other >= 0 && productive[Int(other)] }
            switch node.kind {
            case .end: return true
            case .literal, .lexeme, .words: return reaches(node.next)
            case .text: return reaches(node.next) || choices(node).contains { reaches($0) }
            case .choice: return choices(node).contains { reaches($0) }
            case .call: return reaches(node.first) && reaches(node.next)
            case .loop:
                guard reaches(node.next), node.minimum <= node.maximum else { return false }
                return node.minimum == 0 || reaches(node.first) && (node.minimum == 1 || reaches(node.rest))
            case .planStart:
                if graph.plans[Int(node.index)].isUnique { return distinct[Int(node.index)] != nil }
                return try PlanRun(graph.plans[Int(node.index)], limits: graph.limits, isProductive: reaches).isFeasible
            case .planPick, .planBegin, .planAfter: return reaches(graph.plans[Int(node.index)].start)
            }
        }
        var open = Array(nodes.indices)
        while let index = open.popLast() {
            if productive[index] { continue }
            if try !holds(nodes[index]) { continue }
            productive[index] = true
            for dependent in dependents[starts[index]..<starts[index + 1]] where !productive[Int(dependent)] { open.append(Int(dependent)) }
        }
        return productive
    }

    /// The plans without the ways that lead nowhere.
    private static func runs(_ graph: Graph, _ productive: [Bool], _ distinct: [Int: Distinctness]) throws(GrammarError) -> [PlanRun] {
        var runs: [PlanRun] = []
        for (index, plan) in graph.plans.enumerated() {
            let run = try PlanRun(plan, limits: graph.limits) { productive[Int($0)] }
            runs.append(try distinct[index].map { distinct throws(GrammarError) in try PlanRun(run, distinct, limits: graph.limits) } ?? run)
        }
        return runs
    }
}
