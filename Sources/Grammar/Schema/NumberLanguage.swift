// The spellings of the numbers within bounds, by comparison of digits: exact for bounds of any size.
import JSON

/// What a schema asks of a number.
struct NumberConstraint {
    struct Bound {
        var value: Decimal
        var isExclusive: Bool
    }
    var isInteger = false
    /// No integers at all.
    var isFraction = false
    var minima: [Bound] = []
    var maxima: [Bound] = []
    /// Each as (modulus, scale): multiples of modulus / 10^scale.
    var multiples: [(modulus: Int, scale: Int)] = []
    /// What the number must not be a multiple of, and values that it must not have.
    var excludedMultiples: [(modulus: Int, scale: Int)] = []
    var excluded: [Decimal] = []

    /// The longest list of values that is made.
    static let maximumValues = 10_000

    var isBounded: Bool {
        isFraction || !minima.isEmpty || !maxima.isEmpty || !multiples.isEmpty || !excludedMultiples.isEmpty || !excluded.isEmpty
    }

    /// All values, where bounds on both sides and `multipleOf` leave few; nil otherwise.
    func values(atMost limit: Int) -> [Decimal]? {
        guard !multiples.isEmpty, !minima.isEmpty, !maxima.isEmpty else { return nil }
        let scales = (multiples + excludedMultiples).map(\.scale) + (minima + maxima).map { max(-$0.value.exponent, 0) }
        let scale = scales.max() ?? 0
        guard let step = Residues.divisor(multiples, scale: scale) else { return nil }
        var lowest: Int?
        for bound in minima {
            guard let value = bound.value.units(scale: scale) else { return nil }
            let first = value >= 0 ? (value + step - 1) / step : -(-value / step)
            lowest = max(lowest ?? .min, first * step == value && bound.isExclusive ? first + 1 : first)
        }
        var highest: Int?
        for bound in maxima {
            guard let value = bound.value.units(scale: scale) else { return nil }
            let last = value >= 0 ? value / step : -((-value + step - 1) / step)
            highest = min(highest ?? .max, last * step == value && bound.isExclusive ? last - 1 : last)
        }
        guard let lowest, let highest else { return nil }
        guard lowest <= highest else { return [] }
        guard highest - lowest < limit else { return nil }
        var divisors: [Int] = []
        for multiple in excludedMultiples {
            guard let divisor = Residues.divisor([multiple], scale: scale) else { return nil }
            divisors.append(divisor)
        }
        guard let one = Residues.divisor([(modulus: 1, scale: 0)], scale: scale) else { return nil }
        var values: [Decimal] = []
        for value in (lowest...highest).lazy.map({ $0 * step }) {
            if divisors.contains(where: { value % $0 == 0 }) || isInteger && value % one != 0 || isFraction && value % one == 0 { continue }
            let decimal = Decimal(value, scale: scale)
            if !excluded.contains(decimal) { values.append(decimal) }
        }
        return values
    }
}

extension Terms {
    /// The spellings of the numbers that satisfy the constraint, and the most characters they may have where the term does not say.
    ///
    /// Integers are written without fraction and exponent. Where a bound or `multipleOf` applies, no exponent is used: every such number has
    /// a spelling without. Digits are capped on both sides of the point, beside `multipleOf` only in their sum.
    /// - Throws: `.tooLarge` where the remainders to be told apart are more than `states`.
    mutating func numbers(
        _ constraint: NumberConstraint, digits limit: Int, states: Int = GrammarLimits().automatonStates
    ) throws(GrammarError) -> (term: TermID, longest: Int?) {
        var cap = limit
        for bound in constraint.minima + constraint.maxima {
            cap = max(cap, bound.value.integerDigits.count + 1, bound.value.fractionDigits.count + 1)
        }
        for value in constraint.excluded { cap = max(cap, value.integerDigits.count + 1, value.fractionDigits.count + 1) }
        for multiple in constraint.multiples + constraint.excludedMultiples { cap = max(cap, multiple.scale + 1) }
        let hasMultiples = !constraint.multiples.isEmpty || !constraint.excludedMultiples.isEmpty
        var parts = numberShape(constraint, digits: hasMultiples ? nil : cap)
        if let values = constraint.values(atMost: NumberConstraint.maximumValues) {
            parts.append(spellings(of: values))
            return (intersection(parts), nil)
        }
        for bound in constraint.minima { parts.append(atLeast(bound)) }
        for bound in constraint.maxima { parts.append(atMost(bound)) }
        if hasMultiples {
            guard let residues = Residues(multiples: constraint.multiples, excluded: constraint.excludedMultiples, maximum: states) else {
                throw .tooLarge(what: "remainders of multipleOf", limit: states, pointer: JSONPointer())
            }
            parts.append(residues.isEmpty ? nothing : multiples(residues))
        }
        for value in constraint.excluded { parts.append(complement(spellings(of: value))) }
        if constraint.isFraction {
            let minus = repetition(literal("-"), minimum: 0, maximum: 1)
            parts.append(complement(concatenation([minus, digitRun(1, nil), zeroFraction(from: [])])))
        }
        return (intersection(parts), hasMultiples ? 2 * cap + 2 : nil)
    }

