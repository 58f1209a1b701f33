// Source text to tokens, with Jinja's rules for white space around tags (trim_blocks, lstrip_blocks, `-` and `+` signs).

enum Token: Sendable, Hashable {
    case data(Text)
    case blockBegin, blockEnd, variableBegin, variableEnd
    case name(String)
    case text(Text)
    case integer(Int)
    case float(Double)
    case symbol(String)
    case end
}

struct PlacedToken: Sendable {
    var token: Token
    var line: Int
}

/// The state of one pass over the source. Works on code points; a byte order mark is text like any other.
struct Lexer {
    private let source: [UInt32]
    private var position = 0
    private var line = 1
    private var tokens: [PlacedToken] = []
    /// Whether the next piece of data begins at the start of a line.
    private var isAtLineStart = true

    init(_ source: String) {
        var units: [UInt32] = []
        units.reserveCapacity(source.utf8.count)
        var afterReturn = false
        for scalar in source.unicodeScalars {
            if scalar == "\n", afterReturn {
                afterReturn = false
                continue
            }
            afterReturn = scalar == "\r"
            units.append(afterReturn ? 10 : scalar.value)
        }
        if units.last == 10 { units.removeLast() }
        self.source = units
    }

    mutating func tokenize() throws(JinjaError) -> [PlacedToken] {
        while position < source.count {
            guard let tag = nextTag() else {
                emitData(position..<source.count)
                position = source.count
                break
            }
            try enterTag(tag)
        }
        tokens.append(PlacedToken(token: .end, line: line))
        return tokens
    }

    // MARK: Text and the borders of tags

    /// The next `{%`, `{{` or `{#`.
    private func nextTag() -> Int? {
        var index = position
        while index + 1 < source.count {
            if source[index] == 0x7B, source[index + 1] == 0x7B || source[index + 1] == 0x25 || source[index + 1] == 0x23 { return index }
            index += 1
        }
        return nil
    }

    private mutating func emitData(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        tokens.append(PlacedToken(token: .data(Text(units: Array(source[range]))), line: line))
    }

    private mutating func advance(to index: Int) {
        for unit in source[position..<index] where unit == 10 { line += 1 }
        isAtLineStart = index > position ? source[index - 1] == 10 : isAtLineStart
        position = index
    }

    private mutating func enterTag(_ tag: Int) throws(JinjaError) {
        let kind = source[tag + 1]
        var inner = tag + 2
        let sign = inner < source.count ? source[inner] : 0
        var dataEnd = tag
        if sign == 0x2D {
            inner += 1
            while dataEnd > position, Text.isSpace(source[dataEnd - 1]) { dataEnd -= 1 }
        } else if sign == 0x2B, kind != 0x7B {
            inner += 1
        } else if kind != 0x7B {
            dataEnd = lineStartIfBlank(before: tag)
        }
        emitData(position..<dataEnd)
        advance(to: tag)
        let startLine = line
        switch kind {
        case 0x23:
            advance(to: inner)
            try skipComment(from: startLine)
        case 0x25:
            if let rawStart = rawBlockStart(at: inner) {
                advance(to: rawStart)
                try lexRawBlock(from: startLine)
            } else {
                advance(to: inner)
                tokens.append(PlacedToken(token: .blockBegin, line: line))
                try lexInside(closing: 0x25, from: startLine)
            }
        default:
            advance(to: inner)
            tokens.append(PlacedToken(token: .variableBegin, line: line))
            try lexInside(closing: 0x7D, from: startLine)
        }
    }

    /// lstrip_blocks: where data ends if only white space stands between the line's start and the tag.
    private func lineStartIfBlank(before tag: Int) -> Int {
        var index = tag
        while index > position, source[index - 1] != 10 {
            guard Text.isSpace(source[index - 1]) else { return tag }
            index -= 1
        }
        return index > position || isAtLineStart ? index : tag
    }

    private func skippingSpaces(_ start: Int) -> Int {
        var index = start
        while index < source.count, Text.isSpace(source[index]) { index += 1 }
        return index
    }

    /// Where text goes on after a closing delimiter that ends at `end`: trim_blocks, unless a sign says otherwise.
    private func afterClosing(_ end: Int, sign: UInt32) -> Int {
        if sign == 0x2D { return skippingSpaces(end) }
        return sign != 0x2B && end < source.count && source[end] == 10 ? end + 1 : end
    }

