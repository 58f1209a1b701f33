// The server's side of stdio: standard input and output belong to the protocol from here on.
import CProcess
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Speaks over a pair of descriptors, those of the process as a rule: one reading thread, one writer of whole frames.
public final class StdioTransport: Transport {
    private struct State {
        var hasStarted = false
        var isRunning = false
        var reason: Disconnection?
    }

    private let input: Int32
    private let output: Int32
    private let wake: (reading: Int32, writing: Int32)
    private let limits: PipeLimits
    private let parent: pid_t?
    private let exitGrace: Int?
    private let state = Mutex(State())
    private let writer: FrameWriter
    private let failure: NotedFailure

    /// Takes standard input and output for the protocol: they move to private descriptors, `/dev/null` takes the place of standard input, and whatever
    /// prints to standard output prints to standard error from now on. Call it once, before anything else can print.
    ///
    /// The connection ends when either pipe does, or the parent process. `exitGrace`: the process then ends with status 0 after that many milliseconds,
    /// even when a tool does not stop; nil leaves that to the caller.
    public convenience init(limits: PipeLimits = PipeLimits(), exitGrace milliseconds: Int? = nil) throws(TransportError) {
        Descriptors.ignoreBrokenPipes()
        let input = fcntl(0, F_DUPFD_CLOEXEC, 3)
        guard input >= 0 else { throw .noDescriptor(0, errno: Int(errno)) }
        let output = fcntl(1, F_DUPFD_CLOEXEC, 3)
        guard output >= 0 else { throw .noDescriptor(1, errno: Int(errno)) }
        let nothing = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nothing >= 0, dup2(nothing, 0) == 0 else { throw .noDescriptor(0, errno: Int(errno)) }
        guard dup2(2, 1) == 1 || dup2(nothing, 1) == 1 else { throw .noDescriptor(1, errno: Int(errno)) }
        if nothing > 2 { Descriptors.close(nothing) }
        let parent = getppid()
        try self.init(input: input, output: output, limits: limits, parent: parent > 1 ? parent : nil, exitGrace: milliseconds)
    }

    /// Speaks over two descriptors and closes them at the end.
    init(
        input: Int32, output: Int32, limits: PipeLimits = PipeLimits(), parent: pid_t? = nil, exitGrace: Int? = nil
    ) throws(TransportError) {
        Descriptors.ignoreBrokenPipes()
        self.input = input
        self.output = output
        self.limits = limits
        self.parent = parent
        self.exitGrace = exitGrace
        let wake = try Descriptors.pipe()
        self.wake = wake
        let noted = NotedFailure(wake: wake.writing)
        failure = noted
        writer = FrameWriter(output, limits: limits) { noted.note($0) }
    }

    /// Begins to read standard input on a thread of its own.
    public func start(_ receive: @escaping @Sendable (TransportEvent) -> Void) throws(TransportError) {
        let isFirst = state.withLock { state in
            defer {
                state.hasStarted = true
                state.isRunning = true
            }
            return !state.hasStarted
        }
        guard isFirst else { throw .alreadyStarted }
        // Safe: `close` waits for this thread.
        guard Thread.start({ self.read(receive) }) else {
            state.withLock { $0.isRunning = false }
            throw .noThread(errno: Int(errno))
        }
    }

    /// Queues a frame for the protocol's output.
    public func send(_ frame: Frame) { writer.send(frame) }

    /// Writes what is queued, then ends.
    public func close() async {
        failure.note(.closed)
        writer.finish(milliseconds: 1000)
        while state.withLock({ $0.isRunning }) { try? await Task.sleep(for: .milliseconds(1)) }
        let isFirst = state.withLock { state in
            defer { state.reason = .closed }
            return state.reason == nil
        }
        guard isFirst else { return }
        Descriptors.close(input, output, wake.reading, wake.writing)
    }

    /// The reading thread.
    private func read(_ receive: (TransportEvent) -> Void) {
        var pump = DescriptorPump(input: input, output: output, wake: wake.reading, lineLimit: limits.line)
        if let parent {
            pump.process = cprocess_watch(parent)
            pump.hasProcessEnded = { getppid() != parent }
        }
        let end = unsafe pump.run(lines: receive, words: { _ in })
        if pump.process >= 0 { Descriptors.close(pump.process) }
        let reason: Disconnection =
            switch end {
            case .endOfInput: .endOfInput
            case .outputClosed: .peerStoppedReading
            case .woken: failure.reason ?? .closed
            case .processEnded: .parentEnded
            case .failed(let code): .failed(errno: Int(code))
            }
        receive(.closed(reason))
        if let exitGrace { waitForClose(milliseconds: exitGrace) }
        state.withLock { $0.isRunning = false }
    }

    /// Ends the process unless the connection is closed in time: a tool that does not stop must not keep it.
    private func waitForClose(milliseconds: Int) {
        var left = milliseconds
        while left > 0 {
            if failure.isClosed { return }
            usleep(1000)
            left -= 1
        }
        _exit(0)
    }
}

/// Remembers the first reason to stop and wakes the reading thread.
final class NotedFailure: Sendable {
    private let wake: Int32
    private let state = Mutex<(reason: Disconnection?, isClosed: Bool)>((nil, false))

    init(wake: Int32) { self.wake = wake }

    var reason: Disconnection? { state.withLock { $0.reason } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func note(_ reason: Disconnection) {
        let isFirst = state.withLock { state in
            if reason == .closed { state.isClosed = true }
            defer { state.reason = state.reason ?? reason }
            return state.reason == nil
        }
        if isFirst {
            _ = Descriptors.writeSome(wake, [0], from: 0)
        }
    }
}
