import Dispatch
// The pool: every piece once, whatever the threads do.
import Synchronization
import TestSupport
import Testing

@testable import Engine

@Suite struct ForwardThreadPoolTests {
    @Test(arguments: [1, 2, 3, 8]) func everyPieceRunsOnce(_ threads: Int) throws {
        let pool = try ThreadPool(threadCount: threads)
        defer { pool.stop() }
        let counts = UnsafeMutablePointer<Int>.allocate(capacity: 500)
        defer { counts.deallocate() }
        let beside = UnsafeMutablePointer<(Int, Int) -> Void>.allocate(capacity: 1)
        let total = Atomic<Int>(0)
        beside.initialize(to: { _, _ in total.wrappingAdd(1, ordering: .relaxed) })
        defer {
            beside.deinitialize(count: 1)
            beside.deallocate()
        }
        for round in 0..<300 {
            let count = round * 7 % 500
            counts.initialize(repeating: 0, count: 500)
            pool.begin(round % 5, beside)
            pool.parallel(count, cost: .max) { piece, thread in
                precondition(thread < threads)
                counts[piece] += 1
            }
            #expect((0..<500).allSatisfy { counts[$0] == ($0 < count ? 1 : 0) }, "round \(round)")
            pool.finish()
        }
        #expect(total.load(ordering: .relaxed) == (0..<300).reduce(0) { $0 + $1 % 5 })
    }

    #if os(Linux)
        @Test func pinnedThreadsWorkToo() throws {
            let processors = ProcessorCount.allowed
            #expect(processors.count == ProcessorCount.affinity(status: "Cpus_allowed:\t" + String(repeating: "1", count: processors.count)))
            let pool = try ThreadPool(threadCount: processors.count, pins: true)
            defer { pool.stop() }
            let total = Atomic<Int>(0)
            pool.parallel(1000, cost: .max) { _, _ in total.wrappingAdd(1, ordering: .relaxed) }
            #expect(total.load(ordering: .relaxed) == 1000)
            #expect(throws: EngineError.self) { try ThreadPool(threadCount: processors.count + 1, pins: true) }
        }
    #endif

    @Test func workersWakeAfterSleeping() async throws {
        let pool = try ThreadPool(threadCount: 4)
        defer { pool.stop() }
        for _ in 0..<5 {
            try await Task.sleep(nanoseconds: 5_000_000)
            let total = Atomic<Int>(0)
            pool.parallel(64, cost: .max) { _, _ in total.wrappingAdd(1, ordering: .relaxed) }
            #expect(total.load(ordering: .relaxed) == 64)
        }
    }

    @Test func quotaAndAffinityAreRead() throws {
        let files = [
            "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "/sys/fs/cgroup/a/cpu.max": "150000 100000\n",
        ]
        #expect(ProcessorCount.quota { files[$0] } == 1.5)
        let old = [
            "/proc/self/cgroup": "4:cpu,cpuacct:/\n", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        ]
        #expect(ProcessorCount.quota { old[$0] } == 0.5)
        #expect(ProcessorCount.quota { _ in nil } == nil)
        #expect(ProcessorCount.quota { ["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000"][$0] } == nil)
        #expect(ProcessorCount.affinity(status: "Name:\tx\nCpus_allowed:\tff,00000003\nCpus_allowed_list:\t0-1\n") == 10)
        #expect(ProcessorCount.affinity(status: "Name:\tx\n") == nil)
        #expect(ProcessorCount.list(status: "Name:\tx\nCpus_allowed_list:\t0-1,4,7-8\n") == [0, 1, 4, 7, 8])
        for odd in ["Name:\tx\n", "Cpus_allowed_list:\t2-1\n", "Cpus_allowed_list:\t0-99999999\n", "Cpus_allowed_list:\t\n"] {
            #expect(ProcessorCount.list(status: odd).isEmpty)
        }
        #expect(ProcessorCount.available >= 1)
        #expect(try ProcessorCount.threads(option: nil, environment: "3") == 3)
        for bad in ["0", "-1", "two", "", "9999"] {
            #expect(throws: EngineError.self) { try ProcessorCount.threads(option: nil, environment: bad) }
        }
    }

    @Test func workOnItsOwnThread() async throws {
        #expect(try await onOwnThread { 7 } == 7)
        await #expect(throws: EngineError.shutDown) { try await onOwnThread { () throws -> Int in throw EngineError.shutDown } }
        // The caller leaves; the work waits for it to have left.
        let hasLeft = DispatchSemaphore(value: 0)
        let waiting = Task { try await onOwnThread { hasLeft.wait() } }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        hasLeft.signal()
    }
}
