// The numeric types of weights that the kernels read, under GGML's names and numbers.

/// How the values of a weight row are stored.
public enum ElementType: UInt32, Sendable, Hashable, CaseIterable {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case f32 = 0, f16 = 1, q4_0 = 2, q8_0 = 8, q4_K = 12, q6_K = 14, bf16 = 30

    /// GGML's name: "F32", "Q4_K", ….
    public var name: String {
        switch self {
        case .f32: "F32"
        case .f16: "F16"
        case .bf16: "BF16"
        case .q4_0: "Q4_0"
        case .q8_0: "Q8_0"
        case .q4_K: "Q4_K"
        case .q6_K: "Q6_K"
        }
    }

    /// Values in one block; a row is a whole number of blocks.
    public var blockElements: Int {
        switch self {
        case .f32, .f16, .bf16: 1
        case .q4_0, .q8_0: 32
        case .q4_K, .q6_K: 256
        }
    }

    /// Bytes of one block.
    public var blockBytes: Int {
        switch self {
        case .f32: 4
        case .f16, .bf16: 2
        case .q4_0: 18
        case .q8_0: 34
        case .q4_K: 144
        case .q6_K: 210
        }
    }

    /// The alignment in bytes that a row's first block must have.
    public var alignment: Int { self == .f32 ? 4 : 2 }

    /// Whether values are stored in blocks with scales.
    public var isQuantized: Bool { blockElements > 1 }

    /// Bytes of a row of `columns` values; nil when that is not a whole number of blocks.
    public func rowBytes(columns: Int) -> Int? {
        guard columns >= 0, columns % blockElements == 0 else { return nil }
        let (bytes, overflow) = (columns / blockElements).multipliedReportingOverflow(by: blockBytes)
        return overflow ? nil : bytes
    }
}
