// From a text to the words that the model encodes one by one.

/// What becomes of the matches of a splitter.
enum SplitBehaviour: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
}

/// What finds the places to split a text at.
enum Splitter: Sendable {
    case scanner(PatternScanner)
    case pattern(RegularExpression)
    case literal([UInt8])
    /// Every scalar that passes is a match.
    case scalar(@Sendable (UInt32) -> Bool)
    /// `\w+|[^\w\s]+`
    case words

    /// Appends the matches in a range, left to right.
    func appendMatches(in text: [UInt8], _ range: Range<Int>, to matches: inout [Range<Int>]) {
        switch self {
        case .scanner(let scanner): scanner.appendMatches(in: text, range, to: &matches)
        case .pattern(let pattern): pattern.appendMatches(in: text, range, to: &matches)
        case .literal(let literal): appendLiterals(literal, in: text, range, to: &matches)
        case .scalar(let test):
            var index = range.lowerBound
            while index < range.upperBound {
                let (value, length) = UTF8Text.scalar(in: text, at: index, end: range.upperBound)
                if test(value) { matches.append(index..<index + length) }
                index += length
            }
        case .words: appendWords(in: text, range, to: &matches)
        }
    }

    private func appendLiterals(_ literal: [UInt8], in text: [UInt8], _ range: Range<Int>, to matches: inout [Range<Int>]) {
        guard let first = literal.first else { return }
        var index = range.lowerBound
        while index + literal.count <= range.upperBound {
            if text[index] == first, text[index..<index + literal.count].elementsEqual(literal) {
                matches.append(index..<index + literal.count)
                index += literal.count
            } else {
                index += 1
            }
        }
    }

    private func appendWords(in text: [UInt8], _ range: Range<Int>, to matches: inout [Range<Int>]) {
        var start = range.lowerBound
        var previous = 0
        var index = start
        while index < range.upperBound {
            let (value, length) = UTF8Text.scalar(in: text, at: index, end: range.upperBound)
            let kind = Scalars.isWord(value) ? 1 : Scalars.isWhitespace(value) ? 0 : 2
            if kind != previous {
                if previous != 0 { matches.append(start..<index) }
                start = index
                previous = kind
            }
            index += length
        }
        if previous != 0 { matches.append(start..<range.upperBound) }
    }
}

/// Where Metaspace and its kin put a leading replacement.
enum PrependScheme: String, Sendable {
    case always, first, never
}

/// One step of a pre-tokenizer.
enum PretokenizerStep: Sendable {
    case split(Splitter, SplitBehaviour, inverted: Bool)
    case prefixSpace
    /// Spells the text in the byte-level alphabet, for steps that look at it so.
    case byteAlphabet
    case metaspace(replacement: [UInt8], scheme: PrependScheme, splits: Bool)
}

/// A text and the words it is split into.
struct SplitText {
    var text: [UInt8]
    var pieces: [Range<Int>]
    /// Whether the text's first byte is the first of what the user wrote.
    var startsInput: Bool
    /// Whether the text is spelled in the byte-level alphabet.
    var isSpelled = false

    init(_ text: [UInt8], startsInput: Bool) {
        self.text = text
        self.startsInput = startsInput
        pieces = text.isEmpty ? [] : [0..<text.count]
    }

    /// Rewrites every piece.
    mutating func rewrite(_ transform: (_ piece: ArraySlice<UInt8>, _ isFirst: Bool, _ output: inout [UInt8]) -> Void) {
        var output: [UInt8] = []
        output.reserveCapacity(text.count + pieces.count)
        var rewritten: [Range<Int>] = []
        rewritten.reserveCapacity(pieces.count)
        for piece in pieces {
            let start = output.count
            transform(text[piece], startsInput && piece.lowerBound == 0, &output)
            if output.count > start { rewritten.append(start..<output.count) }
        }
        startsInput = startsInput && pieces.first?.lowerBound == 0
        text = output
        pieces = rewritten
    }

