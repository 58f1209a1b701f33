// Weights quantized while they load: the bytes of the quantizers, llama.cpp's mixtures, exceptions, and what is refused.
import Kernels
import TestSupport
import Testing

@testable import Engine

@Suite struct QuantizationTests {
    /// A model's matrices as their file has them, by GGUF name.
    private func matrices(_ weights: ModelWeights) -> [String: WeightMatrix] {
        var result = ["token_embd.weight": weights.embedding, "output.weight": weights.output]
        for (index, layer) in weights.layers.enumerated() {
            for (name, matrix) in [
                ("attn_q", layer.q), ("attn_k", layer.k), ("attn_v", layer.v), ("attn_output", layer.o), ("ffn_gate", layer.gate),
                ("ffn_up", layer.up), ("ffn_down", layer.down),
            ] { result["blk.\(index).\(name).weight"] = matrix }
        }
        return result
    }

    private func quantized(_ type: ElementType, _ values: [Float], columns: Int, importance: [Float]? = nil) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: values.count / columns * type.rowBytes(columns: columns)!)
        for row in 0..<values.count / columns {
            bytes.withUnsafeMutableBytes { out in
                values.withUnsafeBufferPointer { values in
                    let code = sirocco_kernels_select("reference")!.pointee.quantize(
                        type.kernelType, values.baseAddress! + row * columns, Int64(columns), importance,
                        out.baseAddress! + row * type.rowBytes(columns: columns)!)
                    #expect(code == 0)
                }
            }
        }
        return bytes
    }

    /// Every scheme gives each matrix the bytes that its type's quantizer makes of it, whatever the threads.
    @Test(arguments: QuantizationScheme.all.map(\.name)) func matricesAreQuantizedOnTheirWay(name: String) throws {
        let scheme = try #require(QuantizationScheme(named: name))
        let (folder, source) = try LoadingPlanTests.open(LoadingPlanTests.tensors())
        defer { withExtendedLifetime(folder) {} }
        let plain = matrices(try Model.load(source).weights)
        let options = LoadOptions(threads: name == "q4_0" ? 1 : 3, quantization: Quantization(.scheme(scheme)))
        let loaded = matrices(try Model.load(source, options: options).weights)
        for (tensor, matrix) in loaded {
            let values = plain[tensor]!.unpacked().withUnsafeBytes { raw in
                (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            #expect(matrix.unpacked() == quantized(matrix.type, values, columns: matrix.columns), "\(name) \(tensor)")
        }
        #expect(loaded["blk.0.attn_q.weight"]?.type == scheme.base)
        #expect(try source.plan(options: options).fallbacks.isEmpty)
    }

    /// What llama-quantize chose for a model of 24 layers (of the llama.cpp in llama-cpp-python 0.3.36).
    @Test func mixturesAreLlamaCpps() throws {
        func types(_ name: String, groupSize: Int = 2, importance: Bool = false) throws -> (
            v: String, down: String, output: ElementType, embedding: ElementType
        ) {
            let scheme = try #require(QuantizationScheme(named: name))
            let model = QuantizationScheme.Model(layers: 24, groupSize: groupSize, tiedOutput: false, hasImportance: importance)
            func all(_ slot: LayerSlot) -> String {
                (0..<24).map { layer in
                    let type = scheme.type(of: .layer(layer, slot), columns: 2048, in: model)
                    return type == scheme.base ? "." : String(type.name.dropFirst().first!)
                }.joined()
            }
            return (
                all(.v), all(.down), scheme.type(of: .output, columns: 2048, in: model), scheme.type(of: .embedding, columns: 2048, in: model)
            )
        }
        let more = "666..6..6..6..6..6..6666"
        #expect(try types("q4_k_m") == (more, more, .q6_K, .q4_K))
        #expect(try types("q5_k_m") == (more, more, .q6_K, .q5_K))
        #expect(try types("q4_k_s") == ("5555....................", "555.....................", .q6_K, .q4_K))
        #expect(try types("q8_0") == (String(repeating: ".", count: 24), String(repeating: ".", count: 24), .q8_0, .q8_0))
        #expect(try types("q4_0").output == .q6_K && types("q4_0", importance: true).down == "444.....................")
        #expect(try types("q3_k_m") == ("55" + String(repeating: "4", count: 22), "5" + String(repeating: "4", count: 23), .q6_K, .q3_K))
        #expect(try types("q2_k", groupSize: 4).v == String(repeating: "4", count: 24) && types("q2_k").v == String(repeating: "3", count: 24))
        #expect(try types("tq2_0").embedding == .q4_K && types("mxfp4").output == .q8_0)
        #expect(QuantizationScheme(named: "Q4_K")?.name == "q4_k_m" && QuantizationScheme(named: "iq2_xs") == nil)
    }

    /// Rows that are no whole blocks get the type that the rule says, and the plan tells.
    @Test func rowsThatAreNoWholeBlocksFallBack() throws {
        #expect(ElementType.q4_K.fitting(columns: 896) == .q5_0 && ElementType.q6_K.fitting(columns: 896) == .q8_0)
        #expect(ElementType.q5_K.fitting(columns: 96) == .q5_1 && ElementType.iq4_xs.fitting(columns: 96) == .iq4_nl)
        #expect(ElementType.q2_K.fitting(columns: 96) == .q4_0 && ElementType.q4_0.fitting(columns: 48) == .f16)
        let source = try ModelSource(path: Fixtures.shared + "/fixtures/families/qwen2")
        let options = LoadOptions(quantization: Quantization(.scheme(QuantizationScheme(named: "q4_k_m")!)))
        let plan = try source.plan(options: options)
        #expect(plan.fallbacks.count == plan.steps.filter { $0.columns > 1 }.count && plan.quantizationNotes.count > 1)
        let model = try Model.load(source, options: options)
        #expect(model.weights.layers[0].q.type == (source.architecture.hiddenSize % 32 == 0 ? .q5_0 : .f16))
    }

    @Test func exceptionsComeFirst() throws {
        let (folder, source) = try LoadingPlanTests.open(LoadingPlanTests.tensors())
        defer { withExtendedLifetime(folder) {} }
        let exceptions = [
            try TensorException(pattern: "attn_[qk]\\.weight$", type: .q8_0), try TensorException(pattern: "^blk", type: .q5_1),
        ]
        var loaded = matrices(
            try Model.load(source, options: .init(quantization: Quantization(.scheme(QuantizationScheme(named: "q4_0")!), exceptions: exceptions)))
                .weights)
        #expect(loaded["blk.0.attn_k.weight"]?.type == .q8_0 && loaded["blk.0.ffn_up.weight"]?.type == .q5_1)
        #expect(loaded["token_embd.weight"]?.type == .q4_0 && loaded["output.weight"]?.type == .q6_K)
        loaded = matrices(try Model.load(source, options: .init(quantization: Quantization(exceptions: exceptions))).weights)
        #expect(loaded["output.weight"]?.type == .f32 && loaded["blk.0.attn_q.weight"]?.type == .q8_0)
        #expect(loadError { () throws(LoadError) in try TensorException(pattern: "a(", type: .q8_0) } != nil)
        #expect(loadError { () throws(LoadError) in try TensorException(pattern: "a", type: .iq1_s) } == .noQuantizer(type: "IQ1_S"))
    }

    @Test func automaticTakesTheMostBits() throws {
        let (folder, source) = try LoadingPlanTests.open(LoadingPlanTests.tensors())
        defer { withExtendedLifetime(folder) {} }
        #expect(try source.plan(options: .init(quantization: Quantization(.automatic))).scheme?.name == "q8_0")
    }

    @Test func whatCannotBeQuantizedIsRefused() throws {
        var tensors = LoadingPlanTests.tensors()
        let index = tensors.firstIndex { $0.name.hasSuffix("up_proj.weight") }!
        var values = tensors[index].floats
        values[5 * 256 + 3] = .nan
        tensors[index] = RawTensor(name: tensors[index].name, shape: tensors[index].shape, values: values)
        let (folder, source) = try LoadingPlanTests.open(tensors)
        let options = LoadOptions(quantization: Quantization(.scheme(QuantizationScheme(named: "q4_0")!)))
        #expect(
            loadError { () throws(LoadError) in try Model.load(source, options: options) }
                == .notQuantizable(file: folder.path + "/model.safetensors", tensor: tensors[index].name, row: 5, type: "Q4_0"))
        let model = GGUFModel(architecture: "qwen3", config: LoadingPlanTests.config, tensors: LoadingPlanTests.tensors()) { tensor in
            (2, [UInt8](repeating: 0, count: tensor.shape[0] * 144))
        }
        var writer = model.writer()
        for name in ["attn_q_norm", "attn_k_norm"] {
            writer.tensors.append(.init(name: "blk.0.\(name).weight", shape: [64], bytes: [UInt8](repeating: 0, count: 256)))
        }
        let path = try folder.write("q.gguf", writer.bytes())
        let quantized = try ModelSource(path: path)
        let q8 = QuantizationScheme(named: "q8_0")!
        #expect(
            loadError { () throws(LoadError) in try quantized.plan(options: .init(quantization: Quantization(.scheme(q8)))) }
                == .alreadyQuantized(file: path, tensor: "token_embd.weight", type: "Q4_0"))
        let anew = try Model.load(quantized, options: .init(quantization: Quantization(.scheme(q8), requantizes: true)))
        #expect(anew.weights.layers[0].q.type == .q8_0)
        #expect(try Model.load(quantized, options: options.with(requantizing: false)).weights.layers[0].q.type == .q4_0)
    }
}

extension LoadOptions {
    /// Q4_0 for all but the output, whose type would be another.
    fileprivate func with(requantizing: Bool) -> LoadOptions {
        var options = self
        options.quantization = Quantization(
            exceptions: [try! TensorException(pattern: ".", type: .q4_0)], requantizes: requantizing)
        return options
    }
}
