// The scheduler on integers alone: fairness, budgets, blocks, preemption.
import TestSupport
import Testing

@testable import Engine

@Suite struct SchedulerTests {
    /// Runs random traffic through a scheduler and checks every batch; returns how many steps it took.
    private func traffic(seed: UInt64, limits: Scheduler.Limits, blocks: Int) {
        var random = SeededGenerator(seed: seed)
        var scheduler = Scheduler(limits: limits, blocks: blocks)
        var lengths: [SequenceID: (prompt: Int, length: Int, end: Int, computed: Int)] = [:]
        var nextID = 0
        var finished = 0
        let total = 40
        var steps = 0
        while finished < total {
            steps += 1
            #expect(steps < 100_000, "no end, seed \(seed)")
            if steps >= 100_000 { return }
            while nextID < total && (lengths.isEmpty || Int.random(in: 0..<4, using: &random) == 0) {
                let prompt = Int.random(in: 1...scheduler.capacity, using: &random)
                let end = Int.random(in: prompt...scheduler.capacity, using: &random)
                lengths[nextID] = (prompt, prompt, end, 0)
                scheduler.add(nextID, promptLength: prompt, length: prompt, logitsFrom: prompt - 1)
                nextID += 1
            }
            if let victim = lengths.keys.sorted().randomElement(using: &random), Int.random(in: 0..<50, using: &random) == 0 {
                scheduler.remove(victim)
                lengths[victim] = nil
                finished += 1
                continue
            }
            guard let batch = scheduler.next() else {
                #expect(lengths.isEmpty, "nothing scheduled while \(lengths.count) wait, seed \(seed)")
                return
            }
            for id in batch.preempted { lengths[id]!.computed = 0 }
            check(batch, scheduler, lengths, seed: seed)
            scheduler.commit(batch)
            for piece in batch.pieces {
                lengths[piece.sequence]!.computed = piece.end
                let state = lengths[piece.sequence]!
                guard piece.end == state.length else { continue }
                #expect(piece.logitsFrom == piece.end - 1, "seed \(seed)")
                let more = min(Int.random(in: 1...5, using: &random), state.end - state.length)
                if more <= 0 {
                    scheduler.remove(piece.sequence)
                    lengths[piece.sequence] = nil
                    finished += 1
                } else {
                    lengths[piece.sequence]!.length += more
                    scheduler.append(piece.sequence, count: more, logitsFrom: state.length + more - 1)
                }
            }
            #expect(scheduler.isIntact(), "seed \(seed), step \(steps)")
        }
        #expect(scheduler.isIdle && scheduler.pool.free == scheduler.pool.total, "seed \(seed)")
    }

