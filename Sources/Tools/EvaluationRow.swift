// The rows of the embedded model's evaluation as requests: what instruments ask a model, in the tools' own words.
public import Chat
import Engine
public import JSON

/// A row of `eval.jsonl`: `extract` (schema, text), `classify` (labels, text), `tool` (tools, messages) or `agent` (tools, messages, steps).
public struct EvaluationRow: Sendable {
    /// The row's kind.
    public let kind: String
    /// What the model is asked, turn by turn; an agent's later turns follow the expected calls and their recorded results. Greedy.
    public let requests: [ChatRequest]

    /// Reads a row; nil for one that is none.
    public init?(_ row: JSONValue) {
        guard let kind = row["kind"]?.stringValue else { return nil }
        self.kind = kind
        switch kind {
        case "extract":
            guard let text = row["text"]?.stringValue, let schema = row["schema"],
                let signature = Optional(TypeSignature(of: schema, maximumBytes: ToolLimits.standard.signatureBytes)), !signature.isAbridged
            else { return nil }
            let messages = Prompts.extraction(signature: signature.text, instructions: nil, text: text)
            requests = [ChatRequest(messages: messages, output: .json(schema: schema))]
        case "classify":
            guard let text = row["text"]?.stringValue, let labels = row["labels"]?.arrayValue else { return nil }
            let messages = Prompts.classification(labels: labels.compactMap(\.stringValue), text: text)
            requests = [ChatRequest(messages: messages, output: .json(schema: ["enum": .array(labels)]))]
        case "tool", "agent":
            var messages = (row["messages"]?.arrayValue ?? []).map {
                Message(role: $0["role"]?.stringValue.flatMap(Role.init) ?? .user, content: $0["content"]?.stringValue ?? "")
            }
            let tools = (row["tools"]?.arrayValue ?? []).map { tool in
                let function = tool["function"] ?? tool
                return ToolSpec(
                    name: function["name"]?.stringValue ?? "", description: function["description"]?.stringValue,
                    inputSchema: function["parameters"] ?? ["type": "object"])
            }
            guard !messages.isEmpty, !tools.isEmpty else { return nil }
            if kind == "tool" {
                requests = [ChatRequest(messages: messages, tools: tools, toolChoice: .required)]
                return
            }
            var requests = [ChatRequest(messages: messages, tools: tools)]
            for (index, step) in (row["steps"]?.arrayValue ?? []).enumerated() {
                guard let name = step["call"]?["name"]?.stringValue, let arguments = step["call"]?["arguments"] else { return nil }
                let call = ToolCall(id: "call\(index)", name: name, arguments: arguments)
                let result = step["result"] ?? nil
                messages += [.assistant("", toolCalls: [call]), .tool(result.stringValue ?? result.text(.spaced), callID: call.id)]
                requests.append(ChatRequest(messages: messages, tools: tools))
            }
            self.requests = requests
        default: return nil
        }
    }
}
