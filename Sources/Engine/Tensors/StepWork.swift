// What a step cannot avoid: the multiply-adds of its matrix products and the bytes it must read. The roofline is made of these.

/// The least work of a step, whatever the kernels do.
public struct StepWork: Sendable, Hashable {
    /// Operations (a multiplication and an addition are two) with quantized weights.
    public var quantized = 0.0
    /// Operations with F16 and BF16 weights.
    public var half = 0.0
    /// Operations with F32 weights.
    public var float = 0.0
    /// Bytes of weights and cache, each read once.
    public var bytes = 0

    /// No work.
    public init() {}

    /// The same step so many times.
    public func times(_ count: Int) -> StepWork {
        var work = self
        work.quantized *= Double(count)
        work.half *= Double(count)
        work.float *= Double(count)
        work.bytes *= count
        return work
    }

    /// Adds the product of `positions` rows with a matrix, which is read once.
    mutating func add(_ matrix: WeightMatrix, positions: Int) {
        guard positions > 0 else { return }
        let operations = 2 * Double(matrix.rows) * Double(matrix.columns) * Double(positions)
        switch matrix.type {
        case .f32: float += operations
        case .f16, .bf16: half += operations
        default: quantized += operations
        }
        bytes += matrix.byteCount
    }
}

extension Model {
    /// Bytes of all weight matrices, the embedding included, once where it is the output too.
    public var weightBytes: Int {
        let layers = weights.layers.flatMap { [$0.q, $0.k, $0.v, $0.o, $0.gate, $0.up, $0.down] }
        let output = architecture.tiedOutput ? 0 : weights.output.byteCount
        return layers.reduce(weights.embedding.byteCount + output) { $0 + $1.byteCount }
    }

    /// The least work of a step over `positions` rows, of which `logitRows` want logits, that sees `cached` positions of the cache, each
    /// `cacheBytes` long. Attention's own arithmetic, norms and the rows of the embedding are not counted.
    public func work(positions: Int, logitRows: Int, cached: Int, cacheBytes: Int) -> StepWork {
        var work = StepWork()
        for layer in weights.layers {
            for matrix in [layer.q, layer.k, layer.v, layer.o, layer.gate, layer.up, layer.down] { work.add(matrix, positions: positions) }
        }
        work.add(weights.output, positions: logitRows)
        work.bytes += cached * cacheBytes
        return work
    }
}
