// How far an agent may go.

/// The bounds of one run. A run that meets one ends there and says which. The calls of one turn run at the same time and have no bound here: `Chat` lets a
/// model write 32 of them a turn at most.
public struct AgentLimits: Sendable, Hashable {
    /// Turns of the model.
    public var turns: Int
    /// Generated tokens of all turns together.
    public var tokens: Int
    /// The whole run, tools included.
    public var duration: Duration
    /// One tool call; a call that takes longer is abandoned, and the model reads that.
    public var callDuration: Duration
    /// How often the very same call may be made.
    public var sameCalls: Int
    /// UTF-8 bytes of a tool's output that the model is shown; what is cut off is said in its place.
    public var outputBytes: Int

    /// These limits; see the members.
    public init(
        turns: Int = 16, tokens: Int = 16_384, duration: Duration = .seconds(600), callDuration: Duration = .seconds(60), sameCalls: Int = 3,
        outputBytes: Int = 32_768
    ) {
        self.turns = turns
        self.tokens = tokens
        self.duration = duration
        self.callDuration = callDuration
        self.sameCalls = sameCalls
        self.outputBytes = outputBytes
    }
}

/// A bound that a run has met.
public enum AgentLimit: Sendable, Hashable, CustomStringConvertible {
    /// The most turns were taken.
    case turns(Int)
    /// The most tokens were generated.
    case tokens(Int)
    /// A turn was cut off before its own tokens were used up.
    case context
    /// The time is over.
    case duration(Duration)
    /// The same call with the same arguments came this often.
    case sameCall(name: String, times: Int)

    /// The limit as a sentence.
    public var description: String {
        switch self {
        case .turns(let count): "no answer within \(count) turns"
        case .tokens(let count): "no answer within \(count) generated tokens"
        case .context: "the conversation has filled the model's context"
        case .duration(let duration): "no answer within \(duration)"
        case .sameCall(let name, let times): "the same call of \(name) more than \(times) times"
        }
    }
}
