// A server: the session's actions carried out over a transport.
import JSON
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Offers a provider's tools over any transport, to clients of both eras.
public final class MCPServer: Sendable {
    private let description: ServerDescription
    private let provider: any ToolProvider
    private let limits: SessionLimits

    /// A server over these tools; nothing runs before `serve`.
    public init(description: ServerDescription, provider: any ToolProvider, limits: SessionLimits = SessionLimits()) {
        self.description = description
        self.provider = provider
        self.limits = limits
    }

    /// Serves one connection until it ends, and says why it did. Control messages, and calls whose answers are known, are answered on the transport's
    /// reading thread; tools run in tasks of this call: when it returns, nothing is left. A call whose client has gone is cancelled.
    public func serve(over transport: some Transport) async throws(TransportError) -> Disconnection {
        let (calls, feed) = AsyncStream.makeStream(of: ToolInvocation.self)
        let session = Session(server: description, tools: provider.tools(), limits: limits)
        let connection = ServerConnection(session: session, transport: transport, provider: provider, description: description, feed: feed)
        try transport.start { connection.receive($0) }
        await withDiscardingTaskGroup { group in
            for await call in calls {
                group.addTask { await connection.run(call) }
            }
            connection.receive(.closed(.closed))
            group.cancelAll()
        }
        await transport.close()
        return connection.end
    }
}

/// The state that the reading thread and the calls share, under one lock. Frames are handed to the transport under it too, so that what the session
/// decided first is written first: no progress after a reply.
private final class ServerConnection: Sendable {
    private struct RunningCall {
        let context: CallContext
        let task: TaskHandle
    }

    private struct State {
        var session: Session
        var calls: [CallKey: RunningCall] = [:]
        var end: Disconnection?
    }

    private let state: Mutex<State>
    private let transport: any Transport
    private let provider: any ToolProvider
    private let server: ServerDescription
    private let feed: AsyncStream<ToolInvocation>.Continuation

    init(
        session: Session, transport: any Transport, provider: any ToolProvider, description: ServerDescription,
        feed: AsyncStream<ToolInvocation>.Continuation
    ) {
        state = Mutex(State(session: session))
        self.transport = transport
        self.provider = provider
        self.server = description
        self.feed = feed
    }

    var end: Disconnection { state.withLock { $0.end ?? .closed } }

    /// An event of the transport, on its reading thread: the line is parsed outside the lock, every id is registered before its call is handed on.
    func receive(_ event: TransportEvent) {
        switch event {
        case .line(let line):
            let incoming = Incoming(line: line)
            perform { $0.receive(incoming) }
        case .oversizedLine(let prefix, let limit):
            let incoming = Incoming(oversized: prefix, limit: limit)
            perform { $0.receive(incoming) }
        case .closed(let reason):
            let isFirst = state.withLock { state in
                defer { state.end = state.end ?? reason }
                return state.end == nil
            }
            guard isFirst else { return }
            perform { $0.disconnected() }
            feed.finish()
        }
    }

    /// Runs one call to its reply, unless it was cancelled before it could begin.
    func run(_ call: ToolInvocation) async {
        let context = context(of: call.key)
        let task = TaskHandle.current
        let mayRun = state.withLock { state in
            guard state.session.isRunning(call.key) else { return false }
            state.calls[call.key] = RunningCall(context: context, task: task)
            return true
        }
        guard mayRun else { return }
        let outcome: Result<ToolResult, RPCError>
        do throws(RPCError) {
            outcome = .success(try await provider.call(call.name, arguments: .object(call.arguments), context: context))
        } catch {
            outcome = .failure(error)
        }
        finish(call, outcome)
    }

    /// Answers a call whose answer is known, on this thread, and hands any other on. Nothing can cancel it meanwhile: the reading thread is here.
    private func begin(_ call: ToolInvocation) {
        do throws(RPCError) {
            guard let result = try provider.answer(call.name, arguments: call.arguments, context: context(of: call.key)) else {
                feed.yield(call)
                return
            }
            finish(call, .success(result))
        } catch {
            finish(call, .failure(error))
        }
    }

    private func context(of key: CallKey) -> CallContext {
        CallContext(
            onProgress: { [self] value, total, message in
                perform { $0.progress(key, value, total: total, message: message, now: monotonicNanoseconds()) }
            },
            onLog: { [self] level, logger, data in
                perform { $0.log(key, level, logger: logger, data: data) }
            })
    }

    private func finish(_ call: ToolInvocation, _ outcome: Result<ToolResult, RPCError>) {
        let reply = call.reply(outcome, from: server)
        perform(ending: call.key) { $0.finished(call.key, with: reply) }
    }

    /// Tells the session and does what it says; calls begin after the lock, under which they could not log.
    private func perform(ending key: CallKey? = nil, _ event: (inout Session) -> [SessionAction]) {
        let calls = state.withLock { state in
            if let key { state.calls[key] = nil }
            var calls: [ToolInvocation] = []
            for action in event(&state.session) {
                switch action {
                case .send(let frame): transport.send(frame)
                case .call(let call): calls.append(call)
                case .cancel(let key):
                    guard let call = state.calls[key] else { continue }  // not begun: `run` will find it gone
                    call.context.cancel()
                    call.task.cancel()
                }
            }
            return calls
        }
        for call in calls { begin(call) }
    }
}

/// A child task that can be cancelled by itself.
///
/// Safe: a handle is in the connection's table only while its task runs, since `run` takes it out before it returns, under the same lock under which
/// `cancel` is called; and `cancel` is among the calls that another task may make.
@safe private struct TaskHandle: @unchecked Sendable {
    private let task: UnsafeCurrentTask?

    static var current: TaskHandle { unsafe withUnsafeCurrentTask { unsafe TaskHandle(task: $0) } }
    func cancel() { unsafe task?.cancel() }
}

/// Nanoseconds of a clock that never goes back.
private func monotonicNanoseconds() -> UInt64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}
