// The sampler against a slow one that sorts everything.
import Kernels
import TestSupport
import Testing
import Tokens

@testable import Engine

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The plainest way to say what sampling means: sort, cut, renormalise, draw.
enum SlowSampler {
    static func sample(
        _ raw: [Float], _ parameters: SamplingParameters, tokens: [TokenID], promptCount: Int, allowed: Set<TokenID>?
    ) -> TokenID? {
        var logits = raw
        for (id, bias) in parameters.logitBias { logits[Int(id)] += bias }
        let window = parameters.repetitionWindow == 0 ? tokens : Array(tokens.suffix(parameters.repetitionWindow))
        for id in Set(window) where parameters.repetitionPenalty != 1 {
            let value = logits[Int(id)]
            logits[Int(id)] = value > 0 ? value / parameters.repetitionPenalty : value * parameters.repetitionPenalty
        }
        let reply = tokens[promptCount...]
        for id in Set(reply) {
            let count = Float(reply.count { $0 == id })
            logits[Int(id)] -= parameters.presencePenalty + parameters.frequencyPenalty * count
        }
        var order = logits.indices.map { TokenID($0) }.filter { allowed?.contains($0) ?? true }
        order.sort { (logits[Int($0)], -$0) > (logits[Int($1)], -$1) }
        guard let best = order.first else { return nil }
        if parameters.temperature == 0 { return best }
        let maximum = logits[Int(best)]
        func weight(_ id: TokenID) -> Double { Double(expf((logits[Int(id)] - maximum) / parameters.temperature)) }
        if parameters.topK > 0 { order = Array(order.prefix(parameters.topK)) }
        if parameters.topP < 1 {
            let mass = order.reduce(0) { $0 + weight($1) }
            var reached = 0.0
            var kept = 0
            for id in order {
                reached += weight(id)
                kept += 1
                if reached >= mass * Double(parameters.topP) { break }
            }
            order = Array(order.prefix(kept))
        }
        let kept = order.filter { weight($0) >= Double(parameters.minP) }.sorted()
        var rest = CounterGenerator(seed: parameters.seed).uniform(UInt64(reply.count)) * kept.reduce(0) { $0 + weight($1) }
        for id in kept where weight(id) > 0 {
            rest -= weight(id)
            if rest < 0 { return id }
        }
        return kept.last
    }
}

@Suite struct SamplerTests {
    private func sample(
        _ logits: [Float], _ parameters: SamplingParameters, tokens: [TokenID] = [0], promptCount: Int = 1, allowed: Set<TokenID>? = nil,
        logprobs: Int? = nil
    ) throws -> GeneratedToken {
        var mask = [UInt64](repeating: 0, count: (logits.count + 63) / 64)
        allowed?.forEach { mask[Int($0) / 64] |= 1 << UInt64($0 % 64) }
        return try logits.withUnsafeBufferPointer {
            // The best kernels: their exponentials differ from expf in the last place.
            let scratch = SamplerScratch(vocabularySize: logits.count, kernels: sirocco_kernels_select(nil)!)
            return try Sampler(raw: $0, scratch: scratch).sample(
                parameters, tokens: tokens, promptCount: promptCount, mask: allowed == nil ? nil : mask, logprobs: logprobs)
        }
    }

