// The time that one call may take, and waiting that ends when the call does.
import Synchronization

/// The time that one call may take. Clients give up on a call after 60 seconds, some after ten: an answer in words before that is worth more.
struct TimeBudget: Sendable {
    /// Most seconds from the start of the call; nil: no limit.
    let seconds: Double?
    let deadline: ContinuousClock.Instant?

    init(seconds: Double?, from start: ContinuousClock.Instant) {
        self.seconds = seconds
        self.deadline = seconds.map { start.advanced(by: .milliseconds(Int64(min($0, 1e9) * 1000))) }
    }

    /// Runs the work until it ends or the time does, and lets the meter say that it goes on. nil: the time ended; the work was cancelled.
    func run<Value: Sendable>(
        _ context: ToolContext, _ work: @escaping @Sendable () async throws(ToolFailure) -> Value
    ) async throws(ToolFailure) -> Value? {
        let outcome = await withTaskGroup(of: Result<Value, ToolFailure>?.self, returning: Result<Value, ToolFailure>?.self) { group in
            group.addTask {
                do throws(ToolFailure) { return .success(try await work()) } catch { return .failure(error) }
            }
            if let deadline {
                group.addTask {
                    // Woken early only by cancellation, when nobody reads the outcome any more.
                    try? await Task.sleep(until: deadline, clock: .continuous)
                    return nil
                }
            }
            let ticker = Task {
                let silence = Duration.milliseconds(context.limits.heartbeatMilliseconds)
                while !Task.isCancelled {
                    guard (try? await Task.sleep(for: silence)) != nil else { return }
                    context.progress.heartbeat(after: silence)
                }
            }
            defer { ticker.cancel() }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        if Task.isCancelled { throw .cancelled }
        guard let outcome else { return nil }
        return try outcome.get()
    }
}

/// Waits for work that may not stop by itself when its waiter is cancelled: the work is told, and the waiter leaves with `CancellationError`
/// at once.
func abandonable<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let wait = Wait<Value>()
    // Safe: the task touches nothing but `wait`, which takes the first outcome and drops the rest.
    let task = Task.detached {
        do { wait.finish(.success(try await work())) } catch { wait.finish(.failure(error)) }
    }
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { wait.begin($0) }
    } onCancel: {
        task.cancel()
        wait.finish(.failure(CancellationError()))
    }
}

/// A continuation that is resumed once, by whoever comes first, even before it is there.
private final class Wait<Value: Sendable>: Sendable {
    private enum State {
        case idle
        case waiting(CheckedContinuation<Value, any Error>)
        case done(Result<Value, any Error>)
        case resumed
    }

    private let state = Mutex(State.idle)

    func begin(_ continuation: CheckedContinuation<Value, any Error>) {
        let outcome: Result<Value, any Error>? = state.withLock {
            if case .done(let outcome) = $0 {
                $0 = .resumed
                return outcome
            }
            $0 = .waiting(continuation)
            return nil
        }
        if let outcome { continuation.resume(with: outcome) }
    }

    func finish(_ outcome: Result<Value, any Error>) {
        let continuation: CheckedContinuation<Value, any Error>? = state.withLock {
            switch $0 {
            case .idle:
                $0 = .done(outcome)
                return nil
            case .waiting(let continuation):
                $0 = .resumed
                return continuation
            case .done, .resumed: return nil
            }
        }
        continuation?.resume(with: outcome)
    }
}
