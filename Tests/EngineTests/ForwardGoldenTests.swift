// The forward pass against transformers' own numbers.
import Engine
import JSON
import TestSupport
import Testing
import Tokens

/// Tensors of a golden safetensors file: F32 and I64 only.
struct GoldenTensors {
    private let bytes: [UInt8]
    private let header: JSONValue
    private let start: Int

    init(_ path: String) throws {
        bytes = try Fixtures.bytes(path)
        let length = bytes[0..<8].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        header = try JSONValue(parsing: Array(bytes[8..<8 + length]))
        start = 8 + length
    }

    private func range(_ name: String) throws -> Range<Int> {
        let entry = try #require(header[name], "no tensor \(name)")
        let offsets = try #require(entry["data_offsets"]?.arrayValue).map { try #require($0.intValue) }
        return start + offsets[0]..<start + offsets[1]
    }

    func floats(_ name: String) throws -> [Float] {
        let slice = Array(bytes[try range(name)])
        return slice.withUnsafeBytes { raw in (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) } }
    }

    func tokens(_ name: String) throws -> [TokenID] {
        let slice = Array(bytes[try range(name)])
        return slice.withUnsafeBytes { raw in
            (0..<raw.count / 8).map { TokenID(raw.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
        }
    }
}

/// The greatest absolute difference; infinite when the counts differ.
func maximumDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { $1.0.isFinite && $1.1.isFinite ? max($0, abs($1.0 - $1.1)) : .infinity }
}

/// Rows of logits that an observer gathers.
final class LogitsRecorder: @unchecked Sendable {
    // Safe: read only after the generation has ended.
    var rows: [[Float]] = []
}

@Suite struct ForwardGoldenTests {
    static let families = [
        "llama", "llama_bias", "llama_rope_llama3", "llama_rope_linear", "llama_rope_yarn", "llama_rope_dynamic", "mistral", "qwen2",
        "qwen3",
    ]

    @Test(arguments: families) func familyMatchesTransformers(_ family: String) async throws {
        let index = try #require(Fixtures.json("fixtures/families/index.json").arrayValue)
        let entry = try #require(index.first { $0["path"]?.stringValue == family })
        let tolerance = Float(try #require(entry["tolerance"]?.doubleValue))
        let folder = "fixtures/families/\(family)"
        let golden = try GoldenTensors("\(folder)/golden.safetensors")
        let model = try Model.load(ModelSource(path: "\(Fixtures.shared)/\(folder)"))
        for kernels in availableKernels() {
            for options in [
                EngineOptions(threads: 2, kernels: kernels, cacheType: .f32, contextLength: 128),
                EngineOptions(threads: 1, kernels: kernels, cacheType: .f32, blockLength: 32, contextLength: 128, maxBatchTokens: 7, usesBLAS: false),
            ] {
                try await check(model, options, golden, prompt: golden.tokens("input_ids"), tolerance: tolerance, "\(family) \(kernels)")
            }
        }
    }

    /// The same weights written as GGUF, as llama.cpp's converter does, give the same logits.
    @Test(arguments: familyFixtures.filter { $0.gguf != nil }.map { [$0.name, $0.gguf!] })
    func ggufMatchesTransformers(_ fixture: [String]) async throws {
        let folder = "fixtures/families/\(fixture[0])"
        let index = try #require(Fixtures.json("fixtures/families/index.json").arrayValue)
        let entry = try #require(index.first { $0["path"]?.stringValue == fixture[0] })
        let tolerance = Float(try #require(entry["tolerance"]?.doubleValue))
        let golden = try GoldenTensors("\(folder)/golden.safetensors")
        let temporary = try TemporaryFolder()
        let path = try temporary.write("model.gguf", GGUFModel(architecture: fixture[1], fixture: folder).writer().bytes())
        let options = EngineOptions(threads: 2, cacheType: .f32, contextLength: 128)
        try await check(
            Model.load(ModelSource(path: path)), options, golden, prompt: golden.tokens("input_ids"), tolerance: tolerance, "\(fixture[0]) as GGUF")
    }

    /// Narrower caches: what rounding keys and values to 16 bits may change, and no token; 8 and 4 bits are another model, of finite logits.
    @Test(arguments: families) func narrowCachesStayNear(_ family: String) async throws {
        let folder = "fixtures/families/\(family)"
        let golden = try GoldenTensors("\(folder)/golden.safetensors")
        let prompt = try golden.tokens("input_ids")
        let model = try Model.load(ModelSource(path: "\(Fixtures.shared)/\(folder)"))
        for (type, bound) in [(CacheType.f16, Float(0.02)), (.q8_0, 0.5), (.q4_0, 8)] {
            let engine = try LLMEngine(model: model, options: EngineOptions(threads: 2, cacheType: type, contextLength: 128))
            let difference = maximumDifference(try await engine.logits(of: prompt), try golden.floats("logits"))
            #expect(difference < bound, "\(family) \(type): \(difference)")
            if type == .f16 {
                let expected = try golden.tokens("gen_ids")
                #expect(try await engine.generate(GenerationRequest(prompt: prompt, maxTokens: expected.count)).collect().ids == expected)
            }
            await engine.shutdown()
        }
    }

    @Test func embeddedModelMatchesTransformers() async throws {
        let golden = try GoldenTensors("models/breeze/golden.safetensors")
        let cases = try #require(Fixtures.json("models/breeze/golden.json").arrayValue)
        let model = try Model.load(ModelSource(path: "\(Fixtures.shared)/models/breeze"))
        for (kernels, cacheType, bound) in availableKernels().map({ ($0, CacheType.f32, Float(1e-3)) }) + [("reference", .f16, 1e-2)] {
            let engine = try LLMEngine(model: model, options: .init(kernels: kernels, cacheType: cacheType))
            for item in cases {
                let name = try #require(item["name"]?.stringValue)
                let prompt = try #require(item["input_ids"]?.arrayValue).map { TokenID(try #require($0.intValue)) }
                let expected = try #require(item["greedy_ids"]?.arrayValue).map { TokenID(try #require($0.intValue)) }
                let difference = maximumDifference(try await engine.logits(of: prompt), try golden.floats("\(name).logits"))
                #expect(difference < bound, "\(name) \(kernels) \(cacheType): \(difference)")
                let reply = try await engine.generate(
                    GenerationRequest(prompt: prompt, stopTokens: [2], maxTokens: expected.count)
                ).collect()
                #expect(reply.ids == expected, "\(name) \(kernels)")
            }
            await engine.shutdown()
        }
    }

    private func check(
        _ model: Model, _ options: EngineOptions, _ golden: GoldenTensors, prompt: [TokenID], tolerance: Float, _ label: String
    ) async throws {
        let engine = try LLMEngine(model: model, options: options)
        let prefill = maximumDifference(try await engine.logits(of: prompt), try golden.floats("logits"))
        #expect(prefill <= tolerance, "\(label): logits differ by \(prefill)")
        let expected = try golden.tokens("gen_ids")
        let recorder = LogitsRecorder()
        let reply = try await engine.generate(
            GenerationRequest(prompt: prompt, maxTokens: expected.count, logitsObserver: { recorder.rows.append($0) })
        ).collect()
        #expect(reply.ids == expected, "\(label)")
        let decode = maximumDifference(recorder.rows.flatMap { $0 }, try golden.floats("gen_logits"))
        #expect(decode <= tolerance, "\(label): gen_logits differ by \(decode)")
        #expect(reply.reason == .length)
        await engine.shutdown()
    }
}
