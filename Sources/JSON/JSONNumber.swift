// The JSON number, which keeps its text.

/// A JSON number as it was written: `1.10`, `1e400` and integers of any length keep their text.
public struct JSONNumber: Sendable, Hashable {
    /// The number's text, a valid JSON number.
    public let text: String

    /// The number with this text; nil where the text is not a JSON number.
    public init?(_ text: String) {
        var text = text
        let valid = text.withUTF8 { bytes in
            var scanner = unsafe JSONScanner(bytes, limits: .standard)
            return (try? scanner.number()) != nil && scanner.isAtEnd
        }
        guard valid else { return nil }
        self.text = text
    }

    /// A text that the scanner has found to be a number.
    init(scanned text: String) { self.text = text }

    /// An integer.
    public init(_ value: Int) { text = String(value) }

    /// A finite floating-point value in its shortest text (integers without a fraction below 2^53); nil for NaN and the infinities.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992, !(value == 0 && value.sign == .minus) {
            text = String(Int(value))
        } else {
            text = "\(value)"
        }
    }

    /// The nearest `Double`; an infinity where the number is beyond its range.
    public var doubleValue: Double { Double(text) ?? .nan }

    /// The number as an `Int` where it is an integer (`1`, `1.0`, `1e2`) that fits one.
    public var intValue: Int? {
        if let value = Int(text) { return value }
        let decimal = decimal
        guard decimal.exponent >= 0, decimal.digits.count + decimal.exponent <= 19 else { return nil }
        let digits = decimal.digits.map { Character(UnicodeScalar($0 + UInt8(ascii: "0"))) } + [Character](repeating: "0", count: decimal.exponent)
        return Int((decimal.isNegative ? "-" : "") + (digits.isEmpty ? "0" : String(digits)))
    }

    /// Whether the value is an integer: `1.0` and `1e2` are.
    public var isInteger: Bool {
        let isPlain = text.utf8.allSatisfy { $0 == UInt8(ascii: "-") || $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        return isPlain || decimal.exponent >= 0
    }

    /// Whether two numbers have the same value, compared exactly.
    public func isEquivalent(to other: JSONNumber) -> Bool { text == other.text || decimal == other.decimal }
}

extension JSONNumber: CustomStringConvertible {
    /// The number's own text.
    public var description: String { text }
}
