// What the loading tests share: folders that vanish, fixtures opened both ways, weights by Hugging Face name.
import Engine
import Foundation
import JSON
import TestSupport
import Testing

/// The fixtures of the supported families, and the architecture each has in GGUF (nil: llama.cpp cannot say it).
let familyFixtures: [(name: String, gguf: String?)] = [
    ("llama", "llama"), ("llama_bias", "llama"), ("llama_rope_llama3", "llama"), ("llama_rope_linear", "llama"),
    ("llama_rope_yarn", "llama"), ("llama_rope_dynamic", nil), ("mistral", "llama"), ("mistral", "mistral3"), ("qwen2", "qwen2"),
    ("qwen3", "qwen3"),
]

/// A folder that is removed with the last reference to it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/sirocco-loading-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
        return path + "/" + name
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }
}

/// The error that `body` throws; a test failure when it throws none.
func loadError(_ body: () throws(LoadError) -> some Any, _ location: SourceLocation = #_sourceLocation) -> LoadError? {
    do {
        _ = try body()
        Issue.record("no error was thrown", sourceLocation: location)
        return nil
    } catch {
        return error
    }
}

extension ModelWeights {
    /// Every weight's bytes by its Hugging Face name; vectors as F32.
    func byName() -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        func put(_ name: String, _ matrix: WeightMatrix) { result[name] = matrix.unpacked() }
        func put(_ name: String, _ vector: [Float]?) {
            if let vector { result[name] = vector.withUnsafeBytes { Array($0) } }
        }
        put("model.embed_tokens.weight", embedding)
        put("model.norm.weight", finalNorm)
        put("lm_head.weight", output)
        for (index, layer) in layers.enumerated() {
            let prefix = "model.layers.\(index)."
            put(prefix + "input_layernorm.weight", layer.attentionNorm)
            put(prefix + "post_attention_layernorm.weight", layer.feedForwardNorm)
            for (name, matrix, bias) in [
                ("self_attn.q_proj", layer.q, layer.qBias), ("self_attn.k_proj", layer.k, layer.kBias),
                ("self_attn.v_proj", layer.v, layer.vBias), ("self_attn.o_proj", layer.o, layer.oBias),
                ("mlp.gate_proj", layer.gate, layer.gateBias), ("mlp.up_proj", layer.up, layer.upBias),
                ("mlp.down_proj", layer.down, layer.downBias),
            ] {
                put(prefix + name + ".weight", matrix)
                put(prefix + name + ".bias", bias)
            }
            put(prefix + "self_attn.q_norm.weight", layer.qNorm)
            put(prefix + "self_attn.k_norm.weight", layer.kNorm)
        }
        return result
    }
}

/// A tensor's bytes as `byName` gives them: vectors widened to F32.
func expectedBytes(_ tensor: RawTensor) -> [UInt8] {
    tensor.shape.count == 1 ? tensor.floats.withUnsafeBytes { Array($0) } : tensor.bytes
}
