// The components of tokenizer.json: Hugging Face's tokenizers library writes it.
import JSON

extension TokenizerParts {
    /// The parts that a tokenizer.json describes.
    init(tokenizerJSON: JSONValue) throws(TokenizerError) {
        let file = FileNode(value: tokenizerJSON, pointer: JSONPointer())
        let modelNode = try file.required("model")
        var vocabulary = try FileVocabulary(model: modelNode, addedTokens: file.optional("added_tokens"))
        let normalizer = try FileComponents.normalizer(file.optional("normalizer"))
        let (pretokenizer, isByteLevel) = try FileComponents.pretokenizer(file.optional("pre_tokenizer"))
        let decoding = try FileComponents.decoding(file.optional("decoder"))
        vocabulary.markByteTokens(decoding.hasByteTokens)
        let model = try vocabulary.model(modelNode, isByteLevel: isByteLevel)
        self.init(model: model)
        contents = vocabulary.contents
        kinds = vocabulary.kinds
        added = vocabulary.added
        self.normalizer = normalizer
        self.pretokenizer = pretokenizer
        self.decoding = decoding
        specials = try FileComponents.specials(file.optional("post_processor"), count: contents.count)
    }
}

/// Readers of the components around the model.
enum FileComponents {
    static func normalizer(_ node: FileNode?) throws(TokenizerError) -> Normalizer {
        var normalizer = Normalizer()
        guard let node else { return normalizer }
        for step in try node.steps("normalizers") {
            let type = try step.string("type")
            switch type {
            case "NFC", "NFD", "NFKC", "NFKD": normalizer.steps.append(.form(NormalizationForm(rawValue: type)!))
            case "Lowercase": normalizer.steps.append(.lowercase)
            case "Prepend": normalizer.steps.append(.prepend(Array(try step.string("prepend").utf8)))
            case "Replace":
                normalizer.steps.append(.replace(try step.splitter(), with: Array(try step.string("content").utf8)))
            case "Strip":
                normalizer.steps.append(
                    .strip(left: try step.bool("strip_left", default: true), right: try step.bool("strip_right", default: true)))
            case "StripAccents": normalizer.steps.append(.stripAccents)
            case "Nmt": normalizer.steps.append(.nmt)
            case "BertNormalizer":
                let lowercase = try step.bool("lowercase", default: true)
                normalizer.steps.append(
                    .bert(
                        cleanText: try step.bool("clean_text", default: true),
                        chineseCharacters: try step.bool("handle_chinese_chars", default: true),
                        stripAccents: try step.bool("strip_accents", default: lowercase), lowercase: lowercase))
            case "Precompiled":
                guard let map = Base64.decoded(try step.string("precompiled_charsmap")).flatMap(CharacterMap.init) else {
                    throw step.invalid("the precompiled character map is cut short or not base64")
                }
                normalizer.steps.append(.precompiled(map))
            default: throw step.unsupported("the normalizer \(type)")
            }
        }
        return normalizer
    }

