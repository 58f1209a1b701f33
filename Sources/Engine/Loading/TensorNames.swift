// Where each weight of the decoder stands, and what files call it.

/// A place in `ModelWeights`.
public enum WeightSlot: Sendable, Hashable {
    /// The token embedding.
    case embedding
    /// The norm after the last layer.
    case finalNorm
    /// The projection onto the vocabulary.
    case output
    /// A slot of one layer, counted from 0.
    case layer(Int, LayerSlot)
}

/// A place in `LayerWeights`.
public enum LayerSlot: String, Sendable, Hashable, CaseIterable {
    /// The attention half.
    case attentionNorm, q, k, v, o, qBias, kBias, vBias, oBias, qNorm, kNorm
    /// The feed-forward half.
    case feedForwardNorm, gate, up, down, gateBias, upBias, downBias
}

extension WeightSlot: CustomStringConvertible {
    /// The slot's name, for messages.
    public var description: String {
        switch self {
        case .embedding: "embedding"
        case .finalNorm: "finalNorm"
        case .output: "output"
        case .layer(let index, let slot): "layers[\(index)].\(slot.rawValue)"
        }
    }
}

/// The names that one convention gives to slots.
struct TensorNames: Sendable {
    let embedding: String
    let finalNorm: String
    let output: String
    /// What precedes a layer's tensors, before and after its number.
    let layerPrefix: (String, String)
    let layer: [LayerSlot: String]
    /// Tensors that hold the rows of several slots one after another, in this order.
    let fused: [LayerSlot: (name: String, parts: [LayerSlot])]
    /// Tensors that can be left unread, because they follow from the configuration.
    let ignorable: @Sendable (String) -> Bool

    func name(_ slot: WeightSlot) -> String {
        switch slot {
        case .embedding: embedding
        case .finalNorm: finalNorm
        case .output: output
        case .layer(let index, let slot): layerName(index, layer[slot]!)
        }
    }

    func layerName(_ index: Int, _ part: String) -> String { layerPrefix.0 + String(index) + layerPrefix.1 + part }

    static func of(_ convention: WeightSource.Convention) -> TensorNames {
        switch convention {
        case .huggingFace: huggingFace
        case .gguf: gguf
        }
    }

    static let huggingFace = TensorNames(
        embedding: "model.embed_tokens.weight", finalNorm: "model.norm.weight", output: "lm_head.weight",
        layerPrefix: ("model.layers.", "."),
        layer: [
            .attentionNorm: "input_layernorm.weight", .q: "self_attn.q_proj.weight", .k: "self_attn.k_proj.weight",
            .v: "self_attn.v_proj.weight", .o: "self_attn.o_proj.weight", .qBias: "self_attn.q_proj.bias",
            .kBias: "self_attn.k_proj.bias", .vBias: "self_attn.v_proj.bias", .oBias: "self_attn.o_proj.bias",
            .qNorm: "self_attn.q_norm.weight", .kNorm: "self_attn.k_norm.weight",
            .feedForwardNorm: "post_attention_layernorm.weight", .gate: "mlp.gate_proj.weight", .up: "mlp.up_proj.weight",
            .down: "mlp.down_proj.weight", .gateBias: "mlp.gate_proj.bias", .upBias: "mlp.up_proj.bias",
            .downBias: "mlp.down_proj.bias",
        ],
        fused: fusions(
            ("self_attn.qkv_proj.weight", [.q, .k, .v]), ("self_attn.qkv_proj.bias", [.qBias, .kBias, .vBias]),
            ("mlp.gate_up_proj.weight", [.gate, .up]), ("mlp.gate_up_proj.bias", [.gateBias, .upBias])),
        // The angles of the rotary embedding, which old checkpoints store, and the masks of older ones.
        ignorable: { name in
            name.hasSuffix(".rotary_emb.inv_freq") || name.hasSuffix(".self_attn.bias") || name.hasSuffix(".self_attn.masked_bias")
        })

    static let gguf = TensorNames(
        embedding: "token_embd.weight", finalNorm: "output_norm.weight", output: "output.weight", layerPrefix: ("blk.", "."),
        layer: [
            .attentionNorm: "attn_norm.weight", .q: "attn_q.weight", .k: "attn_k.weight", .v: "attn_v.weight",
            .o: "attn_output.weight", .qBias: "attn_q.bias", .kBias: "attn_k.bias", .vBias: "attn_v.bias", .oBias: "attn_output.bias",
            .qNorm: "attn_q_norm.weight", .kNorm: "attn_k_norm.weight", .feedForwardNorm: "ffn_norm.weight",
            .gate: "ffn_gate.weight", .up: "ffn_up.weight", .down: "ffn_down.weight", .gateBias: "ffn_gate.bias",
            .upBias: "ffn_up.bias", .downBias: "ffn_down.bias",
        ],
        fused: fusions(("attn_qkv.weight", [.q, .k, .v]), ("attn_qkv.bias", [.qBias, .kBias, .vBias])),
        // rope_freqs is read into the Architecture; attn_rot_embd is what old converters stored in its place.
        ignorable: { $0 == "rope_freqs.weight" || $0.hasSuffix(".attn_rot_embd.weight") || $0.hasSuffix(".attn_rot_embd") })

    private static func fusions(_ list: (String, [LayerSlot])...) -> [LayerSlot: (name: String, parts: [LayerSlot])] {
        var result: [LayerSlot: (name: String, parts: [LayerSlot])] = [:]
        for (name, parts) in list {
            for part in parts { result[part] = (name, parts) }
        }
        return result
    }
}
