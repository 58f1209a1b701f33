// The engine's thread: take what is new, schedule, compute, sample, publish; again.
import Grammar
import Kernels
import Tokens

/// Owns all mutable state of an engine and runs its steps. Only its own thread calls it, from `run` on.
final class EngineLoop: @unchecked Sendable {
    // Safe: handed to its thread once, before `run`; see `SequenceState` for the parts that pool threads see.
    private let inbox: Inbox
    private let pool: ThreadPool
    private let transformer: Transformer
    private let vocabularySize: Int
    private let contextLength: Int
    private let maxQueued: Int
    private let logitRows: Int
    private let scratch: [SamplerScratch]

    private var scheduler: Scheduler
    private var sequences: [SequenceID: SequenceState] = [:]
    private var batch = ForwardBatch()
    /// The sequence and position of each row of logits, in the order of `batch.logitRows`.
    private var consumers: [(sequence: SequenceState, position: Int)] = []
    /// Replies whose masks are filled beside the forward pass.
    private var masked: [GenerationState] = []
    private let maskJob = UnsafeMutablePointer<(Int, Int) -> Void>.allocate(capacity: 1)
    private var statistics = EngineStatistics()
    private let observer: (@Sendable (EngineStep) -> Void)?
    /// When the last step was observed, or work came after a pause.
    private var lastMark = 0.0

    init(
        inbox: Inbox, pool: ThreadPool, transformer: Transformer, scheduler: Scheduler, vocabularySize: Int, contextLength: Int,
        maxQueued: Int, logitRows: Int, kernels: UnsafePointer<sirocco_kernels>, observer: (@Sendable (EngineStep) -> Void)? = nil
    ) {
        self.inbox = inbox
        self.pool = pool
        self.transformer = transformer
        self.scheduler = scheduler
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.maxQueued = maxQueued
        self.logitRows = logitRows
        self.observer = observer
        scratch = (0..<pool.threadCount).map { _ in SamplerScratch(vocabularySize: vocabularySize, kernels: kernels) }
        maskJob.initialize(to: { [unowned self] index, _ in self.masked[index].fillMask() })
        publishStatistics()
    }

    deinit {
        maskJob.deinitialize(count: 1)
        maskJob.deallocate()
    }

    /// Runs until the inbox is closed; then every sequence that is left fails with `.shutDown`.
    func run() {
        pool.pinOwner()
        while true {
            let wasIdle = scheduler.isIdle
            guard let commands = inbox.take(waiting: wasIdle) else { break }
            if wasIdle { lastMark = monotonicSeconds() }
            commands.forEach(apply)
            if let batch = scheduler.next() { step(batch) }
            publishStatistics()
            assert(!scheduler.isIdle || scheduler.isIntact())
        }
        for id in sequences.keys.sorted() { fail(sequences[id]!, .shutDown) }
        publishStatistics()
        let (commands, waiters) = inbox.end()
        for case .submit(let sequence) in commands { fail(sequence, .shutDown) }
        pool.stop()
        waiters.forEach { $0() }
    }

    // MARK: - Coming and going

    private func apply(_ command: Inbox.Command) {
        switch command {
        case .submit(let sequence):
            if scheduler.waiting.count >= maxQueued { return fail(sequence, .queueFull(limit: maxQueued)) }
            admit(sequence)
        case .cancel(let id):
            guard let sequence = sequences[id] else { return }
            if case .generation(let generation) = sequence.purpose {
                finish(sequence, generation, .cancelled)
            } else {
                fail(sequence, .cancelled)
            }
        }
    }

    private func admit(_ sequence: SequenceState) {
        sequences[sequence.id] = sequence
        var logitsFrom = sequence.promptCount - 1
        switch sequence.purpose {
        case .generation(let generation):
            var tokens: [GeneratedToken] = []
            do throws(EngineError) {
                let reason = try extend(sequence, generation, &tokens)
                if !tokens.isEmpty { generation.events.yield(.success(.tokens(tokens))) }
                if let reason { return finish(sequence, generation, reason) }
            } catch {
                return fail(sequence, error)
            }
            logitsFrom = sequence.tokens.count - 1
            generation.initialCount = sequence.tokens.count
        case .score: break
        case .logits: logitsFrom = 0
        }
        scheduler.add(
            sequence.id, promptLength: sequence.promptCount, length: sequence.tokens.count, logitsFrom: logitsFrom)
    }

