// Text to tokens and back.
public import JSON

/// Which added tokens encoding looks for in a text. The rest of the text is encoded by the model alone, so that a token's name in it is
/// ordinary text.
public enum AddedTokenPolicy: Sendable, Hashable {
    /// None: for text from outside (a user's message, a tool's result), which must not form any token of the template's.
    case none
    /// Those that are not special (`TokenKind.userDefined`), as other implementations do.
    case ordinary
    /// All, special ones included: for text rendered by a chat template.
    case all
}

/// A model's tokenizer: immutable, safe to share between threads.
public final class Tokenizer: Sendable {
    /// The tokens as bytes.
    public let vocabulary: Vocabulary

    let decoding: Decoding
    private let contents: [String]
    private let decodedSpellings: [TokenID: String]
    private let names: TokenTable
    private let addedTokens: AddedTokens
    private let normalizer: Normalizer
    private let pretokenizer: Pretokenizer
    private let model: TokenizerModel
    private let specials: SurroundingTokens
    private let cache = WordCache()

    /// The tokenizer that a `tokenizer.json` of Hugging Face's tokenizers library describes. Its `truncation` and `padding`, which shape
    /// batches, are left to the caller.
    public convenience init(tokenizerJSON: JSONValue) throws(TokenizerError) {
        self.init(try TokenizerParts(tokenizerJSON: tokenizerJSON))
    }

    /// The tokenizer that a GGUF file's metadata describes.
    public convenience init(gguf: GGUFTokenizer) throws(TokenizerError) {
        self.init(try TokenizerParts(gguf: gguf))
    }

    init(_ parts: TokenizerParts) {
        vocabulary = parts.vocabulary()
        decoding = parts.decoding
        contents = parts.contents
        decodedSpellings = parts.decodedSpellings
        var names = TokenTable(capacity: parts.contents.count)
        for token in parts.added { names.insert(token.content, token.id) }
        for (index, content) in parts.contents.enumerated() where parts.kinds[index] != .unused { names.insert(content, TokenID(index)) }
        self.names = names
        addedTokens = AddedTokens(parts.added, normalizer: parts.normalizer)
        normalizer = parts.normalizer
        pretokenizer = parts.pretokenizer
        model = parts.model
        specials = parts.specials
    }

    /// The tokens of a text. Names of special tokens in the text are ordinary text unless `parsingSpecials`; `addingSpecials` puts the
    /// tokens around it that the model's post-processor asks for (such as the beginning of sequence).
    public func encode(_ text: String, parsingSpecials: Bool = false, addingSpecials: Bool = false) -> [TokenID] {
        encode(text, addedTokens: parsingSpecials ? .all : .ordinary, addingSpecials: addingSpecials)
    }

    /// The tokens of a text, with the choice of which added tokens are found in it.
    public func encode(_ text: String, addedTokens policy: AddedTokenPolicy, addingSpecials: Bool = false) -> [TokenID] {
        let text = Array(text.utf8)
        var output: [TokenID] = addingSpecials ? specials.before : []
        output.reserveCapacity(text.count / 3 + 8)
        var scratch = MergeScratch()
        if let parts = addedTokens.parts(of: text, normalized: false, policy: policy) {
            for part in parts {
                if let token = part.token {
                    output.append(token)
                } else {
                    encode(Array(text[part.range]), startsInput: part.range.lowerBound == 0, policy, &output, &scratch)
                }
            }
        } else {
            encode(text, startsInput: true, policy, &output, &scratch)
        }
        if addingSpecials { output += specials.after }
        return output
    }

    /// The bytes that this vocabulary has no token for. Some published ones lack bytes of rare characters; encoding leaves them out, as the
    /// reference implementations do. Empty where every text can be encoded, or where unknown characters have a token of their own.
    public var bytesWithoutToken: [UInt8] {
        if case .bytePairs(let model) = model { model.missingBytes } else { [] }
    }

    /// The text of tokens; numbers outside the vocabulary stand for nothing.
    public func decode(_ tokens: [TokenID], skippingSpecials: Bool = false) -> String {
        var detokenizer = makeDetokenizer(skippingSpecials: skippingSpecials)
        var text = ""
        for token in tokens { text += detokenizer.push(token) }
        return text + detokenizer.finish()
    }

    /// The token with this exact name among the added tokens, or in the model's own spelling.
    public func specialToken(_ name: String) -> TokenID? { names[name] }

    /// A token's name: an added token's text, otherwise the model's own spelling of it (`Ġthe`); empty for an unused number.
    public func content(of token: TokenID) -> String { token >= 0 && Int(token) < contents.count ? contents[Int(token)] : "" }

