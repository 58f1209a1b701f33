// Deterministic automata over code points, made whole from terms: every state that is left can still accept.
import JSON

/// A trimmed, complete-as-needed deterministic automaton. State 0 is the start.
struct Automaton: Sendable, Hashable {
    /// The alphabet: `starts[i]` is the first code point of the i-th interval, `classOf[i]` its class.
    let starts: [UInt32]
    let classOf: [Int32]
    let classCount: Int
    /// `transitions[state * classCount + class]`, -1 where nothing can follow.
    let transitions: [Int32]
    let accepting: [Bool]

    var stateCount: Int { accepting.count }

    /// Any string at all.
    static let any = Automaton(starts: [0], classOf: [0], classCount: 1, transitions: [0], accepting: [true])

    /// Whether every text is in the language.
    var isAny: Bool { accepting == [true] && transitions.allSatisfy { $0 == 0 } }

    /// Whether texts of any length are accepted (every state left can accept, so a cycle is enough).
    var isInfinite: Bool {
        var mark = [UInt8](repeating: 0, count: stateCount)
        var path: [(state: Int, next: Int)] = [(0, 0)]
        mark[0] = 1
        while let top = path.last {
            guard top.next < classCount else {
                mark[top.state] = 2
                path.removeLast()
                continue
            }
            path[path.count - 1].next += 1
            let target = transitions[top.state * classCount + top.next]
            guard target >= 0 else { continue }
            if mark[Int(target)] == 1 { return true }
            if mark[Int(target)] == 0 {
                mark[Int(target)] = 1
                path.append((Int(target), 0))
            }
        }
        return false
    }

    func classIndex(_ codePoint: UInt32) -> Int {
        var low = 0
        var high = starts.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= codePoint { low = middle } else { high = middle - 1 }
        }
        return Int(classOf[low])
    }

    /// Whether the automaton accepts the text.
    func accepts(_ text: some Sequence<Unicode.Scalar>) -> Bool {
        var state: Int32 = 0
        for scalar in text {
            state = transitions[Int(state) * classCount + classIndex(scalar.value)]
            if state < 0 { return false }
        }
        return accepting[Int(state)]
    }
}

extension Terms {
    /// The automaton of a term; nil when its language is empty.
    mutating func automaton(_ root: TermID, stateLimit: Int) throws(GrammarError) -> Automaton? {
        if root == nothing { return nil }
        let (starts, classOf, classCount) = alphabet(of: root)
        var representative = [UInt32](repeating: 0, count: classCount)
        for (start, number) in zip(starts, classOf).reversed() { representative[Int(number)] = start }
        var states: [TermID] = [root]
        var numbers: [TermID: Int32] = [root: 0]
        var transitions: [Int32] = []
        var next = 0
        while next < states.count {
            let term = states[next]
            next += 1
            for index in 0..<classCount {
                // Surrogates are no characters: no text leads through them.
                let isCharacter = !(0xD800...0xDFFF).contains(representative[index])
                let target = isCharacter ? try derivative(term, by: representative[index]) : nothing
                if target == nothing {
                    transitions.append(-1)
                } else if let known = numbers[target] {
                    transitions.append(known)
                } else {
                    guard states.count < stateLimit else {
                        throw .tooLarge(what: "automaton states", limit: stateLimit, pointer: JSONPointer())
                    }
                    numbers[target] = Int32(states.count)
                    transitions.append(Int32(states.count))
                    states.append(target)
                }
            }
        }
        let accepting = states.map { nullable[Int($0)] }
        return trimmed(starts, classOf, classCount, transitions, accepting)
    }