    private func finish(_ sequence: SequenceState, _ generation: GenerationState, _ reason: FinishReason) {
        let now = monotonicSeconds()
        generation.usage.isLed = reason == .budget || reason == .stop && generation.usage.ledTokens > 0
        generation.usage.prefillSeconds = (generation.firstToken ?? now) - generation.arrival
        generation.usage.decodeSeconds = now - (generation.firstToken ?? now)
        generation.events.yield(.success(.finished(reason, generation.usage)))
        generation.events.finish()
        release(sequence)
    }

    private func fail(_ sequence: SequenceState, _ error: EngineError) {
        switch sequence.purpose {
        case .generation(let generation):
            generation.events.yield(.failure(error))
            generation.events.finish()
        case .score(let score): score.reply(.failure(error))
        case .logits(let logits): logits.reply(.failure(error))
        }
        release(sequence)
    }

    private func release(_ sequence: SequenceState) {
        scheduler.remove(sequence.id)
        sequences[sequence.id] = nil
    }

    // MARK: - A step

    private func step(_ plan: Batch) {
        prepare(plan)
        pool.begin(masked.count, maskJob)
        transformer.forward(batch)
        pool.finish()
        readLogits()
        observe(plan)
        scheduler.commit(plan)
        statistics.steps += 1
        statistics.positions += batch.count
        for (index, piece) in plan.pieces.enumerated() {
            let isLast = index + 1 == plan.pieces.count || plan.pieces[index + 1].sequence != piece.sequence
            if isLast, let sequence = sequences[piece.sequence] { advance(sequence, computed: piece.end) }
        }
    }

    /// Tells the observer about a step before its results are published, so that who has seen a result has seen its step.
    private func observe(_ plan: Batch) {
        guard let observer else { return }
        let now = monotonicSeconds()
        observer(
            EngineStep(
                positions: batch.count, sequences: Set(plan.pieces.map(\.sequence)).count, logitRows: consumers.count, seconds: now - lastMark))
        lastMark = now
    }

    /// Turns the plan's integers into rows, and notes who reads which row of logits.
    private func prepare(_ plan: Batch) {
        batch.reset()
        consumers.removeAll(keepingCapacity: true)
        masked.removeAll(keepingCapacity: true)
        for piece in plan.pieces {
            let sequence = sequences[piece.sequence]!
            batch.append(
                sequence.tokens[piece.start..<piece.end], promptLength: sequence.promptCount, logitsFrom: piece.logitsFrom,
                blocks: scheduler.blocks(of: piece.sequence), isDenseChunk: piece.isDenseChunk)
            for position in piece.logitsFrom..<piece.end { consumers.append((sequence, position)) }
            if piece.logitsFrom < piece.end, case .generation(let generation) = sequence.purpose, generation.matcher != nil {
                generation.remaining = room(sequence, generation)
                masked.append(generation)
            }
        }
        batch.finish()
    }

    /// Computes the logits that are wanted, some rows at a time, and lets their readers take them.
    private func readLogits() {
        for start in stride(from: 0, to: consumers.count, by: logitRows) {
            let end = min(start + logitRows, consumers.count)
            let logits = transformer.logits(batch.logitRows[start..<end])
            let (consumers, V) = (consumers, vocabularySize)
            pool.parallel(end - start, cost: (end - start) * V * 16) { index, thread in
                let row = UnsafeBufferPointer(start: logits + index * V, count: V)
                let (sequence, position) = consumers[start + index]
                switch sequence.purpose {
                case .generation(let generation): generation.sample(row, tokens: sequence.tokens, scratch: self.scratch[thread])
                case .score(let score): score.take(row, position: position, promptCount: sequence.promptCount)
                case .logits(let logits): logits.take(row, position: position)
                }
            }
        }
    }

