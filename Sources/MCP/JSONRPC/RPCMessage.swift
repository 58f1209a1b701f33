// One JSON-RPC message, told by its members.
public import JSON

/// A JSON-RPC 2.0 message. Parameters are an object; absent ones read as the empty object.
public enum RPCMessage: Sendable, Hashable {
    /// A request, to be answered once.
    case request(RequestID, method: String, params: JSONObject)
    /// A notification, never answered.
    case notification(method: String, params: JSONObject)
    /// The identifier is nil in an error about a message whose identifier the peer could not read.
    case response(RequestID?, Result<JSONValue, RPCError>)
}

/// A JSON value that is no JSON-RPC message, with the identifier to answer under if it has a readable one.
public struct MalformedMessage: Error, Sendable, Hashable {
    /// The identifier of the message, where it could be read.
    public var id: RequestID?
    /// What to answer.
    public var error: RPCError
}

extension RPCMessage {
    /// Reads a message by its members. Unknown members are ignored; only those that are used are checked.
    public init(_ json: JSONValue) throws(MalformedMessage) {
        guard case .object(let members) = json else {
            throw MalformedMessage(id: nil, error: .invalidRequest("a message is a JSON object, not \(json.typeName)"))
        }
        let rawID = members["id"]
        let id = RequestID(rawID)
        guard members["jsonrpc"] == .string("2.0") else {
            throw MalformedMessage(id: id, error: .invalidRequest("\"jsonrpc\" must be \"2.0\""))
        }
        guard let rawMethod = members["method"] else {
            self = try RPCMessage.response(members, id: id)
            return
        }
        guard rawID == nil || id != nil else {
            throw MalformedMessage(id: nil, error: .invalidRequest("\"id\" must be a string or an integer"))
        }
        guard case .string(let method) = rawMethod else {
            throw MalformedMessage(id: id, error: .invalidRequest("\"method\" must be a string"))
        }
        let params: JSONObject
        switch members["params"] {
        case nil: params = JSONObject()
        case .object(let object): params = object
        case .some where id == nil: params = JSONObject()  // a notification is never answered, not even a wrong one
        case .some(let other):
            throw MalformedMessage(id: id, error: .invalidParams("\"params\" must be an object, not \(other.typeName)"))
        }
        self = id.map { .request($0, method: method, params: params) } ?? .notification(method: method, params: params)
    }

    private static func response(_ members: JSONObject, id: RequestID?) throws(MalformedMessage) -> RPCMessage {
        if let error = members["error"] { return .response(id, .failure(RPCError(wire: error))) }
        if let result = members["result"], let id { return .response(id, .success(result)) }
        throw MalformedMessage(id: id, error: .invalidRequest("a message has a \"method\", a \"result\" or an \"error\""))
    }
}
