// Ctrl-C and SIGTERM: the work is cancelled and cleans up; a second one ends the program at once.
import Glibc
import MCP
import Synchronization

/// Runs work that SIGINT and SIGTERM cancel. When it was cancelled so, the program ends with 128 plus the signal's number, as shells expect.
func cancelledBySignals<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result {
    let task = Task { try await work() }
    let received = SignalWatch.shared.onSignal { task.cancel() }
    defer {
        SignalWatch.shared.onSignal(nil)
        received.store(0)
    }
    let result = await task.result
    if let signal = received.load() { throw Interrupted(signal: signal) }
    return try result.get()
}

/// The work was ended by a signal.
struct Interrupted: Error {
    let signal: Int32
}

/// The number of the signal that came, if one did.
final class ReceivedSignal: Sendable {
    private let number = Atomic<Int32>(0)
    func store(_ signal: Int32) { number.store(signal, ordering: .sequentiallyConsistent) }
    func load() -> Int32? {
        let signal = number.load(ordering: .sequentiallyConsistent)
        return signal == 0 ? nil : signal
    }
}

/// The main thread, which waits for signals; nothing runs inside a signal handler.
final class SignalWatch: Sendable {
    static let shared = SignalWatch()

    private let handler = Mutex<(@Sendable () -> Void)?>(nil)
    private let received = ReceivedSignal()

    private static var signals: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, signal) }
        return set
    }

    /// Blocks the signals in this thread and in all that it makes from now on, so that `wait` alone receives them.
    static func block() {
        var set = signals
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Sets what a first signal does; without that, a signal ends the program.
    @discardableResult
    func onSignal(_ handler: (@Sendable () -> Void)?) -> ReceivedSignal {
        self.handler.withLock { $0 = handler }
        return received
    }

    /// Receives signals until the process ends.
    func wait() -> Never {
        var set = Self.signals
        while true {
            var signal: Int32 = 0
            guard sigwait(&set, &signal) == 0 else { continue }
            let isSecond = received.load() != nil
            received.store(signal)
            guard let current = handler.withLock({ $0 }), !isSecond else { endProcess(128 + signal) }
            current()
        }
    }
}

/// Ends the process at once, and the children that still run with it.
func endProcess(_ status: Int32) -> Never {
    LivingChildren.killAll()
    _exit(status)
}
