// Divisibility and equality of values of any size, digit by digit.
import JSON

/// Arithmetic on the texts of numbers, for the validator.
enum ExactArithmetic {
    /// Whether the number is a whole multiple of the (positive) divisor, exactly.
    static func isMultiple(_ x: Decimal, of y: Decimal) -> Bool {
        if x.isZero { return true }
        guard !y.isZero else { return false }
        let shift = x.exponent - y.exponent
        // x·10^shift must be divisible by y; more than a few thousand zeros are beyond any number that was written out.
        if shift < 0 { return false }
        guard y.digits.count <= 17 else { return isLongMultiple(x.digits, shift: shift, of: y.digits) }
        let modulus = y.digits.reduce(0) { $0 * 10 + UInt64($1) }
        var remainder: UInt64 = 0
        for digit in x.digits { remainder = next(remainder, UInt64(digit), modulus) }
        // 10^shift: factors 2 and 5 are used up after 64 zeros; then nothing changes.
        for _ in 0..<min(shift, 128) where remainder != 0 { remainder = next(remainder, 0, modulus) }
        return remainder == 0
    }

    private static func next(_ remainder: UInt64, _ digit: UInt64, _ modulus: UInt64) -> UInt64 {
        let product = remainder.multipliedFullWidth(by: 10)
        let (low, carry) = product.low.addingReportingOverflow(digit)
        return modulus.dividingFullWidth((product.high + (carry ? 1 : 0), low)).remainder
    }

    /// School division for divisors of more than 17 digits.
    private static func isLongMultiple(_ digits: [UInt8], shift: Int, of divisor: [UInt8]) -> Bool {
        var remainder: [UInt8] = []
        func isLess(_ a: [UInt8], _ b: [UInt8]) -> Bool {
            a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b)
        }
        for digit in digits + [UInt8](repeating: 0, count: min(shift, 4_096)) {
            remainder.append(digit)
            remainder = Array(remainder.drop { $0 == 0 })
            while !isLess(remainder, divisor) {
                var borrow: Int8 = 0
                for offset in 1...remainder.count {
                    let index = remainder.count - offset
                    let lower = offset <= divisor.count ? Int8(divisor[divisor.count - offset]) : 0
                    var value = Int8(remainder[index]) - lower - borrow
                    borrow = value < 0 ? 1 : 0
                    if value < 0 { value += 10 }
                    remainder[index] = UInt8(value)
                }
                remainder = Array(remainder.drop { $0 == 0 })
            }
        }
        return remainder.isEmpty
    }

    /// Bytes that are equal for two values just when JSON Schema takes them for equal (order of members and spelling of numbers aside).
    static func key(of value: JSONValue) -> [UInt8] {
        switch value {
        case .null, .bool, .string: return Array(value.text().utf8)
        case .number(let number):
            let value = number.decimal
            return (value.isNegative ? [0x2D] : [0x2B]) + value.digits.map { $0 + 0x30 } + [0x65] + Array(String(value.exponent).utf8)
        case .array(let items): return [0x5B] + items.flatMap { key(of: $0) + [0x2C] }
        case .object(let members):
            let pairs = members.map { key(of: .string($0.key)) + [0x3A] + key(of: $0.value) + [0x2C] }
            return [0x7B] + pairs.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
        }
    }
}
