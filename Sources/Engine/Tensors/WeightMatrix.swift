// A matrix of weights in memory, and what keeps that memory alive.
import Kernels

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Weights in one numeric type: rows one after another as files have them, or packed into tiles of 16 rows as the quantized products read them.
/// The memory is a mapped file or a buffer that `owner` holds.
public struct WeightMatrix: @unchecked Sendable {
    // Safe: the memory is never written after the matrix is made, and `owner` outlives every copy of the pointer in here.

    /// How its values are stored.
    public let type: ElementType
    /// Outputs of the product.
    public let rows: Int
    /// Inputs of the product; a whole number of blocks of `type`.
    public let columns: Int
    /// The first row or tile; a tile is 16 times `rowBytes` long.
    public let pointer: UnsafeRawPointer
    /// Bytes of one row.
    public let rowBytes: Int
    /// Whether the rows are in tiles (`sirocco_pack`).
    public let isPacked: Bool
    /// What frees the memory when the last user is gone.
    let owner: AnyObject

    /// A matrix over memory that `owner` keeps alive: `rows` rows of `columns` values each, in tiles when `isPacked`.
    public init(type: ElementType, rows: Int, columns: Int, pointer: UnsafeRawPointer, isPacked: Bool = false, owner: AnyObject) {
        guard let rowBytes = type.rowBytes(columns: columns), rows >= 0 else {
            preconditionFailure("\(columns) columns are not whole blocks of \(type.name)")
        }
        self.type = type
        self.rows = rows
        self.columns = columns
        self.pointer = pointer
        self.rowBytes = rowBytes
        self.isPacked = isPacked
        self.owner = owner
    }

    /// A matrix with memory of its own, filled with `bytes` (rows × row bytes of them).
    public init(type: ElementType, rows: Int, columns: Int, copying bytes: [UInt8]) {
        guard let buffer = WeightBuffer(reserving: bytes.count) else { fatalError("no memory for \(bytes.count) bytes") }
        bytes.withUnsafeBytes { if $0.count > 0 { buffer.pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count) } }
        self.init(type: type, rows: rows, columns: columns, pointer: UnsafeRawPointer(buffer.pointer), owner: buffer)
        precondition(bytes.count == byteCount, "\(bytes.count) bytes for \(rows) rows of \(rowBytes) bytes")
    }

    /// An F32 matrix with memory of its own.
    public init(rows: Int, columns: Int, copying values: [Float]) {
        self.init(type: .f32, rows: rows, columns: columns, copying: values.withUnsafeBytes { Array($0) })
    }

    /// Bytes of all rows or tiles.
    public var byteCount: Int { (isPacked ? Self.wholeTiles(rows) : rows) * rowBytes }

    /// Rows in a tile.
    static let tileRows = Int(SIROCCO_TILE_ROWS)

    /// Rows, rounded up to whole tiles.
    static func wholeTiles(_ rows: Int) -> Int { (rows + tileRows - 1) / tileRows * tileRows }

    /// The same weights packed into tiles, in memory of its own; dense ones as they are.
    public func packed() -> WeightMatrix {
        guard type.isQuantized, !isPacked else { return self }
        let count = Self.wholeTiles(rows) * rowBytes
        guard let buffer = WeightBuffer(reserving: count) else { fatalError("no memory for \(count) bytes") }
        Self.pack(type, columns: columns, rows: 0..<rows, into: buffer.pointer) { pointer + $0 * rowBytes }
        withExtendedLifetime(owner) {}
        return WeightMatrix(
            type: type, rows: rows, columns: columns, pointer: UnsafeRawPointer(buffer.pointer), isPacked: true, owner: buffer)
    }

    /// The rows as files have them.
    public func unpacked() -> [UInt8] {
        guard isPacked else { return withUnsafeBytes { Array($0) } }
        defer { withExtendedLifetime(owner) {} }
        return [UInt8](unsafeUninitializedCapacity: rows * rowBytes) { bytes, count in
            for row in 0..<rows { unpack(row: row, into: bytes.baseAddress! + row * rowBytes) }
            count = rows * rowBytes
        }
    }

    private func unpack(row index: Int, into bytes: UnsafeMutableRawPointer) {
        let (tile, lane) = index.quotientAndRemainder(dividingBy: Self.tileRows)
        sirocco_unpack(type.kernelType, pointer + tile * Self.tileRows * rowBytes, Int32(lane), Int64(columns), bytes)
    }

    /// Packs `rows`, which begin with a tile and end with one or with the matrix, into the tiles that begin at `tiles`.
    static func pack(
        _ type: ElementType, columns: Int, rows: Range<Int>, into tiles: UnsafeMutableRawPointer, from source: (_ row: Int) -> UnsafeRawPointer
    ) {
        let tileBytes = tileRows * type.rowBytes(columns: columns)!
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: tileRows) { lanes in
            for (tile, first) in stride(from: rows.lowerBound, to: rows.upperBound, by: tileRows).enumerated() {
                for lane in 0..<tileRows { lanes[lane] = first + lane < rows.upperBound ? source(first + lane) : nil }
                sirocco_pack(
                    type.kernelType, lanes.baseAddress, Int64(columns), tiles + tile * tileBytes)
            }
        }
    }

    /// Row `index` as F32, `columns` values.
    func widen(row index: Int, kernels: UnsafePointer<sirocco_kernels>, into values: UnsafeMutablePointer<Float>) {
        let kind = type.kernelType
        guard isPacked else { return kernels.pointee.dequantize(kind, pointer + index * rowBytes, Int64(columns), values) }
        withUnsafeTemporaryAllocation(byteCount: rowBytes, alignment: 64) { row in
            unpack(row: index, into: row.baseAddress!)
            kernels.pointee.dequantize(kind, row.baseAddress, Int64(columns), values)
        }
    }

    /// All bytes, valid while this value lives.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(owner) {} }
        return try body(UnsafeRawBufferPointer(start: pointer, count: byteCount))
    }
}

/// Memory for weights that were rearranged on their way in: aligned to lines of the cache, large ones in huge pages where the system has them;
/// freed with the last reference.
final class WeightBuffer: @unchecked Sendable {
    // Safe: written only by the loader, before anything else sees it.
    let pointer: UnsafeMutableRawPointer
    let count: Int

    static let hugePage = 2 << 20

    /// Memory that may not be had: nil instead of a crash.
    init?(reserving count: Int) {
        var start: UnsafeMutableRawPointer?
        let isLarge = count >= Self.hugePage
        guard posix_memalign(&start, isLarge ? Self.hugePage : 64, max(count, 1)) == 0, let start else { return nil }
        #if os(Linux)
            // Advice: a refusal changes nothing but speed.
            if isLarge { _ = madvise(start, count, MADV_HUGEPAGE) }
        #endif
        self.count = count
        pointer = start
    }

    deinit { free(pointer) }
}
