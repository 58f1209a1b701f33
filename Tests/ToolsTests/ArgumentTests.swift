// Arguments against input schemas, results against output schemas: what is refused, and in which words.
import Chat
import JSON
import MCP
import Synchronization
import Testing

@testable import Tools

@Suite struct ArgumentTests {
    /// Each row: tool, arguments, what the refusal has to name.
    @Test(arguments: [
        ("extract", #"{}"#, ["extract", "text", "schema"]),
        ("extract", #"5"#, ["object", "number"]),
        ("extract", #"{"text": 5, "schema": {}}"#, ["/text"]),
        ("extract", #"{"text": "", "schema": {}}"#, ["/text"]),
        ("extract", #"{"text": "x", "schema": "not json"}"#, ["/schema"]),
        ("extract", #"{"text": "x", "schema": "[1]"}"#, ["/schema"]),
        ("extract", #"{"text": "x", "schema": {}, "max_tokens": 5}"#, ["max_tokens"]),
        ("extract", #"{"text": "x", "schema": {}, "relax": 1}"#, ["/relax"]),
        ("generate", #"{"prompt": "x", "relax": true}"#, ["/relax"]), ("generate", #"{"prompt": "x", "grammar": "a"}"#, ["/grammar_syntax"]),
        ("generate", #"{"prompt": "x", "choices": ["a"], "grammar_syntax": "lark"}"#, ["/grammar_syntax"]),
        ("generate", #"{"prompt": "x", "regex": "a", "choices": ["a"]}"#, ["/choices"]),
        ("extract", #"{"text": "x", "schema": {}, "max_output_tokens": 0}"#, ["/max_output_tokens"]),
        ("extract", #"{"text": "x", "schema": {}, "max_output_tokens": 1.5}"#, ["/max_output_tokens"]),
        ("extract", #"{"text": "x", "schema": {}, "max_seconds": 0}"#, ["/max_seconds"]),
        ("classify", #"{"text": "x", "labels": ["one"]}"#, ["/labels"]),
        ("classify", #"{"text": "x", "labels": ["one", "one"]}"#, ["/labels"]),
        ("classify", #"{"text": "x", "labels": ["one", ""]}"#, ["/labels/1"]),
        ("classify", #"{"text": "x", "labels": ["one", "two"], "threshold": 0.4}"#, ["/threshold", "multi"]),
        ("classify", #"{"text": "x", "labels": ["one", "none"], "multi": true}"#, ["/labels", "none"]),
        ("generate", #"{}"#, ["prompt", "messages"]),
        ("generate", #"{"prompt": "x", "messages": [{"role": "user", "content": "y"}]}"#, ["prompt", "messages"]),
        ("generate", #"{"messages": [{"role": "tool", "content": "y"}]}"#, ["/messages/0/role"]),
        ("generate", #"{"messages": [{"role": "assistant", "content": "y"}]}"#, ["/messages", "last"]),
        ("generate", #"{"prompt": "x", "schema": {}, "regex": "a"}"#, ["/regex", "schema"]),
        ("generate", #"{"prompt": "x", "regex": "a", "stop": ["b"]}"#, ["/stop"]),
        ("generate", #"{"prompt": "x", "seed": 5}"#, ["/seed", "temperature"]),
        ("generate", #"{"prompt": "x", "temperature": 3}"#, ["/temperature"]),
        ("models", #"{"action": "list"}"#, ["action"]),
    ])
    func refused(tool: String, arguments: String, naming: [String]) async throws {
        let model = ScriptedModel(answering: "{}")
        let found = await failure(try tools(over: model), tool, try JSONValue(parsing: arguments))
        guard case .invalidArguments(let name, _)? = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(name == tool)
        for part in naming { #expect("\(found!)".contains(part), "\(part) in: \(found!)") }
        #expect(model.requests.isEmpty)
    }

    @Test func tooLargeArguments() async throws {
        var limits = ToolLimits()
        limits.textBytes = 10
        limits.schemaBytes = 60
        limits.instructionsBytes = 5
        let all = try tools(over: ScriptedModel(answering: "{}"), limits: limits)
        let long: JSONValue = "elf bytes!!"
        #expect(await failure(all, "extract", ["text": long, "schema": [:]]) == .tooLarge(argument: "text", bytes: 11, limit: 10))
        #expect(await failure(all, "classify", ["text": long, "labels": ["a", "b"]]) == .tooLarge(argument: "text", bytes: 11, limit: 10))
        #expect(await failure(all, "generate", ["prompt": long]) == .tooLarge(argument: "prompt", bytes: 11, limit: 10))
        let messages: JSONValue = [["role": "user", "content": "123456"], ["role": "user", "content": "12345"]]
        #expect(await failure(all, "generate", ["messages": messages]) == .tooLarge(argument: "messages", bytes: 11, limit: 10))
        #expect(
            await failure(all, "extract", ["text": "x", "schema": [:], "instructions": "123456"])
                == .tooLarge(argument: "instructions", bytes: 6, limit: 5))
        let schema: JSONValue = ["type": "string", "description": "a description that is rather long for this limit"]
        guard case .tooLarge("schema", _, 60)? = await failure(all, "extract", ["text": "x", "schema": schema]) else {
            Issue.record("a large schema was accepted")
            return
        }
    }

    /// Assistants send structures as strings.
    @Test func structuresInStringsAreUnwrapped() async throws {
        let model = ScriptedModel(answering: #"{"id": "A-1"}"#)
        let schema = #"{"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}"#
        let result = try await tools(over: model).run("extract", arguments: ["text": "x", "schema": .string(schema)])
        #expect(result["data"] == ["id": "A-1"])
        let labels = try await tools(over: model).run("classify", arguments: ["text": "x", "labels": #"["a", "b"]"#])
        #expect(labels["label"] == "a")
    }

    /// What a client that asked for logging hears: the load, the usage, the failure.
    @Test func callsAreLogged() async throws {
        let log = Mutex<[String]>([])
        let context = CallContext(onLog: { level, logger, data in
            log.withLock { $0.append("\(level) \(logger ?? "") \(data["message"]?.stringValue ?? "")") }
            if level == .debug { #expect(data["usage"]?["output_tokens"] == 5) }
        })
        _ = try await tools(over: ScriptedModel(answering: "Hi.")).run("generate", arguments: ["prompt": "x"], context: context)
        #expect(log.withLock { $0 } == ["info model loading the model", "debug generate done"])
        let broken = try #require(await failure(try tools(over: nil), "generate", ["prompt": "x"], context: context))
        #expect(log.withLock { $0.suffix(2) } == ["info model loading the model", "error generate \(broken)"])
    }

    @Test func unknownToolIsAProtocolError() async throws {
        let all = try tools(over: nil)
        #expect(await failure(all, "extrakt", [:]) == .unknownTool("extrakt"))
        let error = await #expect(throws: RPCError.self) { try await all.call("extrakt", arguments: [:], context: CallContext()) }
        #expect(error?.code == -32602)
    }

    @Test func failuresAreResultsThatTheModelCanRead() async throws {
        let result = try await tools(over: nil).call("extract", arguments: ["text": 5], context: CallContext())
        #expect(result.isError && result.structuredContent == nil)
        guard case .text(let text)? = result.content.first else {
            Issue.record("no text")
            return
        }
        #expect(text.contains("/text"))
    }

    /// A tool whose result is not what it declares.
    private struct Liar: WorkTool {
        let definition = ToolDefinition(
            name: "liar", inputSchema: ["type": "object"],
            outputSchema: ["type": "object", "properties": ["n": ["type": "integer"]], "required": ["n"]])
        func run(_ arguments: JSONObject, context: ToolContext) async throws(ToolFailure) -> JSONValue { ["n": "three"] }
    }

    @Test func aLyingToolIsCaught() async throws {
        let all = WorkTools(tools: [Liar()], provider: ScriptedProvider(nil), limits: .standard)
        guard case .brokenPromise("liar", let faults)? = await failure(all, "liar", [:]) else {
            Issue.record("the lie went out")
            return
        }
        #expect(faults.contains { $0.contains("/n") })
    }
}
