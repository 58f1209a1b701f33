// From logits to a token.
import Kernels
import Tokens

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Scratch memory for sampling on one thread.
final class SamplerScratch {
    /// [V]: the logits after bias, penalties and mask.
    let logits: UnsafeMutablePointer<Float>
    /// [V, rounded up to whole vectors]: the probabilities at a temperature.
    let weights: UnsafeMutablePointer<Float>
    /// [V]: a heap of token ids.
    let heap: UnsafeMutablePointer<Int32>
    /// [V]: how often each token was seen; zero between calls.
    let counts: UnsafeMutablePointer<Int32>
    let kernels: UnsafePointer<sirocco_kernels>

    init(vocabularySize: Int, kernels: UnsafePointer<sirocco_kernels> = sirocco_kernels_select("reference")!) {
        self.kernels = kernels
        logits = .allocate(capacity: vocabularySize)
        weights = .allocate(capacity: Self.wholeVectors(vocabularySize))
        heap = .allocate(capacity: vocabularySize)
        counts = .allocate(capacity: vocabularySize)
        counts.initialize(repeating: 0, count: vocabularySize)
    }

    /// A length at which the kernels treat all values alike, so that equal logits have equal probabilities.
    static func wholeVectors(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    deinit {
        logits.deallocate()
        weights.deallocate()
        heap.deallocate()
        counts.deallocate()
    }
}

/// Chooses one token from one row of raw logits: a function of the row, the sequence's tokens and its parameters.
struct Sampler {
    /// [V], as the model computed them.
    let raw: UnsafeBufferPointer<Float>
    let scratch: SamplerScratch

    /// Samples the token that follows `tokens`, of which the first `promptCount` came with the request. `mask`, if any, holds a bit a token;
    /// tokens beyond it are forbidden. If the temperature is not zero one random number is drawn; it depends on the seed and on how many tokens
    /// the reply holds.
    func sample(
        _ parameters: SamplingParameters, tokens: [TokenID], promptCount: Int, mask: [UInt64]?, logprobs: Int?
    ) throws(EngineError) -> GeneratedToken {
        guard LogProbabilities.isFinite(raw) else { throw .nonFiniteLogits(position: tokens.count - 1) }
        let logits = UnsafeMutableBufferPointer(start: scratch.logits, count: raw.count)
        scratch.logits.update(from: raw.baseAddress!, count: raw.count)
        for (token, bias) in parameters.logitBias { logits[Int(token)] += bias }
        penalize(logits, parameters, tokens: tokens, promptCount: promptCount)
        if let mask { Self.forbid(logits, allBut: mask) }

        // The greatest value's index; of equal ones the lowest.
        var chosen = max(0, Int(scratch.kernels.pointee.argmax(scratch.logits, Int64(raw.count))))
        guard logits[chosen] > -.infinity else { throw .noTokenAllowed(position: tokens.count) }
        if parameters.temperature > 0 {
            let random = CounterGenerator(seed: parameters.seed).uniform(UInt64(tokens.count - promptCount))
            chosen = draw(logits, parameters, maximum: logits[chosen], random: random)
        }
        var token = GeneratedToken(id: TokenID(chosen))
        if let logprobs {
            let probabilities = LogProbabilities(raw)
            token.logprob = probabilities.of(chosen)
            token.top = probabilities.top(logprobs)
        }
        return token
    }

    // MARK: - Changing the logits

    private func penalize(
        _ logits: UnsafeMutableBufferPointer<Float>, _ parameters: SamplingParameters, tokens: [TokenID], promptCount: Int
    ) {
        let penalty = parameters.repetitionPenalty
        if penalty != 1 {
            let window = parameters.repetitionWindow == 0 ? tokens[...] : tokens.suffix(parameters.repetitionWindow)
            forEachDistinct(in: window) { token, _ in
                logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty
            }
        }
        if parameters.presencePenalty != 0 || parameters.frequencyPenalty != 0 {
            forEachDistinct(in: tokens[promptCount...]) { token, count in
                logits[token] -= parameters.presencePenalty + parameters.frequencyPenalty * Float(count)
            }
        }
    }

    /// Calls `body` once for each token in `tokens`, with how often it occurs.
    private func forEachDistinct(in tokens: ArraySlice<TokenID>, _ body: (Int, Int) -> Void) {
        let counts = scratch.counts
        for token in tokens { counts[Int(token)] += 1 }
        for token in tokens where counts[Int(token)] > 0 {
            body(Int(token), Int(counts[Int(token)]))
            counts[Int(token)] = 0
        }
    }

    private static func forbid(_ logits: UnsafeMutableBufferPointer<Float>, allBut mask: [UInt64]) {
        for start in stride(from: 0, to: logits.count, by: 64) {
            let word = start >> 6 < mask.count ? mask[start >> 6] : 0
            if word == .max { continue }
            for token in start..<min(start + 64, logits.count) where word >> UInt64(token & 63) & 1 == 0 { logits[token] = -.infinity }
        }
    }

    // MARK: - Choosing

