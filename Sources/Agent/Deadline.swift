// Waiting no longer than agreed.
import Synchronization

/// Runs work and waits for it until the deadline; nil when it has passed. Work that ignores its cancellation is left behind: a tool must not be able to
/// hold the agent.
func withDeadline<Result: Sendable>(_ duration: Duration, _ work: @escaping @Sendable () async -> Result) async -> Result? {
    let gate = Gate<Result>()
    let task = Task { gate.open(await work()) }
    let timer = Task {
        try? await Task.sleep(for: duration)
        gate.open(nil)
    }
    let result = await withTaskCancellationHandler {
        await gate.wait()
    } onCancel: {
        gate.open(nil)
    }
    task.cancel()
    timer.cancel()
    return result
}

/// A value that is set once and waited for once.
private final class Gate<Value: Sendable>: Sendable {
    private enum State {
        case closed
        case waited(CheckedContinuation<Value?, Never>)
        case open(Value?)
        case passed
    }

    private let state = Mutex(State.closed)

    func open(_ value: Value?) {
        let waiter = state.withLock { state -> CheckedContinuation<Value?, Never>? in
            switch state {
            case .closed: state = .open(value)
            case .waited(let waiter):
                state = .passed
                return waiter
            case .open, .passed: break
            }
            return nil
        }
        waiter?.resume(returning: value)
    }

    func wait() async -> Value? {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Value?? in
                if case .open(let value) = state {
                    state = .passed
                    return .some(value)
                }
                state = .waited(continuation)
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
