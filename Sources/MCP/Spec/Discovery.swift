// The stateless era (2026-07-28): what each request says of itself in `_meta`, and `server/discover`.
import JSON

/// The names that the specification reserves in `_meta`.
enum MetaKey {
    static let protocolVersion = "io.modelcontextprotocol/protocolVersion"
    static let clientCapabilities = "io.modelcontextprotocol/clientCapabilities"
    static let clientInfo = "io.modelcontextprotocol/clientInfo"
    static let logLevel = "io.modelcontextprotocol/logLevel"
    static let serverInfo = "io.modelcontextprotocol/serverInfo"
    static let progressToken = "progressToken"
}

/// The parts of a request's `_meta` that this server uses, checked.
struct RequestMeta {
    var era: Era
    var progressToken: ProgressToken?
    /// Modern requests only; legacy ones set the level of their connection with `logging/setLevel`.
    var logLevel: LogLevel?

    init(_ params: JSONObject) throws(RPCError) {
        let meta: JSONObject
        switch params["_meta"] {
        case nil: meta = JSONObject()
        case .object(let object)?: meta = object
        case .some(let other): throw .invalidParams("\"_meta\" must be an object, not \(other.typeName)")
        }
        era = meta[MetaKey.protocolVersion] == nil ? .legacy : .modern
        if let raw = meta[MetaKey.progressToken] {
            guard let token = ProgressToken(raw) else {
                throw .invalidParams("\"progressToken\" must be a string or an integer, not \(raw.typeName)")
            }
            progressToken = token
        }
        if era == .modern { try readModern(meta) }
    }

    private mutating func readModern(_ meta: JSONObject) throws(RPCError) {
        guard case .string(let requested)? = meta[MetaKey.protocolVersion] else {
            throw .invalidParams("\"\(MetaKey.protocolVersion)\" must be a string")
        }
        guard let version = ProtocolVersion(rawValue: requested), version.era == .modern else {
            throw .unsupportedVersion(requested)
        }
        guard case .object? = meta[MetaKey.clientCapabilities] else {
            throw .invalidParams("\"_meta\" must have \"\(MetaKey.clientCapabilities)\", an object")
        }
        if let raw = meta[MetaKey.logLevel] {
            guard let level = raw.stringValue.flatMap(LogLevel.init(rawValue:)) else {
                throw .invalidParams("\"\(MetaKey.logLevel)\" must be one of \(LogLevel.names)")
            }
            logLevel = level
        }
    }
}

/// `server/discover`.
enum Discover {
    static let method = "server/discover"

    static func result(_ server: ServerDescription) -> JSONObject {
        let versions = ProtocolVersion.allCases.filter { $0.era == .modern }.map { JSONValue.string($0.rawValue) }
        var object = JSONObject([("supportedVersions", .array(versions)), ("capabilities", server.capabilities)])
        if let instructions = server.instructions { object["instructions"] = .string(instructions) }
        object.setCaching(server)
        return object
    }
}

extension JSONObject {
    /// What every result of the modern era carries beyond its own members.
    mutating func completeModern(_ server: ServerDescription) {
        self["resultType"] = "complete"
        self["_meta"] = .object(JSONObject([(MetaKey.serverInfo, server.implementation)]))
    }

    /// How long, and for whom, the answer may be kept: it is the same for everybody.
    mutating func setCaching(_ server: ServerDescription) {
        self["ttlMs"] = .number(JSONNumber(server.timeToLive))
        self["cacheScope"] = "public"
    }
}
