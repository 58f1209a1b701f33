// A tokenizer.json as GGUF describes it, so that one file can hold a model and its tokenizer.
public import JSON

extension GGUFTokenizer {
    /// The description of a tokenizer.json's content: byte-level byte-pair encodings whose splitting has a name in GGUF, and SentencePiece's with byte
    /// tokens. What GGUF cannot say is refused by its place. `endOfSequence` and `unknown` are for the caller to fill in.
    public init(tokenizerJSON file: JSONValue) throws(TokenizerError) {
        guard let model = file["model"], let vocabulary = model["vocab"]?.objectValue else {
            throw TokenizerError.malformed(at: JSONPointer(["model", "vocab"]), expected: "an object")
        }
        guard model["type"]?.stringValue ?? "BPE" == "BPE" else {
            throw TokenizerError.unsupported(
                component: "the model \(model["type"]?.stringValue ?? "") in GGUF", at: JSONPointer(["model", "type"]))
        }
        let isSentencePiece = model["byte_fallback"]?.boolValue == true
        self.init(model: isSentencePiece ? "llama" : "gpt2", tokens: [])
        try addTokens(vocabulary, added: file["added_tokens"]?.arrayValue ?? [], byteTokens: isSentencePiece)
        let merges = try Self.merges(model)
        if isSentencePiece {
            scores = Self.scores(of: tokens, merges: merges)
            addsSpacePrefix = try Self.addsSpace(file)
        } else {
            self.merges = merges.map { $0 + " " + $1 }
            pre = try Self.pretokenizerName(file, ignoresMerges: model["ignore_merges"]?.boolValue == true)
        }
        try readTemplate(file["post_processor"])
    }

    private mutating func addTokens(
        _ vocabulary: JSONObject, added: [JSONValue], byteTokens: Bool
    ) throws(TokenizerError) {
        var spelled: [Int: (text: String, type: Int32)] = [:]
        for (text, value) in vocabulary {
            guard let id = value.intValue, id >= 0, id < TokenizerLimits.tokens else {
                throw TokenizerError.malformed(at: JSONPointer(["model", "vocab", text]), expected: "a token's number")
            }
            spelled[id] = (text, byteTokens && ByteToken.byte(of: text) != nil ? 6 : 1)
        }
        for (index, token) in added.enumerated() {
            guard let id = token["id"]?.intValue, id >= 0, id < TokenizerLimits.tokens, let text = token["content"]?.stringValue else {
                throw TokenizerError.malformed(at: JSONPointer(["added_tokens"]).appending(index), expected: "a token with id and content")
            }
            spelled[id] = (text, token["special"]?.boolValue == true ? 3 : 4)
        }
        for id in 0..<((spelled.keys.max() ?? -1) + 1) {
            let token = spelled[id] ?? ("[PAD\(id)]", 5)
            tokens.append(token.text)
            types.append(token.type)
        }
    }

    /// Fills the vocabulary up to a model's with tokens that are never used.
    public mutating func pad(to count: Int) {
        for id in tokens.count..<max(count, tokens.count) {
            tokens.append("[PAD\(id)]")
            types.append(5)
            if !scores.isEmpty { scores.append(-1e6) }
        }
    }

    private static func merges(_ model: JSONValue) throws(TokenizerError) -> [(String, String)] {
        var result: [(String, String)] = []
        for (index, merge) in (model["merges"]?.arrayValue ?? []).enumerated() {
            if let pair = merge.arrayValue, pair.count == 2, let left = pair[0].stringValue, let right = pair[1].stringValue {
                result.append((left, right))
                continue
            }
            guard let text = merge.stringValue, let (left, right) = MergeSpelling.pair(text) else {
                throw TokenizerError.malformed(at: JSONPointer(["model", "merges"]).appending(index), expected: "a merge")
            }
            result.append((left, right))
        }
        return result
    }

    /// SentencePiece ranks merges by what they make: the first merge of a token is its rank.
    private static func scores(of tokens: [String], merges: [(String, String)]) -> [Float] {
        var ranks: [String: Int] = [:]
        for (rank, merge) in merges.enumerated() where ranks[merge.0 + merge.1] == nil { ranks[merge.0 + merge.1] = rank }
        return tokens.map { -Float(ranks[$0] ?? merges.count + 1) }
    }

