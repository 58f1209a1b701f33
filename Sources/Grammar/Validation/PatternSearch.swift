// Regular expressions by sets of positions, straight from the syntax tree: slow, short, and independent of the automata.

/// Whether an expression matches somewhere in a text.
struct PatternSearch: Sendable {
    let tree: RegexSyntax

    func matches(_ text: String) -> Bool {
        let scalars = text.unicodeScalars.map(\.value)
        return !ends(tree, Set(0...scalars.count), scalars).isEmpty
    }

    /// Whether the expression matches the whole text.
    func matchesWhole(_ text: String) -> Bool {
        let scalars = text.unicodeScalars.map(\.value)
        return ends(tree, [0], scalars).contains(scalars.count)
    }

    /// The positions at which a match that starts at one of the given positions may end.
    private func ends(_ tree: RegexSyntax, _ starts: Set<Int>, _ text: [UInt32]) -> Set<Int> {
        switch tree {
        case .characters(let set):
            return Set(starts.compactMap { $0 < text.count && set.contains(text[$0]) ? $0 + 1 : nil })
        case .sequence(let items): return items.reduce(starts) { ends($1, $0, text) }
        case .alternatives(let branches): return branches.reduce(into: []) { $0.formUnion(ends($1, starts, text)) }
        case .start: return starts.intersection([0])
        case .end: return starts.intersection([text.count])
        case .lookAhead(let inner, let isNegative): return starts.filter { ends(inner, [$0], text).isEmpty == isNegative }
        case .repeated(let item, let minimum, let maximum):
            var current = starts
            var runs = 0
            while runs < minimum, !current.isEmpty {
                let next = ends(item, current, text)
                runs += 1
                if next == current { break }
                current = next
            }
            runs = minimum
            var reached = current
            while runs < maximum ?? .max, !current.isEmpty {
                current = ends(item, current, text).subtracting(reached)
                reached.formUnion(current)
                runs += 1
            }
            return reached
        }
    }
}
