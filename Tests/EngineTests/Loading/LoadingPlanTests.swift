// The plan: element types, transforms, fused tensors, and what it refuses.
import Engine
import JSON
import TestSupport
import Testing

@Suite struct LoadingPlanTests {
    /// A tiny Llama: hidden 256, so that every block type has whole rows.
    static let config: JSONValue = [
        ("model_type", "llama"), ("hidden_size", 256), ("num_hidden_layers", 1), ("num_attention_heads", 4), ("num_key_value_heads", 2),
        ("head_dim", 64), ("intermediate_size", 256), ("vocab_size", 8), ("max_position_embeddings", 64), ("rms_norm_eps", 0.001),
        ("rope_theta", 10000.0), ("tie_word_embeddings", false),
    ].json

    static func tensors() -> [RawTensor] { allTensors }

    private static let allTensors: [RawTensor] = {
        var generator = SeededGenerator(seed: 7)
        func random(_ name: String, _ shape: [Int]) -> RawTensor {
            let count = shape.reduce(1, *)
            return RawTensor(name: name, shape: shape, values: (0..<count).map { _ in Float.random(in: -1...1, using: &generator) })
        }
        let layer = "model.layers.0."
        return [
            random("model.embed_tokens.weight", [8, 256]), random("model.norm.weight", [256]), random("lm_head.weight", [8, 256]),
            random(layer + "input_layernorm.weight", [256]), random(layer + "post_attention_layernorm.weight", [256]),
            random(layer + "self_attn.q_proj.weight", [256, 256]), random(layer + "self_attn.k_proj.weight", [128, 256]),
            random(layer + "self_attn.v_proj.weight", [128, 256]), random(layer + "self_attn.o_proj.weight", [256, 256]),
            random(layer + "mlp.gate_proj.weight", [256, 256]), random(layer + "mlp.up_proj.weight", [256, 256]),
            random(layer + "mlp.down_proj.weight", [256, 256]),
        ]
    }()

    static func open(config: JSONValue = config, _ tensors: [RawTensor]) throws -> (TemporaryFolder, ModelSource) {
        let folder = try TemporaryFolder()
        try folder.write("config.json", config.text())
        try folder.write("model.safetensors", SafetensorsWriter(tensors).bytes())
        return (folder, try ModelSource(path: folder.path))
    }

    @Test(arguments: ElementType.allCases)
    func everyElementTypeGoesThroughUnchanged(type: ElementType) throws {
        let raw = Self.tensors()
        let convert: @Sendable (RawTensor) -> (type: UInt32, bytes: [UInt8])? = { tensor in
            var generator = SeededGenerator(seed: UInt64(tensor.bytes.count) &* 31 &+ UInt64(tensor.name.utf8.count))
            let count = tensor.shape[0] * (type.rowBytes(columns: tensor.shape[1]) ?? 0)
            return (type.rawValue, randomBytes(count, using: &generator))
        }
        let folder = try TemporaryFolder()
        for architecture in ["llama", "qwen2"] {
            var tensors = raw
            if architecture == "qwen2" {
                for part in ["q", "k", "v"] {
                    let count = part == "q" ? 256 : 128
                    tensors.append(
                        RawTensor(
                            name: "model.layers.0.self_attn.\(part)_proj.bias", shape: [count],
                            values: (0..<count).map { Float($0) }))
                }
            }
            let model = GGUFModel(architecture: architecture, config: Self.config, tensors: tensors, convert: convert)
            let path = try folder.write("\(architecture).gguf", model.writer().bytes())
            let loaded = try Model.load(ModelSource(path: path)).weights
            #expect(loaded.layers[0].q.type == type)
            let byName = loaded.byName()
            for tensor in tensors {
                let expected = tensor.shape.count == 2 ? convert(tensor)?.bytes : expectedBytes(tensor)
                #expect(byName[tensor.name] == expected, "\(architecture) \(tensor.name)")
            }
        }
    }

    @Test func halfPrecisionVectorsAreWidened() throws {
        // Every half-precision number, against the hardware's own conversion.
        let halves = (0...UInt16.max).map { $0 }
        for start in stride(from: 0, to: halves.count, by: 256 * 64) {
            let part = Array(halves[start..<start + 256])
            var tensors = Self.tensors()
            tensors[1] = RawTensor(name: "model.norm.weight", type: "F16", shape: [256], bytes: part.flatMap { littleEndian($0) })
            let (folder, source) = try Self.open(tensors)
            let norm = try Model.load(source).weights.finalNorm
            withExtendedLifetime(folder) {}
            for (bits, value) in zip(part, norm) {
                let expected = halfValue(bits)
                #expect(value == expected || (value.isNaN && expected.isNaN), "\(bits)")
            }
        }
    }

