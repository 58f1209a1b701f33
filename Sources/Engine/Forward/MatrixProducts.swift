// Products of weight matrices with the batch's rows, shared out over the threads in pieces that change no result.
import Kernels

/// Matrices that multiply the same input: q, k and v; gate and up; or one alone. They are one job for the pool.
struct MatrixGroup {
    /// One matrix, its bias and where its product goes.
    struct Member {
        var type: sirocco_type
        var isDense: Bool
        var pointer: UnsafeRawPointer
        var rowBytes: Int
        var rows: Int
        /// [rows] or none. The model's own memory.
        var bias: UnsafePointer<Float>?
        /// [T, rows].
        var output: UnsafeMutablePointer<Float>
    }

    var members: [Member]
    /// Values in an input row.
    var columns: Int
    /// [T, columns].
    var input: UnsafeMutablePointer<Float>
    /// Whether a member wants its input quantized. One encoding serves all quantized types.
    var isEncoded: Bool
    /// Multiply-adds for one row.
    var costPerRow: Int

    init(_ parts: [(WeightMatrix, bias: UnsafePointer<Float>?, output: UnsafeMutablePointer<Float>)], input: UnsafeMutablePointer<Float>) {
        let members = parts.map { weights, bias, output in
            precondition(weights.isPacked == weights.type.isQuantized, "quantized weights are multiplied from tiles")
            return Member(
                type: weights.type.kernelType, isDense: !weights.type.isQuantized, pointer: weights.pointer, rowBytes: weights.rowBytes,
                rows: weights.rows, bias: bias,
                output: output)
        }
        self.members = members
        columns = parts[0].0.columns
        precondition(parts.allSatisfy { $0.0.columns == parts[0].0.columns })
        self.input = input
        isEncoded = members.contains { !$0.isDense }
        costPerRow = parts.reduce(0) { $0 + $1.0.rows * $1.0.columns }
    }
}

/// Multiplies groups of matrices with rows of the workspace.
struct MatrixProducts {
    let kernels: UnsafePointer<sirocco_kernels>
    let pool: ThreadPool
    let workspace: Workspace
    /// Whether dense chunks go to BLAS; otherwise everything goes to the kernels.
    let usesBLAS: Bool

    /// Encodes one input row of a group, where its matrices are quantized.
    func encode(_ group: MatrixGroup, row: Int) {
        guard group.isEncoded else { return }
        kernels.pointee.quantize_activation(
            group.input + row * group.columns, Int64(group.columns), workspace.encoded + row * Workspace.encodedStride(group.columns))
    }

    /// y = W x + b for every matrix of the group and every row, whose input is encoded. Pieces are blocks of outputs × tiles of rows. A kernel's
    /// result for one row and one output depends on nothing else by its contract, and dense tiles and their panels are fixed by the sequence
    /// and the matrix alone; so neither the batch nor the number of threads changes a bit.
    func multiply(_ group: MatrixGroup, rows: Int, plainTiles: [ForwardBatch.Tile], mixedTiles: [ForwardBatch.Tile]) {
        let hasDense = usesBLAS && mixedTiles.contains { $0.isDense }
        var pieces = 0
        for member in group.members {
            let tiles = member.isDense && hasDense ? mixedTiles.count : plainTiles.count
            pieces += blocks(of: member, hasDense: hasDense).count * tiles
        }
        pool.parallel(pieces, cost: group.costPerRow * rows) { piece, thread in
            var rest = piece
            for member in group.members {
                let tiles = member.isDense && hasDense ? mixedTiles : plainTiles
                let (length, count) = blocks(of: member, hasDense: hasDense)
                if rest >= count * tiles.count {
                    rest -= count * tiles.count
                    continue
                }
                let first = rest / tiles.count * length
                multiply(member, group, outputs: first..<min(first + length, member.rows), tiles[rest % tiles.count], thread)
                return
            }
        }
    }

    /// How a matrix is cut: outputs in a block, and blocks. About eight blocks a thread, of 16 KiB to 256 KiB of weights.
    private func blocks(of member: MatrixGroup.Member, hasDense: Bool) -> (length: Int, count: Int) {
        var length = Workspace.densePanel
        if !(member.isDense && hasDense) {
            let fair = member.rows / (pool.threadCount * 8)
            let least = (16 << 10) / member.rowBytes
            let most = (256 << 10) / member.rowBytes
            // Products of tiles take two at a time.
            length = (max(min(max(fair, least), most), 1) + 31) / 32 * 32
        }
        return (length, (member.rows + length - 1) / length)
    }

    private func multiply(
        _ member: MatrixGroup.Member, _ group: MatrixGroup, outputs: Range<Int>, _ tile: ForwardBatch.Tile, _ thread: Int
    ) {
        let output = member.output + tile.row * member.rows + outputs.lowerBound
        let weights = member.pointer + outputs.lowerBound * member.rowBytes
        if !(tile.isDense && multiplyDense(member, group, weights, outputs.count, tile, thread, output)) {
            let stride = member.isDense ? group.columns * 4 : Workspace.encodedStride(group.columns)
            let input =
                member.isDense
                ? UnsafeRawPointer(group.input + tile.row * group.columns) : UnsafeRawPointer(workspace.encoded + tile.row * stride)
            kernels.pointee.matmul(
                member.type, weights, Int64(outputs.count), Int64(group.columns), input, Int64(tile.count), Int64(stride), output,
                Int64(member.rows))
        }
        guard let bias = member.bias else { return }
        for row in 0..<tile.count {
            kernels.pointee.add(bias + outputs.lowerBound, Int64(outputs.count), output + row * member.rows)
        }
    }

    /// A panel of dense weights times a whole chunk, by BLAS; F16 and BF16 panels are widened first, exactly. False when BLAS is absent.
    private func multiplyDense(
        _ member: MatrixGroup.Member, _ group: MatrixGroup, _ weights: UnsafeRawPointer, _ outputs: Int, _ tile: ForwardBatch.Tile,
        _ thread: Int, _ output: UnsafeMutablePointer<Float>
    ) -> Bool {
        var panel = weights.assumingMemoryBound(to: Float.self)
        if member.type != SIROCCO_F32 {
            let widened = workspace.panels[thread]
            for row in 0..<outputs {
                kernels.pointee.dequantize(
                    member.type, weights + row * member.rowBytes, Int64(group.columns), widened + row * group.columns)
            }
            panel = UnsafePointer(widened)
        }
        let columns = Int64(group.columns)
        return sirocco_sgemm(
            Int64(outputs), columns, panel, columns, group.input + tile.row * group.columns, Int64(tile.count), columns, output,
            Int64(member.rows)) == 0
    }
}
