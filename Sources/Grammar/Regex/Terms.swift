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
        /// Decimal digits (after an optional sign) whose value `residues[table]` allows; `fraction` -1 before the point, `remainder` -1 where
        /// digits were read that no multiple has.
        case multiples(table: Int, remainder: Int, fraction: Int)
        /// The rests of words from a node of `wordTries[trie]`.
        case words(trie: Int32, node: Int32)
    }

    private(set) var terms: [Term] = []
    private(set) var nullable: [Bool] = []
    /// Places of terms by their hashes; −1 where free.
    private var slots = ContiguousArray<TermID>(repeating: -1, count: 256)
    private var hashes: ContiguousArray<UInt64> = []
    private(set) var wordTries: [WordTrie] = []
    private var residues: [Residues] = []
    /// Derivatives that are known, by term and code point.
    private var derived = FlatMap()
    private(set) var work = 0
    var workLimit: Int

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
        let hash = Self.hash(term)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] >= 0 {
            if hashes[Int(slots[slot])] == hash && terms[Int(slots[slot])] == term { return slots[slot] }
            slot = (slot + 1) & (slots.count - 1)
        }
        let number = TermID(terms.count)
        slots[slot] = number
        terms.append(term)
        nullable.append(isNullable)
        hashes.append(hash)
        if terms.count * 2 > slots.count {
            slots = ContiguousArray(repeating: -1, count: slots.count * 2)
            for (number, hash) in hashes.enumerated() {
                var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
                while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
                slots[slot] = TermID(number)
            }
        }
        return number
    }

    private static func hash(_ term: Term) -> UInt64 {
        func hash(_ kind: UInt64, _ numbers: Int...) -> UInt64 {
            numbers.reduce(Mixing.mix(kind)) { Mixing.combine($0, UInt64(truncatingIfNeeded: $1)) }
        }
        switch term {
        case .nothing: return hash(1)
        case .empty: return hash(2)
        case .characters(let set):
            return set.ranges.reduce(hash(3)) { Mixing.combine($0, UInt64($1.low) << 32 | UInt64($1.high)) }
        case .concatenation(let first, let second): return hash(4, Int(first), Int(second))
        case .union(let items): return items.reduce(hash(5)) { Mixing.combine($0, UInt64($1)) }
        case .intersection(let items): return items.reduce(hash(6)) { Mixing.combine($0, UInt64($1)) }
        case .complement(let item): return hash(7, Int(item))
        case .repetition(let item, let minimum, let maximum): return hash(8, Int(item), Int(minimum), Int(maximum))
        case .multiples(let table, let remainder, let fraction): return hash(9, table, remainder, fraction)
        case .words(let trie, let node): return hash(10, Int(trie), Int(node))
        }
    }

    /// One of the words (which may be none at all).
    mutating func words(_ list: [String]) -> TermID {
        if list.isEmpty { return nothing }
        if list.count == 1 { return literal(list[0]) }
        let trie = WordTrie(list)
        wordTries.append(trie)
        return intern(.words(trie: Int32(wordTries.count - 1), node: 0), isNullable: trie.accepting[0])
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
        var flat: [TermID] = []
        for item in items {
            if item == anything { return anything }
            switch terms[Int(item)] {
            case .nothing: break
            case .union(let inner): flat += inner
            default: flat.append(item)
            }
        }
        Self.makeDistinct(&flat)
        mergeCharacters(&flat)
        if flat.contains(empty), flat.contains(where: { $0 != empty && nullable[Int($0)] }) { flat.removeAll { $0 == empty } }
        guard flat.count > 1 else { return flat.first ?? nothing }
        return intern(.union(flat), isNullable: flat.contains { nullable[Int($0)] })
    }

    private static func makeDistinct(_ items: inout [TermID]) {
        if items.count < 2 { return }
        items.sort()
        var kept = 1
        for index in 1..<items.count where items[index] != items[kept - 1] {
            items[kept] = items[index]
            kept += 1
        }
        items.removeSubrange(kept...)
    }

    /// Several sets of characters in a union are one.
    private mutating func mergeCharacters(_ items: inout [TermID]) {
        var sets: [CodePointSet] = []
        for item in items { if case .characters(let set) = terms[Int(item)] { sets.append(set) } }
        guard sets.count > 1 else { return }
        items.removeAll { if case .characters = terms[Int($0)] { true } else { false } }
        items.append(characters(CodePointSet(sets.flatMap(\.ranges))))
        items.sort()
    }

    mutating func intersection(_ items: [TermID]) -> TermID {
        var flat: [TermID] = []
        for item in items {
            switch terms[Int(item)] {
            case .nothing: return nothing
            case .intersection(let inner): flat += inner
            default: if item != anything { flat.append(item) }
            }
        }
        Self.makeDistinct(&flat)
        if flat.contains(empty) { return flat.allSatisfy { nullable[Int($0)] } ? empty : nothing }
        guard flat.count > 1 else { return flat.first ?? anything }
        return intern(.intersection(flat), isNullable: flat.allSatisfy { nullable[Int($0)] })
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

    /// Decimal digits whose value is allowed.
    mutating func multiples(_ allowed: Residues) -> TermID {
        let table = residues.firstIndex(of: allowed) ?? residues.count
        if table == residues.count { residues.append(allowed) }
        return multiples(table: table, remainder: 0, fraction: -1)
    }

    private mutating func multiples(table: Int, remainder: Int, fraction: Int) -> TermID {
        intern(
            .multiples(table: table, remainder: remainder, fraction: fraction),
            isNullable: residues[table].allows(remainder, fraction: max(fraction, 0)))
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
        case .words(let trie, let node):
            let target = wordTries[Int(trie)].step(node, codePoint)
            return target < 0 ? nothing : intern(.words(trie: trie, node: target), isNullable: wordTries[Int(trie)].accepting[Int(target)])
        default: break
        }
        let key = UInt64(UInt32(bitPattern: term)) << 32 | UInt64(codePoint)
        let known = derived[key]
        if known >= 0 { return known }
        let result = try compositeDerivative(term, by: codePoint)
        derived.set(key, result)
        return result
    }

    private mutating func compositeDerivative(_ term: TermID, by codePoint: UInt32) throws(GrammarError) -> TermID {
        switch terms[Int(term)] {
        case .nothing, .empty, .characters, .words: return try derivative(term, by: codePoint)
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
        case .multiples(let table, let remainder, let fraction):
            switch codePoint {
            case 0x2D: return fraction == -1 && remainder == 0 ? term : nothing
            case 0x2E:
                guard fraction == -1, residues[table].allowsPoint(remainder) else { return nothing }
                return multiples(table: table, remainder: remainder, fraction: 0)
            case 0x30...0x39:
                let next = residues[table].next(remainder, fraction: fraction, digit: Int(codePoint - 0x30))
                return next.map { multiples(table: table, remainder: $0.remainder, fraction: $0.fraction) } ?? nothing
            default: return nothing
            }
        }
    }
}

