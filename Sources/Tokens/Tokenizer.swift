// Text to tokens and back.
public import JSON

/// Which added tokens encoding looks for in a text. The rest of the text is encoded by the model alone, so that a token's name in it is
/// ordinary text.
public enum AddedTokenPolicy: Sendable, Hashable {
    /// None: for text from outside (a user's message, a tool's result), which must not form any token of the template's.
    case none
    /// Those that are not special (`TokenKind.userDefined`), as every implementation does.
    case ordinary
    /// All, special ones included: for text rendered by a chat template.
    case all
}

/// A model's tokenizer: immutable, safe to share between threads.
public final class Tokenizer: Sendable {
    /// The tokens as bytes.
    public let vocabulary: Vocabulary

    /// The tokenizer that a `tokenizer.json` of Hugging Face's tokenizers library describes.
    public init(tokenizerJSON: JSONValue) throws(TokenizerError) {
        throw TokenizerError.unsupported(component: "tokenizer.json", at: JSONPointer())
    }

    /// The tokenizer that a GGUF file's metadata describes.
    public init(gguf: GGUFTokenizer) throws(TokenizerError) {
        throw TokenizerError.unsupported(component: gguf.model, at: JSONPointer(["tokenizer.ggml.model"]))
    }

    /// The tokens of a text. Names of special tokens in the text are ordinary text unless `parsingSpecials`; `addingSpecials` puts the
    /// tokens around it that the model's post-processor asks for (such as the beginning of sequence).
    public func encode(_ text: String, parsingSpecials: Bool = false, addingSpecials: Bool = false) -> [TokenID] {
        encode(text, addedTokens: parsingSpecials ? .all : .ordinary, addingSpecials: addingSpecials)
    }

    /// The tokens of a text, with the choice of which added tokens are found in it.
    public func encode(_ text: String, addedTokens: AddedTokenPolicy, addingSpecials: Bool = false) -> [TokenID] { [] }

    /// The text of tokens; numbers outside the vocabulary stand for nothing.
    public func decode(_ tokens: [TokenID], skippingSpecials: Bool = false) -> String {
        var detokenizer = makeDetokenizer(skippingSpecials: skippingSpecials)
        var text = ""
        for token in tokens { text += detokenizer.push(token) }
        return text + detokenizer.finish()
    }

    /// The token with this exact name among the added tokens, or in the model's own spelling.
    public func specialToken(_ name: String) -> TokenID? { nil }

    /// A token's name: an added token's text, otherwise the model's own spelling of it (`Ġthe`); empty for an unused number.
    public func content(of token: TokenID) -> String { "" }

    /// A decoder of a stream of tokens. `atStart` says that the tokens begin a text, where some models drop a space; false continues one.
    public func makeDetokenizer(skippingSpecials: Bool = true, atStart: Bool = true) -> Detokenizer { Detokenizer() }
}
