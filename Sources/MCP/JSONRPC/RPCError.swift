// What a JSON-RPC request is refused with.
public import JSON

/// An error reply: the code's meaning is fixed by JSON-RPC 2.0 and by the revision 2026-07-28 (section "Error codes").
public struct RPCError: Error, Sendable, Hashable {
    /// The number (JSON-RPC 2.0, section 5.1).
    public var code: Int
    /// A sentence.
    public var message: String
    /// What a program can use.
    public var data: JSONValue?

    /// An error; see the members.
    public init(code: Int, message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    /// −32700: the bytes are not JSON.
    public static func parseError(_ message: String) -> RPCError { RPCError(code: -32700, message: message) }
    /// −32600: JSON, but no JSON-RPC message.
    public static func invalidRequest(_ message: String) -> RPCError { RPCError(code: -32600, message: message) }
    /// −32601: this server has no such method (in the era of the request).
    public static func methodNotFound(_ method: String) -> RPCError {
        RPCError(code: -32601, message: "Method not found: \(method)")
    }
    /// −32602: the method exists, its parameters are wrong; also an unknown tool and a bad cursor.
    public static func invalidParams(_ message: String) -> RPCError { RPCError(code: -32602, message: message) }
    /// −32603: our fault.
    public static func internalError(_ message: String) -> RPCError { RPCError(code: -32603, message: message) }
    /// −32022: a protocol version that is not spoken here, with those that are.
    public static func unsupportedVersion(_ requested: String) -> RPCError {
        let supported = ProtocolVersion.allCases.filter { $0.era == .modern }.map { JSONValue.string($0.rawValue) }
        return RPCError(
            code: RPCError.unsupportedVersionCode, message: "Unsupported protocol version: \(requested)",
            data: .object(JSONObject([("supported", .array(supported)), ("requested", .string(requested))])))
    }

    static let unsupportedVersionCode = -32022

    /// Reads the `error` member of a response; what is missing is filled in, so that a sloppy peer's error is still an error.
    public init(wire value: JSONValue) {
        code = value["code"]?.intValue ?? -32603
        message = value["message"]?.stringValue ?? "error without a message"
        data = value["data"]
    }

    /// The `error` member of a response.
    public var json: JSONValue {
        var object = JSONObject([("code", .number(JSONNumber(code))), ("message", .string(message))])
        if let data { object["data"] = data }
        return .object(object)
    }
}

extension RPCError: CustomStringConvertible {
    /// The sentence and the number.
    public var description: String { "\(message) (\(code))" }
}
