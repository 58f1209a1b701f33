// A client: finds out which era a server speaks, keeps the connection, lists and calls its tools.
public import JSON
import Synchronization

/// The deadlines and limits of a client. Times are in milliseconds.
public struct ClientLimits: Sendable, Hashable {
    /// For the answer to `server/discover`, counted from the start of the server.
    public var probe: Int
    /// For the answer to `initialize`.
    public var handshake: Int
    /// For each page of `tools/list`.
    public var list: Int
    /// Tools that one server may list.
    public var tools: Int
    /// Pages of `tools/list`: a server could send empty ones for ever.
    public var pages: Int
    /// Between an unexpected end and the first new start; doubled with each further one, up to thirty times.
    public var restart: Int

    /// These limits; see the members.
    public init(
        probe: Int = 10_000, handshake: Int = 30_000, list: Int = 30_000, tools: Int = 10_000, pages: Int = 200, restart: Int = 1000
    ) {
        self.probe = probe
        self.handshake = handshake
        self.list = list
        self.tools = tools
        self.pages = pages
        self.restart = restart
    }
}

/// What a server said of itself. All of it is the server's own word.
public struct PeerDescription: Sendable, Hashable {
    /// The server's name.
    public var name: String
    /// The server's version.
    public var version: String
    /// How its tools are meant to be used.
    public var instructions: String?
    /// The revision that was agreed on.
    public var protocolVersion: ProtocolVersion
    /// The server tells when its tools change.
    public var announcesTools: Bool
}

/// What `tools/list` gave.
public struct ToolListing: Sendable, Hashable {
    /// The tools of all pages, in the server's order.
    public var tools: [ToolDefinition] = []
    /// How many entries were left out, since they have no name.
    public var nameless = 0
}

