// Stop texts: found across the borders of tokens, held back while they may still come, cut exactly.

/// Looks for the first of several texts in a stream.
struct StopTexts {
    private let stops: [[UInt8]]
    private var pending: [UInt8] = []
    /// The stop text that was found; nothing is emitted after it.
    private(set) var found: String?

    init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) } }

    /// What can be shown of the text so far.
    mutating func push(_ text: String) -> String {
        guard found == nil else { return "" }
        guard !stops.isEmpty else { return text }
        pending += text.utf8
        for index in pending.indices {
            // At the same place the shortest is whole first.
            let here = stops.filter { pending[index...].starts(with: $0) }.min { $0.count < $1.count }
            if let here {
                found = String(decoding: here, as: UTF8.self)
                defer { pending = [] }
                return String(decoding: pending[..<index], as: UTF8.self)
            }
        }
        var held = 0
        for stop in stops {
            for length in stride(from: min(stop.count - 1, pending.count), to: held, by: -1) where stop.starts(with: pending.suffix(length)) {
                held = length
                break
            }
        }
        let count = pending.count - held
        defer { pending.removeFirst(count) }
        return String(decoding: pending[..<count], as: UTF8.self)
    }

    /// What was held back, at the end.
    mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }
}
