// A mutex with one condition: what the pool, the inbox and the loop sleep on.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A mutex and a condition variable of the operating system.
final class Monitor: @unchecked Sendable {
    // Safe: both fields live at fixed addresses from init to deinit and are only touched through the pthread calls.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        precondition(pthread_mutex_init(mutex, nil) == 0 && pthread_cond_init(condition, nil) == 0)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` while no other thread is inside.
    func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Sleeps until `wake`; only inside `locked`, which is left while asleep. May return early: ask again what was waited for.
    func sleep() { pthread_cond_wait(condition, mutex) }

    /// Wakes all that sleep.
    func wake() { pthread_cond_broadcast(condition) }
}

/// Seconds on a clock that only goes forward.
func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
