public import JSON

// A Hugging Face checkpoint written as GGUF the way llama.cpp's converter does: its names, its keys, its order of Q and K rows.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Turns a configuration (transformers 5's form) and its tensors into a GGUF file.
public struct GGUFModel: Sendable {
    /// `general.architecture`; its Q and K rows are interleaved when it is "llama" or "mistral3".
    public var architecture: String
    public var config: JSONValue
    public var tensors: [RawTensor]
    /// Gives a matrix another type: GGML's number and the bytes, by the Hugging Face name; nil leaves it.
    public var convert: (@Sendable (RawTensor) -> (type: UInt32, bytes: [UInt8])?)?

    public init(
        architecture: String, config: JSONValue, tensors: [RawTensor],
        convert: (@Sendable (RawTensor) -> (type: UInt32, bytes: [UInt8])?)? = nil
    ) {
        self.architecture = architecture
        self.config = config
        self.tensors = tensors
        self.convert = convert
    }

    /// The fixture in a folder below `../shared`.
    public init(architecture: String, fixture: String) throws {
        self.init(
            architecture: architecture, config: try Fixtures.json(fixture + "/config.json"),
            tensors: try SafetensorsWriter.read(Fixtures.bytes(fixture + "/model.safetensors")))
    }

    private func integer(_ key: String) -> Int? { config[key]?.intValue }

    private var headSize: Int { integer("head_dim") ?? (integer("hidden_size") ?? 0) / (integer("num_attention_heads") ?? 1) }

    /// The writer, to be changed further or asked for its bytes.
    public func writer() -> GGUFWriter {
        let tied = config["tie_word_embeddings"]?.boolValue == true
        var written = tensors.filter { !(tied && $0.name == "lm_head.weight") }.map(tensor)
        if let factors = llama3Factors() {
            written.append(
                .init(
                    name: "rope_freqs.weight", shape: [UInt64(factors.count)],
                    bytes: factors.flatMap { littleEndian($0.bitPattern) }))
        }
        return GGUFWriter(metadata: metadata(), tensors: written)
    }

    private func metadata() -> [(String, GGUFWriter.Value)] {
        func count(_ key: String) -> GGUFWriter.Value { .uint32(UInt32(integer(key) ?? 0)) }
        let a = architecture
        var metadata: [(String, GGUFWriter.Value)] = [
            ("general.architecture", .string(a)), ("general.type", .string("model")), ("general.name", .string("fixture")),
            ("\(a).block_count", count("num_hidden_layers")), ("\(a).context_length", count("max_position_embeddings")),
            ("\(a).embedding_length", count("hidden_size")), ("\(a).feed_forward_length", count("intermediate_size")),
            ("\(a).attention.head_count", count("num_attention_heads")),
            ("\(a).attention.head_count_kv", count("num_key_value_heads")),
            ("\(a).attention.key_length", .uint32(UInt32(headSize))), ("\(a).attention.value_length", .uint32(UInt32(headSize))),
            ("\(a).attention.layer_norm_rms_epsilon", .float32(Float(config["rms_norm_eps"]?.doubleValue ?? 0))),
            ("\(a).vocab_size", count("vocab_size")), ("\(a).rope.dimension_count", .uint32(UInt32(headSize))),
            ("general.file_type", .uint32(0)),
        ]
        if let window = integer("sliding_window"), config["use_sliding_window"]?.boolValue != false {
            metadata.append(("\(a).attention.sliding_window", .uint32(UInt32(window))))
            if let types = config["layer_types"]?.arrayValue {
                metadata.append(
                    ("\(a).attention.sliding_window_pattern", .array(types.map { .bool($0.stringValue == "sliding_attention") })))
            }
        }
        return metadata + ropeMetadata()
    }

