// How much memory the process has resident, and the most that it had since a moment.
import Glibc

enum ResidentMemory {
    /// Lets the record of the peak begin anew, where the system can; what is resident now, in bytes.
    static func begin() -> Int {
        try? writeFile(Array("5".utf8), to: "/proc/self/clear_refs")
        return figure("VmRSS") ?? lifetimePeak()
    }

    /// The most since `begin`, in bytes (since the process began, where the system keeps no other record).
    static func peak() -> Int { figure("VmHWM") ?? lifetimePeak() }

    private static func figure(_ name: String) -> Int? {
        guard let bytes = try? readFile("/proc/self/status") else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix(name + ":") {
            return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        return nil
    }

    private static func lifetimePeak() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}