    private mutating func skipComment(from startLine: Int) throws(JinjaError) {
        var index = position
        while index + 1 < source.count {
            if source[index] == 0x23, source[index + 1] == 0x7D {
                let sign: UInt32 = index > position ? source[index - 1] : 0
                advance(to: afterClosing(index + 2, sign: sign))
                return
            }
            index += 1
        }
        throw .syntax("a comment is not closed", line: startLine)
    }

    // MARK: Raw blocks

    /// The place after `{% raw %}` if one stands here (`index` is after the opening delimiter and its sign).
    private func rawBlockStart(at index: Int) -> Int? {
        guard let (end, sign) = keyword("raw", at: index) else { return nil }
        return sign == 0x2D ? skippingSpaces(end) : end
    }

    /// `word %}` at `index`: the place after it and the sign before the closing delimiter.
    private func keyword(_ word: String, at index: Int) -> (end: Int, sign: UInt32)? {
        var cursor = skippingSpaces(index)
        for scalar in word.unicodeScalars {
            guard cursor < source.count, source[cursor] == scalar.value else { return nil }
            cursor += 1
        }
        cursor = skippingSpaces(cursor)
        var sign: UInt32 = 0
        if cursor < source.count, source[cursor] == 0x2D || source[cursor] == 0x2B {
            sign = source[cursor]
            cursor += 1
        }
        guard cursor + 1 < source.count, source[cursor] == 0x25, source[cursor + 1] == 0x7D else { return nil }
        return (cursor + 2, sign)
    }

    private mutating func lexRawBlock(from startLine: Int) throws(JinjaError) {
        var index = position
        while index + 1 < source.count {
            defer { index += 1 }
            guard source[index] == 0x7B, source[index + 1] == 0x25 else { continue }
            var inner = index + 2
            let sign = inner < source.count ? source[inner] : 0
            if sign == 0x2D || sign == 0x2B { inner += 1 }
            guard let (end, closingSign) = keyword("endraw", at: inner) else { continue }
            var dataEnd = index
            if sign == 0x2D {
                while dataEnd > position, Text.isSpace(source[dataEnd - 1]) { dataEnd -= 1 }
            } else if sign != 0x2B {
                dataEnd = lineStartIfBlank(before: index)
            }
            emitData(position..<dataEnd)
            advance(to: afterClosing(end, sign: closingSign))
            return
        }
        throw .syntax("a raw block is not closed", line: startLine)
    }

    // MARK: Inside tags

    private static let symbols: [String] = [
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",",
        ";",
    ]
    private static let symbolUnits: [[UInt32]] = symbols.map { $0.unicodeScalars.map(\.value) }

    private mutating func lexInside(closing: UInt32, from startLine: Int) throws(JinjaError) {
        var open: [String] = []
        while true {
            advance(to: skippingSpaces(position))
            guard position < source.count else { throw .syntax("a tag is not closed", line: startLine) }
            if open.isEmpty, closeTag(closing) { return }
            let unit = source[position]
            let start = line
            if unit == 0x22 || unit == 0x27 {
                let text = try lexText(quote: unit)
                tokens.append(PlacedToken(token: .text(text), line: start))
            } else if (0x30...0x39).contains(unit) {
                try lexNumber()
            } else if let scalar = Unicode.Scalar(unit), scalar == "_" || scalar.properties.isXIDStart {
                lexName()
            } else {
                try lexSymbol(&open)
            }
        }
    }

    private mutating func closeTag(_ closing: UInt32) -> Bool {
        var cursor = position
        var sign: UInt32 = 0
        if source[cursor] == 0x2D || (source[cursor] == 0x2B && closing == 0x25) {
            sign = source[cursor]
            cursor += 1
        }
        guard cursor + 1 < source.count, source[cursor] == closing, source[cursor + 1] == 0x7D else { return false }
        let isBlock = closing == 0x25
        tokens.append(PlacedToken(token: isBlock ? .blockEnd : .variableEnd, line: line))
        let end = cursor + 2
        advance(to: isBlock ? afterClosing(end, sign: sign) : sign == 0x2D ? skippingSpaces(end) : end)
        return true
    }

