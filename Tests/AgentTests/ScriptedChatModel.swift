// A chat model whose turns are written down, so that the loop is tested in microseconds.
import Chat
import Engine
import JSON
import Synchronization

/// Answers request after request with the turns of its script; a request beyond the script fails.
final class ScriptedChatModel: ChatModel {
    /// One turn of the model.
    enum Turn: Sendable {
        case says(String, finish: ChatFinish = .stop)
        case calls([(name: String, arguments: JSONValue)], says: String = "")
        case fails(ChatError)
        /// Never ends by itself.
        case hangs
        /// The stream ends without a last event.
        case vanishes
    }

    let name = "scripted"
    private let turns: [Turn]
    private let tokens: Int
    private let asked = Mutex<[ChatRequest]>([])

    /// Every turn costs `tokens` generated tokens.
    init(_ turns: [Turn], tokens: Int = 10) {
        self.turns = turns
        self.tokens = tokens
    }

    /// The requests so far.
    var requests: [ChatRequest] { asked.withLock { $0 } }

    func attempt(_ request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error> {
        let index = asked.withLock { asked in
            asked.append(request)
            return asked.count - 1
        }
        let (stream, feed) = AsyncThrowingStream.makeStream(of: ChatEvent.self, throwing: (any Error).self)
        guard index < turns.count else {
            feed.finish(throwing: ChatError.endedWithoutResult)
            return stream
        }
        var usage = Usage()
        usage.promptTokens = 100
        usage.generatedTokens = min(tokens, request.maxTokens ?? tokens)
        switch turns[index] {
        case .says(let text, let finish):
            feed.yield(.text(text))
            feed.yield(.finished(finish, usage, .assistant(text)))
            feed.finish()
        case .calls(let calls, let text):
            let calls = calls.enumerated().map { ToolCall(id: "c\(index)_\($0)", name: $1.name, arguments: $1.arguments) }
            feed.yield(.finished(.toolCalls, usage, .assistant(text, toolCalls: calls)))
            feed.finish()
        case .fails(let error): feed.finish(throwing: error)
        case .hangs: break
        case .vanishes: feed.finish()
        }
        return stream
    }

    func score(_ request: ChatRequest, choices: [String]) async throws -> [ChoiceScore] { [] }
}
