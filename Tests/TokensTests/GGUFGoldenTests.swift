// The vocabularies of GGUF files against llama.cpp's own test vectors and the reference tokenizers built from them.
import Foundation
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct GGUFGoldenTests {
    static let folder = "fixtures/tokenizers/gguf-vocab"

    @Test(arguments: [
        "deepseek-coder", "deepseek-llm", "falcon", "gpt-2", "gpt-neox", "mpt", "refact", "starcoder", "llama-spm", "phi-3", "baichuan",
    ])
    func vocabulary(_ name: String) throws {
        let tokenizer = try Tokenizer(gguf: GGUFFile("\(Self.folder)/ggml-vocab-\(name).gguf").tokenizer())
        let files = try Fixtures.list(Self.folder)
        if files.contains("ggml-vocab-\(name).gguf.inp") {
            let inputs = try Fixtures.text("\(Self.folder)/ggml-vocab-\(name).gguf.inp")
            let outputs = try Fixtures.text("\(Self.folder)/ggml-vocab-\(name).gguf.out")
            let found = inputOutputDifferences(tokenizer, inputs, outputs)
            #expect(found.isEmpty, "\(found.count) differences, such as: \(found.prefix(3).joined(separator: "\n"))")
        }
        // SentencePiece, which made the goldens of its models, knows no special tokens in text.
        let policy: AddedTokenPolicy = ["llama-spm", "phi-3", "baichuan"].contains(name) ? .ordinary : .all
        let found = try GoldenCase.read("\(Self.folder)/\(name).golden.json").flatMap {
            differences(tokenizer, try Self.adjusted($0, name), policy: policy, checksSpecials: false)
        }
        #expect(found.isEmpty, "\(found.count) differences, such as: \(found.prefix(6).joined(separator: "\n"))")
    }

    /// The cases where we knowingly differ from the tokenizer that the goldens were made with.
    static func adjusted(_ golden: GoldenCase, _ name: String) throws -> GoldenCase {
        var golden = golden
        // The reference decodes added tokens such as "õ" as if spelled in the byte-level alphabet, and so to half a character.
        if name.hasPrefix("deepseek"), golden.decoded.contains("\u{fffd}"), !golden.text.contains("\u{fffd}") {
            golden.decoded = golden.text
            golden.decodedSkippingSpecials = golden.text
            golden.stream = nil
        }
        // The reference composes; the file, which names no pre-tokenizer, does not say so.
        if name == "gpt-neox" { golden.text = golden.text.precomposedStringWithCanonicalMapping }
        // Where a text begins with an added token, llama.cpp puts no space before it, and SentencePiece does.
        if name == "phi-3", golden.text == "</s>" { golden.ids = [2] }
        return golden
    }

    /// BERT's WordPiece from GGUF metadata is not supported, and refused by name.
    @Test func bertIsRefused() throws {
        let file = try GGUFFile("\(Self.folder)/ggml-vocab-bert-bge.gguf").tokenizer()
        #expect(throws: TokenizerError.unsupported(component: "the GGUF tokenizer model bert", at: JSONPointer(["tokenizer.ggml.model"]))) {
            try Tokenizer(gguf: file)
        }
    }
}
