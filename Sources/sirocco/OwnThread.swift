// Work that blocks for long, kept off the threads that all tasks share.
import Glibc

/// Runs blocking work on a thread of its own. A caller that is cancelled no longer waits; the work itself runs on.
func onOwnThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    let results = AsyncThrowingStream<Value, any Error> { continuation in
        let body = Box {
            do {
                continuation.yield(try work())
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(body)
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, argument.toOpaque())
        if status == 0 {
            pthread_detach(thread)
        } else {
            argument.release()
            continuation.finish(throwing: CommandError("no thread can be made: \(String(cString: strerror(status)))"))
        }
    }
    for try await value in results { return value }
    throw CancellationError()
}

private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