    private func ropeMetadata() -> [(String, GGUFWriter.Value)] {
        guard let rope = config["rope_parameters"] ?? config["rope_scaling"] else { return [] }
        let theta = rope["rope_theta"]?.doubleValue ?? config["rope_theta"]?.doubleValue ?? 10000
        var metadata: [(String, GGUFWriter.Value)] = [("\(architecture).rope.freq_base", .float32(Float(theta)))]
        let type = rope["rope_type"]?.stringValue ?? "default"
        guard type == "linear" || type == "yarn" else { return metadata }
        metadata.append(("\(architecture).rope.scaling.type", .string(type)))
        metadata.append(("\(architecture).rope.scaling.factor", .float32(Float(rope["factor"]?.doubleValue ?? 1))))
        if let original = rope["original_max_position_embeddings"]?.intValue {
            metadata.append(("\(architecture).rope.scaling.original_context_length", .uint32(UInt32(original))))
        }
        return metadata
    }

    /// What llama.cpp's converter puts into `rope_freqs.weight` for Llama 3's scaling.
    private func llama3Factors() -> [Float]? {
        guard let rope = config["rope_parameters"] ?? config["rope_scaling"], rope["rope_type"]?.stringValue == "llama3",
            let factor = rope["factor"]?.doubleValue, let low = rope["low_freq_factor"]?.doubleValue,
            let high = rope["high_freq_factor"]?.doubleValue, let length = rope["original_max_position_embeddings"]?.doubleValue
        else { return nil }
        let theta = rope["rope_theta"]?.doubleValue ?? config["rope_theta"]?.doubleValue ?? 10000
        return (0..<headSize / 2).map { pair in
            let wavelength = 2 * Double.pi * pow(theta, Double(2 * pair) / Double(headSize))
            if wavelength < length / high { return 1 }
            if wavelength > length / low { return Float(factor) }
            let smooth = (length / wavelength - low) / (high - low)
            return Float(1 / ((1 - smooth) / factor + smooth))
        }
    }

    private func tensor(_ tensor: RawTensor) -> GGUFWriter.Tensor {
        let types: [String: UInt32] = ["F32": 0, "F16": 1, "BF16": 30]
        var type = types[tensor.type] ?? 0
        var bytes = tensor.bytes
        if tensor.shape.count == 2, let (newType, newBytes) = convert?(tensor) {
            type = newType
            bytes = newBytes
        }
        if architecture == "llama" || architecture == "mistral3" {
            if tensor.name.contains(".q_proj.") { bytes = interleaved(bytes, heads: integer("num_attention_heads") ?? 1) }
            if tensor.name.contains(".k_proj.") { bytes = interleaved(bytes, heads: integer("num_key_value_heads") ?? 1) }
        }
        return .init(name: Self.name(tensor.name), shape: tensor.shape.map(UInt64.init), type: type, bytes: bytes)
    }

    /// Rows (half, pair) of each head in the order (pair, half).
    private func interleaved(_ bytes: [UInt8], heads: Int) -> [UInt8] {
        let rows = heads * headSize
        let rowBytes = bytes.count / rows
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for head in 0..<heads {
            for pair in 0..<headSize / 2 {
                for half in 0..<2 {
                    let row = head * headSize + half * (headSize / 2) + pair
                    result += bytes[row * rowBytes..<(row + 1) * rowBytes]
                }
            }
        }
        return result
    }

    /// llama.cpp's name for a tensor.
    public static func name(_ name: String) -> String {
        let whole = [
            "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
            "lm_head.weight": "output.weight",
        ]
        if let name = whole[name] { return name }
        let parts = [
            "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
            "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
            "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
            "post_attention_layernorm": "ffn_norm",
        ]
        let pieces = name.split(separator: ".").map(String.init)
        guard pieces.count >= 5, pieces[0] == "model", pieces[1] == "layers" else {
            return name
        }
        let middle = pieces[3..<pieces.count - 1].joined(separator: ".")
        return "blk.\(pieces[2]).\(parts[middle] ?? middle).\(pieces[pieces.count - 1])"
    }
}
