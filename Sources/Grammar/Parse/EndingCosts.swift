// How many bytes the shortest ending takes from everywhere in a grammar: Knuth's generalization of Dijkstra's algorithm (IPL 6, 1977).
import Synchronization

/// The least number of bytes with which each rule can be finished, and from them what a parse in progress still needs.
///
/// Exact for everything but plans with counters, names that must differ, and items that must be unique: there it is a good guess, and the
/// search that uses it (`Endings`) reads every byte through the grammar itself.
final class EndingCosts: Sendable {
    /// More than any text that is worth looking at.
    static let far: Int32 = 1 << 28

    private unowned let program: Program
    /// By node: bytes to the end of its rule; far where that depends on a plan's position.
    private let toEnd: [Int32]
    /// By trie and trie node: bytes to the next string.
    private let trieTails: [[Int32]]
    /// By plan and element: bytes of the key.
    private let keys: [[Int32]]
    private let planTails = Mutex<[PlanKey: Int32]>([:])
    private let textTails = Mutex<[Int64: (Int32, UInt8)]>([:])
    private static let maximumKnown = 65_536

    private struct PlanKey: Hashable {
        let plan: Int32
        let position: PlanPosition
    }

    init(_ program: Program) {
        self.program = program
        trieTails = program.tries.map { trie in
            var tails = [Int32](repeating: Self.far, count: trie.accepting.count)
            for node in tails.indices.reversed() {
                if trie.accepting[node] {
                    tails[node] = 0
                } else {
                    for byte in trie.nextBytes(Int32(node)) { tails[node] = min(tails[node], 1 + tails[Int(trie.step(Int32(node), byte))]) }
                }
            }
            return tails
        }
        let keys = program.plans.map { run in
            run.plan.elements.indices.map { run.plan.isArray ? 0 : Self.chain(program, run.plan.keys[$0]) }
        }
        self.keys = keys
        toEnd = Self.solve(program, trieTails, keys)
    }

    /// Bytes from a node to the plan's node that follows.
    private static func chain(_ program: Program, _ start: NodeID) -> Int32 {
        var total: Int32 = 0
        var id = start
        while true {
            let node = program.nodes[Int(id)]
            switch node.kind {
            case .literal: total += Int32(program.literals[Int(node.index)].count)
            case .lexeme: total += program.lexemes[Int(node.index)].tail(0, 0).length
            default: return total
            }
            id = node.next
        }
    }

    /// The least fixed point: costs only fall, and whoever depends on one that fell is looked at again.
    private static func solve(_ program: Program, _ tries: [[Int32]], _ keys: [[Int32]]) -> [Int32] {
        let nodes = program.nodes
        var cost = [Int32](repeating: far, count: nodes.count)
        var dependents = [[Int32]](repeating: [], count: nodes.count)
        func choices(_ node: GraphNode) -> ArraySlice<NodeID> { program.targets[Int(node.first)..<Int(node.first + node.count)] }
        for (index, node) in nodes.enumerated() {
            var needs = [node.next]
            switch node.kind {
            case .choice, .text: needs += choices(node)
            case .call: needs.append(node.first)
            case .loop: needs += [node.first, node.rest]
            case .planStart: needs += program.plans[Int(node.index)].plan.elements.flatMap { $0.ways.map(\.value) }
            default: break
            }
            for need in needs where need >= 0 { dependents[Int(need)].append(Int32(index)) }
        }
        let depths = program.texts.map { $0.triggerDepths() }
        func of(_ id: NodeID) -> Int32 { id < 0 ? far : cost[Int(id)] }
        func value(_ node: GraphNode) -> Int32 {
            switch node.kind {
            case .end: return 0
            case .literal: return sum(Int32(program.literals[Int(node.index)].count), of(node.next))
            case .lexeme: return sum(program.lexemes[Int(node.index)].tail(0, 0).length, of(node.next))
            case .words: return sum(tries[Int(node.index)][0], of(node.next))
            case .text:
                var best = program.texts[Int(node.index)].isBoundary[0] ? of(node.next) : far
                for (depth, target) in zip(depths[Int(node.index)], choices(node)) { best = min(best, sum(depth, of(target))) }
                return best
            case .choice: return choices(node).map(of).min() ?? far
            case .call: return sum(of(node.first), of(node.next))
            case .loop: return sum(runs(node, 0, of), of(node.next))
            case .planStart:
                let run = program.plans[Int(node.index)]
                return tail(program, run, run.initial, keys[Int(node.index)], isFirst: true, of)
            case .planPick, .planBegin, .planAfter: return far
            }
        }
        var open = Array(nodes.indices.reversed().map { Int32($0) })
        var isOpen = [Bool](repeating: true, count: nodes.count)
        while !open.isEmpty {
            var next: [Int32] = []
            for index in open {
                isOpen[Int(index)] = false
                let better = value(nodes[Int(index)])
                guard better < cost[Int(index)] else { continue }
                cost[Int(index)] = better
                for dependent in dependents[Int(index)] where !isOpen[Int(dependent)] {
                    isOpen[Int(dependent)] = true
                    next.append(dependent)
                }
            }
            open = next
        }
        return cost
    }

