// The engine's face: tokens in, tokens out.
import Kernels
public import Tokens

/// Runs one model for many sequences at once. It knows no text, no chat and no tools.
///
/// A token's logits depend on its own sequence alone, bit for bit: not on what else runs, on the number of threads or on how a prompt was cut.
/// Dropping the engine ends it at its next step, as `shutdown` does.
public final class LLMEngine: Sendable {
    /// Positions in the aligned chunks of a prompt that OpenBLAS multiplies at once (`EngineOptions.usesBLAS`).
    public static let denseChunk = 128
    /// The most logits that `logits(of:)` returns: one GiB of them.
    public static let maxLogits = 1 << 28
    /// The most continuations, and tokens in all of them, that `score` takes.
    public static let maxScored = 1 << 20

    /// The model.
    public let model: Model
    /// Positions that one sequence may have, prompt and reply together.
    public let contextLength: Int
    /// Threads that compute.
    public let threads: Int
    /// The kernel table in use.
    public let kernels: String
    private let inbox = Inbox()

    /// An engine for a model, with its cache and its threads. `observer` is told of every step on the engine's thread, and slows it; so does
    /// `inputStatistics`, which gathers what the model's matrices are multiplied with.
    public init(
        model: Model, options: EngineOptions = .init(), observer: (@Sendable (EngineStep) -> Void)? = nil,
        inputStatistics: InputStatistics? = nil
    ) throws(EngineError) {
        let layout = try EngineLayout(model: model, options: options)
        self.model = model
        contextLength = layout.contextLength
        threads = layout.threads
        kernels = String(cString: layout.kernels.pointee.name)
        let pool = try ThreadPool(threadCount: layout.threads, pins: options.pinsThreads)
        let cache = try PagedKVCache(
            layers: layout.cacheShapes, type: options.cacheType, blockLength: options.blockLength, blockCount: layout.blocks)
        let workspace = Workspace(layout.workspace)
        let transformer = Transformer(
            model: model, kernels: layout.kernels, pool: pool, cache: cache, workspace: workspace, usesBLAS: layout.scheduler.denseChunk > 0,
            statistics: inputStatistics)
        let loop = EngineLoop(
            inbox: inbox, pool: pool, transformer: transformer, scheduler: Scheduler(limits: layout.scheduler, blocks: layout.blocks),
            vocabularySize: model.architecture.vocabularySize, contextLength: layout.contextLength, maxQueued: options.maxQueuedRequests,
            logitRows: layout.workspace.logitRows, kernels: layout.kernels, observer: observer)
        guard let thread = OSThread({ loop.run() }) else {
            pool.stop()
            throw .invalidOption(name: "threads", reason: "the system started no thread for the engine")
        }
        thread.detach()
    }

    deinit { inbox.shutDown() }

    /// Starts a reply. Whatever is wrong with the request is thrown by the first `next()`.
    public func generate(_ request: GenerationRequest) -> Generation {
        let id = inbox.reserve()
        let (stream, events) = Generation.Stream.makeStream()
        // The closure keeps the engine alive as long as somebody holds the generation; its iterator alone does not.
        let generation = Generation(stream: stream) { self.inbox.cancel(id) }
        do throws(EngineError) {
            try request.validate(vocabularySize: model.architecture.vocabularySize, contextLength: contextLength)
            events.onTermination = { [inbox] reason in
                if case .cancelled = reason { inbox.cancel(id) }
            }
            let state = GenerationState(request: request, events: events, vocabularySize: model.architecture.vocabularySize)
            try inbox.submit(SequenceState(id: id, prompt: request.prompt, purpose: .generation(state)))
        } catch {
            inbox.release(id)
            events.yield(.failure(error))
            events.finish()
        }
        return generation
    }

    /// The natural log-probability of every token of every continuation after the prompt, teacher-forced: log-softmax of the raw logits. The
    /// prompt is computed once for all of them.
    public func score(prompt: [TokenID], continuations: [[TokenID]]) async throws(EngineError) -> [[Float]] {
        let vocabularySize = model.architecture.vocabularySize
        if prompt.isEmpty { throw .emptyPrompt }
        try checkTokens(prompt, field: "prompt", vocabularySize: vocabularySize)
        var total = continuations.count
        for continuation in continuations {
            try checkTokens(continuation, field: "continuations", vocabularySize: vocabularySize)
            let length = prompt.count + max(0, continuation.count - 1)
            if length > contextLength { throw .promptTooLong(count: length, limit: contextLength) }
            total += continuation.count
        }
        if prompt.count > contextLength { throw .promptTooLong(count: prompt.count, limit: contextLength) }
        if total > Self.maxScored {
            throw .invalidParameter(name: "continuations", reason: "\(total) are more than \(Self.maxScored), tokens included")
        }
        return try await answer { id, reply in
            SequenceState(id: id, prompt: prompt, purpose: .score(ScoreState(continuations: continuations, reply: reply)))
        }
    }

    /// Raw logits at every position: [tokens.count, V], row-major; row i is what follows token i. An instrument.
    public func logits(of tokens: [TokenID]) async throws(EngineError) -> [Float] {
        let vocabularySize = model.architecture.vocabularySize
        if tokens.isEmpty { throw .emptyPrompt }
        if tokens.count > contextLength { throw .promptTooLong(count: tokens.count, limit: contextLength) }
        try checkTokens(tokens, field: "tokens", vocabularySize: vocabularySize)
        if tokens.count * vocabularySize > Self.maxLogits {
            throw .invalidParameter(
                name: "tokens", reason: "\(tokens.count) positions × \(vocabularySize) logits are more than \(Self.maxLogits)")
        }
        return try await answer { id, reply in
            SequenceState(
                id: id, prompt: tokens,
                purpose: .logits(LogitsState(count: tokens.count, vocabularySize: vocabularySize, reply: reply)))
        }
    }

    /// Ends the engine: what runs fails with `.shutDown`. Returns when its threads have ended.
    public func shutdown() async {
        await withCheckedContinuation { continuation in
            inbox.shutDown { continuation.resume() }
        }
    }

    /// Gauges and counters as of the last step.
    public var statistics: EngineStatistics { inbox.statistics }

    /// Submits a sequence and waits for its one answer; cancelling the task drops the sequence.
    private func answer<Value: Sendable>(
        _ make: (SequenceID, @escaping @Sendable (Result<Value, EngineError>) -> Void) -> SequenceState
    ) async throws(EngineError) -> Value {
        let id = inbox.reserve()
        let result: Result<Value, EngineError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                do throws(EngineError) {
                    try inbox.submit(make(id) { continuation.resume(returning: $0) })
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        } onCancel: {
            inbox.cancel(id)
        }
        return try result.get()
    }
}
