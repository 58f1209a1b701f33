// One measured figure: its samples, and what was computed in each.
import Engine

/// Samples of one kind of work.
struct Figure {
    enum Kind: Equatable {
        case prefill(tokens: Int)
        case decode(depth: Int)
        case batch(sequences: Int, depth: Int)
        case verify(tokens: Int, depth: Int)

        var name: String {
            switch self {
            case .prefill(let tokens): "prefill \(tokens)"
            case .decode(let depth): "decode at \(depth)"
            case .batch(let sequences, let depth): "batch of \(sequences) at \(depth)"
            case .verify(let tokens, let depth): "verify \(tokens) at \(depth)"
            }
        }
    }

    let kind: Kind
    /// Tokens in a sample.
    let tokens: Int
    /// Seconds of each sample.
    let seconds: [Double]
    /// The least work of one sample.
    let work: StepWork
    /// Of a verification: what it takes in steps of one token, sample by sample.
    var cost: [Double] = []

    /// Tokens a second, sample by sample.
    var rates: [Double] { seconds.map { Double(tokens) / $0 } }
}

/// The middle value.
func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