    private func check(
        _ batch: Batch, _ scheduler: Scheduler, _ lengths: [SequenceID: (prompt: Int, length: Int, end: Int, computed: Int)], seed: UInt64
    ) {
        #expect(batch.tokens <= scheduler.limits.maxBatchTokens, "seed \(seed)")
        #expect(scheduler.running.count <= scheduler.limits.maxSequences, "seed \(seed)")
        var computed = lengths.mapValues(\.computed)
        for piece in batch.pieces {
            let state = lengths[piece.sequence]!
            #expect(piece.count > 0 && piece.start == computed[piece.sequence]! && piece.end <= state.length, "seed \(seed)")
            computed[piece.sequence] = piece.end
            #expect(scheduler.blocks(of: piece.sequence).count * scheduler.limits.blockLength >= piece.end, "seed \(seed)")
            let chunk = scheduler.limits.denseChunk
            let isInDensePart = chunk > 0 && piece.start < state.prompt / chunk * chunk
            #expect(piece.isDenseChunk == isInDensePart, "seed \(seed)")
            if isInDensePart { #expect(piece.start % chunk == 0 && piece.count == chunk, "seed \(seed)") }
        }
        // Whoever is past its prompt gets at least one position in every step.
        let served = Set(batch.pieces.map(\.sequence))
        for id in scheduler.running where lengths[id]!.computed >= lengths[id]!.prompt {
            #expect(served.contains(id), "sequence \(id) starves, seed \(seed)")
        }
        // The oldest of all always advances.
        if let oldest = lengths.keys.min() { #expect(served.contains(oldest), "the oldest waits, seed \(seed)") }
    }

    @Test(arguments: UInt64(1)...30) func randomTrafficKeepsEveryPromise(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let sequences = Int.random(in: 1...6, using: &random)
        let chunk = [0, 0, 4, 16].randomElement(using: &random)!
        let limits = Scheduler.Limits(
            maxBatchTokens: chunk + sequences + Int.random(in: 0...20, using: &random), maxSequences: sequences,
            blockLength: Int.random(in: 1...8, using: &random), denseChunk: chunk)
        traffic(seed: seed, limits: limits, blocks: Int.random(in: 1...30, using: &random))
    }

    @Test func decodeComesBeforePrefill() {
        var scheduler = Scheduler(limits: .init(maxBatchTokens: 8, maxSequences: 4, blockLength: 4, denseChunk: 0), blocks: 100)
        scheduler.add(1, promptLength: 3, length: 3, logitsFrom: 2)
        scheduler.commit(scheduler.next()!)
        scheduler.append(1, count: 1, logitsFrom: 3)
        scheduler.add(2, promptLength: 20, length: 20, logitsFrom: 19)
        let batch = scheduler.next()!
        #expect(batch.pieces.map(\.sequence) == [1, 2])
        #expect(batch.pieces.map(\.count) == [1, 7])
        #expect(batch.pieces[0].logitsFrom == 3 && batch.pieces[1].logitsFrom == 7)
    }

    @Test func theYoungestGivesUpItsBlocks() {
        var scheduler = Scheduler(limits: .init(maxBatchTokens: 8, maxSequences: 4, blockLength: 2, denseChunk: 0), blocks: 5)
        scheduler.add(1, promptLength: 4, length: 4, logitsFrom: 3)
        scheduler.add(2, promptLength: 3, length: 3, logitsFrom: 2)
        scheduler.commit(scheduler.next()!)
        #expect(scheduler.running == [1, 2] && scheduler.pool.free == 1)
        scheduler.append(1, count: 3, logitsFrom: 6)
        let batch = scheduler.next()!
        #expect(batch.preempted == [2] && scheduler.running == [1] && scheduler.waiting == [2])
        #expect(scheduler.computed(of: 2) == 0 && scheduler.blocks(of: 2).isEmpty && scheduler.preemptions == 1)
        scheduler.commit(batch)
        scheduler.remove(1)
        #expect(scheduler.next()!.pieces.map(\.count) == [3])
        #expect(scheduler.isIntact())
    }

    @Test func truncationFreesBlocks() {
        var scheduler = Scheduler(limits: .init(maxBatchTokens: 8, maxSequences: 1, blockLength: 2, denseChunk: 0), blocks: 5)
        scheduler.add(1, promptLength: 3, length: 3, logitsFrom: 2)
        scheduler.commit(scheduler.next()!)
        scheduler.append(1, count: 5, logitsFrom: 3)
        scheduler.commit(scheduler.next()!)
        #expect(scheduler.pool.free == 1)
        scheduler.truncate(1, to: 3)
        #expect(scheduler.pool.free == 3 && scheduler.next() == nil && scheduler.isIntact())
        scheduler.append(1, count: 1, logitsFrom: 3)
        #expect(scheduler.next()!.pieces == [.init(sequence: 1, start: 3, count: 1, logitsFrom: 3, isDenseChunk: false)])
    }

    @Test func blockPoolSeesCorruption() {
        var pool = BlockPool(count: 3)
        let (a, b) = (pool.allocate()!, pool.allocate()!)
        #expect(pool.isIntact(owned: [[a], [b]]))
        #expect(!pool.isIntact(owned: [[a, a], [b]]))
        #expect(!pool.isIntact(owned: [[a]]))
        #expect(!pool.isIntact(owned: [[a], [b], [99]]))
        pool.free(a)
        #expect(pool.isIntact(owned: [[b]]) && pool.free == 2)
        #expect(pool.allocate() == a && pool.allocate() != nil && pool.allocate() == nil)
    }
}