    private static func sum(_ a: Int32, _ b: Int32) -> Int32 { min(a &+ b, far) }

    private static func product(_ count: Int32, _ cost: Int32) -> Int32 { count <= 0 ? 0 : Int32(min(Int64(count) * Int64(cost), Int64(far))) }

    /// What the missing runs of a loop cost.
    private static func runs(_ node: GraphNode, _ done: Int32, _ of: (NodeID) -> Int32) -> Int32 {
        let missing = node.minimum - done
        if missing <= 0 { return 0 }
        return done == 0 ? sum(of(node.first), product(missing - 1, of(node.rest))) : product(missing, of(node.rest))
    }

    /// What an object or array costs from a position to its end, after a member or (`isFirst`) before any.
    private static func tail(
        _ program: Program, _ run: PlanRun, _ position: PlanPosition, _ keys: [Int32], isFirst: Bool, _ of: (NodeID) -> Int32
    ) -> Int32 {
        let comma = Int64(chain(program, run.plan.comma))
        var (count, total) = run.leastCost(position) { element, way in
            Int64(min(keys[element] &+ of(way.value), far)) + comma
        }
        if isFirst && count > 0 { total -= comma }
        count = 0
        return Int32(min(total + 1, Int64(far)))
    }

    // MARK: A parse in progress

    /// The bytes that the configuration needs to its end.
    func ofEnding(_ configuration: Configuration) -> Int32 {
        if configuration.canStop { return 0 }
        return configuration.threads.map { of($0) }.min() ?? Self.far
    }

    /// The bytes that a thread needs.
    func of(_ thread: Thread) -> Int32 { Self.sum(inside(thread), of(thread.stack)) }

    /// The bytes to the end of the thread's rule.
    private func inside(_ thread: Thread) -> Int32 {
        let node = program.nodes[Int(thread.node)]
        switch node.kind {
        case .literal:
            return Self.sum(Int32(program.literals[Int(node.index)].count) - thread.local, after(node.next, 0, thread.scope))
        case .lexeme:
            let tail = program.lexemes[Int(node.index)].tail(thread.local, thread.register).length
            return Self.sum(tail, after(node.next, thread.register, thread.scope))
        case .words: return Self.sum(trieTails[Int(node.index)][Int(thread.local)], after(node.next, thread.register, thread.scope))
        case .text: return textTail(thread.node, thread.local).0
        default: return Self.far
        }
    }

    /// The bytes from a node, arrived at with a register and a scope, to the end of its rule.
    private func after(_ start: NodeID, _ register: Int32, _ scope: Scope?) -> Int32 {
        var total: Int32 = 0
        var id = start
        while id >= 0 {
            let node = program.nodes[Int(id)]
            if node.kind == .loop {
                return Self.sum(total, Self.sum(Self.runs(node, register) { toEnd[Int($0)] }, toEnd[Int(node.next)]))
            }
            if toEnd[Int(id)] < Self.far { return Self.sum(total, toEnd[Int(id)]) }
            switch node.kind {
            case .literal: total = Self.sum(total, Int32(program.literals[Int(node.index)].count))
            case .lexeme: total = Self.sum(total, program.lexemes[Int(node.index)].tail(0, 0).length)
            case .planBegin, .planAfter, .planPick:
                guard let scope else { return Self.far }
                return Self.sum(total, planned(node, scope.position))
            default: return Self.far
            }
            id = node.next
        }
        return Self.far
    }

