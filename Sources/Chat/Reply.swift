// One reply in the making: tokens to events, and in the end the whole message.
import Engine
import Tokens

/// The state of one reply.
struct Reply {
    private let plan: LocalChatModel.Plan
    private let request: ChatRequest
    private let tokenizer: Tokenizer
    /// Control tokens that are text to Chat; no other one is.
    private let markers: Set<TokenID>
    private var detokenizer: Detokenizer
    private var parser: ReplyParser
    private var stops: StopTexts
    /// The reply as generated, markers included.
    private var raw = ""
    private var tokens: [TokenID] = []
    /// Tokens so far, the stop token included.
    private var count = 0
    /// The length of `raw` after each token, in bytes.
    private var rawCounts: [Int] = []
    private var content = ""
    private var reasoning = ""
    private var calls: [ToolCall] = []

    init(plan: LocalChatModel.Plan, request: ChatRequest, tokenizer: Tokenizer, markers: Set<TokenID>) {
        self.plan = plan
        self.request = request
        self.tokenizer = tokenizer
        self.markers = markers
        detokenizer = tokenizer.makeDetokenizer(skippingSpecials: false, atStart: false)
        let mayCall = request.toolChoice != .none
        parser = ReplyParser(
            format: plan.format, toolNames: mayCall ? request.tools.map(\.name) : [], tags: plan.tags, isThinking: plan.thinking == .opened,
            firstCallNumber: request.messages.reduce(0) { $0 + $1.toolCalls.count })
        stops = StopTexts(request.stop)
    }

    /// Whether a stop text has come, so that the generation can end.
    var isStopped: Bool { stops.found != nil }

    /// The events of further tokens.
    mutating func take(_ generated: [GeneratedToken]) throws(ChatError) -> [ChatEvent] {
        guard !isStopped else { return [] }
        var events: [ChatEvent] = []
        var logprobs: [TokenLogprob] = []
        for token in generated {
            count += 1
            if request.logprobs != nil { logprobs.append(logprob(of: token)) }
            if token.isStop { continue }
            tokens.append(token.id)
            let kinds = tokenizer.vocabulary.kinds
            let isText = kinds.indices.contains(Int(token.id)) && (kinds[Int(token.id)] != .control || markers.contains(token.id))
            let text = isText ? detokenizer.push(token.id) : ""
            raw += text
            rawCounts.append(raw.utf8.count)
            if !text.isEmpty { events += add(try parser.push(text)) }
            if isStopped { break }
        }
        events.insert(.generated(tokens: count), at: 0)
        if !logprobs.isEmpty { events.append(.logprobs(logprobs)) }
        return events
    }

    private func logprob(of token: GeneratedToken) -> TokenLogprob {
        func bytes(_ id: TokenID) -> [UInt8] {
            guard tokenizer.vocabulary.tokens.indices.contains(Int(id)) else { return [] }
            let bytes = tokenizer.vocabulary.tokens[Int(id)]
            return bytes.isEmpty ? Array(tokenizer.content(of: id).utf8) : bytes
        }
        return TokenLogprob(
            bytes: bytes(token.id), logprob: token.logprob,
            top: token.top.map { TokenLogprob.Alternative(bytes: bytes($0.0), logprob: $0.1) })
    }

    private mutating func add(_ parsed: [ReplyEvent]) -> [ChatEvent] {
        var events: [ChatEvent] = []
        for event in parsed {
            switch event {
            case .text(let text):
                let shown = stops.push(text)
                if !shown.isEmpty {
                    content += shown
                    events.append(.text(shown))
                }
                if isStopped { return events }
            case .reasoning(let text):
                reasoning += text
                events.append(.reasoning(text))
            case .callStarted(let index, let id, let name):
                events += flushStops()
                events.append(.toolCallStarted(index: index, id: id, name: name))
            case .callArguments(let index, let piece): events.append(.toolCallArguments(index: index, piece))
            case .callFinished(let index, let call):
                calls.append(call)
                events.append(.toolCallFinished(index: index, call))
            }
        }
        return events
    }

    private mutating func flushStops() -> [ChatEvent] {
        let rest = stops.finish()
        guard !rest.isEmpty else { return [] }
        content += rest
        return [.text(rest)]
    }

    /// The last events.
    mutating func finish(_ reason: FinishReason, _ usage: Usage) throws(ChatError) -> [ChatEvent] {
        var events: [ChatEvent] = []
        if !isStopped {
            let rest = detokenizer.finish()
            raw += rest
            if !rest.isEmpty { events += add(try parser.push(rest)) }
            if reason == .stop, parser.isWithinCall, plan.generation.constraint != nil {
                throw .malformedReply("it ends within a tool call")
            }
            events += add(try parser.finish())
            if !isStopped { events += flushStops() }
        }
        let finish: ChatFinish
        if let stop = stops.found {
            finish = .stopText(stop)
        } else {
            switch reason {
            case .stop: finish = calls.isEmpty ? .stop : .toolCalls
            // A free text may stop anywhere for its grammar, but it was cut all the same.
            case .budget: finish = !calls.isEmpty ? .toolCalls : request.output == .text ? .length : .stop
            case .length: finish = .length
            case .cancelled: finish = .cancelled
            }
        }
        let message = Message(
            role: .assistant, content: content, reasoning: reasoning.isEmpty ? nil : reasoning, toolCalls: calls, generated: generatedTurn()
        )
        if finish != .length, usage.isLed {
            events.append(.note("the answer was led to a valid end by its budget of tokens: it may lack what there was no room for"))
        }
        events.append(.finished(finish, usage, message))
        return events
    }

    /// The turn's tokens; after a stop text those that make the shown content, or nil when it was cut within a token.
    private func generatedTurn() -> GeneratedTurn? {
        var count = tokens.count
        var text = raw
        if isStopped {
            guard reasoning.isEmpty, calls.isEmpty, let cut = rawCounts.lastIndex(of: content.utf8.count), raw.hasPrefix(content) else {
                return nil
            }
            count = cut + 1
            text = content
        }
        return GeneratedTurn(
            tokens: plan.prompt.tokens + tokens[..<count], promptCount: plan.prompt.tokens.count, promptText: plan.prompt.text, text: text,
            vocabulary: tokenizer.vocabulary.identity, content: content, reasoning: reasoning.isEmpty ? nil : reasoning, toolCalls: calls)
    }
}
