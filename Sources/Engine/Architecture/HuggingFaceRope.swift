// The rotary embedding's parameters in config.json: rope_parameters (transformers 5), or rope_theta and rope_scaling (4).
internal import JSON

extension Architecture {
    static func rope(
        _ reader: inout ConfigurationReader, headSize: Int, contextLength: Int
    ) throws(LoadError) -> Rope {
        let theta = try reader.positive("rope_theta", upTo: 1e18, default: 10000)
        // Phi-3's place for it, which transformers 5 lets win in every family.
        let originalLength: Int? =
            reader.value("original_max_position_embeddings") == nil
            ? nil : try reader.integer("original_max_position_embeddings", in: 1...LoadLimits.contextLength)
        let partial = try reader.positive("partial_rotary_factor", upTo: 1, default: 1)
        guard partial == 1 else {
            throw .unsupportedKey(file: reader.file, key: "partial_rotary_factor", value: "\(partial)")
        }
        var found: [Rope] = []
        for key in ["rope_parameters", "rope_scaling"] {
            guard let object = try reader.object(key) else { continue }
            var inner = ConfigurationReader(object, file: reader.file, prefix: key + ".")
            found.append(
                try rope(
                    &inner, theta: theta, headSize: headSize, contextLength: contextLength, originalLength: originalLength))
        }
        if found.count == 2, found[0] != found[1] {
            throw .contradiction(file: reader.file, what: "rope_parameters and rope_scaling differ")
        }
        if originalLength != nil {
            switch found.first?.scaling {
            case .yarn, .llama3: break
            default:
                throw .unsupportedKey(
                    file: reader.file, key: "original_max_position_embeddings",
                    value: "\(originalLength ?? 0) without a scaling that reads it")
            }
        }
        return found.first ?? Rope(theta: theta, rotaryDimensions: headSize)
    }

    private static func rope(
        _ reader: inout ConfigurationReader, theta: Double, headSize: Int, contextLength: Int, originalLength: Int?
    ) throws(LoadError) -> Rope {
        let theta = try reader.positive("rope_theta", upTo: 1e18, default: theta)
        let partial = try reader.positive("partial_rotary_factor", upTo: 1, default: 1)
        guard partial == 1 else {
            throw .unsupportedKey(file: reader.file, key: reader.prefix + "partial_rotary_factor", value: "\(partial)")
        }
        let newName = try reader.string("rope_type")
        let oldName = try reader.string("type")
        if let newName, let oldName, newName != oldName {
            throw .contradiction(file: reader.file, what: "\(reader.prefix)rope_type is \(quoted(newName)), type is \(quoted(oldName))")
        }
        let name = newName ?? oldName ?? "default"
        let scaling: RopeScaling
        switch name {
        case "default": scaling = .none
        case "linear": scaling = .linear(factor: try factor(&reader))
        case "dynamic": scaling = try dynamic(&reader, headSize: headSize, contextLength: contextLength)
        case "llama3": scaling = try llama3(&reader, originalLength: originalLength, contextLength: contextLength)
        case "yarn": scaling = try yarn(&reader, theta: theta, originalLength: originalLength, contextLength: contextLength)
        default: throw .unsupportedKey(file: reader.file, key: reader.prefix + "rope_type", value: quoted(name))
        }
        // "finetuned" records how the model was made; nothing reads it.
        try reader.finish(harmless: ["finetuned"])
        return Rope(theta: theta, rotaryDimensions: headSize, scaling: scaling)
    }

    private static func factor(_ reader: inout ConfigurationReader) throws(LoadError) -> Double {
        try reader.positive("factor", upTo: 1e6)
    }

