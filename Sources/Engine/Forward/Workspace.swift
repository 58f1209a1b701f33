// Every buffer that a step writes, allocated once for the largest step.
import Kernels

/// The scratch memory of one engine. Rows are positions of the batch (at most T), shapes are row-major.
final class Workspace {
    /// How activations are encoded for a product: as they are, or in Q8_0 or Q8_K blocks, as the weights want them.
    enum Encoding: Int, CaseIterable {
        case float, blocks32, blocks256

        /// What weights of a type are multiplied with.
        init(for type: ElementType) {
            switch type.blockElements {
            case 1: self = .float
            case 32: self = .blocks32
            default: self = .blocks256
            }
        }

        /// Any weight type that wants this encoding; the kernels name an encoding by it.
        var weightType: sirocco_type {
            switch self {
            case .float: SIROCCO_F32
            case .blocks32: SIROCCO_Q8_0
            case .blocks256: SIROCCO_Q6_K
            }
        }
    }

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
        /// Widest layer: query heads that share a key/value head.
        var headGroup: Int
        /// Widest layer: values inside the feed-forward.
        var feedForward: Int
        /// Pairs rotated, for every rope.
        var ropePairs: [Int]
        /// Positions in the longest sequence.
        var context: Int
        var blockLength: Int
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
    /// For each encoding but `float`: [T, widest input] in blocks.
    let encoded: [UnsafeMutableRawPointer]
    /// For each rope: [T, pairs].
    let cosines: [UnsafeMutablePointer<Float>]
    /// For each rope: [T, pairs].
    let sines: [UnsafeMutablePointer<Float>]
    /// For each thread: [headGroup, context].
    let scores: [UnsafeMutablePointer<Float>]
    /// For each thread: a pointer for each block of the longest sequence, to keys and to values.
    let keyBlocks: [UnsafeMutablePointer<UnsafePointer<Float>?>]
    let valueBlocks: [UnsafeMutablePointer<UnsafePointer<Float>?>]
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
        // Eight bits a value and less than a quarter more for scales and sums, in whole blocks: two bytes a value are enough for both formats.
        encoded = Encoding.allCases.map { $0 == .float ? floats(1) : floats(rows * Self.encodedStride(widest) / 4) }
            .map { UnsafeMutableRawPointer($0) }
        scores = (0..<shape.threads).map { _ in floats(shape.headGroup * shape.context) }
        let blocks = (shape.context + shape.blockLength - 1) / shape.blockLength
        func pointers() -> UnsafeMutablePointer<UnsafePointer<Float>?> {
            let pointer = UnsafeMutablePointer<UnsafePointer<Float>?>.allocate(capacity: blocks)
            pointer.initialize(repeating: nil, count: blocks)
            all.append(UnsafeMutableRawPointer(pointer))
            return pointer
        }
        keyBlocks = (0..<shape.threads).map { _ in pointers() }
        valueBlocks = (0..<shape.threads).map { _ in pointers() }
        panels = (0..<shape.threads).map { _ in floats(Self.densePanel * shape.denseColumns) }
        allocations = all
    }

    deinit { allocations.forEach { $0.deallocate() } }

    /// Bytes kept for an encoded row of `columns` values.
    static func encodedStride(_ columns: Int) -> Int { (2 * columns + 63) / 64 * 64 + 64 }
}
