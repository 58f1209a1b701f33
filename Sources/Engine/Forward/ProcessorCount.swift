// How many threads this process may really use: the affinity mask and the cgroup's quota, not the machine's size.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the operating system grants this process.
enum ProcessorCount {
    /// CPUs in the affinity mask, lowered to the cgroup's CPU quota (rounded up); at least 1.
    static var available: Int {
        let granted = min(inAffinityMask, quota(readingFile: readSmallFile).map { Int($0.rounded(.up)) } ?? .max)
        return max(1, min(granted, ThreadPool.maxThreads))
    }

    /// The number of threads asked for by option or by the environment, else what is available.
    static func threads(option: Int?, environment: String?) throws(EngineError) -> Int {
        if let option { return option }
        guard let environment else { return available }
        guard let count = Int(environment), (1...ThreadPool.maxThreads).contains(count) else {
            throw .invalidOption(name: "SIROCCO_THREADS", reason: "\"\(environment)\" is not a number from 1 to \(ThreadPool.maxThreads)")
        }
        return count
    }

    private static var inAffinityMask: Int {
        affinity(status: readSmallFile("/proc/thread-self/status") ?? "") ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// The CPUs that Linux's status file allows a thread: the bits of its line `Cpus_allowed`, hexadecimal in groups.
    static func affinity(status: String) -> Int? {
        let name = "Cpus_allowed:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        let count = line.dropFirst(name.count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count > 0 ? count : nil
    }

    /// The CPUs in the affinity mask, ascending; empty where the system does not say.
    static var allowed: [Int] { list(status: readSmallFile("/proc/thread-self/status") ?? "") }

    /// The CPUs that Linux's status file lists for a thread: its line `Cpus_allowed_list`, numbers and ranges.
    static func list(status: String) -> [Int] {
        let name = "Cpus_allowed_list:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return [] }
        var processors: [Int] = []
        for part in line.dropFirst(name.count).split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first >= 0, first <= last, last < 1 << 16 else { return [] }
            processors += first...last
        }
        return processors
    }

    /// The smallest CPU quota from this process's cgroup up to the root, in CPUs; nil: none. Version 2's `cpu.max`, then version 1's two files.
    static func quota(readingFile read: (String) -> String?) -> Double? {
        var lowest: Double?
        func take(_ quota: Double?, _ period: Double?) {
            guard let quota, let period, quota > 0, period > 0 else { return }
            lowest = min(lowest ?? .infinity, quota / period)
        }
        for line in (read("/proc/self/cgroup") ?? "").split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let isVersion2 = fields[0] == "0" && fields[1].isEmpty
            guard isVersion2 || fields[1].split(separator: ",").contains("cpu") else { continue }
            var parts = fields[2].split(separator: "/")
            while true {
                let folder = (["/sys/fs/cgroup"] + (isVersion2 ? [] : ["cpu"]) + parts.map(String.init)).joined(separator: "/")
                if isVersion2 {
                    let values = (read(folder + "/cpu.max") ?? "").split(whereSeparator: \.isWhitespace)
                    if values.count == 2 { take(Double(values[0]), Double(values[1])) }
                } else {
                    take(number(read(folder + "/cpu.cfs_quota_us")), number(read(folder + "/cpu.cfs_period_us")))
                }
                if parts.isEmpty { break }
                parts.removeLast()
            }
        }
        return lowest
    }

    private static func number(_ text: String?) -> Double? {
        text?.split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) }
    }

    private static func readSmallFile(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress!, $0.count) }
        return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
