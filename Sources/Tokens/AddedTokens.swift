// Tokens that are found in the text itself, before anything is split.

/// An added token as tokenizer.json describes it.
struct AddedToken: Sendable {
    var id: TokenID
    var content: String
    var isSpecial = false
    /// Found only where it is a word of its own.
    var isSingleWord = false
    /// Takes the whitespace before it along.
    var stripsLeft = false
    /// Takes the whitespace after it along.
    var stripsRight = false
    /// Looked for in the normalized text, in its own normalized form.
    var isNormalized = false
}

/// A part of a text: an added token, or text for the model.
struct TextPart {
    var range: Range<Int>
    var token: TokenID?
}

/// The added tokens of a tokenizer, as matchers for each policy: leftmost first, the longest at a place.
struct AddedTokens: Sendable {
    private struct Matcher: Sendable {
        let trie: ByteTrie
        let tokens: [AddedToken]
    }

    private let tokensByID: [TokenID: AddedToken]
    private let ordinary: (raw: ByteTrie, normalized: ByteTrie)
    private let all: (raw: ByteTrie, normalized: ByteTrie)

    init(_ tokens: [AddedToken], normalizer: Normalizer) {
        var byID: [TokenID: AddedToken] = [:]
        for token in tokens { byID[token.id] = token }
        tokensByID = byID
        func trie(normalized: Bool, special: Bool) -> ByteTrie {
            ByteTrie(
                tokens.filter { $0.isNormalized == normalized && (special || !$0.isSpecial) }.map { token in
                    let bytes = Array(token.content.utf8)
                    return (normalized ? normalizer.apply(to: bytes) : bytes, token.id)
                })
        }
        ordinary = (trie(normalized: false, special: false), trie(normalized: true, special: false))
        all = (trie(normalized: false, special: true), trie(normalized: true, special: true))
    }

    /// The parts of a text as written, or of one that is normalized; nil when it has no added token.
    func parts(of text: [UInt8], normalized: Bool, policy: AddedTokenPolicy) -> [TextPart]? {
        let tries: (raw: ByteTrie, normalized: ByteTrie)
        switch policy {
        case .none: return nil
        case .ordinary: tries = ordinary
        case .all: tries = all
        }
        let trie = normalized ? tries.normalized : tries.raw
        if trie.isEmpty || text.isEmpty { return nil }
        var parts: [TextPart] = []
        var index = 0
        var end = 0
        while index < text.count {
            guard trie.begins(with: text[index]), let match = trie.longestMatch(in: text, from: index, to: text.count),
                let token = tokensByID[match.token]
            else {
                index += 1
                continue
            }
            var range = index..<match.end
            index = match.end
            if token.isSingleWord, !isWord(text, range) { continue }
            if token.stripsLeft { range = leftStripped(text, range, from: end) }
            if token.stripsRight { range = rightStripped(text, range) }
            if end < range.lowerBound { parts.append(TextPart(range: end..<range.lowerBound, token: nil)) }
            parts.append(TextPart(range: range, token: token.id))
            end = range.upperBound
        }
        if parts.isEmpty { return nil }
        if end < text.count { parts.append(TextPart(range: end..<text.count, token: nil)) }
        return parts
    }

    private func isWord(_ text: [UInt8], _ range: Range<Int>) -> Bool {
        if range.lowerBound > 0 {
            let before = UTF8Text.start(before: range.lowerBound, in: text, from: 0)
            if Scalars.isWord(UTF8Text.scalar(in: text, at: before, end: text.count).value) { return false }
        }
        guard range.upperBound < text.count else { return true }
        return !Scalars.isWord(UTF8Text.scalar(in: text, at: range.upperBound, end: text.count).value)
    }

    private func leftStripped(_ text: [UInt8], _ range: Range<Int>, from limit: Int) -> Range<Int> {
        var start = range.lowerBound
        while start > limit {
            let before = UTF8Text.start(before: start, in: text, from: limit)
            guard Scalars.isWhitespace(UTF8Text.scalar(in: text, at: before, end: text.count).value) else { break }
            start = before
        }
        return start..<range.upperBound
    }

    private func rightStripped(_ text: [UInt8], _ range: Range<Int>) -> Range<Int> {
        var end = range.upperBound
        while end < text.count {
            let (value, length) = UTF8Text.scalar(in: text, at: end, end: text.count)
            guard Scalars.isWhitespace(value) else { break }
            end += length
        }
        return range.lowerBound..<end
    }
}
