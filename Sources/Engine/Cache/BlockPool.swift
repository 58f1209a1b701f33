// Which blocks of the KV cache are free: integers only.

/// Hands out the numbers of cache blocks, each to one owner at a time. Allocate and free are constant time.
struct BlockPool {
    /// Blocks in all.
    let total: Int
    private var stack: [Int32]
    private var isFree: [Bool]

    /// All `count` blocks free.
    init(count: Int) {
        total = count
        stack = (0..<Int32(count)).reversed()
        isFree = Array(repeating: true, count: count)
    }

    /// Blocks that nobody owns.
    var free: Int { stack.count }

    /// A block for the caller; nil when none is left.
    mutating func allocate() -> Int32? {
        guard let block = stack.popLast() else { return nil }
        isFree[Int(block)] = false
        return block
    }

    /// Takes a block back. Freeing a free block is a programmer's error.
    mutating func free(_ block: Int32) {
        precondition(!isFree[Int(block)], "block \(block) freed twice")
        isFree[Int(block)] = true
        stack.append(block)
    }

    /// Whether free and owned blocks add up: every block is owned once, by one of `tables`, or free once.
    func isIntact(owned tables: [[Int32]]) -> Bool {
        var seen = isFree
        for block in tables.joined() {
            guard Int(block) < total, block >= 0, !seen[Int(block)] else { return false }
            seen[Int(block)] = true
        }
        return seen.allSatisfy { $0 } && Set(stack).count == stack.count && stack.allSatisfy { isFree[Int($0)] }
            && stack.count == isFree.count(where: { $0 })
    }
}