    @Test(arguments: UInt64(1)...400) func agreesWithItsSlowTwin(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...300, using: &random)
        // Few distinct values, so that ties are common.
        let coarse = Bool.random(using: &random)
        let logits = (0..<count).map { _ in
            coarse ? Float(Int.random(in: -4...4, using: &random)) : Float.random(in: -8...8, using: &random)
        }
        func pick<T>(_ values: [T]) -> T { values.randomElement(using: &random)! }
        var parameters = SamplingParameters(
            temperature: pick([0, 0.2, 0.7, 1, 1.5, 4]), topK: pick([0, 0, 1, 2, 10, 50, 1000]), topP: pick([1, 1, 0.99, 0.9, 0.5, 0.01]),
            minP: pick([0, 0, 0.05, 0.3, 1]), repetitionPenalty: pick([1, 1.3, 0.8]), repetitionWindow: pick([0, 1, 5]),
            presencePenalty: pick([0, 0.5, -1]), frequencyPenalty: pick([0, 0.25, -0.5]), seed: random.next())
        if Bool.random(using: &random) { parameters.logitBias = [TokenID(Int.random(in: 0..<count, using: &random)): pick([5, -100])] }
        let tokens = (0..<Int.random(in: 1...20, using: &random)).map { _ in TokenID(Int.random(in: 0..<count, using: &random)) }
        let promptCount = Int.random(in: 0...tokens.count, using: &random)
        let allowed: Set<TokenID>? =
            Bool.random(using: &random)
            ? nil : Set((0..<TokenID(count)).filter { _ in Int.random(in: 0..<3, using: &random) == 0 } + [TokenID(count - 1)])
        let fast = try sample(logits, parameters, tokens: tokens, promptCount: promptCount, allowed: allowed)
        let slow = SlowSampler.sample(logits, parameters, tokens: tokens, promptCount: promptCount, allowed: allowed)
        #expect(fast.id == slow, "seed \(seed): \(parameters)")
    }

    /// Vocabularies with many unlikely tokens, where top-p and top-k look at the likely ones first, and flat ones, where these are not enough.
    @Test(arguments: UInt64(1)...40) func largeVocabulariesAgreeToo(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let spread: Float = [0.1, 3, 40].randomElement(using: &random)!
        let logits = (0..<5_003).map { _ in Float.random(in: -spread...spread, using: &random) }
        let parameters = SamplingParameters(
            temperature: [0.5, 1].randomElement(using: &random)!, topK: [0, 40, 4000].randomElement(using: &random)!,
            topP: [0.95, 0.5].randomElement(using: &random)!, minP: [0, 0.02].randomElement(using: &random)!, seed: random.next())
        #expect(
            try sample(logits, parameters).id == SlowSampler.sample(logits, parameters, tokens: [0], promptCount: 1, allowed: nil),
            "seed \(seed): \(parameters)")
    }

    @Test func frequenciesFollowTheProbabilities() throws {
        let logits: [Float] = [0, 1, 2, -1]
        let total = logits.reduce(0) { $0 + expf($1) }
        var counts = [Float](repeating: 0, count: 4)
        for seed in 0..<20_000 { counts[Int(try sample(logits, .init(temperature: 1, seed: UInt64(seed))).id)] += 1 }
        for token in 0..<4 { #expect(abs(counts[token] / 20_000 - expf(logits[token]) / total) < 0.015, "\(token)") }
    }

    @Test func logprobsAreTheModelsOwn() throws {
        let logits: [Float] = [1, 3, 2, 3]
        let token = try sample(logits, .init(temperature: 0, logitBias: [0: 50]), allowed: [0, 2], logprobs: 3)
        let normalizer = log(logits.reduce(0.0) { $0 + exp(Double($1)) })
        #expect(token.id == 0)
        #expect(abs(token.logprob! - Float(1 - normalizer)) < 1e-6)
        #expect(token.top.map(\.0) == [1, 3, 2])
        #expect(abs(token.top[0].1 - Float(3 - normalizer)) < 1e-6)
        #expect(try sample(logits, .init()).logprob == nil)
        #expect(try sample(logits, .init(), logprobs: 0).top.isEmpty)
        #expect(try sample(logits, .init(), logprobs: 20).top.count == 4)
    }

    @Test func nonsenseIsAnError() {
        for bad in [Float.nan, .infinity, -.infinity] {
            #expect(throws: EngineError.nonFiniteLogits(position: 0)) { try sample([0, bad, 1], .init()) }
        }
        #expect(throws: EngineError.noTokenAllowed(position: 1)) { try sample([0, 1], .init(), allowed: []) }
    }

    @Test func everyFieldIsChecked() {
        let wrong: [(String, (inout SamplingParameters) -> Void)] = [
            ("temperature", { $0.temperature = -0.1 }), ("temperature", { $0.temperature = .nan }),
            ("temperature", { $0.temperature = 101 }),
            ("topK", { $0.topK = -1 }), ("topP", { $0.topP = 0 }), ("topP", { $0.topP = 1.01 }), ("topP", { $0.topP = .nan }),
            ("minP", { $0.minP = -0.01 }), ("minP", { $0.minP = 1.5 }), ("repetitionPenalty", { $0.repetitionPenalty = 0 }),
            ("repetitionPenalty", { $0.repetitionPenalty = .infinity }), ("repetitionWindow", { $0.repetitionWindow = -5 }),
            ("presencePenalty", { $0.presencePenalty = .nan }), ("frequencyPenalty", { $0.frequencyPenalty = 1000 }),
            ("logitBias", { $0.logitBias = [3: .nan] }), ("logitBias", { $0.logitBias = [3: 1e9] }),
        ]
        for (name, change) in wrong {
            var parameters = SamplingParameters()
            change(&parameters)
            do throws(EngineError) {
                try parameters.validate()
                Issue.record("\(name) passed: \(parameters)")
            } catch {
                guard case .invalidParameter(let field, _) = error else {
                    Issue.record("\(error)")
                    continue
                }
                #expect(field == name && error.description.contains(name))
            }
        }
        #expect(throws: Never.self) { try SamplingParameters().validate() }
    }
}
