// `multipleOf`, several and denied ones together, as remainders: which values may follow digits read from the left.

/// The decimals that are multiples of some numbers and not of others, told by remainders.
struct Residues: Hashable, Sendable {
    /// Values are counted in units of 10^-scale.
    private let scale: Int
    /// What every value is a multiple of, in units; 1 where nothing is asked.
    private let divisor: Int
    private let isDivided: Bool
    /// What no value is a multiple of, in units.
    private let excluded: [Int]
    /// After so many digits of the fraction, the modulus of the remainder that matters.
    private let moduli: [Int]

    /// Each number is (modulus, scale): modulus / 10^scale. Nil where there are more than `maximum` remainders.
    init?(multiples: [(modulus: Int, scale: Int)], excluded: [(modulus: Int, scale: Int)], maximum: Int) {
        let scale = (multiples + excluded).map(\.scale).max() ?? 0
        guard let divisor = Self.divisor(multiples, scale: scale) else { return nil }
        var others: [Int] = []
        for number in excluded {
            // Only a multiple of the divisor can be at stake.
            guard let value = Self.divisor(multiples + [number], scale: scale) else { return nil }
            if !others.contains(value) { others.append(value) }
        }
        var moduli: [Int] = []
        var total = 0
        for fraction in 0...scale {
            guard let power = Self.power(scale - fraction) else { return nil }
            var modulus = 1
            for value in [divisor] + others {
                guard let next = Self.leastCommonMultiple(modulus, value / Self.greatestCommonDivisor(value, power)) else { return nil }
                modulus = next
            }
            total += modulus
            guard total <= maximum else { return nil }
            moduli.append(modulus)
        }
        self.scale = scale
        self.divisor = divisor
        isDivided = !multiples.isEmpty
        self.excluded = others.sorted()
        self.moduli = moduli
    }

    /// Whether nothing is left.
    var isEmpty: Bool { isDivided && excluded.contains(divisor) }

    /// What the multiples of all the numbers are multiples of, in units of 10^-scale; nil beyond the machine's integers.
    static func divisor(_ numbers: [(modulus: Int, scale: Int)], scale: Int) -> Int? {
        var divisor = 1
        for number in numbers {
            guard let power = power(scale - number.scale), let units = product(number.modulus, power),
                let next = leastCommonMultiple(divisor, units)
            else { return nil }
            divisor = next
        }
        return divisor
    }

    /// Whether the number may end after so many digits of the fraction.
    func allows(_ remainder: Int, fraction: Int) -> Bool {
        if remainder < 0 { return true }
        let power = Self.power(scale - min(fraction, scale)) ?? 1
        func divides(_ number: Int) -> Bool { remainder % (number / Self.greatestCommonDivisor(number, power)) == 0 }
        return divides(divisor) && !excluded.contains(where: divides)
    }

    /// The state after one more digit (`fraction` −1 before the point); nil where nothing is allowed any more.
    func next(_ remainder: Int, fraction: Int, digit: Int) -> (remainder: Int, fraction: Int)? {
        if remainder < 0 { return (remainder, fraction) }
        if fraction >= scale {
            if digit != 0 { return isDivided ? nil : (-1, fraction) }
            return (remainder, fraction)
        }
        let next = (remainder * 10 + digit) % moduli[fraction + 1]
        if fraction >= 0 && fraction + 1 == scale && isOver(next) { return nil }
        return (next, fraction == -1 ? -1 : fraction + 1)
    }

    /// Whether a point may follow.
    func allowsPoint(_ remainder: Int) -> Bool { scale > 0 || !isOver(remainder) }

    /// Whether a number with all its places behind the point read, which is no multiple, cannot become one.
    private func isOver(_ remainder: Int) -> Bool { isDivided && !allows(remainder, fraction: scale) }

    private static func power(_ exponent: Int) -> Int? {
        guard exponent <= 18 else { return nil }
        return (0..<exponent).reduce(1) { value, _ in value * 10 }
    }

    private static func product(_ a: Int, _ b: Int) -> Int? {
        let (value, overflow) = a.multipliedReportingOverflow(by: b)
        return overflow ? nil : value
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }

    private static func leastCommonMultiple(_ a: Int, _ b: Int) -> Int? {
        product(a / greatestCommonDivisor(a, b), b)
    }
}
