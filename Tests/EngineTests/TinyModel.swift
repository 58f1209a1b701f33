// A tiny model made from a seed, so that the whole engine runs in milliseconds; and what tests of the engine share.
import Grammar
import Kernels
import TestSupport
import Tokens

@testable import Engine

/// Random weights of any shape.
enum TinyModel {
    /// A model with weights drawn from a seed; `type` F32, F16, BF16 or Q8_0.
    static func make(
        seed: UInt64 = 1, vocabulary: Int = 96, hidden: Int = 32, heads: Int = 4, keyValueHeads: Int = 2, headSize: Int = 8,
        layers: Int = 3,
        feedForward: Int = 64, window: Int? = nil, type: ElementType = .f32, bias: Bool = true, context: Int = 512
    ) -> Model {
        var random = SeededGenerator(seed: seed)
        func values(_ count: Int, _ scale: Float, around centre: Float = 0) -> [Float] {
            (0..<count).map { _ in
                centre + scale * (Float.random(in: -1...1, using: &random) + Float.random(in: -1...1, using: &random))
            }
        }
        func matrix(_ rows: Int, _ columns: Int, gain: Float = 1) -> WeightMatrix {
            encode(values(rows * columns, gain * 1.2 / Float(columns).squareRoot()), rows, columns, type)
        }
        let attention = Architecture.Attention(
            heads: heads, keyValueHeads: keyValueHeads, headSize: headSize, window: window, scale: 1 / Float(headSize).squareRoot(),
            qkNorm: true, inputBias: bias, outputBias: bias)
        let architecture = Architecture(
            family: "tiny", hiddenSize: hidden, vocabularySize: vocabulary, contextLength: context,
            layers: (0..<layers).map { _ in
                .init(attention: attention, feedForward: .gated(size: feedForward, activation: .silu, bias: bias))
            }, normEpsilon: 1e-5, ropes: [Rope(theta: 10_000, rotaryDimensions: headSize)], tiedOutput: false)
        let (q, kv) = (heads * headSize, keyValueHeads * headSize)
        let layerWeights = (0..<layers).map { _ in
            LayerWeights(
                attentionNorm: values(hidden, 0.1, around: 1), q: matrix(q, hidden), k: matrix(kv, hidden), v: matrix(kv, hidden),
                o: matrix(hidden, q), qBias: bias ? values(q, 0.1) : nil, kBias: bias ? values(kv, 0.1) : nil,
                vBias: bias ? values(kv, 0.1) : nil, oBias: bias ? values(hidden, 0.1) : nil, qNorm: values(headSize, 0.1, around: 1),
                kNorm: values(headSize, 0.1, around: 1), feedForwardNorm: values(hidden, 0.1, around: 1),
                gate: matrix(feedForward, hidden), up: matrix(feedForward, hidden), down: matrix(hidden, feedForward),
                gateBias: bias ? values(feedForward, 0.1) : nil, upBias: bias ? values(feedForward, 0.1) : nil,
                downBias: bias ? values(hidden, 0.1) : nil)
        }
        let weights = ModelWeights(
            embedding: matrix(vocabulary, hidden, gain: 4), layers: layerWeights, finalNorm: values(hidden, 0.1, around: 1),
            output: matrix(vocabulary, hidden, gain: 3))
        return Model(name: "tiny", architecture: architecture, weights: weights)
    }

    private static func encode(_ values: [Float], _ rows: Int, _ columns: Int, _ type: ElementType) -> WeightMatrix {
        switch type {
        case .f16:
            let bytes = values.map { Float16($0) }.withUnsafeBytes { Array($0) }
            return WeightMatrix(type: .f16, rows: rows, columns: columns, copying: bytes)
        case .bf16:
            let bytes = values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }.withUnsafeBytes { Array($0) }
            return WeightMatrix(type: .bf16, rows: rows, columns: columns, copying: bytes)
        case .q8_0:
            var bytes: [UInt8] = []
            for start in stride(from: 0, to: values.count, by: 32) {
                let block = values[start..<start + 32]
                let scale = Float16((block.map { abs($0) }.max() ?? 0) / 127)
                withUnsafeBytes(of: scale) { bytes += Array($0) }
                bytes += block.map { UInt8(bitPattern: Int8(max(-127, min(127, ($0 / max(Float(scale), 1e-20)).rounded())))) }
            }
            return WeightMatrix(type: .q8_0, rows: rows, columns: columns, copying: bytes).packed()
        default:
            return WeightMatrix(rows: rows, columns: columns, copying: values)
        }
    }

    /// The vocabulary of a tiny model as bytes: printable ASCII from the space on, so that grammars can speak about it.
    static func vocabulary(count: Int = 96) -> Vocabulary {
        Vocabulary(
            tokens: (0..<count).map { $0 < 95 ? [UInt8(32 + $0)] : [] }, kinds: (0..<count).map { $0 < 95 ? .normal : .control })
    }

    /// The token id of an ASCII character in `vocabulary`.
    static func token(_ character: Character) -> TokenID { TokenID(character.asciiValue!) - 32 }

    /// A matcher for rules over `vocabulary`.
    static func matcher(_ rules: Rules) throws -> Matcher {
        try CompiledGrammar(rules, vocabulary: vocabulary()).makeMatcher()
    }
}

/// A whole reply.
struct Reply {
    var tokens: [GeneratedToken] = []
    var reason: FinishReason?
    var usage: Usage?
    var ids: [TokenID] { tokens.map(\.id) }
}

extension Generation {
    /// Reads to the end.
    func collect() async throws -> Reply {
        var reply = Reply()
        for try await event in self {
            switch event {
            case .prefilled: break
            case .tokens(let tokens): reply.tokens += tokens
            case .finished(let reason, let usage): (reply.reason, reply.usage) = (reason, usage)
            }
        }
        return reply
    }
}

extension LLMEngine {
    /// Waits until every block is free again and nothing runs or waits.
    func drained() async throws -> EngineStatistics {
        for _ in 0..<10_000 {
            let now = statistics
            if now.blocksFree == now.blocksTotal && now.running == 0 && now.waiting == 0 { return now }
            try await Task.sleep(nanoseconds: 1_000_000)
        }
        return statistics
    }
}

/// The kernel tables that this CPU runs, best first.
func availableKernels() -> [String] {
    var names = [UnsafePointer<CChar>?](repeating: nil, count: 16)
    let count = Int(sirocco_kernels_available(&names, 16))
    precondition(count > 0)
    return names[..<count].map { String(cString: $0!) }
}

/// Random tokens.
func randomTokens(_ count: Int, vocabulary: Int = 96, seed: UInt64) -> [TokenID] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in TokenID.random(in: 0..<TokenID(vocabulary), using: &random) }
}
