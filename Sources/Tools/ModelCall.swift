// One request to the model within one call: the stream folded, progress told, tokens and time kept.
import Chat
import Engine
import Grammar
import JSON
import Synchronization

/// Why an answer ended, as the tools tell it.
enum AnswerEnd: String, Sendable {
    case stop
    case length
    case time
}

/// A model's answer.
struct Answer: Sendable {
    var text: String
    var end: AnswerEnd
    var inputTokens: Int
    var outputTokens: Int
    /// Whether the budget of tokens led a structured answer to its end, so that it may lack what there was no room for.
    var isShortened = false
    /// What the grammar left to the validator, and how many answers were generated for one that is valid.
    var relaxations: [Relaxation] = []
    var attempts = 1

    /// Adds to a result what its reader should know of how it came about.
    func describe(in result: inout JSONObject) {
        if isShortened { result["shortened"] = true }
        guard !relaxations.isEmpty else { return }
        result["relaxed"] = .array(relaxations.map(\.json))
        result["attempts"] = JSONValue(attempts)
    }
}

extension ToolContext {
    /// Does work that may take long before the model is asked: on a thread of its own, within the call's time.
    func prepare<Value: Sendable>(
        seconds: Double?, _ work: @escaping @Sendable () throws(ToolFailure) -> Value
    ) async throws(ToolFailure) -> Value {
        progress.begin()
        let value = try await TimeBudget(seconds: seconds, from: started).run(self) { () async throws(ToolFailure) -> Value in
            do { return try await onOwnThread(work) } catch { throw ToolFailure(modelError: error) }
        }
        guard let value else { throw .outOfTime(seconds: seconds ?? 0) }
        return value
    }

    /// Asks the model. A structured answer that did not come to its end is a failure; a text that did not is returned as far as it came.
    func answer(to request: ChatRequest, seconds: Double?) async throws(ToolFailure) -> Answer {
        progress.begin()
        let budget = TimeBudget(seconds: seconds, from: started)
        let partial = PartialText()
        let answer = try await budget.run(self) { () async throws(ToolFailure) -> Answer in
            try await fold(try await model(), request, partial)
        }
        let isText = request.output == .text
        guard let answer else {
            guard isText, partial.isStarted else { throw .outOfTime(seconds: seconds ?? 0) }
            return partial.answer
        }
        guard isText || answer.end == .stop else { throw .outOfTokens(written: answer.outputTokens, limit: request.maxTokens) }
        return answer
    }

    private func fold(_ model: any ChatModel, _ request: ChatRequest, _ partial: PartialText) async throws(ToolFailure) -> Answer {
        var relaxed: (relaxations: [Relaxation], attempts: Int) = ([], 1)
        do {
            for try await event in model.reply(to: request) {
                switch event {
                case .prefill(let done, let total):
                    progress.reading(done: done, of: total, outputLimit: request.maxTokens)
                    partial.begin(promptTokens: total)
                case .generated(let tokens):
                    partial.count(tokens)
                    progress.writing(tokens: tokens)
                case .text(let piece): partial.append(piece)
                case .finished(let finish, let usage, let message):
                    let end: AnswerEnd
                    switch finish {
                    case .stop, .stopText, .toolCalls: end = .stop
                    case .length: end = .length
                    case .cancelled: throw ToolFailure.cancelled
                    }
                    return Answer(
                        text: message.content, end: end, inputTokens: usage.promptTokens, outputTokens: usage.generatedTokens,
                        isShortened: usage.isLed, relaxations: relaxed.relaxations, attempts: relaxed.attempts)
                case .note(let text): note(text)
                case .relaxed(let relaxations, let attempts): relaxed = (relaxations, attempts)
                case .reasoning, .toolCallStarted, .toolCallArguments, .toolCallFinished, .logprobs: break
                }
            }
        } catch {
            throw ToolFailure(modelError: error, of: request)
        }
        throw Task.isCancelled ? .cancelled : .model("\(ChatError.endedWithoutResult)")
    }

    /// The probabilities of the choices as the whole answer.
    func scores(_ model: any ChatModel, _ request: ChatRequest, choices: [String]) async throws(ToolFailure) -> [ChoiceScore] {
        let scores: [ChoiceScore]
        do { scores = try await abandonable { try await model.score(request, choices: choices) } } catch {
            throw ToolFailure(modelError: error)
        }
        if Task.isCancelled { throw .cancelled }
        guard scores.count == choices.count, scores.allSatisfy({ $0.probability.isFinite && (0...1).contains($0.probability) }) else {
            throw .model("it gave no probabilities for the labels")
        }
        return scores
    }

    /// The `usage` member of a result.
    func usage(of answer: Answer) -> JSONValue {
        [
            "input_tokens": JSONValue(answer.inputTokens), "output_tokens": JSONValue(answer.outputTokens),
            "ms": JSONValue(elapsedMilliseconds),
        ]
    }
}

extension ToolFailure {
    /// What a chat model's error means for the caller of a tool.
    init(modelError error: any Error, of request: ChatRequest? = nil) {
        switch error {
        case let failure as ToolFailure: self = failure
        case is CancellationError: self = .cancelled
        case ChatError.output(let grammar):
            let argument =
                switch request?.output {
                case .regex: "regex"
                case .grammar: "grammar"
                case .choice: "choices"
                default: "schema"
                }
            self = .unsupportedSchema(argument: argument, reason: "\(grammar)")
        case ChatError.engine(.budgetTooSmall(let minimum, let limit)):
            self = .budgetTooSmall(minimum: minimum, limit: limit, isContext: limit < request?.maxTokens ?? .max)
        case ChatError.engine(.answerTooLong(let bytes, let tokens, let limit)):
            self = .answerTooLong(bytes: bytes, tokens: tokens, limit: limit, isContext: limit < request?.maxTokens ?? .max)
        case ChatError.violation(let faults, let relaxations, let attempts):
            self = .violation(faults: faults, relaxations: relaxations.map(\.description), attempts: attempts)
        default: self = Task.isCancelled ? .cancelled : .model("\(error)")
        }
    }
}

/// The text so far of an answer that the time may end.
private final class PartialText: Sendable {
    private let state = Mutex((text: "", promptTokens: 0, tokens: 0, isStarted: false))

    func begin(promptTokens: Int) {
        state.withLock {
            $0.promptTokens = promptTokens
            $0.isStarted = true
        }
    }

    func count(_ tokens: Int) {
        state.withLock {
            $0.tokens = tokens
            $0.isStarted = true
        }
    }

    func append(_ piece: String) { state.withLock { $0.text += piece } }

    var isStarted: Bool { state.withLock { $0.isStarted } }

    /// The answer as far as it came.
    var answer: Answer {
        state.withLock { Answer(text: $0.text, end: .time, inputTokens: $0.promptTokens, outputTokens: $0.tokens) }
    }
}
