// The rotary embedding's parameters in GGUF metadata, under llama.cpp's keys and with its meanings.

extension Architecture {
    static func rope(
        _ reader: inout GGUFReader, source: WeightSource, headSize: Int, contextLength: Int
    ) throws(LoadError) -> Rope {
        let theta = try reader.positive("rope.freq_base", upTo: 1e18, default: 10000)
        let dimensions = try reader.integer("rope.dimension_count", in: 2...LoadLimits.width, default: headSize)
        guard dimensions <= headSize, dimensions % 2 == 0 else {
            throw .outOfRange(
                file: reader.file, key: reader.prefix + "rope.dimension_count", value: "\(dimensions)",
                range: "even and at most the head size (\(headSize))")
        }
        let scaling = try scaling(&reader, theta: theta, contextLength: contextLength)
        guard let factors = source.tensor("rope_freqs.weight") else {
            return Rope(theta: theta, rotaryDimensions: dimensions, scaling: scaling)
        }
        guard scaling == .none else {
            throw .contradiction(file: reader.file, what: "it has both rope_freqs.weight and \(scaling.name) rope scaling")
        }
        guard factors.shape == [dimensions / 2] else {
            throw .wrongShape(file: reader.file, tensor: factors.name, expected: [dimensions / 2], found: factors.shape)
        }
        let values = try source.floats(of: factors)
        guard values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw .outOfRange(file: reader.file, key: factors.name, value: "\(values)", range: "positive numbers")
        }
        let trivial = values.allSatisfy { $0 == 1 }
        return Rope(theta: theta, rotaryDimensions: dimensions, scaling: trivial ? .none : .factors(values))
    }

    private static func scaling(
        _ reader: inout GGUFReader, theta: Double, contextLength: Int
    ) throws(LoadError) -> RopeScaling {
        // llama.cpp: without a type, a factor means linear; a factor of 0 means none.
        let type = try reader.string("rope.scaling.type") ?? "linear"
        let oldFactor = try reader.number("rope.scale_linear") ?? 0
        let factor = try reader.number("rope.scaling.factor") ?? oldFactor
        let original = try reader.integer(
            "rope.scaling.original_context_length", in: 0...LoadLimits.contextLength, default: contextLength)
        _ = reader.value("rope.scaling.finetuned")
        switch type {
        case "none": return .none
        case "linear":
            guard factor >= 0, factor <= 1e6 else { throw reader.outOfRange("rope.scaling.factor", factor, "from 0 to 1e6") }
            return factor == 0 || factor == 1 ? .none : .linear(factor: factor)
        case "yarn":
            guard factor > 0, factor <= 1e6 else { throw reader.outOfRange("rope.scaling.factor", factor, "above 0 and at most 1e6") }
            guard theta > 1 else { throw reader.outOfRange("rope.freq_base", theta, "above 1 for YaRN") }
            return .yarn(try yarn(&reader, factor: factor, originalLength: original == 0 ? contextLength : original))
        default:
            throw .unsupportedKey(file: reader.file, key: reader.prefix + "rope.scaling.type", value: quoted(type))
        }
    }

    private static func yarn(_ reader: inout GGUFReader, factor: Double, originalLength: Int) throws(LoadError) -> YarnScaling {
        // Where the mixture of extrapolation and interpolation is not whole, the ramp would be another; -1 asks for the default, 1.
        let mixture = try reader.number("rope.scaling.yarn_ext_factor") ?? 1
        guard mixture == 1 || mixture == -1 else {
            throw .unsupportedKey(file: reader.file, key: reader.prefix + "rope.scaling.yarn_ext_factor", value: "\(mixture)")
        }
        let logarithmic = try reader.number("rope.scaling.yarn_log_multiplier") ?? 0
        guard logarithmic == 0 else {
            throw .unsupportedKey(file: reader.file, key: reader.prefix + "rope.scaling.yarn_log_multiplier", value: "\(logarithmic)")
        }
        let attention =
            try reader.positive("rope.scaling.attn_factor", upTo: 1e6, default: 1)
            * reader.positive("rope.scaling.yarn_attn_factor", upTo: 1e6, default: 1)
        let scaling = YarnScaling(
            factor: factor, originalLength: originalLength,
            betaFast: try reader.positive("rope.scaling.yarn_beta_fast", upTo: 1e9, default: 32),
            betaSlow: try reader.positive("rope.scaling.yarn_beta_slow", upTo: 1e9, default: 1),
            attentionFactor: Float(attention * YarnScaling.magnitude(scale: factor)))
        guard scaling.betaSlow <= scaling.betaFast else {
            throw reader.outOfRange("rope.scaling.yarn_beta_fast", scaling.betaFast, "at least yarn_beta_slow (\(scaling.betaSlow))")
        }
        return scaling
    }
}
