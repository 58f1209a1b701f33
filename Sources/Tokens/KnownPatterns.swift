// Scanners by hand for the patterns that most models split words with.

/// A scanner that splits a whole range into words; together they cover it.
enum PatternScanner: Sendable, Hashable {
    /// GPT-2's pattern.
    case gpt2
    /// Llama-3's pattern with up to `digits` digits in a word (Llama 3: 3, Qwen 2: 1).
    case llama3(digits: Int)

    static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    static let llama3Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// The scanner for exactly this pattern, if there is one.
    init?(pattern: String) {
        switch pattern {
        case Self.gpt2Pattern: self = .gpt2
        case Self.llama3Pattern: self = .llama3(digits: 3)
        case Self.qwen2Pattern: self = .llama3(digits: 1)
        default: return nil
        }
    }

    /// Appends the words of a range of valid UTF-8.
    func appendMatches(in text: [UInt8], _ range: Range<Int>, to matches: inout [Range<Int>]) {
        let scan = Scan(text: text, end: range.upperBound)
        var start = range.lowerBound
        while start < range.upperBound {
            let end =
                switch self {
                case .gpt2: scan.gpt2Word(at: start)
                case .llama3(let digits): scan.llama3Word(at: start, digits: digits)
                }
            matches.append(start..<end)
            start = end
        }
    }
}

/// The text under a scanner.
private struct Scan {
    let text: [UInt8]
    let end: Int

    /// The end of the word of GPT-2's pattern that starts at `start`.
    func gpt2Word(at start: Int) -> Int {
        if let end = contraction(at: start, ignoringCase: false) { return end }
        let (kind, length) = classAndLength(at: start)
        if text[start] == UInt8(ascii: " "), start + 1 < end {
            let (next, nextLength) = classAndLength(at: start + 1)
            if next != .space { return run(of: next, from: start + 1 + nextLength) }
        }
        return kind == .space ? whitespace(at: start) : run(of: kind, from: start + length)
    }

    /// The end of the word of Llama-3's pattern that starts at `start`.
    func llama3Word(at start: Int, digits: Int) -> Int {
        if let end = contraction(at: start, ignoringCase: true) { return end }
        let (kind, length) = classAndLength(at: start)
        let next = start + length
        if kind == .letter { return run(of: .letter, from: next) }
        if kind == .number { return self.digits(from: next, upTo: digits - 1) }
        let byte = text[start]
        if byte != UInt8(ascii: "\r"), byte != UInt8(ascii: "\n"), next < end {
            let (following, followingLength) = classAndLength(at: next)
            if following == .letter { return run(of: .letter, from: next + followingLength) }
            if byte == UInt8(ascii: " "), following == [] { return symbols(from: next + followingLength) }
        }
        if kind == [] { return symbols(from: next) }
        return newlines(at: start) ?? whitespace(at: start)
    }

    @inline(__always)
    private func classAndLength(at index: Int) -> (ScalarClass, Int) {
        let (value, length) = UTF8Text.scalar(in: text, at: index, end: end)
        return (ScalarClass(of: value), length)
    }

    private func run(of kind: ScalarClass, from start: Int) -> Int {
        var index = start
        while index < end {
            let (next, length) = classAndLength(at: index)
            guard next == kind else { break }
            index += length
        }
        return index
    }

    private func digits(from start: Int, upTo limit: Int) -> Int {
        var index = start
        for _ in 0..<limit where index < end {
            let (next, length) = classAndLength(at: index)
            guard next == .number else { break }
            index += length
        }
        return index
    }

    /// `[^\s\p{L}\p{N}]*[\r\n]*`
    private func symbols(from start: Int) -> Int {
        var index = run(of: [], from: start)
        while index < end, text[index] == UInt8(ascii: "\r") || text[index] == UInt8(ascii: "\n") { index += 1 }
        return index
    }

    /// `\s*[\r\n]+`: up to the last line end of the whitespace that starts here.
    private func newlines(at start: Int) -> Int? {
        var index = start
        var last: Int?
        while index < end {
            let (next, length) = classAndLength(at: index)
            guard next == .space else { break }
            if text[index] == UInt8(ascii: "\r") || text[index] == UInt8(ascii: "\n") { last = index + 1 }
            index += length
        }
        return last
    }

    /// `\s+(?!\S)|\s+`: all of the whitespace at the text's end, else all but its last character, which stays for the word that follows.
    private func whitespace(at start: Int) -> Int {
        var index = start
        var last = start
        while index < end {
            let (next, length) = classAndLength(at: index)
            guard next == .space else { break }
            last = index
            index += length
        }
        return index == end || last == start ? index : last
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`, where a long s (ſ) is an s without its case.
    private func contraction(at start: Int, ignoringCase: Bool) -> Int? {
        guard text[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
        let fold: UInt8 = ignoringCase ? 0x20 : 0
        let first = text[start + 1] | fold
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
            guard start + 2 < end else { return nil }
            return text[start + 2] | fold == (first == UInt8(ascii: "l") ? first : UInt8(ascii: "e")) ? start + 3 : nil
        default:
            guard ignoringCase, start + 2 < end, text[start + 1] == 0xc5, text[start + 2] == 0xbf else { return nil }
            return start + 3
        }
    }
}
