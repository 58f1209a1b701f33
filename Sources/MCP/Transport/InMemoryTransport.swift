// Two ends of a connection within one process, for tests and for a client and a server that live together.
import Synchronization

/// One end of a pair: what it sends, the other end receives as a line, on a task of its own.
public final class InMemoryTransport: Transport {
    private struct State {
        var events: AsyncStream<TransportEvent>.Continuation?
        var delivery: Task<Void, Never>?
        var early: [TransportEvent] = []
        var hasEnded = false
    }

    private let state = Mutex(State())
    /// Safe: set once by `pair`, before either end is handed out; weak references would let a running end vanish.
    private nonisolated(unsafe) weak var peer: InMemoryTransport?

    private init() {}

    /// Two ends that are connected with each other. Keep both.
    public static func pair() -> (InMemoryTransport, InMemoryTransport) {
        let (one, other) = (InMemoryTransport(), InMemoryTransport())
        unsafe one.peer = other
        unsafe other.peer = one
        return (one, other)
    }

    /// Begins to hand over what the other end sends.
    public func start(_ receive: @escaping @Sendable (TransportEvent) -> Void) throws(TransportError) {
        let (events, feed) = AsyncStream.makeStream(of: TransportEvent.self)
        let isFirst = state.withLock { state in
            guard state.events == nil else { return false }
            state.events = feed
            // Safe: `close` awaits this task.
            state.delivery = Task { for await event in events { receive(event) } }
            for event in state.early { feed.yield(event) }
            state.early = []
            if state.hasEnded { feed.finish() }
            return true
        }
        guard isFirst else { throw .alreadyStarted }
    }

    /// Hands a frame to the other end.
    public func send(_ frame: Frame) { sendRaw(frame.bytes) }

    /// Sends bytes as they are, split into lines; for tests of hostile input.
    public func sendRaw(_ bytes: [UInt8]) {
        guard !state.withLock({ $0.hasEnded }) else { return }
        var splitter = LineSplitter(limit: PipeLimits().line)
        var events: [TransportEvent] = []
        unsafe bytes.withUnsafeBufferPointer { unsafe splitter.push($0) { events.append($0) } }
        splitter.finish { events.append($0) }
        for event in events { unsafe peer?.deliver(event) }
    }

    /// Closes this end; the other one hears of the end of its input.
    public func close() async {
        unsafe peer?.end(.endOfInput)
        end(.closed)
        await state.withLock { $0.delivery }?.value
    }

    private func deliver(_ event: TransportEvent) {
        state.withLock { state in
            if state.hasEnded { return }
            if let events = state.events { events.yield(event) } else { state.early.append(event) }
        }
    }

    private func end(_ reason: Disconnection) {
        deliver(.closed(reason))
        state.withLock { state in
            state.hasEnded = true
            state.events?.finish()
        }
    }
}
