// Which type each tensor of a model gets: one type for all, or llama.cpp's mixtures by a tensor's role.

internal import Kernels

/// A named choice of types, as llama.cpp names them: "q8_0", "q4_k_m", ….
///
/// The mixtures are llama.cpp's (`llama_tensor_get_type`, 2026) for dense decoders: what the output is made of keeps more bits, and so do the value
/// projections and the second half of the feed-forward in some layers.
public struct QuantizationScheme: Sendable, Hashable {
    /// Its name, in small letters.
    public let name: String
    /// What most tensors become.
    public let base: ElementType
    /// llama.cpp's number for files of this scheme (`general.file_type`).
    let fileType: UInt32
    private let mixture: Mixture

    private enum Mixture: Sendable, Hashable {
        case uniform, dense, smallQ2K, q2K, q3KM, q3KL, q4KS, q4KM, q5KM, iq4, ternary, mxfp4
    }

    private init(_ name: String, _ base: ElementType, _ fileType: UInt32, _ mixture: Mixture = .uniform) {
        self.name = name
        self.base = base
        self.fileType = fileType
        self.mixture = mixture
    }

    /// All schemes, from the most bits to the fewest.
    public static let all: [QuantizationScheme] = [
        .init("f32", .f32, 0, .dense), .init("bf16", .bf16, 32, .dense), .init("f16", .f16, 1, .dense), .init("q8_0", .q8_0, 7),
        .init("q6_k", .q6_K, 18), .init("q5_1", .q5_1, 9), .init("q5_k_m", .q5_K, 17, .q5KM), .init("q5_k_s", .q5_K, 16),
        .init("q5_0", .q5_0, 8), .init("q4_1", .q4_1, 3), .init("q4_k_m", .q4_K, 15, .q4KM), .init("q4_k_s", .q4_K, 14, .q4KS),
        .init("q4_0", .q4_0, 2), .init("iq4_nl", .iq4_nl, 25, .iq4), .init("iq4_xs", .iq4_xs, 30, .iq4),
        .init("mxfp4", .mxfp4, 38, .mxfp4), .init("q3_k_l", .q3_K, 13, .q3KL), .init("q3_k_m", .q3_K, 12, .q3KM),
        .init("q3_k_s", .q3_K, 11), .init("q2_k", .q2_K, 10, .q2K), .init("q2_k_s", .q2_K, 21, .smallQ2K),
        .init("tq2_0", .tq2_0, 37, .ternary), .init("tq1_0", .tq1_0, 36, .ternary),
    ]

    /// The scheme of a name in any case; "q4_k" and its kin mean the medium mixture. Nil for an unknown one.
    public init?(named name: String) {
        let short = ["q3_k": "q3_k_m", "q4_k": "q4_k_m", "q5_k": "q5_k_m"]
        let name = name.lowercased()
        guard let scheme = Self.all.first(where: { $0.name == short[name] ?? name }) else { return nil }
        self = scheme
    }

    /// What a model's mixture depends on beside the tensor.
    struct Model {
        var layers: Int
        /// Query heads for each key/value head.
        var groupSize: Int
        var tiedOutput: Bool
        var hasImportance: Bool
    }

    /// The type of a matrix, whatever its width.
    func type(of slot: WeightSlot, columns: Int, in model: Model) -> ElementType {
        if mixture == .dense { return base }
        switch slot {
        case .output: return outputType(columns: columns)
        case .embedding:
            if model.tiedOutput { return outputType(columns: columns) }
            return mixture == .ternary ? .q4_K : mixture == .mxfp4 ? .q8_0 : base
        case .layer(let index, .v): return valueType(layer: index, model)
        case .layer(let index, .down): return downType(layer: index, model)
        case .layer(_, .o):
            return mixture == .q2K ? .q3_K : mixture == .q3KM ? .q4_K : mixture == .q3KL ? .q5_K : base
        default: return base
        }
    }

    private func outputType(columns: Int) -> ElementType {
        mixture == .mxfp4 || base == .q8_0 || columns % base.blockElements != 0 ? .q8_0 : .q6_K
    }

    private func valueType(layer: Int, _ model: Model) -> ElementType {
        let isGrouped = model.groupSize >= 4
        var type = base
        switch mixture {
        case .q2K: type = isGrouped ? .q4_K : .q3_K
        case .smallQ2K: type = isGrouped ? .q4_K : base
        case .q3KM: type = layer < 2 ? .q5_K : .q4_K
        case .q3KL: type = .q5_K
        case .iq4: type = isGrouped ? .q5_K : base
        case .q4KM, .q5KM: type = Self.getsMoreBits(layer, of: model.layers) ? .q6_K : base
        case .q4KS: type = layer < 4 ? .q5_K : base
        case .uniform, .dense, .ternary, .mxfp4: break
        }
        // llama.cpp's rule for models of 70 billion parameters, whose value projections are small.
        if model.layers == 80, model.groupSize == 8, type == .q3_K || type == .q4_K { return .q5_K }
        return type
    }

    private func downType(layer: Int, _ model: Model) -> ElementType {
        let isEarly = layer < model.layers / 8
        switch mixture {
        case .q2K: return .q3_K
        case .smallQ2K: return isEarly ? .q4_K : base
        case .q3KM: return layer < model.layers / 16 ? .q5_K : .q4_K
        case .q3KL: return .q5_K
        case .q4KM, .q5KM: return Self.getsMoreBits(layer, of: model.layers) ? .q6_K : base
        case .q4KS: return isEarly ? .q5_K : base
        case .iq4: return isEarly && !model.hasImportance ? .q5_K : base
        case .uniform where isEarly && model.hasImportance && base == .q4_0: return .q4_1
        case .uniform where isEarly && model.hasImportance && base == .q5_0: return .q5_1
        case .uniform, .dense, .ternary, .mxfp4: return base
        }
    }

    /// The first and last eighth of the layers, and every third between.
    private static func getsMoreBits(_ layer: Int, of layers: Int) -> Bool {
        layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2
    }
}

extension ElementType {
    /// The type for rows that are not whole blocks of this one (llama.cpp's `tensor_type_fallback`): blocks of 32 with as many bits, or F16.
    func fitting(columns: Int) -> ElementType {
        if columns % blockElements == 0 { return self }
        let smaller: ElementType =
            switch self {
            case .q2_K, .q3_K, .tq1_0, .tq2_0: .q4_0
            case .q4_K: .q5_0
            case .q5_K: .q5_1
            case .q6_K: .q8_0
            case .iq4_xs: .iq4_nl
            default: self
            }
        return columns % smaller.blockElements == 0 ? smaller : .f16
    }

    /// Whether values can be quantized to it.
    public var hasQuantizer: Bool { sirocco_has_quantizer(kernelType) != 0 }

    /// The type that GGML names so, in any case.
    public init?(named name: String) {
        guard let type = Self.byName[name.uppercased()] else { return nil }
        self = type
    }
}
