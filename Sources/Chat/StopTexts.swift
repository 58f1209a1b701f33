// Stop texts: found across the borders of tokens, held back while they may still come, cut exactly.

/// Looks for the first of several texts in a stream, in time linear in the stream.
struct StopTexts {
    private var searches: [Search]
    /// What may be the beginning of a stop text; shorter than the longest of them.
    private var pending: [UInt8] = []
    /// The stop text that was found; nothing is emitted after it.
    private(set) var found: String?

    init(_ stops: [String]) { searches = stops.map { Search(Array($0.utf8)) } }

    /// What can be shown of the text so far.
    mutating func push(_ text: String) -> String {
        guard found == nil else { return "" }
        guard !searches.isEmpty else { return text }
        for byte in text.utf8 {
            pending.append(byte)
            var whole: [UInt8] = []
            // The one that is whole first, however the text was cut; of several that end here the longest, which began first.
            for index in searches.indices where searches[index].take(byte) && searches[index].text.count > whole.count {
                whole = searches[index].text
            }
            if !whole.isEmpty {
                found = String(decoding: whole, as: UTF8.self)
                pending.removeLast(whole.count)
                return finish()
            }
        }
        let count = pending.count - (searches.map(\.matched).max() ?? 0)
        defer { pending.removeFirst(count) }
        return String(decoding: pending[..<count], as: UTF8.self)
    }

    /// What was held back, at the end.
    mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// The search for one text, byte by byte (Knuth, Morris and Pratt 1977).
    private struct Search {
        let text: [UInt8]
        /// For every beginning of the text, by its length: how long the longest shorter beginning is with which it ends.
        private let borders: [Int]
        /// How many bytes of the text the stream ends with.
        private(set) var matched = 0

        init(_ text: [UInt8]) {
            self.text = text
            var borders = [0, 0]
            for byte in text.dropFirst() {
                var length = borders[borders.count - 1]
                while length > 0, text[length] != byte { length = borders[length] }
                borders.append(text[length] == byte ? length + 1 : 0)
            }
            self.borders = borders
        }

        /// Whether the text is whole with this byte.
        mutating func take(_ byte: UInt8) -> Bool {
            if matched == text.count { matched = borders[matched] }
            while matched > 0, text[matched] != byte { matched = borders[matched] }
            if text[matched] == byte { matched += 1 }
            return matched == text.count
        }
    }
}
