// A matrix of weights in memory, and what keeps that memory alive.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Rows of weights, contiguous, in one numeric type. The memory is a mapped file or a buffer that `owner` holds.
public struct WeightMatrix: @unchecked Sendable {
    // Safe: the memory is never written after the matrix is made, and `owner` outlives every copy of the pointer in here.

    /// How its values are stored.
    public let type: ElementType
    /// Outputs of the product.
    public let rows: Int
    /// Inputs of the product; a whole number of blocks of `type`.
    public let columns: Int
    /// The first row; each row is `rowBytes` long.
    public let pointer: UnsafeRawPointer
    /// Bytes of one row.
    public let rowBytes: Int
    /// What frees the memory when the last user is gone.
    let owner: AnyObject

    /// A matrix over memory that `owner` keeps alive: `rows` rows of `columns` values each.
    public init(type: ElementType, rows: Int, columns: Int, pointer: UnsafeRawPointer, owner: AnyObject) {
        guard let rowBytes = type.rowBytes(columns: columns), rows >= 0 else {
            preconditionFailure("\(columns) columns are not whole blocks of \(type.name)")
        }
        self.type = type
        self.rows = rows
        self.columns = columns
        self.pointer = pointer
        self.rowBytes = rowBytes
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

    /// Bytes of all rows.
    public var byteCount: Int { rows * rowBytes }

    /// The first byte of a row.
    public func row(_ index: Int) -> UnsafeRawPointer { pointer + index * rowBytes }

    /// All bytes, valid while this value lives.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(owner) {} }
        return try body(UnsafeRawBufferPointer(start: pointer, count: byteCount))
    }
}

/// Memory for weights that were rearranged on their way in: 64-byte aligned, freed with the last reference.
final class WeightBuffer: @unchecked Sendable {
    // Safe: written only by the loader, before anything else sees it.
    let pointer: UnsafeMutableRawPointer
    let count: Int

    /// Memory that may not be had: nil instead of a crash.
    init?(reserving count: Int) {
        var start: UnsafeMutableRawPointer?
        guard posix_memalign(&start, 64, max(count, 1)) == 0, let start else { return nil }
        self.count = count
        pointer = start
    }

    deinit { free(pointer) }
}
