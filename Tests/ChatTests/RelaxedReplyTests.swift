// Answers under `.relax`: validated, repaired by a bounded number of further answers, never passed off as valid.
import Engine
import Grammar
import JSON
import Synchronization
import Testing

@testable import Chat

/// Answers its requests one after the other; the last answer again and again.
private final class Answers: ChatModel {
    let name = "scripted"
    private let messages: [(Message, ChatFinish)]
    private let asked = Mutex<[ChatRequest]>([])

    init(_ messages: [(Message, ChatFinish)]) { self.messages = messages }

    convenience init(_ texts: String...) { self.init(texts.map { (.assistant($0), .stop) }) }

    var requests: [ChatRequest] { asked.withLock { $0 } }

    func attempt(_ request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error> {
        let number = asked.withLock {
            $0.append(request)
            return $0.count
        }
        let (message, finish) = messages[min(number, messages.count) - 1]
        var usage = Usage()
        usage.generatedTokens = 3
        return AsyncThrowingStream { continuation in
            continuation.yield(.generated(tokens: 3))
            continuation.yield(.text(message.content))
            continuation.yield(.finished(finish, usage, message))
            continuation.finish()
        }
    }

    func score(_ request: ChatRequest, choices: [String]) async throws -> [ChoiceScore] { [] }
}

@Suite struct RelaxedReplyTests {
    /// The multiples have no automaton within the limits.
    private static let schema: JSONValue = ["type": "integer", "multipleOf": 999_983]

    private func request(_ schema: JSONValue = schema) -> ChatRequest {
        ChatRequest(messages: [.user("?")], output: .json(schema: schema), exactness: .relax)
    }

    @Test func aValidAnswerPassesWithItsReport() async throws {
        let model = Answers("999983")
        let reply = try await FoldedReply(model, request())
        #expect(reply.text == "999983" && reply.finish == .stop && reply.attempts == 1)
        #expect(reply.relaxations.map(\.keyword) == ["multipleOf"] && reply.relaxations.map { "\($0.pointer)" } == ["/multipleOf"])
        #expect(model.requests == [request()])
    }

    @Test func aViolatingAnswerIsGeneratedAgain() async throws {
        let model = Answers("7", "8", "1999966")
        let reply = try await FoldedReply(model, request())
        #expect(reply.text == "1999966" && reply.attempts == 3 && reply.notes.count == 2)
        #expect(reply.usage.generatedTokens == 9 && reply.generated == 9)
        #expect(model.requests[0] == request() && Set(model.requests.map(\.sampling.seed)).count == 3)
        #expect(model.requests[1...].allSatisfy { $0.sampling.temperature == RelaxedReply.temperature })
        let completion = try await Answers("7", "0").complete(request())
        #expect(completion.attempts == 2 && completion.relaxations.count == 1 && completion.message.content == "0")
    }

    @Test func afterTheLastAttemptItIsAnError() async throws {
        let model = Answers("7")
        await #expect {
            for try await event in model.reply(to: request()) {
                if case .text(let text) = event { Issue.record("\(text) was shown") }
            }
        } throws: {
            guard case .violation(let faults, let relaxations, 4)? = $0 as? ChatError else { return false }
            return faults.count == 1 && relaxations.count == 1 && "\($0)".contains("/multipleOf")
        }
        #expect(model.requests.count == RelaxedReply.maximumAttempts)
    }

    @Test func whatIsCutSaysSoByItsFinish() async throws {
        let reply = try await FoldedReply(Answers([(.assistant("1"), .length)]), request())
        #expect(reply.text == "1" && reply.finish == .length && reply.attempts == 0)
    }

    @Test func callsAreValidatedToo() async throws {
        let tool = ToolSpec(name: "pay", inputSchema: ["type": "object", "properties": ["cents": Self.schema], "required": ["cents"]])
        func call(_ cents: Int) -> (Message, ChatFinish) {
            (.assistant("", toolCalls: [ToolCall(id: "1", name: "pay", arguments: ["cents": JSONValue(cents)])]), .toolCalls)
        }
        let request = ChatRequest(messages: [.user("?")], tools: [tool], exactness: .relax)
        let completion = try await Answers([call(5), call(0)]).complete(request)
        #expect(completion.attempts == 2 && completion.message.toolCalls[0].arguments == ["cents": 0])
        #expect(completion.relaxations.map { "\($0.pointer)" } == ["/tools/pay/properties/cents/multipleOf"])
    }

    @Test func whatNoValidatorCanCheckIsRefused() async throws {
        await #expect(throws: ChatError.self) { try await Answers("1").complete(request(["$ref": "https://example.com/other"])) }
    }

    /// With nothing to relax, nothing changes; without `.relax` such a schema is refused.
    @Test func theEmbeddedModel() async throws {
        let model = try Breeze.model()
        var request = ChatRequest(messages: BreezeTests.extraction, output: .json(schema: BreezeTests.extractionSchema), exactness: .relax)
        let relaxed = try await FoldedReply(model, request)
        request.exactness = .exact
        let exact = try await FoldedReply(model, request)
        #expect(relaxed.text == exact.text && relaxed.relaxations.isEmpty && relaxed.attempts == 0)
        request.output = .json(schema: Self.schema)
        await #expect(throws: ChatError.self) { try await FoldedReply(model, request) }
    }

    @Test func grammarsOfTheUser() async throws {
        let outputs: [OutputFormat] = [
            .grammar("start: \"about \" /[0-9]{2}/ \" lamps\"", .lark), .grammar("root ::= (\"yes\" | \"no\") \"!\"", .gbnf),
            .choice(["blue moon", "green sun"]),
        ]
        for (output, pattern) in zip(outputs, ["about [0-9]{2} lamps", "(yes|no)!", "blue moon|green sun"]) {
            let reply = try await FoldedReply(try Breeze.model(), ChatRequest(messages: BreezeTests.extraction, output: output))
            #expect(try reply.text.wholeMatch(of: Regex(pattern)) != nil && reply.finish == .stop)
        }
    }

    @Test func aBrokenGrammarIsRefusedWithItsPlace() async throws {
        let request = ChatRequest(messages: BreezeTests.extraction, output: .grammar("start: \"a\"\nother: (", .lark))
        await #expect {
            try await FoldedReply(try Breeze.model(), request)
        } throws: {
            guard case .output(.malformed(2, _, _))? = $0 as? ChatError else { return false }
            return true
        }
    }
}
