// The place in a text where a grammar stopped reading, as people want to see it.

/// One line of a text around a byte, with a caret below.
struct Excerpt: Equatable {
    /// Counted from 1; columns count characters.
    let line: Int
    let column: Int
    /// The line, cut to what fits, control characters shown.
    let text: String
    /// Blanks before the caret.
    let indentation: Int

    private static let before = 48
    private static let after = 24

    /// The excerpt around a byte of the text (which may be its end).
    init(_ bytes: [UInt8], at offset: Int) {
        let offset = min(max(offset, 0), bytes.count)
        var start = offset
        while start > 0, bytes[start - 1] != 0x0A { start -= 1 }
        var end = offset
        while end < bytes.count, bytes[end] != 0x0A { end += 1 }
        line = bytes[..<start].reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
        // Inside a character, its first byte is the place.
        var place = offset
        while place > start, place < end, bytes[place] & 0xC0 == 0x80 { place -= 1 }
        let head = Array(String(decoding: bytes[start..<place], as: UTF8.self).unicodeScalars)
        let tail = Array(String(decoding: bytes[place..<end], as: UTF8.self).unicodeScalars)
        column = head.count + 1
        func shown(_ scalars: some Sequence<Unicode.Scalar>) -> String {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars.lazy.map { $0 == "\t" ? "␉" : $0 })
            return plain(String(view))
        }
        let left = (head.count > Self.before ? "…" : "") + shown(head.suffix(Self.before))
        text = left + shown(tail.prefix(Self.after)) + (tail.count > Self.after ? "…" : "")
        indentation = left.unicodeScalars.count
    }

    /// The line and the caret under the place.
    var drawing: String { "    \(text)\n    \(String(repeating: " ", count: indentation))^" }
}
