// Trimming and minimization of automata: what cannot accept goes, what cannot be told apart is one.

enum Minimization {
    /// Drops the states from which nothing can be accepted, merges the equivalent, and numbers the rest from the start.
    static func trimmed(
        _ starts: [UInt32], _ classOf: [Int32], _ classCount: Int, _ transitions: [Int32], _ accepting: [Bool]
    ) -> Automaton? {
        let live = live(classCount, transitions, accepting)
        guard live[0] else { return nil }
        var pruned = transitions
        for index in pruned.indices where pruned[index] >= 0 && !live[Int(pruned[index])] { pruned[index] = -1 }
        let block = blocks(classCount, pruned, accepting, live)
        var order: [Int] = [0]
        var number = [Int32](repeating: -1, count: accepting.count)
        number[Int(block[0])] = 0
        var result: [Int32] = []
        result.reserveCapacity(pruned.count)
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
                let place = Int(block[Int(target)])
                if number[place] < 0 {
                    number[place] = Int32(order.count)
                    order.append(Int(target))
                }
                result.append(number[place])
            }
        }
        return Automaton(
            starts: starts, classOf: classOf, classCount: classCount, transitions: result, accepting: order.map { accepting[$0] })
    }

    /// The edges by the state they lead to: those to state s are `edges[first[s]..<first[s + 1]]`, as places in `transitions`.
    private static func incoming(_ stateCount: Int, _ transitions: [Int32]) -> (first: [Int32], edges: [Int32]) {
        var first = [Int32](repeating: 0, count: stateCount + 1)
        for target in transitions where target >= 0 { first[Int(target) + 1] += 1 }
        for state in 0..<stateCount { first[state + 1] += first[state] }
        var edges = [Int32](repeating: 0, count: Int(first[stateCount]))
        var place = first
        for (index, target) in transitions.enumerated() where target >= 0 {
            edges[Int(place[Int(target)])] = Int32(index)
            place[Int(target)] += 1
        }
        return (first, edges)
    }

    private static func live(_ classCount: Int, _ transitions: [Int32], _ accepting: [Bool]) -> [Bool] {
        let (first, edges) = incoming(accepting.count, transitions)
        var live = accepting
        var open = accepting.indices.filter { accepting[$0] }
        while let state = open.popLast() {
            for index in Int(first[state])..<Int(first[state + 1]) {
                let source = Int(edges[index]) / classCount
                if live[source] { continue }
                live[source] = true
                open.append(source)
            }
        }
        return live
    }

    /// A partition of 0..<count that is refined by marking elements (Valmari, "Fast brief practical DFA minimization", IPL 2012).
    private struct Partition {
        var elements: [Int32]
        var location: [Int32]
        var setOf: [Int32]
        var first: [Int32]
        var past: [Int32]
        var marked: [Int32]
        var touched: [Int32] = []
        var count: Int

        init(count total: Int) {
            elements = (0..<Int32(total)).map { $0 }
            location = elements
            setOf = [Int32](repeating: 0, count: total)
            count = total > 0 ? 1 : 0
            first = [Int32](repeating: 0, count: total + 1)
            past = first
            marked = first
            past[0] = Int32(total)
        }

        mutating func mark(_ element: Int32) {
            let set = Int(setOf[Int(element)])
            let from = Int(location[Int(element)])
            let to = Int(first[set] + marked[set])
            if from < to { return }
            elements[from] = elements[to]
            location[Int(elements[from])] = Int32(from)
            elements[to] = element
            location[Int(element)] = Int32(to)
            if marked[set] == 0 { touched.append(Int32(set)) }
            marked[set] += 1
        }

        mutating func split() {
            while let set = touched.popLast().map({ Int($0) }) {
                let middle = first[set] + marked[set]
                if middle == past[set] {
                    marked[set] = 0
                    continue
                }
                if marked[set] <= past[set] - middle {
                    first[count] = first[set]
                    past[count] = middle
                    first[set] = middle
                } else {
                    past[count] = past[set]
                    first[count] = middle
                    past[set] = middle
                }
                for index in Int(first[count])..<Int(past[count]) { setOf[Int(elements[index])] = Int32(count) }
                marked[set] = 0
                count += 1
            }
        }
    }

    /// For each live state the number of its class of equivalent states.
    private static func blocks(_ classCount: Int, _ transitions: [Int32], _ accepting: [Bool], _ live: [Bool]) -> [Int32] {
        var states = Partition(count: accepting.count)
        for state in accepting.indices where accepting[state] { states.mark(Int32(state)) }
        states.split()
        for state in accepting.indices where !live[state] { states.mark(Int32(state)) }
        states.split()
        // Edges in the order of their labels; an edge's number is its place there.
        var labelled: [Int32] = []
        labelled.reserveCapacity(transitions.count)
        var ends: [Int32] = []
        var numberOf = [Int32](repeating: -1, count: transitions.count)
        for label in 0..<classCount {
            for index in stride(from: label, to: transitions.count, by: classCount) where transitions[index] >= 0 {
                numberOf[index] = Int32(labelled.count)
                labelled.append(Int32(index))
            }
            if Int32(labelled.count) > ends.last ?? 0 { ends.append(Int32(labelled.count)) }
        }
        var edges = Partition(count: labelled.count)
        edges.count = ends.count
        var start: Int32 = 0
        for (set, end) in ends.enumerated() {
            edges.first[set] = start
            edges.past[set] = end
            for index in start..<end { edges.setOf[Int(index)] = Int32(set) }
            start = end
        }
        let (first, into) = incoming(accepting.count, transitions)
        var state = 1
        var edge = 0
        while edge < edges.count {
            for index in Int(edges.first[edge])..<Int(edges.past[edge]) { states.mark(labelled[Int(edges.elements[index])] / Int32(classCount)) }
            states.split()
            edge += 1
            while state < states.count {
                for index in Int(states.first[state])..<Int(states.past[state]) {
                    let target = Int(states.elements[index])
                    for place in Int(first[target])..<Int(first[target + 1]) { edges.mark(numberOf[Int(into[place])]) }
                }
                edges.split()
                state += 1
            }
        }
        return states.setOf
    }
}
