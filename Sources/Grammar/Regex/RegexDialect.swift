// The dialects of regular expressions, and what flags change.

/// How a regular expression is read. In every dialect look-around, back-references and word boundaries are refused by name, and laziness
/// (which does not change what matches as a whole) is read and dropped.
public enum RegexDialect: Sendable, Hashable {
    /// ECMA-262 with the `u` flag's properties and Annex B's tolerance.
    case ecma262
    /// The `regex` crate of Rust: Unicode classes, set operations in brackets.
    case rust
    /// RE2: ASCII classes, POSIX names, octal escapes, `\Q…\E`.
    case re2
}

/// Flags in force at a place of an expression.
struct RegexFlags: Sendable, Hashable {
    var ignoresCase = false
    var dotMatchesLineEnds = false
    /// `^` and `$` would match at line ends: they are refused then.
    var isMultiline = false
    /// Blanks and comments are skipped.
    var isVerbose = false
}
