// The value of a JSON number: exact, whatever its size.

extension JSONNumber {
    /// ± digits × 10^exponent, without leading or trailing zeros in `digits`: `-1.50e3` is −15 × 10². Zero has no digits, no sign and the exponent 0,
    /// so that equal values are equal.
    public struct Decimal: Sendable, Hashable {
        /// Whether the value is below zero.
        public private(set) var isNegative: Bool
        /// 0 to 9 each, the most significant first.
        public private(set) var digits: [UInt8]
        /// The power of ten of the last digit. Exponents written beyond ±2^61 count as ±2^61: nobody can tell such powers apart by any other means.
        public private(set) var exponent: Int

        /// Whether the value is zero.
        public var isZero: Bool { digits.isEmpty }

        /// The value of a number's text.
        public init(_ number: JSONNumber) {
            isNegative = number.text.utf8.first == UInt8(ascii: "-")
            digits = []
            exponent = 0
            var inFraction = false
            var bytes = number.text.utf8.dropFirst(isNegative ? 1 : 0)
            while let byte = bytes.popFirst() {
                switch byte {
                case UInt8(ascii: "."): inFraction = true
                case UInt8(ascii: "e"), UInt8(ascii: "E"):
                    let limit = 1 << 61
                    let written = Int(String(Substring(bytes))) ?? (bytes.first == UInt8(ascii: "-") ? -limit : limit)
                    exponent += Swift.max(-limit, Swift.min(limit, written))
                    bytes = bytes.suffix(0)
                case let byte:
                    if inFraction { exponent -= 1 }
                    if byte != UInt8(ascii: "0") || !digits.isEmpty { digits.append(byte - UInt8(ascii: "0")) }
                }
            }
            dropZeros()
        }

        /// units × 10^-scale.
        public init(_ units: Int, scale: Int = 0) {
            isNegative = units < 0
            digits = units == 0 ? [] : String(units.magnitude).utf8.map { $0 - UInt8(ascii: "0") }
            exponent = -scale
            dropZeros()
        }

        private mutating func dropZeros() {
            while digits.last == 0 {
                digits.removeLast()
                exponent += 1
            }
            if digits.isEmpty { (isNegative, exponent) = (false, 0) }
        }
    }

    /// The exact value.
    public var decimal: Decimal { Decimal(self) }
}

extension JSONNumber.Decimal: Comparable {
    /// By value.
    public static func < (a: Self, b: Self) -> Bool {
        guard a.isNegative == b.isNegative else { return a.isNegative }
        return a.isNegative ? b.isCloserToZero(than: a) : a.isCloserToZero(than: b)
    }

    private func isCloserToZero(than other: Self) -> Bool {
        guard !isZero, !other.isZero else { return isZero && !other.isZero }
        let (magnitude, otherMagnitude) = (digits.count + exponent, other.digits.count + other.exponent)
        return magnitude == otherMagnitude ? digits.lexicographicallyPrecedes(other.digits) : magnitude < otherMagnitude
    }
}
