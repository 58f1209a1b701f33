// One step's work, as integers: which positions of which sequences.

/// Names a sequence; later arrivals have greater numbers.
typealias SequenceID = Int

/// What the scheduler wants computed in one step.
struct Batch: Equatable {
    /// Consecutive positions of one sequence.
    struct Piece: Equatable {
        var sequence: SequenceID
        /// The first position.
        var start: Int
        /// Positions in this step; at least 1.
        var count: Int
        /// The first position whose logits are wanted; `end` when none are.
        var logitsFrom: Int
        /// Whether this is a whole aligned chunk inside the prompt, which dense weights may multiply at once.
        var isDenseChunk: Bool

        /// The position after the last.
        var end: Int { start + count }
    }

    var pieces: [Piece] = []
    /// Sequences that lost their blocks to older ones in this step; they will be computed again.
    var preempted: [SequenceID] = []

    /// Positions in all.
    var tokens: Int { pieces.reduce(0) { $0 + $1.count } }
}
