// Replies to events: the same at any chunking, no part of a marker leaked, arguments byte for byte.
import JSON
import Testing

@testable import Chat

@Suite struct ReplyParserTests {
    static let hermes = ToolCallFormat(
        family: .hermes, marker: "<tool_call>", opening: "<tool_call>\n{\"name\": \"", middle: "\", \"arguments\": ",
        ending: "}\n</tool_call>",
        closer: "</tool_call>", separator: "\n")
    static let llama = ToolCallFormat(
        family: .llama, marker: "", opening: "{\"name\": \"", middle: "\", \"parameters\": ", ending: "}", closer: "", separator: nil)
    static let tools = ["get_weather", "get", "add"]

    struct Case: Sendable, CustomTestStringConvertible {
        var reply: String
        var format: ToolCallFormat? = hermes
        var thinking = false
        var text = ""
        var reasoning = ""
        var calls: [[String]] = []
        var testDescription: String { reply }
    }

    static let cases: [Case] = [
        Case(reply: "Hello", text: "Hello"),
        Case(reply: "  Hello\n", text: "  Hello\n"),
        Case(reply: "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2}}\n</tool_call>", calls: [["add", "{\"a\": 2}"]]),
        Case(
            reply: "Let me see.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {}}\n</tool_call>", text: "Let me see.",
            calls: [["add", "{}"]]),
        Case(
            reply:
                "<tool_call>{\"name\": \"get\", \"arguments\": {\"a\": 1}}</tool_call><tool_call>{\"name\": \"get_weather\", \"arguments\": {}}</tool_call>",
            calls: [["get", "{\"a\": 1}"], ["get_weather", "{}"]]),
        Case(
            reply:
                "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2}}\n</tool_call>",
            calls: [["add", "{\"a\": 1}"], ["add", "{\"a\": 2}"]]),
        // A closer, braces and quotes inside a string; escapes and Unicode unchanged.
        Case(
            reply:
                "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"t\": \"</tool_call> }}{ \\\" \\\\\", \"u\": \"\\u00e9\\ud83e\\udd16 é漢🤖\"}}\n</tool_call>",
            calls: [["add", "{\"t\": \"</tool_call> }}{ \\\" \\\\\", \"u\": \"\\u00e9\\ud83e\\udd16 é漢🤖\"}"]]),
        // White space as JSON allows it.
        Case(
            reply: "<tool_call> { \"name\" : \"add\" , \"arguments\" : {\"a\" :[1, {}]} } </tool_call>",
            calls: [["add", "{\"a\" :[1, {}]}"]]),
        // Prose that mentions the marker, unknown tools, half a marker.
        Case(reply: "The tag <tool_call> opens.", text: "The tag <tool_call> opens."),
        Case(
            reply: "<tool_call>{\"name\": \"nope\", \"arguments\": {}}</tool_call>",
            text: "<tool_call>{\"name\": \"nope\", \"arguments\": {}}</tool_call>"),
        Case(reply: "a <tool_cal", text: "a <tool_cal"),
        Case(reply: "<<tool_call>{\"name\": \"add\", \"arguments\": {}}</tool_call>", text: "<", calls: [["add", "{}"]]),
        // Broken off within a call: no call, no markup as text.
        Case(reply: "Hm <tool_call>\n{\"name\": \"add\", \"argu", text: "Hm"),
        // Without tools the marker is text.
        Case(reply: "x <tool_call>{}", format: nil, text: "x <tool_call>{}"),
        // Thoughts.
        Case(reply: "<think>\nHm, 2.\n</think>\n\nTwo.", text: "Two.", reasoning: "Hm, 2."),
        Case(reply: "Hm.\n</think>\n\nTwo.", thinking: true, text: "Two.", reasoning: "Hm."),
        Case(reply: "\nHm < thought", thinking: true, reasoning: "Hm < thought"),
        Case(
            reply: "<think>a</think>\n<tool_call>{\"name\": \"add\", \"arguments\": {}}</tool_call>", reasoning: "a",
            calls: [["add", "{}"]]),
        Case(
            reply: "a <tool_call>{\"name\": \"add\", \"arguments\": {}}</tool_call>", thinking: true, reasoning: "a",
            calls: [["add", "{}"]]),
        Case(reply: "It says <think> here", text: "It says <think> here"),
        Case(reply: "<thin", text: "<thin"),
        // Llama: only at the start.
        Case(reply: "{\"name\": \"add\", \"parameters\": {\"a\": 1}}", format: llama, calls: [["add", "{\"a\": 1}"]]),
        Case(reply: "See {\"name\": \"add\", \"parameters\": {}}", format: llama, text: "See {\"name\": \"add\", \"parameters\": {}}"),
        Case(reply: "{\"name\" is text", format: llama, text: "{\"name\" is text"),
        Case(reply: "<think>t</think>{\"name\": \"add\", \"parameters\": {}}", format: llama, reasoning: "t", calls: [["add", "{}"]]),
    ]

