// classify, generate and models over a scripted model.
import Chat
import Engine
import Grammar
import JSON
import MCP
import Testing

@testable import Tools

@Suite struct ClassifyTests {
    @Test func oneLabel() async throws {
        let model = ScriptedModel(probability: { _, choice in choice == #""shipping""# ? 0.7 : 0.15 })
        let result = try await tools(over: model).run(
            "classify", arguments: ["text": "Where is my parcel?", "labels": ["billing", "shipping", "login"]])
        #expect(result["label"] == "shipping")
        #expect(result["labels"] == nil)
        #expect(result["scores"]?.arrayValue?.map { $0["label"]?.stringValue } == ["shipping", "billing", "login"])
        #expect(result["scores"]?[0]?["probability"] == 0.7)
        #expect(
            model.requests.map(\.messages) == [
                [.system("Classify the text:\n\"billing\" | \"shipping\" | \"login\""), .user("Where is my parcel?")]
            ])
    }

    /// Labels are written as JSON strings, as the model writes them.
    @Test func labelsAreEscaped() async throws {
        let model = ScriptedModel(probability: { _, choice in choice == #""a \"b\"""# ? 0.9 : 0.1 })
        let result = try await tools(over: model).run("classify", arguments: ["text": "x", "labels": ["c", #"a "b""#]])
        #expect(result["label"] == #"a "b""#)
    }

    @Test(arguments: [(nil, ["b", "c"]), (0.75, ["b"]), (0.0, ["b", "c", "a"]), (1.0, [])] as [(Double?, [String])])
    func manyLabels(threshold: Double?, expected: [String]) async throws {
        let model = ScriptedModel(probability: { request, choice in
            guard choice != #""none""# else { return 0 }
            return request.messages[0].content.contains(#"| "b""#) ? 0.8 : request.messages[0].content.contains(#"| "c""#) ? 0.6 : 0.2
        })
        var arguments: JSONObject = ["text": "x", "labels": ["a", "b", "c"], "multi": true]
        arguments["threshold"] = threshold.map { JSONValue($0) }
        let result = try await tools(over: model).run("classify", arguments: .object(arguments))
        #expect(result["labels"] == .array(expected.map { .string($0) }))
        #expect(result["label"] == nil)
        #expect(result["scores"]?.arrayValue?.map { $0["label"]?.stringValue } == ["b", "c", "a"])
        #expect(model.requests.count == 3)
        #expect(model.requests.first?.messages.first?.content == "Classify the text:\n\"none\" | \"a\"")
    }

    @Test func impossibleProbabilitiesAreRefused() async throws {
        for value in [Double.nan, -0.1, 1.5] {
            let model = ScriptedModel(probability: { _, _ in value })
            guard case .model? = await failure(try tools(over: model), "classify", ["text": "x", "labels": ["a", "b"]]) else {
                Issue.record("\(value) was accepted")
                return
            }
        }
    }
}

@Suite struct GenerateTests {
    @Test func text() async throws {
        let model = ScriptedModel(answering: "Hello.")
        let result = try await tools(over: model).run("generate", arguments: ["prompt": "Hi", "stop": ["\n"]])
        #expect(result["text"] == "Hello.")
        #expect(result["finish_reason"] == "stop")
        #expect(result["complete"] == true)
        #expect(result["seed"] == nil)
        let request = try #require(model.requests.first)
        #expect(request.messages == [.user("Hi")])
        #expect(request.output == .text)
        #expect(request.stop == ["\n"])
        #expect(request.sampling.temperature == 0)
    }

    @Test func conversationWithTemperature() async throws {
        let model = ScriptedModel(answering: "Hello.")
        let messages: JSONValue = [["role": "system", "content": "Be brief."], ["role": "user", "content": "Hi"]]
        let result = try await tools(over: model).run("generate", arguments: ["messages": messages, "temperature": 0.5, "seed": 9])
        #expect(result["seed"] == 9)
        #expect(model.requests.first?.messages == [.system("Be brief."), .user("Hi")])
        #expect(model.requests.first?.sampling.temperature == 0.5)
        #expect(model.requests.first?.sampling.seed == 9)
        let drawn = try await tools(over: model).run("generate", arguments: ["messages": messages, "temperature": 0.5])
        #expect(drawn["seed"]?.intValue.map { UInt64($0) } == model.requests.last?.sampling.seed)
    }

    @Test func structured() async throws {
        let model = ScriptedModel(answering: #"{"a": 1}"#)
        let schema: JSONValue = ["type": "object", "properties": ["a": ["type": "integer"]], "required": ["a"]]
        let result = try await tools(over: model).run("generate", arguments: ["prompt": "Hi", "schema": schema])
        #expect(result["data"] == ["a": 1])
        #expect(result["text"] == nil)
        #expect(model.requests.first?.output == .json(schema: schema))
        _ = try await tools(over: model).run("generate", arguments: ["prompt": "Hi", "regex": "[a-z]+"])
        #expect(model.requests.last?.output == .regex("[a-z]+"))
    }

    /// Free text may end early and says so; what is held to a form may not.
    @Test func truncated() async throws {
        let model = ScriptedModel(answering: "Hel", finish: .length)
        let all = try tools(over: model)
        let result = try await all.run("generate", arguments: ["prompt": "Hi"])
        #expect(result["text"] == "Hel" && result["finish_reason"] == "length" && result["complete"] == false)
        guard case .outOfTokens? = await failure(all, "generate", ["prompt": "Hi", "regex": "Hello"]) else {
            Issue.record("half a match went out")
            return
        }
        guard case .outOfTokens? = await failure(all, "generate", ["prompt": "Hi", "schema": ["type": "string"]]) else {
            Issue.record("half a structure went out")
            return
        }
    }

    @Test func timeEndsText() async throws {
        let model = ScriptedModel { _ in
            [.event(.prefill(done: 4, total: 4)), .event(.generated(tokens: 3)), .event(.text("Hel")), .event(.text("lo")), .hang]
        }
        let all = try tools(over: model)
        let result = try await all.run("generate", arguments: ["prompt": "Hi", "max_seconds": 0.5])
        #expect(result["text"] == "Hello" && result["finish_reason"] == "time" && result["complete"] == false)
        #expect(result["usage"]?["input_tokens"] == 4 && result["usage"]?["output_tokens"] == 3)
        #expect(await failure(all, "generate", ["prompt": "Hi", "regex": "Hello", "max_seconds": 0.5]) == .outOfTime(seconds: 0.5))
    }

    @Test func regexThatCannotBeEnforced() async throws {
        let model = ScriptedModel(answering: "x")
        guard case .unsupportedSchema("regex", _)? = await failure(try tools(over: model), "generate", ["prompt": "x", "regex": "(a"])
        else {
            Issue.record("accepted")
            return
        }
        #expect(model.requests.isEmpty)
        // Beyond the limits of the grammar itself.
        let refusing = ScriptedModel { _ in [.fail(.output(.tooLarge(what: "states", limit: 1, pointer: JSONPointer())))] }
        guard case .unsupportedSchema("regex", _)? = await failure(try tools(over: refusing), "generate", ["prompt": "x", "regex": "a"])
        else {
            Issue.record("not said of the regular expression")
            return
        }
    }
}

@Suite struct ModelsTests {
    @Test func listsWithoutLoading() async throws {
        let provider = ScriptedProvider(
            nil,
            descriptions: [
                ModelDescription(
                    name: "breeze", state: .available, source: "embedded", architecture: "llama", contextLength: 384, parameters: 2_750_000,
                    memoryBytes: 6_000_000, summary: "small"),
                ModelDescription(name: "other", state: .failed, problem: "truncated"),
            ])
        let result = try await WorkTools(provider: provider).run("models", arguments: [:])
        #expect(
            result == [
                "models": [
                    [
                        "name": "breeze", "state": "available", "source": "embedded", "architecture": "llama", "context_length": 384,
                        "parameters": 2_750_000, "memory_bytes": 6_000_000, "description": "small",
                    ], ["name": "other", "state": "failed", "problem": "truncated"],
                ]
            ])
    }

    /// What is answered at once is what a call would answer; whatever is not known, or has to be refused, is left to the call.
    @Test func knownModelsAreAnsweredAtOnce() async throws {
        let descriptions = [ModelDescription(name: "breeze", state: .loaded, contextLength: 384)]
        func answer(_ provider: ScriptedProvider, _ name: String = "models", _ arguments: JSONObject = [:]) throws -> ToolResult? {
            try WorkTools(provider: provider).answer(name, arguments: arguments, context: CallContext())
        }
        let known = ScriptedProvider(nil, descriptions: descriptions, isKnown: true)
        let called = try await WorkTools(provider: known).call("models", arguments: [:], context: CallContext())
        #expect(try answer(known) == called)
        #expect(try answer(ScriptedProvider(nil, descriptions: descriptions)) == nil)
        #expect(try answer(known, "models", ["x": 1]) == nil)
        #expect(try answer(known, "extract") == nil)
        #expect(try answer(known, "nothing") == nil)
        // A result that breaks the output schema is never sent.
        let broken = ScriptedProvider(nil, descriptions: [ModelDescription(name: "b", state: .loaded, contextLength: 0)], isKnown: true)
        #expect(try answer(broken) == nil)
    }

    @Test func everyStateIsInTheSchema() {
        let states = ToolSchemas.schema("models.output.json")["properties"]?["models"]?["items"]?["properties"]?["state"]?["enum"]
        #expect(states == .array(ModelDescription.State.allCases.map { .string($0.rawValue) }))
    }
}
