// Independent pieces of work over a few threads that live as long as the work.
internal import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

enum ParallelWork {
    /// Calls `body` once for each index below `count`, on this thread and up to `threads` - 1 others. `report` is called on this thread
    /// with how many pieces are done.
    static func run(count: Int, threads: Int?, report: (Int) -> Void, body: @escaping @Sendable (Int) -> Void) {
        let processors = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let wanted = min(max(1, threads ?? min(processors, 16)), max(count, 1))
        let work = Work(count: count, body: body)
        var helpers: [pthread_t] = []
        for _ in 1..<max(wanted, 1) {
            // A thread that cannot be had is no error: this thread does the work that is left.
            if let helper = start(work) { helpers.append(helper) }
        }
        while let index = work.next() {
            work.perform(index)
            report(work.done.load(ordering: .acquiring))
        }
        for helper in helpers { pthread_join(helper, nil) }
    }

    private final class Work: Sendable {
        let count: Int
        let body: @Sendable (Int) -> Void
        let cursor = Atomic<Int>(0)
        let done = Atomic<Int>(0)

        init(count: Int, body: @escaping @Sendable (Int) -> Void) {
            self.count = count
            self.body = body
        }

        func next() -> Int? {
            let index = cursor.wrappingAdd(1, ordering: .relaxed).oldValue
            return index < count ? index : nil
        }

        func perform(_ index: Int) {
            body(index)
            done.wrappingAdd(1, ordering: .acquiringAndReleasing)
        }
    }

    /// A thread that takes part in `work`; nil when the system gives none.
    private static func start(_ work: Work) -> pthread_t? {
        let argument = Unmanaged.passRetained(work).toOpaque()
        let thread = startThread(argument)
        if thread == nil { Unmanaged<Work>.fromOpaque(argument).release() }
        return thread
    }

    fileprivate static func takePart(_ argument: UnsafeMutableRawPointer) {
        let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
        while let index = work.next() { work.perform(index) }
    }
}

private func startThread(_ argument: UnsafeMutableRawPointer) -> pthread_t? {
    #if canImport(Glibc)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                ParallelWork.takePart(argument!)
                return nil
            }, argument)
    #else
        var thread: pthread_t?
        let code = pthread_create(
            &thread, nil,
            { argument in
                ParallelWork.takePart(argument)
                return nil
            }, argument)
    #endif
    return code == 0 ? thread : nil
}