    /// The pre-tokenizer, and whether it spells words in the byte-level alphabet.
    static func pretokenizer(_ node: FileNode?) throws(TokenizerError) -> (Pretokenizer, isByteLevel: Bool) {
        var pretokenizer = Pretokenizer()
        guard let node else { return (pretokenizer, false) }
        let steps = try node.steps("pretokenizers")
        var isByteLevel = false
        for (index, step) in steps.enumerated() {
            let type = try step.string("type")
            switch type {
            case "ByteLevel":
                if isByteLevel { throw step.unsupported("the pre-tokenizer ByteLevel a second time") }
                isByteLevel = true
                if try step.bool("add_prefix_space", default: true) { pretokenizer.steps.append(.prefixSpace) }
                if try step.bool("use_regex", default: true) {
                    pretokenizer.steps.append(.split(.scanner(.gpt2), .isolated, inverted: false))
                }
                // Steps behind this one see the spelled text; where there are none, words stay bytes.
                if index + 1 < steps.count { pretokenizer.steps.append(.byteAlphabet) }
            case "Split":
                pretokenizer.steps.append(
                    .split(try step.splitter(), try behaviour(step), inverted: try step.bool("invert", default: false)))
            case "Digits":
                let individual = try step.bool("individual_digits", default: false)
                pretokenizer.steps.append(.split(.scalar(Scalars.isNumeric), individual ? .isolated : .contiguous, inverted: false))
            case "Punctuation":
                let behaviour = try step.optional("behavior") == nil ? .isolated : behaviour(step)
                pretokenizer.steps.append(.split(.scalar(Scalars.isPunctuation), behaviour, inverted: false))
            case "Whitespace": pretokenizer.steps.append(.split(.words, .removed, inverted: true))
            case "WhitespaceSplit": pretokenizer.steps.append(.split(.scalar(Scalars.isWhitespace), .removed, inverted: false))
            case "BertPreTokenizer":
                pretokenizer.steps.append(.split(.scalar(Scalars.isWhitespace), .removed, inverted: false))
                pretokenizer.steps.append(.split(.scalar(Scalars.isPunctuation), .isolated, inverted: false))
            case "CharDelimiterSplit":
                pretokenizer.steps.append(.split(.literal(Array(try character(step, "delimiter").utf8)), .removed, inverted: false))
            case "Metaspace":
                pretokenizer.steps.append(
                    .metaspace(
                        replacement: Array(try character(step, "replacement").utf8), scheme: try prependScheme(step),
                        splits: try step.bool("split", default: true)))
            default: throw step.unsupported("the pre-tokenizer \(type)")
            }
        }
        return (pretokenizer, isByteLevel)
    }

    private static func behaviour(_ node: FileNode) throws(TokenizerError) -> SplitBehaviour {
        let text = try node.string("behavior")
        guard let behaviour = SplitBehaviour(rawValue: text) else { throw node.unsupported("the split behavior \(text)") }
        return behaviour
    }

    private static func prependScheme(_ node: FileNode) throws(TokenizerError) -> PrependScheme {
        let addsSpace = try node.bool("add_prefix_space", default: true)
        guard let member = node.optional("prepend_scheme") else { return addsSpace ? .always : .never }
        let text = try member.string()
        guard let scheme = PrependScheme(rawValue: text) else { throw member.unsupported("the prepend scheme \(text)") }
        guard addsSpace || scheme == .never else { throw member.invalid("add_prefix_space is false, yet prepend_scheme is \(text)") }
        return scheme
    }

    /// A member that is one character.
    private static func character(_ node: FileNode, _ key: String) throws(TokenizerError) -> String {
        let text = try node.string(key)
        guard text.unicodeScalars.count == 1 else {
            throw TokenizerError.malformed(at: node.pointer.appending(key), expected: "one character")
        }
        return text
    }

    static func decoding(_ node: FileNode?) throws(TokenizerError) -> Decoding {
        var decoding = Decoding()
        guard let node else {
            decoding.steps = [.spaced]
            return decoding
        }
        // After Fuse, and after ByteLevel, which fuses too, steps see the whole text instead of tokens.
        var isFused = false
        for step in try node.steps("decoders") {
            let type = try step.string("type")
            if isFused, type != "Strip", type != "Fuse" { throw step.unsupported("the decoder \(type) on fused text") }
            if decoding.hasByteTokens, !isFused, type != "Fuse" {
                throw step.unsupported("the decoder \(type) between ByteFallback and Fuse")
            }
            switch type {
            case "ByteLevel":
                decoding.steps.append(.byteAlphabet)
                isFused = true
            case "Replace":
                guard case .literal(let old) = try step.splitter() else { throw step.unsupported("the decoder Replace with a pattern") }
                decoding.steps.append(.replace(old, with: Array(try step.string("content").utf8)))
            case "ByteFallback": decoding.hasByteTokens = true
            case "Fuse": isFused = true
            case "Strip": try strip(step, isFused: isFused, &decoding)
            case "Metaspace":
                let replacement = Array(try character(step, "replacement").utf8)
                decoding.steps.append(.metaspace(replacement: replacement, dropsFirst: try prependScheme(step) != .never))
            case "WordPiece":
                decoding.steps.append(
                    .wordPiece(prefix: Array(try step.string("prefix").utf8), cleansUp: try step.bool("cleanup", default: true)))
            default: throw step.unsupported("the decoder \(type)")
            }
        }
        return decoding
    }