    /// The intervals of code points that no set of the term tells apart, surrogates (which are no characters) in none.
    private func alphabet(of root: TermID) -> ([UInt32], [Int32], Int) {
        var sets: Set<CodePointSet> = [.surrogates]
        var seen: Set<TermID> = [root]
        var open = [root]
        while let id = open.popLast() {
            func visit(_ child: TermID) {
                if seen.insert(child).inserted { open.append(child) }
            }
            switch terms[Int(id)] {
            case .nothing, .empty: break
            case .characters(let set): sets.insert(set)
            case .concatenation(let first, let second):
                visit(first)
                visit(second)
            case .union(let items), .intersection(let items): items.forEach(visit)
            case .complement(let item), .repetition(let item, _, _): visit(item)
            case .multiple:
                for codePoint: UInt32 in [0x2D, 0x2E] + Array(0x30...0x39) { sets.insert(CodePointSet(scalar: codePoint)) }
            }
        }
        var events: [UInt32: [Int]] = [0: []]
        for (index, set) in sets.enumerated() {
            for range in set.ranges {
                events[range.low, default: []].append(index)
                if range.high < CodePointSet.maximum { events[range.high + 1, default: []].append(index) }
            }
        }
        var starts: [UInt32] = []
        var classOf: [Int32] = []
        var inside: Set<Int> = []
        var classes: [Set<Int>: Int32] = [:]
        for start in events.keys.sorted() {
            for index in events[start]! where inside.remove(index) == nil { inside.insert(index) }
            let number = classes[inside] ?? Int32(classes.count)
            classes[inside] = number
            if classOf.last == number { continue }
            starts.append(start)
            classOf.append(number)
        }
        return (starts, classOf, classes.count)
    }

    /// Drops the states from which nothing can be accepted, merges the equivalent, and numbers the rest from the start.
    private func trimmed(
        _ starts: [UInt32], _ classOf: [Int32], _ classCount: Int, _ transitions: [Int32], _ accepting: [Bool]
    ) -> Automaton? {
        let live = Self.live(classCount, transitions, accepting)
        guard live[0] else { return nil }
        let pruned = transitions.indices.map { transitions[$0] >= 0 && live[Int(transitions[$0])] ? transitions[$0] : -1 }
        let block = Self.blocks(classCount, pruned, accepting)
        var order: [Int] = [0]
        var number: [Int32: Int32] = [block[0]: 0]
        var result: [Int32] = []
        var next = 0
        while next < order.count {
            let state = order[next]
            next += 1
            for index in 0..<classCount {
                let target = pruned[state * classCount + index]
                guard target >= 0 else {
                    result.append(-1)
                    continue
                }
                if number[block[Int(target)]] == nil {
                    number[block[Int(target)]] = Int32(order.count)
                    order.append(Int(target))
                }
                result.append(number[block[Int(target)]]!)
            }
        }
        return Automaton(
            starts: starts, classOf: classOf, classCount: classCount, transitions: result, accepting: order.map { accepting[$0] })
    }

    private static func live(_ classCount: Int, _ transitions: [Int32], _ accepting: [Bool]) -> [Bool] {
        var sources = [[Int32]](repeating: [], count: accepting.count)
        for state in accepting.indices {
            for index in 0..<classCount {
                let target = transitions[state * classCount + index]
                if target >= 0 && sources[Int(target)].last != Int32(state) { sources[Int(target)].append(Int32(state)) }
            }
        }
        var live = accepting
        var open = accepting.indices.filter { accepting[$0] }
        while let state = open.popLast() {
            for source in sources[state] where !live[Int(source)] {
                live[Int(source)] = true
                open.append(Int(source))
            }
        }
        return live
    }

    /// Moore's partition refinement, given up (every state its own block) when it would take too many rounds.
    private static func blocks(_ classCount: Int, _ transitions: [Int32], _ accepting: [Bool]) -> [Int32] {
        var block = accepting.map { $0 ? Int32(1) : 0 }
        var count = Set(block).count
        for _ in 0..<64 where accepting.count * classCount <= 1 << 18 {
            var signatures: [[Int32]: Int32] = [:]
            var refined = block
            for state in accepting.indices {
                var signature = [block[state]]
                for index in 0..<classCount {
                    let target = transitions[state * classCount + index]
                    signature.append(target < 0 ? -1 : block[Int(target)])
                }
                let number = signatures[signature] ?? Int32(signatures.count)
                signatures[signature] = number
                refined[state] = number
            }
            if signatures.count == count { return refined }
            block = refined
            count = signatures.count
        }
        return accepting.indices.map { Int32($0) }
    }
}
