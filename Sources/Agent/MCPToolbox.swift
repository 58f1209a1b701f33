// The tools of MCP servers, as one toolbox: each server on its own, so that one that fails takes no other with it.
public import Chat
import Engine
import JSON
public import MCP

/// Starts the servers of a configuration and offers their tools. `close` ends the servers; call it when the run is over.
public actor MCPToolbox: Toolbox {
    /// How names are made.
    public enum Naming: Sendable, Hashable {
        /// A tool keeps its name unless another server has one of that name; then each gets its server's name before it.
        case prefixOnCollision
        /// Every tool gets its server's name before it.
        case alwaysPrefix
    }

    private struct Server {
        let name: String
        let client: MCPClient
        let timeout: Int
        var tools: [ToolDefinition] = []
        var promises = OutputPromises([])
        /// The state of the server's announcements when `tools` was listed; nil before.
        var generation: Int?
        var problem: String?
        /// What is wrong with the list of a server that works.
        var warning: String?
    }

    private var servers: [Server]
    private let refused: [MCPConfiguration.Refusal]
    private let naming: Naming
    private var owners: [String: Owner] = [:]

    /// Where a tool's calls go.
    private struct Owner {
        let client: MCPClient
        let name: String
        let timeout: Int
        let promises: OutputPromises
    }

    /// Nothing is started before `tools()`. `callTime`: milliseconds for each call where the configuration does not say.
    public init(
        _ configuration: MCPConfiguration, client: ClientDescription = ClientDescription(name: "sirocco", version: "1"),
        naming: Naming = .prefixOnCollision,
        limits: ClientLimits = ClientLimits(), callTime: Int = 60_000
    ) {
        self.naming = naming
        refused = configuration.refused
        servers = configuration.servers.map { server in
            let command = ChildProcess.Command(
                program: server.command, arguments: server.arguments, environment: server.environment, directory: server.directory)
            return Server(
                name: server.name,
                client: MCPClient(client, limits: limits) { () throws(TransportError) in try ChildProcess(command) },
                timeout: server.timeout ?? callTime)
        }
    }

    /// A toolbox over clients that exist, by name; for servers within this process.
    public init(clients: [(name: String, client: MCPClient)], naming: Naming = .prefixOnCollision, callTime: Int = 60_000) {
        self.naming = naming
        refused = []
        servers = clients.map { Server(name: $0.name, client: $0.client, timeout: callTime) }
    }

    /// Starts the servers that do not run, all at the same time, and lists the tools of those that work, in the configuration's order.
    public func tools() async throws(AgentError) -> [ToolSpec] {
        let stale = servers.indices.filter { servers[$0].generation != servers[$0].client.toolsGeneration || servers[$0].problem != nil }
        let listings = await withTaskGroup(of: Listing.self) { group in
            for index in stale {
                let client = servers[index].client
                group.addTask { await MCPToolbox.listing(of: client, at: index) }
            }
            var listings: [Listing] = []
            for await listing in group { listings.append(listing) }
            return listings
        }
        for listing in listings {
            servers[listing.index].generation = listing.generation
            switch listing.tools {
            case .success(let list):
                servers[listing.index].tools = list.tools
                servers[listing.index].promises = listing.promises
                let warnings = (list.nameless == 0 ? [] : ["tools without a name, left out: \(list.nameless)"]) + listing.promises.uncheckable
                servers[listing.index].warning = warnings.isEmpty ? nil : warnings.joined(separator: "; ")
                servers[listing.index].problem = nil
            case .failure(let error):
                servers[listing.index].tools = []
                servers[listing.index].warning = nil
                servers[listing.index].problem = "\(error)"
            }
        }
        return nameTools()
    }

    /// What one server answered when it was asked for its tools.
    private struct Listing: Sendable {
        let index: Int
        let generation: Int
        let tools: Result<ToolListing, MCPClientError>
        var promises = OutputPromises([])
    }

    private static func listing(of client: MCPClient, at index: Int) async -> Listing {
        let generation = client.toolsGeneration
        do throws(MCPClientError) {
            let list = try await client.listTools()
            return Listing(index: index, generation: generation, tools: .success(list), promises: await promises(of: list.tools))
        } catch {
            return Listing(index: index, generation: generation, tools: .failure(error))
        }
    }

    private static func promises(of tools: [ToolDefinition]) async -> OutputPromises {
        do { return try await onOwnThread { OutputPromises(tools) } } catch {
            return OutputPromises(unread: "the output schemas were not read: \(error)")
        }
    }

    /// What does not work, while the rest does: a sentence for each entry that was refused, and for each server that failed, or
    /// listed tools that cannot be read, when `tools()` was asked last.
    public var problems: [String] {
        refused.map(\.description) + servers.compactMap { server in (server.problem ?? server.warning).map { "\(server.name): \($0)" } }
    }

    /// Asks the server that owns the tool; whatever goes wrong, a result that breaks its tool's own output schema included, is text.
    public func call(_ call: ToolCall) async -> ToolOutput {
        guard let owner = owners[call.name] else { return ToolOutput("There is no tool named \"\(call.name)\".", isError: true) }
        guard case .object(let arguments) = call.arguments else {
            return ToolOutput("The arguments must be an object, not \(call.arguments.typeName).", isError: true)
        }
        do {
            let result = try await owner.client.callTool(owner.name, arguments: arguments, milliseconds: owner.timeout)
            let promises = owner.promises
            if promises.covers(owner.name), let breach = try await onOwnThread({ promises.breach(by: result, of: owner.name) }) {
                return ToolOutput("The tool's result is withheld, since it does not fit its own output schema: \(breach)", isError: true)
            }
            return ToolOutput(MCPToolbox.text(of: result), isError: result.isError)
        } catch {
            return ToolOutput("The tool failed: \(error)", isError: true)
        }
    }

    /// Ends every server, all at the same time.
    public func close() async {
        let clients = servers.map(\.client)
        await withDiscardingTaskGroup { group in
            for client in clients { group.addTask { await client.close() } }
        }
    }

    /// The names that the model sees, each once, of letters, digits, `_` and `-`, at most 64; the order is that of the servers and their lists.
    private func nameTools() -> [ToolSpec] {
        var timesUsed: [String: Int] = [:]
        for server in servers {
            for tool in server.tools { timesUsed[MCPToolbox.plain(tool.name), default: 0] += 1 }
        }
        owners = [:]
        var specs: [ToolSpec] = []
        for server in servers {
            for tool in server.tools {
                let short = MCPToolbox.plain(tool.name)
                let isUnique = timesUsed[short] == 1
                let wanted = naming == .prefixOnCollision && isUnique ? short : MCPToolbox.plain("\(server.name)_\(tool.name)")
                var name = wanted
                var suffix = 2
                while owners[name] != nil || (name != short && timesUsed[name] != nil) {
                    let ending = "_\(suffix)"
                    name = wanted.prefix(64 - ending.count) + ending
                    suffix += 1
                }
                owners[name] = Owner(client: server.client, name: tool.name, timeout: server.timeout, promises: server.promises)
                specs.append(ToolSpec(name: name, description: tool.description ?? tool.title, inputSchema: tool.inputSchema))
            }
        }
        return specs
    }

    static func plain(_ name: String) -> String {
        let scalars = name.unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_", "-": Character(scalar)
            default: "_"
            }
        }
        return String(scalars.prefix(64))
    }

    /// What the model reads: the texts, or the structured content when there is no text; anything else in a line. JSON is written on one line with spaces, as
    /// models know it, whatever indentation the server chose.
    static func text(of result: ToolResult) -> String {
        let texts = result.content.compactMap { if case .text(let text) = $0, !text.isEmpty { text } else { nil } }
        if texts.isEmpty, let structured = result.structuredContent {
            return ([structured.text(.spaced)] + result.content.compactMap(description)).joined(separator: "\n")
        }
        if texts.count == 1, result.content.count == 1, let first = texts[0].utf8.first(where: { $0 > 0x20 }),
            [0x7B, 0x5B].contains(first),
            let json = try? JSONValue(parsing: texts[0])
        {
            return json.text(.spaced)
        }
        return result.content.compactMap(description).joined(separator: "\n")
    }

    private static func description(_ block: ContentBlock) -> String? {
        switch block {
        case .text(let text): text.isEmpty ? nil : text
        case .resource(_, _, let text?, _): text
        case .image(let data, let mimeType): "[image \(mimeType), about \(data.utf8.count / 4 * 3) bytes, not shown]"
        case .audio(let data, let mimeType): "[audio \(mimeType), about \(data.utf8.count / 4 * 3) bytes, not shown]"
        case .resourceLink(let uri, let name, _): name == uri ? "[resource \(uri)]" : "[resource \(name): \(uri)]"
        case .resource(let uri, _, nil, _): "[resource \(uri), not text]"
        case .other(let value): "[content of type \(value["type"]?.text() ?? "unknown"), not shown]"
        }
    }
}
