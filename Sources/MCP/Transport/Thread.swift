// A thread of our own, for calls that block.
import CProcess

enum Thread {
    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread with a stack of 1 MiB (a message may nest 256 levels); false when none can be had. Nothing awaits the thread: the body
    /// itself says when it is done.
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let work = unsafe Unmanaged.passRetained(Work(body))
        let fault = unsafe cprocess_thread(
            { raw in
                if let raw = unsafe raw { unsafe Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body() }
                return nil
            }, work.toOpaque(), 1 << 20)
        if fault != 0 { unsafe work.release() }
        return fault == 0
    }
}