    private static func addsSpace(_ file: JSONValue) throws(TokenizerError) -> Bool {
        let place = JSONPointer(["normalizer"])
        var adds = false
        guard file["pre_tokenizer"]?.isNull ?? true else {
            throw TokenizerError.unsupported(component: "a pre-tokenizer beside byte tokens in GGUF", at: JSONPointer(["pre_tokenizer"]))
        }
        for step in steps(file["normalizer"], "normalizers") {
            switch step["type"]?.stringValue {
            case "Prepend" where step["prepend"]?.stringValue == "▁": adds = true
            case "Replace" where step["pattern"]?["String"]?.stringValue == " " && step["content"]?.stringValue == "▁": break
            default: throw TokenizerError.unsupported(component: "the normalizer \(step["type"]?.stringValue ?? "") in GGUF", at: place)
            }
        }
        return adds
    }

    /// The parts of a sequence, or the one that stands alone.
    private static func steps(_ value: JSONValue?, _ key: String) -> [JSONValue] {
        guard let value, !value.isNull else { return [] }
        return value["type"]?.stringValue == "Sequence" ? value[key]?.arrayValue ?? [] : [value]
    }

    private static func pretokenizerName(_ file: JSONValue, ignoresMerges: Bool) throws(TokenizerError) -> String {
        var composes = false
        for step in steps(file["normalizer"], "normalizers") {
            guard step["type"]?.stringValue == "NFC" else {
                throw TokenizerError.unsupported(
                    component: "the normalizer \(step["type"]?.stringValue ?? "") in GGUF", at: JSONPointer(["normalizer"]))
            }
            composes = true
        }
        let place = JSONPointer(["pre_tokenizer"])
        var patterns: [String] = []
        for step in steps(file["pre_tokenizer"], "pretokenizers") {
            let type = step["type"]?.stringValue ?? ""
            switch type {
            case "Split":
                guard let pattern = step["pattern"]?["Regex"]?.stringValue, step["behavior"]?.stringValue == "Isolated",
                    step["invert"]?.boolValue != true
                else { throw TokenizerError.unsupported(component: "this way to split in GGUF", at: place) }
                patterns.append(pattern)
            case "Digits" where step["individual_digits"]?.boolValue == true: patterns.append(#"\p{N}"#)
            case "ByteLevel" where step["add_prefix_space"]?.boolValue != true:
                if step["use_regex"]?.boolValue != false { patterns.append(PatternScanner.gpt2Pattern) }
            default: throw TokenizerError.unsupported(component: "the pre-tokenizer \(type) in GGUF", at: place)
            }
        }
        guard let name = GGUFPretokenizer.name(patterns: patterns, ignoresMerges: ignoresMerges, composes: composes) else {
            throw TokenizerError.unsupported(component: "a pattern of words that GGUF has no name for", at: place)
        }
        return name
    }

    /// Which special tokens stand around a text.
    private mutating func readTemplate(_ processor: JSONValue?) throws(TokenizerError) {
        addsBeginningOfSequence = false
        addsEndOfSequence = false
        for step in Self.steps(processor, "processors") where step["type"]?.stringValue == "TemplateProcessing" {
            var isBefore = true
            for part in step["single"]?.arrayValue ?? [] {
                if part["Sequence"] != nil { isBefore = false }
                guard let text = part["SpecialToken"]?["id"]?.stringValue else { continue }
                guard !(isBefore ? addsBeginningOfSequence! : addsEndOfSequence!), let id = tokens.firstIndex(of: text) else {
                    throw TokenizerError.unsupported(component: "this template of special tokens in GGUF", at: JSONPointer(["post_processor"]))
                }
                if isBefore {
                    (addsBeginningOfSequence, beginningOfSequence) = (true, TokenID(id))
                } else {
                    (addsEndOfSequence, endOfSequence) = (true, TokenID(id))
                }
            }
        }
    }
}
