// Descriptions that lie: each is refused by an error that names the fault, and none crashes.
import Foundation
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct HostileTokenizerTests {
    /// A small tokenizer that is all right: every byte, three merges, two added tokens.
    static let good: JSONObject = {
        var vocabulary: [(String, JSONValue)] = []
        var next: UInt32 = 0x100
        for byte in UInt32(0)..<256 {
            var spelled = byte
            if !(0x21...0x7e).contains(byte) && !(0xa1...0xac).contains(byte) && byte < 0xae {
                spelled = next
                next += 1
            }
            vocabulary.append((String(Unicode.Scalar(spelled)!), JSONValue(vocabulary.count)))
        }
        for word in ["he", "ll", "hell"] { vocabulary.append((word, JSONValue(vocabulary.count))) }
        return [
            "added_tokens": [
                ["id": 259, "content": "<end>", "special": true, "normalized": false],
                ["id": 260, "content": "<call>", "special": false, "normalized": false, "lstrip": true],
            ],
            "normalizer": [
                "type": "Sequence", "normalizers": [["type": "NFC"], ["type": "Replace", "pattern": ["String": "x"], "content": "y"]],
            ],
            "pre_tokenizer": [
                "type": "Sequence",
                "pretokenizers": [
                    ["type": "Split", "pattern": ["Regex": #"\p{N}{1,3}|\s+|\S+"#], "behavior": "Isolated", "invert": false],
                    ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false],
                ],
            ],
            "post_processor": [
                "type": "TemplateProcessing",
                "single": [["Sequence": ["id": "A", "type_id": 0]], ["SpecialToken": ["id": "<end>", "type_id": 0]]],
                "special_tokens": ["<end>": ["id": "<end>", "ids": [259], "tokens": ["<end>"]]],
            ],
            "decoder": ["type": "ByteLevel"],
            "model": [
                "type": "BPE", "unk_token": .null, "byte_fallback": false, "ignore_merges": false,
                "vocab": .object(JSONObject(vocabulary)), "merges": ["h e", ["l", "l"], "he ll"],
            ],
        ]
    }()

    @Test func theGoodOneWorks() throws {
        let tokenizer = try Tokenizer(tokenizerJSON: .object(Self.good))
        #expect(tokenizer.encode("hello <end>", parsingSpecials: true, addingSpecials: true) == [258, 111, 32, 259, 259])
        #expect(tokenizer.vocabulary.count == 261)
    }

    /// Where to put what, and the words that the refusal must contain.
    static let lies: [(path: String, value: JSONValue, words: String)] = [
        ("", [1, 2], "expected an object"),
        ("/model", .null, "/model"),
        ("/model", "BPE", "/model"),
        ("/model/type", "RNN", "the model RNN"),
        ("/model/vocab", .null, "/model/vocab"),
        ("/model/vocab", "a", "expected an object at /model/vocab"),
        ("/model/vocab", [:], "which is no token"),
        ("/model/vocab/he", -1, "/model/vocab/he"),
        ("/model/vocab/he", 1.5, "/model/vocab/he"),
        ("/model/vocab/he", "256", "/model/vocab/he"),
        ("/model/vocab/he", 4_000_000_000, "/model/vocab/he"),
        ("/model/vocab/he", 99_999_999_999_999_999, "/model/vocab/he"),
        ("/model/vocab/he", 3_000_000, "far beyond"),
        ("/model/vocab/he", 258, "the number 258 is already that of"),
        ("/model/merges", .null, "/model/merges"),
        ("/model/merges", [["h", "e", "l"]], "/model/merges/0"),
        ("/model/merges", ["h e l"], "/model/merges/0"),
        ("/model/merges", ["he"], "/model/merges/0"),
        ("/model/merges", [["h", "z"]], "names hz, which is no token"),
        ("/model/merges", [["zz", "h"]], "names zz, which is no token"),
        ("/model/unk_token", "<unk>", "no token <unk>"),
        ("/model/unk_token", 5, "/model/unk_token"),
        ("/model/dropout", 0.1, "dropout"),
        ("/model/byte_fallback", "no", "/model/byte_fallback"),
        ("/added_tokens", "none", "/added_tokens"),
        ("/added_tokens/0/id", 300_000, "far beyond"),
        ("/added_tokens/0/id", -5, "/added_tokens/0/id"),
        ("/added_tokens/0/id", 256, "the number 256 is already that of he"),
        ("/added_tokens/0/id", 260, "/added_tokens/1/id"),
        ("/added_tokens/0/content", "he", "has the number 256 in the model"),
        ("/added_tokens/0/content", "<call>", "added twice"),
        ("/added_tokens/0/content", "", "without content"),
        ("/added_tokens/0/content", .string(String(repeating: "x", count: 2000)), "limit of 1024"),
        ("/added_tokens/0/special", "yes", "/added_tokens/0/special"),
        ("/normalizer/type", "Magic", "the normalizer Magic"),
        ("/normalizer/normalizers", 5, "/normalizer/normalizers"),
        ("/normalizer", ["type": "Precompiled", "precompiled_charsmap": "AAAA"], "cut short"),
        ("/normalizer", ["type": "Precompiled", "precompiled_charsmap": "?"], "base64"),
        ("/pre_tokenizer/type", "UnicodeScripts", "the pre-tokenizer UnicodeScripts"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Regex": "(["], "does not compile"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Regex": "[a&&b]"], "class intersection"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Regex": #"\h+"#], "not supported"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Regex": "(?m:.)"], "option m"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Regex": "a{1,2}+"], "interval"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Regex": #"\xb2"#], "without braces"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Regex": #"\p{L"#], "without }"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Regex": .string(String(repeating: "a", count: 20_000))], "limit of 16384"),
        ("/pre_tokenizer/pretokenizers/0/pattern", ["Glob": "*"], "/pattern"),
        ("/pre_tokenizer/pretokenizers/0/behavior", "Shredded", "the split behavior Shredded"),
        ("/pre_tokenizer/pretokenizers/0", ["type": "ByteLevel"], "ByteLevel a second time"),
        ("/post_processor/type", "Pairing", "the post-processor Pairing"),
        ("/post_processor/special_tokens", [:], "does not describe <end>"),
        ("/post_processor/special_tokens/<end>/ids", [999], "no token 999"),
        ("/post_processor/single", [], "without the text"),
        ("/post_processor", ["type": "BertProcessing", "cls": ["<end>"], "sep": ["<end>", 259]], "/post_processor/cls"),
        ("/decoder/type", "CTC", "the decoder CTC"),
        (
            "/decoder", ["type": "Sequence", "decoders": [["type": "ByteFallback"], ["type": "Metaspace", "replacement": "▁"]]], "Metaspace"
        ),
        ("/decoder", ["type": "Metaspace", "replacement": "▁▁"], "one character"),
    ]

    @Test(arguments: lies.indices)
    func liesAreNamed(_ index: Int) throws {
        let (path, value, words) = Self.lies[index]
        let pointer = try #require(JSONPointer(parsing: path))
        let file = Self.replacing(.object(Self.good), pointer.tokens[...], value)
        do {
            _ = try Tokenizer(tokenizerJSON: file)
            Issue.record("\(path) was accepted")
        } catch {
            #expect(error.description.contains(words), "\(error.description)")
        }
    }

    @Test func stepsAreLimited() throws {
        var nested: JSONValue = ["type": "NFC"]
        for _ in 0..<200 { nested = ["type": "Sequence", "normalizers": [nested, ["type": "NFC"]]] }
        var file = Self.good
        file["normalizer"] = nested
        #expect(throws: TokenizerError.self) { try Tokenizer(tokenizerJSON: .object(file)) }
    }

    @Test func holesAreUnused() throws {
        var file = Self.replacing(.object(Self.good), ["added_tokens", "0", "id"], 270)
        file = Self.replacing(file, ["post_processor"], .null)
        let tokenizer = try Tokenizer(tokenizerJSON: file)
        #expect(tokenizer.vocabulary.count == 271)
        #expect(tokenizer.vocabulary.kinds[265] == .unused && tokenizer.vocabulary.tokens[265].isEmpty && tokenizer.content(of: 265) == "")
        #expect(tokenizer.decode([265, -1, 5000, .max, .min]) == "")
    }

    @Test(arguments: [
        (GGUFTokenizer(model: "gpt2", tokens: []), "no tokens"),
        (GGUFTokenizer(model: "rwkv", tokens: ["a"]), "the GGUF tokenizer model rwkv"),
        (GGUFTokenizer(model: "gpt2", pre: "telepathy", tokens: ["a"]), "the pre-tokenizer telepathy"),
        (GGUFTokenizer(model: "gpt2", tokens: ["a"], types: [1, 1]), "2 types for 1 tokens"),
        (GGUFTokenizer(model: "gpt2", tokens: ["a"], types: [77]), "no token type 77"),
        (GGUFTokenizer(model: "gpt2", tokens: ["a"], types: [6]), "no byte token"),
        (GGUFTokenizer(model: "gpt2", tokens: ["a"], merges: ["a b"]), "which is no token"),
        (GGUFTokenizer(model: "gpt2", tokens: ["a"], merges: ["ab"]), "expected a merge"),
        (GGUFTokenizer(model: "gpt2", tokens: ["a"], beginningOfSequence: 1), "no token 1"),
        (GGUFTokenizer(model: "gpt2", tokens: ["a"], addsBeginningOfSequence: true), "bos_token_id"),
        (GGUFTokenizer(model: "gpt2", tokens: ["a"], addsEndOfSequence: true), "eos_token_id"),
        (GGUFTokenizer(model: "llama", tokens: ["a"]), "a score for every token"),
        (GGUFTokenizer(model: "llama", tokens: ["a"], scores: [.nan]), "not a number"),
        (GGUFTokenizer(model: "llama", tokens: [String(repeating: "a", count: 2000)], scores: [0]), "limit of 1024"),
        (GGUFTokenizer(model: "llama", tokens: ["a"], scores: [0], removesExtraWhitespace: true), "remove_extra_whitespaces"),
    ])
    func ggufLiesAreNamed(_ file: GGUFTokenizer, _ words: String) {
        do {
            _ = try Tokenizer(gguf: file)
            Issue.record("accepted; expected a refusal with: \(words)")
        } catch {
            #expect(error.description.contains(words), "\(error.description)")
        }
    }

    /// Random values in random places, and random bytes: refused or working, never a crash. SIROCCO_FUZZ_SECONDS makes it last.
    @Test func mutationsNeverCrash() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("HostileTokenizerTests.mutationsNeverCrash: seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let seconds = ProcessInfo.processInfo.environment["SIROCCO_FUZZ_SECONDS"].flatMap(Int.init) ?? 0
        let end = ContinuousClock.now + .seconds(seconds)
        let text = Array(JSONValue.object(Self.good).text().utf8)
        var working = 0
        var round = 0
        while round < 600 || ContinuousClock.now < end {
            round += 1
            var file: JSONValue = .object(Self.good)
            if round.isMultiple(of: 3) {
                var bytes = text
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                guard let mutated = try? JSONValue(parsing: bytes) else { continue }
                file = mutated
            } else {
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let path = Self.randomPath(file, &random)
                    file = Self.replacing(file, path[...], Self.oddValues.randomElement(using: &random)!)
                }
            }
            guard let tokenizer = try? Tokenizer(tokenizerJSON: file) else { continue }
            working += 1
            let input = "hello <end> x1234\n  aaaaaaaaaaaaaaaaaaaaaaaaab é\u{301}"
            let tokens = tokenizer.encode(input, parsingSpecials: true, addingSpecials: true)
            #expect(tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabulary.count }, "seed \(seed), round \(round)")
            _ = tokenizer.decode(tokens, skippingSpecials: true)
        }
        #expect(working > 0)
    }

    /// Values that are right somewhere and wrong nearly everywhere.
    static let oddValues: [JSONValue] = [
        .null, true, 0, -1, 259, 1e300, "", "A", "ByteLevel", "Sequence", "BPE", "Unigram", "WordPiece", "▁", [], [:], [[]], ["a", "b"],
        "he ll",
        ["type": "Digits"], ["type": "Metaspace", "replacement": "▁"], ["String": ""], ["Regex": ""], ["Regex": "a*"], ["Regex": "(a+)+$"],
        ["type": "Whitespace"], ["type": "ByteLevel"], ["type": "Strip", "content": " ", "start": 1, "stop": 2], "MergedWithNext",
        "Removed",
        [["he", -1.5], ["<end>", 0], ["l", -3]], ["type": "Fuse"], ["type": "ByteFallback"], ["type": "BertNormalizer"],
        ["type": "Prepend", "prepend": "▁"],
    ]

    /// A random place in a value, one that has other values below it or not.
    private static func randomPath(_ value: JSONValue, _ random: inout SeededGenerator) -> [String] {
        var path: [String] = []
        var value = value
        while true {
            switch value {
            case .object(let object) where !object.isEmpty && (path.isEmpty || Int.random(in: 0..<4, using: &random) > 0):
                let member = object[Int.random(in: 0..<object.count, using: &random)]
                path.append(member.key)
                value = member.value
            case .array(let array) where !array.isEmpty && Int.random(in: 0..<4, using: &random) > 0:
                let index = Int.random(in: 0..<array.count, using: &random)
                path.append(String(index))
                value = array[index]
            default: return path
            }
        }
    }

    /// The value with another at a path; members that are missing are added.
    private static func replacing(_ value: JSONValue, _ path: ArraySlice<String>, _ new: JSONValue) -> JSONValue {
        guard let first = path.first else { return new }
        switch value {
        case .object(var object):
            object[first] = replacing(object[first] ?? .null, path.dropFirst(), new)
            // Setting null removes nothing here: the member is there and null.
            return .object(object)
        case .array(var array):
            guard let index = Int(first), array.indices.contains(index) else { return value }
            array[index] = replacing(array[index], path.dropFirst(), new)
            return .array(array)
        default: return new
        }
    }
}
