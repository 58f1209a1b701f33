// One request of `sirocco run --json`, and its response.
import Chat
import Engine
import Grammar
import JSON

/// A request, read strictly: a member that is not known is refused by name.
struct ChatLine {
    let request: ChatRequest

    private static let members: Set<String> = [
        "messages", "tools", "tool_choice", "schema", "relax", "regex", "grammar", "grammar_syntax", "choices", "temperature", "seed", "max_tokens",
        "stop",
    ]

    private static let messageMembers: Set<String> = ["role", "content", "tool_calls", "tool_call_id", "name"]

    init(parsing line: String, sampling: SamplingParameters, maxTokens: Int?) throws {
        guard case .object(let object) = try JSONValue(parsing: line) else { throw CommandError("the request is no JSON object") }
        for key in object.keys where !Self.members.contains(key) {
            let nearest = nearestName(to: key, among: Self.members.sorted()).map { "; did you mean \"\($0)\"?" } ?? ""
            throw CommandError("the request has an unknown member \"\(key)\"\(nearest)")
        }
        var sampling = sampling
        if let temperature = try object.number("temperature") { sampling.temperature = Float(temperature) }
        if let seed = try object.integer("seed") { sampling.seed = UInt64(bitPattern: Int64(seed)) }
        let stop = try (object["stop"]?.arrayValue ?? object["stop"].map { [$0] } ?? []).map { value in
            guard let text = value.stringValue else { throw CommandError("`stop` is a string or an array of strings") }
            return text
        }
        guard let messages = object["messages"]?.arrayValue else { throw CommandError("the request has no array `messages`") }
        request = ChatRequest(
            messages: try messages.map(Self.message), tools: try object.array("tools").map(Self.tool),
            toolChoice: try Self.choice(object["tool_choice"]), output: try Self.output(object),
            exactness: try object.flag("relax") ? .relax : .exact, sampling: sampling,
            maxTokens: try object.integer("max_tokens") ?? maxTokens, stop: stop)
    }

    /// The form of the answer: at most one is asked for.
    private static func output(_ object: JSONObject) throws -> OutputFormat {
        let forms = ["schema", "regex", "grammar", "choices"].filter { object[$0] != nil }
        if forms.count > 1 { throw CommandError("`\(forms[0])` and `\(forms[1])` exclude each other") }
        let syntax = try object.string("grammar_syntax")
        if syntax != nil, object["grammar"] == nil { throw CommandError("`grammar_syntax` belongs to `grammar`") }
        if let schema = object["schema"] { return .json(schema: schema) }
        if let regex = try object.string("regex") { return .regex(regex) }
        if let grammar = try object.string("grammar") {
            guard let syntax else { throw CommandError("`grammar` needs `grammar_syntax`: one of \(GrammarSyntax.names)") }
            do {
                return .grammar(grammar, try GrammarSyntax(option: syntax))
            } catch {
                throw CommandError("`grammar_syntax`: \(error)")
            }
        }
        guard object["choices"] != nil else { return .text }
        let texts = try object.array("choices").map { choice in
            guard let text = choice.stringValue else { throw CommandError("`choices` is an array of strings") }
            return text
        }
        return .choice(texts)
    }

    private static func message(_ value: JSONValue) throws -> Message {
        guard case .object(let object) = value, let role = try object.string("role").flatMap(Role.init) else {
            throw CommandError("a message is an object whose `role` is system, user, assistant or tool")
        }
        for key in object.keys where !messageMembers.contains(key) { throw CommandError("a message has an unknown member \"\(key)\"") }
        let calls = try object.array("tool_calls").enumerated().map { index, value in
            let function = value["function"] ?? value
            guard let name = function["name"]?.stringValue else { throw CommandError("a tool call has a `name`") }
            let arguments = try function["arguments"]?.stringValue.map { try JSONValue(parsing: $0) } ?? function["arguments"] ?? [:]
            return ToolCall(id: value["id"]?.stringValue ?? "call_\(index)", name: name, arguments: arguments)
        }
        let content = object["content"]?.isNull == true ? "" : try object.string("content") ?? ""
        return Message(role: role, content: content, toolCalls: calls, toolCallID: try object.string("tool_call_id"), name: try object.string("name"))
    }

    private static func tool(_ value: JSONValue) throws -> ToolSpec {
        let function = value["function"] ?? value
        guard let name = function["name"]?.stringValue else { throw CommandError("a tool has a `name`") }
        return ToolSpec(
            name: name, description: function["description"]?.stringValue,
            inputSchema: function["parameters"] ?? function["inputSchema"] ?? ["type": "object"])
    }

    private static func choice(_ value: JSONValue?) throws -> ToolChoice {
        switch value {
        case nil, "auto": return .auto
        case "none": return .none
        case "required": return .required
        default:
            guard let name = value?["name"]?.stringValue ?? value?["function"]?["name"]?.stringValue else {
                throw CommandError("`tool_choice` is \"auto\", \"none\", \"required\" or an object with a `name`")
            }
            return .named(name)
        }
    }

    static func response(_ completion: Completion, to request: ChatRequest) -> JSONValue {
        let calls = completion.message.toolCalls.map { call -> JSONValue in
            ["id": .string(call.id), "name": .string(call.name), "arguments": call.arguments]
        }
        let reason =
            switch completion.finish {
            case .stop, .stopText: "stop"
            case .toolCalls: "tool_calls"
            case .length: "length"
            case .cancelled: "cancelled"
            }
        var response: JSONObject = [
            "message": ["role": "assistant", "content": .string(completion.message.content), "tool_calls": .array(calls)],
            "finish_reason": .string(reason),
            "usage": [
                "prompt_tokens": JSONValue(completion.usage.promptTokens), "completion_tokens": JSONValue(completion.usage.generatedTokens),
                "forced_tokens": JSONValue(completion.usage.forcedTokens), "led_tokens": JSONValue(completion.usage.ledTokens),
            ],
        ]
        if !completion.relaxations.isEmpty {
            response["relaxed"] = .array(completion.relaxations.map(\.json))
            response["attempts"] = JSONValue(completion.attempts)
        }
        if case .json(let schema) = request.output {
            let surprises = SchemaVocabulary.surprises(in: schema)
            if !surprises.isEmpty { response["ignored"] = .array(surprises.prefix(20).map(\.json)) }
        }
        return .object(response)
    }
}

extension JSONObject {
    fileprivate func string(_ key: String) throws -> String? {
        guard let value = self[key] else { return nil }
        guard let string = value.stringValue else { throw CommandError("`\(key)` is no string") }
        return string
    }

    /// The elements of a member that is an array; none where it is left out or null.
    fileprivate func array(_ key: String) throws -> [JSONValue] {
        guard let value = self[key], !value.isNull else { return [] }
        guard let array = value.arrayValue else { throw CommandError("`\(key)` is no array") }
        return array
    }

    fileprivate func flag(_ key: String) throws -> Bool {
        guard let value = self[key] else { return false }
        guard let flag = value.boolValue else { throw CommandError("`\(key)` is neither true nor false") }
        return flag
    }

    fileprivate func number(_ key: String) throws -> Double? {
        guard let value = self[key] else { return nil }
        guard let number = value.doubleValue else { throw CommandError("`\(key)` is no number") }
        return number
    }

    fileprivate func integer(_ key: String) throws -> Int? {
        guard let value = self[key] else { return nil }
        guard let number = value.intValue else { throw CommandError("`\(key)` is no integer") }
        return number
    }
}
