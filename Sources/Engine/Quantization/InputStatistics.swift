// What the columns of a model's matrices are multiplied with while it reads a text: the sums that an importance matrix is made of.
internal import Synchronization

/// Sums of squared inputs, column by column, for every layer's matrices. Given to an engine, it grows with every step.
public final class InputStatistics: Sendable {
    private struct Sums: Sendable {
        var squares: [Double]
        var rows: Int
    }

    private let sums = Mutex<[WeightSlot: Sums]>([:])

    /// Empty statistics.
    public init() {}

    /// Adds rows of inputs, `columns` values each, for slots of one layer that share them.
    func add(layer: Int, _ slots: [LayerSlot], input: UnsafePointer<Float>, rows: Int, columns: Int) {
        sums.withLock { sums in
            var total = sums[.layer(layer, slots[0])] ?? Sums(squares: [Double](repeating: 0, count: columns), rows: 0)
            // Taken out while it grows, so that it is not copied.
            for slot in slots { sums[.layer(layer, slot)] = nil }
            total.squares.withUnsafeMutableBufferPointer { squares in
                for row in 0..<rows {
                    let values = input + row * columns
                    for column in 0..<columns { squares[column] += Double(values[column]) * Double(values[column]) }
                }
            }
            total.rows += rows
            for slot in slots { sums[.layer(layer, slot)] = total }
        }
    }

    /// The importance so far: the mean square of every column.
    public func importance(name: String) throws(LoadError) -> ImportanceMatrix {
        var columns: [String: [Float]] = [:]
        for (slot, sums) in sums.withLock({ $0 }) {
            columns[TensorNames.gguf.name(slot)] = sums.squares.map { Float($0 / Double(sums.rows)) }
        }
        return try ImportanceMatrix(name: name, columns: columns)
    }

    /// Writes the sums in llama.cpp's GGUF form; `text` is the calibration's name, read in `chunks` of at most `chunkLength` tokens.
    public func write(to path: String, text: String, chunks: Int, chunkLength: Int) throws(LoadError) -> Int {
        var output = GGUFOutput()
        output.entries = [
            ("general.type", .string("imatrix")), ("imatrix.datasets", .strings([text])), ("imatrix.chunk_count", .integer(chunks)),
            ("imatrix.chunk_size", .integer(chunkLength)),
        ]
        for (slot, sums) in sums.withLock({ $0 }).sorted(by: { $0.key.description < $1.key.description }) {
            let name = TensorNames.gguf.name(slot)
            output.tensors.append(.floats(name + ".in_sum2", shape: [1, sums.squares.count], sums.squares.map { Float($0) }))
            output.tensors.append(.floats(name + ".counts", shape: [1, 1], [Float(sums.rows)]))
        }
        return try output.write(to: path, threads: 1, progress: nil)
    }
}
