// What must hold for every text: round trips, streams in whole characters, user text that forms no special token.
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct TokenizerPropertyTests {
    static let trained = "fixtures/tokenizers/trained"

    static func tokenizer(_ name: String) throws -> Tokenizer {
        try Tokenizer(tokenizerJSON: Fixtures.json("\(trained)/\(name)/tokenizer.json"))
    }

    static func randomText(_ random: inout SeededGenerator) -> String {
        var text = ""
        let words = [
            "hello", " the", " don't", "'LL", "  ", "\r\n", "\n\n ", " 12345", "\u{17f}", "<|im_end|>", "é", "👩‍👩‍👧", "\t\t\tx", "…!?", "'s",
        ]
        for _ in 0..<Int.random(in: 0...30, using: &random) {
            if Bool.random(using: &random) {
                text += words.randomElement(using: &random)!
            } else {
                text.unicodeScalars.append(randomScalar(&random))
            }
        }
        return text
    }

    /// Byte-level tokenizers without a normalizer give every text back.
    @Test(arguments: [
        "bytelevel_gpt2", "bytelevel_llama3", "bytelevel_gpt4o", "bytelevel_deepseek3", "bytelevel_falcon", "bytelevel_starcoder",
        "bytelevel_noregex",
    ])
    func roundTrip(_ name: String) throws {
        let tokenizer = try Self.tokenizer(name)
        #expect(tokenizer.bytesWithoutToken.isEmpty)
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let text = Self.randomText(&random)
            for policy in [AddedTokenPolicy.none, .ordinary, .all] {
                let tokens = tokenizer.encode(text, addedTokens: policy)
                #expect(same(tokenizer.decode(tokens), text), "seed \(seed), text \(text.debugDescription)")
            }
        }
    }

    /// The scanner by hand and PCRE2 agree on the patterns that both know.
    @Test(arguments: ["bytelevel_llama3", "bytelevel_qwen2", "bytelevel_gpt2"])
    func scannersAgreeWithPatterns(_ name: String) throws {
        var file = try #require(Fixtures.json("\(Self.trained)/\(name)/tokenizer.json").objectValue)
        let byHand = try Tokenizer(tokenizerJSON: .object(file))
        let gpt2: JSONValue = [
            "type": "Split", "behavior": "Isolated", "invert": false,
            "pattern": ["Regex": #"(?:'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"#],
        ]
        var steps = file["pre_tokenizer"]?["pretokenizers"]?.arrayValue ?? []
        let pattern = steps.first?["pattern"]?["Regex"]?.stringValue.map { "(?:\($0))" }
        let split: JSONValue =
            pattern.map { ["type": "Split", "behavior": "Isolated", "invert": false, "pattern": ["Regex": .string($0)]] } ?? gpt2
        steps = [split, ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false]]
        file["pre_tokenizer"] = ["type": "Sequence", "pretokenizers": .array(steps)]
        let byPattern = try Tokenizer(tokenizerJSON: .object(file))
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            // PCRE2's Unicode may be a version older; characters that came between are left out.
            let text = String(
                String.UnicodeScalarView(Self.randomText(&random).unicodeScalars.filter { $0.properties.age ?? (99, 0) <= (14, 0) }))
            #expect(byHand.encode(text) == byPattern.encode(text), "seed \(seed), text \(text.debugDescription)")
        }
    }

    @Test func streamsAreWholeCharacters() throws {
        let tokenizer = try Self.tokenizer("bytelevel_gpt2")
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        let bytes = (0..<256).map { byte in tokenizer.vocabulary.id(of: [UInt8(byte)]) }
        for round in 0..<500 {
            // Random bytes, and texts cut into bytes: half of the characters are broken.
            var stream = Array(Self.randomText(&random).utf8)
            for _ in 0..<(round % 4) where !stream.isEmpty {
                stream[Int.random(in: 0..<stream.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let tokens = try stream.map { try #require(bytes[Int($0)]) }
            var detokenizer = tokenizer.makeDetokenizer()
            var text = ""
            for (index, token) in tokens.enumerated() {
                text += detokenizer.push(token)
                // Nothing is held back but the bytes of one unfinished character.
                let whole = String(decoding: stream[...index], as: UTF8.self)
                #expect(whole.utf8.starts(with: text.utf8), "seed \(seed)")
                #expect(whole.unicodeScalars.count - text.unicodeScalars.count <= 1, "seed \(seed)")
            }
            text += detokenizer.finish()
            #expect(same(text, String(decoding: stream, as: UTF8.self)), "seed \(seed), bytes \(stream)")
        }
    }

    @Test(arguments: [
        "bytelevel_gpt2", "bytelevel_llama3", "bytelevel_noregex", "hf_llama_bpe", "hf_gemma_bpe", "hf_t5_unigram", "wordpiece_cased",
        "unigram_metaspace_never",
    ])
    func userTextFormsNoSpecialToken(_ name: String) throws {
        let tokenizer = try Self.tokenizer(name)
        let vocabulary = tokenizer.vocabulary
        let unknown = ["<unk>", "[UNK]"].compactMap { tokenizer.specialToken($0) }
        for special in 0..<vocabulary.count where vocabulary.kinds[special] == .control {
            let name = tokenizer.content(of: TokenID(special))
            #expect(tokenizer.specialToken(name) == TokenID(special))
            #expect(tokenizer.encode(name, parsingSpecials: true).contains(TokenID(special)))
            for text in [name, "a\(name)b", "\(name)\(name)", " \(name) ", "x\n\(name)"] {
                let tokens = tokenizer.encode(text)
                let found = tokens.filter { vocabulary.kinds[Int($0)] == .control && !unknown.contains($0) }
                #expect(found.isEmpty, "\(text.debugDescription) became \(tokens)")
            }
        }
    }

    @Test func policiesChooseAmongAddedTokens() throws {
        let tokenizer = try Self.tokenizer("hf_gemma_bpe")
        let turn = try #require(tokenizer.specialToken("<start_of_turn>"))
        let pad = try #require(tokenizer.specialToken("<pad>"))
        #expect(tokenizer.vocabulary.kinds[Int(turn)] == .userDefined)
        #expect(tokenizer.vocabulary.kinds[Int(pad)] == .control)
        let text = "<start_of_turn><pad>"
        #expect(tokenizer.encode(text, addedTokens: .all) == [turn, pad])
        #expect(tokenizer.encode(text, addedTokens: .ordinary).first == turn)
        #expect(!tokenizer.encode(text, addedTokens: .ordinary).contains(pad))
        #expect(tokenizer.encode(text, addedTokens: .none).allSatisfy { $0 != turn && $0 != pad })
        for policy in [AddedTokenPolicy.all, .ordinary, .none] {
            #expect(same(tokenizer.decode(tokenizer.encode(text, addedTokens: policy)), text))
        }
    }

    @Test func leadingSpacesBelongToTheStart() throws {
        let tokenizer = try Self.tokenizer("hf_llama_bpe")
        let tokens = tokenizer.encode("hello there")
        #expect(same(tokenizer.decode(tokens), "hello there"))
        var continued = tokenizer.makeDetokenizer(atStart: false)
        let text = tokens.map { continued.push($0) }.joined() + continued.finish()
        #expect(same(text, " hello there"))
        var detokenizer = tokenizer.makeDetokenizer()
        for _ in 0..<2 { #expect(same(tokens.map { detokenizer.push($0) }.joined() + detokenizer.finish(), "hello there")) }
    }

    @Test func vocabularyIsBytes() throws {
        let gpt2 = try Self.tokenizer("bytelevel_gpt2").vocabulary
        #expect(gpt2.identity == (try Self.tokenizer("bytelevel_gpt2").vocabulary.identity))
        #expect(gpt2.identity != (try Self.tokenizer("bytelevel_roberta").vocabulary.identity))
        #expect(gpt2.id(of: [0x20]) != nil && gpt2.id(of: Array("<|im_end|>".utf8)) == nil && gpt2.id(of: []) == nil)
        for (index, bytes) in gpt2.tokens.enumerated() where gpt2.kinds[index] == .normal {
            #expect(gpt2.id(of: bytes).map { gpt2.tokens[Int($0)] } == bytes)
        }
        let llama = try Self.tokenizer("hf_llama_bpe")
        let newline = try #require(llama.specialToken("<0x0A>"))
        #expect(llama.vocabulary.kinds[Int(newline)] == .byte && llama.vocabulary.tokens[Int(newline)] == [0x0a])
        let space = try #require(llama.specialToken("▁"))
        #expect(llama.vocabulary.tokens[Int(space)] == [0x20])
    }
}
