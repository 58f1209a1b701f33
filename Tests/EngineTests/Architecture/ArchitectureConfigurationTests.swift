// Configurations: what is understood, what is left out, and what is refused by name.
import Engine
import JSON
import TestSupport
import Testing

@Suite struct ArchitectureConfigurationTests {
    /// The fixture's configuration with members replaced; null in `changes` means "set to null".
    private func config(_ family: String, legacy: Bool = false, without: [String] = [], _ changes: [(String, JSONValue)]) throws
        -> JSONValue
    {
        var object = try Fixtures.json("fixtures/families/\(family)/config\(legacy ? ".legacy" : "").json").objectValue!
        for key in without { object[key] = nil }
        for (key, value) in changes { object[key] = value }
        return .object(object)
    }

    private func architecture(
        _ family: String, legacy: Bool = false, without: [String] = [], _ changes: [(String, JSONValue)] = []
    ) throws -> Architecture {
        try Architecture(huggingFace: config(family, legacy: legacy, without: without, changes))
    }

    private func key(_ family: String, legacy: Bool = false, without: [String] = [], _ changes: [(String, JSONValue)]) throws -> String {
        let config = try config(family, legacy: legacy, without: without, changes)
        switch loadError({ () throws(LoadError) in try Architecture(huggingFace: config) }) {
        case .unsupportedKey(_, let key, _): return "unsupported \(key)"
        case .missingKey(_, let key): return "missing \(key)"
        case .wrongType(_, let key, _, _): return "type \(key)"
        case .outOfRange(_, let key, _, _): return "range \(key)"
        case .unsupported(let architecture, _): return "architecture \(architecture)"
        case .contradiction(_, let what): return "contradiction \(what.prefix(30))"
        case let other: return "\(String(describing: other))"
        }
    }

    @Test func refusals() throws {
        let cases: [(String, [(String, JSONValue)], String)] = [
            ("llama", [("model_type", "mamba")], "architecture mamba"), ("llama", [("model_type", .null)], "missing model_type"),
            ("llama", [("architectures", ["LlamaForSequenceClassification"])], "architecture LlamaForSequenceClassification"),
            ("llama", [("hidden_act", "gelu")], "unsupported hidden_act"),
            ("llama", [("quantization_config", [("quant_method", "gptq")].json)], "unsupported quantization_config"),
            ("llama", [("query_pre_attn_scalar", 256)], "unsupported query_pre_attn_scalar"),
            ("llama", [("sliding_window", 16)], "unsupported sliding_window"), ("llama", [("num_experts", 8)], "unsupported num_experts"),
            ("mistral", [("attention_bias", true)], "unsupported attention_bias"), ("qwen2", [("mlp_bias", true)], "unsupported mlp_bias"),
            ("qwen3", [("mlp_bias", true)], "unsupported mlp_bias"),
            ("llama", [("partial_rotary_factor", 0.5)], "unsupported partial_rotary_factor"),
            ("llama", [("hidden_size", 0)], "range hidden_size"), ("llama", [("hidden_size", 48.5)], "range hidden_size"),
            ("llama", [("hidden_size", "48")], "type hidden_size"), ("llama", [("hidden_size", .null)], "missing hidden_size"),
            ("llama", [("num_hidden_layers", 100_000)], "range num_hidden_layers"),
            ("llama", [("num_key_value_heads", 3)], "range num_key_value_heads"), ("llama", [("head_dim", 15)], "range head_dim"),
            ("llama", [("rms_norm_eps", 0)], "range rms_norm_eps"), ("llama", [("rms_norm_eps", true)], "type rms_norm_eps"),
            ("llama", [("vocab_size", JSONValue(Int.max))], "range vocab_size"), ("llama", [("mlp_bias", 1)], "type mlp_bias"),
            ("llama", [("rope_parameters", [("rope_type", "longrope")].json)], "unsupported rope_parameters.rope_type"),
            ("llama", [("rope_parameters", [("rope_type", "linear")].json)], "missing rope_parameters.factor"),
            ("llama", [("rope_parameters", [("rope_type", "linear"), ("factor", -1)].json)], "range rope_parameters.factor"),
            ("llama", [("rope_parameters", [("rope_type", "default"), ("factor", 4)].json)], "unsupported rope_parameters.factor"),
            ("llama", [("rope_parameters", [("mrope_section", [1, 2])].json)], "unsupported rope_parameters.mrope_section"),
            (
                "llama", [("rope_parameters", [("full_attention", [("rope_theta", 1e4)].json)].json)],
                "unsupported rope_parameters.full_attention"
            ),
            ("llama", [("rope_parameters", [("rope_theta", 0)].json)], "range rope_parameters.rope_theta"),
            (
                "llama", [("rope_parameters", [("rope_type", "dynamic"), ("factor", 2), ("original_max_position_embeddings", 7)].json)],
                "unsupported rope_parameters.original_max_position_embeddings"
            ),
            (
                "llama",
                [
                    (
                        "rope_parameters",
                        [("rope_type", "llama3"), ("factor", 8), ("low_freq_factor", 4), ("high_freq_factor", 1)].json
                    )
                ], "range rope_parameters.high_freq_factor"
            ),
            (
                "llama", [("rope_scaling", [("type", "linear"), ("factor", 2)].json)],
                "contradiction rope_parameters and rope_scali"
            ),
            (
                "llama", [("rope_parameters", [("type", "yarn"), ("rope_type", "linear")].json)],
                "contradiction rope_parameters.rope_type is '"
            ),
            ("qwen2", [("layer_types", ["full_attention"])], "contradiction layer_types has 1 entries for "),
            ("qwen2", [("use_sliding_window", false)], "contradiction layer_types asks for sliding a"),
            ("qwen3", [("layer_types", ["full_attention", "linear_attention", "x", "y"])], "unsupported layer_types"),
            ("mistral", [("sliding_window", 0)], "range sliding_window"),
        ]
        for (family, changes, expected) in cases { #expect(try key(family, changes) == expected, "\(family) \(changes)") }
        #expect(
            loadError { () throws(LoadError) in try Architecture(huggingFace: [1]) }
                == .wrongType(file: "config.json", key: "the configuration", expected: "an object", found: "array"))
    }

