// What the session is told and what it answers: values, so that every rule is a table row.
public import JSON

/// The limits of one connection.
public struct SessionLimits: Sendable, Hashable {
    /// Tool calls that may run at the same time.
    public var calls: Int
    /// Bytes of requests whose calls are still running.
    public var bytes: Int

    /// These limits; see the members.
    public init(calls: Int = 1024, bytes: Int = 128 << 20) {
        self.calls = calls
        self.bytes = bytes
    }
}

/// One line from the client, parsed once.
public enum Incoming: Sendable {
    /// A message parsed, and the bytes that it came in.
    case message(JSONValue, bytes: Int)
    /// No message could be made of the line; the identifier is there if it could be saved.
    case unreadable(RequestID?, RPCError)

    /// Parses a line. What is no JSON (bad UTF-8, a lone surrogate, nesting beyond the limit included) is answered under its identifier if possible.
    public init(line: [UInt8]) {
        do throws(JSONError) {
            self = .message(try JSONValue(parsing: line), bytes: line.count)
        } catch {
            self = .unreadable(RequestID(salvaging: line), .parseError("Parse error: \(error)"))
        }
    }

    /// A line beyond the limit, of which only the beginning was kept.
    public init(oversized prefix: [UInt8], limit: Int) {
        self = .unreadable(RequestID(salvaging: prefix), .invalidRequest("the message is longer than \(limit) bytes"))
    }
}

/// Names one running call of a connection; never used twice, unlike the client's identifiers.
public struct CallKey: Sendable, Hashable { let serial: UInt64 }

/// A tool call that the session has accepted: the tool exists and the arguments are an object.
public struct ToolInvocation: Sendable {
    /// Names the call in this session.
    public let key: CallKey
    /// The client's identifier of the request.
    public let id: RequestID
    /// How the reply is to be written.
    public let era: Era
    /// The tool's name.
    public let name: String
    /// The arguments, not yet validated.
    public let arguments: JSONObject

    /// The reply to this call, serialised; pure, so that it can be made outside any lock.
    public func reply(_ outcome: Result<ToolResult, RPCError>, from server: ServerDescription) -> Frame {
        switch outcome {
        case .failure(let error): return .refusal(id, error)
        case .success(let result):
            var object = result.json(for: era)
            if era == .modern { object.completeModern(server) }
            return .reply(id, result: .object(object))
        }
    }
}

/// What is to be done, in this order.
public enum SessionAction: Sendable {
    /// To be written.
    case send(Frame)
    /// Start the tool; later tell the session `finished`.
    case call(ToolInvocation)
    /// Nobody waits for this call any more: stop it.
    case cancel(CallKey)
}
