// A tokenizer from the metadata of a GGUF file.
import JSON

extension TokenizerParts {
    /// The parts that a GGUF file's metadata describes.
    init(gguf: GGUFTokenizer) throws(TokenizerError) {
        let reader = try GGUFReader(gguf)
        switch gguf.model {
        case "gpt2": self = try reader.byteLevelParts()
        case "llama": self = try reader.sentencePieceParts()
        default:
            throw TokenizerError.unsupported(component: "the GGUF tokenizer model \(gguf.model)", at: GGUFReader.key("model"))
        }
    }
}

/// Reads a GGUF tokenizer.
private struct GGUFReader {
    let file: GGUFTokenizer
    let kinds: [TokenKind]
    /// All tokens by their spelling.
    let spellings: TokenTable

    static func key(_ name: String) -> JSONPointer { JSONPointer(["tokenizer.ggml.\(name)"]) }

    init(_ file: GGUFTokenizer) throws(TokenizerError) {
        self.file = file
        let count = file.tokens.count
        guard count > 0 else { throw TokenizerError.invalid(at: Self.key("tokens"), reason: "there are no tokens") }
        guard count <= TokenizerLimits.tokens else {
            throw TokenizerError.tooLarge(what: "tokens", count: count, limit: TokenizerLimits.tokens)
        }
        guard file.types.isEmpty || file.types.count == count else {
            throw TokenizerError.invalid(at: Self.key("token_type"), reason: "\(file.types.count) types for \(count) tokens")
        }
        guard file.scores.isEmpty || file.scores.count == count else {
            throw TokenizerError.invalid(at: Self.key("scores"), reason: "\(file.scores.count) scores for \(count) tokens")
        }
        guard file.merges.count <= TokenizerLimits.merges else {
            throw TokenizerError.tooLarge(what: "merges", count: file.merges.count, limit: TokenizerLimits.merges)
        }
        for (name, id) in [
            ("bos_token_id", file.beginningOfSequence), ("eos_token_id", file.endOfSequence), ("unknown_token_id", file.unknown),
        ] {
            guard let id else { continue }
            guard id >= 0, Int(id) < count else { throw TokenizerError.invalid(at: Self.key(name), reason: "there is no token \(id)") }
        }
        var kinds = [TokenKind](repeating: .normal, count: count)
        for (index, type) in file.types.enumerated() {
            switch type {
            case 1: kinds[index] = .normal
            case 2, 3: kinds[index] = .control
            case 4: kinds[index] = .userDefined
            case 5: kinds[index] = .unused
            case 6: kinds[index] = .byte
            default: throw TokenizerError.invalid(at: Self.key("token_type").appending(index), reason: "there is no token type \(type)")
            }
        }
        self.kinds = kinds
        var total = 0
        var spellings = TokenTable(capacity: count)
        for (index, token) in file.tokens.enumerated() {
            let length = token.utf8.count
            total += length
            guard length <= TokenizerLimits.tokenBytes else {
                throw TokenizerError.tooLarge(what: "bytes in a token", count: length, limit: TokenizerLimits.tokenBytes)
            }
            if kinds[index] == .byte, ByteToken.byte(of: token) == nil {
                throw TokenizerError.invalid(at: Self.key("tokens").appending(index), reason: "\(token) is no byte token")
            }
            spellings.insert(token, TokenID(index))
        }
        guard total <= TokenizerLimits.vocabularyBytes else {
            throw TokenizerError.tooLarge(what: "bytes of tokens", count: total, limit: TokenizerLimits.vocabularyBytes)
        }
        self.spellings = spellings
    }

