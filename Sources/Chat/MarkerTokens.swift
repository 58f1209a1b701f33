// Call markers and reasoning tags that a tokenizer holds for control tokens.
import Tokens

/// The marker tokens among a tokenizer's control tokens. Whether `<tool_call>` is a control token or an ordinary added one differs from model
/// to model; a grammar that asks for it has to be able to walk it either way.
struct MarkerTokens: Sendable {
    private let tokenizer: Tokenizer
    /// The markers' names and tokens.
    let tokens: [(name: [UInt8], token: TokenID)]

    /// Those of `names` that are control tokens.
    init(names: [String], tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        tokens = names.compactMap { name in
            guard let token = tokenizer.specialToken(name), tokenizer.vocabulary.kinds[Int(token)] == .control else { return nil }
            return (Array(name.utf8), token)
        }
    }

    /// The vocabulary in which the markers are text.
    var grammarVocabulary: Vocabulary {
        guard !tokens.isEmpty else { return tokenizer.vocabulary }
        var kinds = tokenizer.vocabulary.kinds
        for (_, token) in tokens { kinds[Int(token)] = .userDefined }
        return Vocabulary(tokens: tokenizer.vocabulary.tokens, kinds: kinds)
    }

    /// The tokens into which the model itself would split a text of a grammar's.
    func encode(_ bytes: [UInt8]) -> [TokenID] {
        var result: [TokenID] = []
        var start = 0
        var index = 0
        func flush(_ end: Int) {
            guard end > start else { return }
            result += tokenizer.encode(String(decoding: bytes[start..<end], as: UTF8.self), addedTokens: .ordinary)
        }
        while index < bytes.count {
            if let (name, token) = tokens.first(where: { bytes[index...].starts(with: $0.name) }) {
                flush(index)
                result.append(token)
                index += name.count
                start = index
            } else {
                index += 1
            }
        }
        flush(bytes.count)
        return result
    }
}
