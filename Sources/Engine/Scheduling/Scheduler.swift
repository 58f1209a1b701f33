// Whose turn it is: sequences queue, run, and are preempted, as integers only. No tensor, no token, no clock.

/// Decides each step's batch and owns the cache's blocks.
///
/// Every running sequence past its prompt gets one position first; what is left of the step's budget goes, oldest first, to whoever has more
/// to compute: prompts in chunks, forced tokens, recomputation. A sequence is admitted when its known tokens fit the free blocks with one
/// block to spare for each that runs. When a running sequence needs a block and none is free, the youngest one gives up its blocks and waits
/// at its place in the order of arrival, to be computed again: no token is lost, and the oldest always advances.
struct Scheduler {
    struct Limits {
        /// Positions in a step.
        var maxBatchTokens: Int
        /// Sequences that run at once; at most `maxBatchTokens`.
        var maxSequences: Int
        /// Positions in a block.
        var blockLength: Int
        /// Length of the aligned chunks in which prompts are computed; 0: any length. Needs `maxBatchTokens` ≥ `denseChunk` + `maxSequences`.
        var denseChunk: Int
    }

    private struct Entry {
        /// Positions below this and divisible into whole chunks are computed in whole chunks.
        var promptLength: Int
        /// Tokens that are known.
        var length: Int
        /// Positions that are in the cache.
        var computed = 0
        /// The first position whose logits are wanted.
        var logitsFrom: Int
        /// Blocks in order of position.
        var blocks: [Int32] = []
    }

    let limits: Limits
    private(set) var pool: BlockPool
    /// Sequences without blocks, in order of arrival.
    private(set) var waiting: [SequenceID] = []
    /// Sequences with blocks, in order of arrival.
    private(set) var running: [SequenceID] = []
    private(set) var preemptions = 0
    private var entries: [SequenceID: Entry] = [:]

    init(limits: Limits, blocks: Int) {
        precondition(limits.maxSequences <= limits.maxBatchTokens)
        precondition(limits.denseChunk == 0 || limits.maxBatchTokens >= limits.denseChunk + limits.maxSequences)
        self.limits = limits
        pool = BlockPool(count: blocks)
    }

    /// Positions that fit all blocks: no sequence may grow beyond.
    var capacity: Int { pool.total * limits.blockLength }

    /// Whether there is nothing to do.
    var isIdle: Bool { entries.isEmpty }

    /// A new sequence at the end of the queue: `length` tokens are known, of which `promptLength` came with the request.
    mutating func add(_ id: SequenceID, promptLength: Int, length: Int, logitsFrom: Int) {
        precondition(entries[id] == nil && length > 0 && length <= capacity && promptLength <= length)
        entries[id] = Entry(promptLength: promptLength, length: length, logitsFrom: logitsFrom)
        insert(id, into: &waiting)
    }

    /// Tokens became known; the logits wanted next are those from `logitsFrom` on.
    mutating func append(_ id: SequenceID, count: Int, logitsFrom: Int) {
        precondition(entries[id]!.length + count <= capacity)
        entries[id]!.length += count
        entries[id]!.logitsFrom = logitsFrom
    }

    /// Forgets what follows the first `length` tokens.
    mutating func truncate(_ id: SequenceID, to length: Int) {
        entries[id]!.length = length
        entries[id]!.computed = min(entries[id]!.computed, length)
        let kept = blocksNeeded(length)
        while entries[id]!.blocks.count > kept { pool.free(entries[id]!.blocks.removeLast()) }
    }

