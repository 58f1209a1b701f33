// Tokens to text as they come, in whole characters.

/// Decodes a stream of tokens: the texts that `push` and `finish` return are together exactly the decoded text. Bytes that are not UTF-8
/// become U+FFFD as `String(decoding:as:)` has it (one for each maximal part of a character).
public struct Detokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let skippingSpecials: Bool
    private var isFirst: Bool
    /// How many leading characters may still be stripped.
    private var leading: Int
    /// Trailing characters held back because they are stripped if nothing follows.
    private var trailing = 0
    /// The bytes of an unfinished character.
    private var pending: [UInt8] = []

    init(tokenizer: Tokenizer, skippingSpecials: Bool, atStart: Bool) {
        self.tokenizer = tokenizer
        self.skippingSpecials = skippingSpecials
        isFirst = atStart
        leading = atStart ? tokenizer.decoding.strip.start : 0
    }

    /// The text that this token completes; bytes of an unfinished character wait for the next. Numbers outside the vocabulary and unused
    /// ones add nothing.
    public mutating func push(_ token: TokenID) -> String {
        let vocabulary = tokenizer.vocabulary
        guard token >= 0, Int(token) < vocabulary.count else { return "" }
        let kind = vocabulary.kinds[Int(token)]
        if kind == .unused || (skippingSpecials && kind == .control) { return "" }
        append(tokenizer.decodedBytes(of: token, isFirst: isFirst)[...])
        isFirst = false
        let unfinished = UTF8Text.unfinishedSuffix(of: pending)
        if unfinished == 0 {
            let text = String(decoding: pending, as: UTF8.self)
            pending.removeAll(keepingCapacity: true)
            return text
        }
        let text = String(decoding: pending.dropLast(unfinished), as: UTF8.self)
        pending.removeFirst(pending.count - unfinished)
        return text
    }

    /// The rest of the text: an unfinished character becomes U+FFFD. The stream is then at its start again.
    public mutating func finish() -> String {
        let text = String(decoding: pending, as: UTF8.self)
        self = Detokenizer(tokenizer: tokenizer, skippingSpecials: skippingSpecials, atStart: true)
        return text
    }

    /// Adds bytes to the text, without what is stripped at its ends.
    private mutating func append(_ bytes: ArraySlice<UInt8>) {
        let strip = tokenizer.decoding.strip
        var bytes = bytes
        while leading > 0, let first = bytes.first {
            if first == strip.content {
                bytes.removeFirst()
                leading -= 1
            } else {
                leading = 0
            }
        }
        guard strip.stop > 0 else {
            pending += bytes
            return
        }
        let tail = bytes.reversed().prefix { $0 == strip.content }.count
        if tail < bytes.count {
            pending += repeatElement(strip.content, count: trailing)
            pending += bytes.dropLast(tail)
            trailing = 0
        }
        trailing += tail
        let released = max(0, trailing - strip.stop)
        pending += repeatElement(strip.content, count: released)
        trailing -= released
    }
}