    /// A decoder of a stream of tokens. `atStart` says that the tokens begin a text, where some models drop a space; false continues one.
    public func makeDetokenizer(skippingSpecials: Bool = true, atStart: Bool = true) -> Detokenizer {
        Detokenizer(tokenizer: self, skippingSpecials: skippingSpecials, atStart: atStart)
    }

    /// What decoding appends for a token of the vocabulary.
    func decodedBytes(of token: TokenID, isFirst: Bool) -> [UInt8] {
        guard isFirst, decoding.treatsFirstApart else { return vocabulary.tokens[Int(token)] }
        let spelling = decodedSpellings[token] ?? contents[Int(token)]
        return decoding.bytes(of: spelling, kind: vocabulary.kinds[Int(token)], isFirst: true)
    }

    /// Encodes a part of the text between added tokens that are found as written.
    private func encode(
        _ text: [UInt8], startsInput: Bool, _ policy: AddedTokenPolicy, _ output: inout [TokenID], _ scratch: inout MergeScratch
    ) {
        var startsInput = startsInput
        let text = normalizer.apply(to: text, keepsStart: &startsInput)
        guard let parts = addedTokens.parts(of: text, normalized: true, policy: policy) else {
            encodeWords(text, startsInput: startsInput, &output, &scratch)
            return
        }
        for part in parts {
            if let token = part.token {
                output.append(token)
            } else {
                encodeWords(Array(text[part.range]), startsInput: startsInput && part.range.lowerBound == 0, &output, &scratch)
            }
        }
    }

    /// Encodes normalized text without added tokens.
    private func encodeWords(_ text: [UInt8], startsInput: Bool, _ output: inout [TokenID], _ scratch: inout MergeScratch) {
        var split = SplitText(text, startsInput: startsInput)
        pretokenizer.apply(to: &split)
        if split.isSpelled {
            for piece in split.pieces {
                let word = ByteAlphabet.unspelled(split.text, piece)
                encode(word: word, 0..<word.count, &output, &scratch)
            }
        } else {
            for piece in split.pieces { encode(word: split.text, piece, &output, &scratch) }
        }
    }

    private func encode(word text: [UInt8], _ range: Range<Int>, _ output: inout [TokenID], _ scratch: inout MergeScratch) {
        let isShort = range.count <= WordCache.longestWord
        if isShort, cache.append(text[range], to: &output) { return }
        let start = output.count
        model.appendTokens(of: text, range, to: &output, scratch: &scratch)
        if isShort { cache.store(text[range], output[start...]) }
    }
}

/// A model that turns words into tokens.
enum TokenizerModel: Sendable {
    case bytePairs(BytePairEncoding)
    case unigram(Unigram)
    case wordPiece(WordPiece)

    /// Appends the tokens of a word that is not empty.
    func appendTokens(of text: [UInt8], _ range: Range<Int>, to output: inout [TokenID], scratch: inout MergeScratch) {
        switch self {
        case .bytePairs(let model): model.appendTokens(of: text, range, to: &output, scratch: &scratch)
        case .unigram(let model): model.appendTokens(of: text, range, to: &output)
        case .wordPiece(let model): model.appendTokens(of: text, range, to: &output)
        }
    }
}

/// The tokens put around a text that begins and ends a sequence.
struct SurroundingTokens: Sendable {
    var before: [TokenID] = []
    var after: [TokenID] = []
}

/// Everything a tokenizer is made of, whatever file described it.
struct TokenizerParts {
    /// The spelling of each token, empty for unused numbers.
    var contents: [String] = []
    var kinds: [TokenKind] = []
    var added: [AddedToken] = []
    var normalizer = Normalizer()
    var pretokenizer = Pretokenizer()
    var model: TokenizerModel
    var specials = SurroundingTokens()
    var decoding = Decoding()

    /// The normalized forms of added tokens that are looked for in normalized text: that is what they are decoded to.
    var decodedSpellings: [TokenID: String] {
        var spellings: [TokenID: String] = [:]
        guard !normalizer.steps.isEmpty else { return spellings }
        for token in added where token.isNormalized {
            spellings[token.id] = String(decoding: normalizer.apply(to: Array(token.content.utf8)), as: UTF8.self)
        }
        return spellings
    }

    /// The tokens as bytes.
    func vocabulary() -> Vocabulary {
        let decodedSpellings = decodedSpellings
        var tokens: [[UInt8]] = []
        tokens.reserveCapacity(contents.count)
        for (index, kind) in kinds.enumerated() {
            let spelling = decodedSpellings[TokenID(index)] ?? contents[index]
            tokens.append(kind == .unused ? [] : decoding.bytes(of: spelling, kind: kind, isFirst: false))
        }
        return Vocabulary(tokens: tokens, kinds: kinds)
    }
}
