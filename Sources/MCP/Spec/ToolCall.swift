// `tools/call`, as far as the protocol itself judges it, and `ping`.
import JSON

enum ToolCall {
    static let method = "tools/call"

    /// The tool's name and its arguments. An unknown tool and arguments that are no object are protocol errors; what the arguments mean is the tool's
    /// business. Arguments sent as a JSON string of an object are taken as that object, as are members (see `ToolDefinition.unwrapping`).
    static func read(_ params: JSONObject, tools: [String: ToolDefinition]) throws(RPCError) -> (name: String, arguments: JSONObject) {
        guard case .string(let name)? = params["name"] else {
            throw .invalidParams("\"name\" must be a string: the tool to call")
        }
        guard let tool = tools[name] else { throw .invalidParams("Unknown tool: \(name.prefix(128))") }
        switch params["arguments"] {
        case nil: return (name, JSONObject())
        case .object(let arguments)?: return (name, tool.unwrapping(arguments))
        case .string(let text)?:
            guard case .object(let arguments)? = try? JSONValue(parsing: text) else {
                throw .invalidParams("\"arguments\" must be an object, not a string")
            }
            return (name, tool.unwrapping(arguments))
        case .some(let other): throw .invalidParams("\"arguments\" must be an object, not \(other.typeName)")
        }
    }
}

enum Ping {
    static let method = "ping"
}