    /// Splits every piece at the matches of a splitter.
    mutating func split(_ splitter: Splitter, _ behaviour: SplitBehaviour, inverted: Bool) {
        var result: [Range<Int>] = []
        result.reserveCapacity(max(pieces.count, text.count / 4))
        if case .scanner(let scanner) = splitter, behaviour == .isolated {
            for piece in pieces { scanner.appendMatches(in: text, piece, to: &result) }
            pieces = result
            return
        }
        var matches: [Range<Int>] = []
        for piece in pieces {
            matches.removeAll(keepingCapacity: true)
            splitter.appendMatches(in: text, piece, to: &matches)
            var parts = PieceParts(behaviour: behaviour, base: result.count)
            var end = piece.lowerBound
            for match in matches {
                if end < match.lowerBound { parts.add(end..<match.lowerBound, isMatch: inverted, to: &result) }
                parts.add(match, isMatch: !inverted, to: &result)
                end = match.upperBound
            }
            if end < piece.upperBound { parts.add(end..<piece.upperBound, isMatch: inverted, to: &result) }
            parts.finish(&result)
        }
        pieces = result
    }
}

/// Puts the matches of one piece, and what lies between them, together as a behaviour asks.
private struct PieceParts {
    let behaviour: SplitBehaviour
    /// How many results were there before this piece's.
    let base: Int
    private var previousWasMatch = false
    private var held: Range<Int>?
    private var hasEmpty = false

    init(behaviour: SplitBehaviour, base: Int) {
        self.behaviour = behaviour
        self.base = base
    }

    mutating func add(_ part: Range<Int>, isMatch: Bool, to result: inout [Range<Int>]) {
        if part.isEmpty { hasEmpty = true }
        switch behaviour {
        case .removed: if !isMatch { result.append(part) }
        case .isolated: result.append(part)
        case .contiguous:
            if isMatch == previousWasMatch, result.count > base { extend(&result, to: part) } else { result.append(part) }
        case .mergedWithPrevious:
            if isMatch, !previousWasMatch, result.count > base { extend(&result, to: part) } else { result.append(part) }
        case .mergedWithNext:
            if isMatch {
                if let held { result.append(held) }
                held = part
            } else {
                result.append((held?.lowerBound ?? part.lowerBound)..<part.upperBound)
                held = nil
            }
        }
        previousWasMatch = isMatch
    }

    mutating func finish(_ result: inout [Range<Int>]) {
        if let held { result.append(held) }
        // Empty matches part what is beside them, and are no words themselves.
        if hasEmpty { result[base...].removeAll { $0.isEmpty } }
    }

    private func extend(_ result: inout [Range<Int>], to part: Range<Int>) {
        result[result.count - 1] = result[result.count - 1].lowerBound..<part.upperBound
    }
}

/// A pre-tokenizer: its steps in order.
struct Pretokenizer: Sendable {
    var steps: [PretokenizerStep] = []

    /// Splits a text into words.
    func apply(to split: inout SplitText) {
        for step in steps {
            switch step {
            case .split(let splitter, let behaviour, let inverted): split.split(splitter, behaviour, inverted: inverted)
            case .prefixSpace:
                if split.pieces.allSatisfy({ split.text[$0.lowerBound] == UInt8(ascii: " ") }) { continue }
                split.rewrite { piece, _, output in
                    if piece.first != UInt8(ascii: " ") { output.append(UInt8(ascii: " ")) }
                    output += piece
                }
            case .byteAlphabet:
                split.rewrite { piece, _, output in output += ByteAlphabet.spelled(piece) }
                split.isSpelled = true
            case .metaspace(let replacement, let scheme, let splits):
                Self.metaspace(&split, replacement: replacement, scheme: scheme, splits: splits)
            }
        }
    }

    private static func metaspace(_ split: inout SplitText, replacement: [UInt8], scheme: PrependScheme, splits: Bool) {
        split.rewrite { piece, isFirst, output in
            let startsReplaced = piece.first == UInt8(ascii: " ") || piece.starts(with: replacement)
            if !startsReplaced, scheme == .always || (scheme == .first && isFirst) { output += replacement }
            for byte in piece {
                if byte == UInt8(ascii: " ") { output += replacement } else { output.append(byte) }
            }
        }
        if splits { split.split(.literal(replacement), .mergedWithNext, inverted: false) }
    }
}
