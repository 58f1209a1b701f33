// The families the engine computes: what sets each apart, under Hugging Face's and GGUF's names.

/// The constants of a family: what its configuration leaves unsaid. Values are those of transformers' configuration classes.
struct Family: Sendable {
    /// `model_type`.
    var name: String
    /// The class that `architectures` must name.
    var className: String
    var keyValueHeads: Int?
    /// head_dim when the configuration has none; nil: hidden / heads.
    var headSize: Int?
    var contextLength: Int
    /// Whether q and k heads are normed.
    var qkNorm = false
    /// Biases of q, k and v that no key announces.
    var inputBias = false
    /// Whether `attention_bias` and `mlp_bias` are keys of this family.
    var readsAttentionBias = false
    var readsFeedForwardBias = false
    /// How its sliding window is declared.
    var window: WindowRule

    enum WindowRule: Sendable {
        case none
        /// `sliding_window` holds for every layer; this value when the key is absent (null: none).
        case allLayers(default: Int)
        /// `use_sliding_window`, `sliding_window`, and `layer_types` or else `max_window_layers`.
        case byLayer
    }

    static let huggingFace: [String: Family] = Dictionary(
        uniqueKeysWithValues: [
            Family(
                name: "llama", className: "LlamaForCausalLM", contextLength: 2048, readsAttentionBias: true,
                readsFeedForwardBias: true, window: .none),
            Family(
                name: "mistral", className: "MistralForCausalLM", keyValueHeads: 8, contextLength: 4096 * 32,
                window: .allLayers(default: 4096)),
            Family(
                name: "qwen2", className: "Qwen2ForCausalLM", keyValueHeads: 32, contextLength: 32768, inputBias: true,
                window: .byLayer),
            Family(
                name: "qwen3", className: "Qwen3ForCausalLM", keyValueHeads: 32, headSize: 128, contextLength: 32768, qkNorm: true,
                readsAttentionBias: true, window: .byLayer),
        ].map { ($0.name, $0) })

    /// `general.architecture`, and whether the file's Q and K rows are in the order of the interleaved rope.
    static let gguf: [String: (family: String, interleaved: Bool, qkNorm: Bool)] = [
        "llama": ("llama", true, false), "mistral3": ("mistral", true, false), "qwen2": ("qwen2", false, false),
        "qwen3": ("qwen3", false, true),
    ]
}

extension Architecture {
    /// The names under which families are recognised.
    public static let supportedFamilies = ["llama", "mistral", "qwen2", "qwen3"]
}
