// Waiting for a task that belongs to several callers: one that is cancelled leaves at once, the task goes on for the others.
import Synchronization

extension Task where Failure == Never {
    /// The task's value; nil at once when the waiting task is cancelled first.
    func valueUnlessCancelled() async -> Success? {
        let wait = CancellableWait<Success>()
        // Safe: it touches nothing but `wait`, which takes the first outcome and drops the rest.
        _ = Task<Void, Never> { wait.finish(await value) }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { wait.begin($0) }
        } onCancel: {
            wait.finish(nil)
        }
    }
}

/// A continuation that is resumed once, by whoever comes first, even before it is there.
private final class CancellableWait<Value: Sendable>: Sendable {
    private enum State {
        case idle
        case waiting(CheckedContinuation<Value?, Never>)
        case done(Value?)
        case resumed
    }

    private let state = Mutex(State.idle)

    func begin(_ continuation: CheckedContinuation<Value?, Never>) {
        let outcome: Value?? = state.withLock { state in
            if case .done(let value) = state {
                state = .resumed
                return .some(value)
            }
            state = .waiting(continuation)
            return nil
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    func finish(_ value: Value?) {
        let continuation: CheckedContinuation<Value?, Never>? = state.withLock { state in
            switch state {
            case .idle:
                state = .done(value)
                return nil
            case .waiting(let continuation):
                state = .resumed
                return continuation
            case .done, .resumed: return nil
            }
        }
        continuation?.resume(returning: value)
    }
}
