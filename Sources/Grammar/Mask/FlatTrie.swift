// Byte strings as a flat trie: depth first, so that a walk is a loop and a dead subtree is one jump.

/// Node 0 is the root; node i's subtree is the nodes i ..< ends[i], and its items are a range too.
struct FlatTrie: Sendable {
    let bytes: [UInt8]
    let depths: [UInt16]
    let ends: [Int32]
    /// By node: how many items come before it; one entry more at the end. Items `ranks[i] ..< ranks[i + 1]` end at node i itself.
    let ranks: [Int32]
    /// In the order of their strings.
    let items: [Int32]
    let maximumDepth: Int

    var nodeCount: Int { bytes.count }

    /// - Parameters:
    ///   - items: in the order of their strings.
    ///   - text: the string of an item.
    init(_ items: [Int32], text: (Int32) -> [UInt8]) {
        var bytes: [UInt8] = [0]
        var depths: [UInt16] = [0]
        var ends: [Int32] = [0]
        var ranks: [Int32] = [0]
        var path: [Int] = [0]
        var previous: [UInt8] = []
        for (rank, item) in items.enumerated() {
            let string = text(item)
            var common = 0
            while common < string.count, common < previous.count, string[common] == previous[common] { common += 1 }
            while path.count > common + 1 { ends[path.removeLast()] = Int32(bytes.count) }
            for index in common..<string.count {
                path.append(bytes.count)
                bytes.append(string[index])
                depths.append(UInt16(index + 1))
                ends.append(0)
                ranks.append(Int32(rank))
            }
            previous = string
        }
        while let node = path.popLast() { ends[node] = Int32(bytes.count) }
        ranks.append(Int32(items.count))
        self.bytes = bytes
        self.depths = depths
        self.ends = ends
        self.ranks = ranks
        self.items = items
        maximumDepth = Int(depths.max() ?? 0)
    }

    /// The node's child by a byte.
    func child(of node: Int, _ byte: UInt8) -> Int? {
        var child = node + 1
        while child < Int(ends[node]) && bytes[child] != byte { child = Int(ends[child]) }
        return child < Int(ends[node]) ? child : nil
    }

    /// Sets the bits of the items that end at the node.
    @inline(__always)
    func mark(_ node: Int, _ bits: inout [UInt64]) { mark(Int(ranks[node])..<Int(ranks[node + 1]), &bits) }

    /// Sets the bits of the items that end at the node or below.
    @inline(__always)
    func markAll(_ node: Int, _ bits: inout [UInt64]) { mark(Int(ranks[node])..<Int(ranks[Int(ends[node])]), &bits) }

    @inline(__always)
    private func mark(_ range: Range<Int>, _ bits: inout [UInt64]) {
        for rank in range {
            let item = items[rank]
            bits[Int(item) >> 6] |= 1 << UInt64(item & 63)
        }
    }
}
