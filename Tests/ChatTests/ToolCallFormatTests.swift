// Which templates' tool calls are understood, down to the byte, and which are refused by name.
import JSON
import TestSupport
import Testing

@testable import Chat

@Suite struct ToolCallFormatTests {
    static let hermes: Set<String> = ["Bielik-11B-v3.0-Instruct", "MiMo-VL", "Qwen-QwQ-32B", "Qwen-Qwen2.5-7B-Instruct", "Qwen-Qwen3-0.6B"]
    static let llama: Set<String> = ["meta-llama-Llama-3.1-8B-Instruct", "meta-llama-Llama-3.2-3B-Instruct"]
    static let names: [String] = (try? Fixtures.list("fixtures/templates")) ?? []

    @Test(arguments: names) func isReadOffTheTemplate(_ name: String) throws {
        let found = Result { () throws(ToolCallFormat.Refusal) in try ToolCallFormat.detect(in: try! fixtureTemplate(name)) }
        if Self.hermes.contains(name) {
            let format = try found.get()
            #expect(format.family == .hermes)
            #expect(format.opening == "<tool_call>\n{\"name\": \"")
            #expect(format.middle == "\", \"arguments\": ")
            #expect(format.ending == "}\n</tool_call>")
            #expect(format.separator == "\n")
        } else if Self.llama.contains(name) {
            let format = try found.get()
            #expect(format.family == .llama)
            #expect(format.opening == "{\"name\": \"")
            #expect(format.middle == "\", \"parameters\": ")
            #expect(format.ending == "}")
            #expect(format.separator == nil)
        } else {
            guard case .failure(let refusal) = found else {
                Issue.record("\(name): \(found)")
                return
            }
            #expect(refusal.reason.hasPrefix("its "))
        }
    }

    @Test func breezeHasNoLineBreaks() throws {
        let template = try ChatTemplate(source: try Fixtures.text("models/breeze/chat_template.jinja"), specialTokens: [])
        let format = try ToolCallFormat.detect(in: template)
        #expect(format.opening == "<tool_call>{\"name\": \"")
        #expect(format.ending == "}</tool_call>")
        #expect(format.separator == "")
    }

    @Test(arguments: [
        ("unsloth-mistral-Devstral-Small-2507", "Mistral's"), ("google-gemma-4-31B-it", "Gemma 4's"), ("Qwen3-Coder", "Qwen3-Coder's XML"),
        ("openai-gpt-oss-120b", "Harmony (gpt-oss)"), ("mrs-chatml", "shows no tool calls"), ("mistral-common-v3-tekken", "Mistral's"),
    ])
    func isRefusedByName(_ name: String, _ words: String) throws {
        let template = try fixtureTemplate(name)
        #expect {
            try ToolCallFormat.detect(in: template)
        } throws: {
            ($0 as? ToolCallFormat.Refusal)?.reason.contains(words) ?? false
        }
    }

    /// Lesson 10: objects where a template takes them, text where it needs text.
    @Test(arguments: [
        ("Qwen-Qwen3-0.6B", false), ("meetkai-functionary-medium-v3.2", true), ("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", true),
    ])
    func argumentsComeAsTheTemplateNeedsThem(_ name: String, _ asText: Bool) throws {
        let template = try fixtureTemplate(name)
        #expect(template.callShape.argumentsAsText == asText)
        let call = ToolCall(id: "call00001", name: "get_weather", arguments: ["city": "Paris"])
        let text = try template.render(messages: [
            .user("Hi"), .assistant("", toolCalls: [call]), .tool("21", callID: "call00001", name: "get_weather"),
        ])
        #expect(text.contains("{\"city\": \"Paris\"}"))
    }

    @Test func droppedCallsAreRefused() throws {
        let template = try fixtureTemplate("LFM2-8B-A1B")
        let call = ToolCall(id: "call00001", name: "get_weather", arguments: ["city": "Paris"])
        #expect {
            try template.render(messages: [.user("Hi"), .assistant("", toolCalls: [call])])
        } throws: {
            if case .templateDrops("tool calls") = $0 as? ChatError { true } else { false }
        }
    }
}
