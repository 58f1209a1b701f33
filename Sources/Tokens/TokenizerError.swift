// What can be wrong with a tokenizer's description, and how large one may be.
public import JSON

/// Why a tokenizer could not be made. Nothing is approximated: a component that is not supported is named.
public enum TokenizerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A component or option that this tokenizer does not have, such as `UnicodeScripts`.
    case unsupported(component: String, at: JSONPointer)
    /// A member is missing or has another type than `expected`.
    case malformed(at: JSONPointer, expected: String)
    /// A value that contradicts the rest: a number out of range, a merge of a missing token, ….
    case invalid(at: JSONPointer, reason: String)
    /// A regular expression that does not compile.
    case pattern(String, at: JSONPointer, reason: String)
    /// More than the limit of something.
    case tooLarge(what: String, count: Int, limit: Int)

    /// The error as a sentence.
    public var description: String {
        switch self {
        case .unsupported(let component, let pointer): "the tokenizer uses \(component), which is not supported (at \(place(pointer)))"
        case .malformed(let pointer, let expected): "the tokenizer is malformed: expected \(expected) at \(place(pointer))"
        case .invalid(let pointer, let reason): "the tokenizer is invalid: \(reason) (at \(place(pointer)))"
        case .pattern(let pattern, let pointer, let reason):
            "the tokenizer's pattern \(pattern) does not compile: \(reason) (at \(place(pointer)))"
        case .tooLarge(let what, let count, let limit): "the tokenizer has \(count) \(what), more than the limit of \(limit)"
        }
    }

    private func place(_ pointer: JSONPointer) -> String { pointer.tokens.isEmpty ? "its top level" : pointer.description }
}

/// How large a tokenizer may be.
enum TokenizerLimits {
    /// Numbers in a vocabulary, unused ones included.
    static let tokens = 1 << 22
    /// Bytes of one token.
    static let tokenBytes = 1 << 16
    /// Bytes of one token of a model whose merges follow from scores (each of its splits is looked up).
    static let scoredTokenBytes = 1024
    /// Bytes of all tokens together.
    static let vocabularyBytes = 1 << 28
    /// Merges of a byte-pair encoding.
    static let merges = 1 << 22
    /// Added tokens.
    static let addedTokens = 1 << 16
    /// Bytes of one added token.
    static let addedTokenBytes = 1024
    /// Bytes of a regular expression.
    static let patternBytes = 1 << 14
    /// Steps of a normalizer, pre-tokenizer, decoder or post-processor, nested ones included.
    static let steps = 64
}
