// The client's side of stdio: a server that we start, speak to, and end.
import CProcess
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A child process whose standard input and output carry frames. It runs in its own process group, with the environment that it is given and no descriptor
/// of ours but the three pipes. One thread starts it, reads both its outputs and reaps it; should we die first, the group's guardian kills it and all
/// that it has started.
public final class ChildProcess: Transport {
    /// The process group of the child, once it runs; 0 before.
    let running = Atomic<pid_t>(0)
    /// What to run: a program and its arguments, no shell.
    public struct Command: Sendable, Hashable {
        /// A path, or a name to look up in the child's PATH.
        public var program: String
        /// The arguments after the program's own name.
        public var arguments: [String]
        /// Added to the whitelist that is taken over from ours, and stronger.
        public var environment: [String: String]
        /// Where it runs; nil: where we are.
        public var directory: String?

        /// A command; see the members.
        public init(program: String, arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil) {
            self.program = program
            self.arguments = arguments
            self.environment = environment
            self.directory = directory
        }
    }

    private struct State {
        var hasStarted = false
        var isRunning = false
        var fault: Int32?
        var words: [UInt8] = []
    }

    private let command: Command
    private let path: String
    private let environment: [String]
    private let limits: PipeLimits
    private let grace: Int
    private let pipes: ChildPipes
    private let failure: NotedFailure
    private let writer: FrameWriter
    private let state = Mutex(State())

    /// The variables of ours that a child gets.
    public static let inheritedVariables = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"]
    /// How much of the child's standard error is kept.
    static let keptWords = 64 << 10

    /// `grace`: milliseconds between closing its input and SIGTERM, and again between SIGTERM and SIGKILL.
    public init(_ command: Command, limits: PipeLimits = PipeLimits(), grace: Int = 2000) throws(TransportError) {
        Descriptors.ignoreBrokenPipes()
        var variables: [String: String] = [:]
        for name in ChildProcess.inheritedVariables {
            if let value = unsafe getenv(name) { variables[name] = unsafe String(cString: value) }
        }
        variables.merge(command.environment) { _, ours in ours }
        guard let path = ChildProcess.lookUp(command.program, in: variables["PATH"] ?? "/usr/local/bin:/usr/bin:/bin") else {
            throw .commandNotFound(command.program)
        }
        self.command = command
        self.path = path
        self.limits = limits
        self.grace = grace
        environment = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let pipes = try ChildPipes()
        self.pipes = pipes
        let noted = NotedFailure(wake: pipes.wakeWriting)
        failure = noted
        writer = FrameWriter(pipes.input, limits: limits) { noted.note($0) }
    }

    /// Starts the process; `receive` is told its frames in order, and at last why it ended.
    public func start(_ receive: @escaping @Sendable (TransportEvent) -> Void) throws(TransportError) {
        let isFirst = state.withLock { state in
            defer { state.hasStarted = true }
            return !state.hasStarted
        }
        guard isFirst else { throw .alreadyStarted }
        state.withLock { $0.isRunning = true }
        // Safe: `close` waits for this thread.
        guard Thread.start({ self.live(receive) }) else {
            state.withLock { $0.isRunning = false }
            throw .noThread(errno: Int(errno))
        }
        pipes.waitUntilStarted()
        if let fault = state.withLock({ $0.fault }) {
            throw .cannotStart(command: command.program, errno: Int(fault), reason: unsafe String(cString: strerror(fault)))
        }
    }

    /// Queues a frame for the child's standard input.
    public func send(_ frame: Frame) { writer.send(frame) }

    /// Closes the child's input, waits, and ends its whole process group if it does not go by itself.
    public func close() async {
        failure.note(.closed)
        while state.withLock({ $0.isRunning }) { try? await Task.sleep(for: .milliseconds(2)) }
    }

    /// The last 64 KiB of the child's standard error.
    public var diagnostics: String { String(decoding: state.withLock { $0.words }, as: UTF8.self) }

    // MARK: The child's thread