    /// The parts that every kind of model shares.
    private func parts(_ model: TokenizerModel, addsBeginning: Bool) throws(TokenizerError) -> TokenizerParts {
        var parts = TokenizerParts(model: model)
        parts.contents = file.tokens
        parts.kinds = kinds
        for (index, kind) in kinds.enumerated() where kind == .control || kind == .userDefined {
            let content = file.tokens[index]
            if content.isEmpty || spellings[content] != TokenID(index) { continue }
            guard content.utf8.count <= TokenizerLimits.addedTokenBytes else {
                throw TokenizerError.tooLarge(
                    what: "bytes in an added token", count: content.utf8.count, limit: TokenizerLimits.addedTokenBytes)
            }
            parts.added.append(AddedToken(id: TokenID(index), content: content, isSpecial: kind == .control))
        }
        guard parts.added.count <= TokenizerLimits.addedTokens else {
            throw TokenizerError.tooLarge(what: "added tokens", count: parts.added.count, limit: TokenizerLimits.addedTokens)
        }
        if file.addsBeginningOfSequence ?? addsBeginning {
            guard let id = file.beginningOfSequence else {
                throw TokenizerError.invalid(at: Self.key("bos_token_id"), reason: "it is to be added, but missing")
            }
            parts.specials.before = [id]
        }
        if file.addsEndOfSequence ?? false {
            guard let id = file.endOfSequence else {
                throw TokenizerError.invalid(at: Self.key("eos_token_id"), reason: "it is to be added, but missing")
            }
            parts.specials.after = [id]
        }
        return parts
    }

    /// A "gpt2" model: byte-level byte-pair encoding.
    func byteLevelParts() throws(TokenizerError) -> TokenizerParts {
        guard let pretokenizer = GGUFPretokenizer(named: file.pre) else {
            throw TokenizerError.unsupported(component: "the pre-tokenizer \(file.pre ?? "")", at: Self.key("pre"))
        }
        var table = TokenTable(capacity: file.tokens.count)
        for (index, token) in file.tokens.enumerated() where kinds[index] == .normal {
            if let bytes = ByteAlphabet.bytes(of: token) { table.insert(bytes, TokenID(index)) }
        }
        var model = BytePairEncoding(table: table, merges: try spelledMerges(), isByteLevel: true)
        model.ignoresMerges = pretokenizer.ignoresMerges
        let addsBeginning = pretokenizer.addsBeginningOfSequence && file.beginningOfSequence != nil
        var parts = try parts(.bytePairs(model), addsBeginning: addsBeginning)
        parts.pretokenizer.steps = try pretokenizer.steps()
        if pretokenizer.composes { parts.normalizer.steps = [.form(.nfc)] }
        parts.decoding.steps = [.byteAlphabet]
        return parts
    }

    private func spelledMerges() throws(TokenizerError) -> MergeTable {
        var merges = MergeTable(capacity: file.merges.count)
        // In most files tokens stand in the order of the merges that make them, so that looking at the next one saves a search. Where tokens share
        // a spelling, the first is meant.
        let isOrdered = spellings.count == file.tokens.count
        var next = 0
        for (rank, merge) in file.merges.enumerated() {
            guard let space = MergeSpelling.space(in: merge.utf8) else {
                throw TokenizerError.malformed(at: Self.key("merges").appending(rank), expected: "a merge (\"a b\")")
            }
            let merged =
                isOrdered && next < file.tokens.count && MergeSpelling.isMerge(merge, space, file.tokens[next])
                ? TokenID(next) : spellings[MergeSpelling.joined(merge, space)]
            guard let leftID = spellings[merge, ..<space], let rightID = spellings[merge, (space + 1)...], let merged else {
                let parts = [MergeSpelling.left(merge, space), MergeSpelling.right(merge, space), MergeSpelling.joined(merge, space)]
                let missing = parts.first { spellings[$0] == nil } ?? parts[2]
                throw TokenizerError.invalid(
                    at: Self.key("merges").appending(rank), reason: "the merge names \(missing), which is no token")
            }
            next = Int(merged) + 1
            merges.insert(leftID, rightID, rank: UInt32(rank), merged: merged, replacing: false)
        }
        return merges
    }

