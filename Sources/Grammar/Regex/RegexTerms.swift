// From syntax trees to terms: assertions are resolved, so that what remains is a plain regular language.

extension Terms {
    /// The texts in which the expression matches somewhere (the semantics of `pattern`).
    mutating func searching(_ tree: RegexSyntax) throws(GrammarError) -> TermID {
        let open = RegexSyntax.repeated(.characters(.all), minimum: 0, maximum: nil)
        return try matching(.sequence([open, tree, open]))
    }

    /// The texts that the expression matches as a whole.
    mutating func matching(_ tree: RegexSyntax) throws(GrammarError) -> TermID {
        let resolved = Self.withoutAssertions(tree)
        return try term(resolved)
    }

    /// An expression for the same texts without `^` and `$`.
    static func withoutAssertions(_ tree: RegexSyntax) -> RegexSyntax { atEnd(atStart(tree)) }

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
        }
    }

    private static func holds(_ assertion: RegexSyntax, _ tree: RegexSyntax) -> Bool {
        switch tree {
        case .characters: return false
        case .sequence(let items): return items.contains { holds(assertion, $0) }
        case .alternatives(let branches): return branches.contains { holds(assertion, $0) }
        case .repeated(let item, _, _): return holds(assertion, item)
        case .start, .end: return tree == assertion
        }
    }

    /// Whether the tree matches the empty text where the assertion holds.
    private static func isEmptyMatch(_ tree: RegexSyntax, where assertion: RegexSyntax) -> Bool {
        switch tree {
        case .characters: return false
        case .sequence(let items): return items.allSatisfy { isEmptyMatch($0, where: assertion) }
        case .alternatives(let branches): return branches.contains { isEmptyMatch($0, where: assertion) }
        case .repeated(let item, let minimum, _): return minimum == 0 || isEmptyMatch(item, where: assertion)
        case .start, .end: return tree == assertion
        }
    }

    /// The tree with every path through the assertion cut.
    private static func without(_ assertion: RegexSyntax, _ tree: RegexSyntax) -> RegexSyntax {
        guard holds(assertion, tree) else { return tree }
        switch tree {
        case .characters: return tree
        case .sequence(let items): return .sequence(items.map { without(assertion, $0) })
        case .alternatives(let branches): return .alternatives(branches.map { without(assertion, $0) })
        case .repeated(let item, let minimum, let maximum):
            return .repeated(without(assertion, item), minimum: minimum, maximum: maximum)
        case .start, .end: return tree == assertion ? .characters(.none) : tree
        }
    }

    /// The language of the tree at the end of the input, free of `$`.
    private static func atEnd(_ tree: RegexSyntax) -> RegexSyntax {
        guard holds(.end, tree) else { return tree }
        switch tree {
        case .characters, .start: return tree
        case .end: return .empty
        case .alternatives(let branches): return .alternatives(branches.map(atEnd))
        case .sequence(let items):
            // Either no `$` takes part, or one item's does and all after it match the empty text at the end.
            var branches = [RegexSyntax.sequence(items.map { without(.end, $0) })]
            for index in items.indices.reversed() {
                if holds(.end, items[index]) {
                    branches.append(.sequence(items[..<index].map { without(.end, $0) } + [atEnd(items[index])]))
                }
                if !isEmptyMatch(items[index], where: .end) { break }
            }
            return .alternatives(branches)
        case .repeated(let item, let minimum, let maximum):
            let least = isEmptyMatch(item, where: .end) ? 0 : minimum
            let most = maximum.map { $0 - 1 }
            let last = RegexSyntax.sequence([
                .repeated(without(.end, item), minimum: max(least - 1, 0), maximum: most), atEnd(item),
            ])
            return .alternatives(maximum == 0 ? [.empty] : (least == 0 ? [.empty, last] : [last]))
        }
    }

    /// The language of the tree at the start of the input, free of `^`.
    private static func atStart(_ tree: RegexSyntax) -> RegexSyntax {
        guard holds(.start, tree) else { return tree }
        switch tree {
        case .characters, .end: return tree
        case .start: return .empty
        case .alternatives(let branches): return .alternatives(branches.map(atStart))
        case .sequence(let items):
            var branches = [RegexSyntax.sequence(items.map { without(.start, $0) })]
            for index in items.indices {
                if holds(.start, items[index]) {
                    branches.append(.sequence([atStart(items[index])] + items[(index + 1)...].map { without(.start, $0) }))
                }
                if !isEmptyMatch(items[index], where: .start) { break }
            }
            return .alternatives(branches)
        case .repeated(let item, let minimum, let maximum):
            let least = isEmptyMatch(item, where: .start) ? 0 : minimum
            let most = maximum.map { $0 - 1 }
            let first = RegexSyntax.sequence([
                atStart(item), .repeated(without(.start, item), minimum: max(least - 1, 0), maximum: most),
            ])
            return .alternatives(maximum == 0 ? [.empty] : (least == 0 ? [.empty, first] : [first]))
        }
    }
}
