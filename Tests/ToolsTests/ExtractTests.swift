// extract over a scripted model: the prompt it puts, what comes back, and everything that can go wrong on the way.
import Chat
import Engine
import JSON
import MCP
import Testing

@testable import Tools

private let person: JSONValue = [
    "type": "object", "properties": ["name": ["type": "string", "description": "the person"], "age": ["type": "integer"]],
    "required": ["name"], "additionalProperties": false,
]

@Suite struct ExtractTests {
    @Test func asksAsTheCardSaysAndAnswers() async throws {
        let model = ScriptedModel(answering: #"{"name": "Ada", "age": 36}"#)
        let result = try await tools(over: model).run("extract", arguments: ["text": "Ada, 36.", "schema": person])
        #expect(result["data"] == ["name": "Ada", "age": 36])
        #expect(result["complete"] == true)
        #expect(result["usage"]?["input_tokens"] == 10)
        #expect(result["usage"]?["output_tokens"] == 5)
        let request = try #require(model.requests.first)
        #expect(
            request.messages == [.system("Extract from the text, as JSON:\n{name: string /* the person */, age?: int}"), .user("Ada, 36.")])
        #expect(request.output == .json(schema: person))
        #expect(request.sampling.temperature == 0)
        #expect(request.maxTokens == 2048)
    }

