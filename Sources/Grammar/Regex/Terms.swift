// Hash-consed regular terms with intersection and complement, and their Brzozowski derivatives (JACM 1964; Owens, Reppy, Turon, JFP 2009).

import JSON

/// A term's place in its `Terms`; equal terms have equal numbers.
typealias TermID = Int32

/// The store of terms of one grammar. Work is counted so that a pathological expression is refused rather than awaited.
struct Terms {
    enum Term: Hashable {
        case nothing
        case empty
        case characters(CodePointSet)
        case concatenation(TermID, TermID)
        case union([TermID])
        case intersection([TermID])
        case complement(TermID)
        /// `maximum` -1: without end.
        case repetition(TermID, minimum: Int32, maximum: Int32)
        /// Decimal digits (after an optional sign) whose value is a multiple of modulus / 10^scale; `fraction` -1 before the point.
        case multiple(modulus: Int, scale: Int, remainder: Int, fraction: Int)
    }

    private(set) var terms: [Term] = []
    private(set) var nullable: [Bool] = []
    private var numbers: [Term: TermID] = [:]
    private(set) var work = 0
    let workLimit: Int

    let nothing: TermID = 0
    let empty: TermID = 1
    let anything: TermID = 2  // any string
    let character: TermID = 3  // any one character

    init(workLimit: Int = GrammarLimits().work) {
        self.workLimit = workLimit
        for term in [Term.nothing, .empty] { _ = intern(term, isNullable: term == .empty) }
        let any = intern(.repetition(3, minimum: 0, maximum: -1), isNullable: true)
        let one = intern(.characters(CodePointSet.all), isNullable: false)
        precondition(any == anything && one == character)
    }

    private mutating func intern(_ term: Term, isNullable: Bool) -> TermID {
        if let known = numbers[term] { return known }
        let number = TermID(terms.count)
        terms.append(term)
        nullable.append(isNullable)
        numbers[term] = number
        return number
    }

    mutating func characters(_ set: CodePointSet) -> TermID {
        set.isEmpty ? nothing : intern(.characters(set), isNullable: false)
    }

    mutating func concatenation(_ first: TermID, _ second: TermID) -> TermID {
        if first == nothing || second == nothing { return nothing }
        if first == empty { return second }
        if second == empty { return first }
        if first == anything && second == anything { return anything }
        // Kept nested to the right, so that equal languages meet in equal terms; a loop, since chains are long.
        var items: [TermID] = []
        var rest = first
        while case .concatenation(let item, let next) = terms[Int(rest)] {
            items.append(item)
            rest = next
        }
        items.append(rest)
        work += items.count - 1
        var result = second
        for item in items.reversed() {
            result = intern(.concatenation(item, result), isNullable: nullable[Int(item)] && nullable[Int(result)])
        }
        return result
    }

    mutating func concatenation(_ items: [TermID]) -> TermID {
        items.reversed().reduce(empty) { concatenation($1, $0) }
    }

    mutating func union(_ items: [TermID]) -> TermID {
        var flat: Set<TermID> = []
        var set: CodePointSet?
        for item in items {
            if item == anything { return anything }
            switch terms[Int(item)] {
            case .nothing: break
            case .union(let inner): for part in inner { flat.insert(part) }
            default: flat.insert(item)
            }
        }
        for part in flat {
            if case .characters(let more) = terms[Int(part)] {
                set = set.map { $0.union(more) } ?? more
                flat.remove(part)
            }
        }
        if let set { flat.insert(characters(set)) }
        if flat.contains(empty), flat.contains(where: { $0 != empty && nullable[Int($0)] }) { flat.remove(empty) }
        guard flat.count > 1 else { return flat.first ?? nothing }
        let sorted = flat.sorted()
        return intern(.union(sorted), isNullable: sorted.contains { nullable[Int($0)] })
    }

    mutating func intersection(_ items: [TermID]) -> TermID {
        var flat: Set<TermID> = []
        for item in items {
            switch terms[Int(item)] {
            case .nothing: return nothing
            case .intersection(let inner): for part in inner { flat.insert(part) }
            default: if item != anything { flat.insert(item) }
            }
        }
        if flat.contains(empty) { return flat.allSatisfy { nullable[Int($0)] } ? empty : nothing }
        guard flat.count > 1 else { return flat.first ?? anything }
        let sorted = flat.sorted()
        return intern(.intersection(sorted), isNullable: sorted.allSatisfy { nullable[Int($0)] })
    }

