// Rotary position embedding: which angle each pair of dimensions turns by at each position.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A rotary embedding and how it is stretched beyond the length it was trained for.
///
/// The formulas are those of transformers' `modeling_rope_utils` (5.23), computed in the same precisions.
public struct Rope: Sendable, Hashable {
    /// The base of the geometric series of wavelengths.
    public var theta: Double
    /// Leading values of each head that are rotated; even.
    public var rotaryDimensions: Int
    /// False pairs value i with i + rotaryDimensions/2 ("rotate half"), true pairs 2i with 2i + 1.
    public var interleaved: Bool
    /// How the frequencies are stretched for long contexts.
    public var scaling: RopeScaling

    /// A rotary embedding; see the members.
    public init(theta: Double, rotaryDimensions: Int, interleaved: Bool = false, scaling: RopeScaling = .none) {
        self.theta = theta
        self.rotaryDimensions = rotaryDimensions
        self.interleaved = interleaved
        self.scaling = scaling
    }

    /// Whether `inverseFrequencies` changes with the sequence's length, so that each sequence needs its own table.
    public var dependsOnSequenceLength: Bool {
        if case .dynamic = scaling { true } else { false }
    }

    /// The angle per position of each rotated pair (rotaryDimensions / 2 values), and what cos and sin are multiplied by.
    ///
    /// - Parameter sequenceLength: positions in the sequence so far, the new ones included; only dynamic scaling reads it.
    public func inverseFrequencies(sequenceLength: Int) -> (values: [Float], attentionFactor: Float) {
        switch scaling {
        case .none:
            return (plain(base: theta), 1)
        case .linear(let factor):
            return (plain(base: theta).map { $0 / Float(factor) }, 1)
        case .dynamic(let factor, let originalLength):
            let length = Double(max(sequenceLength, originalLength))
            let dimensions = Double(rotaryDimensions)
            let stretch = factor * length / Double(originalLength) - (factor - 1)
            return (plain(base: theta * pow(stretch, dimensions / (dimensions - 2))), 1)
        case .llama3(let scaling):
            return (plain(base: theta).map { scaling.stretched($0) }, 1)
        case .yarn(let scaling):
            return (yarn(scaling), scaling.attentionFactor)
        case .factors(let divisors):
            return (zip(plain(base: theta), divisors).map { $0 / $1 }, 1)
        }
    }

    /// base^(2i/d) for every pair, as float32.
    private func wavelengths(base: Double) -> [Float] {
        // Numbers pass through float32 where torch's do: the exponent, the power.
        (0..<rotaryDimensions / 2).map { pair in
            let exponent = Float(2 * pair) / Float(rotaryDimensions)
            return Float(pow(Double(Float(base)), Double(exponent)))
        }
    }

    private func plain(base: Double) -> [Float] {
        wavelengths(base: base).map { 1 / $0 }
    }

    private func yarn(_ scaling: YarnScaling) -> [Float] {
        let (low, high) = scaling.correctionRange(theta: theta, dimensions: rotaryDimensions)
        let span = Float(low == high ? high + 0.001 - low : high - low)
        return wavelengths(base: theta).enumerated().map { pair, wavelength in
            let ramp = min(max((Float(pair) - Float(low)) / span, 0), 1)
            let extrapolation = 1 - ramp
            let interpolated = 1 / (Float(scaling.factor) * wavelength)
            return interpolated * (1 - extrapolation) + (1 / wavelength) * extrapolation
        }
    }
}

/// How a rotary embedding is stretched.
public enum RopeScaling: Sendable, Hashable {
    /// The frequencies as they are.
    case none
    /// Positions divided by `factor`.
    case linear(factor: Double)
    /// NTK-aware: the base grows with the sequence once it is longer than `originalLength`.
    case dynamic(factor: Double, originalLength: Int)
    /// By wavelength, as Llama 3.1.
    case llama3(Llama3Scaling)
    /// By rotations over the original length.
    case yarn(YarnScaling)
    /// Each pair's angle divided by its own number, as GGUF's `rope_freqs` tensor gives them.
    case factors([Float])

    /// The name that configuration files give it.
    public var name: String {
        switch self {
        case .none: "default"
        case .linear: "linear"
        case .dynamic: "dynamic"
        case .llama3: "llama3"
        case .yarn: "yarn"
        case .factors: "factors"
        }
    }
}

/// Llama 3.1's scaling: short wavelengths stay, long ones are divided by `factor`, those between are blended.
public struct Llama3Scaling: Sendable, Hashable {
    /// What the frequencies of long wavelengths are divided by.
    public var factor: Double
    /// Wavelengths above the original length divided by this are long.
    public var lowFrequencyFactor: Double
    /// Wavelengths below the original length divided by this are short.
    public var highFrequencyFactor: Double
    /// The context that the model was first trained for.
    public var originalLength: Int

    /// A scaling; see the members.
    public init(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalLength: Int) {
        self.factor = factor
        self.lowFrequencyFactor = lowFrequencyFactor
        self.highFrequencyFactor = highFrequencyFactor
        self.originalLength = originalLength
    }

    func stretched(_ frequency: Float) -> Float {
        let length = Double(originalLength)
        let wavelength = Float(2 * Double.pi) / frequency
        if wavelength < Float(length / highFrequencyFactor) { return frequency }
        let divided = frequency / Float(factor)
        if wavelength > Float(length / lowFrequencyFactor) { return divided }
        let smooth =
            (Float(length) / wavelength - Float(lowFrequencyFactor)) / Float(highFrequencyFactor - lowFrequencyFactor)
        return (1 - smooth) * frequency / Float(factor) + smooth * frequency
    }
}

/// YaRN (arXiv:2309.00071): interpolation for slow dimensions, extrapolation for fast ones, a ramp between.
public struct YarnScaling: Sendable, Hashable {
    /// The context is this many times the original length.
    public var factor: Double
    /// The context that the model was first trained for.
    public var originalLength: Int
    /// Rotations over the original length above which a dimension is left as it is.
    public var betaFast: Double
    /// Rotations below which a dimension is fully interpolated.
    public var betaSlow: Double
    /// Whether the ramp's ends are rounded to whole dimensions.
    public var truncate: Bool
    /// What cos and sin are multiplied by.
    public var attentionFactor: Float

    /// A scaling; see the members. Without an attention factor, the paper's.
    public init(
        factor: Double, originalLength: Int, betaFast: Double = 32, betaSlow: Double = 1, truncate: Bool = true,
        attentionFactor: Float? = nil
    ) {
        self.factor = factor
        self.originalLength = originalLength
        self.betaFast = betaFast
        self.betaSlow = betaSlow
        self.truncate = truncate
        self.attentionFactor = attentionFactor ?? Float(Self.magnitude(scale: factor))
    }

    /// 0.1 · weight · ln(scale) + 1, the paper's temperature correction; 1 for scales up to 1.
    static func magnitude(scale: Double, weight: Double = 1) -> Double {
        scale <= 1 ? 1 : 0.1 * weight * log(scale) + 1
    }

    /// The pairs between which the ramp runs.
    func correctionRange(theta: Double, dimensions: Int) -> (low: Double, high: Double) {
        func pair(rotations: Double) -> Double {
            Double(dimensions) * log(Double(originalLength) / (rotations * 2 * .pi)) / (2 * log(theta))
        }
        var low = pair(rotations: betaFast)
        var high = pair(rotations: betaSlow)
        if truncate {
            low = low.rounded(.down)
            high = high.rounded(.up)
        }
        return (max(low, 0), min(high, Double(dimensions - 1)))
    }
}