    @Test func instructionsFollowTheSignature() async throws {
        let model = ScriptedModel(answering: #"{"name": "Ada"}"#)
        _ = try await tools(over: model).run(
            "extract", arguments: ["text": "Ada", "schema": person, "instructions": "First names only.", "max_output_tokens": 7])
        #expect(model.requests.first?.messages.first?.content.hasSuffix("age?: int}\nFirst names only.") == true)
        #expect(model.requests.first?.maxTokens == 7)
    }

    @Test func overMCPTheResultIsStructuredAndText() async throws {
        let model = ScriptedModel(answering: #"{"name": "Ada"}"#)
        let result = try await tools(over: model).call("extract", arguments: ["text": "Ada", "schema": person], context: CallContext())
        #expect(!result.isError)
        #expect(result.structuredContent?["data"] == ["name": "Ada"])
        guard case .text(let text)? = result.content.first else {
            Issue.record("no text")
            return
        }
        #expect(try JSONValue(parsing: text) == result.structuredContent)
    }

    /// A misspelled keyword constrains nothing; the result says so, and what was meant.
    @Test func tellsWhatConstrainsNothing() async throws {
        let schema: JSONValue = ["type": "object", "properties": ["n": ["type": "string", "minLenght": 3]], "x-order": 1]
        let model = ScriptedModel(answering: #"{"n": "a"}"#)
        for (tool, input) in [("extract", "text"), ("generate", "prompt")] {
            let result = try await tools(over: model).run(tool, arguments: .object([input: "x", "schema": schema]))
            let ignored = result["ignored"]?.arrayValue ?? []
            #expect(result["data"] == ["n": "a"] && ignored.map { $0["pointer"] } == ["/properties/n/minLenght"])
            #expect(ignored.first?["reason"]?.stringValue?.contains("did you mean \"minLength\"?") == true)
            let plain = try await tools(over: ScriptedModel(answering: #"{"name": "a"}"#)).run(
                tool, arguments: .object([input: "x", "schema": person]))
            #expect(plain["ignored"] == nil)
        }
    }

    /// What the grammar leaves out is validated over any model, and repaired by further answers.
    @Test func relaxed() async throws {
        let schema: JSONValue = ["type": "object", "properties": ["n": ["type": "integer", "multipleOf": 999_983]], "required": ["n"]]
        let arguments: JSONValue = ["text": "x", "schema": schema, "relax": true]
        let model = ScriptedModel { ScriptedModel.answer($0.sampling.temperature == 0 ? #"{"n": 5}"# : #"{"n": 999983}"#) }
        let result = try await tools(over: model).run("extract", arguments: arguments)
        #expect(result["data"] == ["n": 999_983] && result["attempts"] == 2)
        #expect(result["relaxed"]?.arrayValue?.map { $0["keyword"] } == ["multipleOf"])
        #expect(result["usage"]?["output_tokens"] == 10)
        let stubborn = await failure(try tools(over: ScriptedModel(answering: #"{"n": 5}"#)), "extract", arguments)
        guard case .violation(_, let relaxations, 4)? = stubborn else {
            Issue.record("\(String(describing: stubborn))")
            return
        }
        #expect(relaxations.first?.contains("/properties/n/multipleOf") == true)
    }

    /// Half a structure never goes out, not even one that parses.
    @Test(arguments: [#"{"name": "Ad"#, #"{"name": "Ada"}"#]) func truncated(text: String) async throws {
        let model = ScriptedModel(answering: text, finish: .length, generatedTokens: 5)
        let arguments: JSONValue = ["text": "Ada", "schema": person, "max_output_tokens": 5]
        let found = await failure(try tools(over: model), "extract", arguments)
        #expect(found == .outOfTokens(written: 5, limit: 5))
        #expect("\(found!)".contains("max_output_tokens (5)"))
        let context = await failure(
            try tools(over: model), "extract", ["text": "Ada", "schema": person, "max_output_tokens": 50])
        #expect(context.map { "\($0)" }?.contains("context") == true)
    }

    @Test(arguments: [
        (#"{"type": "string", "pattern": "(?<=a)b"}"#, "/pattern"),
        (#"{"type": "object", "properties": {"a": {"type": "strin"}}}"#, "/properties/a/type"),
        (#"{"$ref": "https://example.com/schema"}"#, "/$ref"),
        (#"{"type": "object", "properties": {"a": {"minimum": "one"}}}"#, "/properties/a/minimum"),
    ])
    func unsupportedSchemaIsRefusedBeforeAnythingIsComputed(schema: String, pointer: String) async throws {
        let model = ScriptedModel(answering: "{}")
        let found = await failure(try tools(over: model), "extract", ["text": "x", "schema": try JSONValue(parsing: schema)])
        guard case .unsupportedSchema("schema", let reason)? = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(reason.contains(pointer), "\(reason)")
        #expect(model.requests.isEmpty)
    }

    /// The belt over the grammar's braces: a backend that breaks the schema is caught, and its answer withheld.
    @Test(arguments: [#"{"name": 5}"#, #"{"age": 3}"#, #"not json"#, #"{"name": "a", "x": 1}"#])
    func anAnswerOutsideTheSchemaIsWithheld(text: String) async throws {
        let found = await failure(try tools(over: ScriptedModel(answering: text)), "extract", ["text": "x", "schema": person])
        guard case .brokenPromise("extract", _)? = found else {
            Issue.record("\(String(describing: found))")
            return
        }
    }

    @Test func loadAndModelFailuresAreWords() async throws {
        let arguments: JSONValue = ["text": "x", "schema": person]
        #expect("\(await failure(try tools(over: nil), "extract", arguments)!)".contains("truncated at byte 12"))
        let long = ScriptedModel { _ in [.fail(.promptTooLong(promptTokens: 500, contextLength: 384))] }
        let found = await failure(try tools(over: long), "extract", arguments)
        #expect("\(found!)".contains("500") && "\(found!)".contains("384"))
        let silent = ScriptedModel { _ in [] }
        guard case .model? = await failure(try tools(over: silent), "extract", arguments) else {
            Issue.record("an answer without an end was accepted")
            return
        }
    }

    @Test func cancellationEndsTheAnswer() async throws {
        let model = ScriptedModel { _ in [.event(.prefill(done: 1, total: 2)), .hang] }
        let all = try tools(over: model)
        let task = Task { await failure(all, "extract", ["text": "x", "schema": person]) }
        while model.requests.isEmpty { await Task.yield() }
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(model.abandonedCount == 1)
    }

    /// A model that loads forever does not hold a cancelled call.
    @Test func cancellationDuringTheLoad() async throws {
        struct Stuck: ModelProvider {
            func models() -> [ModelDescription] { [] }
            func model(progress: @escaping @Sendable (Double) -> Void) async throws -> any ChatModel {
                progress(0.1)
                try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                    Task.detached {
                        try? await Task.sleep(for: .seconds(2))
                        continuation.resume(throwing: CancellationError())
                    }
                }
                fatalError("not reached")
            }
        }
        let log = ProgressLog()
        let all = try WorkTools(provider: Stuck())
        let context = log.context
        let task = Task { await failure(all, "extract", ["text": "x", "schema": person], context: context) }
        while log.reports.count < 2 { await Task.yield() }
        let started = ContinuousClock.now
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(started.duration(to: .now) < .seconds(1.5))
    }

    @Test func theTimeBudgetEndsTheCall() async throws {
        let model = ScriptedModel { _ in [.event(.prefill(done: 1, total: 2)), .hang] }
        let found = await failure(try tools(over: model), "extract", ["text": "x", "schema": person, "max_seconds": 0.5])
        #expect(found == .outOfTime(seconds: 0.5))
        #expect(model.abandonedCount == model.requests.count)
    }

    /// A schema whose fault comes after a thousand places that have to be read first.
    @Test func theTimeCountsWhileASchemaIsChecked() async throws {
        var properties = JSONObject()
        for index in 0..<2000 { properties["p\(index)"] = ["anyOf": [["type": "string", "maxLength": 40], ["enum": ["a", "b"]]]] }
        properties["last"] = ["type": "nonsense"]
        let schema: JSONValue = ["type": "object", "properties": .object(properties)]
        let all = try tools(over: ScriptedModel(answering: "{}"))
        for (tool, key, value) in [("extract", "text", "x"), ("generate", "prompt", "x")] as [(String, String, JSONValue)] {
            let refused = await failure(all, tool, .object(JSONObject([(key, value), ("schema", schema)])))
            guard case .unsupportedSchema("schema", _)? = refused else {
                Issue.record("\(tool) accepted it: \(String(describing: refused))")
                continue
            }
            let late = await failure(all, tool, .object(JSONObject([(key, value), ("schema", schema), ("max_seconds", 0.001)])))
            #expect(late == .outOfTime(seconds: 0.001))
        }
    }

    @Test func progressRisesFromTheFirstMoment() async throws {
        let log = ProgressLog()
        let model = ScriptedModel(answering: #"{"name": "Ada"}"#)
        _ = try await tools(over: model).run(
            "extract", arguments: ["text": "x", "schema": person, "max_output_tokens": 20], context: log.context)
        let reports = log.reports
        #expect(reports.first?.value == 0)
        #expect(zip(reports, reports.dropFirst()).allSatisfy { $0.value < $1.value })
        #expect(reports.map(\.value) == [0, 0.5, 1, 6, 11, 16])
        #expect(reports.last?.total == 31)
        #expect(reports[3].message == "read 5 of 10 tokens")
    }

    @Test func aHeartbeatGoesOnInSilence() async throws {
        var limits = ToolLimits()
        limits.heartbeatMilliseconds = 20
        let log = ProgressLog()
        let model = ScriptedModel { _ in [.event(.prefill(done: 1, total: 2)), .hang] }
        let all = try tools(over: model, limits: limits)
        let context = log.context
        let task = Task { await failure(all, "extract", ["text": "x", "schema": person], context: context) }
        while log.reports.filter({ $0.message == "still working" }).count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(zip(log.reports, log.reports.dropFirst()).allSatisfy { $0.value < $1.value })
    }
}