    /// Sign, digits, and for numbers that need not be whole a fraction and an exponent.
    private mutating func numberShape(_ constraint: NumberConstraint, digits cap: Int?) -> [TermID] {
        let minus = repetition(literal("-"), minimum: 0, maximum: 1)
        let positive = concatenation(digit(1, 9), digitRun(0, cap.map { $0 - 1 }))
        if constraint.isInteger { return [union([literal("0"), concatenation(minus, positive)])] }
        let whole = union([literal("0"), positive])
        let fraction = repetition(concatenation(literal("."), digitRun(1, cap)), minimum: 0, maximum: 1)
        var items = [minus, whole, fraction]
        if !constraint.isBounded {
            let sign = repetition(characters(CodePointSet("+-")), minimum: 0, maximum: 1)
            let exponent = concatenation([characters(CodePointSet("eE")), sign, digitRun(1, 3)])
            items.append(repetition(exponent, minimum: 0, maximum: 1))
            return [concatenation(items)]
        }
        let negativeZero = concatenation([
            literal("-0"),
            repetition(concatenation(literal("."), repetition(literal("0"), minimum: 1, maximum: nil)), minimum: 0, maximum: 1),
        ])
        return [concatenation(items), complement(negativeZero)]
    }

    /// The spellings of listed values without exponent; zeros may follow the fraction.
    private mutating func spellings(of values: [Decimal]) -> TermID {
        func text(_ value: Decimal) -> String {
            let digits = value.integerDigits.isEmpty ? [0] : value.integerDigits
            let whole = (value.isNegative ? [0x2D] : []) + digits.map { $0 + 0x30 }
            let fraction = value.fractionDigits.map { $0 + 0x30 }
            return String(decoding: fraction.isEmpty ? whole : whole + [0x2E] + fraction, as: UTF8.self)
        }
        let whole = words(values.filter { $0.fractionDigits.isEmpty }.map(text))
        let others = words(values.filter { !$0.fractionDigits.isEmpty }.map(text))
        return union([
            concatenation(whole, zeroFraction(from: [])), concatenation(others, repetition(literal("0"), minimum: 0, maximum: nil)),
        ])
    }

    /// Nothing, or a point and zeros; after digits of a fraction, zeros.
    private mutating func zeroFraction(from digits: [UInt8]) -> TermID {
        let zeros = repetition(digit(0, 0), minimum: digits.isEmpty ? 1 : 0, maximum: nil)
        let fraction = concatenation([literal("."), digitText(digits[...]), zeros])
        return digits.isEmpty ? union([empty, fraction]) : fraction
    }

    /// The spellings of one value without exponent.
    private mutating func spellings(of value: Decimal) -> TermID {
        let whole = value.integerDigits.isEmpty ? [0] : value.integerDigits
        let sign = value.isNegative ? literal("-") : value.isZero ? repetition(literal("-"), minimum: 0, maximum: 1) : empty
        return concatenation([sign, digitText(whole[...]), zeroFraction(from: value.fractionDigits)])
    }

    private mutating func digit(_ low: UInt8, _ high: UInt8) -> TermID {
        low > high ? nothing : characters(CodePointSet(UInt32(low) + 0x30, UInt32(high) + 0x30))
    }

    private mutating func digitRun(_ minimum: Int, _ maximum: Int?) -> TermID {
        repetition(digit(0, 9), minimum: minimum, maximum: maximum)
    }

