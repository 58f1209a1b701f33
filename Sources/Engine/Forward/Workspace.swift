// Every buffer that a step writes, allocated once for the largest step.
import Kernels

/// The scratch memory of one engine. Rows are positions of the batch (at most T), shapes are row-major.
final class Workspace {
    /// Sizes that the buffers must hold.
    struct Shape {
        /// T.
        var rows: Int
        /// Rows of logits at once.
        var logitRows: Int
        var hidden: Int
        var vocabulary: Int
        /// Widest layer: heads · headSize.
        var queries: Int
        /// Widest layer: keyValueHeads · headSize.
        var keys: Int
        /// Widest layer: values inside the feed-forward.
        var feedForward: Int
        /// Pairs rotated, for every rope.
        var ropePairs: [Int]
        /// Floats that the attention kernels need on each thread.
        var attention: Int
        /// Floats for partial results of attention.
        var partials: Int
        var threads: Int
        /// Widest input of a dense product that may go to BLAS; 0: none.
        var denseColumns: Int
    }

    let shape: Shape
    /// [T, hidden]: the residual stream.
    let x: UnsafeMutablePointer<Float>
    /// [T, hidden]: x after a norm.
    let normed: UnsafeMutablePointer<Float>
    /// [T, heads · headSize].
    let q: UnsafeMutablePointer<Float>
    /// [T, keyValueHeads · headSize].
    let k: UnsafeMutablePointer<Float>
    /// [T, keyValueHeads · headSize].
    let v: UnsafeMutablePointer<Float>
    /// [T, heads · headSize]: what the heads gathered.
    let attended: UnsafeMutablePointer<Float>
    /// [T, hidden]: what a block adds to x.
    let projected: UnsafeMutablePointer<Float>
    /// [T, feedForward].
    let gate: UnsafeMutablePointer<Float>
    /// [T, feedForward].
    let up: UnsafeMutablePointer<Float>
    /// [T, feedForward].
    let inner: UnsafeMutablePointer<Float>
    /// [logitRows, hidden]: final norm of the rows whose logits are wanted.
    let final: UnsafeMutablePointer<Float>
    /// [logitRows, vocabulary].
    let logits: UnsafeMutablePointer<Float>
    /// [T, widest input] in blocks, as quantized products read it.
    let encoded: UnsafeMutableRawPointer
    /// For each rope: [T, pairs].
    let cosines: [UnsafeMutablePointer<Float>]
    /// For each rope: [T, pairs].
    let sines: [UnsafeMutablePointer<Float>]
    /// For each thread: what the attention kernels need.
    let attention: [UnsafeMutablePointer<Float>]
    /// Partial results of attention that is shared out over the positions.
    let partials: UnsafeMutablePointer<Float>
    /// For each thread: [densePanel, widest input], a panel of weights widened to F32.
    let panels: [UnsafeMutablePointer<Float>]

    /// Outputs in one dense product.
    static let densePanel = 128

    private let allocations: [UnsafeMutableRawPointer]

    init(_ shape: Shape) {
        self.shape = shape
        var all: [UnsafeMutableRawPointer] = []
        func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
            let pointer = alignedFloats(count)
            all.append(UnsafeMutableRawPointer(pointer))
            return pointer
        }
        let rows = shape.rows
        x = floats(rows * shape.hidden)
        normed = floats(rows * shape.hidden)
        q = floats(rows * shape.queries)
        k = floats(rows * shape.keys)
        v = floats(rows * shape.keys)
        attended = floats(rows * shape.queries)
        projected = floats(rows * shape.hidden)
        gate = floats(rows * shape.feedForward)
        up = floats(rows * shape.feedForward)
        inner = floats(rows * shape.feedForward)
        final = floats(shape.logitRows * shape.hidden)
        logits = floats(shape.logitRows * shape.vocabulary)
        cosines = shape.ropePairs.map { floats(rows * $0) }
        sines = shape.ropePairs.map { floats(rows * $0) }
        let widest = max(shape.hidden, shape.queries, shape.feedForward)
        encoded = UnsafeMutableRawPointer(floats(rows * Self.encodedStride(widest) / 4))
        attention = (0..<shape.threads).map { _ in floats(shape.attention) }
        partials = floats(shape.partials)
        panels = (0..<shape.threads).map { _ in floats(Self.densePanel * shape.denseColumns) }
        allocations = all
    }

    deinit { allocations.forEach { $0.deallocate() } }

    /// Bytes kept for an encoded row of `columns` values: whole blocks.
    static func encodedStride(_ columns: Int) -> Int { Int(sirocco_activation_bytes(SIROCCO_Q8_0, Int64((columns + 31) / 32 * 32))) }
}