    private func planned(_ node: GraphNode, _ position: PlanPosition) -> Int32 {
        let run = program.plans[Int(node.index)]
        func begun(_ element: Int) -> Int32 {
            run.ways(element, position).map { Self.sum(toEnd[Int($0.value)], planTail(node.index, $0.after)) }.min() ?? Self.far
        }
        switch node.kind {
        case .planAfter: return planTail(node.index, position)
        case .planBegin: return begun(run.plan.isArray ? run.element(at: position) : Int(node.count))
        default: return run.candidates(position).map { Self.sum(keys[Int(node.index)][$0], begun($0)) }.min() ?? Self.far
        }
    }

    private func planTail(_ plan: Int32, _ position: PlanPosition) -> Int32 {
        let key = PlanKey(plan: plan, position: position)
        if let known = planTails.withLock({ $0[key] }) { return known }
        let tail = Self.tail(program, program.plans[Int(plan)], position, keys[Int(plan)], isFirst: false) { toEnd[Int($0)] }
        planTails.withLock {
            if $0.count >= Self.maximumKnown { $0 = [:] }
            $0[key] = tail
        }
        return tail
    }

    /// The bytes that a stack needs; kept in its frames, which are visited from the bottom up without recursion.
    private func of(_ stack: Frames) -> Int32 {
        var open = [stack]
        while let top = open.last {
            if top.endCost.load(ordering: .relaxed) >= 0 {
                open.removeLast()
                continue
            }
            let missing = top.links.map(\.parent).filter { $0.endCost.load(ordering: .relaxed) < 0 }
            if !missing.isEmpty {
                open += missing
                continue
            }
            let best = top.links.map { Self.sum(after($0.node, $0.register, $0.scope), $0.parent.endCost.load(ordering: .relaxed)) }.min()
            top.endCost.store(best ?? 0, ordering: .relaxed)
            open.removeLast()
        }
        return stack.endCost.load(ordering: .relaxed)
    }

    // MARK: The next byte

    /// The bytes worth trying next on the way to an end; with `isWide` also others, for where the shortest way may be barred.
    func candidates(_ thread: Thread, isWide: Bool, _ found: inout Set<UInt8>) {
        let node = program.nodes[Int(thread.node)]
        switch node.kind {
        case .literal: found.insert(program.literals[Int(node.index)][Int(thread.local)])
        case .words: found.formUnion(program.tries[Int(node.index)].nextBytes(thread.local))
        case .text: found.insert(textTail(thread.node, thread.local).1)
        case .lexeme:
            let lexeme = program.lexemes[Int(node.index)]
            if let byte = lexeme.tail(thread.local, thread.register).next { found.insert(byte) }
            guard isWide || node.isName && thread.names != nil || thread.item?.isWatched ?? false else { return }
            for byte in UInt8(0x20)..<0x7F where !found.contains(byte) {
                if case .dead = lexeme.step(thread.local, thread.register, byte) { continue }
                found.insert(byte)
            }
        default: break
        }
    }

    /// From a state of free text: the bytes to the end of its rule, and the first of them.
    private func textTail(_ id: NodeID, _ local: Int32) -> (Int32, UInt8) {
        let key = Int64(id) << 32 | Int64(local)
        if let known = textTails.withLock({ $0[key] }) { return known }
        let node = program.nodes[Int(id)]
        let text = program.texts[Int(node.index)]
        // Breadth first over the text's states; where it may go over to what follows, the rest is known.
        var best: (Int32, UInt8) = (Self.far, 0x20)
        var seen: Set<Int32> = [local]
        var level: [(state: Int32, first: UInt8?)] = [(local, nil)]
        var depth: Int32 = 0
        while !level.isEmpty && depth < best.0 {
            var next: [(state: Int32, first: UInt8?)] = []
            for (state, first) in level {
                if node.next >= 0, text.isBoundary[Int(state)] {
                    best = min(best, (Self.sum(depth, toEnd[Int(node.next)]), first ?? best.1), by: { $0.0 < $1.0 })
                }
                for byte in UInt8.min...UInt8.max {
                    let value = text.table[Int(state) << 8 | Int(byte)]
                    if value >= 0 {
                        if seen.insert(value).inserted { next.append((value, first ?? byte)) }
                    } else if value < -1 {
                        let target = program.targets[Int(node.first) + Int(-2 - value)]
                        if target >= 0 { best = min(best, (Self.sum(depth + 1, toEnd[Int(target)]), first ?? byte), by: { $0.0 < $1.0 }) }
                    }
                }
            }
            level = next
            depth += 1
        }
        textTails.withLock { $0[key] = best }
        return best
    }
}

