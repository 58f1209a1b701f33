// A chat model that says what a test tells it to, and a provider that hands it out.
import Chat
import Engine
import JSON
import MCP
import Synchronization

@testable import Tools

/// Says what its script says; keeps what it was asked.
final class ScriptedModel: ChatModel {
    enum Step: Sendable {
        case event(ChatEvent)
        case fail(ChatError)
        /// Says nothing until the caller gives up.
        case hang
    }

    let name = "scripted"
    private let script: @Sendable (ChatRequest) -> [Step]
    private let probability: @Sendable (ChatRequest, String) -> Double
    private let asked = Mutex<[ChatRequest]>([])
    private let abandoned = Mutex(0)

    init(
        _ script: @escaping @Sendable (ChatRequest) -> [Step] = { _ in [] },
        probability: @escaping @Sendable (ChatRequest, String) -> Double = { _, _ in 0.5 }
    ) {
        self.script = script
        self.probability = probability
    }

    /// A model whose every answer is this text.
    convenience init(answering text: String, finish: ChatFinish = .stop, promptTokens: Int = 10, generatedTokens: Int = 5) {
        self.init { _ in Self.answer(text, finish: finish, promptTokens: promptTokens, generatedTokens: generatedTokens) }
    }

    static func answer(_ text: String, finish: ChatFinish = .stop, promptTokens: Int = 10, generatedTokens: Int = 5) -> [Step] {
        var usage = Usage()
        usage.promptTokens = promptTokens
        usage.generatedTokens = generatedTokens
        return [
            .event(.prefill(done: promptTokens / 2, total: promptTokens)), .event(.prefill(done: promptTokens, total: promptTokens)),
            .event(.generated(tokens: generatedTokens)), .event(.text(text)), .event(.finished(finish, usage, .assistant(text))),
        ]
    }

    var requests: [ChatRequest] { asked.withLock { $0 } }
    /// How many answers were given up by their readers.
    var abandonedCount: Int { abandoned.withLock { $0 } }

    func attempt(_ request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error> {
        asked.withLock { $0.append(request) }
        let steps = script(request)
        return AsyncThrowingStream { continuation in
            continuation.onTermination = { if case .cancelled = $0 { self.abandoned.withLock { $0 += 1 } } }
            for step in steps {
                switch step {
                case .event(let event): continuation.yield(event)
                case .fail(let error):
                    continuation.finish(throwing: error)
                    return
                case .hang: return
                }
            }
            continuation.finish()
        }
    }

    func score(_ request: ChatRequest, choices: [String]) async throws -> [ChoiceScore] {
        asked.withLock { $0.append(request) }
        return choices.map { ChoiceScore(label: $0, logProbability: 0, probability: probability(request, $0)) }
    }
}

/// Hands out a model, or fails to.
struct ScriptedProvider: ModelProvider {
    struct Unloadable: Error, CustomStringConvertible {
        let description = "the file is truncated at byte 12"
    }

    var chatModel: (any ChatModel)?
    var descriptions: [ModelDescription] = []
    /// Whether the descriptions can be had without looking into files.
    var isKnown = false

    init(_ model: (any ChatModel)?, descriptions: [ModelDescription] = [], isKnown: Bool = false) {
        chatModel = model
        self.descriptions = descriptions
        self.isKnown = isKnown
    }

    func models() -> [ModelDescription] { descriptions }
    func knownModels() -> [ModelDescription]? { isKnown ? descriptions : nil }

    func model(progress: @escaping @Sendable (Double) -> Void) async throws -> any ChatModel {
        progress(0.5)
        guard let chatModel else { throw Unloadable() }
        return chatModel
    }
}

/// Keeps every report of progress.
final class ProgressLog: Sendable {
    struct Report: Sendable, Equatable {
        let value: Double
        let total: Double?
        let message: String?
    }

    private let log = Mutex<[Report]>([])
    var reports: [Report] { log.withLock { $0 } }

    var context: CallContext {
        CallContext(onProgress: { value, total, message in
            self.log.withLock { $0.append(Report(value: value, total: total, message: message)) }
        })
    }
}

/// All tools over this model.
func tools(over model: (any ChatModel)?, limits: ToolLimits = .standard) throws -> WorkTools {
    try WorkTools(provider: ScriptedProvider(model), limits: limits)
}

/// The failure of a call that has to fail.
func failure(_ tools: WorkTools, _ name: String, _ arguments: JSONValue, context: CallContext = CallContext()) async -> ToolFailure? {
    do throws(ToolFailure) {
        _ = try await tools.run(name, arguments: arguments, context: context)
        return nil
    } catch {
        return error
    }
}
