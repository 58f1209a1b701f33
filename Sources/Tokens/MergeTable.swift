// The merges of a byte-pair encoding: a hash table from two tokens to the rank and the token of their merge.

/// An open-addressing table keyed by a pair of tokens.
struct MergeTable: Sendable {
    private struct Slot {
        var left: TokenID
        var right: TokenID
        var rank: UInt32
        var merged: TokenID
    }

    private var slots: [Slot]
    private var mask: Int
    private(set) var count = 0

    /// An empty table with room for `capacity` merges.
    init(capacity: Int) {
        var size = 16
        while size * 2 < (capacity + 1) * 3 { size *= 2 }
        slots = [Slot](repeating: Slot(left: -1, right: -1, rank: 0, merged: -1), count: size)
        mask = size - 1
    }

    /// The rank (the lower, the earlier) and the token of the merge of two tokens.
    @inline(__always)
    func merge(_ left: TokenID, _ right: TokenID) -> (rank: UInt32, merged: TokenID)? {
        let slot = slots[find(left, right)]
        return slot.left < 0 ? nil : (slot.rank, slot.merged)
    }

    /// Stores a merge. One that is there already keeps its rank unless `replacing`.
    mutating func insert(_ left: TokenID, _ right: TokenID, rank: UInt32, merged: TokenID, replacing: Bool) {
        if (count + 1) * 3 > slots.count * 2 { grow() }
        let index = find(left, right)
        if slots[index].left < 0 { count += 1 } else if !replacing { return }
        slots[index] = Slot(left: left, right: right, rank: rank, merged: merged)
    }

    @inline(__always)
    private func find(_ left: TokenID, _ right: TokenID) -> Int {
        let key = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
        var index = Int(truncatingIfNeeded: mixed(key)) & mask
        while slots[index].left >= 0, slots[index].left != left || slots[index].right != right { index = (index + 1) & mask }
        return index
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(left: -1, right: -1, rank: 0, merged: -1), count: old.count * 2)
        mask = slots.count - 1
        for slot in old where slot.left >= 0 { slots[find(slot.left, slot.right)] = slot }
    }
}
