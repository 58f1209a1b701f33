// The slow twin of the byte-pair encoding: straight from its definition, O(n²).
import JSON
import TestSupport
import Testing
import Tokens

/// Byte-pair encoding of single words, merging spellings by rank until nothing merges.
struct NaiveBytePairs {
    private var ranks: [[String]: Int] = [:]
    private var ids: [String: TokenID] = [:]
    /// How each byte is spelled.
    private let alphabet: [String]

    init(_ file: JSONValue) throws {
        for (key, value) in try #require(file["model"]?["vocab"]?.objectValue) { ids[key] = try TokenID(#require(value.intValue)) }
        for (rank, merge) in try #require(file["model"]?["merges"]?.arrayValue).enumerated() {
            let pair = merge.arrayValue?.compactMap(\.stringValue) ?? merge.stringValue?.components(between: " ")
            ranks[try #require(pair)] = rank
        }
        let visible = Set(Array(UInt32(0x21)...0x7e) + Array(UInt32(0xa1)...0xac) + Array(UInt32(0xae)...0xff))
        var next: UInt32 = 0x100
        alphabet = (UInt32(0)..<256).map { byte in
            if visible.contains(byte) { return String(Unicode.Scalar(byte)!) }
            defer { next += 1 }
            return String(Unicode.Scalar(next)!)
        }
    }

    func encode(_ word: [UInt8]) -> [TokenID] {
        var symbols = word.map { alphabet[Int($0)] }
        while true {
            var best: (rank: Int, index: Int)?
            for index in symbols.indices.dropLast() {
                if let rank = ranks[[symbols[index], symbols[index + 1]]], rank < best?.rank ?? .max { best = (rank, index) }
            }
            guard let best else { return symbols.compactMap { ids[$0] } }
            symbols[best.index] += symbols.remove(at: best.index + 1)
        }
    }
}

@Suite struct BytePairTwinTests {
    @Test func randomWordsMergeAsInTheDefinition() throws {
        // Without a pattern a text is one word, however long.
        let file = try Fixtures.json("fixtures/tokenizers/trained/bytelevel_noregex/tokenizer.json")
        let tokenizer = try Tokenizer(tokenizerJSON: file)
        let twin = try NaiveBytePairs(file)
        let pieces = tokenizer.vocabulary.tokens.indices.filter { tokenizer.vocabulary.kinds[$0] == .normal }
            .compactMap { String(validating: tokenizer.vocabulary.tokens[$0], as: UTF8.self) }
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for round in 0..<300 {
            var text = ""
            for _ in 0..<Int.random(in: 1...(round % 10 == 0 ? 60 : 12), using: &random) {
                switch Int.random(in: 0..<6, using: &random) {
                case 0: text.unicodeScalars.append(randomScalar(&random))
                case 1: text += String(repeating: "aeio \n".randomElement(using: &random)!, count: Int.random(in: 1...9, using: &random))
                default: text += pieces.randomElement(using: &random)!
                }
            }
            let expected = twin.encode(Array(text.utf8))
            #expect(tokenizer.encode(text, addedTokens: .none) == expected, "seed \(seed), text \(text.debugDescription)")
        }
    }

    @Test func longWordsTakeLittleTime() throws {
        let tokenizer = try Tokenizer(
            tokenizerJSON: Fixtures.json("fixtures/tokenizers/trained/bytelevel_noregex/tokenizer.json"))
        let text = String(repeating: "the quick brown fox ", count: 10_000)
        // A quadratic merge would take minutes here.
        let tokens = tokenizer.encode(text)
        #expect(same(tokenizer.decode(tokens), text))
    }
}

/// A scalar of any plane, often an interesting one.
func randomScalar(_ random: inout SeededGenerator) -> Unicode.Scalar {
    let interesting: [ClosedRange<UInt32>] = [
        0x00...0x7f, 0x09...0x0d, 0x20...0x20, 0x80...0x24f, 0x300...0x36f, 0x400...0x4ff, 0x590...0x6ff, 0x900...0xdff, 0x2000...0x206f,
        0x3000...0x30ff, 0x4e00...0x9fff, 0xac00...0xd7a3, 0xfe00...0xfe0f, 0x1f000...0x1faff, 0xe000...0xf8ff, 0x10000...0x10ffff,
    ]
    return Unicode.Scalar(UInt32.random(in: interesting.randomElement(using: &random)!, using: &random)) ?? "?"
}
