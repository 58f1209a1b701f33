// Attention of a batch over the block cache: keys and values on their way in, queries cut into pieces of work.
import Kernels

/// Stores keys and values and lets queries look at them.
///
/// A piece of work is a few rows of one sequence and one key/value head with the query heads that share it. Where that gives too few pieces for the
/// threads, rows that stand alone are cut over the positions too, in whole chunks that are folded in their order. The kernels promise that none of
/// these cuts changes a bit (attention.h).
struct CacheAttention {
    let kernels: UnsafePointer<sirocco_kernels>
    let pool: ThreadPool
    let cache: PagedKVCache
    let workspace: Workspace

    /// A piece of work: rows of one piece of the batch, one key/value head, and the chunks that are taken at once.
    private struct Piece {
        var sequence: Int
        var row: Int
        var rows: Int
        var head: Int
        /// The chunks that this piece computes; nil: all, and their fold.
        var chunks: Range<Int>?
        /// Where in the workspace the partial results of its first chunk go.
        var partials: Int
    }

    private static let chunkLength = Int(SIROCCO_CHUNK)
    /// Queries in a piece, so that they share keys and values while these are in the nearest cache.
    private static let queriesInPiece = 32

    /// Puts the keys and values of one row where the sequence's block table says.
    func store(layer: Int, _ attention: Architecture.Attention, row: Int, position: Int, blocks: [Int32]) {
        let (w, D) = (workspace, attention.headSize)
        let type = cache.type.kernelType
        let offset = cache.offset(layer: layer, block: blocks[position / cache.blockLength], position: position)
        let slot = Int64(position % PagedKVCache.tileLength)
        for head in 0..<attention.keyValueHeads {
            let (keys, values) = cache.head(head, layer: layer)
            let place = (row * attention.keyValueHeads + head) * D
            kernels.pointee.store_key(type, w.k + place, Int64(D), keys + offset, slot)
            kernels.pointee.store_value(type, w.v + place, Int64(D), values + offset, slot)
        }
    }

    /// Attention of every row's query heads over the cached positions that they see, their own included.
    func attend(layer: Int, _ attention: Architecture.Attention, _ batch: borrowing ForwardBatch) {
        let (pieces, positions, sequences) = (cut(attention, batch), batch.positions, batch.pieces)
        let seen = positions.reduce(0) { $0 + min($1 + 1, attention.window ?? .max) }
        pool.parallel(pieces.count, cost: 2 * seen * attention.heads * attention.headSize) { index, thread in
            let piece = pieces[index]
            sequences[piece.sequence].blocks.withUnsafeBufferPointer { blocks in
                var asked = self.question(layer, attention, piece, positions[piece.row], blocks.baseAddress!)
                guard let chunks = piece.chunks else { return self.kernels.pointee.attend(&asked, self.workspace.attention[thread]) }
                let length = self.partialLength(attention) * piece.rows
                for (index, chunk) in chunks.enumerated() {
                    self.kernels.pointee.attend_chunk(&asked, Int64(chunk), self.workspace.partials + piece.partials + index * length)
                }
            }
        }
        for piece in pieces where piece.chunks?.lowerBound == firstChunk(attention, positions[piece.row]) {
            sequences[piece.sequence].blocks.withUnsafeBufferPointer { blocks in
                var asked = question(layer, attention, piece, positions[piece.row], blocks.baseAddress!)
                kernels.pointee.attend_fold(&asked, workspace.partials + piece.partials, workspace.attention[0])
            }
        }
    }

    /// What the kernels are asked for a piece.
    private func question(
        _ layer: Int, _ attention: Architecture.Attention, _ piece: Piece, _ position: Int, _ blocks: UnsafePointer<Int32>
    ) -> sirocco_attention {
        let (D, group) = (attention.headSize, attention.heads / attention.keyValueHeads)
        let (keys, values) = cache.head(piece.head, layer: layer)
        let place = (piece.row * attention.heads + piece.head * group) * D
        return sirocco_attention(
            type: cache.type.kernelType, head_size: Int64(D), block_length: Int64(cache.blockLength), keys: keys, values: values,
            block_bytes: Int64(cache.blockBytes), blocks: blocks, heads: Int64(group), rows: Int64(piece.rows), position: Int64(position),
            window: Int64(attention.window ?? .max), scale: attention.scale, q: workspace.q + place, out: workspace.attended + place,
            stride: Int64(attention.heads * D))
    }

    /// Floats of a partial result of one row.
    private func partialLength(_ attention: Architecture.Attention) -> Int {
        attention.heads / attention.keyValueHeads * Int(sirocco_partial_length(Int64(attention.headSize)))
    }

    private func firstChunk(_ attention: Architecture.Attention, _ position: Int) -> Int {
        max(0, position + 1 - (attention.window ?? .max)) / Self.chunkLength
    }

    /// The work, the longest first.
    private func cut(_ attention: Architecture.Attention, _ batch: borrowing ForwardBatch) -> [Piece] {
        let group = attention.heads / attention.keyValueHeads
        let rowsInPiece = max(1, Self.queriesInPiece / group)
        var pieces: [Piece] = []
        for (sequence, piece) in batch.pieces.enumerated() {
            for start in stride(from: 0, to: piece.count, by: rowsInPiece).reversed() {
                for head in 0..<attention.keyValueHeads {
                    pieces.append(
                        Piece(
                            sequence: sequence, row: piece.row + start, rows: min(rowsInPiece, piece.count - start), head: head, chunks: nil,
                            partials: 0))
                }
            }
        }
        let wanted = 4 * pool.threadCount
        guard pool.threadCount > 1, pieces.count < wanted else { return pieces }
        return cutOverPositions(pieces, into: (wanted + pieces.count - 1) / pieces.count, attention, batch)
    }

    /// Cuts every piece that stands alone into about `parts` ranges of chunks, as far as there is room for their results.
    private func cutOverPositions(
        _ pieces: [Piece], into parts: Int, _ attention: Architecture.Attention, _ batch: borrowing ForwardBatch
    ) -> [Piece] {
        var cuts: [Piece] = []
        var used = 0
        for piece in pieces {
            let position = batch.positions[piece.row]
            let chunks = firstChunk(attention, position)..<(position + piece.rows - 1) / Self.chunkLength + 1
            let length = piece.rows * partialLength(attention)
            guard chunks.count > 1, used + chunks.count * length <= workspace.shape.partials else {
                cuts.append(piece)
                continue
            }
            let step = (chunks.count + parts - 1) / parts
            for chunk in stride(from: chunks.lowerBound, to: chunks.upperBound, by: step) {
                var cut = piece
                cut.chunks = chunk..<min(chunk + step, chunks.upperBound)
                cut.partials = used + (chunk - chunks.lowerBound) * length
                cuts.append(cut)
            }
            used += chunks.count * length
        }
        return cuts
    }
}