    /// A "llama" model: SentencePiece's byte-pair encoding, whose merges are ranked by the scores of what they make.
    func sentencePieceParts() throws(TokenizerError) -> TokenizerParts {
        guard file.scores.count == file.tokens.count else {
            throw TokenizerError.malformed(at: Self.key("scores"), expected: "a score for every token")
        }
        if file.removesExtraWhitespace == true {
            throw TokenizerError.unsupported(component: "remove_extra_whitespaces", at: Self.key("remove_extra_whitespaces"))
        }
        var table = TokenTable(capacity: file.tokens.count)
        for (index, token) in file.tokens.enumerated() where kinds[index] == .normal || kinds[index] == .userDefined {
            table.insert(token, TokenID(index))
        }
        let (merges, symbols) = try scoredMerges(table)
        var model = BytePairEncoding(table: symbols, merges: merges, isByteLevel: false)
        model.firstVirtual = TokenID(file.tokens.count)
        model.unknown = file.unknown ?? file.types.firstIndex(of: 2).map { TokenID($0) }
        var byteTokens = [TokenID](repeating: -1, count: 256)
        for (index, token) in file.tokens.enumerated() where kinds[index] == .byte {
            if let byte = ByteToken.byte(of: token) { byteTokens[Int(byte)] = TokenID(index) }
        }
        model.byteTokens = byteTokens
        model.fusesUnknown = true
        var parts = try parts(.bytePairs(model), addsBeginning: file.beginningOfSequence != nil)
        let marker = Array("▁".utf8)
        let addsSpace = file.addsSpacePrefix ?? true
        if addsSpace { parts.normalizer.steps.append(.prepend([UInt8(ascii: " ")])) }
        parts.normalizer.steps.append(.replace(.literal([UInt8(ascii: " ")]), with: marker))
        parts.decoding.steps = [.replace(marker, with: [UInt8(ascii: " ")])]
        parts.decoding.hasByteTokens = true
        parts.decoding.strip = (UInt8(ascii: " "), addsSpace ? 1 : 0, 0)
        return parts
    }

    /// Every way to make a token of two others, ranked by its score; and the symbols, among them characters that are no tokens but occur in
    /// some, numbered from the vocabulary's end.
    private func scoredMerges(_ table: TokenTable) throws(TokenizerError) -> (MergeTable, TokenTable) {
        var symbols = table
        let order = Set(file.scores).sorted(by: >)
        var ranks: [Float: UInt32] = [:]
        for (rank, score) in order.enumerated() { ranks[score] = UInt32(rank) }
        var next = TokenID(file.tokens.count)
        for (index, token) in file.tokens.enumerated() where table[token] == TokenID(index) {
            for scalar in token.unicodeScalars {
                if symbols.insert(String(scalar), next) == next { next += 1 }
            }
        }
        var merges = MergeTable(capacity: file.tokens.count * 2)
        for (index, token) in file.tokens.enumerated() where table[token] == TokenID(index) {
            guard let rank = ranks[file.scores[index]] else {
                throw TokenizerError.invalid(at: Self.key("scores").appending(index), reason: "the score is not a number")
            }
            let bytes = Array(token.utf8)
            guard bytes.count <= TokenizerLimits.scoredTokenBytes else {
                throw TokenizerError.tooLarge(what: "bytes in a scored token", count: bytes.count, limit: TokenizerLimits.scoredTokenBytes)
            }
            var cut = bytes.isEmpty ? 0 : UTF8Text.length(startingWith: bytes[0])
            while cut < bytes.count {
                if let left = symbols[bytes[..<cut]], let right = symbols[bytes[cut...]] {
                    merges.insert(left, right, rank: rank, merged: TokenID(index), replacing: false)
                    guard merges.count <= TokenizerLimits.merges else {
                        throw TokenizerError.tooLarge(what: "merges", count: merges.count, limit: TokenizerLimits.merges)
                    }
                }
                cut += UTF8Text.length(startingWith: bytes[cut])
            }
        }
        return (merges, symbols)
    }
}