    private func live(_ receive: (TransportEvent) -> Void) {
        defer { state.withLock { $0.isRunning = false } }
        var child = cprocess_child()
        let fault = spawn(&child)
        if fault != 0 { state.withLock { $0.fault = fault } }
        if fault == 0 {
            LivingChildren.add(child.group)
            running.store(child.group, ordering: .relaxed)
        }
        pipes.childHasStarted()
        guard fault == 0 else { return }
        let pid = child.process
        let process = cprocess_watch(pid)
        var pump = DescriptorPump(
            input: pipes.output, output: pipes.input, wake: pipes.wakeReading, diagnostics: pipes.error, process: process,
            lineLimit: limits.line)
        pump.hasProcessEnded = { cprocess_has_ended(pid) != 0 }
        let end = unsafe pump.run(lines: receive) { unsafe self.keep($0) }
        switch end {
        // A child that ends closes its descriptors before it is seen to have ended.
        case .endOfInput, .outputClosed: _ = waitForEnd(of: pid, process, milliseconds: 500)
        case .woken where failure.reason == .closed: writer.finish(milliseconds: 200)
        default: break
        }
        let ended = cprocess_has_ended(pid) != 0
        var reason: Disconnection =
            switch end {
            case .endOfInput, .processEnded: .endOfInput
            case .outputClosed: .peerStoppedReading
            case .woken: failure.reason ?? .closed
            case .failed(let code): .failed(errno: Int(code))
            }
        if ended, reason != .closed, let status = reap(child) {
            reason = .exited(status: status)
            receive(.closed(reason))
        } else {
            receive(.closed(reason))
            shutDown(child, process)
        }
        writer.finish(milliseconds: 0)
        if process >= 0 { Descriptors.close(process) }
    }

    private func spawn(_ child: inout cprocess_child) -> Int32 {
        var arguments = unsafe ([command.program] + command.arguments).map { unsafe UnsafePointer(strdup($0)) } + [nil]
        var variables = unsafe environment.map { unsafe UnsafePointer(strdup($0)) } + [nil]
        let file = unsafe strdup(path)
        let directory = unsafe command.directory.flatMap { unsafe strdup($0) }
        defer {
            unsafe (arguments + variables).forEach { pointer in unsafe free(UnsafeMutablePointer(mutating: pointer)) }
            unsafe free(file)
            unsafe free(directory)
        }
        return unsafe arguments.withUnsafeMutableBufferPointer { arguments in
            unsafe variables.withUnsafeMutableBufferPointer { variables in
                var request = unsafe cprocess_request(
                    path: file, arguments: arguments.baseAddress, environment: variables.baseAddress, directory: directory,
                    input: pipes.childInput, output: pipes.childOutput, error: pipes.childError)
                return unsafe cprocess_spawn(&request, &child)
            }
        }
    }

    private func keep(_ words: UnsafeBufferPointer<UInt8>) {
        state.withLock { state in
            unsafe state.words.append(contentsOf: words)
            if state.words.count > 2 * ChildProcess.keptWords { state.words = Array(state.words.suffix(ChildProcess.keptWords)) }
        }
    }

    /// End of input, then SIGTERM, then SIGKILL, to the whole group.
    private func shutDown(_ child: cprocess_child, _ process: Int32) {
        writer.finish(milliseconds: 0)
        pipes.closeInput()
        if !waitForEnd(of: child.process, process, milliseconds: grace) {
            kill(-child.group, SIGTERM)
            if !waitForEnd(of: child.process, process, milliseconds: grace) {
                kill(-child.group, SIGKILL)
                _ = waitForEnd(of: child.process, process, milliseconds: grace)
            }
        }
        _ = reap(child)
    }

    /// Ends what is left of the child's group, and removes the ended child.
    private func reap(_ child: cprocess_child) -> Int? {
        LivingChildren.remove(child.group)
        let status = cprocess_reap(child)
        return status < 0 ? nil : Int(status)
    }

    /// Waits for the child's end while reading on, so that it does not block on full pipes; what it says on its output is no longer wanted.
    private func waitForEnd(of pid: pid_t, _ process: Int32, milliseconds: Int) -> Bool {
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 14)
        defer { unsafe buffer.deallocate() }
        var watched = [process, pipes.output, pipes.error].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let clock = ContinuousClock()
        let deadline = clock.now + .milliseconds(milliseconds)
        while true {
            let hasEnded = cprocess_has_ended(pid) != 0
            guard hasEnded || clock.now < deadline else { return false }
            let count = unsafe poll(&watched, 3, hasEnded ? 0 : 20)
            for index in 1...2 where count > 0 && watched[index].revents != 0 {
                let count = unsafe read(watched[index].fd, buffer.baseAddress, buffer.count)
                if count <= 0 { watched[index].fd = -1 }
                if count > 0 && index == 2 { unsafe keep(UnsafeBufferPointer(rebasing: buffer[..<count])) }
            }
            if hasEnded { return true }  // its last words were still in the pipe
        }
    }

    /// The program's path; nil when it is not found. A name with a slash is a path.
    static func lookUp(_ program: String, in searchPath: String) -> String? {
        if program.utf8.contains(0x2F) { return program }
        if program.isEmpty { return nil }
        for folder in searchPath.split(separator: ":", omittingEmptySubsequences: true) {
            let path = "\(folder)/\(program)"
            if unsafe access(path, X_OK) == 0 { return path }
        }
        return nil
    }
}
