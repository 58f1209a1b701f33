// Chat on the local engine: messages to template to tokens, tokens to events.
public import Engine
import Grammar
import JSON
import Jinja
public import Tokens

/// Chat on the local engine.
public final class LocalChatModel: ChatModel {
    /// The model's name.
    public let name: String
    /// The engine that generates.
    public let engine: LLMEngine
    /// The model's tokenizer.
    public let tokenizer: Tokenizer
    /// The most tokens of prompt and answer together.
    public let contextLength: Int
    /// The sampling that the model's makers recommend, greedy where they say nothing.
    public let recommendedSampling: SamplingParameters
    /// The template of requests without tools.
    public let template: ChatTemplate
    /// The template of requests with tools.
    public let toolTemplate: ChatTemplate
    let stopTokens: Set<TokenID>
    let stopTexts: [String]
    let format: Result<ToolCallFormat, ToolCallFormat.Refusal>
    let tags: ReasoningTags?
    /// The token with which the template ends an assistant's turn.
    private let endToken: TokenID?
    private let encoder: PromptEncoder
    private let grammars: GrammarCache
    /// The tokens of call markers and tags that this tokenizer holds for control tokens: text to Chat and to its grammars all the same.
    private let markers: Set<TokenID>

    /// Chat with the model of `source`, loaded into `engine`.
    public convenience init(source: ModelSource, engine: LLMEngine, tokenizer: Tokenizer) throws(ChatError) {
        guard let template = source.chatTemplate ?? source.toolTemplate else { throw .noTemplate(model: source.name) }
        var sampling = SamplingParameters()
        let recommended = source.defaultSampling
        if let temperature = recommended.temperature { sampling.temperature = temperature }
        if let topK = recommended.topK { sampling.topK = topK }
        if let topP = recommended.topP { sampling.topP = topP }
        if let minP = recommended.minP { sampling.minP = minP }
        if let penalty = recommended.repetitionPenalty { sampling.repetitionPenalty = penalty }
        try self.init(
            name: source.name, template: template, toolTemplate: source.toolTemplate,
            specialTokens: source.specialTokens.map { ($0.name, $0.text) }, stopTokens: source.stopTokens, sampling: sampling,
            engine: engine,
            tokenizer: tokenizer)
    }

    /// Chat with a loaded model and a template given as text (in place of the one that the model's files bring).
    public init(
        name: String, template: String, toolTemplate: String? = nil, specialTokens: [(String, String)], stopTokens: [TokenID],
        sampling: SamplingParameters = SamplingParameters(), engine: LLMEngine, tokenizer: Tokenizer
    ) throws(ChatError) {
        self.name = name
        self.engine = engine
        self.tokenizer = tokenizer
        contextLength = engine.contextLength
        recommendedSampling = sampling
        self.template = try ChatTemplate(source: template, specialTokens: specialTokens)
        if let toolTemplate, toolTemplate != template {
            self.toolTemplate = try ChatTemplate(source: toolTemplate, specialTokens: specialTokens)
        } else {
            self.toolTemplate = self.template
        }
        self.stopTokens = Set(stopTokens)
        stopTexts = stopTokens.map { tokenizer.content(of: $0) }.filter { !$0.isEmpty }
        do throws(ToolCallFormat.Refusal) {
            format = .success(try ToolCallFormat.detect(in: self.toolTemplate))
        } catch {
            format = .failure(error)
        }
        endToken = self.template.endOfTurn(stopTexts).flatMap { tokenizer.specialToken($0) } ?? stopTokens.min()
        let thinks = template.contains(ReasoningTags.think.close) || tokenizer.specialToken(ReasoningTags.think.close) != nil
        tags = thinks ? .think : nil
        encoder = PromptEncoder(tokenizer: tokenizer)
        var names: [String] = []
        if let tags { names += [tags.open, tags.close] }
        if let format = try? format.get(), !format.marker.isEmpty { names += [format.marker, format.closer] }
        let markers = MarkerTokens(names: names, tokenizer: tokenizer)
        self.markers = Set(markers.tokens.map(\.token))
        grammars = GrammarCache(vocabulary: markers.grammarVocabulary, maxBytes: 128 << 20) { markers.encode($0) }
    }

