// The vocabulary of tokenizer.json, and the model over it.
import JSON

/// The tokens of a tokenizer.json: the model's and the added ones.
struct FileVocabulary {
    private(set) var contents: [String] = []
    private(set) var kinds: [TokenKind] = []
    private(set) var added: [AddedToken] = []
    /// The model's tokens by their spelling.
    private var spellings: TokenTable
    /// The scores of a unigram model.
    private var scores: [Double] = []

    init(model: FileNode, addedTokens: FileNode?) throws(TokenizerError) {
        let vocabulary = try model.required("vocab")
        let count = vocabulary.value.objectValue?.count ?? vocabulary.value.arrayValue?.count ?? 0
        guard count <= TokenizerLimits.tokens else {
            throw TokenizerError.tooLarge(what: "tokens", count: count, limit: TokenizerLimits.tokens)
        }
        spellings = TokenTable(capacity: count)
        contents.reserveCapacity(count)
        kinds.reserveCapacity(count)
        if case .array = vocabulary.value {
            try readPieces(vocabulary)
        } else {
            try readObject(vocabulary)
        }
        if let addedTokens { try readAdded(addedTokens) }
        try checkSizes()
    }

    private mutating func readObject(_ node: FileNode) throws(TokenizerError) {
        let members = try node.object()
        for (key, value) in members {
            guard let id = FileNode.tokenID(value) else {
                throw TokenizerError.malformed(
                    at: node.pointer.appending(key), expected: "a token number from 0 to \(TokenizerLimits.tokens - 1)")
            }
            try reserve(id, known: members.count, at: node.pointer.appending(key))
            guard kinds[Int(id)] == .unused else {
                throw TokenizerError.invalid(
                    at: node.pointer.appending(key), reason: "the number \(id) is already that of \(contents[Int(id)])")
            }
            contents[Int(id)] = key
            kinds[Int(id)] = .normal
            spellings.insert(key, id)
        }
    }

    private mutating func readPieces(_ node: FileNode) throws(TokenizerError) {
        for piece in try node.nodes() {
            guard let pair = piece.value.arrayValue, pair.count == 2, let text = pair[0].stringValue, let score = pair[1].doubleValue,
                score.isFinite
            else { throw TokenizerError.malformed(at: piece.pointer, expected: "a piece and its score") }
            spellings.insert(text, TokenID(contents.count))
            contents.append(text)
            kinds.append(.normal)
            scores.append(score)
        }
    }

    /// Makes room for a number that is not far beyond the count of tokens.
    private mutating func reserve(_ id: TokenID, known: Int, at pointer: JSONPointer) throws(TokenizerError) {
        if Int(id) < contents.count { return }
        guard Int(id) < known * 4 + 4096 else {
            throw TokenizerError.invalid(at: pointer, reason: "the number \(id) is far beyond the \(known) tokens there are")
        }
        while contents.count <= Int(id) {
            contents.append("")
            kinds.append(.unused)
        }
    }

    private mutating func readAdded(_ node: FileNode) throws(TokenizerError) {
        let tokens = try node.nodes()
        guard tokens.count <= TokenizerLimits.addedTokens else {
            throw TokenizerError.tooLarge(what: "added tokens", count: tokens.count, limit: TokenizerLimits.addedTokens)
        }
        var seen = TokenTable(capacity: tokens.count)
        let known = spellings.count + tokens.count
        for token in tokens {
            let content = try token.string("content")
            let idNode = try token.required("id")
            let id = try idNode.tokenID()
            guard !content.isEmpty else { throw token.invalid("an added token without content") }
            guard content.utf8.count <= TokenizerLimits.addedTokenBytes else {
                throw TokenizerError.tooLarge(
                    what: "bytes in an added token", count: content.utf8.count, limit: TokenizerLimits.addedTokenBytes)
            }
            guard seen.insert(content, id) == id else { throw token.invalid("\(content) is added twice, with two numbers") }
            if let modelID = spellings[content], modelID != id { throw token.invalid("\(content) has the number \(modelID) in the model") }
            try reserve(id, known: known, at: idNode.pointer)
            guard kinds[Int(id)] == .unused || contents[Int(id)].utf8.elementsEqual(content.utf8) else {
                throw idNode.invalid("the number \(id) is already that of \(contents[Int(id)])")
            }
            let isSpecial = try token.bool("special", default: false)
            contents[Int(id)] = content
            kinds[Int(id)] = isSpecial ? .control : .userDefined
            added.append(
                AddedToken(
                    id: id, content: content, isSpecial: isSpecial, isSingleWord: try token.bool("single_word", default: false),
                    stripsLeft: try token.bool("lstrip", default: false), stripsRight: try token.bool("rstrip", default: false),
                    isNormalized: try token.bool("normalized", default: !isSpecial)))
        }
    }

