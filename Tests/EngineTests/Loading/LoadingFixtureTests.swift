// Every family's fixture: both forms of its configuration, its weights from safetensors and from GGUF, bit for bit.
import Engine
import Foundation
import JSON
import TestSupport
import Testing

@Suite struct LoadingFixtureTests {
    @Test(arguments: Set(familyFixtures.map(\.name)).sorted())
    func bothConfigurationFormsAgree(family: String) throws {
        let folder = "fixtures/families/\(family)/"
        let new = try Architecture(huggingFace: Fixtures.json(folder + "config.json"))
        let old = try Architecture(huggingFace: Fixtures.json(folder + "config.legacy.json"))
        #expect(new == old)
        #expect(new.layers.count == 4 && new.hiddenSize == 48 && new.normEpsilon == 2e-3)
    }

    @Test(arguments: Set(familyFixtures.map(\.name)).sorted())
    func safetensorsLoadBitForBit(family: String) throws {
        try check(folder: "fixtures/families/\(family)")
    }

    @Test func breezeLoadsBitForBit() throws {
        try check(folder: "models/breeze")
        let source = try ModelSource(path: Fixtures.shared + "/models/breeze")
        #expect(source.name == "breeze")
        #expect(source.architecture.tiedOutput)
        #expect(source.architecture.layers.count == 6)
        #expect(source.contextLength == 2048)
        #expect(source.stopTokens == [2, 0])
        #expect(source.specialTokens.map(\.name) == ["eos_token", "pad_token"])
        #expect(source.specialTokens.map(\.text) == ["<|im_end|>", "<|endoftext|>"])
        #expect(try source.chatTemplate == Fixtures.text("models/breeze/chat_template.jinja"))
        #expect(source.defaultSampling.temperature == 0)
    }

    private func check(folder: String) throws {
        let raw = try SafetensorsWriter.read(Fixtures.bytes(folder + "/model.safetensors"))
        let source = try ModelSource(path: Fixtures.shared + "/" + folder)
        for options in [LoadOptions(), LoadOptions(copiesWeights: true, threads: 3)] {
            let plan = try source.plan(options: options)
            let model = try Model.load(source, options: options)
            let loaded = model.weights.byName()
            for tensor in raw { #expect(loaded[tensor.name] == expectedBytes(tensor), "\(tensor.name)") }
            let tied = source.architecture.tiedOutput
            #expect(loaded.count == raw.count + (tied ? 1 : 0))
            if tied { #expect(model.weights.output.pointer == model.weights.embedding.pointer) }
            #expect(plan.ignored.isEmpty)
            #expect((plan.memory.mapped == 0) == options.copiesWeights)
            #expect((plan.memory.copied == 0) == !options.copiesWeights)
            let matrices = raw.filter { $0.shape.count == 2 }.reduce(0) { $0 + $1.bytes.count }
            #expect(plan.memory.mapped + plan.memory.copied == matrices)
            #expect(plan.memory.widened == raw.filter { $0.shape.count == 1 }.reduce(0) { $0 + 4 * $1.shape[0] })
        }
    }

    @Test(arguments: familyFixtures.filter { $0.gguf != nil }.map { [$0.name, $0.gguf!] })
    func ggufLoadsTheSameWeights(fixture: [String]) throws {
        let folder = "fixtures/families/\(fixture[0])"
        let temporary = try TemporaryFolder()
        let path = try temporary.write("model.gguf", GGUFModel(architecture: fixture[1], fixture: folder).writer().bytes())
        let source = try ModelSource(path: path)
        let reference = try ModelSource(path: Fixtures.shared + "/" + folder)
        let model = try Model.load(source)
        #expect(try model.weights.byName() == Model.load(reference).weights.byName())

        var expected = reference.architecture
        expected.family = source.architecture.family
        if fixture[0] == "llama_rope_llama3" {
            // GGUF says Llama 3's scaling by a factor for each pair: the same angles, within rounding.
            let stated = source.architecture.ropes[0].inverseFrequencies(sequenceLength: 1).values
            let wanted = expected.ropes[0].inverseFrequencies(sequenceLength: 1).values
            #expect(zip(stated, wanted).allSatisfy { abs($0 - $1) <= 1e-6 * $1 })
            expected.ropes = source.architecture.ropes
        }
        #expect(source.architecture == expected)
        // The folder that holds the one file is the same model.
        #expect(try ModelSource(path: temporary.path).architecture == expected)
        let plan = try source.plan()
        let permuted = plan.steps.filter { $0.transform != .none }
        #expect(permuted.isEmpty == (fixture[1] == "qwen2" || fixture[1] == "qwen3"))
        #expect(plan.steps.filter { $0.placement == .copied }.allSatisfy { $0.transform != .none })
    }

    @Test func windowsAreReadPerLayer() throws {
        func windows(_ family: String) throws -> [Int?] {
            try Architecture(huggingFace: Fixtures.json("fixtures/families/\(family)/config.json")).layers.map(\.attention.window)
        }
        #expect(try windows("mistral") == [16, 16, 16, 16])
        #expect(try windows("qwen2") == [nil, nil, 16, 16])
        #expect(try windows("qwen3") == [nil, nil, nil, nil])
        #expect(try windows("llama") == [nil, nil, nil, nil])
    }

    @Test func progressEndsWithEverything() throws {
        let source = try ModelSource(path: Fixtures.shared + "/models/breeze")
        let log = ProgressLog()
        _ = try Model.load(source, options: .init(copiesWeights: true, threads: 2)) { log.append($0) }
        let seen = log.values
        #expect(!seen.isEmpty)
        #expect(seen.map(\.completedBytes) == seen.map(\.completedBytes).sorted())
        #expect(seen.last?.fraction == 1)
        #expect(seen.last?.totalBytes == source.tensors.reduce(0) { $0 + $1.range.count })
    }

    /// Progress is reported on the calling thread; the lock is for the compiler's sake.
    private final class ProgressLog: @unchecked Sendable {
        private let lock = NSLock()
        private var log: [LoadProgress] = []
        func append(_ progress: LoadProgress) { lock.withLock { log.append(progress) } }
        var values: [LoadProgress] { lock.withLock { log } }
    }

    @Test func inspectionShowsEverything() throws {
        let inspection = try ModelInspection(path: Fixtures.shared + "/models/breeze")
        #expect(inspection.json["architecture"]?["hiddenSize"] == 192)
        #expect(inspection.json["tensors"]?.arrayValue?.count == 56)
        #expect(inspection.json["plan"]?["steps"]?.arrayValue?.count == 56)
        #expect(inspection.json["memory"]?["keyValuePerPosition"]?.intValue == 6 * 2 * 2 * 32 * 4)
        #expect(inspection.json["metadata"]?["config"]?["hidden_size"] == 192)
        #expect(inspection.json["error"] == nil)
        #expect(inspection.text.contains("layers[5].down ← model.layers.5.mlp.down_proj.weight BF16 [192 × 512] mapped"))

        let lone = try ModelInspection(path: Fixtures.shared + "/models/breeze/golden.safetensors")
        #expect(lone.json["error"] != nil)
        #expect(lone.json["tensors"]?.arrayValue?.isEmpty == false)

        let other = try ModelInspection(path: Fixtures.shared + "/fixtures/families/gemma2")
        #expect(other.json["metadata"]?["config"]?["model_type"] == "gemma2")
        #expect(other.json["error"]?.stringValue?.contains("'gemma2' is not supported") == true)
    }
}