    /// The sequence is over: its blocks are free.
    mutating func remove(_ id: SequenceID) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        entry.blocks.reversed().forEach { pool.free($0) }
        waiting.removeAll { $0 == id }
        running.removeAll { $0 == id }
    }

    /// Blocks of a running sequence in order of position.
    func blocks(of id: SequenceID) -> [Int32] { entries[id]?.blocks ?? [] }

    /// Positions of a sequence that are in the cache.
    func computed(of id: SequenceID) -> Int { entries[id]?.computed ?? 0 }

    /// The next step's work; nil when no sequence has any. Takes effect with `commit`.
    mutating func next() -> Batch? {
        var batch = Batch()
        grow(&batch)
        var budget = limits.maxBatchTokens
        admit()
        var granted: [SequenceID: Int] = [:]
        for id in running where isPastPrompt(id) && pending(id) > 0 {
            granted[id] = 1
            budget -= 1
        }
        for id in running where pending(id) > 0 {
            let start = entries[id]!.computed
            if let first = granted[id] {
                let count = first + min(pending(id) - first, budget)
                budget -= count - first
                append(&batch, id, start: start, count: count, isDenseChunk: false)
            } else if !grantPrompt(&batch, id, from: start, budget: &budget) {
                break
            }
        }
        // Sequences past their prompt that stand behind a prompt for which no room was left keep their one position.
        let served = Set(batch.pieces.map(\.sequence))
        for id in running where granted[id] != nil && !served.contains(id) {
            append(&batch, id, start: entries[id]!.computed, count: 1, isDenseChunk: false)
        }
        return batch.pieces.isEmpty ? nil : batch
    }

    /// The batch was computed.
    mutating func commit(_ batch: Batch) {
        for piece in batch.pieces { entries[piece.sequence]!.computed = piece.end }
    }

    /// Whether blocks, tables and queues add up; asked when idle, and by tests at every step.
    func isIntact() -> Bool {
        let together = waiting + running
        return pool.isIntact(owned: entries.values.map(\.blocks)) && Set(together) == Set(entries.keys)
            && together.count == entries.count && waiting == waiting.sorted() && running == running.sorted()
            && entries.values.allSatisfy { $0.computed <= $0.length && $0.computed <= $0.blocks.count * limits.blockLength }
    }

    // MARK: - Parts of a step

    /// Gives every running sequence the blocks for its known tokens, oldest first, at the cost of the youngest.
    private mutating func grow(_ batch: inout Batch) {
        var index = 0
        while index < running.count {
            let id = running[index]
            var isStillRunning = true
            while isStillRunning && entries[id]!.blocks.count < blocksNeeded(entries[id]!.length) {
                if let block = pool.allocate() {
                    entries[id]!.blocks.append(block)
                } else {
                    let youngest = running.last!
                    preempt(youngest)
                    batch.preempted.append(youngest)
                    isStillRunning = youngest != id
                }
            }
            index += 1
        }
    }

    private mutating func preempt(_ id: SequenceID) {
        entries[id]!.blocks.reversed().forEach { pool.free($0) }
        entries[id]!.blocks = []
        entries[id]!.computed = 0
        running.removeAll { $0 == id }
        insert(id, into: &waiting)
        preemptions += 1
    }

    private mutating func admit() {
        while let id = waiting.first, running.count < limits.maxSequences {
            let needed = blocksNeeded(entries[id]!.length)
            guard needed + running.count <= pool.free else { return }
            for _ in 0..<needed { entries[id]!.blocks.append(pool.allocate()!) }
            waiting.removeFirst()
            insert(id, into: &running)
        }
    }

    /// Grants what fits of a prompt; false when the budget is spent and nobody younger may overtake.
    private func grantPrompt(_ batch: inout Batch, _ id: SequenceID, from: Int, budget: inout Int) -> Bool {
        let entry = entries[id]!
        let chunk = limits.denseChunk
        let denseEnd = chunk > 0 ? entry.promptLength / chunk * chunk : 0
        var start = from
        while start < denseEnd {
            guard budget >= chunk else { return false }
            append(&batch, id, start: start, count: chunk, isDenseChunk: true)
            budget -= chunk
            start += chunk
        }
        let count = min(entry.length - start, budget)
        if count > 0 {
            append(&batch, id, start: start, count: count, isDenseChunk: false)
            budget -= count
        }
        return budget > 0
    }

    private func append(_ batch: inout Batch, _ id: SequenceID, start: Int, count: Int, isDenseChunk: Bool) {
        let logitsFrom = min(max(entries[id]!.logitsFrom, start), start + count)
        batch.pieces.append(
            Batch.Piece(sequence: id, start: start, count: count, logitsFrom: logitsFrom, isDenseChunk: isDenseChunk))
    }

    private func isPastPrompt(_ id: SequenceID) -> Bool { entries[id]!.computed >= entries[id]!.promptLength }

    private func pending(_ id: SequenceID) -> Int { entries[id]!.length - entries[id]!.computed }

    private func blocksNeeded(_ length: Int) -> Int { (length + limits.blockLength - 1) / limits.blockLength }

    private func insert(_ id: SequenceID, into queue: inout [SequenceID]) {
        let place = queue.firstIndex { $0 > id } ?? queue.endIndex
        queue.insert(id, at: place)
    }
}
