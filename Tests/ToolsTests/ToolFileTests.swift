// A user's own tools: what loads, what is refused and in which words, and that they stand beside ours.
import Chat
import Engine
import Foundation
import JSON
import MCP
import TestSupport
import Testing

@testable import Tools

private let good = #"""
    {"name": "greet", "description": "Greets", "prompt": "Greet {{ who }} in {{style}}. \\{{x}}",
     "inputSchema": {"type": "object", "properties": {"who": {"type": "string"}, "style": {"type": "array", "items": {"type": "string"}}}, "required": ["who"]},
     "outputSchema": {"type": "object", "properties": {"greeting": {"type": "string"}}, "required": ["greeting"], "additionalProperties": false}}
    """#

/// The good file with one member replaced or, where the value is nil, removed.
private func changed(_ member: String, _ value: String?) throws -> [UInt8] {
    guard case .object(var object) = try JSONValue(parsing: good) else { return [] }
    object[member] = try value.map { try JSONValue(parsing: $0) }
    return Array(JSONValue.object(object).text().utf8)
}

@Suite struct ToolFileTests {
    @Test func runsLikeOurs() async throws {
        let tool = try ToolFile(parsing: Array(good.utf8), file: "greet.tool.json")
        #expect(tool.definition.annotations.idempotent == true)
        let model = ScriptedModel(answering: #"{"greeting": "Hi"}"#)
        let all = try WorkTools(provider: ScriptedProvider(model), toolFiles: [tool])
        #expect(all.tools().map(\.name) == ["extract", "classify", "generate", "models", "greet"])
        let result = try await all.run("greet", arguments: ["who": "{{style}}", "style": #"["loud", "kind"]"#])
        #expect(result == ["greeting": "Hi"])
        #expect(
            model.requests.first?.messages == [
                .system("Extract from the text, as JSON:\n{greeting: string}"), .user(#"Greet {{style}} in ["loud", "kind"]. {{x}}"#),
            ])
        #expect(model.requests.first?.output == .json(schema: tool.definition.outputSchema!))
        _ = try await all.run("greet", arguments: ["who": "Ada"])
        #expect(model.requests.last?.messages.last?.content == "Greet Ada in . {{x}}")
        guard case .invalidArguments("greet", let missing)? = await failure(all, "greet", ["style": []]),
            case .invalidArguments("greet", let unknown)? = await failure(all, "greet", ["who": "x", "tone": "y"])
        else {
            Issue.record("accepted")
            return
        }
        #expect(missing.contains { $0.contains("who") })
        #expect(unknown.contains { $0.contains("/tone") })
    }

    @Test func remarksOnWhatConstrainsNothing() throws {
        #expect(try ToolFile(parsing: Array(good.utf8), file: "f").remarks.isEmpty)
        let schema = #"{"type": "object", "properties": {"greeting": {"type": "string", "maxLenght": 5}}, "required": ["greeting"]}"#
        let remarks = try ToolFile(parsing: changed("outputSchema", schema), file: "f").remarks
        #expect(remarks.count == 1 && remarks[0].hasPrefix("f: /outputSchema/properties/greeting/maxLenght: "))
    }

    @Test func instructionsTemperatureAndTokens() async throws {
        var object = try #require(try JSONValue(parsing: good).objectValue)
        object["instructions"] = "Answer kindly, as JSON:"
        object["temperature"] = 0.5
        object["max_output_tokens"] = 9
        let tool = try ToolFile(parsing: Array(JSONValue.object(object).text().utf8), file: "x")
        #expect(tool.definition.annotations.idempotent == false)
        let model = ScriptedModel(answering: #"{"greeting": "Hi"}"#)
        _ = try await WorkTools(provider: ScriptedProvider(model), toolFiles: [tool]).run("greet", arguments: ["who": "Ada"])
        let request = try #require(model.requests.first)
        #expect(request.messages.first?.content == "Answer kindly, as JSON:\n{greeting: string}")
        #expect(request.sampling.temperature == 0.5 && request.maxTokens == 9)
    }

    /// Each row: a member, its new value (nil: removed), what the error has to say.
    @Test(
        arguments: [
            ("name", nil, "/name: missing"),
            ("name", #""a b""#, "/name: "),
            ("name", #""a-b""#, "/name: "),
            ("name", "5", "/name: must be a string, not number"),
            ("description", nil, "/description: missing"),
            ("description", #""""#, "/description: must not be empty"),
            ("title", "[]", "/title: must be a string"),
            ("prompt", nil, "/prompt: missing"),
            ("prompt", #""{{who}} {{style}} {{other}}""#, "/prompt: {{other}} is no property"),
            ("prompt", #""{{who}}""#, "/inputSchema/properties/style: has no place"),
            ("prompt", #""{{who}} {{style""#, "/prompt: a place {{style is not closed"),
            ("prompt", #""{{who}} {{style}} {{ }}""#, "/prompt: a place {{}} without a name"),
            ("inputSchema", nil, "/inputSchema: missing"),
            ("inputSchema", #"{"type": "array"}"#, "/inputSchema/type: "),
            ("inputSchema", #"{"type": "object", "anyOf": [{}]}"#, "/inputSchema/anyOf: "),
            ("inputSchema", ##"{"type": "object", "properties": {"who": {"$ref": "#"}}}"##, "/inputSchema/properties/who/$ref: "),
            ("outputSchema", nil, "/outputSchema: missing"),
            ("outputSchema", #"{"type": "string"}"#, "/outputSchema/type: "),
            (
                "outputSchema", #"{"type": "object", "properties": {"a": {"type": "string", "pattern": "(?<=a)b"}}}"#,
                "/properties/a/pattern"
            ),
            ("temperature", "3", "/temperature: must be a number from 0 to 2"),
            ("temperature", #""hot""#, "/temperature: must be a number, not string"),
            ("max_output_tokens", "0", "/max_output_tokens: must be an integer from 1"),
            ("max_output_tokens", "1.5", "/max_output_tokens: must be an integer from 1"),
            ("model", #""x""#, "/model: unknown member"),
        ] as [(String, String?, String)])
    func refused(member: String, value: String?, saying: String) throws {
        let error = #expect(throws: ToolFileError.self) { try ToolFile(parsing: changed(member, value), file: "dir/greet.tool.json") }
        let description = error.map { "\($0)" } ?? ""
        #expect(description.hasPrefix("dir/greet.tool.json: "), "\(description)")
        #expect(description.contains(saying), "\(description)")
    }

    @Test(arguments: [
        ("{", "is not JSON"), ("[]", "a JSON object is needed, not array"), (String(repeating: " ", count: 300 << 10), "at most"),
    ])
    func notATool(text: String, saying: String) {
        let error = #expect(throws: ToolFileError.self) { try ToolFile(parsing: Array(text.utf8), file: "f") }
        #expect(error.map { "\($0)" }?.contains(saying) == true, "\(String(describing: error))")
    }

    @Test func namesAreUnique() throws {
        let tool = try ToolFile(parsing: Array(good.utf8), file: "a.tool.json")
        let error = #expect(throws: ToolFileError.self) { try WorkTools(provider: ScriptedProvider(nil), toolFiles: [tool, tool]) }
        #expect(error.map { "\($0)" }?.contains("also the name of a.tool.json") == true)
        let ours = try ToolFile(parsing: changed("name", #""extract""#), file: "b.tool.json")
        let reserved = #expect(throws: ToolFileError.self) { try WorkTools(provider: ScriptedProvider(nil), toolFiles: [ours]) }
        #expect(reserved.map { "\($0)" } == #"b.tool.json: /name: "extract" is the name of a built-in tool"#)
    }

    @Test func theExamplesLoad() throws {
        let tools = try ToolFile.load(folder: Fixtures.root + "/schemas/examples")
        #expect(tools.map(\.definition.name) == ["echo_tool", "read_ticket"])
    }

    @Test func folders() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tools-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try ToolFile.load(folder: folder).isEmpty)
        func write(_ name: String, _ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
        }
        try write("b.tool.json", Array(good.utf8))
        try write("notes.json", Array("{".utf8))
        try write("a.tool.json", try changed("name", #""first""#))
        #expect(try ToolFile.load(folder: folder + "/").map(\.definition.name) == ["first", "greet"])
        try write("c.tool.json", Array(good.utf8))
        let twice = #expect(throws: ToolFileError.self) { try ToolFile.load(folder: folder) }
        #expect(twice.map { "\($0)" }?.contains("c.tool.json: /name") == true)
        try FileManager.default.removeItem(atPath: folder + "/c.tool.json")
        try FileManager.default.createDirectory(atPath: folder + "/d.tool.json", withIntermediateDirectories: false)
        let directory = #expect(throws: ToolFileError.self) { try ToolFile.load(folder: folder) }
        #expect(directory.map { "\($0)" }?.contains("not a regular file") == true)
        var limits = ToolLimits()
        limits.toolFiles = 1
        #expect(throws: ToolFileError.self) { try ToolFile.load(folder: folder, limits: limits) }
        let missing = #expect(throws: ToolFileError.self) { try ToolFile.load(folder: folder + "/nowhere") }
        #expect(missing.map { "\($0)" }?.contains("cannot be read") == true)
    }

    @Test(arguments: [
        ("a{{x}}b", ["a", "<x>", "b"]), (#"\{{x}}"#, ["{{x}}"]), ("{ {x}} }}", ["{ {x}} }}"]), ("{{ x }}{{y}}", ["<x>", "<y>"]),
        (#"a\b"#, [#"a\b"#]),
        ("{{{x}}}", ["<{x>", "}"]),
    ])
    func templates(source: String, pieces: [String]) throws {
        let shown = try PromptTemplate(source).pieces.map { piece in
            switch piece {
            case .text(let text): text
            case .argument(let name): "<\(name)>"
            }
        }
        #expect(shown == pieces)
    }
}
