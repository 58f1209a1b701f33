// GGUF files made in tests, right or deliberately wrong, independently of the engine's reader.

/// Writes a GGUF file piece by piece.
public struct GGUFWriter: Sendable {
    /// A metadata value with its type on the wire.
    public indirect enum Value: Sendable {
        case uint8(UInt8), int8(Int8), uint16(UInt16), int16(Int16), uint32(UInt32), int32(Int32), uint64(UInt64), int64(Int64)
        case float32(Float), float64(Double), bool(Bool), string(String)
        /// Elements of one type; empty arrays are of uint32.
        case array([Value])
        /// A type number and bytes, whatever they mean.
        case raw(type: UInt32, bytes: [UInt8])

        /// GGUF's number of the type.
        public var type: UInt32 {
            switch self {
            case .uint8: 0
            case .int8: 1
            case .uint16: 2
            case .int16: 3
            case .uint32: 4
            case .int32: 5
            case .float32: 6
            case .bool: 7
            case .string: 8
            case .array: 9
            case .uint64: 10
            case .int64: 11
            case .float64: 12
            case .raw(let type, _): type
            }
        }

        /// The value without its type.
        public var bytes: [UInt8] {
            switch self {
            case .uint8(let value): littleEndian(value)
            case .int8(let value): littleEndian(value)
            case .uint16(let value): littleEndian(value)
            case .int16(let value): littleEndian(value)
            case .uint32(let value): littleEndian(value)
            case .int32(let value): littleEndian(value)
            case .uint64(let value): littleEndian(value)
            case .int64(let value): littleEndian(value)
            case .float32(let value): littleEndian(value.bitPattern)
            case .float64(let value): littleEndian(value.bitPattern)
            case .bool(let value): [value ? 1 : 0]
            case .string(let value): GGUFWriter.string(Array(value.utf8))
            case .array(let elements):
                littleEndian(elements.first?.type ?? 4) + littleEndian(UInt64(elements.count)) + elements.flatMap(\.bytes)
            case .raw(_, let bytes): bytes
            }
        }
    }

    /// A tensor: shape outermost first, GGML's type number, bytes.
    public struct Tensor: Sendable {
        public var name: String
        public var shape: [UInt64]
        public var type: UInt32
        public var bytes: [UInt8]
        /// What the file says instead of the offset at which the bytes are put.
        public var declaredOffset: UInt64?

        public init(name: String, shape: [UInt64], type: UInt32 = 0, bytes: [UInt8], declaredOffset: UInt64? = nil) {
            self.name = name
            self.shape = shape
            self.type = type
            self.bytes = bytes
            self.declaredOffset = declaredOffset
        }
    }

    public var magic: [UInt8] = Array("GGUF".utf8)
    public var version: UInt32 = 3
    /// Where data begin; a key says so when it is not 32.
    public var alignment = 32
    public var metadata: [(String, Value)]
    public var tensors: [Tensor]
    /// Counts that the header states instead of the true ones.
    public var declaredTensorCount: UInt64?
    public var declaredMetadataCount: UInt64?

    public init(metadata: [(String, Value)] = [], tensors: [Tensor] = []) {
        self.metadata = metadata
        self.tensors = tensors
    }

    /// The whole file, and where each of its sections ends.
    public func sections() -> (bytes: [UInt8], ends: [(section: String, end: Int)]) {
        var metadata = metadata
        if alignment != 32 { metadata.append(("general.alignment", .uint32(UInt32(alignment)))) }
        var bytes = magic + littleEndian(version)
        bytes += littleEndian(declaredTensorCount ?? UInt64(tensors.count))
        bytes += littleEndian(declaredMetadataCount ?? UInt64(metadata.count))
        var ends = [("header", bytes.count)]
        for (key, value) in metadata {
            bytes += Self.string(Array(key.utf8)) + littleEndian(value.type) + value.bytes
            ends.append(("metadata \(key)", bytes.count))
        }
        var data: [UInt8] = []
        for tensor in tensors {
            bytes += Self.string(Array(tensor.name.utf8)) + littleEndian(UInt32(tensor.shape.count))
            for dimension in tensor.shape.reversed() { bytes += littleEndian(dimension) }
            bytes += littleEndian(tensor.type) + littleEndian(tensor.declaredOffset ?? UInt64(data.count))
            ends.append(("tensor \(tensor.name)", bytes.count))
            data += tensor.bytes
            while data.count % alignment != 0 { data.append(0) }
        }
        if !tensors.isEmpty {
            while bytes.count % alignment != 0 { bytes.append(0) }
            // The last tensor needs no padding after it.
            if let last = tensors.last { data.removeLast((alignment - last.bytes.count % alignment) % alignment) }
        }
        bytes += data
        ends.append(("data", bytes.count))
        return (bytes, ends)
    }

    /// The whole file.
    public func bytes() -> [UInt8] { sections().bytes }

    /// A 64-bit length and bytes.
    public static func string(_ bytes: [UInt8]) -> [UInt8] { littleEndian(UInt64(bytes.count)) + bytes }
}

/// A number's bytes, least significant first.
public func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