/// A set of words as a trie over code points; node 0 is the root, children are sorted.
struct WordTrie: Sendable {
    private(set) var accepting: [Bool] = []
    /// The edges of node i are those from `first[i]` to `first[i + 1]`.
    private(set) var first: [Int32] = []
    private(set) var labels: [UInt32] = []
    private(set) var targets: [Int32] = []

    init(_ words: [String]) {
        let sorted = words.map { $0.unicodeScalars.map(\.value) }.sorted { $0.lexicographicallyPrecedes($1) }
        // Breadth first: each node is the range of sorted words that share its path.
        var open: [(low: Int, high: Int, depth: Int)] = [(0, sorted.count, 0)]
        var next = 0
        while next < open.count {
            let (start, high, depth) = open[next]
            var low = start
            next += 1
            first.append(Int32(labels.count))
            accepting.append(low < high && sorted[low].count == depth)
            while low < high && sorted[low].count == depth { low += 1 }
            while low < high {
                let label = sorted[low][depth]
                var end = low + 1
                while end < high && sorted[end][depth] == label { end += 1 }
                labels.append(label)
                targets.append(Int32(open.count))
                open.append((low, end, depth + 1))
                low = end
            }
        }
        first.append(Int32(labels.count))
    }

    /// The node after one character, −1 for none.
    func step(_ node: Int32, _ codePoint: UInt32) -> Int32 {
        for edge in Int(first[Int(node)])..<Int(first[Int(node) + 1]) where labels[edge] == codePoint { return targets[edge] }
        return -1
    }
}
