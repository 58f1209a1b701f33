// A server with the simplest tools, as a process of its own: what the tests of the stdio transport start, feed and kill.
import JSON
import MCP

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct FixtureTools: ToolProvider {
    func tools() -> [ToolDefinition] {
        func tool(_ name: String, _ description: String, _ properties: JSONObject, returnsText: Bool = false) -> ToolDefinition {
            ToolDefinition(
                name: name, description: description,
                inputSchema: [
                    "type": "object", "properties": .object(properties), "required": .array(properties.keys.map(JSONValue.string)),
                ],
                outputSchema: returnsText
                    ? ["type": "object", "properties": ["result": ["type": "string"]], "required": ["result"]] : nil)
        }
        return [
            tool("echo_tool", "Echo the input text", ["text": ["type": "string"]], returnsText: true),
            tool("slow_tool", "Take `steps` x 50 ms, reporting progress", ["steps": ["type": "integer"]]),
            tool("print_tool", "Print to standard output, as libraries do", ["text": ["type": "string"]]),
            tool("stubborn_tool", "Take a minute, whoever asks to stop", [:]),
        ]
    }

    func call(_ name: String, arguments: JSONValue, context: CallContext) async throws(RPCError) -> ToolResult {
        switch name {
        case "slow_tool":
            let steps = arguments["steps"]?.intValue ?? 1
            for step in 0..<steps {
                context.progress(Double(step + 1), total: Double(steps), message: "step \(step + 1)")
                try? await Task.sleep(for: .milliseconds(50))
                if context.isCancelled { return ToolResult(error: "cancelled") }
            }
            return ToolResult(text: "done \(steps)")
        case "print_tool":
            print(arguments["text"]?.stringValue ?? "printed")
            fflush(nil)
            return ToolResult(text: "printed")
        case "stubborn_tool":
            sleep(60)
            return ToolResult(text: "at last")
        default:
            guard case .string(let text)? = arguments["text"] else {
                return ToolResult(error: "/text: must be a string")
            }
            return ToolResult(structured: ["result": .string(text)])
        }
    }
}

/// Starts a child that would run for minutes, deaf to the end of its input, with one of its own that ignores signals too, and tells the three
/// processes: what is left when this one is killed?
func host() async throws {
    let script = "sh -c 'trap \"\" TERM INT HUP; while :; do sleep 0.1; done' < /dev/null & echo $$ $!; exec sleep 300"
    let child = try ChildProcess(.init(program: "sh", arguments: ["-c", script]))
    try child.start { event in
        if case .line(let line) = event {
            print("\(getpid()) \(String(decoding: line, as: UTF8.self))")
            fflush(nil)
        }
    }
    try await Task.sleep(for: .seconds(300))
}

if CommandLine.arguments.dropFirst().first == "host" { try await host() }
let transport = try StdioTransport(exitGrace: 300)
let server = MCPServer(
    description: ServerDescription(name: "fixture", version: "1.0", instructions: "Echoes text."), provider: FixtureTools())
_ = try await server.serve(over: transport)
_exit(0)