    private func checkSizes() throws(TokenizerError) {
        guard !contents.isEmpty else { throw TokenizerError.invalid(at: JSONPointer(["model", "vocab"]), reason: "there are no tokens") }
        var total = 0
        for content in contents {
            let count = content.utf8.count
            total += count
            guard count <= TokenizerLimits.tokenBytes else {
                throw TokenizerError.tooLarge(what: "bytes in a token", count: count, limit: TokenizerLimits.tokenBytes)
            }
        }
        guard total <= TokenizerLimits.vocabularyBytes else {
            throw TokenizerError.tooLarge(what: "bytes of tokens", count: total, limit: TokenizerLimits.vocabularyBytes)
        }
    }

    /// Gives `<0x0A>` and its like their kind, when the decoder makes bytes of them.
    mutating func markByteTokens(_ hasByteTokens: Bool) {
        guard hasByteTokens else { return }
        for (index, content) in contents.enumerated() where kinds[index] == .normal && ByteToken.byte(of: content) != nil {
            kinds[index] = .byte
        }
    }

    /// The model that the file describes; its type may be missing in old files.
    func model(_ node: FileNode, isByteLevel: Bool) throws(TokenizerError) -> TokenizerModel {
        let type = try node.optional("type")?.string() ?? (node.optional("merges") != nil ? "BPE" : "without a type")
        switch type {
        case "BPE": return .bytePairs(try bytePairs(node, isByteLevel: isByteLevel))
        case "Unigram" where !isByteLevel: return .unigram(try unigram(node))
        case "WordPiece" where !isByteLevel: return .wordPiece(try wordPiece(node))
        default: throw node.unsupported("the model \(type)\(isByteLevel ? " with the pre-tokenizer ByteLevel" : "")")
        }
    }

    /// The tokens a model may find in text (special ones are found only as added tokens), by their bytes.
    private func table(isByteLevel: Bool) -> TokenTable {
        var table = TokenTable(capacity: contents.count)
        for (index, content) in contents.enumerated() where kinds[index] != .unused && kinds[index] != .control {
            guard index < contents.count, spellings[content] == TokenID(index) else { continue }
            if !isByteLevel {
                table.insert(content, TokenID(index))
            } else if let bytes = ByteAlphabet.bytes(of: content) {
                table.insert(bytes, TokenID(index))
            }
        }
        return table
    }

    private func named(_ node: FileNode, _ key: String) throws(TokenizerError) -> TokenID? {
        guard let member = node.optional(key) else { return nil }
        let name = try member.string()
        guard let id = spellings[name] else { throw member.invalid("there is no token \(name)") }
        return id
    }

    private var byteTokens: [TokenID] { (0..<256).map { spellings[ByteToken.spelling(of: UInt8($0))] ?? -1 } }

    private func bytePairs(_ node: FileNode, isByteLevel: Bool) throws(TokenizerError) -> BytePairEncoding {
        if let dropout = node.optional("dropout"), dropout.value.doubleValue != 0 { throw dropout.unsupported("dropout") }
        let prefix = try node.optional("continuing_subword_prefix")?.string() ?? ""
        let suffix = try node.optional("end_of_word_suffix")?.string() ?? ""
        let merges = try readMerges(try node.required("merges"), prefix: prefix)
        let table = table(isByteLevel: isByteLevel)
        func bytes(_ affix: String) -> [UInt8] { isByteLevel ? ByteAlphabet.bytes(of: affix) ?? Array(affix.utf8) : Array(affix.utf8) }
        var model = BytePairEncoding(
            table: table, merges: merges, isByteLevel: isByteLevel, continuingPrefix: bytes(prefix), endSuffix: bytes(suffix))
        model.unknown = try named(node, "unk_token")
        model.fusesUnknown = try node.bool("fuse_unk", default: false)
        model.ignoresMerges = try node.bool("ignore_merges", default: false)
        if try node.bool("byte_fallback", default: false) { model.byteTokens = byteTokens }
        return model
    }

