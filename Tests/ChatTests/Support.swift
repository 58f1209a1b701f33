// The embedded model and the fixture templates, as the tests of this folder share them.
import Engine
import Grammar
import JSON
import TestSupport
import Tokens

@testable import Chat

/// The embedded default model, loaded once.
enum Breeze {
    static let loaded = Result { () throws -> LocalChatModel in
        let source = try ModelSource(path: Fixtures.shared + "/models/breeze")
        let engine = try LLMEngine(model: try Model.load(source))
        return try LocalChatModel(source: source, engine: engine, tokenizer: try source.makeTokenizer())
    }

    static func model() throws -> LocalChatModel { try loaded.get() }
}

/// A chat template of the fixtures with its special tokens.
func fixtureTemplate(_ name: String) throws -> ChatTemplate {
    let file = try Fixtures.json("fixtures/templates/\(name)/cases.json")
    let special = file["special_tokens"]?.objectValue ?? JSONObject()
    return try ChatTemplate(
        source: try Fixtures.text("fixtures/templates/\(name)/template.jinja"),
        specialTokens: special.map { ($0.key, $0.value.stringValue ?? "") })
}

let weatherTool = ToolSpec(
    name: "get_weather", description: "Get the current weather in a city",
    inputSchema: ["type": "object", "properties": ["city": ["type": "string"]], "required": ["city"], "additionalProperties": false])
let addTool = ToolSpec(
    name: "add", description: "Add",
    inputSchema: [
        "type": "object", "properties": ["a": ["type": "integer"], "t": ["type": "array", "items": ["type": "string"]]], "required": ["a"],
        "additionalProperties": false,
    ])
let pingTool = ToolSpec(name: "ping", inputSchema: ["type": "object", "properties": [:], "additionalProperties": false])
let emailTool = ToolSpec(
    name: "send_email", description: "Send an email",
    inputSchema: [
        "type": "object",
        "properties": ["to": ["type": "string"], "subject": ["type": "string"], "urgent": ["type": "boolean"]],
        "required": ["to", "subject"], "additionalProperties": false,
    ])

/// Tools as the fixtures write them.
func toolSpecs(_ value: JSONValue?) -> [ToolSpec] {
    (value?.arrayValue ?? []).map {
        let function = $0["function"] ?? $0
        return ToolSpec(
            name: function["name"]?.stringValue ?? "", description: function["description"]?.stringValue,
            inputSchema: function["parameters"] ?? ["type": "object"])
    }
}

/// A reply's events, folded.
struct FoldedReply {
    var text = ""
    var notes: [String] = []
    var callPieces: [Int: String] = [:]
    var started: [String] = []
    var calls: [ToolCall] = []
    var logprobs: [TokenLogprob] = []
    var finish: ChatFinish?
    var usage = Usage()
    var generated = 0
    var relaxations: [Relaxation] = []
    var attempts = 0
    var message = Message.assistant("")

    init(_ model: any ChatModel, _ request: ChatRequest) async throws {
        for try await event in model.reply(to: request) {
            switch event {
            case .prefill, .reasoning: break
            case .generated(let count): generated = count
            case .note(let note): notes.append(note)
            case .text(let piece): text += piece
            case .toolCallStarted(_, _, let name): started.append(name)
            case .toolCallArguments(let index, let piece): callPieces[index, default: ""] += piece
            case .toolCallFinished(_, let call): calls.append(call)
            case .logprobs(let more): logprobs += more
            case .relaxed(let relaxations, let attempts): (self.relaxations, self.attempts) = (relaxations, attempts)
            case .finished(let finish, let usage, let message):
                self.finish = finish
                self.usage = usage
                self.message = message
            }
        }
    }
}
