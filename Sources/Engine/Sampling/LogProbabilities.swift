// The model's own probabilities: log-softmax of raw logits, before anything a request asks for.
import Tokens

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Log-softmax of one row of raw logits.
struct LogProbabilities {
    private let logits: UnsafeBufferPointer<Float>
    /// log Σ exp(logit).
    private let normalizer: Double

    init(_ logits: UnsafeBufferPointer<Float>) {
        self.logits = logits
        var maximum = -Float.infinity
        for value in logits where value > maximum { maximum = value }
        var sum = 0.0
        for value in logits { sum += Double(expf(value - maximum)) }
        normalizer = Double(maximum) + log(sum)
    }

    /// Whether no value is a NaN or an infinity.
    static func isFinite(_ logits: UnsafeBufferPointer<Float>) -> Bool {
        var bad: UInt32 = 0
        for value in logits { bad |= (value.bitPattern & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0 }
        return bad == 0
    }

    /// The log-probability of one token.
    func of(_ token: Int) -> Float { Float(Double(logits[token]) - normalizer) }

    /// The `count` most likely tokens, best first; of equally likely ones the lowest id first.
    func top(_ count: Int) -> [(TokenID, Float)] {
        if count == 0 { return [] }
        var best: [Int] = []
        for token in logits.indices {
            if best.count == count && logits[token] <= logits[best[count - 1]] { continue }
            let place = best.firstIndex { logits[token] > logits[$0] } ?? best.endIndex
            best.insert(token, at: place)
            if best.count > count { best.removeLast() }
        }
        return best.map { (TokenID($0), of($0)) }
    }
}
