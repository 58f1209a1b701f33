// A tokenizer as a GGUF file describes it.

/// The values of a GGUF file's `tokenizer.ggml.*` keys; absent keys are nil or empty.
public struct GGUFTokenizer: Sendable, Hashable {
    /// `model`: "gpt2" (byte-level byte-pair encoding), "llama" (SentencePiece's), ….
    public var model: String
    /// `pre`: which pre-tokenizer a "gpt2" model uses.
    public var pre: String?
    /// `tokens`, as spelled in the file (in the byte-level alphabet for "gpt2").
    public var tokens: [String]
    /// `token_type`: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. Empty: all normal.
    public var types: [Int32]
    /// `scores`: the higher, the earlier a merge ("llama").
    public var scores: [Float]
    /// `merges`: "left right", best first ("gpt2").
    public var merges: [String]
    /// `bos_token_id`.
    public var beginningOfSequence: TokenID?
    /// `eos_token_id`.
    public var endOfSequence: TokenID?
    /// `unknown_token_id`.
    public var unknown: TokenID?
    /// `add_bos_token`.
    public var addsBeginningOfSequence: Bool?
    /// `add_eos_token`.
    public var addsEndOfSequence: Bool?
    /// `add_space_prefix`.
    public var addsSpacePrefix: Bool?
    /// `remove_extra_whitespaces`.
    public var removesExtraWhitespace: Bool?

    /// A description of a tokenizer.
    public init(
        model: String, pre: String? = nil, tokens: [String], types: [Int32] = [], scores: [Float] = [], merges: [String] = [],
        beginningOfSequence: TokenID? = nil, endOfSequence: TokenID? = nil, unknown: TokenID? = nil,
        addsBeginningOfSequence: Bool? = nil, addsEndOfSequence: Bool? = nil, addsSpacePrefix: Bool? = nil,
        removesExtraWhitespace: Bool? = nil
    ) {
        self.model = model
        self.pre = pre
        self.tokens = tokens
        self.types = types
        self.scores = scores
        self.merges = merges
        self.beginningOfSequence = beginningOfSequence
        self.endOfSequence = endOfSequence
        self.unknown = unknown
        self.addsBeginningOfSequence = addsBeginningOfSequence
        self.addsEndOfSequence = addsEndOfSequence
        self.addsSpacePrefix = addsSpacePrefix
        self.removesExtraWhitespace = removesExtraWhitespace
    }
}
