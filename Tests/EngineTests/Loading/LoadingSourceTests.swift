// What a path may hold, and what is said when it holds something else.
import Engine
import Foundation
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct LoadingSourceTests {
    private func failure(_ path: String) -> LoadError? {
        loadError { () throws(LoadError) in try ModelSource(path: path) }
    }

    @Test func whatIsNoModelIsNamed() throws {
        let folder = try TemporaryFolder()
        let files: [(String, [UInt8], String)] = [
            ("empty", [], "an empty file"), ("lfs", Array("version https://git-lfs.github.com/spec/v1\n".utf8), "a Git LFS pointer"),
            ("page.gguf", Array("<!DOCTYPE html><p>404".utf8), "a web page"), ("old.bin", Array("tjgg....".utf8), "an old GGJT file"),
            ("x", [1, 2, 3, 4, 5], "begins with the bytes 01 02 03 04"), ("j", Array(#"{"a":1}"#.utf8), "JSON text"),
            ("lone.safetensors", SafetensorsWriter([.init(name: "a", shape: [1], values: [1])]).bytes(), "name its folder instead"),
        ]
        for (name, bytes, expected) in files {
            let error = failure(try folder.write(name, bytes))
            guard case .unrecognised(_, let found) = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            #expect(found.contains(expected), "\(name): \(found)")
        }
        let pickle = try folder.write("weights.pt", [0x80, 0x02, 0x7d])
        #expect(failure(pickle) == .pickleRefused(file: pickle))
        let archive = try folder.write("pytorch_model.bin", [0x50, 0x4b, 0x03, 0x04, 0, 0])
        #expect(failure(archive) == .pickleRefused(file: archive))
        guard case .unreadable(_, _, let code) = failure(folder.path + "/absent") else {
            Issue.record("an absent file was opened")
            return
        }
        #expect(code == ENOENT)
        #expect(failure("/dev/null") == .notARegularFile(file: "/dev/null"))
    }

    @Test func foldersAreSniffed() throws {
        let folder = try TemporaryFolder()
        guard case .unrecognised(_, "an empty folder") = failure(folder.path) else {
            Issue.record("an empty folder was opened")
            return
        }
        try folder.write("pytorch_model.bin", [0x50, 0x4b, 0x03, 0x04])
        #expect(failure(folder.path) == .pickleRefused(file: folder.path + "/pytorch_model.bin"))
        try folder.write("config.json", LoadingPlanTests.config.text())
        #expect(failure(folder.path) == .pickleRefused(file: folder.path + "/pytorch_model.bin"))
        try folder.write("a.safetensors", SafetensorsWriter(LoadingPlanTests.tensors()).bytes())
        #expect(try ModelSource(path: folder.path).architecture.hiddenSize == 256)
        try folder.write("b.safetensors", SafetensorsWriter(LoadingPlanTests.tensors()).bytes())
        #expect(failure(folder.path) == .ambiguous(folder: folder.path, files: ["a.safetensors", "b.safetensors"]))

        let several = try TemporaryFolder()
        try several.write("a.gguf", Array("GGUF".utf8))
        try several.write("b.gguf", Array("GGUF".utf8))
        #expect(failure(several.path) == .ambiguous(folder: several.path, files: ["a.gguf", "b.gguf"]))

        let bare = try TemporaryFolder()
        try bare.write("model.safetensors", SafetensorsWriter(LoadingPlanTests.tensors()).bytes())
        #expect(failure(bare.path) == .missingFile(file: "config.json", folder: bare.path))
    }

    @Test func shardsFollowTheIndex() throws {
        let tensors = LoadingPlanTests.tensors()
        let folder = try TemporaryFolder()
        try folder.write("config.json", LoadingPlanTests.config.text())
        try folder.write("one.safetensors", SafetensorsWriter(Array(tensors[..<5])).bytes())
        try folder.write("two.safetensors", SafetensorsWriter(Array(tensors[5...])).bytes())
        var map = tensors.enumerated().map { ($1.name, JSONValue.string($0 < 5 ? "one.safetensors" : "two.safetensors")) }
        func writeIndex() throws {
            try folder.write("model.safetensors.index.json", [("weight_map", map.json)].json.text())
        }
        try writeIndex()
        let loaded = try Model.load(ModelSource(path: folder.path)).weights.byName()
        for tensor in tensors { #expect(loaded[tensor.name] == expectedBytes(tensor)) }

        let right = map
        for name in ["../one.safetensors", "/etc/passwd", "..", "", "a\u{0}b"] {
            map[0].1 = .string(name)
            try writeIndex()
            #expect(failure(folder.path) == .unsafeFileName(file: folder.path + "/model.safetensors.index.json", name: name))
        }
        map[0].1 = "three.safetensors"
        try writeIndex()
        #expect(
            failure(folder.path)
                == .malformedIndex(
                    file: folder.path + "/model.safetensors.index.json",
                    reason: "tensor 'model.embed_tokens.weight' lies in 'one.safetensors', the index puts it in 'three.safetensors'"))
        map = right + [("ghost", "two.safetensors")]
        try writeIndex()
        #expect(
            failure(folder.path)
                == .malformedIndex(
                    file: folder.path + "/model.safetensors.index.json", reason: "'two.safetensors' does not hold the tensor 'ghost'"))
        map = right + [("ghost", "three.safetensors")]
        try writeIndex()
        #expect(failure(folder.path) == .missingFile(file: "three.safetensors", folder: folder.path))
    }

    @Test func aFileThatShrinksIsReported() throws {
        let folder = try TemporaryFolder()
        try folder.write("config.json", LoadingPlanTests.config.text())
        let path = try folder.write("model.safetensors", SafetensorsWriter(LoadingPlanTests.tensors()).bytes())
        let source = try ModelSource(path: folder.path)
        let bytes = try Fixtures.readFile(path).count
        #expect(truncate(path, off_t(bytes / 2)) == 0)
        #expect(
            loadError { () throws(LoadError) in try Model.load(source) }
                == .fileChanged(file: path, expectedBytes: bytes, foundBytes: bytes / 2))
    }

    @Test func embeddedFilesAreAModel() throws {
        let names = ["config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "generation_config.json"]
        var files: [(name: String, bytes: UnsafeRawBufferPointer)] = []
        for name in names {
            let content = try Fixtures.bytes("models/breeze/" + name)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 64)
            copy.copyBytes(from: content)
            files.append((name, UnsafeRawBufferPointer(copy)))
        }
        // Never freed: embedded bytes live as long as the process.
        let embedded = try ModelSource(embedded: EmbeddedFiles(name: "breeze", files: files))
        let onDisk = try ModelSource(path: Fixtures.shared + "/models/breeze")
        #expect(embedded.architecture == onDisk.architecture)
        #expect(embedded.chatTemplate == onDisk.chatTemplate)
        #expect(embedded.stopTokens == onDisk.stopTokens)
        #expect(try Model.load(embedded).weights.byName() == Model.load(onDisk).weights.byName())
        #expect(
            loadError { () throws(LoadError) in try ModelSource(embedded: EmbeddedFiles(name: "none", files: [])) }
                == .unrecognised(file: "none", found: "an empty folder"))
    }

    @Test func textsOfTheModel() throws {
        let folder = try TemporaryFolder()
        try folder.write("model.safetensors", SafetensorsWriter(LoadingPlanTests.tensors()).bytes())
        var config = LoadingPlanTests.config.objectValue!
        config["eos_token_id"] = [3, 4]
        try folder.write("config.json", JSONValue.object(config).text())
        try folder.write("generation_config.json", #"{"eos_token_id": 5, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": null}"#)
        try folder.write(
            "tokenizer_config.json",
            #"""
            {"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "pad_token": null, "add_bos_token": true,
             "chat_template": [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}]}
            """#)
        try folder.write(
            "tokenizer.json",
            #"""
            {"added_tokens": [{"id": 1, "content": "</s>", "special": true}, {"id": 2, "content": "<|eot_id|>", "special": true},
             {"id": 6, "content": "<|im_end|>", "special": false}, {"id": 900, "content": "<|end|>", "special": true}]}
            """#)
        let source = try ModelSource(path: folder.path)
        #expect(source.stopTokens == [5, 3, 4, 1, 2])
        #expect(source.specialTokens.map { "\($0.name)=\($0.text)" } == ["bos_token=<s>", "eos_token=</s>"])
        #expect(source.chatTemplate == "D" && source.toolTemplate == "T")
        #expect(source.defaultSampling == DefaultSampling(temperature: 0.6, topK: 20, topP: 0.95))
        try folder.write("chat_template.jinja", "J")
        #expect(try ModelSource(path: folder.path).chatTemplate == "J")
        try folder.write("generation_config.json", #"{"eos_token_id": 8}"#)
        guard case .outOfRange(_, "eos_token_id", "8", _) = failure(folder.path) else {
            Issue.record("a stop token outside the vocabulary was accepted")
            return
        }
        for (key, value) in [("temperature", "100.5"), ("top_p", "0"), ("min_p", "1.5"), ("repetition_penalty", "1e-60"), ("top_k", "-1")] {
            try folder.write("generation_config.json", "{\"\(key)\": \(value)}")
            guard case .outOfRange(_, key, _, _) = failure(folder.path) else {
                Issue.record("\(key) \(value), which no request could have, was accepted")
                continue
            }
        }
        try folder.write("generation_config.json", #"{"eos_token_id": 5, "eos_token_id": 6}"#)
        guard case .malformedJSON = failure(folder.path) else {
            Issue.record("a duplicate key was accepted")
            return
        }
    }

    @Test func textsOfAGGUF() throws {
        var writer = GGUFModel(architecture: "llama", config: LoadingPlanTests.config, tensors: LoadingPlanTests.tensors()).writer()
        let tokens = ["<unk>", "<s>", "</s>", "a", "<|im_end|>", "<|eot_id|>", "b", "c"]
        writer.metadata += [
            ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string("qwen2")),
            ("tokenizer.ggml.tokens", .array(tokens.map { .string($0) })),
            ("tokenizer.ggml.token_type", .array([2, 3, 3, 1, 1, 3, 1, 1].map { .int32($0) })),
            ("tokenizer.ggml.bos_token_id", .uint32(1)), ("tokenizer.ggml.eos_token_id", .uint32(2)),
            ("tokenizer.ggml.unknown_token_id", .uint32(0)), ("tokenizer.ggml.eom_token_id", .int32(-1)),
            ("tokenizer.chat_template", .string("D")), ("tokenizer.chat_template.tool_use", .string("T")),
            ("general.sampling.temp", .float32(0.25)), ("general.sampling.top_k", .int32(7)),
        ]
        let folder = try TemporaryFolder()
        let source = try ModelSource(path: folder.write("m.gguf", writer.bytes()))
        #expect(source.name == "m")
        #expect(source.stopTokens == [2, 5])
        #expect(source.specialTokens.map { "\($0.name)=\($0.text)" } == ["bos_token=<s>", "eos_token=</s>", "unk_token=<unk>"])
        #expect(source.chatTemplate == "D" && source.toolTemplate == "T")
        #expect(source.defaultSampling == DefaultSampling(temperature: 0.25, topK: 7))
        #expect(source.metadata["keys"]?["tokenizer.ggml.tokens"]?[4] == "<|im_end|>")
        for (key, value) in [("temp", -1 as Float), ("top_p", 0), ("min_p", 1.5), ("penalty_repeat", 1000)] {
            var broken = writer
            broken.metadata.removeAll { $0.0.hasPrefix("general.sampling.") }
            broken.metadata.append(("general.sampling." + key, .float32(value)))
            let path = try folder.write("broken.gguf", broken.bytes())
            guard case .outOfRange(_, "general.sampling." + key, _, _) = failure(path) else {
                Issue.record("\(key) \(value), which no request could have, was accepted")
                continue
            }
        }
    }

    @Test func tokenizersAreMade() throws {
        let source = try ModelSource(path: Fixtures.shared + "/models/breeze")
        // Twice: the parsed file is kept for the first only.
        for _ in 0..<2 {
            let tokenizer = try source.makeTokenizer()
            #expect(tokenizer.vocabulary.count <= source.architecture.vocabularySize)
            #expect(tokenizer.specialToken("<|im_end|>") == 2)
            #expect(tokenizer.decode(tokenizer.encode("Maria Lopez, 12 May")) == "Maria Lopez, 12 May")
        }
        #expect(
            loadError { () throws(LoadError) in try ModelSource(path: Fixtures.shared + "/fixtures/families/llama").makeTokenizer() }
                == .missingFile(file: "tokenizer.json", folder: Fixtures.shared + "/fixtures/families/llama"))
    }

    @Test func vocabulariesOfGGUFFilesAreRead() throws {
        let folder = "fixtures/tokenizers/gguf-vocab"
        let names = try Fixtures.list(folder).filter { $0.hasSuffix(".gguf") }
        #expect(names.count == 12)
        for name in names {
            let file = try GGUFFile(MappedFile(path: Fixtures.shared + "/\(folder)/\(name)"))
            let tokenizer = try file.tokenizerDescription()
            #expect(!tokenizer.model.isEmpty)
            #expect(tokenizer.tokens.count > 1000, "\(name)")
            #expect(tokenizer.types.count == tokenizer.tokens.count, "\(name)")
            #expect(file.value("tokenizer.ggml.tokens")?.arrayValue?.count == tokenizer.tokens.count)
            #expect(file.tensors.isEmpty)
        }
    }
}
