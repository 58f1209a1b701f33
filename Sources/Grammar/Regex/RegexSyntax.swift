// The syntax tree of regular expressions, shared by the automata and by the validator's backtracking matcher.

/// A regular expression over code points. Groups are gone, laziness is gone (neither changes the language).
indirect enum RegexSyntax: Sendable, Hashable {
    case characters(CodePointSet)
    case sequence([RegexSyntax])
    case alternatives([RegexSyntax])
    /// `maximum` nil: without end.
    case repeated(RegexSyntax, minimum: Int, maximum: Int?)
    /// `^`: the start of the input.
    case start
    /// `$`: the end of the input.
    case end
    /// `(?=…)`, and `(?!…)` when negative: what follows begins with a match, or does not.
    case lookAhead(RegexSyntax, isNegative: Bool)

    static let empty = RegexSyntax.sequence([])

    /// Whether a look-ahead is somewhere in the expression.
    var looksAhead: Bool {
        switch self {
        case .characters, .start, .end: false
        case .sequence(let items), .alternatives(let items): items.contains(where: \.looksAhead)
        case .repeated(let item, _, _): item.looksAhead
        case .lookAhead: true
        }
    }
}