    private mutating func digitText(_ digits: ArraySlice<UInt8>) -> TermID {
        concatenation(digits.map { digit($0, $0) })
    }

    /// Any fraction, or none.
    private mutating func anyFraction() -> TermID {
        repetition(concatenation(literal("."), digitRun(1, nil)), minimum: 0, maximum: 1)
    }

    private mutating func anyMagnitude() -> TermID { concatenation(digitRun(1, nil), anyFraction()) }

    private mutating func atLeast(_ bound: NumberConstraint.Bound) -> TermID {
        guard bound.value.isNegative else { return magnitudeAbove(bound.value, isExclusive: bound.isExclusive) }
        let negative = concatenation(literal("-"), magnitudeBelow(bound.value, isExclusive: bound.isExclusive))
        return union([anyMagnitude(), negative])
    }

    private mutating func atMost(_ bound: NumberConstraint.Bound) -> TermID {
        if bound.value.isNegative {
            return concatenation(literal("-"), magnitudeAbove(bound.value, isExclusive: bound.isExclusive))
        }
        let negative = concatenation(literal("-"), anyMagnitude())
        return union([negative, magnitudeBelow(bound.value, isExclusive: bound.isExclusive)])
    }

    /// Unsigned spellings of values ≥ (or >) the magnitude of the bound.
    private mutating func magnitudeAbove(_ bound: Decimal, isExclusive: Bool) -> TermID {
        let whole = bound.integerDigits.isEmpty ? [0] : bound.integerDigits
        let fraction = bound.fractionDigits
        var branches = [concatenation([digit(1, 9), digitRun(whole.count, nil), anyFraction()])]
        for index in whole.indices where whole[index] < 9 {
            branches.append(
                concatenation([
                    digitText(whole[..<index]), digit(whole[index] + 1, 9), digitRun(whole.count - 1 - index, whole.count - 1 - index),
                    anyFraction(),
                ]))
        }
        // The same whole part: the fraction decides.
        var tail =
            isExclusive
            ? concatenation([repetition(literal("0"), minimum: 0, maximum: nil), digit(1, 9), digitRun(0, nil)]) : digitRun(0, nil)
        for value in fraction.reversed() {
            let higher = value < 9 ? concatenation(digit(value + 1, 9), digitRun(0, nil)) : nothing
            tail = union([higher, concatenation(digit(value, value), tail)])
        }
        let equal = concatenation(literal("."), tail)
        let isWholeEnough = fraction.isEmpty && !isExclusive
        branches.append(concatenation(digitText(whole[...]), isWholeEnough ? union([empty, equal]) : equal))
        return union(branches)
    }

    /// Unsigned spellings of values ≤ (or <) the magnitude of the bound.
    private mutating func magnitudeBelow(_ bound: Decimal, isExclusive: Bool) -> TermID {
        let whole = bound.integerDigits.isEmpty ? [0] : bound.integerDigits
        let fraction = bound.fractionDigits
        var branches: [TermID] = []
        if whole.count > 1 {
            let shorter = union([literal("0"), concatenation(digit(1, 9), digitRun(0, whole.count - 2))])
            branches.append(concatenation(shorter, anyFraction()))
        }
        for index in whole.indices {
            let lowest: UInt8 = index == 0 && whole.count > 1 ? 1 : 0
            guard whole[index] > lowest else { continue }
            branches.append(
                concatenation([
                    digitText(whole[..<index]), digit(lowest, whole[index] - 1), digitRun(whole.count - 1 - index, whole.count - 1 - index),
                    anyFraction(),
                ]))
        }
        var tail = isExclusive ? nothing : repetition(literal("0"), minimum: 0, maximum: nil)
        for value in fraction.reversed() {
            let lower = value > 0 ? concatenation(digit(0, value - 1), digitRun(0, nil)) : nothing
            // What ends before the bound's last digit (which is not zero) is smaller.
            tail = union([empty, lower, concatenation(digit(value, value), tail)])
        }
        let equal = concatenation(literal("."), tail)
        let isWholeEnough = !isExclusive || !fraction.isEmpty
        branches.append(concatenation(digitText(whole[...]), isWholeEnough ? union([empty, equal]) : equal))
        return union(branches)
    }
}
