// A place in the text of a grammar, with line and column for errors.

/// Reads a grammar's text scalar by scalar.
struct TextCursor {
    let scalars: [Unicode.Scalar]
    var position = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    var isAtEnd: Bool { position >= scalars.count }
    var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    func peek(_ distance: Int) -> Unicode.Scalar? { position + distance < scalars.count ? scalars[position + distance] : nil }

    mutating func next() -> Unicode.Scalar? {
        guard let scalar = current else { return nil }
        position += 1
        return scalar
    }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard current == scalar else { return false }
        position += 1
        return true
    }

    func looksAt(_ text: String) -> Bool {
        var index = position
        for scalar in text.unicodeScalars {
            guard index < scalars.count, scalars[index] == scalar else { return false }
            index += 1
        }
        return true
    }

    mutating func take(_ text: String) -> Bool {
        guard looksAt(text) else { return false }
        position += text.unicodeScalars.count
        return true
    }

    /// The scalars from a place to here.
    func text(from start: Int) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[start..<position])
        return String(view)
    }

    /// An error at a place (here, where none is given).
    func error(_ reason: String, at place: Int? = nil) -> GrammarError {
        let end = min(place ?? position, scalars.count)
        var line = 1
        var column = 1
        for scalar in scalars[..<end] {
            column += 1
            if scalar == "\n" { (line, column) = (line + 1, 1) }
        }
        return .malformed(line: line, column: column, reason: reason)
    }

    /// So many hexadecimal digits as a character.
    mutating func hexadecimal(_ digits: ClosedRange<Int>) throws(GrammarError) -> Unicode.Scalar {
        let start = position
        var value: UInt32 = 0
        while position - start < digits.upperBound, let digit = current?.hexadecimalDigit {
            value = value << 4 | digit
            position += 1
            if value > CodePointSet.maximum { throw error("a code point above 10FFFF", at: start) }
        }
        guard position - start >= digits.lowerBound else { throw error("\(digits.lowerBound) hexadecimal digits were expected") }
        guard let scalar = Unicode.Scalar(value) else { throw error("a surrogate is no character", at: start) }
        return scalar
    }

    /// A decimal number, nil where there is none.
    mutating func number(maximum: Int) throws(GrammarError) -> Int? {
        let start = position
        var value: Int?
        while let scalar = current, (0x30...0x39).contains(scalar.value) {
            let digit = Int(scalar.value - 0x30)
            let next = (value ?? 0) * 10 + digit
            if next > maximum { throw error("a number above \(maximum)", at: start) }
            value = next
            position += 1
        }
        return value
    }
}
