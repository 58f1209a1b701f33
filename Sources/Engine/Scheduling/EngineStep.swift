// One step as an instrument sees it: what it computed, and how long it took.

/// A step of the engine, told to the observer that was given to `LLMEngine`.
public struct EngineStep: Sendable, Hashable {
    /// Positions that went through the layers.
    public var positions: Int
    /// Sequences they belong to.
    public var sequences: Int
    /// Rows of logits that were computed.
    public var logitRows: Int
    /// Seconds since the step before it was observed, or since work came to an idle engine: nothing between two steps is left out.
    public var seconds: Double

    /// A step; see the members.
    public init(positions: Int, sequences: Int, logitRows: Int, seconds: Double) {
        self.positions = positions
        self.sequences = sequences
        self.logitRows = logitRows
        self.seconds = seconds
    }
}