    private mutating func lexSymbol(_ open: inout [String]) throws(JinjaError) {
        for (symbol, units) in zip(Lexer.symbols, Lexer.symbolUnits) where source[position...].starts(with: units) {
            switch symbol {
            case "(": open.append(")")
            case "[": open.append("]")
            case "{": open.append("}")
            case ")", "]", "}":
                guard open.popLast() == symbol else { throw .syntax("unexpected \"\(symbol)\"", line: line) }
            default: break
            }
            tokens.append(PlacedToken(token: .symbol(symbol), line: line))
            advance(to: position + units.count)
            return
        }
        throw .syntax("unexpected character \"\(Text.string(source[position...position]))\"", line: line)
    }

    private mutating func lexName() {
        var end = position
        while end < source.count, let scalar = Unicode.Scalar(source[end]), scalar.properties.isXIDContinue { end += 1 }
        tokens.append(PlacedToken(token: .name(Text.string(source[position..<end])), line: line))
        advance(to: end)
    }

    private mutating func lexNumber() throws(JinjaError) {
        var end = position
        func isDigit(_ index: Int) -> Bool { index < source.count && (0x30...0x39).contains(source[index]) }
        func skipDigits(_ start: Int) -> Int {
            var index = start
            while isDigit(index) || (index < source.count && source[index] == 0x5F && isDigit(index + 1)) { index += 1 }
            return index
        }
        end = skipDigits(position)
        var isFloat = false
        let follows: UInt32 = tokens.last.map { $0.token == .symbol(".") ? 0x2E : 0 } ?? 0
        if follows != 0x2E {
            if end < source.count, source[end] == 0x2E, isDigit(end + 1) {
                isFloat = true
                end = skipDigits(end + 1)
            }
            if end < source.count, source[end] | 0x20 == 0x65 {
                let sign = end + 1 < source.count && (source[end + 1] == 0x2B || source[end + 1] == 0x2D) ? 1 : 0
                if isDigit(end + 1 + sign) {
                    isFloat = true
                    end = skipDigits(end + 1 + sign)
                }
            }
        }
        let literal = Text.string(source[position..<end]).filter { $0 != "_" }
        if isFloat, let value = Double(literal) {
            tokens.append(PlacedToken(token: .float(value), line: line))
        } else if !isFloat, let value = Int(literal) {
            tokens.append(PlacedToken(token: .integer(value), line: line))
        } else {
            throw .limit("the number \(literal) is beyond 64 bits", line: line)
        }
        advance(to: end)
    }

    private mutating func lexText(quote: UInt32) throws(JinjaError) -> Text {
        let start = line
        var result: [UInt32] = []
        var index = position + 1
        while index < source.count {
            let unit = source[index]
            if unit == quote {
                advance(to: index + 1)
                return Text(units: result)
            }
            if unit == 0x5C, index + 1 < source.count {
                index = try lexEscape(at: index + 1, into: &result, line: start)
            } else {
                result.append(unit)
                index += 1
            }
        }
        throw .syntax("a string is not closed", line: start)
    }

    /// The escape whose letter stands at `index`; returns the place after it. Unknown escapes stay as they are, as in Python.
    private func lexEscape(at index: Int, into result: inout [UInt32], line: Int) throws(JinjaError) -> Int {
        func hexadecimal(_ count: Int) throws(JinjaError) -> Int {
            var value: UInt32 = 0
            for offset in 1...count {
                guard index + offset < source.count, let scalar = Unicode.Scalar(source[index + offset]),
                    let digit = Character(scalar).hexDigitValue, scalar.isASCII
                else { throw .syntax("a string holds half an escape", line: line) }
                value = value &* 16 &+ UInt32(digit)
            }
            guard Unicode.Scalar(value) != nil else { throw .syntax("a string's escape is no character", line: line) }
            result.append(value)
            return index + 1 + count
        }
        switch source[index] {
        case 0x0A: return index + 1
        case 0x5C, 0x27, 0x22: result.append(source[index])
        case 0x61: result.append(7)
        case 0x62: result.append(8)
        case 0x66: result.append(12)
        case 0x6E: result.append(10)
        case 0x72: result.append(13)
        case 0x74: result.append(9)
        case 0x76: result.append(11)
        case 0x78: return try hexadecimal(2)
        case 0x75: return try hexadecimal(4)
        case 0x55: return try hexadecimal(8)
        case 0x30...0x37:
            var value: UInt32 = 0
            var cursor = index
            while cursor < min(index + 3, source.count), (0x30...0x37).contains(source[cursor]) {
                value = value * 8 + source[cursor] - 0x30
                cursor += 1
            }
            result.append(value)
            return cursor
        default:
            result.append(0x5C)
            result.append(source[index])
        }
        return index + 1
    }
}
