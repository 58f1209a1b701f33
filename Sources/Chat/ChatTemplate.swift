// Messages and tools as the variables that a model's chat template expects.
public import JSON
public import Jinja

/// A model's chat template, and how it wants to be given what differs between templates.
public struct ChatTemplate: Sendable {
    /// How assistant messages with calls have to look for this template to show them whole.
    struct CallShape: Sendable, Hashable {
        /// The arguments as JSON text, not as an object.
        var argumentsAsText = false
        /// A null where a message has calls and no text; otherwise an empty string.
        var nullContent = false
    }

    /// The template's source.
    public let source: String
    let template: Template
    let specialTokens: [(String, JSONValue)]
    let callShape: CallShape
    /// Whether the template shows calls at all, in some shape.
    let showsCalls: Bool

    /// Parses the template and finds out by trial how it wants calls. `specialTokens`: names such as `bos_token` and their texts.
    public init(source: String, specialTokens: [(String, String)]) throws(ChatError) {
        self.source = source
        do throws(JinjaError) {
            template = try Template(source)
        } catch {
            throw ChatError.template(error)
        }
        self.specialTokens = specialTokens.map { ($0.0, .string($0.1)) }
        let shape = Self.findCallShape(template, self.specialTokens)
        callShape = shape ?? CallShape()
        showsCalls = shape != nil
    }

    /// The prompt's text.
    public func render(
        messages: [Message], tools: [ToolSpec] = [], addGenerationPrompt: Bool = true, extra: JSONObject = JSONObject(),
        now: CalendarTime = .now()
    ) throws(ChatError) -> String {
        try renderParts(messages: messages, tools: tools, addGenerationPrompt: addGenerationPrompt, extra: extra, now: now)
            .map(\.text).joined()
    }

    /// The text of messages and tools that are JSON already, in the form that templates take (`sirocco render`).
    public func render(
        messageValues: JSONValue, tools: JSONValue, addGenerationPrompt: Bool, extra: JSONObject, now: CalendarTime = .now()
    ) throws(ChatError) -> String {
        let variables = Self.variables(messages: messageValues, tools: tools, addGenerationPrompt: addGenerationPrompt, extra: extra)
        do throws(JinjaError) {
            return try template.render(specialTokens + variables, now: now)
        } catch {
            throw ChatError.template(error)
        }
    }

    /// The prompt's text in pieces, each from the template or from the messages.
    func renderParts(
        messages: [Message], tools: [ToolSpec], addGenerationPrompt: Bool, extra: JSONObject, now: CalendarTime
    ) throws(ChatError) -> [RenderedPart] {
        if !showsCalls, messages.contains(where: { !$0.toolCalls.isEmpty }) { throw .templateDrops("tool calls") }
        let variables = Self.variables(
            messages: .array(messages.map { Self.value(of: $0, callShape) }),
            tools: tools.isEmpty ? .null : .array(tools.map(Self.value(of:))),
            addGenerationPrompt: addGenerationPrompt, extra: extra)
        do throws(JinjaError) {
            return try template.renderParts(variables, trusted: specialTokens, templateTexts: Self.templateTexts, now: now)
        } catch {
            throw ChatError.template(error)
        }
    }

    /// Texts that this file writes itself, so that they count as the template's own.
    private static let templateTexts: Set<String> = Set(Role.allCases.map(\.rawValue)).union(["function"])

    private static func variables(
        messages: JSONValue, tools: JSONValue, addGenerationPrompt: Bool, extra: JSONObject
    ) -> [(String, JSONValue)] {
        var variables: [(String, JSONValue)] = extra.map { ($0.key, $0.value) }
        variables += [
            ("messages", messages), ("tools", tools), ("documents", .null), ("add_generation_prompt", .bool(addGenerationPrompt)),
        ]
        return variables
    }

    private static func value(of tool: ToolSpec) -> JSONValue {
        var function = JSONObject([("name", .string(tool.name))])
        if let description = tool.description { function["description"] = .string(description) }
        function["parameters"] = tool.inputSchema
        return .object(JSONObject([("type", .string("function")), ("function", .object(function))]))
    }

