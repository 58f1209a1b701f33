// The tokens of one request as they come: an asynchronous sequence whose dropping cancels the request.
public import Tokens

/// What happens to a request, in order: prefill progress, tokens, the end.
public enum GenerationEvent: Sendable {
    /// `done` of the `total` tokens that were there at the start are in the cache.
    case prefilled(done: Int, total: Int)
    /// One sampled token and the forced ones after it, or the forced ones at the start.
    case tokens([GeneratedToken])
    /// The last event.
    case finished(FinishReason, Usage)
}

/// A token of the reply.
public struct GeneratedToken: Sendable {
    /// The token.
    public var id: TokenID
    /// Natural logarithm of the model's probability of this token: log-softmax of the raw logits, before temperature, penalties and mask.
    /// Nil when not asked for, and for forced tokens, which are never a choice.
    public var logprob: Float?
    /// The most likely tokens at this place by the same measure, best first (ties: lowest id).
    public var top: [(TokenID, Float)]
    /// Whether the grammar left no choice, so that the token was appended without sampling.
    public var isForced: Bool
    /// Whether this is the stop token that ended the reply: part of the sequence, not of its text.
    public var isStop: Bool

    /// A token; see the members.
    public init(id: TokenID, logprob: Float? = nil, top: [(TokenID, Float)] = [], isForced: Bool = false, isStop: Bool = false) {
        self.id = id
        self.logprob = logprob
        self.top = top
        self.isForced = isForced
        self.isStop = isStop
    }
}

/// Why a reply ended.
public enum FinishReason: Sendable, Hashable {
    /// A stop token, or the grammar is complete and allows nothing more.
    case stop
    /// `maxTokens`, or the context is full: the reply is cut.
    case length
    /// `maxTokens`, or the context is full, and the reply is complete: its grammar may end here, though it might have gone on.
    case budget
    /// `Generation.cancel()`.
    case cancelled
}

/// What a request cost.
public struct Usage: Sendable, Hashable {
    /// Tokens of the prompt.
    public var promptTokens = 0
    /// Tokens of the reply, forced ones and the stop token included.
    public var generatedTokens = 0
    /// Tokens of the reply that the grammar forced.
    public var forcedTokens = 0
    /// Tokens of the reply that are not the model's own choice, because after that the grammar could not have ended within the budget.
    public var ledTokens = 0
    /// From the request's arrival to its first sampled token, waiting included.
    public var prefillSeconds = 0.0
    /// From the first sampled token to the end.
    public var decodeSeconds = 0.0

    /// Whether the reply is complete only because its budget led it to its end: it may lack what there was no room for.
    public var isLed = false

    /// Nothing yet.
    public init() {}

    /// Adds what a further reply cost.
    public mutating func add(_ other: Usage) {
        promptTokens += other.promptTokens
        generatedTokens += other.generatedTokens
        forcedTokens += other.forcedTokens
        ledTokens += other.ledTokens
        prefillSeconds += other.prefillSeconds
        decodeSeconds += other.decodeSeconds
        isLed = other.isLed
    }
}

/// The events of one request. One consumer. Dropping it, or cancelling the task that iterates it, frees the sequence at the engine's next step.
public struct Generation: AsyncSequence, Sendable {
    /// What comes.
    public typealias Element = GenerationEvent
    /// Why it may not come.
    public typealias Failure = EngineError
    typealias Stream = AsyncStream<Result<GenerationEvent, EngineError>>

    private let stream: Stream
    private let cancellation: @Sendable () -> Void

    init(stream: Stream, cancellation: @escaping @Sendable () -> Void) {
        self.stream = stream
        self.cancellation = cancellation
    }

    /// Ends the request at the next step; the last event is then `.finished(.cancelled, …)`.
    public func cancel() { cancellation() }

    /// Begins to read the events.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: stream.makeAsyncIterator()) }

    /// Reads the events.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var base: Stream.AsyncIterator

        /// The next event; nil after the last one, and when the reading task is cancelled.
        public mutating func next() async throws(EngineError) -> GenerationEvent? {
            try await next(isolation: nil)
        }

        /// The next event; nil after the last one, and when the reading task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(EngineError) -> GenerationEvent? {
            try await base.next(isolation: actor)?.get()
        }
    }
}
