// Workers that stay: pieces of work are claimed one by one, so that a thread that loses its core holds up one piece and no more.
import Kernels
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A fixed set of threads that share out numbered pieces of work with the thread that asks.
///
/// Two jobs can be open at once: the main one, whose caller takes part until it is done (`parallel`), and one beside it, which workers
/// prefer and which the caller joins only when it needs the result (`begin` … `finish`). Both are driven by one thread, the owner.
/// Workers spin for some microseconds after a piece, then yield, then sleep.
final class ThreadPool: @unchecked Sendable {
    // Safe: workers touch the two jobs (atomics), `parked` and `stopping` (atomics) and the monitor; the rest belongs to the owner.
    static let maxThreads = 256

    /// Multiply-adds that are worth waking another thread for (about ten microseconds of one core).
    static let worthSharing = 1 << 16

    private static let spins = 2_000
    private static let yields = 60

    /// Threads that compute, the owner included.
    let threadCount: Int

    private let main = Job()
    private let beside = Job()
    private let monitor = Monitor()
    private let parked = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)
    private var workers: [OSThread] = []
    /// The CPUs that threads are kept on, in turn; empty: none.
    private let processors: [Int]

    /// A pool of `threadCount` threads, of which the caller is one. With `pins`, each worker stays on a CPU of its own, and the owner too once it
    /// calls `pinOwner`.
    init(threadCount: Int, pins: Bool = false) throws(EngineError) {
        self.threadCount = threadCount
        processors = pins ? ProcessorCount.allowed : []
        if pins && processors.count < threadCount {
            throw .invalidOption(name: "pinsThreads", reason: "\(threadCount) threads cannot each have one of \(processors.count) known CPUs")
        }
        for worker in 1..<max(threadCount, 1) {
            guard let thread = OSThread({ self.work(as: worker) }) else {
                stop()
                throw .invalidOption(name: "threads", reason: "the system started only \(worker) of \(threadCount) threads")
            }
            workers.append(thread)
        }
    }

    /// Keeps the calling thread, the owner, on a CPU of its own, where the workers are.
    func pinOwner() { pin(0) }

    private func pin(_ thread: Int) {
        // A CPU that was taken away meanwhile is no reason to stop.
        if !processors.isEmpty { _ = sirocco_pin_thread(Int32(processors[thread])) }
    }

    /// Ends the workers; nothing may be open.
    func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        monitor.locked { monitor.wake() }
        workers.forEach { $0.join() }
        workers = []
    }

    /// Runs `body(piece, thread)` for every piece in 0..<count and returns when all are done. `cost` is the whole work in multiply-adds: small
    /// work stays on the caller. Pieces run in any order on any thread; `thread` is in 0..<threadCount and names exclusive scratch memory.
    func parallel(_ count: Int, cost: Int, _ body: (_ piece: Int, _ thread: Int) -> Void) {
        if count <= 1 || threadCount == 1 || cost < Self.worthSharing {
            for piece in 0..<count { body(piece, 0) }
            return
        }
        withoutActuallyEscaping(body) { escaping in
            withUnsafePointer(to: escaping) { pointer in
                main.open(count: count, body: pointer)
                wakeWorkers()
                complete(main)
            }
        }
    }

    /// Opens a job beside the main ones. `body` must stay where it is, and nothing it touches be touched, until `finish`.
    func begin(_ count: Int, _ body: UnsafePointer<(Int, Int) -> Void>) {
        beside.open(count: count, body: body)
        if count > 0 { wakeWorkers() }
    }

    /// Does what is left of the job beside, and returns when all of it is done.
    func finish() { complete(beside) }

    private func complete(_ job: Job) {
        while let piece = job.claim() { job.run(piece, as: 0) }
        job.waitUntilDone(spins: Self.spins, yields: Self.yields)
    }

    private func wakeWorkers() {
        if parked.load(ordering: .sequentiallyConsistent) > 0 { monitor.locked { monitor.wake() } }
    }

    private func work(as worker: Int) {
        pin(worker)
        var idle = 0
        while !stopping.load(ordering: .acquiring) {
            if let piece = beside.claim() {
                beside.run(piece, as: worker)
                idle = 0
            } else if let piece = main.claim() {
                main.run(piece, as: worker)
                idle = 0
            } else {
                idle += 1
                if idle > Self.spins + Self.yields {
                    park()
                    idle = 0
                } else if idle > Self.spins {
                    sched_yield()
                }
            }
        }
    }

    private func park() {
        monitor.locked {
            parked.wrappingAdd(1, ordering: .sequentiallyConsistent)
            while !stopping.load(ordering: .sequentiallyConsistent) && !main.isOpen && !beside.isOpen { monitor.sleep() }
            parked.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
    }
}

/// Numbered pieces of work, claimed through one atomic word: epoch (16 bits), count (24), next piece (24). A claim that succeeds belongs to the
/// job that is open, and a job stays open until every claimed piece is done, so `body` is never read for another job than its own.
private final class Job: @unchecked Sendable {
    // Safe: `body` is written only while no piece can be claimed or is running, and published by the word's release.
    private let word = Atomic<UInt64>(0)
    private let done = Atomic<Int>(0)
    private let ownerSleeps = Atomic<Bool>(false)
    private let monitor = Monitor()
    private var body: UnsafePointer<(Int, Int) -> Void>?
    private var count = 0

    private static let field: UInt64 = 0xFF_FFFF

    func open(count: Int, body: UnsafePointer<(Int, Int) -> Void>) {
        precondition(count <= Int(Self.field))
        self.body = body
        self.count = count
        done.store(0, ordering: .relaxed)
        let epoch = (word.load(ordering: .relaxed) >> 48) &+ 1
        word.store(epoch << 48 | UInt64(count) << 24, ordering: .sequentiallyConsistent)
    }

    var isOpen: Bool {
        let value = word.load(ordering: .sequentiallyConsistent)
        return value & Self.field < (value >> 24) & Self.field
    }

    func claim() -> Int? {
        var value = word.load(ordering: .acquiring)
        while value & Self.field < (value >> 24) & Self.field {
            let (won, seen) = word.weakCompareExchange(expected: value, desired: value + 1, ordering: .acquiringAndReleasing)
            if won { return Int(value & Self.field) }
            value = seen
        }
        return nil
    }

    func run(_ piece: Int, as thread: Int) {
        let last = count
        call(piece, thread)
        if done.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue == last,
            ownerSleeps.load(ordering: .sequentiallyConsistent)
        {
            monitor.locked { monitor.wake() }
        }
    }

    /// Apart, so that the closure's reference is given back before the piece counts as done.
    @inline(never)
    private func call(_ piece: Int, _ thread: Int) { body!.pointee(piece, thread) }

    func waitUntilDone(spins: Int, yields: Int) {
        for turn in 0..<(spins + yields) {
            if done.load(ordering: .acquiring) == count { return }
            if turn >= spins { sched_yield() }
        }
        monitor.locked {
            ownerSleeps.store(true, ordering: .sequentiallyConsistent)
            while done.load(ordering: .sequentiallyConsistent) < count { monitor.sleep() }
            ownerSleeps.store(false, ordering: .relaxed)
        }
    }
}