    /// sign · 2^(e-25) · (1024 + f), computed without bit tricks.
    private func halfValue(_ bits: UInt16) -> Float {
        let sign: Double = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10) & 31
        let fraction = Double(bits & 1023)
        if exponent == 31 { return fraction == 0 ? Float(sign) * .infinity : .nan }
        var value = exponent == 0 ? fraction : fraction + 1024
        for _ in 0..<25 { value /= 2 }
        for _ in 0..<max(exponent, 1) { value *= 2 }
        return Float(sign * value)
    }

    @Test func fusedTensorsAreSplitInPlace() throws {
        let raw = Self.tensors()
        let byName = Dictionary(uniqueKeysWithValues: raw.map { ($0.name, $0) })
        func join(_ name: String, _ parts: [String]) -> RawTensor {
            let tensors = parts.map { byName["model.layers.0." + $0]! }
            return RawTensor(
                name: "model.layers.0." + name, type: "F32", shape: [tensors.reduce(0) { $0 + $1.shape[0] }, 256],
                bytes: tensors.flatMap(\.bytes))
        }
        let separate = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"]
        var fused = raw.filter { tensor in !separate.contains { tensor.name.contains($0) } }
        fused.append(join("self_attn.qkv_proj.weight", separate.prefix(3).map { $0 + ".weight" }))
        fused.append(join("mlp.gate_up_proj.weight", separate.suffix(2).map { $0 + ".weight" }))
        let (folder, source) = try Self.open(fused)
        let plan = try source.plan()
        #expect(plan.step(.layer(0, .k))?.rows == 256..<384)
        #expect(plan.memory.copied == 0)
        let loaded = try Model.load(source).weights.byName()
        for tensor in raw { #expect(loaded[tensor.name] == expectedBytes(tensor), "\(tensor.name)") }
        withExtendedLifetime(folder) {}
    }

    @Test func unevenOffsetsAreCopied() throws {
        // A tensor of one byte in front puts every other one on an odd address; it may stand there because nothing reads inv_freq.
        let odd = RawTensor(name: "model.layers.0.self_attn.rotary_emb.inv_freq", type: "U8", shape: [1], bytes: [9])
        let (folder, source) = try Self.open([odd] + Self.tensors())
        let plan = try source.plan()
        #expect(plan.ignored == [odd.name])
        #expect(plan.memory.mapped == 0)
        let loaded = try Model.load(source).weights.byName()
        for tensor in Self.tensors() { #expect(loaded[tensor.name] == expectedBytes(tensor), "\(tensor.name)") }
        withExtendedLifetime(folder) {}
    }

    @Test func whatDoesNotFitIsRefused() throws {
        func failure(_ change: (inout [RawTensor]) -> Void) throws -> LoadError? {
            var tensors = Self.tensors()
            change(&tensors)
            let (folder, source) = try Self.open(tensors)
            defer { withExtendedLifetime(folder) {} }
            let error = loadError { () throws(LoadError) in try source.plan() }
            return error
        }
        func name(_ error: LoadError?) -> String {
            switch error {
            case .missingTensors(_, let tensors): "missing \(tensors)"
            case .unexpectedTensors(_, let tensors): "unexpected \(tensors)"
            case .wrongShape(_, let tensor, let expected, let found): "shape \(tensor) \(expected) \(found)"
            case .unsupportedTensorType(_, let tensor, let type): "type \(tensor) \(type)"
            default: "\(String(describing: error))"
            }
        }
        #expect(name(try failure { $0.remove(at: 2) }) == #"missing ["lm_head.weight"]"#)
        #expect(
            name(try failure { $0.append(.init(name: "model.layers.1.mlp.up_proj.weight", shape: [1], values: [0])) })
                == #"unexpected ["model.layers.1.mlp.up_proj.weight"]"#)
        #expect(
            name(
                try failure {
                    $0.append(.init(name: "model.layers.0.self_attn.q_proj.bias", shape: [256], values: .init(repeating: 0, count: 256)))
                })
                == #"unexpected ["model.layers.0.self_attn.q_proj.bias"]"#)
        #expect(
            name(try failure { $0[0].shape = [256, 8] }) == "shape model.embed_tokens.weight [8, 256] [256, 8]")
        #expect(
            name(try failure { $0[1].shape = [1, 256] }) == "shape model.norm.weight [256] [1, 256]")
        #expect(
            name(
                try failure {
                    $0[5].type = "F64"
                    $0[5].bytes += $0[5].bytes
                }) == "type model.layers.0.self_attn.q_proj.weight F64")
        #expect(
            name(
                try failure {
                    $0[1].type = "F8_E4M3"
                    $0[1].bytes = Array($0[1].bytes.prefix(256))
                }) == "type model.norm.weight F8_E4M3")
    }

    @Test func aTiedModelMayCarryItsOutput() throws {
        var object = Self.config.objectValue!
        object["tie_word_embeddings"] = true
        let (folder, source) = try Self.open(config: .object(object), Self.tensors())
        #expect(try source.plan().ignored == ["lm_head.weight"])
        withExtendedLifetime(folder) {}
    }
}

extension [(String, JSONValue)] {
    var json: JSONValue { .object(JSONObject(self)) }
}

/// Bytes eight at a time, quickly enough for unoptimised tests.
func randomBytes(_ count: Int, using generator: inout SeededGenerator) -> [UInt8] {
    let words = (0..<(count + 7) / 8).map { _ in generator.next() }
    return words.withUnsafeBytes { Array($0.prefix(count)) }
}
