// One connection to a server: the client session's actions carried out, each request waiting on its own continuation.
import JSON
import Synchronization

final class ClientConnection: Sendable {
    typealias Answer = Result<JSONValue, MCPClientError>

    private struct Waiter {
        let continuation: CheckedContinuation<Answer, Never>
        let onProgress: (@Sendable (ProgressReport) -> Void)?
    }

    private struct State {
        var session: ClientSession
        var waiters: [RequestID: Waiter] = [:]
        /// Requests that were given up before they began to wait, and why.
        var withdrawn: [RequestID: MCPClientError] = [:]
        var end: MCPClientError?
    }

    private let state: Mutex<State>
    private let transport: any Transport
    private let onToolsChanged: @Sendable () -> Void

    /// Connects; nothing is sent yet.
    init(
        _ session: ClientSession, over transport: any Transport, onToolsChanged: @escaping @Sendable () -> Void
    ) throws(TransportError) {
        state = Mutex(State(session: session))
        self.transport = transport
        self.onToolsChanged = onToolsChanged
        try transport.start { self.receive($0) }
    }

    /// Why the connection no longer works; nil while it does.
    var end: MCPClientError? { state.withLock { $0.end } }

    /// Sends a request and waits for its answer, its deadline, its cancellation or the end of the connection, whichever comes first. The server is told of a
    /// request that is given up.
    func request(
        _ method: String, _ params: JSONObject = JSONObject(), milliseconds: Int,
        onProgress: (@Sendable (ProgressReport) -> Void)? = nil
    ) async -> Answer {
        let (id, frame) = prepare(method, params, wantsProgress: onProgress != nil)
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                guard (try? await Task.sleep(for: .milliseconds(milliseconds))) != nil else { return }
                self.abandon(id, reason: "timed out", as: .timedOut(method: method, milliseconds: milliseconds))
            }
            defer { group.cancelAll() }
            return await self.answer(to: id, frame, onProgress: onProgress)
        }
    }

    /// Names a request; nothing is sent yet. It has to be followed by `answer`.
    func prepare(_ method: String, _ params: JSONObject, wantsProgress: Bool) -> (id: RequestID, frame: Frame) {
        state.withLock { $0.session.request(method, params, wantsProgress: wantsProgress) }
    }

    /// Sends a prepared request and waits for its end; one that was abandoned meanwhile is not sent.
    func answer(to id: RequestID, _ frame: Frame, onProgress: (@Sendable (ProgressReport) -> Void)? = nil) async -> Answer {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.begin(id, frame, Waiter(continuation: continuation, onProgress: onProgress))
            }
        } onCancel: {
            self.abandon(id, reason: "cancelled", as: .cancelled)
        }
    }

    /// Sends a notification.
    func notify(_ method: String, _ params: JSONObject = JSONObject()) {
        transport.send(.notification(method, params: params))
    }

    /// Sends a request whose answer does not matter.
    func requestWithoutWaiting(_ method: String, _ params: JSONObject) {
        transport.send(prepare(method, params, wantsProgress: false).frame)
    }

    /// What a legacy server has agreed on.
    func agree(on version: ProtocolVersion) { state.withLock { $0.session.version = version } }

    func close() async {
        finish(.closed)
        await transport.close()
    }

    private func begin(_ id: RequestID, _ frame: Frame, _ waiter: Waiter) {
        let end = state.withLock { state in
            let withdrawal = state.withdrawn.removeValue(forKey: id)
            let end = state.end ?? withdrawal
            if end == nil { state.waiters[id] = waiter }
            return end
        }
        if let end { waiter.continuation.resume(returning: .failure(end)) } else { transport.send(frame) }
    }

    /// Gives a request up: it ends with this error, and the server is told if it knows of it.
    func abandon(_ id: RequestID, reason: String, as error: MCPClientError) {
        perform { state in
            if state.waiters[id] != nil { return state.session.abandon(id, reason: reason, as: error) }
            // Before `begin` the server knows nothing of the request: `begin` finds the withdrawal and sends nothing.
            if state.session.withdraw(id) { state.withdrawn[id] = error }
            return []
        }
    }

    /// An event of the transport, on its reading thread.
    private func receive(_ event: TransportEvent) {
        switch event {
        case .line(let line):
            let incoming = Incoming(line: line)
            perform { $0.session.receive(incoming) }
        case .oversizedLine(let prefix, let limit):
            perform { $0.session.receive(Incoming(oversized: prefix, limit: limit)) }
        case .closed(let reason):
            finish(.gone(reason, diagnostics: transport.diagnostics))
        }
    }

    private func finish(_ error: MCPClientError) {
        perform { state in
            state.end = state.end ?? error
            return state.session.disconnected(error)
        }
    }

    /// Decides under the lock, acts outside it: continuations and callbacks may come back to us.
    private func perform(_ event: (inout State) -> [ClientAction]) {
        var acts: [() -> Void] = []
        state.withLock { state in
            for action in event(&state) {
                switch action {
                case .send(let frame): acts.append { self.transport.send(frame) }
                case .complete(let id, let answer):
                    guard let waiter = state.waiters.removeValue(forKey: id) else { continue }
                    acts.append { waiter.continuation.resume(returning: answer) }
                case .progress(let id, let report):
                    guard let onProgress = state.waiters[id]?.onProgress else { continue }
                    acts.append { onProgress(report) }
                case .toolsChanged: acts.append { self.onToolsChanged() }
                }
            }
        }
        for act in acts { act() }
    }
}