    mutating func complement(_ item: TermID) -> TermID {
        if item == nothing { return anything }
        if item == anything { return nothing }
        if case .complement(let inner) = terms[Int(item)] { return inner }
        return intern(.complement(item), isNullable: !nullable[Int(item)])
    }

    /// `maximum` nil: without end.
    mutating func repetition(_ item: TermID, minimum: Int, maximum: Int?) -> TermID {
        if maximum == 0 || item == empty { return empty }
        if item == nothing { return minimum == 0 ? empty : nothing }
        if minimum == 1 && maximum == 1 { return item }
        let isItemNullable = nullable[Int(item)]
        let least = isItemNullable ? 0 : minimum
        if case .repetition(let inner, let low, let high) = terms[Int(item)], low == 0, least == 0 {
            // (x{0,a}){0,b} = x{0,ab}
            if high == -1 || maximum == nil { return repetition(inner, minimum: 0, maximum: nil) }
            let (product, overflow) = Int(high).multipliedReportingOverflow(by: maximum!)
            if !overflow && product <= Int(Int32.max) { return repetition(inner, minimum: 0, maximum: product) }
        }
        let term = Term.repetition(item, minimum: Int32(clamping: least), maximum: maximum.map { Int32(clamping: $0) } ?? -1)
        return intern(term, isNullable: least == 0)
    }

    mutating func multiple(modulus: Int, scale: Int, remainder: Int = 0, fraction: Int = -1) -> TermID {
        var rest = remainder
        for _ in max(fraction, 0)..<max(scale, max(fraction, 0)) { rest = rest * 10 % modulus }
        return intern(
            .multiple(modulus: modulus, scale: scale, remainder: remainder, fraction: fraction), isNullable: rest == 0)
    }

    mutating func literal(_ text: String) -> TermID {
        concatenation(text.unicodeScalars.map { characters(CodePointSet(scalar: $0.value)) })
    }

    /// What may follow `codePoint` in the language of the term.
    mutating func derivative(_ term: TermID, by codePoint: UInt32) throws(GrammarError) -> TermID {
        work += 1
        if work > workLimit { throw .tooLarge(what: "steps of automaton construction", limit: workLimit, pointer: JSONPointer()) }
        switch terms[Int(term)] {
        case .nothing, .empty: return nothing
        case .characters(let set): return set.contains(codePoint) ? empty : nothing
        case .concatenation:
            var parts: [TermID] = []
            var rest = term
            while case .concatenation(let first, let second) = terms[Int(rest)] {
                parts.append(concatenation(try derivative(first, by: codePoint), second))
                rest = second
                work += 1
                if !nullable[Int(first)] { return parts.count == 1 ? parts[0] : union(parts) }
            }
            parts.append(try derivative(rest, by: codePoint))
            return union(parts)
        case .union(let items):
            var parts: [TermID] = []
            for item in items { parts.append(try derivative(item, by: codePoint)) }
            work += items.count
            return union(parts)
        case .intersection(let items):
            var parts: [TermID] = []
            for item in items {
                let part = try derivative(item, by: codePoint)
                if part == nothing { return nothing }
                parts.append(part)
            }
            work += items.count
            return intersection(parts)
        case .complement(let item): return complement(try derivative(item, by: codePoint))
        case .repetition(let item, let minimum, let maximum):
            let step = try derivative(item, by: codePoint)
            if step == nothing { return nothing }
            let rest = repetition(
                item, minimum: max(Int(minimum) - 1, 0), maximum: maximum == -1 ? nil : Int(maximum) - 1)
            return concatenation(step, rest)
        case .multiple(let modulus, let scale, let remainder, let fraction):
            return multipleDerivative(modulus, scale, remainder, fraction, by: codePoint)
        }
    }

    private mutating func multipleDerivative(_ modulus: Int, _ scale: Int, _ remainder: Int, _ fraction: Int, by codePoint: UInt32)
        -> TermID
    {
        switch codePoint {
        case 0x2D: return fraction == -1 && remainder == 0 ? multiple(modulus: modulus, scale: scale) : nothing
        case 0x2E: return fraction == -1 ? multiple(modulus: modulus, scale: scale, remainder: remainder, fraction: 0) : nothing
        case 0x30...0x39:
            let digit = Int(codePoint - 0x30)
            if fraction >= scale && fraction != -1 {
                return digit == 0 ? multiple(modulus: modulus, scale: scale, remainder: remainder, fraction: fraction) : nothing
            }
            return multiple(
                modulus: modulus, scale: scale, remainder: (remainder * 10 + digit) % modulus,
                fraction: fraction == -1 ? -1 : fraction + 1)
        default: return nothing
        }
    }
}
