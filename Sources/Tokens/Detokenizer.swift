// Tokens to text as they come, in whole characters.

/// Decodes a stream of tokens: the texts that `push` and `finish` return are together exactly the decoded text.
public struct Detokenizer: Sendable {
    /// The text that this token completes; bytes of an unfinished character wait for the next.
    public mutating func push(_ token: TokenID) -> String { "" }

    /// The rest of the text: an unfinished character becomes U+FFFD.
    public mutating func finish() -> String { "" }
}
