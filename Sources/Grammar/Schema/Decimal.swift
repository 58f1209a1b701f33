// Exact decimals, read from the text of a JSON number.
import JSON

/// ± digits × 10^exponent, without leading or trailing zeros in `digits`; zero has none.
struct Decimal: Sendable, Hashable {
    var isNegative: Bool
    var digits: [UInt8]
    var exponent: Int

    /// Larger exponents are beyond any use.
    static let maximumExponent = 400

    /// Nil when the number's size is beyond the limit.
    init?(_ number: JSONNumber) {
        isNegative = false
        digits = []
        exponent = 0
        var text = Array(number.text.utf8)[...]
        if text.first == 0x2D {
            isNegative = true
            text = text.dropFirst()
        }
        if let mark = text.firstIndex(where: { $0 == 0x65 || $0 == 0x45 }) {
            guard let value = Int(String(decoding: text[(mark + 1)...], as: UTF8.self)), (-(1 << 30)...(1 << 30)).contains(value) else {
                if text[..<mark].contains(where: { $0 > 0x30 && $0 <= 0x39 }) { return nil }
                isNegative = false
                return
            }
            exponent = value
            text = text[..<mark]
        }
        if let point = text.firstIndex(of: 0x2E) {
            exponent -= text.endIndex - point - 1
            digits = (text[..<point] + text[(point + 1)...]).map { $0 - 0x30 }
        } else {
            digits = text.map { $0 - 0x30 }
        }
        digits = Array(digits.drop { $0 == 0 })
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        if digits.isEmpty {
            exponent = 0
            isNegative = false
        }
        if exponent > Self.maximumExponent || exponent < -Self.maximumExponent || digits.count > 2 * Self.maximumExponent { return nil }
    }

    /// units × 10^-scale.
    init(_ units: Int, scale: Int) {
        isNegative = units < 0
        digits = units == 0 ? [] : String(units.magnitude).utf8.map { $0 - 0x30 }
        exponent = units == 0 ? 0 : -scale
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
    }

    /// The value in units of 10^-scale; nil where it is not whole or has more than 17 digits.
    func units(scale: Int) -> Int? {
        let zeros = exponent + scale
        guard zeros >= 0, digits.count + zeros <= 17 else { return isZero ? 0 : nil }
        let magnitude = (digits + [UInt8](repeating: 0, count: zeros)).reduce(0) { $0 * 10 + Int($1) }
        return isNegative ? -magnitude : magnitude
    }

    var isZero: Bool { digits.isEmpty }

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
