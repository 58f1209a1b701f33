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

/// One thread that waits for signals; nothing runs inside a signal handler.
final class SignalWatch: Sendable {
    static let shared = SignalWatch()

    private let handler = Mutex<(@Sendable () -> Void)?>(nil)
    private let received = ReceivedSignal()

    /// Blocks the signals in this thread, so that threads made later inherit that and only the watch receives them.
    func start() {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { _ in
                SignalWatch.shared.wait()
                return nil
            }, nil)
        pthread_detach(thread)
    }

    /// Sets what a first signal does; without that, a signal ends the program.
    @discardableResult
    func onSignal(_ handler: (@Sendable () -> Void)?) -> ReceivedSignal {
        self.handler.withLock { $0 = handler }
        return received
    }

    private func wait() {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        while true {
            var signal: Int32 = 0
            guard sigwait(&set, &signal) == 0 else { continue }
            let isSecond = received.load() != nil
            received.store(signal)
            let current = handler.withLock { $0 }
            guard let current, !isSecond else {
                LivingChildren.killAll()
                _exit(128 + signal)
            }
            current()
        }
    }
}
