// Threads of our own: for the pool and the loop, and for work that would hold up the threads that all tasks share.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A thread of the operating system, with all signals blocked so that they reach the program's own threads; those of
/// its own faults excepted, which reach nobody else.
struct OSThread: @unchecked Sendable {
    // Safe: a pthread_t is a name that any thread may use.
    private let handle: pthread_t

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts `body` on a new thread; nil when the system grants none.
    init?(_ body: @escaping @Sendable () -> Void) {
        var blocked = sigset_t()
        var before = sigset_t()
        sigfillset(&blocked)
        for fault in [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP] { sigdelset(&blocked, fault) }
        pthread_sigmask(SIG_SETMASK, &blocked, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let argument = Unmanaged.passRetained(Body(body))
        #if canImport(Glibc)
            var thread = pthread_t()
            let failed = pthread_create(
                &thread, nil,
                { pointer in
                    Unmanaged<Body>.fromOpaque(pointer!).takeRetainedValue().run()
                    return nil
                }, argument.toOpaque())
        #else
            var thread: pthread_t!
            let failed = pthread_create(
                &thread, nil,
                { pointer in
                    Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
                    return nil
                }, argument.toOpaque())
        #endif
        guard failed == 0 else {
            argument.release()
            return nil
        }
        handle = thread
    }

    /// Waits for the thread's end.
    func join() { pthread_join(handle, nil) }

    /// Lets the thread end on its own.
    func detach() { pthread_detach(handle) }
}

/// Runs long or blocking work on a thread of its own. A caller that is cancelled no longer waits (`CancellationError`); the work itself runs on.
public func onOwnThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    let results = AsyncThrowingStream<Value, any Error> { continuation in
        let thread = OSThread {
            do {
                continuation.yield(try work())
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        if let thread {
            thread.detach()
        } else {
            continuation.finish(throwing: EngineError.noThread)
        }
    }
    for try await value in results { return value }
    throw CancellationError()
}
