// Writes GGUF files: version 3, little-endian, data at multiples of 32, whole or not at all.
internal import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A GGUF file to be written: its metadata, and tensors whose sizes are known before their bytes are.
struct GGUFOutput: Sendable {
    /// A metadata value, encoded.
    struct Value: Sendable {
        var type: GGUFValueType
        var bytes: [UInt8]

        static func integer(_ value: Int) -> Value { .init(type: .uint32, bytes: littleEndian(UInt32(clamping: value))) }
        static func float(_ value: Float) -> Value { .init(type: .float32, bytes: littleEndian(value.bitPattern)) }
        static func boolean(_ value: Bool) -> Value { .init(type: .bool, bytes: [value ? 1 : 0]) }
        static func string(_ value: String) -> Value { .init(type: .string, bytes: text(value)) }
        static func array(_ type: GGUFValueType, _ elements: [[UInt8]]) -> Value {
            .init(type: .array, bytes: littleEndian(type.rawValue) + littleEndian(UInt64(elements.count)) + elements.joined())
        }
        static func strings(_ values: [String]) -> Value { .array(.string, values.map(text)) }
        static func integers(_ values: [Int]) -> Value { .array(.int32, values.map { littleEndian(Int32(clamping: $0)) }) }
        static func floats(_ values: [Float]) -> Value { .array(.float32, values.map { littleEndian($0.bitPattern) }) }
        static func booleans(_ values: [Bool]) -> Value { .array(.bool, values.map { [$0 ? 1 : 0] }) }
    }

    /// A tensor's place in the file, and the pieces of work that fill it.
    struct Tensor: Sendable {
        var name: String
        /// Outermost dimension first.
        var shape: [Int]
        var type: UInt32
        var byteCount: Int
        /// Rows of the source, for progress, and bytes of one row of the file.
        var rows: Int
        var rowBytes: Int
        /// Bytes that a row takes where it comes from.
        var sourceRowBytes: Int
        /// Writes a run of rows into memory of rows · rowBytes bytes; returns what went wrong.
        var fill: @Sendable (Range<Int>, UnsafeMutableRawPointer) -> LoadError?

        /// An F32 tensor of these values.
        static func floats(_ name: String, shape: [Int], _ values: [Float]) -> Tensor {
            let count = values.count * 4
            return Tensor(
                name: name, shape: shape, type: ElementType.f32.rawValue, byteCount: count, rows: 1, rowBytes: count, sourceRowBytes: count
            ) { _, out in
                values.withUnsafeBytes { if count > 0 { out.copyMemory(from: $0.baseAddress!, byteCount: count) } }
                return nil
            }
        }
    }

    static let alignment = 32
    var entries: [(key: String, value: Value)] = []
    var tensors: [Tensor] = []

    static func text(_ value: String) -> [UInt8] { littleEndian(UInt64(value.utf8.count)) + Array(value.utf8) }

    /// The header up to the data, and where each tensor's data begin in the file.
    private func header() -> (bytes: [UInt8], places: [Int], end: Int) {
        var bytes = Self.littleEndian(GGUFFile.magic) + Self.littleEndian(UInt32(3))
        bytes += Self.littleEndian(UInt64(tensors.count)) + Self.littleEndian(UInt64(entries.count))
        for (key, value) in entries { bytes += Self.text(key) + Self.littleEndian(value.type.rawValue) + value.bytes }
        var offsets: [Int] = []
        var offset = 0
        for tensor in tensors {
            offsets.append(offset)
            bytes += Self.text(tensor.name) + Self.littleEndian(UInt32(tensor.shape.count))
            for dimension in tensor.shape.reversed() { bytes += Self.littleEndian(UInt64(dimension)) }
            bytes += Self.littleEndian(tensor.type) + Self.littleEndian(UInt64(offset))
            offset = Self.aligned(offset + tensor.byteCount)
        }
        bytes += [UInt8](repeating: 0, count: Self.aligned(bytes.count) - bytes.count)
        return (bytes, offsets.map { $0 + bytes.count }, bytes.count + offset)
    }

    private static func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

    static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    private struct Piece: Sendable {
        var tensor: Int
        var rows: Range<Int>
    }

    /// Writes the file under another name and renames it when it is whole, so that what was at `path` stays until then. Returns its length in bytes.
    func write(to path: String, threads: Int?, progress: (@Sendable (LoadProgress) -> Void)?) throws(LoadError) -> Int {
        let file = try OutputFile(path, needsPlaces: true)
        let count = try fill(file.descriptor, name: path, threads: threads, progress: progress)
        try file.finish()
        return count
    }

    private func fill(_ descriptor: Int32, name: String, threads: Int?, progress: (@Sendable (LoadProgress) -> Void)?) throws(LoadError) -> Int {
        let (header, places, end) = header()
        // A disk that is too full says so now, not after the work.
        let code = posix_fallocate(descriptor, 0, off_t(end))
        guard code == 0 else { throw .unreadable(file: name, operation: "reserve \(end) bytes for", code: code) }
        if let code = header.withUnsafeBytes({ Self.write($0, to: descriptor, at: 0) }) {
            throw .unreadable(file: name, operation: "write", code: code)
        }
        var pieces: [Piece] = []
        var completed = [0]
        for (index, tensor) in tensors.enumerated() {
            let stride = max(1, (1 << 20) / max(tensor.sourceRowBytes, 1))
            for first in Swift.stride(from: 0, to: tensor.rows, by: stride) {
                let rows = first..<min(first + stride, tensor.rows)
                pieces.append(Piece(tensor: index, rows: rows))
                completed.append(completed[completed.count - 1] + rows.count * tensor.sourceRowBytes)
            }
        }
        let (work, done, total) = (pieces, completed, completed[completed.count - 1])
        let failure = Mutex<LoadError?>(nil)
        ParallelWork.run(
            count: pieces.count, threads: threads,
            report: { progress?(LoadProgress(completedBytes: done[$0], totalBytes: total)) },
            body: { index in
                if failure.withLock({ $0 != nil }) { return }
                let piece = work[index]
                let tensor = tensors[piece.tensor]
                let error = withUnsafeTemporaryAllocation(byteCount: piece.rows.count * tensor.rowBytes, alignment: 64) { bytes -> LoadError? in
                    if let error = tensor.fill(piece.rows, bytes.baseAddress!) { return error }
                    let place = places[piece.tensor] + piece.rows.lowerBound * tensor.rowBytes
                    return Self.write(UnsafeRawBufferPointer(bytes), to: descriptor, at: place).map {
                        .unreadable(file: name, operation: "write", code: $0)
                    }
                }
                if let error { failure.withLock { $0 = $0 ?? error } }
            })
        if let error = failure.withLock({ $0 }) { throw error }
        return end
    }

    /// All bytes at an offset; the system's error number when it takes no more.
    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int) -> Int32? {
        var written = 0
        while written < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(offset + written))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? errno : ENOSPC }
            written += count
        }
        return nil
    }
}