    private static func dynamic(
        _ reader: inout ConfigurationReader, headSize: Int, contextLength: Int
    ) throws(LoadError) -> RopeScaling {
        let factor = try factor(&reader)
        guard factor >= 1, headSize > 2 else {
            throw .outOfRange(
                file: reader.file, key: reader.prefix + "factor", value: "\(factor)", range: "at least 1, with head_dim above 2")
        }
        // transformers stretches from max_position_embeddings and does not read this key; a different value would mean something else.
        let original = try reader.integer("original_max_position_embeddings", in: 1...LoadLimits.contextLength, default: contextLength)
        guard original == contextLength else {
            throw .unsupportedKey(
                file: reader.file, key: reader.prefix + "original_max_position_embeddings",
                value: "\(original), other than max_position_embeddings")
        }
        return .dynamic(factor: factor, originalLength: contextLength)
    }

    private static func llama3(
        _ reader: inout ConfigurationReader, originalLength: Int?, contextLength: Int
    ) throws(LoadError) -> RopeScaling {
        let scaling = Llama3Scaling(
            factor: try factor(&reader), lowFrequencyFactor: try reader.positive("low_freq_factor", upTo: 1e6),
            highFrequencyFactor: try reader.positive("high_freq_factor", upTo: 1e6),
            originalLength: try original(&reader, outer: originalLength, contextLength: contextLength))
        guard scaling.lowFrequencyFactor < scaling.highFrequencyFactor else {
            throw .outOfRange(
                file: reader.file, key: reader.prefix + "high_freq_factor", value: "\(scaling.highFrequencyFactor)",
                range: "above low_freq_factor (\(scaling.lowFrequencyFactor))")
        }
        return .llama3(scaling)
    }

    private static func yarn(
        _ reader: inout ConfigurationReader, theta: Double, originalLength: Int?, contextLength: Int
    ) throws(LoadError) -> RopeScaling {
        guard theta > 1 else {
            throw .outOfRange(file: reader.file, key: "rope_theta", value: "\(theta)", range: "above 1 for YaRN")
        }
        let original = try original(&reader, outer: originalLength, contextLength: contextLength)
        // transformers: a factor that is null is the ratio of the lengths; one that is absent is an error.
        let factor =
            reader.contains("factor")
            ? try reader.positive("factor", upTo: 1e6, default: Double(contextLength) / Double(original)) : try factor(&reader)
        let mscale = try magnitude(&reader, "mscale")
        let mscaleAll = try magnitude(&reader, "mscale_all_dim")
        var attention = try magnitude(&reader, "attention_factor")
        if attention == nil, let mscale, let mscaleAll, mscale != 0, mscaleAll != 0 {
            attention = YarnScaling.magnitude(scale: factor, weight: mscale) / YarnScaling.magnitude(scale: factor, weight: mscaleAll)
        }
        let scaling = YarnScaling(
            factor: factor, originalLength: original, betaFast: try reader.positive("beta_fast", upTo: 1e9, default: 32),
            betaSlow: try reader.positive("beta_slow", upTo: 1e9, default: 1), truncate: try reader.boolean("truncate", default: true),
            attentionFactor: attention.map { Float($0) })
        guard scaling.betaSlow <= scaling.betaFast else {
            throw .outOfRange(
                file: reader.file, key: reader.prefix + "beta_fast", value: "\(scaling.betaFast)",
                range: "at least beta_slow (\(scaling.betaSlow))")
        }
        return .yarn(scaling)
    }

    /// An optional number from 0 up.
    private static func magnitude(_ reader: inout ConfigurationReader, _ key: String) throws(LoadError) -> Double? {
        guard let value = reader.value(key) else { return nil }
        guard let number = value.doubleValue else {
            throw .wrongType(file: reader.file, key: reader.prefix + key, expected: "a number", found: value.typeName)
        }
        guard number >= 0, number <= 1e6 else {
            throw .outOfRange(file: reader.file, key: reader.prefix + key, value: "\(number)", range: "from 0 to 1e6")
        }
        return number
    }

    private static func original(
        _ reader: inout ConfigurationReader, outer: Int?, contextLength: Int
    ) throws(LoadError) -> Int {
        let inner = try reader.integer("original_max_position_embeddings", in: 1...LoadLimits.contextLength, default: contextLength)
        return outer ?? inner
    }
}
