// What is asked of the engine: tokens in, and how the tokens out are chosen.
public import Grammar
public import Tokens

/// One sequence to generate. Tokens only: text, chat and tools are other modules' business.
public struct GenerationRequest: Sendable {
    /// The tokens that are there already; at least one, at most the engine's context.
    public var prompt: [TokenID]
    /// How each token is chosen.
    public var sampling: SamplingParameters
    /// The grammar that the reply must follow, where it stands now; nil: no constraint.
    public var constraint: Matcher?
    /// Whether tokens without choice are appended without being sampled.
    public var forcesTokens = true
    /// Tokens that end the reply. Under a constraint they are allowed exactly where the grammar can stop.
    public var stopTokens: Set<TokenID>
    /// Tokens to generate at most, forced ones and the stop token included; at least 1. Under a constraint the reply is led to a valid end within
    /// them, and within the context; fewer than its shortest text takes are refused.
    public var maxTokens: Int
    /// Log-probabilities: nil: none; 0: of each chosen token; n: also of the n most likely (at most 20).
    public var logprobs: Int?
    /// Token ids that exist: those from here up are rows that the model's vocabulary was padded with, and are never chosen. nil: all of the model's.
    public var vocabularyLimit: Int?
    /// Called on one of the engine's threads with the raw logits [V] of each sampled token, before penalties and mask. It slows the step.
    public var logitsObserver: (@Sendable ([Float]) -> Void)?

    /// A request; see the members.
    public init(
        prompt: [TokenID], sampling: SamplingParameters = .init(), constraint: Matcher? = nil, stopTokens: Set<TokenID> = [],
        maxTokens: Int, logprobs: Int? = nil, vocabularyLimit: Int? = nil, logitsObserver: (@Sendable ([Float]) -> Void)? = nil
    ) {
        self.prompt = prompt
        self.sampling = sampling
        self.constraint = constraint
        self.stopTokens = stopTokens
        self.maxTokens = maxTokens
        self.logprobs = logprobs
        self.vocabularyLimit = vocabularyLimit
        self.logitsObserver = logitsObserver
    }

    /// The most `logprobs` may ask for.
    public static let maxLogprobs = 20

    /// Refuses, by the field's name, what this engine cannot honour.
    func validate(vocabularySize: Int, contextLength: Int) throws(EngineError) {
        if prompt.isEmpty { throw .emptyPrompt }
        if prompt.count > contextLength { throw .promptTooLong(count: prompt.count, limit: contextLength) }
        if let vocabularyLimit, !(1...vocabularySize).contains(vocabularyLimit) {
            throw .invalidParameter(name: "vocabularyLimit", reason: "\(vocabularyLimit) is not within 1 to \(vocabularySize)")
        }
        let vocabularySize = vocabularyLimit ?? vocabularySize
        try checkTokens(prompt, field: "prompt", vocabularySize: vocabularySize)
        try checkTokens(stopTokens.sorted(), field: "stopTokens", vocabularySize: vocabularySize)
        try checkTokens(sampling.logitBias.keys.sorted(), field: "logitBias", vocabularySize: vocabularySize)
        try sampling.validate()
        if maxTokens < 1 { throw .invalidParameter(name: "maxTokens", reason: "\(maxTokens) is not at least 1") }
        if let logprobs, !(0...Self.maxLogprobs).contains(logprobs) {
            throw .invalidParameter(name: "logprobs", reason: "\(logprobs) is not within 0 to \(Self.maxLogprobs)")
        }
        let budget = min(maxTokens, contextLength - prompt.count)
        if let constraint { try Self.checkEnding(of: constraint, within: budget) }
    }

    /// Refuses a grammar whose shortest text takes more tokens than there may be.
    private static func checkEnding(of constraint: Matcher, within budget: Int) throws(EngineError) {
        if constraint.isComfortable(remainingTokens: budget) { return }
        if let least = constraint.tokensToEnd {
            if least > budget { throw .budgetTooSmall(minimum: least, limit: budget) }
            return
        }
        let rough = constraint.roughEnding
        if rough.tokens > budget { throw .answerTooLong(bytes: rough.bytes, tokens: rough.tokens, limit: budget) }
        throw .budgetTooSmall(minimum: nil, limit: budget)
    }
}

/// Refuses token ids outside the vocabulary, naming the first.
func checkTokens(_ tokens: [TokenID], field: String, vocabularySize: Int) throws(EngineError) {
    for id in tokens where id < 0 || Int(id) >= vocabularySize {
        throw .unknownToken(id: id, field: field, vocabularySize: vocabularySize)
    }
}
