// The seam between the protocol and the work: who offers tools, and what a running call can say.
public import JSON
import Synchronization

/// Offers tools. `call` runs off the reading thread, several at a time; it is cancelled with its task. What can be said at once need not wait for that.
public protocol ToolProvider: Sendable {
    /// The tools, in a stable order, the same for the life of the provider. Must be quick: it is asked before any model is loaded.
    func tools() -> [ToolDefinition]

    /// The answer of a call, where it is known already; nil: it takes `call`. Asked first, on the reading thread, which it must not hold up: no waiting,
    /// no file, nothing that grows with what the caller sent. A call to another thread and back costs more than such an answer.
    func answer(_ name: String, arguments: JSONObject, context: CallContext) throws(RPCError) -> ToolResult?

    /// Runs a tool that `tools()` lists. A failure of the work is a result with `isError`; an `RPCError` is for what the protocol itself refuses.
    func call(_ name: String, arguments: JSONValue, context: CallContext) async throws(RPCError) -> ToolResult
}

extension ToolProvider {
    /// Nothing is known before it is called.
    public func answer(_ name: String, arguments: JSONObject, context: CallContext) throws(RPCError) -> ToolResult? { nil }
}

/// What a running call can tell its caller. Safe to use from any thread; after the call has ended nothing is sent.
public final class CallContext: Sendable {
    private let cancelled = Atomic<Bool>(false)
    private let onProgress: @Sendable (Double, Double?, String?) -> Void
    private let onLog: @Sendable (LogLevel, String?, JSONValue) -> Void

    /// A context for calls that come from elsewhere than a connection; both sinks may be left out.
    public init(
        onProgress: @escaping @Sendable (_ progress: Double, _ total: Double?, _ message: String?) -> Void = { _, _, _ in },
        onLog: @escaping @Sendable (_ level: LogLevel, _ logger: String?, _ data: JSONValue) -> Void = { _, _, _ in }
    ) {
        self.onProgress = onProgress
        self.onLog = onLog
    }

    /// True once the caller no longer wants the answer, or has gone.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// Reports progress: `progress` must rise; sent only if the caller asked, at most twice a second.
    public func progress(_ progress: Double, total: Double? = nil, message: String? = nil) { onProgress(progress, total, message) }

    /// Logs to the client, if it asked for this level.
    public func log(_ level: LogLevel, _ data: JSONValue, logger: String? = nil) { onLog(level, logger, data) }

    func cancel() { cancelled.store(true, ordering: .relaxed) }
}
