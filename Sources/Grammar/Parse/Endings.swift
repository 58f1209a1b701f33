// The shortest ending of a parse in progress, found by reading it through the grammar, and how many tokens it takes.
import Tokens

/// Endings of one grammar over one vocabulary.
struct Endings {
    let program: Program
    let trie: TokenTrie

    /// Configurations looked at in one search, and in all searches for one mask.
    private static let maximumSteps = 20_000
    private static let maximumStepsOfMask = 60_000
    /// An ending whose bytes, doubled, and so many more fit into the tokens left needs no search where the costs are a guess.
    private static let margin: Int32 = 64

    /// Whether the tokens left suffice so amply that nothing need be looked for.
    func isComfortable(_ configuration: Configuration, _ remaining: Int) -> Bool {
        let cost = program.endingCosts.ofEnding(configuration)
        if cost == 0 { return true }
        // Every byte is a token of its own, so that no ending takes more tokens than bytes.
        if program.plans.isEmpty && trie.spellsEveryByte { return Int(cost) <= remaining }
        return cost < EndingCosts.far && Int(cost) * 2 + Int(Self.margin) <= remaining
    }

    /// Whether the text can be finished within so many tokens.
    func fits(_ configuration: Configuration, _ remaining: Int) -> Bool {
        var steps = Self.maximumSteps
        return fits(configuration, remaining, steps: &steps)
    }

    private func fits(_ configuration: Configuration, _ remaining: Int, steps: inout Int) -> Bool {
        if remaining < 0 { return false }
        if isComfortable(configuration, remaining) { return true }
        guard let bytes = bytes(configuration, steps: &steps), let tokens = segment(bytes) else { return false }
        return tokens.count <= remaining
    }

    /// The tokens of the shortest ending (in bytes), as few as spell it; nil when none was found.
    func tokens(_ configuration: Configuration) -> [TokenID]? { bytes(configuration).flatMap { segment($0) } }

    /// The bytes of the shortest ending; nil when none was found.
    func bytes(_ start: Configuration) -> [UInt8]? {
        var steps = Self.maximumSteps
        return bytes(start, steps: &steps)
    }

    /// The bytes of the shortest ending: best first, guided by what each rule costs. `steps`: how many more configurations may be looked at.
    private func bytes(_ start: Configuration, steps: inout Int) -> [UInt8]? {
        if start.canStop { return [] }
        let costs = program.endingCosts
        var nodes: [(configuration: Configuration, parent: Int32, depth: Int32, byte: UInt8)] = [(start, -1, 0, 0)]
        var heap = Heap()
        heap.insert(Int(costs.ofEnding(start)), 0)
        while steps > 0, let top = heap.popLeast() {
            steps -= 1
            let (configuration, _, depth, _) = nodes[top]
            var bytes: Set<UInt8> = []
            for thread in configuration.threads { costs.candidates(thread, isWide: false, &bytes) }
            for byte in bytes.sorted() {
                guard let next = configuration.stepping(byte, program) else { continue }
                nodes.append((next, Int32(top), depth + 1, byte))
                if next.canStop { return path(nodes.map { ($0.parent, $0.byte) }, nodes.count - 1) }
                // What is missing weighs double, so that the search does not widen where the guess is a little short.
                heap.insert(2 * Int(costs.ofEnding(next)) + Int(depth) + 1, nodes.count - 1)
            }
        }
        return nil
    }

    private func path(_ nodes: [(parent: Int32, byte: UInt8)], _ last: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var index = last
        while nodes[index].parent >= 0 {
            bytes.append(nodes[index].byte)
            index = Int(nodes[index].parent)
        }
        return bytes.reversed()
    }

