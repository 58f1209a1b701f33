// From syntax trees to terms: assertions are resolved, so that what remains is a plain regular language.
import JSON

extension Terms {
    /// The texts in which the expression matches somewhere (the semantics of `pattern`).
    mutating func searching(_ tree: RegexSyntax) throws(GrammarError) -> TermID {
        let open = RegexSyntax.repeated(.characters(.all), minimum: 0, maximum: nil)
        return try matching(.sequence([open, tree, open]))
    }

    /// The texts that the expression matches as a whole.
    mutating func matching(_ tree: RegexSyntax) throws(GrammarError) -> TermID {
        try term(try Self.withoutAssertions(tree), before: empty)
    }

    /// An expression for the same texts without `^` and `$`.
    /// - Throws: `.tooLarge` where optional parts with assertions multiply beyond the limit.
    static func withoutAssertions(_ tree: RegexSyntax, maximumNodes: Int = GrammarLimits().nodes) throws(GrammarError) -> RegexSyntax {
        var resolution = AssertionResolution(maximumNodes: maximumNodes)
        return try resolution.atEnd(try resolution.atStart(try resolution.lookAheadsResolved(tree)))
    }

    /// A tree without assertions as a term; an assertion left over can never hold.
    private mutating func term(_ tree: RegexSyntax) throws(GrammarError) -> TermID {
        switch tree {
        case .characters(let set): return characters(set)
        case .sequence(let items):
            var parts: [TermID] = []
            for item in items { parts.append(try term(item)) }
            return concatenation(parts)
        case .alternatives(let branches):
            var parts: [TermID] = []
            for branch in branches { parts.append(try term(branch)) }
            return union(parts)
        case .repeated(let item, let minimum, let maximum):
            return repetition(try term(item), minimum: minimum, maximum: maximum)
        case .start, .end: return nothing
        case .lookAhead: return try term(tree, before: empty)
        }
    }

    /// The longest unbounded-free repetition of a look-ahead that is written out.
    private static var maximumLookAheadCopies: Int { 64 }

    /// The texts of the tree followed by those of `rest`, which look-aheads see to its end.
    private mutating func term(_ tree: RegexSyntax, before rest: TermID) throws(GrammarError) -> TermID {
        guard tree.looksAhead else { return concatenation(try term(tree), rest) }
        switch tree {
        case .sequence(let items):
            var result = rest
            for item in items.reversed() { result = try term(item, before: result) }
            return result
        case .alternatives(let branches):
            var parts: [TermID] = []
            for branch in branches { parts.append(try term(branch, before: rest)) }
            return union(parts)
        case .lookAhead(let inner, let isNegative):
            let seen = try term(inner, before: empty)
            return intersection([isNegative ? complement(seen) : seen, rest])
        case .repeated(let item, let minimum, let maximum):
            guard let maximum, maximum <= Self.maximumLookAheadCopies else {
                throw .syntax(offset: 0, reason: "look-ahead in a repetition without a small end is not supported")
            }
            var result = rest
            for count in (0..<maximum).reversed() {
                let longer = try term(item, before: result)
                result = count >= minimum ? union([rest, longer]) : longer
            }
            return result
        case .characters, .start, .end: return concatenation(try term(tree), rest)
        }
    }
}

/// Rewrites a tree so that its assertions are gone. Each optional part that may hold one doubles into a case of its own, so the nodes written
/// are counted.
private struct AssertionResolution {
    private let maximumNodes: Int
    private var written = 0

    init(maximumNodes: Int) { self.maximumNodes = maximumNodes }

    private mutating func count(_ nodes: Int = 1) throws(GrammarError) {
        written += nodes
        guard written <= maximumNodes else {
            throw .tooLarge(what: "nodes of a regular expression", limit: maximumNodes, pointer: JSONPointer())
        }
    }

    private func holds(_ assertion: RegexSyntax, _ tree: RegexSyntax) -> Bool {
        switch tree {
        case .characters: return false
        case .sequence(let items): return items.contains { holds(assertion, $0) }
        case .alternatives(let branches): return branches.contains { holds(assertion, $0) }
        case .repeated(let item, _, _): return holds(assertion, item)
        case .start, .end: return tree == assertion
        // What is in a look-ahead has been resolved by itself.
        case .lookAhead: return false
        }
    }

    /// Look-aheads as languages of all that may follow, free of assertions.
    mutating func lookAheadsResolved(_ tree: RegexSyntax) throws(GrammarError) -> RegexSyntax {
        guard tree.looksAhead else { return tree }
        func resolved(_ items: [RegexSyntax]) throws(GrammarError) -> [RegexSyntax] {
            var result: [RegexSyntax] = []
            for item in items { result.append(try lookAheadsResolved(item)) }
            return result
        }
        switch tree {
        case .characters, .start, .end: return tree
        case .sequence(let items): return .sequence(try resolved(items))
        case .alternatives(let branches): return .alternatives(try resolved(branches))
        case .repeated(let item, let minimum, let maximum):
            return .repeated(try lookAheadsResolved(item), minimum: minimum, maximum: maximum)
        case .lookAhead(let inner, let isNegative):
            if holds(.start, inner) { throw .syntax(offset: 0, reason: "^ in a look-ahead is not supported") }
            let all = RegexSyntax.sequence([try lookAheadsResolved(inner), .repeated(.characters(.all), minimum: 0, maximum: nil)])
            return .lookAhead(try atEnd(all), isNegative: isNegative)
        }
    }

