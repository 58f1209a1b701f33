// From GGUF metadata, under llama.cpp's keys, to an Architecture.

extension Architecture {
    /// Reads a GGUF file's metadata, the names of its tensors (biases and a separate output announce themselves only there), and its
    /// `rope_freqs` tensor. A key of the architecture's namespace that is not understood is refused by name.
    public init(gguf file: GGUFFile) throws(LoadError) {
        let source = try WeightSource(convention: .gguf, files: [file.file], tensors: file.tensors)
        try self.init(gguf: file, source: source)
    }

    init(gguf file: GGUFFile, source: WeightSource) throws(LoadError) {
        let name = file.file.name
        guard let architecture = file.value("general.architecture") else { throw .missingKey(file: name, key: "general.architecture") }
        guard let type = architecture.stringValue else {
            throw .wrongType(file: name, key: "general.architecture", expected: "a string", found: architecture.typeName)
        }
        guard let family = Family.gguf[type] else { throw .unsupported(architecture: type, file: name) }
        try Self.checkKind(file)
        var reader = GGUFReader(file, prefix: type + ".")
        let hidden = try reader.integer("embedding_length", in: 1...LoadLimits.width)
        let layerCount = try reader.integer("block_count", in: 1...LoadLimits.layers)
        let context = try reader.integer("context_length", in: 1...LoadLimits.contextLength)
        let heads = try reader.integers("attention.head_count", count: layerCount, in: 1...LoadLimits.width)
        let keyValueHeads = try reader.integers(
            "attention.head_count_kv", count: layerCount, in: 1...LoadLimits.width, default: heads)
        let sizes = try reader.integers("feed_forward_length", count: layerCount, in: 1...LoadLimits.width)
        let headSize = try reader.integer("attention.key_length", in: 2...LoadLimits.width, default: hidden / heads[0])
        try Self.checkHeads(&reader, headSize: headSize, heads: heads, keyValueHeads: keyValueHeads)
        let scale = try reader.positive("attention.scale", upTo: 1e6, default: 1 / Double(headSize).squareRoot())
        let windows = try Self.windows(&reader, layers: layerCount)
        var layers: [Layer] = []
        for index in 0..<layerCount {
            func has(_ part: String) -> Bool { source.tensor("blk.\(index).\(part)") != nil }
            layers.append(
                Layer(
                    attention: Attention(
                        heads: heads[index], keyValueHeads: keyValueHeads[index], headSize: headSize, window: windows[index],
                        scale: Float(scale), qkNorm: family.qkNorm, inputBias: has("attn_q.bias") || has("attn_qkv.bias"),
                        outputBias: has("attn_output.bias")),
                    feedForward: .gated(size: sizes[index], activation: .silu, bias: has("ffn_up.bias"))))
        }
        self.init(
            family: family.family, hiddenSize: hidden, vocabularySize: try Self.vocabulary(&reader, source: source),
            contextLength: context, layers: layers,
            normEpsilon: Float(try reader.positive("attention.layer_norm_rms_epsilon", upTo: 1)),
            ropes: [try Self.rope(&reader, source: source, headSize: headSize, contextLength: context)],
            tiedOutput: source.tensor("output.weight") == nil)
        try Self.finish(&reader)
    }

    /// The file must hold a whole model.
    private static func checkKind(_ file: GGUFFile) throws(LoadError) {
        let name = file.file.name
        if let kind = file.value("general.type")?.stringValue, kind != "model" {
            throw .unsupportedKey(file: name, key: "general.type", value: quoted(kind))
        }
        if let parts = file.value("split.count")?.intValue, parts > 1 {
            throw .unsupportedKey(file: name, key: "split.count", value: "\(parts) (join the parts into one file)")
        }
    }

    private static func checkHeads(
        _ reader: inout GGUFReader, headSize: Int, heads: [Int], keyValueHeads: [Int]
    ) throws(LoadError) {
        let valueSize = try reader.integer("attention.value_length", in: 1...LoadLimits.width, default: headSize)
        guard valueSize == headSize else {
            throw .unsupportedKey(
                file: reader.file, key: reader.prefix + "attention.value_length", value: "\(valueSize), other than key_length")
        }
        guard headSize > 0, headSize % 2 == 0 else {
            throw .outOfRange(
                file: reader.file, key: reader.prefix + "attention.key_length", value: "\(headSize)",
                range: "even, for the rotary embedding")
        }
        for (heads, keyValueHeads) in zip(heads, keyValueHeads) where heads % keyValueHeads != 0 {
            throw .outOfRange(
                file: reader.file, key: reader.prefix + "attention.head_count_kv", value: "\(keyValueHeads)",
                range: "a divisor of attention.head_count (\(heads))")
        }
    }

    private static func windows(_ reader: inout GGUFReader, layers: Int) throws(LoadError) -> [Int?] {
        // 0 says "no window".
        let window = try reader.integer("attention.sliding_window", in: 0...LoadLimits.contextLength, default: 0)
        let key = "attention.sliding_window_pattern"
        guard let pattern = reader.value(key) else { return Array(repeating: window == 0 ? nil : window, count: layers) }
        if let period = pattern.intValue {
            // llama.cpp: every period-th layer sees everything; 0: none does.
            guard period >= 0 else {
                throw .outOfRange(file: reader.file, key: reader.prefix + key, value: "\(period)", range: "at least 0")
            }
            return (0..<layers).map { window != 0 && (period == 0 || $0 % period < period - 1) ? window : nil }
        }
        guard let flags = try pattern.arrayValue?.booleans() else {
            throw .wrongType(
                file: reader.file, key: reader.prefix + key, expected: "an integer or an array of booleans", found: pattern.typeName)
        }
        guard flags.count == layers else {
            throw .contradiction(file: reader.file, what: "\(reader.prefix + key) has \(flags.count) entries for \(layers) layers")
        }
        return flags.map { $0 && window != 0 ? window : nil }
    }

    private static func vocabulary(_ reader: inout GGUFReader, source: WeightSource) throws(LoadError) -> Int {
        // The embedding's rows count; the key, where there is one, must agree.
        guard let embedding = source.tensor("token_embd.weight"), embedding.shape.count == 2 else {
            throw .missingTensors(name: reader.file, tensors: ["token_embd.weight"])
        }
        let declared = try reader.integer("vocab_size", in: 1...LoadLimits.vocabulary, default: embedding.shape[0])
        guard declared == embedding.shape[0] else {
            throw .wrongShape(
                file: reader.file, tensor: embedding.name, expected: [declared, embedding.shape[1]], found: embedding.shape)
        }
        return declared
    }

    /// Keys that are right only with one value, and keys that say nothing about arithmetic.
    private static func finish(_ reader: inout GGUFReader) throws(LoadError) {
        for key in ["expert_count", "expert_used_count"] {
            if let value = reader.value(key), value.intValue != 0 { throw reader.unsupported(key, value) }
        }
        if let causal = reader.value("attention.causal"), causal.boolValue != true { throw reader.unsupported("attention.causal", causal) }
        if let scale = reader.value("logit_scale"), scale.doubleValue != 1 { throw reader.unsupported("logit_scale", scale) }
        // The epsilon of norms that these families do not have; how embeddings are pooled; who laid out the file.
        try reader.finish(harmless: ["attention.layer_norm_epsilon", "pooling_type", "tensor_data_layout"])
    }
}
