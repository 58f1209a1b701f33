// Who a server is, and the legacy handshake: `initialize` (revisions up to 2025-11-25).
import JSON

/// What a server says of itself in `initialize` and `server/discover`.
public struct ServerDescription: Sendable, Hashable {
    /// The program's name.
    public var name: String
    /// The program's version.
    public var version: String
    /// A name for people.
    public var title: String?
    /// When to use this server, for the model that will; shown by hosts beside the tools.
    public var instructions: String?
    /// How long a client may keep the answers to `server/discover` and `tools/list`, in milliseconds (2026-07-28).
    public var timeToLive: Int

    /// A description; see the members.
    public init(name: String, version: String, title: String? = nil, instructions: String? = nil, timeToLive: Int = 300_000) {
        self.name = name
        self.version = version
        self.title = title
        self.instructions = instructions
        self.timeToLive = timeToLive
    }

    /// The `Implementation` object: name, title, version.
    var implementation: JSONValue {
        var object = JSONObject([("name", .string(name))])
        if let title { object["title"] = .string(title) }
        object["version"] = .string(version)
        return .object(object)
    }

    /// Tools and logging; the tool list is the same for the life of the process, so that `listChanged` is not declared.
    var capabilities: JSONValue { ["logging": [:], "tools": [:]] }
}

/// `initialize`: the parameters that are used, and the answer.
enum Initialize {
    static let method = "initialize"

    /// The version to speak: the client's if it is one of ours, else our latest of that era.
    static func negotiate(_ params: JSONObject) throws(RPCError) -> ProtocolVersion {
        guard case .string(let requested)? = params["protocolVersion"] else {
            throw .invalidParams("\"protocolVersion\" must be a string")
        }
        guard let version = ProtocolVersion(rawValue: requested), version.era == .legacy else { return .latestLegacy }
        return version
    }

    static func result(_ server: ServerDescription, _ version: ProtocolVersion) -> JSONValue {
        var object = JSONObject([
            ("protocolVersion", .string(version.rawValue)),
            ("capabilities", server.capabilities),
            ("serverInfo", server.implementation),
        ])
        if let instructions = server.instructions { object["instructions"] = .string(instructions) }
        return .object(object)
    }
}