    struct Folded: Equatable {
        var text = ""
        var reasoning = ""
        var calls: [[String]] = []
        var finished: [String] = []
    }

    static func parse(_ item: Case, chunk: Int) throws -> Folded {
        var parser = ReplyParser(
            format: item.format, toolNames: item.format == nil ? [] : tools, tags: .think, isThinking: item.thinking, firstCallNumber: 0)
        var folded = Folded()
        func fold(_ events: [ReplyEvent]) {
            for event in events {
                switch event {
                case .text(let text): folded.text += text
                case .reasoning(let text): folded.reasoning += text
                case .callStarted(let index, _, let name):
                    #expect(index == folded.calls.count)
                    folded.calls.append([name, ""])
                case .callArguments(let index, let piece): folded.calls[index][1] += piece
                case .callFinished(let index, let call):
                    #expect(call.name == folded.calls[index][0])
                    #expect((try? JSONValue(parsing: folded.calls[index][1])) == call.arguments)
                    folded.finished.append(call.id)
                }
            }
        }
        let characters = Array(item.reply.unicodeScalars)
        var start = 0
        while start < characters.count {
            let end = min(start + chunk, characters.count)
            var piece = String.UnicodeScalarView()
            piece.append(contentsOf: characters[start..<end])
            fold(try parser.push(String(piece)))
            start = end
        }
        fold(try parser.finish())
        return folded
    }

    @Test(arguments: cases, [1, 2, 3, 5, 8, 100_000]) func splits(_ item: Case, _ chunk: Int) throws {
        let folded = try Self.parse(item, chunk: chunk)
        #expect(folded.text == item.text)
        #expect(folded.reasoning == item.reasoning)
        #expect(folded.calls == item.calls)
        #expect(folded.finished.count == item.calls.count)
        #expect(Set(folded.finished).count == item.calls.count)
    }

    @Test func escapesAreNeverCut() throws {
        var parser = ReplyParser(format: Self.llama, toolNames: ["add"], tags: nil, isThinking: false, firstCallNumber: 0)
        var pieces: [String] = []
        for character in "{\"name\": \"add\", \"parameters\": {\"a\": \"\\u00e9\\n\"}}" {
            for case .callArguments(_, let piece) in try parser.push(String(character)) { pieces.append(piece) }
        }
        #expect(pieces.contains("\\u00e9"))
        #expect(pieces.contains("\\n"))
        #expect(!pieces.contains { $0.hasSuffix("\\") })
    }
}

@Suite struct StopTextsTests {
    static let cases: [(text: String, stops: [String], shown: String, found: String?)] = [
        ("Hello\n\nWorld", ["\n\n"], "Hello", "\n\n"), ("aab", ["ab"], "a", "ab"), ("abcd", ["cd", "bcd"], "a", "bcd"),
        ("abc", ["x"], "abc", nil),
        ("almost STO", ["STOP"], "almost STO", nil), ("ababac", ["abac"], "ab", "abac"), ("é漢STOP🤖", ["STOP"], "é漢", "STOP"),
        ("x", [], "x", nil),
        ("STOP", ["STOP", "ST"], "", "ST"),
    ]

    @Test(arguments: cases.indices, [1, 2, 3, 5, 8, 1000]) func cutsExactly(_ index: Int, _ chunk: Int) {
        let item = Self.cases[index]
        var stops = StopTexts(item.stops)
        var shown = ""
        let scalars = Array(item.text.unicodeScalars)
        for start in stride(from: 0, to: scalars.count, by: chunk) {
            var piece = String.UnicodeScalarView()
            piece.append(contentsOf: scalars[start..<min(start + chunk, scalars.count)])
            shown += stops.push(String(piece))
        }
        if stops.found == nil { shown += stops.finish() }
        #expect(shown == item.shown)
        if chunk == 1 { #expect(stops.found != nil ? item.found!.hasPrefix(stops.found!) : item.found == nil) }
    }
}
