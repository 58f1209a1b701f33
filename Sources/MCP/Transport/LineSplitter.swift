// Bytes to lines: split at 0x0A only, in whatever chunks they come.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Cuts a stream into lines. A carriage return before the newline is dropped, blank lines are skipped, and a line beyond the limit is reported by its
/// beginning and skipped; the stream goes on after it. Each byte is looked at once.
struct LineSplitter: Sendable {
    private let limit: Int
    private var pending: [UInt8] = []
    private var isSkipping = false

    /// How much of a skipped line is kept, to look for its identifier.
    static let keptPrefix = 4096

    init(limit: Int) { self.limit = limit }

    /// Takes the next chunk and emits the lines that it completes.
    mutating func push(_ chunk: UnsafeBufferPointer<UInt8>, _ emit: (TransportEvent) -> Void) {
        guard let base = chunk.baseAddress else { return }
        var start = 0
        while start < chunk.count {
            let rest = chunk.count - start
            let newline = unsafe memchr(base + start, 0x0A, rest)
            let end = unsafe newline.map { unsafe UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? chunk.count
            unsafe append(UnsafeBufferPointer(rebasing: chunk[start..<end]))
            if end < chunk.count { endLine(emit) }
            start = end + 1
        }
    }

    /// The stream has ended: an unterminated last line counts.
    mutating func finish(_ emit: (TransportEvent) -> Void) { endLine(emit) }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if isSkipping { return }
        if pending.count + bytes.count > limit {
            let kept = min(limit, LineSplitter.keptPrefix)
            unsafe pending.append(contentsOf: bytes.prefix(max(0, kept - pending.count)))
            pending = Array(pending.prefix(kept))
            isSkipping = true
        } else {
            unsafe pending.append(contentsOf: bytes)
        }
    }

    private mutating func endLine(_ emit: (TransportEvent) -> Void) {
        var line: [UInt8] = []
        swap(&line, &pending)
        if isSkipping {
            isSkipping = false
            emit(.oversizedLine(prefix: line, limit: limit))
            return
        }
        if line.last == 0x0D { line.removeLast() }
        if line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) { emit(.line(line)) }
    }
}