    @Test func whatSaysNothingIsLeftOut() throws {
        let plain = try architecture("llama")
        #expect(
            try architecture(
                "llama",
                [
                    ("_name_or_path", "x"), ("quantization_config", .null), ("use_sliding_window", false),
                    ("pruned_heads", .object(JSONObject())),
                    ("temperature", 0.7), ("hidden_act", "swish"), ("torch_dtype", "bfloat16"),
                ]) == plain)
        #expect(
            try architecture("llama", without: ["head_dim", "architectures", "hidden_act"], [("head_dim", .null)]).layers[0].attention
                .headSize == 12)
        #expect(try architecture("llama", without: ["num_key_value_heads"]).layers[0].attention.keyValueHeads == 4)
        #expect(try architecture("llama", without: ["max_position_embeddings"]).contextLength == 2048)
        #expect(try architecture("llama", legacy: true, without: ["rope_theta"]).ropes[0].theta == 10000)
    }

    @Test func familiesDiffer() throws {
        let bias = try architecture("llama_bias").layers[0]
        #expect(bias.attention.inputBias && bias.attention.outputBias && bias.feedForward.hasBias)
        let qwen2 = try architecture("qwen2").layers[0]
        #expect(qwen2.attention.inputBias && !qwen2.attention.outputBias && !qwen2.feedForward.hasBias && !qwen2.attention.qkNorm)
        let qwen3 = try architecture("qwen3")
        #expect(qwen3.layers[0].attention.qkNorm && !qwen3.layers[0].attention.inputBias && qwen3.tiedOutput)
        #expect(try architecture("qwen3", without: ["head_dim"]).layers[0].attention.headSize == 128)
        #expect(try architecture("mistral", without: ["sliding_window"]).layers[0].attention.window == 4096)
        #expect(try architecture("mistral", [("sliding_window", .null)]).layers[0].attention.window == nil)
        #expect(
            try architecture("qwen2", without: ["layer_types"], [("max_window_layers", 1)]).layers.map(\.attention.window)
                == [nil, 16, 16, 16])
        #expect(try architecture("qwen2", without: ["layer_types", "max_window_layers"]).layers.allSatisfy { $0.attention.window == nil })
        #expect(
            try architecture("qwen2", without: ["layer_types", "sliding_window"], [("max_window_layers", 3)]).layers.map(\.attention.window)
                == [nil, nil, nil, 4096])
    }

    @Test func ropesAreRead() throws {
        func scaling(_ rope: [(String, JSONValue)], _ more: [(String, JSONValue)] = []) throws -> RopeScaling {
            try architecture("llama", legacy: true, more + [("rope_scaling", rope.json)]).ropes[0].scaling
        }
        #expect(try scaling([("type", "linear"), ("factor", 2.5)]) == .linear(factor: 2.5))
        #expect(try scaling([("type", "dynamic"), ("factor", 2)]) == .dynamic(factor: 2, originalLength: 128))
        #expect(try scaling([("type", "default")]) == .none)
        // YaRN: the original length defaults to the whole; a null factor is the ratio; Phi-3's outer key wins.
        #expect(try scaling([("rope_type", "yarn"), ("factor", 4)]) == .yarn(.init(factor: 4, originalLength: 128)))
        #expect(
            try scaling([("rope_type", "yarn"), ("factor", .null), ("original_max_position_embeddings", 32)])
                == .yarn(.init(factor: 4, originalLength: 32)))
        #expect(
            try scaling(
                [("rope_type", "yarn"), ("factor", 4), ("original_max_position_embeddings", 32)], [("original_max_position_embeddings", 64)]
            )
                == .yarn(.init(factor: 4, originalLength: 64)))
        #expect(
            try scaling([
                ("rope_type", "yarn"), ("factor", 4), ("attention_factor", 0.5), ("beta_fast", 16), ("beta_slow", 2), ("truncate", false),
            ]) == .yarn(.init(factor: 4, originalLength: 128, betaFast: 16, betaSlow: 2, truncate: false, attentionFactor: 0.5)))
        guard case .yarn(let equal) = try scaling([("rope_type", "yarn"), ("factor", 40), ("mscale", 1), ("mscale_all_dim", 1)]) else {
            Issue.record("no YaRN")
            return
        }
        #expect(equal.attentionFactor == 1)
        #expect(try key("llama", [("original_max_position_embeddings", 64)]) == "unsupported original_max_position_embeddings")
    }

    /// GGUF keys: one changed or added to the Llama fixture's metadata.
    @Test func ggufKeys() throws {
        func outcome(_ key: String, _ value: GGUFWriter.Value) throws -> String {
            var writer = try GGUFModel(architecture: "llama", fixture: "fixtures/families/llama").writer()
            writer.metadata.removeAll { $0.0 == key }
            writer.metadata.append((key, value))
            let file = try GGUFFile(bytes: writer.bytes())
            do throws(LoadError) {
                let architecture = try Architecture(gguf: file)
                return "\(architecture.ropes[0].scaling.name) \(architecture.layers.map { $0.attention.window ?? 0 })"
            } catch {
                switch error {
                case .unsupportedKey(_, let key, _): return "unsupported \(key)"
                case .outOfRange(_, let key, _, _): return "range \(key)"
                case .wrongType(_, let key, _, _): return "type \(key)"
                case .unsupported(let architecture, _): return "architecture \(architecture)"
                default: return "\(error)"
                }
            }
        }
        let cases: [(String, GGUFWriter.Value, String)] = [
            ("general.architecture", .string("gemma2"), "architecture gemma2"),
            ("general.architecture", .uint8(1), "type general.architecture"),
            ("general.type", .string("adapter"), "unsupported general.type"), ("split.count", .uint16(2), "unsupported split.count"),
            ("llama.expert_count", .uint32(8), "unsupported llama.expert_count"),
            ("llama.expert_count", .uint32(0), "default [0, 0, 0, 0]"),
            ("llama.logit_scale", .float32(0.5), "unsupported llama.logit_scale"),
            ("llama.attention.clamp_kqv", .float32(8), "unsupported llama.attention.clamp_kqv"),
            ("llama.attention.causal", .bool(false), "unsupported llama.attention.causal"),
            ("llama.attention.value_length", .uint32(8), "unsupported llama.attention.value_length"),
            ("llama.attention.head_count", .string("4"), "type llama.attention.head_count"),
            ("llama.attention.head_count", .float32(4), "type llama.attention.head_count"),
            ("llama.attention.head_count", .array([.uint32(4), .uint32(4)]), "type llama.attention.head_count"),
            ("llama.attention.head_count", .array((0..<4).map { _ in .uint32(4) }), "default [0, 0, 0, 0]"),
            ("llama.attention.head_count_kv", .uint32(3), "range llama.attention.head_count_kv"),
            ("llama.attention.head_count_kv", .int32(-1), "range llama.attention.head_count_kv"),
            ("llama.block_count", .uint64(.max), "range llama.block_count"),
            ("llama.attention.layer_norm_rms_epsilon", .float32(.nan), "range llama.attention.layer_norm_rms_epsilon"),
            ("llama.rope.dimension_count", .uint32(15), "range llama.rope.dimension_count"),
            ("llama.rope.dimension_count", .uint32(18), "range llama.rope.dimension_count"),
            ("llama.rope.scaling.type", .string("longrope"), "unsupported llama.rope.scaling.type"),
            ("llama.rope.scaling.type", .string("yarn"), "range llama.rope.scaling.factor"),
            ("llama.rope.scaling.factor", .float32(2), "linear [0, 0, 0, 0]"),
            ("llama.rope.scale_linear", .float32(2), "linear [0, 0, 0, 0]"),
            ("llama.attention.sliding_window", .uint32(7), "default [7, 7, 7, 7]"),
            ("llama.attention.temperature_scale", .float32(0.1), "unsupported llama.attention.temperature_scale"),
            ("llama.use_parallel_residual", .bool(true), "unsupported llama.use_parallel_residual"),
            ("llama.use_parallel_residual", .bool(false), "default [0, 0, 0, 0]"),
        ]
        for (key, value, expected) in cases { #expect(try outcome(key, value) == expected, "\(key) \(value)") }
    }
}
