// The command line's own logic; what the commands do as a whole is tried from outside in Tests/Acceptance.
import ArgumentParser
import Chat
import Engine
import Foundation
import Grammar
import JSON
import Testing

@testable import sirocco

@Suite struct ChatLineTests {
    private func parse(_ line: String) throws -> ChatRequest {
        try ChatLine(parsing: line, sampling: SamplingParameters(), maxTokens: 7).request
    }

    @Test func readsARequest() throws {
        let request = try parse(
            #"""
            {"messages": [{"role": "system", "content": "S"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}, {"role": "tool", "content": "r", "tool_call_id": "1"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}], "tool_choice": {"name": "f"}, "temperature": 0.5, "seed": 3, "stop": "x"}
            """#)
        #expect(request.messages.map(\.role) == [.system, .assistant, .tool] && request.messages[1].content == "")
        #expect(request.messages[1].toolCalls == [ToolCall(id: "1", name: "f", arguments: ["a": 1])] && request.messages[2].toolCallID == "1")
        #expect(request.tools.map(\.name) == ["f"] && request.toolChoice == .named("f") && request.stop == ["x"])
        #expect(request.sampling.temperature == 0.5 && request.sampling.seed == 3 && request.maxTokens == 7)
    }

    @Test func readsTheFormOfTheAnswer() throws {
        let request = try parse(#"{"messages": [], "grammar": "start: \"a\"", "grammar_syntax": "lark"}"#)
        #expect(request.output == .grammar("start: \"a\"", .lark) && request.exactness == .exact)
        #expect(try parse(#"{"messages": [], "choices": ["a", "b"]}"#).output == .choice(["a", "b"]))
        let relaxed = try parse(#"{"messages": [], "schema": {}, "relax": true}"#)
        #expect(relaxed.output == .json(schema: [:]) && relaxed.exactness == .relax)
    }

    @Test(arguments: [
        ("[]", "object"), (#"{"messages": [], "n": 2}"#, "\"n\""), ("{}", "messages"), (#"{"messages": [{"role": "x"}]}"#, "role"),
        (#"{"messages": [], "schema": {}, "regex": "a"}"#, "exclude"), (#"{"messages": [], "tool_choice": "any"}"#, "tool_choice"),
        (#"{"messages": [], "temperature": "hot"}"#, "temperature"), (#"{"messages": [], "max_tokens": 1.5}"#, "max_tokens"),
        (#"{"messages": [], "stop": [1]}"#, "stop"), (#"{"messages": [], "grammer": "a"}"#, "did you mean \"grammar\""),
        (#"{"messages": [], "grammar": "a"}"#, "grammar_syntax"),
        (#"{"messages": [], "grammar": "a", "grammar_syntax": "larc"}"#, "Did you mean lark?"),
        (#"{"messages": [], "grammar_syntax": "lark"}"#, "belongs"), (#"{"messages": [], "choices": ["a"], "regex": "a"}"#, "exclude"),
        (#"{"messages": [], "relax": 1}"#, "relax"), (#"{"messages": [], "choices": [1]}"#, "choices"), (#"{"messages": [], "tools": [{}]}"#, "name"),
    ])
    func refusesByName(line: String, word: String) {
        let error = #expect(throws: CommandError.self) { try parse(line) }
        #expect(error?.description.contains(word) == true)
    }
}

@Suite struct TextTests {
    @Test(arguments: [(1.005, 2, "1.00"), (-0.04, 1, "0.0"), (-2.55, 1, "-2.5"), (12.0, 0, "12"), (0.999, 2, "1.00"), (1234.5, 3, "1234.500")])
    func decimalsAreRounded(value: Double, count: Int, expected: String) {
        #expect(decimals(value, count) == expected || (value == -2.55 && decimals(value, count) == "-2.6"))
    }

    @Test(arguments: [(5, "5 B"), (5_516_032, "5.5 MB"), (1_500_000_000, "1.50 GB")])
    func bytes(count: Int, expected: String) { #expect(bytesText(count) == expected) }

    @Test func tensorsAreWrittenAsTheFormatWants() throws {
        let bytes = safetensors([("a", [2], [1, 2]), ("b", [1, 1], [3])])
        let file = try SafetensorsFile(bytes: bytes)
        #expect(file.tensors.map(\.name) == ["a", "b"] && file.tensors.map(\.shape) == [[2], [1, 1]])
        #expect(bytes.suffix(4).elementsEqual(withUnsafeBytes(of: Float(3)) { Array($0) }))
    }
}

@Suite struct OutputOptionsTests {
    private func file(_ name: String, _ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "/sirocco-\(UInt64.random(in: 0...UInt64.max))-" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test(arguments: [
        ("a.lark", "start: \"a\"\n", OutputFormat.grammar("start: \"a\"\n", .lark)), ("a.gbnf", "root ::= \"a\"", .grammar("root ::= \"a\"", .gbnf)),
        ("a.regex", "a+\n", .grammar("a+", .regex)), ("a.json", #"{"type": "null"}"#, .json(schema: ["type": "null"])),
    ])
    func grammarsAreReadByTheirNames(name: String, text: String, output: OutputFormat) throws {
        let path = try file(name, text)
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try OutputOptions.parse(["--grammar", path]).format() == output)
    }

    @Test(arguments: [
        ("a.lark", "start: \"a\"\nother: (\n", ".lark:"), ("a.gbnf", "root ::= \"a\"\nb ::= [\n", ".gbnf:2:"), ("a.regex", "a(b\n", ".regex:1:"),
        ("a.txt", "a", "--grammar-syntax"), ("a.json", "{", ".json:1:2: not JSON: "), ("a.json", #"{"type": "nul"}"#, "/type"),
    ])
    func errorsHaveTheirPlace(name: String, text: String, words: String) throws {
        let path = try file(name, text)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let error = #expect(throws: CommandError.self) { try OutputOptions.parse(["--grammar", path]).format() }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("{bad", "the schema given:1:2: not JSON: "), ("{\n  \"type\": nul}", "the schema given:2:"), ("[1,", "the schema given:1:4: not JSON: "),
        ("", "the schema given:1:1: not JSON: "), ("truth", "truth: No such file"), ("no/such.json", "cannot read no/such.json: No such file"),
    ])
    func schemasThatAreNoneAreTold(given: String, words: String) throws {
        let error = #expect(throws: CommandError.self) { try OutputOptions.parse(["--schema", given]).format() }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        #expect(throws: CommandError.self) { try parsedSchema(given) }
    }

    @Test func schemasInFilesHaveTheirPlace() throws {
        let path = try file("s.json", "{\n \"type\": \"string\"\n \"x\"}")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let error = #expect(throws: CommandError.self) { try parsedSchema(path) }
        #expect(error?.description.contains("\(path):3:2: not JSON: unexpected") == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        (["--grammar", "a.lark", "--grammar-syntax", "gnbf"], "Did you mean gbnf?"), (["--grammar-syntax", "lark"], "belongs to --grammar"),
        (["--schema", "{}", "--choices", "a"], "exclude each other"), (["--grammer", "a"], "--grammar"),
    ])
    func typosAreExplained(arguments: [String], words: String) {
        let error = #expect(throws: (any Error).self) { try OutputOptions.parse(arguments) }
        #expect(error.map { OutputOptions.message(for: $0) }?.contains(words) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        (["--top-p", "5"], "--top-p: 5.0 is not above 0.0 and at most 1.0"), (["--temperature", "-1"], "--temperature: -1.0 is not within"),
        (["--temperature", "nan"], "--temperature"), (["--top-k", "-1"], "--top-k: -1 is negative"), (["--min-p", "2"], "--min-p"),
        (["--repetition-penalty", "0"], "--repetition-penalty"), (["--max-tokens", "0"], "--max-tokens: 0 is not at least 1"),
    ])
    func samplingOutsideItsRangeIsAWrongCommandLine(arguments: [String], words: String) {
        let error = #expect(throws: (any Error).self) { try SamplingOptions.parse(arguments) }
        #expect(error.map { SamplingOptions.message(for: $0) }?.contains(words) == true, "\(String(describing: error))")
        #expect(error.map { SamplingOptions.exitCode(for: $0) } == .validationFailure)
    }

    @Test(
        arguments: [
            (["extrct"], "There is no command extrct. Did you mean extract?"),
            (["grammar", "chek"], "There is no command chek. Did you mean check?"),
            (["bnech", "--runs", "2"], "There is no command bnech. Did you mean bench?"), (["extract", "--schema"], nil),
            (["--model", "extrct"], nil),
            (["nothing", "like"], nil), (["help", "extrct"], nil), ([], nil),
        ] as [([String], String?)])
    func mistypedCommands(arguments: [String], words: String?) {
        #expect(mistypedCommand(arguments)?.message == words)
    }

    @Test func choicesAndRelaxation() throws {
        let options = try OutputOptions.parse(["--choices", "yes, no", "--relax"])
        #expect(try options.format() == .choice(["yes", "no"]) && options.exactness == .relax)
    }
}
