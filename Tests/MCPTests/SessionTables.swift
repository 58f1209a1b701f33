// Tables for the session: lines in, actions out, as text.
import JSON
import MCP

/// A session with three tools, driven by lines; actions are shown as `send LINE`, `call KEY NAME ARGUMENTS`, `cancel KEY`.
struct Table {
    var session: Session
    var calls: [ToolInvocation] = []
    static let server = ServerDescription(name: "s", version: "1", timeToLive: 60_000)

    init(_ version: String? = nil, limits: SessionLimits = SessionLimits()) {
        session = Session(server: Table.server, tools: Table.tools, limits: limits)
        if let version {
            _ = feed(#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\#(version)","capabilities":{}}}"#)
        }
    }

    static let tools = [
        ToolDefinition(
            name: "echo", description: "Says it again.",
            inputSchema: ["type": "object", "properties": ["text": ["type": "string"], "items": ["type": "array"]]],
            annotations: ToolAnnotations(readOnly: true)),
        ToolDefinition(
            name: "shape", title: "Shape", inputSchema: ["type": "object", "properties": ["schema": ["type": "object"]]],
            outputSchema: ["type": "object"]),
    ]

    mutating func feed(_ line: String) -> [String] { show(session.receive(Incoming(line: Array(line.utf8)))) }

    /// A tool of the `index`th call ends with this result.
    mutating func finish(_ index: Int, _ outcome: Result<ToolResult, RPCError> = .success(ToolResult(text: "ok"))) -> [String] {
        show(session.finished(calls[index].key, with: calls[index].reply(outcome, from: Table.server)))
    }

    mutating func progress(_ index: Int, _ value: Double, at seconds: Double = 0) -> [String] {
        show(session.progress(calls[index].key, value, total: 2, message: nil, now: UInt64(seconds * 1e9)))
    }

    mutating func log(_ index: Int, _ level: LogLevel) -> [String] {
        show(session.log(calls[index].key, level, logger: nil, data: "x"))
    }

    mutating func show(_ actions: [SessionAction]) -> [String] {
        actions.map { action in
            switch action {
            case .send(let frame): return frame.text
            case .call(let call):
                calls.append(call)
                return "call \(calls.count - 1) \(call.name) \(JSONValue.object(call.arguments).text())"
            case .cancel(let key): return "cancel \(calls.firstIndex { $0.key == key } ?? -1)"
            }
        }
    }

    static let meta = #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#

    /// A modern request.
    static func modern(_ id: String, _ method: String, _ params: String = "", meta extra: String = "") -> String {
        let meta = Table.meta.dropLast() + extra + "}"
        return #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{\#(params.isEmpty ? "" : params + ",")\#(meta)}}"#
    }

    /// A legacy request.
    static func legacy(_ id: String, _ method: String, _ params: String = "") -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{\#(params)}}"#
    }

    static func cancelled(_ id: String) -> String {
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":\#(id)}}"#
    }

    static let echo = #""name":"echo","arguments":{"text":"a"}"#
    static let stamp = #""resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}"#
}
