// Importance: computed from what passes through a model, written and read in llama.cpp's forms, and honoured by quantizers.
import Kernels
import TestSupport
import Testing
import Tokens

@testable import Engine

@Suite struct ImportanceTests {
    @Test func theInputsOfTheFirstLayerAreTheNormedEmbeddings() async throws {
        let model = TinyModel.make(layers: 2)
        let statistics = InputStatistics()
        let engine = try LLMEngine(model: model, options: EngineOptions(threads: 2, kernels: "reference"), inputStatistics: statistics)
        let prompt: [TokenID] = [3, 17, 90, 4, 55]
        for try await _ in engine.generate(GenerationRequest(prompt: prompt, maxTokens: 1)) {}
        await engine.shutdown()
        let found = try statistics.importance(name: "test").columns
        #expect(found.count == 14 && found["blk.1.ffn_down.weight"]?.count == 64)
        #expect(found["blk.0.attn_q.weight"] == found["blk.0.attn_v.weight"])
        let hidden = model.architecture.hiddenSize
        var expected = [Double](repeating: 0, count: hidden)
        let kernels = try #require(sirocco_kernels_select("reference"))
        for token in prompt {
            var (row, normed) = ([Float](repeating: 0, count: hidden), [Float](repeating: 0, count: hidden))
            model.weights.embedding.widen(row: Int(token), kernels: kernels, into: &row)
            kernels.pointee.rms_norm(row, model.weights.layers[0].attentionNorm, model.architecture.normEpsilon, Int64(hidden), &normed)
            for column in 0..<hidden { expected[column] += Double(normed[column]) * Double(normed[column]) / Double(prompt.count) }
        }
        for (a, b) in zip(try #require(found["blk.0.attn_q.weight"]), expected) { #expect(abs(Double(a) - b) <= b * 1e-5) }

        // Written in GGUF and read back.
        let folder = try TemporaryFolder()
        let path = folder.path + "/i.gguf"
        _ = try statistics.write(to: path, text: "t", chunks: 1, chunkLength: 5)
        let back = try ImportanceMatrix(path: path).columns
        #expect(Set(back.keys) == Set(found.keys))
        for (name, values) in found { for (a, b) in zip(values, back[name] ?? []) { #expect(abs(a - b) <= a * 1e-5) } }
    }

    private func binary(_ entries: [(name: String, calls: Int32, values: [Float])], count: Int32? = nil) -> [UInt8] {
        littleEndian(count ?? Int32(entries.count))
            + entries.flatMap { entry in
                littleEndian(Int32(entry.name.utf8.count)) + Array(entry.name.utf8) + littleEndian(entry.calls)
                    + littleEndian(Int32(entry.values.count)) + entry.values.flatMap { littleEndian($0.bitPattern) }
            }
    }

    @Test func theBinaryFormIsRead() throws {
        let folder = try TemporaryFolder()
        let bytes = binary([("blk.0.attn_q.weight", 4, [8, 2, 0]), ("b", 0, [1])]) + [1, 2, 3]
        let read = try ImportanceMatrix(path: folder.write("i.dat", bytes))
        #expect(read.columns == ["blk.0.attn_q.weight": [2, 0.5, 0], "b": [1]])
    }

    @Test func malformedFilesAreRefusedByName() throws {
        let folder = try TemporaryFolder()
        func refused(_ bytes: [UInt8]) throws -> Bool {
            let path = try folder.write("bad", bytes)
            return loadError { () throws(LoadError) in try ImportanceMatrix(path: path) } != nil
        }
        let good = binary([("a", 1, [1, 2])])
        for length in 0..<good.count { #expect(try refused(Array(good[..<length])), "\(length)") }
        #expect(try refused(binary([("a", 1, [.nan])])) && refused(binary([("a", 1, [-1])])) && refused(binary([("a", -1, [1])])))
        #expect(try refused(binary([("a", 1, [1]), ("a", 1, [1])])) && refused(binary([], count: -1)) && refused(binary([], count: .max)))
        let counts = GGUFWriter.Tensor(name: "a.counts", shape: [1, 1], bytes: littleEndian(Float(2).bitPattern))
        let sums = GGUFWriter.Tensor(name: "a.in_sum2", shape: [1, 1], bytes: littleEndian(Float(6).bitPattern))
        let writer = GGUFWriter(metadata: [("general.type", .string("imatrix"))], tensors: [sums, counts])
        #expect(try ImportanceMatrix(path: folder.write("good", writer.bytes())).columns == ["a": [3]])
        #expect(try refused(GGUFWriter(metadata: writer.metadata, tensors: [sums]).bytes()))
        #expect(try refused(GGUFWriter(metadata: [("general.type", .string("model"))], tensors: [sums, counts]).bytes()))
    }

    /// Columns that matter keep their values better; another model's numbers are refused.
    @Test func quantizersHonourIt() throws {
        let (folder, source) = try LoadingPlanTests.open(LoadingPlanTests.tensors())
        defer { withExtendedLifetime(folder) {} }
        var important = [Float](repeating: 1e-4, count: 256)
        for column in stride(from: 0, to: 256, by: 8) { important[column] = 1 }
        let name = "blk.0.ffn_up.weight"
        func error(_ importance: ImportanceMatrix?) throws -> Double {
            let quantization = Quantization(.scheme(QuantizationScheme(named: "q4_0")!), importance: importance)
            let matrix = try Model.load(source, options: .init(quantization: quantization)).weights.layers[0].up
            let exact = try Model.load(source).weights.layers[0].up
            var (a, b) = ([Float](repeating: 0, count: 256), [Float](repeating: 0, count: 256))
            var sum = 0.0
            for row in 0..<matrix.rows {
                matrix.widen(row: row, kernels: sirocco_kernels_select(nil), into: &a)
                exact.widen(row: row, kernels: sirocco_kernels_select(nil), into: &b)
                for column in stride(from: 0, to: 256, by: 8) { sum += Double((a[column] - b[column]) * (a[column] - b[column])) }
            }
            return sum
        }
        #expect(try error(ImportanceMatrix(name: "i", columns: [name: important])) < 0.7 * error(nil))
        let wrong = try ImportanceMatrix(name: "i", columns: [name: [1, 2]])
        #expect(
            loadError { () throws(LoadError) in
                try Model.load(source, options: .init(quantization: Quantization(.scheme(QuantizationScheme(named: "q4_0")!), importance: wrong)))
            } != nil)
    }
}