    /// The format in which the model calls tools; nil when it cannot be given tools.
    public var toolCallFormat: ToolCallFormat? { try? format.get() }

    // MARK: Replies

    /// Generates a reply; the work begins at once and ends with the stream.
    public func attempt(_ request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error> {
        AsyncThrowingStream { continuation in
            // Safe: not structured, for it outlives this call; it ends with the stream, whose end cancels it.
            let task = Task {
                do {
                    try await self.run(request) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func run(_ request: ChatRequest, emit: (ChatEvent) -> Void) async throws {
        // Templates, long texts and large schemas take their time.
        let plan = try await onOwnThread { try self.prepare(request) }
        if let note = plan.prompt.note { emit(.note(note)) }
        let generation = engine.generate(plan.generation)
        var reply = Reply(plan: plan, request: request, tokenizer: tokenizer, markers: markers)
        var events = generation.makeAsyncIterator()
        while let event = try await Self.next(&events) {
            switch event {
            case .prefilled(let done, let total): emit(.prefill(done: done, total: total))
            case .tokens(let tokens):
                for event in try reply.take(tokens) { emit(event) }
                if reply.isStopped { generation.cancel() }
            case .finished(let reason, let usage):
                for event in try reply.finish(reason, usage) { emit(event) }
                return
            }
        }
        try Task.checkCancellation()
        throw ChatError.endedWithoutResult
    }

    private static func next(_ events: inout Generation.AsyncIterator) async throws(ChatError) -> GenerationEvent? {
        do throws(EngineError) {
            return try await events.next()
        } catch {
            throw .engine(error)
        }
    }

    /// All that a reply needs before the engine starts.
    struct Plan {
        var prompt: Prompt
        var generation: GenerationRequest
        var format: ToolCallFormat?
        var tags: ReasoningTags?
        var thinking: ReasoningTags.Mode
    }

    /// What the engine is asked for a request: for instruments, which ask it in other ways too.
    public func generation(for request: ChatRequest) throws(ChatError) -> GenerationRequest { try prepare(request).generation }

    func prepare(_ request: ChatRequest) throws(ChatError) -> Plan {
        try validate(request)
        var format: ToolCallFormat?
        if !request.tools.isEmpty {
            switch self.format {
            case .success(let found): format = found
            case .failure(let refusal): throw .toolsUnsupported(model: name, reason: refusal.reason)
            }
        }
        let prompt = try makePrompt(request)
        guard prompt.tokens.count < contextLength else {
            throw .promptTooLong(promptTokens: prompt.tokens.count, contextLength: contextLength)
        }
        let isDisabled = request.templateVariables["enable_thinking"]?.boolValue == false
        let thinking = ReasoningTags.mode(tags, prompt: prompt.text, isDisabled: isDisabled)
        let rules = try OutputGrammar(request: request, format: format, thinking: thinking, tags: tags).replyRules()
        var matcher: Matcher?
        if let rules {
            do throws(GrammarError) {
                matcher = try grammars.grammar(for: rules).makeMatcher()
            } catch {
                throw .output(error)
            }
        }
        let room = contextLength - prompt.tokens.count
        let generation = GenerationRequest(
            prompt: prompt.tokens, sampling: request.sampling, constraint: matcher, stopTokens: stopTokens,
            maxTokens: min(request.maxTokens ?? room, room), logprobs: request.logprobs,
            vocabularyLimit: min(tokenizer.vocabulary.count, engine.model.architecture.vocabularySize))
        return Plan(prompt: prompt, generation: generation, format: format, tags: tags, thinking: thinking)
    }

    private func validate(_ request: ChatRequest) throws(ChatError) {
        guard !request.messages.isEmpty else { throw .invalidRequest(field: "messages", reason: "there are none") }
        if let maxTokens = request.maxTokens, maxTokens < 1 {
            throw .invalidRequest(field: "maxTokens", reason: "\(maxTokens) is not at least 1")
        }
        if request.stop.contains("") { throw .invalidRequest(field: "stop", reason: "a stop text is empty") }
        if !request.stop.isEmpty, request.output != .text {
            throw .invalidRequest(field: "stop", reason: "a stop text would cut an answer whose form is promised")
        }
        switch request.toolChoice {
        case .required, .named:
            if request.output != .text {
                throw .invalidRequest(field: "output", reason: "a call is required, so that there is no answer of this form")
            }
            if !request.stop.isEmpty {
                throw .invalidRequest(field: "stop", reason: "a call is required, which a stop text would cut")
            }
        case .auto, .none: break
        }
        var names = Set<String>()
        for tool in request.tools {
            guard !tool.name.isEmpty, tool.name.utf8.count <= 128, tool.name.utf8.allSatisfy(Self.isNameByte) else {
                throw .invalidRequest(
                    field: "tools",
                    reason: "the name \"\(tool.name)\" is not made of 1 to 128 letters, digits, \"_\", \"-\", \".\" and \"/\"")
            }
            guard names.insert(tool.name).inserted else {
                throw .invalidRequest(field: "tools", reason: "\"\(tool.name)\" is declared twice")
            }
        }
        switch request.toolChoice {
        case .named(let name): guard names.contains(name) else { throw .undeclaredTool(name) }
        case .required:
            guard !names.isEmpty else { throw .invalidRequest(field: "toolChoice", reason: "a call is required and no tool declared") }
        case .auto, .none: break
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D, 0x2E, 0x2F: true
        default: false
        }
    }

    // MARK: Scores

    /// Scores every choice as the whole answer, teacher-forced, the end of the turn included.
    public func score(_ request: ChatRequest, choices: [String]) async throws -> [ChoiceScore] {
        let (prompt, continuations) = try await onOwnThread { try self.scored(request, choices) }
        let values: [[Float]]
        do throws(EngineError) {
            values = try await engine.score(prompt: prompt, continuations: continuations)
        } catch {
            throw ChatError.engine(error)
        }
        return ChoiceScore.normalized(choices, values.map { $0.reduce(0) { $0 + Double($1) } })
    }

    /// The tokens of a request's prompt, and of every choice as the answer to it.
    private func scored(_ request: ChatRequest, _ choices: [String]) throws(ChatError) -> (prompt: [TokenID], continuations: [[TokenID]]) {
        guard !choices.isEmpty else { throw .invalidRequest(field: "choices", reason: "there are none") }
        try validate(request)
        let prompt = try makePrompt(request)
        var continuations: [[TokenID]] = []
        for choice in choices {
            // The text that the output format would have the model write.
            var text = choice
            if case .json = request.output { text = JSONValue.string(choice).text(.spaced) }
            var tokens = tokenizer.encode(text, addedTokens: .none)
            if let end = endToken { tokens.append(end) }
            guard !tokens.isEmpty else { throw .invalidRequest(field: "choices", reason: "a choice is empty") }
            guard prompt.tokens.count + tokens.count <= contextLength else {
                throw .promptTooLong(promptTokens: prompt.tokens.count + tokens.count, contextLength: contextLength)
            }
            continuations.append(tokens)
        }
        return (prompt.tokens, continuations)
    }

    // MARK: Prompts

    /// The tokens of a request's prompt.
    public func promptTokens(for request: ChatRequest) throws(ChatError) -> [TokenID] { try makePrompt(request).tokens }

    private func makePrompt(_ request: ChatRequest) throws(ChatError) -> Prompt {
        try PromptMaker(
            template: request.tools.isEmpty ? template : toolTemplate, encoder: encoder, vocabulary: tokenizer.vocabulary.identity,
            stopTexts: stopTexts
        ).prompt(for: request)
    }
}

extension ChoiceScore {
    /// Scores with probabilities normalised over the choices.
    static func normalized(_ labels: [String], _ logProbabilities: [Double]) -> [ChoiceScore] {
        let best = logProbabilities.max() ?? 0
        let weights = logProbabilities.map { exponential($0 - best) }
        let total = weights.reduce(0, +)
        return zip(labels, zip(logProbabilities, weights)).map {
            ChoiceScore(label: $0, logProbability: $1.0, probability: $1.1 / total)
        }
    }
}