    private static func value(of message: Message, _ shape: CallShape) -> JSONValue {
        var object = JSONObject([("role", .string(message.role.rawValue)), ("content", .string(message.content))])
        if let reasoning = message.reasoning {
            object["reasoning_content"] = .string(reasoning)
            object["thinking"] = .string(reasoning)
        }
        if !message.toolCalls.isEmpty {
            if shape.nullContent, message.content.isEmpty { object["content"] = .null }
            object["tool_calls"] = .array(message.toolCalls.map { value(of: $0, shape) })
        }
        if let id = message.toolCallID { object["tool_call_id"] = .string(id) }
        if let name = message.name { object["name"] = .string(name) }
        return .object(object)
    }

    private static func value(of call: ToolCall, _ shape: CallShape) -> JSONValue {
        let arguments: JSONValue = shape.argumentsAsText ? .string(call.arguments.text(.spaced)) : call.arguments
        let function = JSONObject([("name", .string(call.name)), ("arguments", arguments)])
        return .object(JSONObject([("id", .string(call.id)), ("type", .string("function")), ("function", .object(function))]))
    }
}

// Trials with a made-up conversation.
extension ChatTemplate {
    static let probeTool = ToolSpec(
        name: "probe_tool", description: "Probe.",
        inputSchema: ["type": "object", "properties": ["probe_key": ["type": "string"]], "required": ["probe_key"]])
    static let probeCall = ToolCall(id: "call00001", name: "probe_tool", arguments: ["probe_key": "probe_value"])
    static let secondProbeCall = ToolCall(id: "call00002", name: "probe_tool", arguments: ["probe_key": "other_value"])
    static let probeTime = CalendarTime(year: 2025, month: 1, day: 1)

    /// The first shape in which a call's name and argument come out, neither as Python's repr nor encoded twice; nil when none does.
    private static func findCallShape(_ template: Template, _ specialTokens: [(String, JSONValue)]) -> CallShape? {
        let shapes = [
            CallShape(), CallShape(argumentsAsText: true), CallShape(nullContent: true),
            CallShape(argumentsAsText: true, nullContent: true),
        ]
        for shape in shapes {
            func text(_ messages: [Message]) -> String? {
                let variables = variables(
                    messages: .array(messages.map { value(of: $0, shape) }), tools: .array([value(of: probeTool)]),
                    addGenerationPrompt: false,
                    extra: JSONObject())
                return try? template.render(specialTokens + variables, now: probeTime)
            }
            let user = Message.user("Probe?")
            guard let before = text([user]),
                let after = text([
                    user, .assistant("", toolCalls: [probeCall]), .tool("probe_result", callID: probeCall.id, name: probeCall.name),
                ])
            else { continue }
            let shown = after.dropFirst(after.commonPrefix(with: before))
            if shown.contains("probe_tool"), shown.contains("probe_value"), !shown.contains("'probe_key'"), !shown.contains("\\\"probe_key") {
                return shape
            }
        }
        return nil
    }

    /// The texts of a probe conversation with this template: after the user's turn, with the answer's opening, and after `answer`.
    func probe(_ answer: Message) -> (before: [RenderedPart], opened: [RenderedPart], after: [RenderedPart])? {
        let user = Message.user("Probe?")
        func parts(_ messages: [Message], _ opens: Bool) -> [RenderedPart]? {
            try? renderParts(
                messages: messages, tools: [Self.probeTool], addGenerationPrompt: opens, extra: JSONObject(), now: Self.probeTime)
        }
        guard let before = parts([user], false), let opened = parts([user], true), let after = parts([user, answer], false) else {
            return nil
        }
        return (before, opened, after)
    }
}

extension String {
    /// How many characters this text and `other` share at their start.
    fileprivate func commonPrefix(with other: String) -> Int {
        zip(self, other).prefix { $0 == $1 }.count
    }
}

extension [RenderedPart] {
    /// The whole text.
    var text: String { map(\.text).joined() }
}
