// All tools under one roof: arguments checked before the work, results checked after it, for every face alike.
import Grammar
public import JSON
public import MCP

/// The tools that are offered: ours, and the user's. As a `ToolProvider` they face MCP; `run` serves any other face.
public final class WorkTools: ToolProvider {
    /// The names of our own tools.
    public static let reservedNames: Set<String> = ["extract", "classify", "generate", "models"]

    private struct Entry: Sendable {
        let tool: any WorkTool
        let input: InstanceValidator
        let output: InstanceValidator
    }

    private let provider: any ModelProvider
    private let limits: ToolLimits
    private let definitions: [ToolDefinition]
    private let entries: [String: Entry]

    /// Our tools and these of the user. Fails where a name is taken; nothing is loaded.
    public convenience init(
        provider: any ModelProvider, toolFiles: [ToolFile] = [], limits: ToolLimits = .standard
    ) throws(ToolFileError) {
        for (index, tool) in toolFiles.enumerated() { try ToolFile.check(tool, against: Array(toolFiles[..<index])) }
        self.init(tools: [Extract(), Classify(), Generate(), Models()] + toolFiles, provider: provider, limits: limits)
    }

    /// Exactly these tools, whose names are distinct and whose schemas are valid.
    init(tools: [any WorkTool], provider: any ModelProvider, limits: ToolLimits) {
        var entries: [String: Entry] = [:]
        for tool in tools {
            let definition = tool.definition
            do {
                let entry = Entry(
                    tool: tool, input: try InstanceValidator(schema: definition.inputSchema),
                    output: try InstanceValidator(schema: definition.outputSchema ?? true))
                precondition(entries.updateValue(entry, forKey: definition.name) == nil, "two tools are named \(definition.name)")
            } catch {
                preconditionFailure("the schemas of tool \(definition.name): \(error)")
            }
        }
        self.entries = entries
        self.definitions = tools.map(\.definition)
        self.provider = provider
        self.limits = limits
    }

    /// The declarations, ours first.
    public func tools() -> [ToolDefinition] { definitions }

    /// The answer of a tool without arguments that knows it already, checked as any other.
    public func answer(_ name: String, arguments: JSONObject, context: CallContext) throws(RPCError) -> ToolResult? {
        guard arguments.isEmpty, let entry = entries[name], entry.input.validate([:]).isEmpty, let result = entry.tool.known(to: provider) else {
            return nil
        }
        // What breaks the promise is called again, and refused there.
        return (try? checked(result, by: entry.output, of: name, context: context)).map(ToolResult.init(structured:))
    }

    /// Runs a tool for MCP: a failure is a result with `isError`, an unknown name a protocol error.
    public func call(_ name: String, arguments: JSONValue, context: CallContext) async throws(RPCError) -> ToolResult {
        do throws(ToolFailure) {
            return ToolResult(structured: try await run(name, arguments: arguments, context: context))
        } catch .unknownTool(let name) {
            throw .invalidParams("\(ToolFailure.unknownTool(name))")
        } catch {
            return ToolResult(error: "\(error)")
        }
    }

    /// Runs a tool: its structured result, which conforms to its output schema, or a failure in words. The command line's way in; progress
    /// and log go to the context: at the end the usage (debug) or the failure (error).
    public func run(
        _ name: String, arguments: JSONValue, context: CallContext = CallContext()
    ) async throws(ToolFailure) -> JSONValue {
        guard let entry = entries[name] else { throw .unknownTool(name) }
        do throws(ToolFailure) {
            let object = try Self.accepted(arguments, by: entry.input, of: entry.tool.definition, limits: limits)
            let result = try await entry.tool.run(object, context: ToolContext(provider: provider, call: context, limits: limits))
            return try checked(result, by: entry.output, of: name, context: context)
        } catch {
            if error != .cancelled { context.log(.error, ["message": .string("\(error)")], logger: name) }
            throw error
        }
    }

    /// A result that keeps the tool's promise.
    private func checked(
        _ result: JSONValue, by validator: InstanceValidator, of name: String, context: CallContext
    ) throws(ToolFailure) -> JSONValue {
        let faults = describe(validator.validate(result), limits: limits)
        guard faults.isEmpty else { throw .brokenPromise(tool: name, faults: faults) }
        context.log(.debug, ["message": "done", "usage": result["usage"] ?? [:]], logger: name)
        return result
    }

    /// The arguments as the tool's input schema accepts them.
    private static func accepted(
        _ arguments: JSONValue, by validator: InstanceValidator, of definition: ToolDefinition, limits: ToolLimits
    ) throws(ToolFailure) -> JSONObject {
        guard let given = arguments.objectValue else {
            throw .invalidArguments(tool: definition.name, faults: ["an object is needed, not \(arguments.typeName)"])
        }
        let object = definition.unwrapping(given)
        let faults = describe(validator.validate(.object(object)), limits: limits)
        guard faults.isEmpty else { throw .invalidArguments(tool: definition.name, faults: faults) }
        return object
    }
}
