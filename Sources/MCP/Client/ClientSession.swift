// The client's side of a connection as a pure state machine: requests out, answers matched by id, whatever the server asks answered or refused.
import JSON

/// Who we are, for servers.
public struct ClientDescription: Sendable, Hashable {
    /// The program's name.
    public var name: String
    /// The program's version.
    public var version: String

    /// A description of these two.
    public init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    var implementation: JSONValue { ["name": .string(name), "version": .string(version)] }
}

/// A progress notification about one of our requests.
public struct ProgressReport: Sendable, Hashable {
    /// How far the work has come, in a number that rises.
    public var progress: Double
    /// What the number rises to, where the server knows.
    public var total: Double?
    /// What is being done, for people.
    public var message: String?
}

/// What is to be done after an event, in this order.
enum ClientAction: Sendable, Hashable {
    case send(Frame)
    /// A request of ours is over.
    case complete(RequestID, Result<JSONValue, MCPClientError>)
    case progress(RequestID, ProgressReport)
    /// The server's tools are no longer those that it listed.
    case toolsChanged
}

struct ClientSession: Sendable {
    /// The version that requests carry; nil before a legacy server has agreed on one.
    var version: ProtocolVersion?
    private let client: ClientDescription
    private var waiting: [RequestID: String] = [:]
    private var lastID = 0

    init(client: ClientDescription, version: ProtocolVersion?) {
        self.client = client
        self.version = version
    }

    /// A new request. Its identifier is its progress token too.
    mutating func request(_ method: String, _ params: JSONObject, wantsProgress: Bool) -> (id: RequestID, frame: Frame) {
        lastID += 1
        let id = RequestID(lastID)
        waiting[id] = method
        return (id, .request(id, method: method, params: complete(params, token: wantsProgress ? id : nil)))
    }

    /// The reply is no longer wanted; one that comes nevertheless is ignored. Only `initialize` must not be cancelled.
    mutating func abandon(_ id: RequestID, reason: String, as error: MCPClientError) -> [ClientAction] {
        guard let method = waiting.removeValue(forKey: id) else { return [] }
        let notice: [ClientAction] = method == Initialize.method ? [] : [.send(Cancellation.frame(id, reason: reason))]
        return notice + [.complete(id, .failure(error))]
    }

    /// Forgets a request that was never sent; false when it is not waiting any more.
    mutating func withdraw(_ id: RequestID) -> Bool { waiting.removeValue(forKey: id) != nil }

    /// The server has gone: what it was doing for us may or may not be done.
    mutating func disconnected(_ error: MCPClientError) -> [ClientAction] {
        defer { waiting = [:] }
        return waiting.keys.map { .complete($0, .failure(error)) }
    }

    /// One line from the server. What cannot be read is ignored: it may be a banner.
    mutating func receive(_ incoming: Incoming) -> [ClientAction] {
        switch incoming {
        case .unreadable(let id, let error):
            guard let id, waiting.removeValue(forKey: id) != nil else { return [] }
            return [.complete(id, .failure(.invalidResponse(error.message)))]
        case .message(.array(let messages), _): return messages.flatMap { receive($0) }
        case .message(let json, _): return receive(json)
        }
    }

    private mutating func receive(_ json: JSONValue) -> [ClientAction] {
        guard let message = try? RPCMessage(json) else { return [] }
        switch message {
        case .response(let id, let result):
            guard let id, waiting.removeValue(forKey: id) != nil else { return [] }
            return [.complete(id, checked(result))]
        case .request(let id, Ping.method, _): return [.send(.reply(id, result: [:]))]
        case .request(let id, let method, _): return [.send(.refusal(id, .methodNotFound(method)))]
        case .notification(ProgressGate.method, let params): return progress(params)
        case .notification("notifications/tools/list_changed", _): return [.toolsChanged]
        case .notification: return []
        }
    }

    /// A result of the modern era says its type; we declare no capability that would allow another one than "complete".
    private func checked(_ result: Result<JSONValue, RPCError>) -> Result<JSONValue, MCPClientError> {
        switch result {
        case .failure(let error): return .failure(.refused(error))
        case .success(let value):
            guard case .object = value else { return .failure(.invalidResponse("the result is \(value.typeName), not an object")) }
            switch value["resultType"] {
            case nil, .string("complete")?: return .success(value)
            case .some(let other): return .failure(.invalidResponse("a result of type \(other.text()) was not asked for"))
            }
        }
    }

    private func progress(_ params: JSONObject) -> [ClientAction] {
        guard let token = ProgressToken(params[MetaKey.progressToken]), waiting[token] != nil,
            let progress = params["progress"]?.doubleValue
        else { return [] }
        let report = ProgressReport(
            progress: progress, total: params["total"]?.doubleValue, message: params["message"]?.stringValue)
        return [.progress(token, report)]
    }

    private func complete(_ params: JSONObject, token: ProgressToken?) -> JSONObject {
        var meta = JSONObject()
        if let version, version.era == .modern {
            meta[MetaKey.protocolVersion] = .string(version.rawValue)
            meta[MetaKey.clientInfo] = client.implementation
            meta[MetaKey.clientCapabilities] = [:]
        }
        if let token { meta[MetaKey.progressToken] = token.json }
        var params = params
        if !meta.isEmpty { params["_meta"] = .object(meta) }
        return params
    }
}
