// The embedded model and the fixture templates, as the tests of this folder share them.
import Engine
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