    /// Items that match the empty text where an assertion holds, so that only what they look ahead for is left of them.
    private func lookAheads(_ items: ArraySlice<RegexSyntax>) throws(GrammarError) -> [RegexSyntax] {
        var result: [RegexSyntax] = []
        for item in items where item.looksAhead {
            guard case .lookAhead = item else { throw .syntax(offset: 0, reason: "look-ahead in a group beside an anchor is not supported") }
            result.append(item)
        }
        return result
    }

    /// Whether the tree matches the empty text where the assertion holds.
    private func isEmptyMatch(_ tree: RegexSyntax, where assertion: RegexSyntax) -> Bool {
        switch tree {
        case .characters: return false
        case .sequence(let items): return items.allSatisfy { isEmptyMatch($0, where: assertion) }
        case .alternatives(let branches): return branches.contains { isEmptyMatch($0, where: assertion) }
        case .repeated(let item, let minimum, _): return minimum == 0 || isEmptyMatch(item, where: assertion)
        case .start, .end: return tree == assertion
        case .lookAhead: return true
        }
    }

    /// The tree with every path through the assertion cut.
    private mutating func without(_ assertion: RegexSyntax, _ tree: RegexSyntax) throws(GrammarError) -> RegexSyntax {
        try count()
        guard holds(assertion, tree) else { return tree }
        switch tree {
        case .characters, .lookAhead: return tree
        case .sequence(let items): return .sequence(try without(assertion, items[...]))
        case .alternatives(let branches): return .alternatives(try without(assertion, branches[...]))
        case .repeated(let item, let minimum, let maximum):
            return .repeated(try without(assertion, item), minimum: minimum, maximum: maximum)
        case .start, .end: return tree == assertion ? .characters(.none) : tree
        }
    }

    private mutating func without(_ assertion: RegexSyntax, _ items: ArraySlice<RegexSyntax>) throws(GrammarError) -> [RegexSyntax] {
        var result: [RegexSyntax] = []
        for item in items { result.append(try without(assertion, item)) }
        return result
    }

    /// The language of the tree at the end of the input, free of `$`.
    mutating func atEnd(_ tree: RegexSyntax) throws(GrammarError) -> RegexSyntax {
        try count()
        guard holds(.end, tree) else { return tree }
        switch tree {
        case .characters, .start, .lookAhead: return tree
        case .end: return .empty
        case .alternatives(let branches):
            var result: [RegexSyntax] = []
            for branch in branches { result.append(try atEnd(branch)) }
            return .alternatives(result)
        case .sequence(let items):
            // Either no `$` takes part, or one item's does and all after it match the empty text at the end.
            var branches = [RegexSyntax.sequence(try without(.end, items[...]))]
            for index in items.indices.reversed() {
                if holds(.end, items[index]) {
                    let after = try lookAheads(items[(index + 1)...])
                    branches.append(.sequence(try without(.end, items[..<index]) + [try atEnd(items[index])] + after))
                }
                if !isEmptyMatch(items[index], where: .end) { break }
            }
            return .alternatives(branches)
        case .repeated(let item, let minimum, let maximum):
            let least = isEmptyMatch(item, where: .end) ? 0 : minimum
            let most = maximum.map { $0 - 1 }
            let last = RegexSyntax.sequence([
                .repeated(try without(.end, item), minimum: max(least - 1, 0), maximum: most), try atEnd(item),
            ])
            return .alternatives(maximum == 0 ? [.empty] : (least == 0 ? [.empty, last] : [last]))
        }
    }

    /// The language of the tree at the start of the input, free of `^`.
    mutating func atStart(_ tree: RegexSyntax) throws(GrammarError) -> RegexSyntax {
        try count()
        guard holds(.start, tree) else { return tree }
        switch tree {
        case .characters, .end, .lookAhead: return tree
        case .start: return .empty
        case .alternatives(let branches):
            var result: [RegexSyntax] = []
            for branch in branches { result.append(try atStart(branch)) }
            return .alternatives(result)
        case .sequence(let items):
            var branches = [RegexSyntax.sequence(try without(.start, items[...]))]
            for index in items.indices {
                if holds(.start, items[index]) {
                    let before = try lookAheads(items[..<index])
                    branches.append(.sequence(before + [try atStart(items[index])] + (try without(.start, items[(index + 1)...]))))
                }
                if !isEmptyMatch(items[index], where: .start) { break }
            }
            return .alternatives(branches)
        case .repeated(let item, let minimum, let maximum):
            let least = isEmptyMatch(item, where: .start) ? 0 : minimum
            let most = maximum.map { $0 - 1 }
            let first = RegexSyntax.sequence([
                try atStart(item), .repeated(try without(.start, item), minimum: max(least - 1, 0), maximum: most),
            ])
            return .alternatives(maximum == 0 ? [.empty] : (least == 0 ? [.empty, first] : [first]))
        }
    }
}