private func min<T>(_ a: T, _ b: T, by areInOrder: (T, T) -> Bool) -> T { areInOrder(b, a) ? b : a }

extension TextAutomaton {
    /// By trigger: the least number of bytes of text that ends in it.
    fileprivate func triggerDepths() -> [Int32] {
        var depths: [Int: Int32] = [:]
        var seen: Set<Int32> = [0]
        var level: [Int32] = [0]
        var depth: Int32 = 1
        var last = -1
        while !level.isEmpty {
            var next: [Int32] = []
            for state in level {
                for byte in 0..<256 {
                    let value = table[Int(state) << 8 | byte]
                    if value >= 0 {
                        if seen.insert(value).inserted { next.append(value) }
                    } else if value < -1 {
                        let trigger = Int(-2 - value)
                        last = max(last, trigger)
                        if depths[trigger] == nil { depths[trigger] = depth }
                    }
                }
            }
            level = next
            depth += 1
        }
        return (0..<(last + 1)).map { depths[$0] ?? EndingCosts.far }
    }
}

extension PlanRun {
    /// How many more members or items the cheapest way to the end has, and what they cost in sum. With counters it is an estimate: each
    /// counter's missing members are taken for themselves.
    func leastCost(_ position: PlanPosition, _ cost: (Int, Way) -> Int64) -> (count: Int, cost: Int64) {
        var missing = plan.counters.indices.map { Int64(max(plan.counters[$0].minimum - Int(position.counters[$0]), 0)) }
        var count: Int64 = 0
        var total: Int64 = 0
        func take(_ element: Int) {
            guard let best = plan.elements[element].ways.min(by: { cost(element, $0) < cost(element, $1) }) else { return }
            total += cost(element, best)
            count += 1
            for index in missing.indices where best.counters >> UInt32(index) & 1 == 1 { missing[index] -= 1 }
        }
        let needed = Int64(max(plan.minimum - Int(position.count), 0))
        if plan.isArray {
            while count < needed, Int(position.count) + Int(count) < plan.declared { take(Int(position.count) + Int(count)) }
        } else {
            for element in plan.elements.indices where plan.elements[element].isRequired && isLeft(element, position) { take(element) }
        }
        let open =
            plan.isArray
            ? [element(at: position), plan.declared]
            : plan.elements.indices.filter { !plan.elements[$0].isRequired && isLeft($0, position) }
        for index in missing.indices where missing[index] > 0 {
            let costs = open.flatMap { element in
                plan.elements[element].ways.filter { $0.counters >> UInt32(index) & 1 == 1 }.map { cost(element, $0) }
            }
            guard let least = costs.min() else { continue }
            total += least * missing[index]
            count += missing[index]
        }
        if count < needed {
            // The cheapest first; kinds of members without end come as often as needed.
            var costs: [(cost: Int64, supply: Int64)] = open.compactMap { element in
                guard let least = plan.elements[element].ways.map({ cost(element, $0) }).min() else { return nil }
                return (least, plan.elements[element].supply == .max ? .max : Int64(plan.elements[element].supply))
            }
            costs.sort { $0.cost < $1.cost }
            for (least, supply) in costs where count < needed {
                let taken = min(supply, needed - count)
                total += least.multipliedReportingOverflow(by: taken).partialValue
                count += taken
            }
        }
        return (Int(count), min(total, Int64(EndingCosts.far)))
    }
}
