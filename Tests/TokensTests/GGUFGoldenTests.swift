// The vocabularies of GGUF files against llama.cpp's own test vectors and the reference tokenizers built from them.
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
            differences(tokenizer, $0, policy: policy, checksSpecials: false)
        }
        #expect(found.isEmpty, "\(found.count) differences, such as: \(found.prefix(6).joined(separator: "\n"))")
    }

    /// BERT's WordPiece from GGUF metadata is not supported, and refused by name.
    @Test func bertIsRefused() throws {
        let file = try GGUFFile("\(Self.folder)/ggml-vocab-bert-bge.gguf").tokenizer()
        #expect(throws: TokenizerError.unsupported(component: "the GGUF tokenizer model bert", at: JSONPointer(["tokenizer.ggml.model"]))) {
            try Tokenizer(gguf: file)
        }
    }
}