    /// What a sequence does now that its positions below `computed` are in the cache.
    private func advance(_ sequence: SequenceState, computed: Int) {
        switch sequence.purpose {
        case .generation(let generation): advance(sequence, generation, computed: computed)
        case .score(let score):
            guard computed == sequence.tokens.count else { return }
            sequence.tokens.removeSubrange(sequence.promptCount...)
            scheduler.truncate(sequence.id, to: sequence.promptCount)
            guard let next = score.advance() else {
                score.finish(promptCount: sequence.promptCount)
                return release(sequence)
            }
            sequence.tokens += next
            scheduler.append(sequence.id, count: next.count, logitsFrom: sequence.promptCount)
        case .logits(let logits):
            guard computed == sequence.tokens.count else { return }
            logits.finish()
            release(sequence)
        }
    }

    private func advance(_ sequence: SequenceState, _ generation: GenerationState, computed: Int) {
        let progress = min(computed, generation.initialCount)
        if progress > generation.prefilled {
            generation.prefilled = progress
            generation.events.yield(.success(.prefilled(done: progress, total: generation.initialCount)))
        }
        guard let outcome = generation.outcome.take() else { return }
        if generation.firstToken == nil { generation.firstToken = monotonicSeconds() }
        do throws(EngineError) {
            let before = sequence.tokens.count
            var tokens: [GeneratedToken] = []
            let reason = try accept(outcome.get(), sequence, generation, &tokens)
            generation.events.yield(.success(.tokens(tokens)))
            if let reason { return finish(sequence, generation, reason) }
            let count = sequence.tokens.count
            scheduler.append(sequence.id, count: count - before, logitsFrom: count - 1)
        } catch {
            fail(sequence, error)
        }
    }

    /// Takes a sampled token into the sequence, and the forced ones behind it; says why the reply ends, if it does.
    private func accept(
        _ sampled: GeneratedToken, _ sequence: SequenceState, _ generation: GenerationState, _ tokens: inout [GeneratedToken]
    ) throws(EngineError) -> FinishReason? {
        var token = sampled
        statistics.sampled += 1
        generation.usage.generatedTokens += 1
        token.isStop = generation.request.stopTokens.contains(token.id) && generation.matcher?.canStop ?? true
        tokens.append(token)
        if token.isStop { return .stop }
        if !generation.accept(token.id) {
            throw .matcherRejected(token: token.id, position: sequence.tokens.count)
        }
        sequence.tokens.append(token.id)
        return try extend(sequence, generation, &tokens)
    }

    /// Appends what the grammar forces from here; says why the reply ends, if it does.
    private func extend(
        _ sequence: SequenceState, _ generation: GenerationState, _ tokens: inout [GeneratedToken]
    ) throws(EngineError) -> FinishReason? {
        if let reason = ending(sequence, generation) { return reason }
        for token in generation.forcedTokens(room: room(sequence, generation)) {
            guard generation.matcher!.accept(token) else {
                throw .matcherRejected(token: token, position: sequence.tokens.count)
            }
            try checkTokens([token], field: "constraint", vocabularySize: vocabularySize)
            sequence.tokens.append(token)
            tokens.append(GeneratedToken(id: token, isForced: true))
            generation.usage.generatedTokens += 1
            generation.usage.forcedTokens += 1
        }
        return ending(sequence, generation)
    }

    /// Why the reply ends here, if it does.
    private func ending(_ sequence: SequenceState, _ generation: GenerationState) -> FinishReason? {
        if generation.matcher?.isFinished == true { return .stop }
        if room(sequence, generation) > 0 { return nil }
        return generation.matcher?.canStop == true ? .budget : .length
    }

    /// Tokens that may still be generated.
    private func room(_ sequence: SequenceState, _ generation: GenerationState) -> Int {
        min(generation.request.maxTokens - generation.usage.generatedTokens, contextLength - sequence.tokens.count)
    }

    private func publishStatistics() {
        statistics.blocksTotal = scheduler.pool.total
        statistics.blocksFree = scheduler.pool.free
        statistics.running = scheduler.running.count
        statistics.waiting = scheduler.waiting.count
        statistics.preemptions = scheduler.preemptions
        inbox.statistics = statistics
    }
}
