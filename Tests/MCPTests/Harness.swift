// What the tests of transports, servers and clients share: a recorder of lines, a scripted peer, the fixture's path.
import Foundation
import JSON
import MCP
import Synchronization

/// Collects a transport's events and lets a test wait for what it expects.
final class Recorder: Sendable {
    private let state = Mutex<[TransportEvent]>([])

    func add(_ event: TransportEvent) { state.withLock { $0.append(event) } }
    var events: [TransportEvent] { state.withLock { $0 } }
    var lines: [String] {
        events.compactMap { if case .line(let line) = $0 { String(decoding: line, as: UTF8.self) } else { nil } }
    }
    var end: Disconnection? {
        events.compactMap { if case .closed(let reason) = $0 { reason } else { nil } }.first
    }

    /// Waits, up to the patience of `eventually`, until the events satisfy the test.
    func wait(until isEnough: ([TransportEvent]) -> Bool) async -> Bool {
        await eventually { isEnough(events) }
    }

    func waitForEnd() async -> Disconnection? {
        _ = await eventually { end != nil }
        return end
    }

    func waitForLines(_ count: Int) async -> [String] {
        _ = await eventually { lines.count >= count || end != nil }
        return lines
    }
}

/// True as soon as the condition holds; false after two minutes, which no test takes: a machine may be busy, and a sanitizer slow.
func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < deadline {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return false
}

/// The other end of a connection, whose answers are a function of what it gets.
final class ScriptedPeer: Sendable {
    typealias Script = @Sendable (_ message: JSONValue) -> [JSONValue]

    let near: InMemoryTransport
    private let far: InMemoryTransport
    private let received = Mutex<[JSONValue]>([])

    init(_ script: @escaping Script) throws {
        (near, far) = InMemoryTransport.pair()
        try far.start { [far, weak self] event in
            guard case .line(let line) = event, let message = try? JSONValue(parsing: line) else { return }
            self?.received.withLock { $0.append(message) }
            for answer in script(message) { far.sendRaw(Array((answer.text() + "\n").utf8)) }
        }
    }

    var messages: [JSONValue] { received.withLock { $0 } }
    func methods() -> [String] { messages.compactMap { $0["method"]?.stringValue } }
    func say(_ message: JSONValue) { far.sendRaw(Array((message.text() + "\n").utf8)) }
    func hangUp() async { await far.close() }

    static func reply(_ message: JSONValue, _ result: JSONValue) -> JSONValue {
        ["jsonrpc": "2.0", "id": message["id"] ?? nil, "result": result]
    }
    static func refuse(_ message: JSONValue, _ code: Int, data: JSONValue? = nil) -> JSONValue {
        var error: JSONObject = ["code": .number(JSONNumber(code)), "message": "no"]
        if let data { error["data"] = data }
        return ["jsonrpc": "2.0", "id": message["id"] ?? nil, "error": .object(error)]
    }
}

/// Tools whose behaviour the tests choose.
struct TestTools: ToolProvider {
    var names = ["echo", "slow"]
    let body: @Sendable (String, JSONValue, CallContext) async throws(RPCError) -> ToolResult
    /// What is answered at once.
    var known: @Sendable (String, CallContext) throws(RPCError) -> ToolResult? = { _, _ throws(RPCError) in nil }

    func tools() -> [ToolDefinition] { names.map { ToolDefinition(name: $0, inputSchema: ["type": "object"]) } }
    func call(_ name: String, arguments: JSONValue, context: CallContext) async throws(RPCError) -> ToolResult {
        try await body(name, arguments, context)
    }
    func answer(_ name: String, arguments: JSONObject, context: CallContext) throws(RPCError) -> ToolResult? { try known(name, context) }
}

/// The fixture executable beside the tests.
let fixturePath: String = {
    let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    return folder.appendingPathComponent("MCPFixture").path
}()
