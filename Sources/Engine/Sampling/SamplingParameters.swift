// How a token is chosen: the parameters, their ranges, and nothing else.
public import Tokens

/// The choice of a token from logits. Applied in this order: logit bias, repetition, presence and frequency penalties, grammar mask,
/// then greedy (temperature 0) or: temperature, top-k, top-p over what top-k left, min-p, one draw.
public struct SamplingParameters: Sendable, Hashable {
    /// Divides the logits; 0: the most likely token always (ties: lowest id).
    public var temperature: Float = 0
    /// Only the k most likely tokens; 0: all.
    public var topK: Int = 0
    /// The smallest set of most likely tokens whose probabilities reach this sum; 1: all.
    public var topP: Float = 1
    /// Only tokens at least this fraction as likely as the most likely one; 0: all.
    public var minP: Float = 0
    /// Divides positive and multiplies negative logits of tokens seen in prompt or reply; 1: off (Keskar et al. 2019, CTRL).
    public var repetitionPenalty: Float = 1
    /// How many of the last tokens the repetition penalty looks at; 0: all.
    public var repetitionWindow: Int = 0
    /// Subtracted from the logits of tokens that the reply holds.
    public var presencePenalty: Float = 0
    /// Subtracted from the logits of tokens once for each time the reply holds them.
    public var frequencyPenalty: Float = 0
    /// Added to the logits of single tokens.
    public var logitBias: [TokenID: Float] = [:]
    /// The same seed gives the same tokens for the same request, whatever else runs.
    public var seed: UInt64 = 0

    /// Greedy, without penalties.
    public init() {}

    /// Greedy or sampled at a temperature; see the members.
    public init(
        temperature: Float, topK: Int = 0, topP: Float = 1, minP: Float = 0, repetitionPenalty: Float = 1, repetitionWindow: Int = 0,
        presencePenalty: Float = 0, frequencyPenalty: Float = 0, logitBias: [TokenID: Float] = [:], seed: UInt64 = 0
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.repetitionWindow = repetitionWindow
        self.presencePenalty = presencePenalty
        self.frequencyPenalty = frequencyPenalty
        self.logitBias = logitBias
        self.seed = seed
    }

    /// The values that a member may have.
    struct Range: CustomStringConvertible {
        let numbers: ClosedRange<Float>
        var excludesZero = false

        static let temperature = Range(numbers: 0...100)
        static let topP = Range(numbers: 0...1, excludesZero: true)
        static let minP = Range(numbers: 0...1)
        static let repetitionPenalty = Range(numbers: 0...100, excludesZero: true)
        static let penalty = Range(numbers: -100...100)

        func contains(_ value: Float) -> Bool { numbers.contains(value) && !(excludesZero && value == 0) }

        var description: String {
            (excludesZero ? "above \(numbers.lowerBound) and at most" : "within \(numbers.lowerBound) and") + " \(numbers.upperBound)"
        }
    }

    /// Refuses values outside their ranges, naming the field.
    public func validate() throws(EngineError) {
        let numbers: [(name: String, value: Float, range: Range)] = [
            ("temperature", temperature, .temperature), ("topP", topP, .topP), ("minP", minP, .minP),
            ("repetitionPenalty", repetitionPenalty, .repetitionPenalty), ("presencePenalty", presencePenalty, .penalty),
            ("frequencyPenalty", frequencyPenalty, .penalty),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            throw .invalidParameter(name: name, reason: "\(value) is not \(range)")
        }
        for (name, value) in [("topK", topK), ("repetitionWindow", repetitionWindow)] where value < 0 {
            throw .invalidParameter(name: name, reason: "\(value) is negative")
        }
        for (id, bias) in logitBias.sorted(by: { $0.key < $1.key }) where !(-1000...1000).contains(bias) {
            throw .invalidParameter(name: "logitBias", reason: "\(bias) for token \(id) is not within -1000 and 1000")
        }
    }
}
