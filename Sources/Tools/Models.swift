// models: what can answer here, without loading anything.
public import JSON
public import MCP

/// Lists the models that are loaded or can be.
public struct Models: WorkTool {
    /// The tool as every face shows it.
    public let definition = ToolDefinition(
        name: "models", title: "List the local models",
        description: """
            Lists the local models behind the other tools: name, architecture, context length (most tokens of prompt and answer together), memory, \
            and whether they are loaded. Answers at once and loads nothing. Ask it before you send a long text.
            """,
        inputSchema: ToolSchemas.schema("models.input.json"), outputSchema: ToolSchemas.schema("models.output.json"),
        annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: false))

    /// The tool; it keeps nothing between calls.
    public init() {}

    /// The list, once the provider has looked into its files.
    public func known(to provider: any ModelProvider) -> JSONValue? { provider.knownModels().map(Self.list) }

    /// Does the work of one call.
    public func run(_ arguments: JSONObject, context: ToolContext) async throws(ToolFailure) -> JSONValue {
        Self.list(context.provider.models())
    }

    private static func list(_ models: [ModelDescription]) -> JSONValue { ["models": .array(models.map(entry))] }

    private static func entry(_ model: ModelDescription) -> JSONValue {
        var entry = JSONObject([("name", .string(model.name)), ("state", .string(model.state.rawValue))])
        entry["source"] = model.source.map(JSONValue.string)
        entry["architecture"] = model.architecture.map(JSONValue.string)
        entry["context_length"] = model.contextLength.map { JSONValue($0) }
        entry["parameters"] = model.parameters.map { JSONValue($0) }
        entry["memory_bytes"] = model.memoryBytes.map { JSONValue($0) }
        entry["description"] = model.summary.map(JSONValue.string)
        entry["problem"] = model.problem.map(JSONValue.string)
        return .object(entry)
    }
}