/// A client of one server. It connects at the first use, and again after the server has died, not sooner than its back-off allows.
public actor MCPClient {
    private enum State {
        case idle
        case connecting(Task<Result<ClientConnection, MCPClientError>, Never>)
        case connected(ClientConnection)
        case failed(MCPClientError, retry: ContinuousClock.Instant)
        case closed
    }

    private let client: ClientDescription
    private let limits: ClientLimits
    private let makeTransport: @Sendable () throws(TransportError) -> any Transport
    private let changes: ToolChanges
    private var state = State.idle
    private var failures = 0
    /// What the server turned out to speak: asked once, kept for its next start.
    private var era: Era?

    /// What the server said of itself, once connected.
    public private(set) var peer: PeerDescription?

    /// `transport` makes a new connection each time: a legacy server is started anew after the probe.
    public init(
        _ client: ClientDescription, limits: ClientLimits = ClientLimits(),
        transport: @escaping @Sendable () throws(TransportError) -> any Transport
    ) {
        self.client = client
        self.limits = limits
        makeTransport = transport
        changes = ToolChanges()
    }

    /// Connects if that has not happened yet.
    public func connect() async throws(MCPClientError) { _ = try await connection() }

    /// Counts the times that the server has announced other tools, or was started anew: a cached list is good for one value.
    public nonisolated var toolsGeneration: Int { changes.count }

    /// Every tool of the server, all pages, in its order.
    public func listTools() async throws(MCPClientError) -> ToolListing {
        let connection = try await connection()
        var listing = ToolListing()
        var pages = 0
        var seen: Set<String> = []
        var cursor: String?
        repeat {
            guard pages < limits.pages else { throw .invalidResponse("more than \(limits.pages) pages of tools") }
            pages += 1
            var params = JSONObject()
            if let cursor { params["cursor"] = .string(cursor) }
            let page = try await connection.request(ToolList.method, params, milliseconds: limits.list).get()
            let entries = page["tools"]?.arrayValue ?? []
            let tools = entries.compactMap(ToolDefinition.init(wire:))
            listing.tools += tools
            listing.nameless += entries.count - tools.count
            guard listing.tools.count + listing.nameless <= limits.tools else { throw .invalidResponse("more than \(limits.tools) tools") }
            cursor = page["nextCursor"]?.stringValue
            if let cursor, !seen.insert(cursor).inserted {
                throw .invalidResponse("tools/list repeats the cursor \"\(cursor.prefix(64))\"")
            }
        } while cursor != nil
        return listing
    }

    /// Calls a tool. At the deadline, or when this task is cancelled, the server is told and lives on. `onProgress` runs on the reading thread.
    public func callTool(
        _ name: String, arguments: JSONObject, milliseconds: Int = 60_000,
        onProgress: (@Sendable (ProgressReport) -> Void)? = nil
    ) async throws(MCPClientError) -> ToolResult {
        let params = JSONObject([("name", .string(name)), ("arguments", .object(arguments))])
        let answer = try await connection().request(
            ToolCall.method, params, milliseconds: milliseconds, onProgress: onProgress)
        return ToolResult(wire: try answer.get())
    }

    /// Ends the connection, and a child that we started with it.
    public func close() async {
        let last = state
        state = .closed
        switch last {
        case .connected(let connection): await connection.close()
        case .connecting(let attempt):
            attempt.cancel()
            if case .success(let connection) = await attempt.value { await connection.close() }
        case .idle, .failed, .closed: break
        }
    }

    // MARK: Connecting

    private func connection() async throws(MCPClientError) -> ClientConnection {
        switch state {
        case .closed: throw .closed
        case .connecting(let attempt): return try await outcome(of: attempt)
        case .connected(let connection):
            guard let end = connection.end else { return connection }
            await connection.close()
            if case .connected(let current) = state, current === connection { fail(end) }
            return try await self.connection()
        case .failed(let error, let retry):
            guard ContinuousClock.now >= retry else { throw error }
        case .idle: break
        }
        // Safe: the attempt settles `state` itself, whoever still waits for it, and `close` awaits it.
        let attempt = Task {
            let result = await self.open()
            self.settle(result)
            return result
        }
        state = .connecting(attempt)
        return try await outcome(of: attempt)
    }

    /// Waits for an attempt to connect, but no longer than the waiting task is wanted; the attempt goes on for the next caller.
    private func outcome(of attempt: Task<Result<ClientConnection, MCPClientError>, Never>) async throws(MCPClientError) -> ClientConnection {
        guard let result = await attempt.valueUnlessCancelled() else { throw .cancelled }
        if case .closed = state { throw .closed }
        return try result.get()
    }

    /// Keeps what an attempt came to, unless the client was closed meanwhile: then `close` ends the connection.
    private func settle(_ result: Result<ClientConnection, MCPClientError>) {
        guard case .connecting = state else { return }
        switch result {
        case .success(let connection): state = .connected(connection)
        case .failure(let error): fail(error)
        }
    }

    private func fail(_ error: MCPClientError) {
        let delay = limits.restart * min(30, 1 << min(failures, 10))
        failures += 1
        state = .failed(error, retry: .now + .milliseconds(delay))
        changes.add()
    }

    private func open() async -> Result<ClientConnection, MCPClientError> {
        do throws(MCPClientError) {
            if era != .legacy, let connection = try await openModern() { return .success(connection) }
            return .success(try await openLegacy())
        } catch {
            return .failure(error)
        }
    }

    private func start(_ version: ProtocolVersion?) throws(MCPClientError) -> ClientConnection {
        do throws(TransportError) {
            let session = ClientSession(client: client, version: version)
            return try ClientConnection(session, over: makeTransport(), onToolsChanged: { [changes] in changes.add() })
        } catch {
            throw .cannotConnect(error)
        }
    }

    /// Asks `server/discover`. Nil, with nothing left running, when the server does not speak our modern version: any error, any silence means legacy.
    private func openModern() async throws(MCPClientError) -> ClientConnection? {
        let connection = try start(.latestModern)
        let answer = await connection.request(Discover.method, milliseconds: limits.probe)
        if case .success(let result) = answer, let named = result["supportedVersions"]?.arrayValue,
            named.contains(.string(ProtocolVersion.latestModern.rawValue))
        {
            let information = result["_meta"]?[MetaKey.serverInfo]
            describe(information, result, .latestModern)
            era = .modern
            if peer?.announcesTools == true {
                connection.requestWithoutWaiting(
                    "subscriptions/listen", JSONObject([("notifications", ["toolsListChanged": true])]))
            }
            return connection
        }
        await connection.close()
        if Task.isCancelled { throw .cancelled }
        if case .failure(.refused(let error)) = answer, error.code == RPCError.unsupportedVersionCode {
            let named = error.data?["supported"]?.arrayValue?.compactMap(\.stringValue) ?? []
            let common = named.compactMap(ProtocolVersion.init(rawValue:)).filter { $0.era == .legacy }
            if !named.isEmpty && common.isEmpty { throw .noCommonVersion(named) }
        }
        return nil
    }

    private func openLegacy() async throws(MCPClientError) -> ClientConnection {
        let connection = try start(nil)
        let params = JSONObject([
            ("protocolVersion", .string(ProtocolVersion.latestLegacy.rawValue)), ("capabilities", [:]),
            ("clientInfo", client.implementation),
        ])
        do throws(MCPClientError) {
            let result = try await connection.request(Initialize.method, params, milliseconds: limits.handshake).get()
            let named = result["protocolVersion"]?.stringValue ?? ""
            guard let version = ProtocolVersion(rawValue: named), version.era == .legacy else { throw .noCommonVersion([named]) }
            connection.agree(on: version)
            connection.notify("notifications/initialized")
            describe(result["serverInfo"], result, version)
            era = .legacy
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }

    private func describe(_ information: JSONValue?, _ result: JSONValue, _ version: ProtocolVersion) {
        failures = 0
        peer = PeerDescription(
            name: information?["name"]?.stringValue ?? "", version: information?["version"]?.stringValue ?? "",
            instructions: result["instructions"]?.stringValue, protocolVersion: version,
            announcesTools: result["capabilities"]?["tools"]?["listChanged"]?.boolValue ?? false)
    }
}

/// Counts changes of a server's tools, from whatever thread hears of them.
private final class ToolChanges: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
}