    /// Draws from what top-k, top-p and min-p leave, by inverting the cumulative distribution in order of token ids.
    private func draw(
        _ logits: UnsafeMutableBufferPointer<Float>, _ parameters: SamplingParameters, maximum: Float, random: Double
    ) -> Int {
        weigh(logits, parameters.temperature, maximum: maximum)
        let weights = UnsafeBufferPointer(start: scratch.weights, count: logits.count)
        let last = lastKept(logits, weights, parameters, maximum: maximum)
        let least = Double(parameters.minP) * Double(scratch.kernels.pointee.max_value(scratch.weights, Int64(logits.count)))
        let lowest = last.map { logits[$0] } ?? -.infinity
        func keptWeight(_ token: Int) -> Double {
            if let last, logits[token] == lowest, token > last { return 0 }
            let value = Double(weights[token])
            return value >= least ? value : 0
        }
        var total = 0.0
        for token in logits.indices where logits[token] >= lowest { total += keptWeight(token) }
        var rest = random * total
        var chosen = 0
        for token in logits.indices where logits[token] >= lowest {
            let value = keptWeight(token)
            if value == 0 { continue }
            chosen = token
            rest -= value
            if rest < 0 { break }
        }
        return chosen
    }

    /// weights = softmax((logits − maximum) / temperature); zeros for forbidden tokens.
    private func weigh(_ logits: UnsafeMutableBufferPointer<Float>, _ temperature: Float, maximum: Float) {
        let (weights, whole) = (scratch.weights, SamplerScratch.wholeVectors(logits.count))
        for token in logits.indices { weights[token] = (logits[token] - maximum) / temperature }
        for token in logits.count..<whole { weights[token] = -.infinity }
        _ = scratch.kernels.pointee.softmax(weights, Int64(whole))
    }

    /// The last token, by descending logit and then ascending id, that top-k and top-p keep; nil when neither cuts. Tokens are taken off a heap
    /// only as far as needed, and the heap is of the likeliest tokens where these are enough.
    private func lastKept(
        _ logits: UnsafeMutableBufferPointer<Float>, _ weights: UnsafeBufferPointer<Float>, _ parameters: SamplingParameters, maximum: Float
    ) -> Int? {
        guard parameters.topK > 0 || parameters.topP < 1 else { return nil }
        var (all, mass, count) = (0, 0.0, 0)
        let floor = maximum - Self.likelyRange * parameters.temperature
        var likelyMass = 0.0
        for token in logits.indices where logits[token] > -.infinity {
            all += 1
            mass += Double(weights[token])
            if logits[token] < floor { continue }
            count += 1
            likelyMass += Double(weights[token])
        }
        let cutsByCount = parameters.topK > 0 && parameters.topK < all
        guard cutsByCount || parameters.topP < 1 else { return nil }
        let isEnough = cutsByCount ? count >= parameters.topK : likelyMass > mass * Double(parameters.topP)
        var heap = TokenHeap(logits: UnsafeBufferPointer(logits), storage: scratch.heap, from: isEnough ? floor : -.greatestFiniteMagnitude)
        heap.order()
        if cutsByCount {
            mass = 0
            for _ in 0..<parameters.topK { mass += Double(weights[heap.removeFirst()]) }
            if parameters.topP >= 1 { return heap.removed(parameters.topK - 1) }
        }
        let limit = cutsByCount ? parameters.topK : heap.total
        let wanted = mass * Double(parameters.topP)
        var reached = 0.0
        for index in 0..<limit {
            let token = cutsByCount ? heap.removed(index) : heap.removeFirst()
            reached += Double(weights[token])
            if reached >= wanted { return token }
        }
        return heap.removed(limit - 1)
    }

    /// Tokens are likely that are at least e^-9 as likely as the likeliest.
    private static let likelyRange: Float = 9
}

/// The allowed tokens as a binary heap, greatest logit first, of equal ones the lowest id. What is removed stays behind the heap.
struct TokenHeap {
    private let logits: UnsafeBufferPointer<Float>
    private let storage: UnsafeMutablePointer<Int32>
    private var count: Int
    /// Allowed tokens in all.
    let total: Int

    /// All tokens whose logit is `floor` or more, not yet in order.
    init(logits: UnsafeBufferPointer<Float>, storage: UnsafeMutablePointer<Int32>, from floor: Float) {
        self.logits = logits
        self.storage = storage
        var count = 0
        for token in logits.indices where logits[token] >= floor {
            storage[count] = Int32(token)
            count += 1
        }
        self.count = count
        total = count
    }

    /// Makes a heap of them.
    mutating func order() {
        for index in stride(from: count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    /// Takes the greatest off.
    mutating func removeFirst() -> Int {
        let first = storage[0]
        count -= 1
        storage[0] = storage[count]
        storage[count] = first
        siftDown(0)
        return Int(first)
    }

    /// The token that was removed as number `index`, from 0.
    func removed(_ index: Int) -> Int { Int(storage[total - 1 - index]) }

    private func precedes(_ a: Int32, _ b: Int32) -> Bool {
        let (x, y) = (logits[Int(a)], logits[Int(b)])
        return x > y || (x == y && a < b)
    }

    private func siftDown(_ start: Int) {
        var parent = start
        while true {
            var child = 2 * parent + 1
            if child >= count { return }
            if child + 1 < count && precedes(storage[child + 1], storage[child]) { child += 1 }
            if !precedes(storage[child], storage[parent]) { return }
            (storage[parent], storage[child]) = (storage[child], storage[parent])
            parent = child
        }
    }
}
