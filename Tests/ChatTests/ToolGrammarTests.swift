// What the grammars of replies accept and reject, for both formats.
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

@testable import Chat

@Suite struct ToolGrammarTests {
    static let vocabulary = Result { try Tokenizer(tokenizerJSON: Fixtures.json("models/breeze/tokenizer.json")).vocabulary }
    static let single = ToolCallFormat(
        family: .hermes, marker: "<tool_call>", opening: "<tool_call>{\"name\": \"", middle: "\", \"arguments\": ", ending: "}</tool_call>",
        closer: "</tool_call>", separator: nil)

    static func request(_ choice: ToolChoice, _ output: OutputFormat = .text) -> ChatRequest {
        ChatRequest(messages: [.user("Hi")], tools: [weatherTool, addTool, pingTool], toolChoice: choice, output: output)
    }

    static func check(
        _ request: ChatRequest, _ format: ToolCallFormat?, thinking: ReasoningTags.Mode = .never, accepts: [String], rejects: [String],
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let rules = try #require(try OutputGrammar(request: request, format: format, thinking: thinking, tags: .think).replyRules())
        let matcher = try CompiledGrammar(rules, vocabulary: try vocabulary.get()).makeMatcher()
        for text in accepts { #expect(matcher.matches(Array(text.utf8)), "\(text)", sourceLocation: location) }
        for text in rejects { #expect(!matcher.matches(Array(text.utf8)), "\(text)", sourceLocation: location) }
    }

    static let paris = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>"
    static let add = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2, \"t\": [\"x\"]}}\n</tool_call>"
    static let ping = "<tool_call>\n{\"name\": \"ping\", \"arguments\": {}}\n</tool_call>"

    @Test func hermesAuto() throws {
        try Self.check(
            Self.request(.auto), ReplyParserTests.hermes,
            accepts: ["", "Hello", "a < b <tool", Self.paris, "Let me see.\n" + Self.paris, Self.paris + "\n" + Self.add, Self.ping],
            rejects: [
                "<tool_call>", "<tool_call>\n{\"name\": \"nope\", \"arguments\": {}}\n</tool_call>", Self.paris + " done",
                Self.paris + Self.add,
                "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": 1}}\n</tool_call>",
                "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {}}\n</tool_call>",
                "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>",
                "<tool_call>{\"name\": \"ping\", \"arguments\": {}}</tool_call>",
            ])
    }

    @Test func hermesRequired() throws {
        try Self.check(
            Self.request(.required), ReplyParserTests.hermes, accepts: [Self.paris, Self.paris + "\n" + Self.add],
            rejects: ["", "Hello", "x" + Self.paris, Self.paris + "\n"])
        try Self.check(
            Self.request(.named("add")), ReplyParserTests.hermes, accepts: [Self.add], rejects: [Self.paris, Self.add + "\n" + Self.add])
        let one = "<tool_call>{\"name\": \"ping\", \"arguments\": {}}</tool_call>"
        try Self.check(Self.request(.required), Self.single, accepts: [one], rejects: [one + one])
    }

    @Test func noneForbidsCalls() throws {
        try Self.check(
            Self.request(.none), ReplyParserTests.hermes, accepts: ["", "Hello <tool", "<<tool_cal>"],
            rejects: ["a <tool_call>", Self.paris])
        let call = "{\"name\": \"ping\", \"parameters\": {}}"
        try Self.check(
            Self.request(.none), ReplyParserTests.llama, accepts: ["", "Hi", "{\"name\"", "{\"names", "a " + call], rejects: [call])
    }

    @Test func llama() throws {
        let call = "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Paris\"}}"
        try Self.check(
            Self.request(.auto), ReplyParserTests.llama, accepts: [call, "", "Hello", "{", "{}", "It is " + call],
            rejects: [
                call + call, call + " x", "{\"name\": \"nope\", \"parameters\": {}}",
                "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"P\"}}",
            ])
        try Self.check(Self.request(.required), ReplyParserTests.llama, accepts: [call], rejects: ["", "Hello", call + "\n"])
        #expect {
            try OutputGrammar(
                request: Self.request(.auto, .json(schema: ["type": "object"])), format: ReplyParserTests.llama, thinking: .never, tags: nil
            ).replyRules()
        } throws: {
            if case .invalidRequest(field: "output", _) = $0 as? ChatError { true } else { false }
        }
    }

    @Test func outputs() throws {
        let schema: JSONValue = [
            "type": "object", "properties": ["a": ["type": "integer"]], "required": ["a"], "additionalProperties": false,
        ]
        let json = ChatRequest(messages: [.user("Hi")], output: .json(schema: schema))
        try Self.check(json, nil, accepts: ["{\"a\": 1}"], rejects: ["{\"a\":1}", "x", "{\"a\": 1} ", "<think>x</think>{\"a\": 1}"])
        try Self.check(
            json, nil, thinking: .optional, accepts: ["{\"a\": 1}", "<think>\nx\n</think>\n\n{\"a\": 1}"],
            rejects: ["<think>x", "</think>{\"a\": 1}"])
        try Self.check(
            json, nil, thinking: .opened, accepts: ["hm\n</think>\n\n{\"a\": 1}", "</think>{\"a\": 1}"], rejects: ["{\"a\": 1}", "<think>"])
        try Self.check(
            Self.request(.required), ReplyParserTests.hermes, thinking: .opened, accepts: ["hm\n</think>\n\n" + Self.paris],
            rejects: [Self.paris])
        try Self.check(
            Self.request(.auto, .json(schema: schema)), ReplyParserTests.hermes, accepts: [Self.paris, "{\"a\": 1}"], rejects: ["text"])
        try Self.check(ChatRequest(messages: [.user("Hi")], output: .regex("[a-c]+")), nil, accepts: ["abc"], rejects: ["", "abd"])
        try Self.check(
            ChatRequest(messages: [.user("Hi")], output: .choice(["yes", "no"])), nil, accepts: ["yes", "no"], rejects: ["", "maybe", "ye"])
    }

    @Test func toolSchemasThatCannotBeEnforcedAreRefused() throws {
        var request = Self.request(.auto)
        request.tools[0].inputSchema = ["type": "string"]
        #expect {
            try OutputGrammar(request: request, format: ReplyParserTests.hermes, thinking: .never, tags: nil).replyRules()
        } throws: {
            if case .toolSchema(tool: "get_weather", _) = $0 as? ChatError { true } else { false }
        }
    }
}
