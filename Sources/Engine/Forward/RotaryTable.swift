// Cosines and sines for the rows of a batch.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One rope's angles. Where scaling depends on the sequence's length, each length's frequencies are computed when a row needs them.
struct RotaryTable {
    private let rope: Rope
    private var length = -1
    private var frequencies: [Float] = []
    private var attentionFactor: Float = 1

    init(_ rope: Rope) { self.rope = rope }

    /// Writes cos(position · frequency) and sin(…), times the attention factor, for every row: [T, rotaryDimensions / 2] each.
    mutating func fill(_ batch: borrowing ForwardBatch, cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>) {
        let pairs = rope.rotaryDimensions / 2
        for row in 0..<batch.count {
            let wanted = rope.dependsOnSequenceLength ? batch.ropeLengths[row] : 0
            if wanted != length {
                (frequencies, attentionFactor) = rope.inverseFrequencies(sequenceLength: wanted)
                length = wanted
            }
            let position = Float(batch.positions[row])
            for pair in 0..<pairs {
                let angle = position * frequencies[pair]
                cosines[row * pairs + pair] = cosf(angle) * attentionFactor
                sines[row * pairs + pair] = sinf(angle) * attentionFactor
            }
        }
    }
}