    /// The fewest tokens that spell the bytes; nil when the vocabulary cannot.
    func segment(_ bytes: [UInt8]) -> [TokenID]? {
        var best = [(count: Int, token: TokenID)](repeating: (.max, -1), count: bytes.count + 1)
        best[bytes.count] = (0, -1)
        for start in bytes.indices.reversed() {
            var node = 0
            for end in start..<bytes.count {
                guard let child = trie.child(of: node, bytes[end]) else { break }
                node = child
                if let token = trie.tokens(at: node).first, best[end + 1].count < .max, best[end + 1].count + 1 < best[start].count {
                    best[start] = (best[end + 1].count + 1, token)
                }
            }
        }
        guard best[0].count < .max else { return nil }
        var tokens: [TokenID] = []
        var place = 0
        while place < bytes.count {
            tokens.append(best[place].token)
            place += trie.vocabulary.tokens[Int(best[place].token)].count
        }
        return tokens
    }

    /// Clears the tokens after which the text cannot be finished within `remaining` tokens, or where that was not found out within the quota.
    func restrict(_ bits: inout [UInt64], _ start: Configuration, _ remaining: Int) {
        var configurations = [start]
        var verdicts: [Bool?] = [nil]
        var numbers: [Int: [Int32]] = [:]
        var table = [Int32](repeating: -2, count: 256)
        func intern(_ configuration: Configuration) -> Int32 {
            let key = configuration.placeHash
            for number in numbers[key] ?? [] where configurations[Int(number)].isSamePlace(as: configuration) { return number }
            let number = Int32(configurations.count)
            configurations.append(configuration)
            verdicts.append(nil)
            table.append(contentsOf: repeatElement(-2, count: 256))
            numbers[key, default: []].append(number)
            return number
        }
        var steps = Self.maximumStepsOfMask
        var path = [Int32](repeating: 0, count: trie.maximumDepth + 1)
        var node = 1
        while node < trie.nodeCount {
            let depth = Int(trie.depths[node])
            let cell = Int(path[depth - 1]) << 8 | Int(trie.bytes[node])
            if table[cell] == -2 {
                let next = configurations[cell >> 8].stepping(trie.bytes[node], program)
                table[cell] = next.map(intern) ?? -1
            }
            let target = table[cell]
            guard target >= 0 else {
                node = Int(trie.ends[node])
                continue
            }
            path[depth] = target
            for token in trie.tokens(at: node) where bits[Int(token) >> 6] >> UInt64(token & 63) & 1 == 1 {
                let verdict = verdicts[Int(target)] ?? fits(configurations[Int(target)], remaining - 1, steps: &steps)
                verdicts[Int(target)] = verdict
                if !verdict { bits[Int(token) >> 6] &= ~(1 << UInt64(token & 63)) }
            }
            node += 1
        }
    }
}

/// A binary heap of numbered things, least priority first; of equals the one inserted last.
private struct Heap {
    private var entries: [(priority: Int, order: Int, value: Int)] = []
    private var order = 0

    private func precedes(_ a: Int, _ b: Int) -> Bool { (entries[a].priority, entries[a].order) < (entries[b].priority, entries[b].order) }

    mutating func insert(_ priority: Int, _ value: Int) {
        order -= 1
        entries.append((priority, order, value))
        var index = entries.count - 1
        while index > 0, precedes(index, (index - 1) / 2) {
            entries.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func popLeast() -> Int? {
        guard let first = entries.first else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < entries.count && precedes(child, least) { least = child }
            if least == index { return first.value }
            entries.swapAt(index, least)
            index = least
        }
    }
}

extension Configuration {
    /// Hash of where the threads are, the bytes of an unfinished name aside.
    fileprivate var placeHash: Int {
        var sum = canStop ? 1 : 0
        for thread in threads {
            var hasher = Hasher()
            hasher.combine(thread.node)
            hasher.combine(thread.local)
            hasher.combine(thread.register)
            hasher.combine(thread.scope?.hash)
            hasher.combine(thread.stack.exactHash)
            sum &+= hasher.finalize()
        }
        return sum
    }

    /// Equality of where the threads are, the bytes of an unfinished name aside.
    fileprivate func isSamePlace(as other: Configuration) -> Bool {
        canStop == other.canStop && threads.count == other.threads.count
            && zip(threads, other.threads).allSatisfy {
                $0.node == $1.node && $0.local == $1.local && $0.register == $1.register && Scope.areSame($0.scope, $1.scope)
                    && $0.stack.isSame(as: $1.stack) && Item.areAlike($0.item, $1.item)
            }
    }
}
