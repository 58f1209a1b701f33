// Every tokenizer.json of the fixtures against what the tokenizers library made of its texts.
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct TokenizerFileGoldenTests {
    static let trained = "fixtures/tokenizers/trained"

    @Test(arguments: [
        "added_tokens_flags", "bytelevel_deepseek3", "bytelevel_falcon", "bytelevel_gpt2", "bytelevel_gpt4o", "bytelevel_llama3",
        "bytelevel_noregex", "bytelevel_qwen2", "bytelevel_roberta", "bytelevel_starcoder", "clip_like", "hf_gemma_bpe", "hf_llama_bpe",
        "hf_llama_metaspace", "hf_t5_unigram", "hf_unigram_byte", "unigram_metaspace_always", "unigram_metaspace_first",
        "unigram_metaspace_never", "wordpiece_cased", "wordpiece_uncased",
    ])
    func trainedTokenizer(_ name: String) throws {
        let tokenizer = try Tokenizer(tokenizerJSON: Fixtures.json("\(Self.trained)/\(name)/tokenizer.json"))
        let found = try GoldenCase.read("\(Self.trained)/\(name)/golden.json").flatMap { differences(tokenizer, $0) }
        #expect(found.isEmpty, "\(found.count) differences, such as: \(found.prefix(6).joined(separator: "\n"))")
    }

    /// Support grows knowingly: a new folder of fixtures is named above, or refused with a reason here.
    @Test func everyFixtureIsNamed() throws {
        let names = try Fixtures.list(Self.trained).filter { $0 != "sentencepiece" }
        #expect(names.count == 21, "\(names)")
    }

    @Test func llama3() throws {
        let tokenizer = try Tokenizer(tokenizerJSON: Fixtures.json("fixtures/tokenizers/llama3/tokenizer.json"))
        let found = try GoldenCase.read("fixtures/tokenizers/llama3/golden.json").flatMap { differences(tokenizer, $0) }
        #expect(found.isEmpty, "\(found.count) differences, such as: \(found.prefix(6).joined(separator: "\n"))")
        #expect(tokenizer.vocabulary.count == 128_256)
        #expect(tokenizer.specialToken("<|begin_of_text|>") == 128_000)
        let inputs = try Fixtures.text("fixtures/tokenizers/gguf-vocab/ggml-vocab-llama-bpe.gguf.inp")
        let outputs = try Fixtures.text("fixtures/tokenizers/gguf-vocab/ggml-vocab-llama-bpe.gguf.out")
        let found2 = inputOutputDifferences(tokenizer, inputs, outputs)
        #expect(found2.isEmpty, "\(found2.count) differences, such as: \(found2.prefix(3).joined(separator: "\n"))")
    }

    @Test func breeze() throws {
        let tokenizer = try Tokenizer(tokenizerJSON: Fixtures.json("models/breeze/tokenizer.json"))
        let cases = try #require(Fixtures.json("models/breeze/golden.json").arrayValue)
        #expect(!cases.isEmpty)
        for golden in cases {
            let prompt = try #require(golden["prompt"]?.stringValue)
            #expect(try tokenizer.encode(prompt, parsingSpecials: true) == GoldenCase.tokens(golden["input_ids"]))
            let greedy = try GoldenCase.tokens(golden["greedy_ids"])
            let text = try #require(golden["greedy_text"]?.stringValue)
            #expect(same(tokenizer.decode(greedy), text))
        }
    }
}

/// What differs from pairs of `.inp` and `.out` files (texts between `__ggml_vocab_test__` lines, a line of numbers for each).
func inputOutputDifferences(_ tokenizer: Tokenizer, _ inputs: String, _ outputs: String) -> [String] {
    let texts = inputs.components(between: "\n__ggml_vocab_test__\n")
    let lines = outputs.components(between: "\n")
    var found: [String] = []
    for (text, line) in zip(texts, lines) {
        let expected = line.utf8.split(separator: UInt8(ascii: " ")).compactMap { TokenID(String(decoding: $0, as: UTF8.self)) }
        let actual = tokenizer.encode(text)
        if actual != expected { found.append("\(text.debugDescription): \(actual), expected \(expected)") }
    }
    if lines.count < texts.count { found.append("\(texts.count) texts, \(lines.count) lines") }
    return found
}

extension String {
    /// The texts between separators, compared byte by byte.
    func components(between separator: String) -> [String] {
        let bytes = Array(utf8)
        let mark = Array(separator.utf8)
        var parts: [String] = []
        var start = 0
        var index = 0
        while index + mark.count <= bytes.count {
            if bytes[index..<index + mark.count].elementsEqual(mark) {
                parts.append(String(decoding: bytes[start..<index], as: UTF8.self))
                index += mark.count
                start = index
            } else {
                index += 1
            }
        }
        parts.append(String(decoding: bytes[start...], as: UTF8.self))
        return parts
    }
}
