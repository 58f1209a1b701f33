// Why a grammar could not be made: each case names the place and the thing.
public import JSON

/// The errors of the front ends and of compilation. Nothing is ever constrained less than was asked: what cannot be exact is refused here.
public enum GrammarError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A keyword or construct that is understood but cannot be turned into an exact grammar.
    case unsupported(keyword: String, pointer: JSONPointer, reason: String)
    /// No text at all satisfies the rules.
    case unsatisfiable(pointer: JSONPointer, reason: String)
    /// The schema is not a valid JSON Schema.
    case invalidSchema(pointer: JSONPointer, reason: String)
    /// A limit of `GrammarLimits` was met.
    case tooLarge(what: String, limit: Int, pointer: JSONPointer)
    /// A regular expression (or other grammar text) does not parse; the offset counts Unicode scalars.
    case syntax(offset: Int, reason: String)
    /// A grammar of several lines is wrong, or asks for what is not supported; lines and columns (of Unicode scalars) count from 1.
    case malformed(line: Int, column: Int, reason: String)

    /// The error as a sentence with its place.
    public var description: String {
        func place(_ pointer: JSONPointer) -> String { pointer.tokens.isEmpty ? "the root" : pointer.description }
        switch self {
        case .unsupported(let keyword, let pointer, let reason):
            return "schema keyword \"\(keyword)\" at \(place(pointer)) is not supported: \(reason)"
        case .unsatisfiable(let pointer, let reason):
            return "nothing can satisfy the schema at \(place(pointer)): \(reason)"
        case .invalidSchema(let pointer, let reason):
            return "invalid schema at \(place(pointer)): \(reason)"
        case .tooLarge(let what, let limit, let pointer):
            return "the grammar is too large at \(place(pointer)): more than \(limit) \(what)"
        case .syntax(let offset, let reason):
            return "syntax error at character \(offset): \(reason)"
        case .malformed(let line, let column, let reason):
            return "line \(line), column \(column): \(reason)"
        }
    }
}
