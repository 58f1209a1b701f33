// What each token adds to decoded text, and what happens to the text as a whole.

/// One step that turns a token's spelling into text.
enum DecodingStep: Sendable, Hashable {
    /// Undoes the byte-level alphabet; a spelling with other characters stays.
    case byteAlphabet
    case replace([UInt8], with: [UInt8])
    /// Removes up to `start` leading and `stop` trailing `content`s.
    case strip(content: UInt8, start: Int, stop: Int)
    /// The replacement becomes a space, and nothing in the first token when `dropsFirst`.
    case metaspace(replacement: [UInt8], dropsFirst: Bool)
    /// A space before every token but the first and those that continue a word.
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
    /// A space before every token but the first (what decoding without a decoder does).
    case spaced

    /// Whether the first token of a text is decoded in another way than the rest.
    var treatsFirstApart: Bool {
        switch self {
        case .metaspace(_, let dropsFirst): dropsFirst
        case .wordPiece, .spaced: true
        default: false
        }
    }
}

/// How tokens become text.
struct Decoding: Sendable {
    /// For each token by itself.
    var steps: [DecodingStep] = []
    /// `<0x0A>` stands for its byte.
    var hasByteTokens = false
    /// For the whole text: up to `start` leading and `stop` trailing `content`s are removed.
    var strip: (content: UInt8, start: Int, stop: Int) = (UInt8(ascii: " "), 0, 0)

    /// Whether the first token's bytes differ from what the vocabulary has for it.
    var treatsFirstApart: Bool { steps.contains { $0.treatsFirstApart } }

    /// What a token adds to the text. Added tokens are never spelled in the byte-level alphabet, whatever their characters.
    func bytes(of spelling: String, kind: TokenKind, isFirst: Bool) -> [UInt8] {
        if kind == .byte, let byte = ByteToken.byte(of: spelling) { return [byte] }
        let isAdded = kind == .control || kind == .userDefined
        if steps == [.byteAlphabet] { return (isAdded ? nil : ByteAlphabet.bytes(of: spelling)) ?? Array(spelling.utf8) }
        var bytes = Array(spelling.utf8)
        for step in steps where !(isAdded && step == .byteAlphabet) { bytes = Self.apply(step, to: bytes, isFirst: isFirst) }
        return bytes
    }

    private static func apply(_ step: DecodingStep, to bytes: [UInt8], isFirst: Bool) -> [UInt8] {
        switch step {
        case .byteAlphabet: return ByteAlphabet.bytes(of: String(decoding: bytes, as: UTF8.self)) ?? bytes
        case .replace(let old, let new): return replaced(bytes, old, with: new)
        case .strip(let content, let start, let stop):
            let front = bytes.prefix { $0 == content }.count
            let rest = bytes.dropFirst(min(front, start))
            return Array(rest.dropLast(min(rest.reversed().prefix { $0 == content }.count, stop)))
        case .metaspace(let replacement, let dropsFirst):
            return replaced(bytes, replacement, with: isFirst && dropsFirst ? [] : [UInt8(ascii: " ")])
        case .wordPiece(let prefix, let cleansUp):
            var text = bytes
            if !isFirst {
                text = bytes.starts(with: prefix) ? Array(bytes.dropFirst(prefix.count)) : [UInt8(ascii: " ")] + bytes
            }
            return cleansUp ? cleanedUp(text) : text
        case .spaced: return isFirst ? bytes : [UInt8(ascii: " ")] + bytes
        }
    }

    private static func replaced(_ bytes: [UInt8], _ old: [UInt8], with new: [UInt8]) -> [UInt8] {
        guard let first = old.first, bytes.contains(first) else { return bytes }
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: old) {
                output += new
                index += old.count
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return output
    }

    /// English spacing put right, as BERT's decoder does it.
    private static func cleanedUp(_ bytes: [UInt8]) -> [UInt8] {
        let rules = [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
            (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ]
        return rules.reduce(bytes) { replaced($0, Array($1.0.utf8), with: Array($1.1.utf8)) }
    }
}

/// Tokens that stand for one byte: `<0x0A>`.
enum ByteToken {
    /// The byte of a token spelled so.
    static func byte(of spelling: String) -> UInt8? {
        let bytes = spelling.utf8
        guard bytes.count == 6, bytes.first == UInt8(ascii: "<"), spelling.hasPrefix("<0x"), bytes.last == UInt8(ascii: ">") else {
            return nil
        }
        let digits = spelling.dropFirst(3).dropLast()
        guard digits.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x41 && $0 <= 0x46) }) else { return nil }
        return UInt8(digits, radix: 16)
    }

    /// The spelling of a byte's token.
    static func spelling(of byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.count < 2 ? "0" : "")\(digits)>"
    }
}
