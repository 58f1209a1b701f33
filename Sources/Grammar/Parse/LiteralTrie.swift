// A set of byte strings, read side by side: enumerations of any size.

/// An immutable trie over bytes; node 0 is the root. Children of a node are `edges[first[node]..<first[node + 1]]`, sorted by byte.
struct LiteralTrie: Sendable {
    private let first: [Int32]
    private let bytes: [UInt8]
    private let targets: [Int32]
    let accepting: [Bool]

    /// The set need not be sorted; repeated strings count once.
    init(_ literals: [[UInt8]]) {
        let sorted = literals.sorted { $0.lexicographicallyPrecedes($1) }
        var first: [Int32] = []
        var bytes: [UInt8] = []
        var targets: [Int32] = []
        var accepting: [Bool] = []
        // Breadth first: each node is the range of sorted strings that share its path.
        var open: [(low: Int, high: Int, depth: Int)] = [(0, sorted.count, 0)]
        var next = 0
        while next < open.count {
            var (low, high, depth) = open[next]
            next += 1
            first.append(Int32(bytes.count))
            accepting.append(low < high && sorted[low].count == depth)
            while low < high && sorted[low].count == depth { low += 1 }
            while low < high {
                let byte = sorted[low][depth]
                var end = low + 1
                while end < high && sorted[end][depth] == byte { end += 1 }
                bytes.append(byte)
                targets.append(Int32(open.count))
                open.append((low, end, depth + 1))
                low = end
            }
            high = 0
            depth = 0
        }
        first.append(Int32(bytes.count))
        self.first = first
        self.bytes = bytes
        self.targets = targets
        self.accepting = accepting
    }

    /// The node after one byte, −1 for none.
    @inline(__always)
    func step(_ node: Int32, _ byte: UInt8) -> Int32 {
        var low = Int(first[Int(node)])
        let high = Int(first[Int(node) + 1])
        while low < high {
            if bytes[low] == byte { return targets[low] }
            low += 1
        }
        return -1
    }

    /// All strings of the set.
    func strings() -> [[UInt8]] {
        var found: [[UInt8]] = []
        var open: [(node: Int32, text: [UInt8])] = [(0, [])]
        while let (node, text) = open.popLast() {
            if accepting[Int(node)] { found.append(text) }
            for byte in nextBytes(node) { open.append((step(node, byte), text + [byte])) }
        }
        return found
    }

    func canContinue(_ node: Int32) -> Bool { first[Int(node)] < first[Int(node) + 1] }

    /// The bytes that may follow.
    func nextBytes(_ node: Int32) -> ArraySlice<UInt8> { bytes[Int(first[Int(node)])..<Int(first[Int(node) + 1])] }
}
