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

    static let empty = RegexSyntax.sequence([])
}
