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

    /// The bit set, of so many words, of the classes that have a character (surrogates are none).
    func characterClasses(_ words: Int) -> [UInt64] {
        var set = [UInt64](repeating: 0, count: words)
        for (index, start) in starts.enumerated() {
            let end = index + 1 < starts.count ? starts[index + 1] : CodePointSet.maximum + 1
            if start < 0xD800 || end > 0xE000 { set[Int(classOf[index]) >> 6] |= 1 << UInt64(classOf[index] & 63) }
        }
        return set
    }

    /// By state: whether infinitely many texts may follow, that is, whether a cycle can be reached.
    var endlessStates: [Bool] {
        var isEndless = [Bool](repeating: true, count: stateCount)
        var left = [Int](repeating: 0, count: stateCount)
        var before = [[Int32]](repeating: [], count: stateCount)
        for (index, target) in transitions.enumerated() where target >= 0 {
            left[index / classCount] += 1
            before[Int(target)].append(Int32(index / classCount))
        }
        // States from which nothing leads on, then those from which only such states can be reached.
        var open = left.indices.filter { left[$0] == 0 }
        while let state = open.popLast() {
            isEndless[state] = false
            for other in before[state] {
                left[Int(other)] -= 1
                if left[Int(other)] == 0 { open.append(Int(other)) }
            }
        }
        return isEndless
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
        if case .complement(let inner) = terms[Int(root)], case .words(let trie, node: 0) = terms[Int(inner)] {
            guard wordTries[Int(trie)].accepting.count < stateLimit else {
                throw .tooLarge(what: "automaton states", limit: stateLimit, pointer: JSONPointer())
            }
            return wordTries[Int(trie)].complement
        }
        let (starts, classOf, classCount) = alphabet(of: root)
        var representative = [UInt32](repeating: 0, count: classCount)
        for (start, number) in zip(starts, classOf).reversed() { representative[Int(number)] = start }
        var states: [TermID] = [root]
        var numbers = FlatMap()
        numbers.set(UInt64(root), 0)
        var transitions: [Int32] = []
        var next = 0
        while next < states.count {
            let term = states[next]
            next += 1
            for codePoint in representative {
                // Surrogates are no characters: no text leads through them.
                let isCharacter = !(0xD800...0xDFFF).contains(codePoint)
                let target = isCharacter ? try derivative(term, by: codePoint) : nothing
                if target == nothing {
                    transitions.append(-1)
                    continue
                }
                var number = numbers[UInt64(target)]
                if number < 0 {
                    guard states.count < stateLimit else {
                        throw .tooLarge(what: "automaton states", limit: stateLimit, pointer: JSONPointer())
                    }
                    number = Int32(states.count)
                    numbers.set(UInt64(target), number)
                    states.append(target)
                }
                transitions.append(number)
            }
        }
        let accepting = states.map { nullable[Int($0)] }
        return Minimization.trimmed(starts, classOf, classCount, transitions, accepting)
    }

    /// The intervals of code points that no set of the term tells apart, surrogates (which are no characters) in none.
    private func alphabet(of root: TermID) -> ([UInt32], [Int32], Int) {
        // Every set has a random number; where an interval starts, the sum of the numbers of the sets around it tells its class.
        var events: [(codePoint: UInt32, change: UInt64)] = []
        var setCount: UInt64 = 0
        func add(_ set: CodePointSet) {
            setCount += 1
            let number = Mixing.mix(setCount)
            for range in set.ranges {
                events.append((range.low, number))
                if range.high < CodePointSet.maximum { events.append((range.high + 1, 0 &- number)) }
            }
        }
        add(.surrogates)
        var seen = [Bool](repeating: false, count: terms.count)
        var labels: Set<UInt32> = []
        var open = [root]
        while let id = open.popLast() {
            if seen[Int(id)] { continue }
            seen[Int(id)] = true
            switch terms[Int(id)] {
            case .nothing, .empty: break
            case .characters(let set): add(set)
            case .concatenation(let first, let second): open += [first, second]
            case .union(let items), .intersection(let items): open += items
            case .complement(let item), .repetition(let item, _, _): open.append(item)
            case .multiples: labels.formUnion([0x2D, 0x2E] + Array(0x30...0x39))
            case .words(let trie, _): labels.formUnion(wordTries[Int(trie)].labels)
            }
        }
        for label in labels { add(CodePointSet(scalar: label)) }
        events.append((0, 0))
        events.sort { $0.codePoint < $1.codePoint }
        var starts: [UInt32] = []
        var classOf: [Int32] = []
        var classes = FlatMap()
        var sum: UInt64 = 0
        for (index, event) in events.enumerated() {
            sum &+= event.change
            if index + 1 < events.count && events[index + 1].codePoint == event.codePoint { continue }
            var number = classes[sum >> 1]
            if number < 0 {
                number = Int32(classes.count)
                classes.set(sum >> 1, number)
            }
            if classOf.last == number { continue }
            starts.append(event.codePoint)
            classOf.append(number)
        }
        return (starts, classOf, classes.count)
    }
}

extension WordTrie {
    /// The automaton of all texts but the words: the trie, and one state more for what has left it.
    fileprivate var complement: Automaton {
        let characters = Set(labels).sorted()
        // Class 0 is all other characters, class 1 the surrogates, and each of the words' characters is one.
        var starts: [UInt32] = []
        var classOf: [Int32] = []
        func add(_ start: UInt32, _ number: Int32) {
            if starts.last == start {
                classOf[classOf.count - 1] = number
            } else if classOf.last != number {
                starts.append(start)
                classOf.append(number)
            }
        }
        add(0, 0)
        var isPastSurrogates = false
        for (index, character) in characters.enumerated() {
            if character > 0xD800 && !isPastSurrogates {
                isPastSurrogates = true
                add(0xD800, 1)
                add(0xE000, 0)
            }
            add(character, Int32(index) + 2)
            if character < CodePointSet.maximum { add(character + 1, 0) }
        }
        if !isPastSurrogates {
            add(0xD800, 1)
            add(0xE000, 0)
        }
        let classCount = characters.count + 2
        let outside = Int32(accepting.count)
        var transitions = [Int32](repeating: outside, count: (accepting.count + 1) * classCount)
        for node in 0...accepting.count { transitions[node * classCount + 1] = -1 }
        for node in accepting.indices {
            for edge in Int(first[node])..<Int(first[node + 1]) {
                let index = characters.partitioningIndex(of: labels[edge])
                transitions[node * classCount + index + 2] = targets[edge]
            }
        }
        return Automaton(
            starts: starts, classOf: classOf, classCount: classCount, transitions: transitions, accepting: accepting.map { !$0 } + [true])
    }
}

extension [UInt32] {
    /// The place of a value in a sorted list that has it.
    fileprivate func partitioningIndex(of value: UInt32) -> Int {
        var low = 0
        var high = count - 1
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
