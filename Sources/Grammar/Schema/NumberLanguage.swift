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

    var isBounded: Bool {
        isFraction || !minima.isEmpty || !maxima.isEmpty || !multiples.isEmpty || !excludedMultiples.isEmpty || !excluded.isEmpty
    }
}

extension Terms {
    /// The spellings of the numbers that satisfy the constraint.
    ///
    /// Integers are written without fraction and exponent. Where a bound or `multipleOf` applies, no exponent is used: every such number has
    /// a spelling without. Digits are capped on both sides of the point.
    mutating func numbers(_ constraint: NumberConstraint, digits limit: Int) -> TermID {
        var cap = limit
        for bound in constraint.minima + constraint.maxima {
            cap = max(cap, bound.value.integerDigits.count + 1, bound.value.fractionDigits.count + 1)
        }
        for value in constraint.excluded { cap = max(cap, value.integerDigits.count + 1, value.fractionDigits.count + 1) }
        for multiple in constraint.multiples + constraint.excludedMultiples { cap = max(cap, multiple.scale + 1) }
        let minus = repetition(literal("-"), minimum: 0, maximum: 1)
        let positive = concatenation(digit(1, 9), digitRun(0, cap - 1))
        let negativeZero = concatenation([
            literal("-0"),
            repetition(concatenation(literal("."), repetition(literal("0"), minimum: 1, maximum: nil)), minimum: 0, maximum: 1),
        ])
        var parts: [TermID]
        if constraint.isInteger {
            parts = [union([literal("0"), concatenation(minus, positive)])]
        } else {
            let whole = union([literal("0"), positive])
            let fraction = repetition(concatenation(literal("."), digitRun(1, cap)), minimum: 0, maximum: 1)
            var items = [minus, whole, fraction]
            if !constraint.isBounded {
                let sign = repetition(characters(CodePointSet("+-")), minimum: 0, maximum: 1)
                let exponent = concatenation([characters(CodePointSet("eE")), sign, digitRun(1, 3)])
                items.append(repetition(exponent, minimum: 0, maximum: 1))
            }
            parts = [concatenation(items)]
            if constraint.isBounded { parts.append(complement(negativeZero)) }
        }
        for bound in constraint.minima { parts.append(atLeast(bound)) }
        for bound in constraint.maxima { parts.append(atMost(bound)) }
        for multiple in constraint.multiples { parts.append(self.multiple(modulus: multiple.modulus, scale: multiple.scale)) }
        for multiple in constraint.excludedMultiples {
            parts.append(complement(self.multiple(modulus: multiple.modulus, scale: multiple.scale)))
        }
        for value in constraint.excluded { parts.append(complement(spellings(of: value))) }
        if constraint.isFraction {
            parts.append(complement(concatenation([minus, digitRun(1, nil), zeroFraction(from: [])])))
        }
        return intersection(parts)
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