    private static func strip(_ step: FileNode, isFused: Bool, _ decoding: inout Decoding) throws(TokenizerError) {
        let content = try character(step, "content")
        guard let byte = content.utf8.first, content.utf8.count == 1 else { throw step.unsupported("the decoder Strip of \(content)") }
        let start = try step.int("start", default: 0)
        let stop = try step.int("stop", default: 0)
        if !isFused {
            decoding.steps.append(.strip(content: byte, start: start, stop: stop))
            return
        }
        guard decoding.strip.start == 0, decoding.strip.stop == 0 else { throw step.unsupported("the decoder Strip a second time") }
        decoding.strip = (byte, start, stop)
    }

    static func specials(_ node: FileNode?, count: Int) throws(TokenizerError) -> SurroundingTokens {
        var specials = SurroundingTokens()
        guard let node else { return specials }
        for step in try node.steps("processors") {
            let type = try step.string("type")
            switch type {
            case "ByteLevel": continue
            case "RobertaProcessing", "BertProcessing":
                specials.before.insert(try pairedToken(step, "cls", count), at: 0)
                specials.after.append(try pairedToken(step, "sep", count))
            case "TemplateProcessing":
                let template = try template(step, count)
                specials.before = template.before + specials.before
                specials.after += template.after
            default: throw step.unsupported("the post-processor \(type)")
            }
        }
        return specials
    }

    /// The number in `["<s>", 0]`.
    private static func pairedToken(_ node: FileNode, _ key: String, _ count: Int) throws(TokenizerError) -> TokenID {
        let pair = try node.required(key).nodes()
        guard pair.count == 2 else { throw TokenizerError.malformed(at: node.pointer.appending(key), expected: "a token and its number") }
        return try checked(pair[1], count)
    }

    private static func checked(_ node: FileNode, _ count: Int) throws(TokenizerError) -> TokenID {
        let id = try node.tokenID()
        guard id < count else { throw node.invalid("there is no token \(id)") }
        return id
    }

    private static func template(_ node: FileNode, _ count: Int) throws(TokenizerError) -> SurroundingTokens {
        var specials = SurroundingTokens()
        var sequenceSeen = false
        for piece in try node.required("single").nodes() {
            if let special = piece.optional("SpecialToken") {
                let name = try special.string("id")
                guard let described = node.optional("special_tokens")?.optional(name) else {
                    throw special.invalid("special_tokens does not describe \(name)")
                }
                for id in try described.required("ids").nodes() {
                    let token = try checked(id, count)
                    if sequenceSeen { specials.after.append(token) } else { specials.before.append(token) }
                }
            } else if piece.optional("Sequence") != nil {
                if sequenceSeen { throw piece.unsupported("a template with the text twice") }
                sequenceSeen = true
            } else {
                throw TokenizerError.malformed(at: piece.pointer, expected: "SpecialToken or Sequence")
            }
        }
        guard sequenceSeen else { throw node.unsupported("a template without the text") }
        return specials
    }
}

/// Base64 with or without padding.
enum Base64 {
    /// The bytes, or nil when another character is among the digits.
    static func decoded(_ text: String) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = character - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = character - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): digit = 62
            case UInt8(ascii: "/"): digit = 63
            case UInt8(ascii: "="): continue
            default: return nil
            }
            bits = bits << 6 | UInt32(digit)
            count += 1
            if count % 4 == 0 {
                output += [UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)]
            }
        }
        if count % 4 == 2 { output.append(UInt8(truncatingIfNeeded: bits >> 4)) }
        if count % 4 == 3 { output += [UInt8(truncatingIfNeeded: bits >> 10), UInt8(truncatingIfNeeded: bits >> 2)] }
        return count % 4 == 1 ? nil : output
    }
}
