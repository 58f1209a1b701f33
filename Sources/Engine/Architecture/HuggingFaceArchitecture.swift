// From config.json, in the form of transformers 4 (rope_theta, rope_scaling) or 5 (rope_parameters), to an Architecture.
public import JSON

extension Architecture {
    /// Reads a Hugging Face configuration. A key that is not understood and may change the arithmetic is refused by name.
    public init(huggingFace configuration: JSONValue, file: String = "config.json") throws(LoadError) {
        guard let object = configuration.objectValue else {
            throw .wrongType(file: file, key: "the configuration", expected: "an object", found: configuration.typeName)
        }
        var reader = ConfigurationReader(object, file: file)
        let family = try Self.family(&reader)
        let hidden = try reader.integer("hidden_size", in: 1...LoadLimits.width)
        let layerCount = try reader.integer("num_hidden_layers", in: 1...LoadLimits.layers)
        let context = try reader.integer(
            "max_position_embeddings", in: 1...LoadLimits.contextLength, default: family.contextLength)
        let attention = try Self.attention(&reader, family: family, hidden: hidden)
        let windows = try Self.windows(&reader, family: family, layers: layerCount)
        let feedForward = FeedForward.gated(
            size: try reader.integer("intermediate_size", in: 1...LoadLimits.width), activation: try Self.activation(&reader),
            bias: family.readsFeedForwardBias ? try reader.boolean("mlp_bias", default: false) : false)
        let rope = try Self.rope(&reader, headSize: attention.headSize, contextLength: context)
        self.init(
            family: family.name, hiddenSize: hidden,
            vocabularySize: try reader.integer("vocab_size", in: 1...LoadLimits.vocabulary), contextLength: context,
            layers: windows.map { window in
                var attention = attention
                attention.window = window
                return Layer(attention: attention, feedForward: feedForward)
            },
            normEpsilon: Float(try reader.positive("rms_norm_eps", upTo: 1, default: 1e-6)), ropes: [rope],
            tiedOutput: try reader.boolean("tie_word_embeddings", default: false))
        try reader.finish(harmless: Self.harmlessKeys)
    }

    /// Keys of configurations that say nothing about how logits follow from tokens: training, generation, bookkeeping.
    static let harmlessKeys: Set<String> = [
        "attention_dropout", "auto_map", "bad_words_ids", "begin_suppress_tokens", "bos_token_id", "chunk_size_feed_forward",
        "decoder_start_token_id", "diversity_penalty", "do_sample", "dtype", "early_stopping", "embd_pdrop",
        "encoder_no_repeat_ngram_size", "eos_token_id", "exponential_decay_length_penalty", "finetuning_task", "forced_bos_token_id",
        "forced_eos_token_id", "hidden_dropout", "hidden_dropout_prob", "id2label", "initializer_range", "keys_to_ignore_at_inference",
        "label2id", "length_penalty", "max_length", "max_new_tokens", "min_length", "model_max_length", "no_repeat_ngram_size",
        "num_beam_groups", "num_beams", "num_return_sequences", "output_attentions", "output_hidden_states", "output_scores",
        "pad_token_id", "prefix", "pretraining_tp", "problem_type", "remove_invalid_values", "repetition_penalty", "resid_pdrop",
        "return_dict", "return_dict_in_generate", "sep_token_id", "suppress_tokens", "task_specific_params", "temperature",
        "tf_legacy_loss", "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript", "transformers.js_config",
        "transformers_version", "typical_p", "unk_token_id", "unsloth_fixed", "unsloth_version", "use_bfloat16", "use_cache",
    ]

    private static func family(_ reader: inout ConfigurationReader) throws(LoadError) -> Family {
        guard let type = try reader.string("model_type") else { throw .missingKey(file: reader.file, key: "model_type") }
        guard let family = Family.huggingFace[type] else { throw .unsupported(architecture: type, file: reader.file) }
        if let classes = try reader.strings("architectures"), !classes.contains(family.className) {
            throw .unsupported(architecture: classes.joined(separator: ", "), file: reader.file)
        }
        return family
    }

    private static func activation(_ reader: inout ConfigurationReader) throws(LoadError) -> Activation {
        let name = try reader.string("hidden_act") ?? "silu"
        // "swish" is transformers' other name for the same function.
        guard let activation = Activation(rawValue: name == "swish" ? "silu" : name) else {
            throw .unsupportedKey(file: reader.file, key: "hidden_act", value: quoted(name))
        }
        return activation
    }

    private static func attention(
        _ reader: inout ConfigurationReader, family: Family, hidden: Int
    ) throws(LoadError) -> Attention {
        let heads = try reader.integer("num_attention_heads", in: 1...LoadLimits.width)
        let keyValueHeads = try reader.integer(
            "num_key_value_heads", in: 1...LoadLimits.width,
            default: reader.contains("num_key_value_heads") ? heads : family.keyValueHeads ?? heads)
        guard heads % keyValueHeads == 0 else {
            throw .outOfRange(
                file: reader.file, key: "num_key_value_heads", value: "\(keyValueHeads)",
                range: "a divisor of num_attention_heads (\(heads))")
        }
        let headSize = try reader.integer("head_dim", in: 2...LoadLimits.width, default: family.headSize ?? hidden / heads)
        guard headSize > 0, headSize % 2 == 0 else {
            throw .outOfRange(file: reader.file, key: "head_dim", value: "\(headSize)", range: "even, for the rotary embedding")
        }
        let bias = family.readsAttentionBias ? try reader.boolean("attention_bias", default: false) : false
        return Attention(
            heads: heads, keyValueHeads: keyValueHeads, headSize: headSize, scale: Float(1 / Double(headSize).squareRoot()),
            qkNorm: family.qkNorm, inputBias: bias || family.inputBias, outputBias: bias)
    }

    /// Each layer's window.
    private static func windows(
        _ reader: inout ConfigurationReader, family: Family, layers: Int
    ) throws(LoadError) -> [Int?] {
        let range = 1...LoadLimits.contextLength
        switch family.window {
        case .none:
            return Array(repeating: nil, count: layers)
        case .allLayers(let standard):
            // null says "no window", absence says the class's default.
            let window =
                reader.value("sliding_window") == nil && reader.contains("sliding_window")
                ? nil : try reader.integer("sliding_window", in: range, default: standard)
            return Array(repeating: window, count: layers)
        case .byLayer:
            let used = try reader.boolean("use_sliding_window", default: false)
            var window: Int?
            if used, reader.value("sliding_window") != nil || !reader.contains("sliding_window") {
                window = try reader.integer("sliding_window", in: range, default: 4096)
            } else {
                _ = reader.value("sliding_window")
            }
            let firstWindowed = try reader.integer("max_window_layers", in: 0...Int.max, default: 28)
            guard let types = try reader.strings("layer_types") else {
                return (0..<layers).map { $0 >= firstWindowed ? window : nil }
            }
            guard types.count == layers else {
                throw .contradiction(
                    file: reader.file, what: "layer_types has \(types.count) entries for \(layers) layers")
            }
            return try windows(types: types, window: window, file: reader.file)
        }
    }

    private static func windows(types: [String], window: Int?, file: String) throws(LoadError) -> [Int?] {
        var windows: [Int?] = []
        for type in types {
            switch type {
            case "full_attention": windows.append(nil)
            case "sliding_attention":
                guard let window else {
                    throw .contradiction(
                        file: file, what: "layer_types asks for sliding attention, but use_sliding_window or sliding_window says none")
                }
                windows.append(window)
            default: throw .unsupportedKey(file: file, key: "layer_types", value: quoted(type))
            }
        }
        return windows
    }
}
