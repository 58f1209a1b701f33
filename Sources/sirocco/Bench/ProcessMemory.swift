// What this process takes of the machine's memory.
import Glibc

/// Bytes that are or were resident.
struct ProcessMemory: Equatable {
    /// The most at any time, pages of mapped files included.
    var peak: Int
    /// Now: memory of its own.
    var own: Int
    /// Now: pages of mapped files, which the system can drop and read again.
    var files: Int

    /// This process, by Linux's /proc; nil where there is none.
    static var current: ProcessMemory? {
        guard let bytes = try? readFile("/proc/self/status") else { return nil }
        return ProcessMemory(status: String(decoding: bytes, as: UTF8.self))
    }

    init?(status: String) {
        func bytes(_ name: String) -> Int? {
            guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name + ":") }) else { return nil }
            return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        guard let peak = bytes("VmHWM"), let own = bytes("RssAnon"), let files = bytes("RssFile") else { return nil }
        self.peak = peak
        self.own = own
        self.files = files
    }
}
