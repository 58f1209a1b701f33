// A step's work as the forward pass sees it: rows, their positions, and where their sequences' cache lies.
import Tokens

/// The rows of one step. Filled anew each step without giving its memory back.
struct ForwardBatch {
    /// Consecutive rows of one sequence.
    struct Piece {
        /// The first row.
        var row: Int
        /// Rows.
        var count: Int
        /// The sequence's cache blocks in order of position; they cover all rows of the piece.
        var blocks: [Int32]
        /// Whether dense weights may multiply these rows at once (a whole aligned chunk of a prompt).
        var isDenseChunk: Bool
    }

    /// A range of rows that one call of a kernel multiplies.
    struct Tile {
        var row: Int
        var count: Int
        /// Whether BLAS multiplies it.
        var isDense: Bool
    }

    private(set) var tokens: [TokenID] = []
    /// The position of each row in its sequence.
    private(set) var positions: [Int] = []
    /// The sequence length that a length-dependent rope assumes for each row: the prompt's, or the row's own where that is more.
    private(set) var ropeLengths: [Int] = []
    /// The piece of each row.
    private(set) var pieceOfRow: [Int] = []
    private(set) var pieces: [Piece] = []
    /// Rows whose logits are wanted, ascending.
    private(set) var logitRows: [Int] = []
    /// All rows in tiles of at most `tileRows`.
    private(set) var plainTiles: [Tile] = []
    /// All rows in tiles, dense chunks each as one.
    private(set) var mixedTiles: [Tile] = []

    /// Rows that one kernel call multiplies at most, so that their activations stay in the cache.
    static let tileRows = 64

    /// Rows.
    var count: Int { tokens.count }

    /// Forgets all rows.
    mutating func reset() {
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        ropeLengths.removeAll(keepingCapacity: true)
        pieceOfRow.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
        logitRows.removeAll(keepingCapacity: true)
        plainTiles.removeAll(keepingCapacity: true)
        mixedTiles.removeAll(keepingCapacity: true)
    }

    /// Adds the rows of one sequence: `tokens[start...]`, logits wanted from position `logitsFrom` on.
    mutating func append(_ tokens: ArraySlice<TokenID>, promptLength: Int, logitsFrom: Int, blocks: [Int32], isDenseChunk: Bool) {
        let row = count
        for position in tokens.indices {
            if position >= logitsFrom { logitRows.append(count) }
            self.tokens.append(tokens[position])
            positions.append(position)
            ropeLengths.append(max(promptLength, position + 1))
            pieceOfRow.append(pieces.count)
        }
        pieces.append(Piece(row: row, count: tokens.count, blocks: blocks, isDenseChunk: isDenseChunk))
    }

    /// Cuts the rows into tiles; after the last `append`.
    mutating func finish() {
        Self.cut(0..<count, into: &plainTiles)
        var plain = 0
        for piece in pieces where piece.isDenseChunk {
            Self.cut(plain..<piece.row, into: &mixedTiles)
            mixedTiles.append(Tile(row: piece.row, count: piece.count, isDense: true))
            plain = piece.row + piece.count
        }
        Self.cut(plain..<count, into: &mixedTiles)
    }

    private static func cut(_ rows: Range<Int>, into tiles: inout [Tile]) {
        var row = rows.lowerBound
        while row < rows.upperBound {
            let count = min(tileRows, rows.upperBound - row)
            tiles.append(Tile(row: row, count: count, isDense: false))
            row += count
        }
    }
}