    private func readMerges(_ node: FileNode, prefix: String) throws(TokenizerError) -> MergeTable {
        let merges = try node.elements()
        guard merges.count <= TokenizerLimits.merges else {
            throw TokenizerError.tooLarge(what: "merges", count: merges.count, limit: TokenizerLimits.merges)
        }
        var table = MergeTable(capacity: merges.count)
        var joined = ""
        for (rank, merge) in merges.enumerated() {
            guard let (left, right) = Self.pair(merge) else {
                throw TokenizerError.malformed(at: node.pointer.appending(rank), expected: "a merge (\"a b\" or [\"a\", \"b\"])")
            }
            joined = left
            joined += prefix.isEmpty ? right : Self.removing(prefix, from: right)
            guard let leftID = spellings[left], let rightID = spellings[right], let merged = spellings[joined] else {
                let missing = [left, right, joined].first { spellings[$0] == nil } ?? joined
                throw TokenizerError.invalid(at: node.pointer.appending(rank), reason: "the merge names \(missing), which is no token")
            }
            table.insert(leftID, rightID, rank: UInt32(rank), merged: merged, replacing: true)
        }
        return table
    }

    /// The text without a prefix, compared byte by byte.
    private static func removing(_ prefix: String, from text: String) -> String {
        text.utf8.starts(with: prefix.utf8) ? String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : text
    }

    /// The two sides of a merge, in either spelling.
    private static func pair(_ merge: JSONValue) -> (String, String)? {
        switch merge {
        case .array(let parts):
            guard parts.count == 2, case .string(let left) = parts[0], case .string(let right) = parts[1] else { return nil }
            return (left, right)
        case .string(let text): return MergeSpelling.pair(text)
        default: return nil
        }
    }

    private func unigram(_ node: FileNode) throws(TokenizerError) -> Unigram {
        guard !scores.isEmpty else { throw node.invalid("a unigram model needs pieces with scores") }
        var unknown: TokenID?
        if let member = node.optional("unk_id") {
            let id = try member.tokenID()
            guard id < scores.count else { throw member.invalid("there is no piece \(id)") }
            unknown = id
        }
        let fallsBack = try node.bool("byte_fallback", default: false)
        var entries: [(bytes: [UInt8], token: TokenID)] = []
        entries.reserveCapacity(scores.count)
        // Of equal pieces the last one counts, as in the tokenizers library.
        for index in scores.indices.reversed() where kinds[index] != .control {
            entries.append((Array(contents[index].utf8), TokenID(index)))
        }
        return Unigram(trie: ByteTrie(entries), scores: scores, unknown: unknown, byteTokens: fallsBack ? byteTokens : nil)
    }

    private func wordPiece(_ node: FileNode) throws(TokenizerError) -> WordPiece {
        guard let unknown = try named(node, "unk_token") else {
            throw TokenizerError.malformed(at: node.pointer.appending("unk_token"), expected: "the unknown token")
        }
        return WordPiece(
            table: table(isByteLevel: false), unknown: unknown,
            continuingPrefix: Array((try node.optional("continuing_subword_prefix")?.string() ?? "##").utf8),
            longestWord: try node.int("max_input_chars_per_word", default: 100))
    }
}

/// Merges spelled as one text.
enum MergeSpelling {
    /// The two sides of "left right"; nil unless there is exactly one space.
    static func pair(_ text: String) -> (String, String)? { space(in: text.utf8).map { (left(text, $0), right(text, $0)) } }

    /// How many bytes stand before the only space; nil where there is none, or another one.
    static func space(in bytes: String.UTF8View) -> Int? {
        var place: Int?
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: " ") {
            if place != nil { return nil }
            place = index
        }
        return place
    }

    static func left(_ merge: String, _ space: Int) -> String { String(decoding: merge.utf8.prefix(space), as: UTF8.self) }
    static func right(_ merge: String, _ space: Int) -> String { String(decoding: merge.utf8.dropFirst(space + 1), as: UTF8.self) }
    static func joined(_ merge: String, _ space: Int) -> String { left(merge, space) + right(merge, space) }

    /// Whether a token is what a merge makes.
    static func isMerge(_ merge: String, _ space: Int, _ token: String) -> Bool {
        guard token.utf8.count + 1 == merge.utf8.count else { return false }
        return token.utf8.prefix(space).elementsEqual(merge.utf8.prefix(space))
            && token.utf8.dropFirst(space).elementsEqual(merge.utf8.dropFirst(space + 1))
    }
}
