// Tools: their definitions, their results, and `tools/list`.
public import JSON

/// Hints about what a tool does; a host may show them, none of them grants anything.
public struct ToolAnnotations: Sendable, Hashable {
    /// Whether the tool changes nothing.
    public var readOnly: Bool?
    /// Whether its changes may destroy.
    public var destructive: Bool?
    /// Whether a second equal call changes nothing more.
    public var idempotent: Bool?
    /// Whether it reaches beyond this machine.
    public var openWorld: Bool?

    /// Hints; nil says nothing.
    public init(readOnly: Bool? = nil, destructive: Bool? = nil, idempotent: Bool? = nil, openWorld: Bool? = nil) {
        self.readOnly = readOnly
        self.destructive = destructive
        self.idempotent = idempotent
        self.openWorld = openWorld
    }

    init(wire value: JSONValue?) {
        readOnly = value?["readOnlyHint"]?.boolValue
        destructive = value?["destructiveHint"]?.boolValue
        idempotent = value?["idempotentHint"]?.boolValue
        openWorld = value?["openWorldHint"]?.boolValue
    }

    var json: JSONObject {
        var object = JSONObject()
        if let readOnly { object["readOnlyHint"] = .bool(readOnly) }
        if let destructive { object["destructiveHint"] = .bool(destructive) }
        if let idempotent { object["idempotentHint"] = .bool(idempotent) }
        if let openWorld { object["openWorldHint"] = .bool(openWorld) }
        return object
    }
}

/// A tool as a server offers it. Schemas are kept verbatim.
public struct ToolDefinition: Sendable, Hashable {
    /// By which it is called.
    public var name: String
    /// For people.
    public var title: String?
    /// What it does and when to use it, for the model.
    public var description: String?
    /// The JSON Schema of its arguments.
    public var inputSchema: JSONValue
    /// The JSON Schema of its structured content, which results then keep.
    public var outputSchema: JSONValue?
    /// Hints about its effects.
    public var annotations: ToolAnnotations

    /// A declaration; see the members.
    public init(
        name: String, title: String? = nil, description: String? = nil, inputSchema: JSONValue, outputSchema: JSONValue? = nil,
        annotations: ToolAnnotations = ToolAnnotations()
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
        self.annotations = annotations
    }

    /// Reads a definition from another server; nil without a name. A missing schema reads as "no arguments are described".
    public init?(wire value: JSONValue) {
        guard let name = value["name"]?.stringValue, !name.isEmpty else { return nil }
        self.name = name
        title = value["title"]?.stringValue
        description = value["description"]?.stringValue
        inputSchema = value["inputSchema"] ?? ["type": "object"]
        outputSchema = value["outputSchema"]
        annotations = ToolAnnotations(wire: value["annotations"])
    }

    /// The definition as it goes over the wire.
    public var json: JSONValue {
        var object = JSONObject([("name", .string(name))])
        if let title { object["title"] = .string(title) }
        if let description { object["description"] = .string(description) }
        object["inputSchema"] = inputSchema
        if let outputSchema { object["outputSchema"] = outputSchema }
        let hints = annotations.json
        if !hints.isEmpty { object["annotations"] = .object(hints) }
        return .object(object)
    }

    /// Hosts regularly send an object or array argument as a JSON string: where the schema wants a structure and not a string, and
    /// the string parses to that structure, the structure is meant.
    public func unwrapping(_ arguments: JSONObject) -> JSONObject {
        guard let properties = inputSchema["properties"] else { return arguments }
        var result = arguments
        for (key, value) in arguments {
            guard case .string(let text) = value, let schema = properties[key] else { continue }
            let wanted = ToolDefinition.structures(in: schema)
            guard !wanted.isEmpty, let first = text.utf8.first(where: { $0 > 0x20 }), first == 0x7B || first == 0x5B,
                let parsed = try? JSONValue(parsing: text), wanted.contains(parsed.typeName)
            else { continue }
            result[key] = parsed
        }
        return result
    }

    /// "object" and "array", as far as the schema's `type` names them and does not name "string".
    private static func structures(in schema: JSONValue) -> [String] {
        let types = schema["type"]?.stringValue.map { [$0] } ?? schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? []
        return types.contains("string") ? [] : types.filter { $0 == "object" || $0 == "array" }
    }
}

/// What a tool answers. A failure of the tool's own is a result with `isError`, so that the model can read it and act.
public struct ToolResult: Sendable, Hashable {
    /// What a model reads.
    public var content: [ContentBlock]
    /// Conforms to the tool's output schema; absent when `isError`.
    public var structuredContent: JSONValue?
    /// Whether the tool failed; the content then says how.
    public var isError: Bool

    /// A result; see the members.
    public init(content: [ContentBlock], structuredContent: JSONValue? = nil, isError: Bool = false) {
        self.content = content
        self.structuredContent = isError ? nil : structuredContent
        self.isError = isError
    }

    /// A structured answer, with the same JSON as a text block for clients that read only text.
    public init(structured value: JSONValue) {
        self.init(content: [.text(value.text())], structuredContent: value)
    }

    /// A plain text answer.
    public init(text: String) { self.init(content: [.text(text)]) }

    /// A failure that the model can read.
    public init(error text: String) { self.init(content: [.text(text)], isError: true) }

    /// Reads another server's result leniently: anything that is not there counts as empty.
    public init(wire value: JSONValue) {
        isError = value["isError"]?.boolValue ?? false
        content = value["content"]?.arrayValue?.map(ContentBlock.init(wire:)) ?? []
        structuredContent = value["structuredContent"]
    }

    /// The members of a `tools/call` result. A legacy client takes only an object as `structuredContent`.
    func json(for era: Era) -> JSONObject {
        var object = JSONObject([("content", .array(content.map(\.json)))])
        if let structuredContent, !isError, era == .modern || structuredContent.objectValue != nil {
            object["structuredContent"] = structuredContent
        }
        if isError { object["isError"] = true }
        return object
    }
}

/// `tools/list`.
enum ToolList {
    static let method = "tools/list"

    /// The list has one page: any cursor is one that we never gave.
    static func checkCursor(_ params: JSONObject) throws(RPCError) {
        switch params["cursor"] {
        case nil, .null?: return
        case .string(let cursor)?: throw .invalidParams("unknown cursor \"\(cursor.prefix(64))\": the list has one page")
        case .some(let other): throw .invalidParams("\"cursor\" must be a string, not \(other.typeName)")
        }
    }

    static func result(_ tools: [ToolDefinition]) -> JSONObject {
        JSONObject([("tools", .array(tools.map(\.json)))])
    }
}
