// What can go wrong between a request and its last token: one flat list, a sentence for each.
public import Tokens

/// Why the engine could not be made, or refused or gave up a request.
public enum EngineError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A field of `EngineOptions`, or the environment variable that stands for it, has a value that cannot be honoured.
    case invalidOption(name: String, reason: String)
    /// A field of a request has a value outside its range.
    case invalidParameter(name: String, reason: String)
    /// The model needs an operation that this engine's forward pass lacks.
    case unsupportedModel(reason: String)
    /// The prompt holds no token.
    case emptyPrompt
    /// A sequence longer than the engine's context.
    case promptTooLong(count: Int, limit: Int)
    /// A token id outside the model's vocabulary; `field` says where it stood.
    case unknownToken(id: TokenID, field: String, vocabularySize: Int)
    /// The model computed a NaN or an infinity: broken weights, never a token.
    case nonFiniteLogits(position: Int)
    /// The grammar allows no token of this vocabulary and cannot stop either.
    case noTokenAllowed(position: Int)
    /// The grammar refused a token that its own mask allowed.
    case matcherRejected(token: TokenID, position: Int)
    /// More requests wait than `EngineOptions.maxQueuedRequests`.
    case queueFull(limit: Int)
    /// Fewer tokens are allowed (by `maxTokens`, or by what the prompt leaves of the context) than the shortest text of the grammar takes; nil: no
    /// ending was found.
    case budgetTooSmall(minimum: Int?, limit: Int)
    /// The same, where the shortest text is too long to be looked for: about so many bytes, in not fewer tokens than these.
    case answerTooLong(bytes: Int, tokens: Int, limit: Int)
    /// The caller's task was cancelled.
    case cancelled
    /// The system grants no further thread.
    case noThread
    /// The engine was shut down before the request finished.
    case shutDown

    /// The error as a sentence.
    public var description: String {
        switch self {
        case .invalidOption(let name, let reason): "engine option \(name): \(reason)"
        case .invalidParameter(let name, let reason): "\(name): \(reason)"
        case .unsupportedModel(let reason): "this model cannot be run: \(reason)"
        case .emptyPrompt: "the prompt holds no token"
        case .promptTooLong(let count, let limit): "a sequence of \(count) tokens does not fit the context of \(limit)"
        case .unknownToken(let id, let field, let size): "\(field): token id \(id) is outside the vocabulary of \(size)"
        case .nonFiniteLogits(let position): "the model computed a NaN or an infinity at position \(position)"
        case .noTokenAllowed(let position): "the grammar allows no token of this vocabulary at position \(position)"
        case .matcherRejected(let token, let position):
            "internal error: the grammar rejected token \(token), which its mask allowed, at position \(position)"
        case .queueFull(let limit): "\(limit) requests wait already"
        case .budgetTooSmall(let minimum?, let limit):
            "the shortest answer that the grammar allows takes \(minimum) tokens, and at most \(limit) may be generated"
        case .budgetTooSmall(nil, let limit): "no answer that the grammar allows was found within the \(limit) tokens that may be generated"
        case .answerTooLong(let bytes, let tokens, let limit):
            "the shortest answer that the grammar allows has about \(bytes) bytes or more, at least \(tokens) tokens, and at most \(limit) may be generated"
        case .cancelled: "the request was cancelled"
        case .noThread: "the system grants no further thread"
        case .shutDown: "the engine was shut down"
        }
    }
}
