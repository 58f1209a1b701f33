// Decimals that a grammar can spell: bounded in size, cut at the point.
import JSON

typealias Decimal = JSONNumber.Decimal

extension JSONNumber.Decimal {
    /// Larger exponents are beyond any use.
    static let maximumExponent = 400

    /// The value of a JSON number's text; nil for other text.
    init?(text: some Sequence<UInt8>) {
        guard let number = JSONNumber(String(decoding: Array(text), as: UTF8.self)) else { return nil }
        self.init(number)
    }

    /// Bytes that are equal for equal values.
    var key: [UInt8] { (isNegative ? [0x2D] : [0x2B]) + digits.map { $0 + 0x30 } + [0x65] + Array(String(exponent).utf8) }

    /// Whether the byte may stand in the text of a number.
    static func isSpelling(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x2D, 0x2B, 0x2E, 0x65, 0x45: true
        default: false
        }
    }

    /// Whether its digits and zeros are few enough to be spelled.
    var isSpellable: Bool { abs(exponent) <= Self.maximumExponent && digits.count <= 2 * Self.maximumExponent }

    /// The value in units of 10^-scale; nil where it is not whole or has more than 17 digits.
    func units(scale: Int) -> Int? {
        let zeros = exponent + scale
        guard zeros >= 0, digits.count + zeros <= 17 else { return isZero ? 0 : nil }
        let magnitude = (digits + [UInt8](repeating: 0, count: zeros)).reduce(0) { $0 * 10 + Int($1) }
        return isNegative ? -magnitude : magnitude
    }

    /// The digits before the point (without leading zeros; none for values below one).
    var integerDigits: [UInt8] {
        if exponent >= 0 { return digits + [UInt8](repeating: 0, count: exponent) }
        return Array(digits.dropLast(min(-exponent, digits.count)))
    }

    /// The digits after the point, without trailing zeros.
    var fractionDigits: [UInt8] {
        guard exponent < 0 else { return [] }
        return [UInt8](repeating: 0, count: max(-exponent - digits.count, 0)) + digits.suffix(-exponent)
    }
}
