// How a model writes a tool call: read off its own template.
import Jinja

/// A call as JSON between fixed texts: Hermes and Qwen (`<tool_call>` around it) and Llama 3 (nothing around it). The exact texts come from
/// rendering a probe call through the model's template, so that they are what the model was trained on.
public struct ToolCallFormat: Sendable, Hashable {
    /// The family.
    public enum Family: String, Sendable, Hashable {
        /// `<tool_call>{"name": …, "arguments": …}</tool_call>`; text may precede.
        case hermes
        /// `{"name": …, "parameters": …}` as the whole turn.
        case llama
    }
    /// The family.
    public let family: Family
    /// What begins a call within text; empty when only the turn's start can.
    public let marker: String
    /// From the marker to the name: `<tool_call>\n{"name": "`.
    public let opening: String
    /// Between name and arguments: `", "arguments": `.
    public let middle: String
    /// After the arguments: `}\n</tool_call>`.
    public let ending: String
    /// What closes a call, after white space; empty when the JSON's end does.
    public let closer: String
    /// Between two calls of a turn; nil when a turn holds one call at most.
    public let separator: String?

    /// Why a model cannot be given tools.
    struct Refusal: Error { let reason: String }

    /// The format that `template` shows.
    static func detect(in template: ChatTemplate) throws(Refusal) -> ToolCallFormat {
        guard template.showsCalls, let probe = template.probe(.assistant("", toolCalls: [ChatTemplate.probeCall])) else {
            throw Refusal(reason: "its chat template shows no tool calls")
        }
        let before = probe.before.text
        let after = probe.after.text
        guard before.contains("probe_tool") else { throw Refusal(reason: "its chat template does not show the tools") }
        guard after.hasPrefix(before) else { throw Refusal(reason: "its chat template rewrites the conversation around a tool call") }
        let turn = String(after.dropFirst(before.count))
        let head = "{\"name\": \""
        guard let name = turn.range(of: "probe_tool\"", from: turn.startIndex), turn[..<name.lowerBound].hasSuffix(head) else {
            throw unsupported(template, "unknown")
        }
        let arguments = "{\"probe_key\": \"probe_value\"}"
        let rest = turn[name.upperBound...]
        let keys = [", \"arguments\": ", ", \"parameters\": "]
        guard let key = keys.first(where: { rest.hasPrefix($0 + arguments + "}") }) else {
            throw unsupported(template, "JSON of an unknown layout")
        }
        let tail = rest.dropFirst((key + arguments + "}").count)
        let lead = turn[..<name.lowerBound].dropLast(head.count)
        let leadText = lead.droppingTrailingSpaces
        if leadText.hasSuffix("<tool_call>") {
            guard tail.drop(while: \.isWhitespace).hasPrefix("</tool_call>") else {
                throw Refusal(reason: "its tool calls are never closed")
            }
            let spaces = String(tail.prefix(while: \.isWhitespace))
            let opening = "<tool_call>" + lead.dropFirst(leadText.count) + head
            let ending = "}" + spaces + "</tool_call>"
            return ToolCallFormat(
                family: .hermes, marker: "<tool_call>", opening: opening, middle: "\"" + key, ending: ending, closer: "</tool_call>",
                separator: separator(in: template, opening: opening, ending: ending))
        }
        guard before + lead == probe.opened.text else {
            throw unsupported(template, "JSON after \"\(leadText.suffix(24))\"")
        }
        return ToolCallFormat(
            family: .llama, marker: "", opening: head, middle: "\"" + key, ending: "}", closer: "", separator: nil)
    }

    /// What stands between two calls of one turn; nil when the template refuses or drops the second.
    private static func separator(in template: ChatTemplate, opening: String, ending: String) -> String? {
        let answer = Message.assistant("", toolCalls: [ChatTemplate.probeCall, ChatTemplate.secondProbeCall])
        guard let after = template.probe(answer)?.after.text,
            let first = after.range(of: "probe_value\"}" + ending, from: after.startIndex),
            let second = after.range(of: opening + "probe_tool", from: first.upperBound),
            after[second.upperBound...].contains("other_value")
        else { return nil }
        let separator = after[first.upperBound..<second.lowerBound]
        return separator.allSatisfy(\.isWhitespace) ? String(separator) : nil
    }

    /// The refusal of another format: by its name if we know it, else as it `looks`.
    private static func unsupported(_ template: ChatTemplate, _ looks: String) -> Refusal {
        let signs = [
            ("<|tool_call>call:", "Gemma 4's"), ("<function=", "Qwen3-Coder's XML"), ("<arg_key>", "GLM's"), ("[TOOL_CALLS]", "Mistral's"),
            ("<｜tool▁calls▁begin｜>", "DeepSeek's"), ("｜DSML｜", "DeepSeek's DSML"), ("<|channel|>", "Harmony (gpt-oss)"),
            ("<|tool_calls_section_begin|>", "Kimi K2's"), ("<|START_ACTION|>", "Cohere's"), ("<|tool_call_start|>", "LFM2's"),
            ("<seed:tool_call>", "Seed-OSS's"), (">>>", "Functionary's"), ("<TOOLCALL>", "Nemotron's"),
            ("<tool_calls>", "a list between <tool_calls> tags"), ("<|tools_prefix|>", "Apertus's"),
        ]
        let name = signs.first { template.source.contains($0.0) }?.1 ?? looks
        return Refusal(reason: "its tool-call format is \(name), which is not supported")
    }
}

extension Substring {
    fileprivate var droppingTrailingSpaces: Substring {
        var result = self
        while let last = result.last, last.isWhitespace { result.removeLast() }
        return result
    }
}

extension String {
    /// Where `part` first stands at or after `start`.
    func range(of part: String, from start: Index) -> Range<Index>? {
        var index = start
        while index < endIndex {
            if self[index...].hasPrefix(part) { return index..<self.index(index, offsetBy: part.count) }
            index = self.index(after: index)
        }
        return nil
    }
}
