// Templates, special tokens, stop tokens, sampling and the tokenizer's description from GGUF metadata.
internal import JSON
public import Tokens

extension GGUFFile {
    func language(vocabularySize: Int) throws(LoadError) -> ModelLanguage {
        var language = ModelLanguage()
        for (key, value) in metadata {
            guard let text = value.stringValue else { continue }
            if key == "tokenizer.chat_template" { language.chatTemplates.append(("default", text)) }
            let prefix = "tokenizer.chat_template."
            if key.hasPrefix(prefix) { language.chatTemplates.append((String(key.dropFirst(prefix.count)), text)) }
        }
        let named = [
            ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("sep_token", "seperator"), ("pad_token", "padding"),
            ("cls_token", "cls"), ("mask_token", "mask"),
        ]
        var reader = GGUFReader(self, prefix: "tokenizer.ggml.")
        var ids: [(name: String, id: Int)] = []
        for (name, key) in named {
            if let id = try token(key, &reader, vocabularySize: vocabularySize) { ids.append((name, id)) }
        }
        for key in ["eos", "eot", "eom"] {
            if let id = try token(key, &reader, vocabularySize: vocabularySize) { language.stop(at: id) }
        }
        try addTokens(&language, ids: ids, vocabularySize: vocabularySize)
        var sampling = GGUFReader(self, prefix: "general.sampling.")
        language.defaultSampling = DefaultSampling(
            temperature: try sampling.float("temp", .temperature),
            topK: try sampling.value("top_k") == nil ? nil : sampling.integer("top_k", in: 0...Int(Int32.max)),
            topP: try sampling.float("top_p", .topP), minP: try sampling.float("min_p", .minP),
            repetitionPenalty: try sampling.float("penalty_repeat", .repetitionPenalty))
        return language
    }

    private func token(_ key: String, _ reader: inout GGUFReader, vocabularySize: Int) throws(LoadError) -> Int? {
        guard let value = reader.value(key + "_token_id") else { return nil }
        // Converters write -1, or its unsigned pattern, for "none".
        if value.intValue == -1 || value.intValue == Int(UInt32.max) { return nil }
        return try reader.integer(key + "_token_id", in: 0...(vocabularySize - 1))
    }

    /// One walk over the tokens: the texts of `ids`, and the control tokens that are known to end a turn.
    private func addTokens(_ language: inout ModelLanguage, ids: [(name: String, id: Int)], vocabularySize: Int) throws(LoadError) {
        guard let tokens = value("tokenizer.ggml.tokens")?.arrayValue, tokens.elementType == .string else { return }
        let types = try value("tokenizer.ggml.token_type")?.arrayValue?.integers() ?? []
        let wanted = Set(ids.map(\.id))
        let longest = ModelLanguage.knownStops.map(\.utf8.count).max() ?? 0
        var texts: [Int: String] = [:]
        var walk = ByteReader(file: file, offset: tokens.offset)
        for id in 0..<min(tokens.count, vocabularySize) {
            let bytes = try walk.stringBytes("token \(id)", limit: LoadLimits.stringBytes)
            let mayStop = bytes.count <= longest && id < types.count && types[id] == 3
            guard mayStop || wanted.contains(id) else { continue }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .invalidUTF8(file: file.name, what: "token \(id)", offset: walk.offset - bytes.count)
            }
            if wanted.contains(id) { texts[id] = text }
            if mayStop, ModelLanguage.knownStops.contains(text) { language.stop(at: id) }
        }
        for (name, id) in ids {
            if let text = texts[id] { language.specialTokens.append((name, text)) }
        }
    }

    /// The `tokenizer.ggml.*` values, from which a `Tokenizer` is made; the file need not hold a model.
    public func tokenizerDescription() throws(LoadError) -> GGUFTokenizer {
        var reader = GGUFReader(self, prefix: "tokenizer.ggml.")
        guard let model = try reader.string("model") else { throw .missingKey(file: file.name, key: "tokenizer.ggml.model") }
        guard let tokens = try strings("tokens", &reader) else { throw .missingKey(file: file.name, key: "tokenizer.ggml.tokens") }
        let types = try reader.value("token_type").map { value throws(LoadError) in
            guard let numbers = try value.arrayValue?.integers() else {
                throw .wrongType(file: file.name, key: "tokenizer.ggml.token_type", expected: "an array of integers", found: value.typeName)
            }
            let types = numbers.compactMap { Int32(exactly: $0) }
            guard types.count == numbers.count else {
                throw .outOfRange(file: file.name, key: "tokenizer.ggml.token_type", value: "an element", range: "32-bit integers")
            }
            return types
        }
        let scores = try reader.value("scores").map { value throws(LoadError) in
            guard let scores = try value.arrayValue?.floats() else {
                throw .wrongType(file: file.name, key: "tokenizer.ggml.scores", expected: "an array of floats", found: value.typeName)
            }
            return scores
        }
        let limit = LoadLimits.vocabulary
        return GGUFTokenizer(
            model: model, pre: try reader.string("pre"), tokens: tokens, types: types ?? [],
            scores: scores ?? [], merges: try strings("merges", &reader) ?? [],
            beginningOfSequence: try token("bos", &reader, vocabularySize: limit).map { TokenID($0) },
            endOfSequence: try token("eos", &reader, vocabularySize: limit).map { TokenID($0) },
            unknown: try token("unknown", &reader, vocabularySize: limit).map { TokenID($0) },
            addsBeginningOfSequence: try boolean("add_bos_token", &reader), addsEndOfSequence: try boolean("add_eos_token", &reader),
            addsSpacePrefix: try boolean("add_space_prefix", &reader),
            removesExtraWhitespace: try boolean("remove_extra_whitespaces", &reader))
    }

    private func strings(_ key: String, _ reader: inout GGUFReader) throws(LoadError) -> [String]? {
        guard let value = reader.value(key) else { return nil }
        guard let strings = try value.arrayValue?.strings() else {
            throw .wrongType(file: file.name, key: reader.prefix + key, expected: "an array of strings", found: value.typeName)
        }
        return strings
    }

    private func boolean(_ key: String, _ reader: inout GGUFReader) throws(LoadError) -> Bool? {
        guard let value = reader.value(key) else { return nil }
        guard let boolean = value.boolValue else {
            throw .wrongType(file: file.name, key: reader.prefix + key, expected: "a boolean", found: value.typeName)
        }
        return boolean
    }

    func metadataJSON() throws(LoadError) -> JSONValue {
        var pairs: [(String, JSONValue)] = []
        for (key, value) in metadata { pairs.append((key, try value.json())) }
        return .object(
            JSONObject([
                ("format", "gguf"), ("version", JSONValue(Int(version))), ("alignment", JSONValue(alignment)),
                ("keys", .object(JSONObject(pairs))),
            ]))
    }
}
