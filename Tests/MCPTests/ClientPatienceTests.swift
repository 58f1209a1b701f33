// How long a client waits, and for how much: hung servers, endless lists, deadlines that are over at once.
import JSON
import Synchronization
import Testing

@testable import MCP

extension ClientTests {
    /// Fresh cursors for ever, and nothing on any page.
    @Test func pagesAreLimited() async throws {
        let asked = Atomic<Int>(0)
        let (client, _) = ClientTests.client(
            ClientLimits(pages: 5),
            ClientTests.modern { message in
                let page = asked.add(1, ordering: .relaxed).newValue
                return [ScriptedPeer.reply(message, ["tools": [], "nextCursor": .string("\(page)")])]
            })
        await #expect(throws: MCPClientError.invalidResponse("more than 5 pages of tools")) { try await client.listTools() }
        #expect(asked.load(ordering: .relaxed) == 5)
        await client.close()
    }

    /// The server is silent for longer than the test may take.
    @Test(.timeLimit(.minutes(1))) func whoIsCancelledNoLongerWaitsForTheConnection() async throws {
        let (client, peers) = ClientTests.client(ClientLimits(probe: 600_000), { _ in [] })
        let tasks = (0..<2).map { _ in Task { try await client.listTools() } }
        #expect(await eventually { peers.count == 1 && peers[0].messages.count == 1 })
        for task in tasks {
            task.cancel()
            await #expect(throws: MCPClientError.cancelled) { try await task.value }
        }
        // The attempt is still there for the next caller.
        let next = Task { try await client.connect() }
        peers[0].say(["jsonrpc": "2.0", "id": 1, "result": ClientTests.discovery])
        try await next.value
        #expect(peers.count == 1)
        await client.close()

        let (hung, others) = ClientTests.client(ClientLimits(probe: 600_000), { _ in [] })
        let waiting = Task { try await hung.connect() }
        #expect(await eventually { others.count == 1 && others[0].messages.count == 1 })
        await hung.close()
        await #expect(throws: MCPClientError.closed) { try await waiting.value }
    }

    /// A deadline that fires before the request begins to wait counts nevertheless; the server hears nothing of such a request.
    @Test(.timeLimit(.minutes(1))) func earlyDeadlinesAreKept() async throws {
        let peer = try ScriptedPeer { [ScriptedPeer.reply($0, [:])] }
        let connection = try ClientConnection(ClientSession(client: ClientTests.me, version: .latestModern), over: peer.near, onToolsChanged: {})
        let (id, frame) = connection.prepare("early", JSONObject(), wantsProgress: false)
        let error = MCPClientError.timedOut(method: "early", milliseconds: 1)
        connection.abandon(id, reason: "timed out", as: error)
        #expect(await connection.answer(to: id, frame) == .failure(error))
        #expect(await connection.request("later", milliseconds: 60_000) == .success([:]))
        #expect(peer.methods() == ["later"])
        await connection.close()
    }
}
