// GGUF files written here: they load back with the weights that quantizing while loading gives, tokenizer, template and metadata with them.
import Foundation
import TestSupport
import Testing
import Tokens

@testable import Engine

@Suite struct GGUFExportTests {
    private func options(_ name: String, requantizes: Bool = false) -> LoadOptions {
        LoadOptions(threads: 2, quantization: Quantization(.scheme(QuantizationScheme(named: name)!), requantizes: requantizes))
    }

    /// Writes a source and opens what was written.
    private func rewritten(_ source: ModelSource, _ folder: TemporaryFolder, _ options: LoadOptions) throws -> ModelSource {
        let path = folder.path + "/out.gguf"
        let bytes = try source.writeGGUF(to: path, options: options)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.filter { $0.hasPrefix("out") } == ["out.gguf"])
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        #expect(size == bytes)
        return try ModelSource(path: path)
    }

    private func expectSameWeights(_ a: ModelSource, _ options: LoadOptions, _ b: ModelSource, _ what: String) throws {
        let first = try Model.load(a, options: options).weights.byName()
        let second = try Model.load(b).weights.byName()
        #expect(Set(first.keys) == Set(second.keys), "\(what)")
        for (name, bytes) in first { #expect(second[name] == bytes, "\(what) \(name)") }
    }

    /// Every family in Hugging Face's layout that GGUF can say: the same weights, and the same architecture but for the family's name.
    @Test(arguments: Set(familyFixtures.filter { $0.gguf != nil }.map(\.name)).sorted()) func foldersBecomeGGUF(family: String) throws {
        let folder = try TemporaryFolder()
        // The fixtures have no tokenizers; any will do.
        let fixture = Fixtures.shared + "/fixtures/families/" + family
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture) where name == "config.json" || name == "model.safetensors" {
            try FileManager.default.copyItem(atPath: fixture + "/" + name, toPath: folder.path + "/" + name)
        }
        try folder.write("tokenizer.json", Self.tokenizer)
        try folder.write("tokenizer_config.json", #"{"eos_token": "<end>", "chat_template": "{{ messages }}"}"#)
        let source = try ModelSource(path: folder.path)
        let elsewhere = try TemporaryFolder()
        for scheme in ["f16", "q8_0", "q4_k_m"] {
            let back = try rewritten(source, elsewhere, options(scheme))
            try expectSameWeights(source, options(scheme), back, "\(family) \(scheme)")
            var (expected, found) = (source.architecture, back.architecture)
            expected.family = ""
            found.family = ""
            for index in expected.ropes.indices {
                let (a, b) = (expected.ropes[index].inverseFrequencies(sequenceLength: 9), found.ropes[index].inverseFrequencies(sequenceLength: 9))
                for (x, y) in zip(a.values, b.values) { #expect(abs(x - y) <= abs(x) * 1e-6, "\(family)") }
                #expect(abs(a.attentionFactor - b.attentionFactor) < 1e-6)
            }
            (expected.ropes, found.ropes) = ([], [])
            #expect(expected == found, "\(family)")
            #expect(back.chatTemplate == "{{ messages }}" && Set(back.stopTokens) == Set(source.stopTokens))
            let (a, b) = (try source.makeTokenizer(), try back.makeTokenizer())
            for text in ["abc ab  c<end>abca", "it's\n\nbab 12"] { #expect(a.encode(text) == b.encode(text), "\(text)") }
        }
    }

    /// Rows of whole blocks: every scheme's own types.
    @Test(arguments: QuantizationScheme.all.map(\.name)) func everySchemeComesBack(name: String) throws {
        let (folder, _) = try LoadingPlanTests.open(LoadingPlanTests.tensors())
        try folder.write(
            "tokenizer.json",
            #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, "pre_tokenizer": {"type": "ByteLevel"}}"#)
        let source = try ModelSource(path: folder.path)
        let back = try rewritten(source, folder, options(name))
        try expectSameWeights(source, options(name), back, name)
        #expect(try back.makeTokenizer().encode("abb") == [2, 1])
    }

    private static let tokenizer: String = {
        let letters = (97...122).map { String(UnicodeScalar(UInt8($0))) } + ["Ġ", "Ċ", "'", "1", "2", "ab", "abc", "Ġab"]
        let vocabulary = letters.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
        return """
            {"model": {"type": "BPE", "vocab": {\(vocabulary)}, "merges": [["a", "b"], ["ab", "c"], ["Ġ", "ab"]]},
             "added_tokens": [{"id": 40, "content": "<end>", "special": true, "single_word": false, "lstrip": false, "rstrip": false,
                               "normalized": false}],
             "normalizer": null, "post_processor": null, "decoder": {"type": "ByteLevel"},
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}}
            """
    }()

    /// A GGUF file keeps its metadata, bytes for bytes, and its order of rows.
    @Test(arguments: [["llama_rope_llama3", "llama"], ["qwen3", "qwen3"]]) func filesKeepTheirMetadata(fixture: [String]) throws {
        let folder = try TemporaryFolder()
        var writer = try GGUFModel(architecture: fixture[1], fixture: "fixtures/families/" + fixture[0]).writer()
        writer.alignment = 64
        writer.metadata += [
            ("some.array", .array([.string("a"), .string("bc")])), ("some.float", .float64(0.5)), ("split.count", .uint16(1)),
        ]
        let source = try ModelSource(path: folder.write("in.gguf", writer.bytes()))
        let back = try rewritten(source, folder, options("q4_1"))
        try expectSameWeights(source, options("q4_1"), back, fixture[0])
        #expect(back.architecture == source.architecture)
        let file = try GGUFFile(MappedFile(path: folder.path + "/out.gguf"))
        #expect(file.alignment == 32 && file.value("some.float")?.doubleValue == 0.5)
        #expect(try file.value("some.array")?.arrayValue?.strings() == ["a", "bc"])
        #expect(file.value("split.count") == nil && file.value("general.file_type")?.intValue == 3)
        // Over itself: the mapped original stays readable until it is replaced.
        let again = try rewritten(try ModelSource(path: folder.path + "/out.gguf"), folder, options("q8_0", requantizes: true))
        #expect(try Model.load(again).weights.layers[0].q.type == ElementType.q8_0.fitting(columns: again.architecture.hiddenSize))
    }

    @Test func whatGGUFCannotSayIsRefused() throws {
        let folder = try TemporaryFolder()
        let dynamic = try ModelSource(path: Fixtures.shared + "/fixtures/families/llama_rope_dynamic")
        #expect(
            loadError { () throws(LoadError) in try dynamic.writeGGUF(to: folder.path + "/x.gguf", options: options("q8_0")) }
                == .notExpressible(file: dynamic.name, what: "dynamic rope scaling"))
        let plain = try ModelSource(path: Fixtures.shared + "/fixtures/families/qwen3")
        #expect(
            loadError { () throws(LoadError) in try plain.writeGGUF(to: folder.path + "/x.gguf", options: options("q8_0")) }
                == .missingFile(file: "tokenizer.json", folder: plain.name))
        #expect(
            loadError { () throws(LoadError) in
                try ModelSource(path: Fixtures.root + "/models/breeze").writeGGUF(to: folder.path + "/no/x.gguf", options: options("q8_0"))
            } != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    /// A value that cannot be quantized leaves no file behind.
    @Test func failuresLeaveNothing() throws {
        let folder = try TemporaryFolder()
        var writer = try GGUFModel(architecture: "qwen2", fixture: "fixtures/families/qwen2").writer()
        let index = try #require(writer.tensors.firstIndex { $0.name == "blk.1.ffn_up.weight" })
        writer.tensors[index].bytes.replaceSubrange(0..<4, with: [0, 0, 0xc0, 0x7f])
        let source = try ModelSource(path: folder.write("in.gguf", writer.bytes()))
        try folder.write("out.gguf", "what was here before")
        let error = loadError { () throws(LoadError) in try source.writeGGUF(to: folder.path + "/out.gguf", options: options("f16")) }
        #expect(error == .notQuantizable(file: folder.path + "/in.gguf", tensor: "blk.1.ffn_up.weight", row: 0, type: "F16"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["in.gguf", "out.gguf"])
        #expect(try String(contentsOfFile: folder.path + "/out.gguf", encoding: .utf8) == "what was here before")
    }
}
