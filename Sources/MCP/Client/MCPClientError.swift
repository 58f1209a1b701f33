// What can go wrong between us and a server.

/// A request that has no answer. A tool's own failure is a result, not an error.
public enum MCPClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no connection.
    case cannotConnect(TransportError)
    /// The server speaks none of our versions; those that it named.
    case noCommonVersion([String])
    /// The server answered with an error.
    case refused(RPCError)
    /// No answer came in time.
    case timedOut(method: String, milliseconds: Int)
    /// The caller has cancelled the request.
    case cancelled
    /// The connection ended; whatever was in flight may or may not have run. With the end of the server's standard error.
    case gone(Disconnection, diagnostics: String)
    /// The answer is not what the protocol allows.
    case invalidResponse(String)
    /// The client was closed.
    case closed

    /// The error as a sentence.
    public var description: String {
        switch self {
        case .cannotConnect(let error): return "\(error)"
        case .noCommonVersion(let versions): return "the server speaks only \(versions.joined(separator: ", "))"
        case .refused(let error): return "the server refused: \(error)"
        case .timedOut(let method, let milliseconds): return "\(method) was not answered within \(milliseconds) ms"
        case .cancelled: return "cancelled"
        case .gone(let reason, let diagnostics):
            let words = diagnostics.isEmpty ? "" : "; its last words: \(diagnostics.suffix(2000))"
            return "the server has gone (\(reason)); the request may or may not have run\(words)"
        case .invalidResponse(let reason): return "the server's answer is invalid: \(reason)"
        case .closed: return "the client was closed"
        }
    }
}
