// The embedded model through the whole of Chat: messages in, events out.
import Engine
import JSON
import TestSupport
import Testing
import Tokens

@testable import Chat

@Suite struct BreezeTests {
    static let extraction: [Message] = [
        .system("Extract from the text, as JSON:\n{customer: string, product: string, quantity: int, city: string}"),
        .user("Hannah Okafor ordered 3 laptops in Lisbon."),
    ]
    static let extractionSchema: JSONValue = [
        "type": "object",
        "properties": [
            "customer": ["type": "string"], "product": ["type": "string"], "quantity": ["type": "integer"], "city": ["type": "string"],
        ],
        "required": ["customer", "product", "quantity", "city"], "additionalProperties": false,
    ]
    static let classification: [Message] = [
        .system("Classify the text:\n\"billing\" | \"shipping\" | \"login\""), .user("My package has not arrived yet."),
    ]

    @Test func goldenRepliesAreRepeated() async throws {
        let model = try Breeze.model()
        for item in try #require(Fixtures.json("models/breeze/golden.json").arrayValue) {
            let messages = (item["messages"]?.arrayValue ?? []).map {
                Message(role: Role(rawValue: $0["role"]?.stringValue ?? "") ?? .user, content: $0["content"]?.stringValue ?? "")
            }
            let prompt = (item["input_ids"]?.arrayValue ?? []).compactMap { $0.intValue.map { TokenID($0) } }
            let greedy = (item["greedy_ids"]?.arrayValue ?? []).compactMap { $0.intValue.map { TokenID($0) } }
            let reply = try await FoldedReply(model, ChatRequest(messages: messages))
            #expect(reply.finish == .stop)
            if item["tools"]?.isNull ?? true {
                #expect(reply.message.generated?.tokens == prompt + greedy.dropLast())
                #expect(reply.text + "<|im_end|>" == item["greedy_text"]?.stringValue)
            }
        }
    }

    @Test func extractionUnderItsGrammar() async throws {
        let reply = try await FoldedReply(
            try Breeze.model(), ChatRequest(messages: Self.extraction, output: .json(schema: Self.extractionSchema)))
        #expect(reply.text == "{\"customer\": \"Hannah Okafor\", \"product\": \"laptop\", \"quantity\": 3, \"city\": \"Lisbon\"}")
        #expect(reply.finish == .stop)
        #expect(reply.message.content == reply.text)
        #expect(reply.usage.forcedTokens > 0)
    }

    @Test(arguments: [ToolChoice.auto, .required, .named("get_weather")]) func callsTools(_ choice: ToolChoice) async throws {
        let model = try Breeze.model()
        let tools = [
            ToolSpec(
                name: "get_weather", description: weatherTool.description,
                inputSchema: ["type": "object", "properties": ["city": ["type": "string"]], "required": ["city"]]),
            emailTool,
        ]
        let request = ChatRequest(messages: [.user("What is the weather in Paris?")], tools: tools, toolChoice: choice)
        let reply = try await FoldedReply(model, request)
        #expect(reply.text == "")
        #expect(reply.started == ["get_weather"])
        #expect(reply.callPieces == [0: "{\"city\": \"Paris\"}"])
        #expect(reply.calls == [ToolCall(id: "call00001", name: "get_weather", arguments: ["city": "Paris"])])
        #expect(reply.message.toolCalls == reply.calls)
        #expect(reply.finish == .toolCalls)
    }

    @Test func conversationGoesOnFromItsOwnTokens() async throws {
        let model = try Breeze.model()
        var request = ChatRequest(messages: [.user("What is the weather in Paris?")], tools: [weatherTool, emailTool])
        let first = try await FoldedReply(model, request)
        let turn = try #require(first.message.generated)
        #expect(Array(turn.tokens.prefix(turn.promptCount)) == (try model.promptTokens(for: request)))
        request.messages += [first.message, .tool("{\"temperature\": 21, \"condition\": \"sunny\"}", callID: first.calls.first?.id)]
        let prompt = try model.promptTokens(for: request)
        #expect(prompt.starts(with: turn.tokens))
        #expect(prompt.count > turn.tokens.count)
        let second = try await FoldedReply(model, request)
        #expect(second.notes == [])
        #expect(second.text == "It is 21 degrees and sunny in Paris.")
        #expect(second.finish == .stop)
        // The same conversation as plain messages gives the same tokens here: the template shows this turn as it was generated.
        var plain = request
        plain.messages[1].generated = nil
        #expect(try model.promptTokens(for: plain) == prompt)
    }

    @Test func rewrittenHistoryIsReported() async throws {
        let model = try Breeze.model()
        let first = try await FoldedReply(model, ChatRequest(messages: Self.extraction))
        let changed = ChatRequest(
            messages: [.system("Something else"), Self.extraction[1], first.message, .user("And now?")], maxTokens: 2)
        let reply = try await FoldedReply(model, changed)
        #expect(reply.notes.count == 1)
        #expect(reply.notes.first?.contains("rendered anew") ?? false)
        #expect(reply.finish == .length)
        var foreign = first.message
        foreign.generated?.vocabulary ^= 1
        let other = try await FoldedReply(model, ChatRequest(messages: Self.extraction + [foreign, .user("And now?")], maxTokens: 2))
        #expect(other.notes.first?.contains("another model") ?? false)
    }

    /// A turn that the template lays out in another way than the model wrote it still goes on from its tokens.
    @Test func turnsOfAnotherLayoutGoOn() async throws {
        let model = try Breeze.model()
        var request = ChatRequest(messages: [.user("What is the weather in Paris?")], tools: [weatherTool])
        let prompt = try model.promptTokens(for: request)
        let text = "<tool_call>{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Paris\"}}</tool_call>"
        let own = model.tokenizer.encode(text, addedTokens: .all)
        let promptText = try model.toolTemplate.render(messages: request.messages, tools: request.tools)
        var message = Message.assistant("", toolCalls: [ToolCall(id: "call00001", name: "get_weather", arguments: ["city": "Paris"])])
        message.generated = GeneratedTurn(
            tokens: prompt + own, promptCount: prompt.count, promptText: promptText, text: text,
            vocabulary: model.tokenizer.vocabulary.identity, content: "", toolCalls: message.toolCalls)
        request.messages += [message, .tool("21")]
        let next = try model.promptTokens(for: request)
        #expect(next.starts(with: prompt + own + [2]))
        let plan = try model.prepare(request)
        #expect(plan.prompt.note == nil)
        // What was edited beside its tokens is what counts.
        request.messages[1].toolCalls[0].arguments = ["city": "Rome"]
        let edited = try model.prepare(request).prompt
        #expect(edited.note?.contains("something else") ?? false)
        #expect(edited.text.contains("Rome") && !edited.tokens.starts(with: prompt + own))
    }

    @Test func stopTextsCut() async throws {
        let model = try Breeze.model()
        let reply = try await FoldedReply(model, ChatRequest(messages: Self.extraction, stop: ["ptop\"", "never"]))
        #expect(reply.text == "{\"customer\": \"Hannah Okafor\", \"product\": \"la")
        #expect(reply.finish == .stopText("ptop\""))
        #expect(reply.message.content == reply.text)
    }

    @Test func limitsAreNamed() async throws {
        let model = try Breeze.model()
        let short = try await FoldedReply(model, ChatRequest(messages: Self.extraction, maxTokens: 3))
        #expect(short.finish == .length)
        #expect(short.usage.generatedTokens == 3)
        let long = ChatRequest(messages: [.user(String(repeating: "word ", count: 4 * model.contextLength))])
        let count = try model.promptTokens(for: long).count
        await #expect {
            _ = try await model.complete(long)
        } throws: {
            guard case .promptTooLong(let prompt, let context)? = $0 as? ChatError else { return false }
            return prompt == count && context == model.contextLength
        }
    }

    @Test func badRequestsAreRefusedByName() async throws {
        let model = try Breeze.model()
        let user = [Message.user("Hi")]
        let bad: [(ChatRequest, String)] = [
            (ChatRequest(messages: []), "messages"), (ChatRequest(messages: user, maxTokens: 0), "maxTokens"),
            (ChatRequest(messages: user, stop: [""]), "stop"), (ChatRequest(messages: user, output: .regex("a"), stop: ["x"]), "stop"),
            (ChatRequest(messages: user, tools: [weatherTool, weatherTool]), "declared twice"),
            (ChatRequest(messages: user, tools: [ToolSpec(name: "a b", inputSchema: [:])]), "a b"),
            (ChatRequest(messages: user, tools: [weatherTool], toolChoice: .named("other")), "other"),
            (ChatRequest(messages: user, toolChoice: .required), "toolChoice"),
            (ChatRequest(messages: user, tools: [weatherTool], toolChoice: .required, output: .regex("a")), "output"),
            (ChatRequest(messages: user, tools: [weatherTool], toolChoice: .named("get_weather"), stop: ["x"]), "stop"),
            (ChatRequest(messages: user, output: .choice([])), "output"),
            (ChatRequest(messages: user, output: .regex("(")), "output"),
            (ChatRequest(messages: user, sampling: SamplingParameters(temperature: -1)), "temperature"),
        ]
        for (request, word) in bad {
            await #expect {
                _ = try await model.complete(request)
            } throws: {
                ($0 as? ChatError)?.description.contains(word) ?? false
            }
        }
    }

    @Test func toolsNeedAFormat() async throws {
        let breeze = try Breeze.model()
        let model = try LocalChatModel(
            name: "plain", template: "{% for m in messages %}{{ m.content }}{% endfor %}", specialTokens: [], stopTokens: [2],
            engine: breeze.engine,
            tokenizer: breeze.tokenizer)
        await #expect {
            _ = try await model.complete(ChatRequest(messages: [.user("Hi")], tools: [weatherTool]))
        } throws: {
            if case .toolsUnsupported(model: "plain", _) = $0 as? ChatError { true } else { false }
        }
    }

    @Test func choicesAreScored() async throws {
        let model = try Breeze.model()
        let labels = ["billing", "shipping", "login"]
        let request = ChatRequest(messages: Self.classification, output: .json(schema: ["enum": ["billing", "shipping", "login"]]))
        let scores = try await model.score(request, choices: labels)
        #expect(scores.map(\.label) == labels)
        #expect(abs(scores.reduce(0) { $0 + $1.probability } - 1) < 1e-9)
        #expect(scores.max { $0.probability < $1.probability }?.label == "shipping")
        #expect(scores.allSatisfy { $0.logProbability < 0 && $0.probability > 0 })
        // The slow twin: the sum of the reply's own log-probabilities, its end included.
        let reply = try await FoldedReply(model, ChatRequest(messages: Self.classification, logprobs: 0))
        #expect(reply.text == "\"shipping\"")
        let sum = reply.logprobs.reduce(0) { $0 + Double($1.logprob ?? 0) }
        #expect(abs(sum - scores[1].logProbability) < 1e-3)
    }

    @Test func logprobsCome() async throws {
        let reply = try await FoldedReply(try Breeze.model(), ChatRequest(messages: Self.classification, logprobs: 2))
        #expect(reply.logprobs.count == reply.usage.generatedTokens)
        #expect(reply.generated == reply.usage.generatedTokens)
        #expect(reply.logprobs.allSatisfy { $0.top.count == 2 && $0.logprob == $0.top[0].logprob })
        #expect(String(decoding: reply.logprobs.dropLast().flatMap(\.bytes), as: UTF8.self) == reply.text)
    }

    @Test func leavingTheStreamFreesTheSequence() async throws {
        let model = try Breeze.model()
        var request = ChatRequest(messages: [.user("Hello")])
        request.sampling.logitBias = [2: -100]
        for try await event in model.reply(to: request) {
            if case .text = event { break }
        }
        let after = try await FoldedReply(model, ChatRequest(messages: Self.classification))
        #expect(after.text == "\"shipping\"")
    }
}
