// The client: eras, matching, deadlines, deaths; against scripted peers, our own server, and a real child.
import JSON
import Synchronization
import Testing

@testable import MCP

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct ClientTests {
    static let me = ClientDescription(name: "c", version: "2")
    static let meta: JSONValue = [
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": ["name": "c", "version": "2"],
        "io.modelcontextprotocol/clientCapabilities": [:],
    ]

    /// A client whose every connection leads to a new peer; the peers in order.
    static func client(_ limits: ClientLimits = ClientLimits(restart: 0), _ scripts: ScriptedPeer.Script...) -> (
        client: MCPClient, peers: Peers
    ) {
        let peers = Peers(scripts)
        return (MCPClient(me, limits: limits) { () throws(TransportError) in try peers.next() }, peers)
    }

    final class Peers: Sendable {
        private let scripts: [ScriptedPeer.Script]
        private let made = Mutex<[ScriptedPeer]>([])
        init(_ scripts: [ScriptedPeer.Script]) { self.scripts = scripts }
        subscript(index: Int) -> ScriptedPeer { made.withLock { $0[index] } }
        var count: Int { made.withLock { $0.count } }
        func next() throws(TransportError) -> InMemoryTransport {
            let index = count
            guard index < scripts.count, let peer = try? ScriptedPeer(scripts[index]) else { throw .commandNotFound("peer \(index)") }
            made.withLock { $0.append(peer) }
            return peer.near
        }
    }

    static let discovery: JSONValue = [
        "supportedVersions": ["2026-07-28"], "capabilities": ["tools": [:]], "resultType": "complete", "instructions": "Use it.",
        "_meta": ["io.modelcontextprotocol/serverInfo": ["name": "srv", "version": "3"]],
    ]

    static func modern(_ more: @escaping ScriptedPeer.Script = { _ in [] }) -> ScriptedPeer.Script {
        { message in
            message["method"] == "server/discover" ? [ScriptedPeer.reply(message, ClientTests.discovery)] : more(message)
        }
    }

    static func legacy(_ version: String = "2025-11-25", _ more: @escaping ScriptedPeer.Script = { _ in [] }) -> ScriptedPeer.Script {
        { message in
            switch message["method"]?.stringValue {
            case "server/discover": [ScriptedPeer.refuse(message, -32601)]
            case "initialize":
                [
                    ScriptedPeer.reply(
                        message, ["protocolVersion": .string(version), "capabilities": [:], "serverInfo": ["name": "old", "version": "1"]])
                ]
            default: more(message)
            }
        }
    }

    @Test func speaksTheModernEra() async throws {
        let (client, peers) = ClientTests.client(
            ClientLimits(),
            ClientTests.modern { message in
                [
                    ScriptedPeer.reply(
                        message, ["resultType": "complete", "content": [["type": "text", "text": "hi"]], "structuredContent": [1]])
                ]
            })
        let result = try await client.callTool("t", arguments: ["a": 1], milliseconds: 20_000) { _ in }
        #expect(result == ToolResult(content: [.text("hi")], structuredContent: [1]))
        #expect(peers[0].messages.map { $0["method"] } == ["server/discover", "tools/call"])
        #expect(peers[0].messages[0]["params"]?["_meta"] == ClientTests.meta)
        var meta = ClientTests.meta.objectValue!
        meta["progressToken"] = 2
        #expect(peers[0].messages[1]["params"] == ["name": "t", "arguments": ["a": 1], "_meta": .object(meta)])
        let peer = await client.peer
        #expect(
            peer == PeerDescription(name: "srv", version: "3", instructions: "Use it.", protocolVersion: .july2026, announcesTools: false))
        await client.close()
    }

    /// Whatever the probe meets, short of our own version, leads to `initialize` on a new connection.
    @Test(arguments: 0..<5) func fallsBackToTheHandshake(kind: Int) async throws {
        let first: ScriptedPeer.Script = { message in
            switch kind {
            case 0: [ScriptedPeer.refuse(message, -32601)]
            case 1: []  // silence
            case 2: [ScriptedPeer.refuse(message, -32022, data: ["supported": ["2025-06-18"], "requested": "2026-07-28"])]
            case 3: [ScriptedPeer.reply(message, ["supportedVersions": ["2099-01-01"], "resultType": "complete"])]
            default: ["no", 5, [:], ["jsonrpc": "2.0", "id": nil, "error": ["code": -32600, "message": "?"]]]
            }
        }
        let (client, peers) = ClientTests.client(
            ClientLimits(probe: 100), first, ClientTests.legacy("2025-06-18") { [ScriptedPeer.reply($0, ["tools": []])] })
        #expect(try await client.listTools() == ToolListing())
        #expect(peers.count == 2)
        #expect(peers[1].methods() == ["initialize", "notifications/initialized", "tools/list"])
        #expect(peers[1].messages[2]["params"] == nil)  // a legacy request has no `_meta` of ours
        #expect(await client.peer?.protocolVersion == .june2025)
        await client.close()
    }

    @Test func aServerThatExitsAtTheProbeIsStartedAnew() async throws {
        let starts = Atomic<Int>(0)
        let client = MCPClient(ClientTests.me) { () throws(TransportError) in
            starts.add(1, ordering: .relaxed)
            let script = "read line; case $line in *server/discover*) exit 1;; esac; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":"
            return try ChildProcess(
                .init(
                    program: "sh",
                    arguments: ["-c", script + "{\"protocolVersion\":\"2024-11-05\",\"capabilities\":{}}}'; cat > /dev/null"]))
        }
        try await client.connect()
        #expect(await client.peer?.protocolVersion == .november2024)
        #expect(starts.load(ordering: .relaxed) == 2)
        await client.close()
    }

    @Test func refusesWhatItCannotSpeak() async throws {
        let (one, _) = ClientTests.client(
            ClientLimits(), { [ScriptedPeer.refuse($0, -32022, data: ["supported": ["2099-01-01"], "requested": "2026-07-28"])] })
        await #expect(throws: MCPClientError.noCommonVersion(["2099-01-01"])) { try await one.connect() }
        let (two, _) = ClientTests.client(ClientLimits(), ClientTests.legacy(), ClientTests.legacy("1999-01-01"))
        await #expect(throws: MCPClientError.noCommonVersion(["1999-01-01"])) { try await two.connect() }
        let (three, _) = ClientTests.client(ClientLimits())
        await #expect(throws: MCPClientError.cannotConnect(.commandNotFound("peer 0"))) { try await three.connect() }
    }

    @Test func listsAllPages() async throws {
        let (client, _) = ClientTests.client(
            ClientLimits(),
            ClientTests.modern { message in
                switch message["params"]?["cursor"]?.stringValue {
                case nil:
                    [
                        ScriptedPeer.reply(
                            message,
                            ["tools": [["name": "a", "inputSchema": ["type": "object", "$defs": ["x": true]]]], "nextCursor": ""])
                    ]
                case "": [ScriptedPeer.reply(message, ["tools": [["noName": 1], ["name": "b"]], "nextCursor": "2"])]
                default: [ScriptedPeer.reply(message, ["tools": [["name": "c", "execution": 5]], "nextCursor": nil])]
                }
            })
        let listing = try await client.listTools()
        let tools = listing.tools
        #expect(listing.nameless == 1)
        #expect(tools.map(\.name) == ["a", "b", "c"])
        #expect(tools[0].inputSchema == ["type": "object", "$defs": ["x": true]])
        await client.close()
        let (endless, _) = ClientTests.client(
            ClientLimits(), ClientTests.modern { [ScriptedPeer.reply($0, ["tools": [], "nextCursor": "same"])] })
        await #expect(throws: MCPClientError.invalidResponse("tools/list repeats the cursor \"same\"")) { try await endless.listTools() }
        await endless.close()
    }

    @Test func deadlinesAndCancellationsAreTold() async throws {
        let (client, peers) = ClientTests.client(ClientLimits(), ClientTests.modern())
        await #expect(throws: MCPClientError.timedOut(method: "tools/call", milliseconds: 30)) {
            try await client.callTool("slow", arguments: [:], milliseconds: 30)
        }
        let task = Task { try await client.callTool("slow", arguments: [:]) }
        #expect(await eventually { peers[0].methods().count { $0 == "tools/call" } == 2 })
        task.cancel()
        await #expect(throws: MCPClientError.cancelled) { try await task.value }
        #expect(await eventually { peers[0].methods().count { $0 == "notifications/cancelled" } == 2 })
        #expect(peers[0].messages.compactMap { $0["params"]?["requestId"] } == [2, 3])
        // A late answer is nobody's.
        peers[0].say(["jsonrpc": "2.0", "id": 2, "result": ["content": []]])
        await client.close()
    }

    @Test func answersMatchByIdentifier() async throws {
        let held = Mutex<[JSONValue]>([])
        let (client, peers) = ClientTests.client(
            ClientLimits(),
            ClientTests.modern { message in
                held.withLock { held in
                    held.append(message)
                    guard held.count == 20 else { return [] }
                    return held.reversed().map { message in
                        ScriptedPeer.reply(
                            message, ["content": [["type": "text", "text": .string(message["params"]?["name"]?.stringValue ?? "")]]])
                    }
                }
            })
        let results = try await withThrowingTaskGroup(of: (Int, ToolResult).self) { group in
            for index in 0..<20 { group.addTask { (index, try await client.callTool("t\(index)", arguments: [:])) } }
            return try await group.reduce(into: [Int: ToolResult]()) { $0[$1.0] = $1.1 }
        }
        #expect((0..<20).allSatisfy { results[$0] == ToolResult(text: "t\($0)") })
        #expect(peers.count == 1)
        await client.close()
    }

    @Test func answersTheServersRequests() async throws {
        let (client, peers) = ClientTests.client(
            ClientLimits(), { [ScriptedPeer.refuse($0, -32601)] },
            ClientTests.legacy { message in message["method"] == "tools/list" ? [ScriptedPeer.reply(message, ["tools": []])] : [] })
        try await client.connect()
        let generation = client.toolsGeneration
        for method in ["ping", "roots/list", "sampling/createMessage", "elicitation/create"] {
            peers[1].say(["jsonrpc": "2.0", "id": .string(method), "method": .string(method), "params": [:]])
        }
        peers[1].say(["jsonrpc": "2.0", "method": "notifications/message", "params": ["level": "info", "data": 1]])
        peers[1].say(["jsonrpc": "2.0", "method": "notifications/tools/list_changed"])
        #expect(await eventually { peers[1].messages.count == 6 && client.toolsGeneration == generation + 1 })
        let answers = peers[1].messages.dropFirst(2)
        #expect(answers.map { $0["id"]?.stringValue } == ["ping", "roots/list", "sampling/createMessage", "elicitation/create"])
        #expect(answers.map { $0["error"]?["code"]?.intValue } == [nil, -32601, -32601, -32601])
        #expect(answers.first?["result"] == [:])
        await client.close()
    }

    @Test func progressReachesItsCall() async throws {
        let (client, _) = ClientTests.client(
            ClientLimits(),
            ClientTests.modern { message in
                let token = message["params"]?["_meta"]?["progressToken"] ?? nil
                func progress(_ token: JSONValue, _ value: JSONValue) -> JSONValue {
                    [
                        "jsonrpc": "2.0", "method": "notifications/progress",
                        "params": ["progressToken": token, "progress": value, "message": "m"],
                    ]
                }
                return [
                    progress(token, 0.5), progress("other", 1), progress(token, "x"), ScriptedPeer.reply(message, ["content": []]),
                    progress(token, 2),
                ]
            })
        let reports = Mutex<[ProgressReport]>([])
        _ = try await client.callTool("t", arguments: [:]) { report in reports.withLock { $0.append(report) } }
        #expect(reports.withLock { $0 } == [ProgressReport(progress: 0.5, total: nil, message: "m")])
        await client.close()
    }

    /// Results as servers send them.
    @Test(arguments: [
        (#"{"content":[]}"#, ToolResult(content: [])),
        (#"{}"#, ToolResult(content: [])),
        (#"{"content":[{"type":"text","text":"t"}],"isError":true}"#, ToolResult(error: "t")),
        (
            #"{"content":[{"type":"image","data":"AA==","mimeType":"image/png","annotations":{}}]}"#,
            ToolResult(content: [.image(data: "AA==", mimeType: "image/png")])
        ),
        (#"{"content":[{"type":"audio","data":"AA=="}]}"#, ToolResult(content: [.audio(data: "AA==", mimeType: "")])),
        (
            #"{"content":[{"type":"resource_link","uri":"u:x","name":"n"}]}"#,
            ToolResult(content: [.resourceLink(uri: "u:x", name: "n", mimeType: nil)])
        ),
        (
            #"{"content":[{"type":"resource","resource":{"uri":"u:x","text":"t"}}]}"#,
            ToolResult(content: [.resource(uri: "u:x", mimeType: nil, text: "t", blob: nil)])
        ),
        (#"{"content":[{"type":"hologram","x":1},5]}"#, ToolResult(content: [.other(["type": "hologram", "x": 1]), .other(5)])),
    ])
    func toleratesContent(wire: String, result: ToolResult) async throws {
        let value = try JSONValue(parsing: wire)
        let (client, _) = ClientTests.client(ClientLimits(), ClientTests.modern { [ScriptedPeer.reply($0, value)] })
        #expect(try await client.callTool("t", arguments: [:]) == result)
        await client.close()
    }

    @Test func refusesInvalidResults() async throws {
        let rows: [JSONValue] = [["resultType": "input_required", "inputRequests": [:]], ["resultType": "new"], [1], "text", nil]
        for value in rows {
            let (client, _) = ClientTests.client(ClientLimits(), ClientTests.modern { [ScriptedPeer.reply($0, value)] })
            do {
                _ = try await client.callTool("t", arguments: [:])
                Issue.record("accepted \(value)")
            } catch {
                guard case .invalidResponse = error else {
                    Issue.record("\(value): \(error)")
                    continue
                }
            }
            await client.close()
        }
        let (client, _) = ClientTests.client(ClientLimits(), ClientTests.modern { [ScriptedPeer.refuse($0, -32602)] })
        await #expect(throws: MCPClientError.refused(RPCError(code: -32602, message: "no"))) {
            try await client.callTool("t", arguments: [:])
        }
        await client.close()
    }

    @Test func aDeadServerFailsItsCallsAndComesBack() async throws {
        let children = Mutex<[ChildProcess]>([])
        let client = MCPClient(ClientTests.me, limits: ClientLimits(restart: 0)) { () throws(TransportError) in
            let child = try ChildProcess(.init(program: fixturePath))
            children.withLock { $0.append(child) }
            return child
        }
        _ = try await client.callTool("echo_tool", arguments: ["text": "a"])
        let hanging = Task { try await client.callTool("slow_tool", arguments: ["steps": 10000]) }
        try await Task.sleep(for: .milliseconds(50))
        children.withLock { _ = kill(-$0[0].running.load(ordering: .relaxed), SIGKILL) }
        do {
            _ = try await hanging.value
            Issue.record("answered")
        } catch let error as MCPClientError {
            #expect("\(error)".contains("may or may not have run"))
        }
        #expect(await eventuallyAsync { (try? await client.callTool("echo_tool", arguments: ["text": "b"])) != nil })
        await client.close()
        await #expect(throws: MCPClientError.closed) { try await client.connect() }
    }

    @Test func lastWordsAreReported() async throws {
        let client = MCPClient(ClientTests.me) { () throws(TransportError) in
            try ChildProcess(.init(program: "sh", arguments: ["-c", "echo the database is missing >&2; exit 3"]))
        }
        do {
            try await client.connect()
            Issue.record("connected")
        } catch {
            #expect("\(error)".contains("the database is missing") && "\(error)".contains("status 3"), "\(error)")
        }
        await client.close()
    }

    @Test func ourClientAndOurServerAgree() async throws {
        for era in [ProtocolVersion.july2026, .november2025] {
            let client = MCPClient(ClientTests.me, limits: ClientLimits(restart: 0)) { () throws(TransportError) in
                let (near, far) = InMemoryTransport.pair()
                let server = MCPServer(
                    description: ServerDescription(name: "s", version: "1"),
                    provider: TestTools { _, arguments, context throws(RPCError) in
                        context.progress(1, total: 2, message: "half")
                        return ToolResult(structured: arguments)
                    })
                Task { _ = try? await server.serve(over: far) }
                return era.era == .modern ? near : Deaf(near)
            }
            #expect(try await client.listTools().tools.map(\.name) == ["echo", "slow"])
            let reports = Mutex(0)
            let result = try await client.callTool("echo", arguments: ["a": [1.0, nil]]) { _ in reports.withLock { $0 += 1 } }
            #expect(result == ToolResult(structured: ["a": [1.0, nil]]))
            #expect(reports.withLock { $0 } == 1)
            #expect(await client.peer?.protocolVersion == era)
            await client.close()
        }
    }
}

/// Hides the probe from a server, as an old one would not know it.
private final class Deaf: Transport {
    private let inner: InMemoryTransport
    private let receiver = Mutex<(@Sendable (TransportEvent) -> Void)?>(nil)
    init(_ inner: InMemoryTransport) { self.inner = inner }
    func start(_ receive: @escaping @Sendable (TransportEvent) -> Void) throws(TransportError) {
        receiver.withLock { $0 = receive }
        try inner.start(receive)
    }
    func send(_ frame: Frame) {
        guard frame.text.contains("server/discover") else { return inner.send(frame) }
        receiver.withLock { $0 }?(.line(Array(#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"?"}}"#.utf8)))
    }
    func close() async { await inner.close() }
}

func eventuallyAsync(_ condition: () async -> Bool) async -> Bool {
    for _ in 0..<1000 {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return false
}
