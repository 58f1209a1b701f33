// Rendered text to tokens, so that nothing a user writes becomes a token of the template's.
import Jinja
import Tokens

/// Encodes rendered prompts. Where the template wrote the name of an added token, the token stands; where a message spells one, even in part,
/// its characters are ordinary text. Text without such spellings gets the same tokens as the whole text at once.
struct PromptEncoder: Sendable {
    private let tokenizer: Tokenizer
    /// Added tokens by the first byte of their names, longest first.
    private let added: [UInt8: [(name: [UInt8], token: TokenID)]]

    init(tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        var added: [UInt8: [(name: [UInt8], token: TokenID)]] = [:]
        for (index, kind) in tokenizer.vocabulary.kinds.enumerated() where kind == .control || kind == .userDefined {
            let name = Array(tokenizer.content(of: TokenID(index)).utf8)
            guard let first = name.first else { continue }
            added[first, default: []].append((name, TokenID(index)))
        }
        self.added = added.mapValues { $0.sorted { $0.name.count > $1.name.count } }
    }

    /// The tokens of the text from byte `start` on.
    func encode(_ parts: [RenderedPart], from start: Int = 0) -> [TokenID] {
        var text: [UInt8] = []
        var isForeign: [Bool] = []
        for part in parts {
            text += part.text.utf8
            isForeign += repeatElement(part.isFromVariable, count: part.text.utf8.count)
        }
        text.removeFirst(start)
        isForeign.removeFirst(start)
        let found = occurrences(in: text)
        guard found.contains(where: { range, _ in isForeign[range].contains(true) }) else {
            return tokenizer.encode(String(decoding: text, as: UTF8.self), addedTokens: .all)
        }
        var tokens: [TokenID] = []
        var position = 0
        for (range, token) in found where range.lowerBound >= position && !isForeign[range].contains(true) {
            append(text[position..<range.lowerBound], to: &tokens)
            tokens.append(token)
            position = range.upperBound
        }
        append(text[position...], to: &tokens)
        return tokens
    }

    private func append(_ text: ArraySlice<UInt8>, to tokens: inout [TokenID]) {
        guard !text.isEmpty else { return }
        tokens += tokenizer.encode(String(decoding: text, as: UTF8.self), addedTokens: .none)
    }

    /// Every place where an added token's name stands, the longer first at the same place; they may overlap.
    private func occurrences(in text: [UInt8]) -> [(range: Range<Int>, token: TokenID)] {
        var found: [(range: Range<Int>, token: TokenID)] = []
        for index in text.indices {
            guard let candidates = added[text[index]] else { continue }
            for (name, token) in candidates where text[index...].starts(with: name) { found.append((index..<index + name.count, token)) }
        }
        return found
    }
}
