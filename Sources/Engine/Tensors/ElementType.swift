// The numeric types of weights that the kernels read, under GGML's names and numbers.
internal import Kernels

/// How the values of a weight row are stored.
public enum ElementType: UInt32, Sendable, Hashable, CaseIterable {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case f32 = 0, f16 = 1, q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8, q2_K = 10, q3_K = 11, q4_K = 12, q5_K = 13, q6_K = 14, q8_K = 15,
        iq2_xxs = 16, iq2_xs = 17, iq3_xxs = 18, iq1_s = 19, iq4_nl = 20, iq3_s = 21, iq2_s = 22, iq4_xs = 23, iq1_m = 29, bf16 = 30, tq1_0 = 34,
        tq2_0 = 35, mxfp4 = 39

    /// GGML's name: "F32", "Q4_K", "IQ2_XXS", ….
    public var name: String { "\(self)".uppercased() }

    /// Values in one block; a row is a whole number of blocks.
    public var blockElements: Int { Int(sirocco_block_elements(kernelType)) }

    /// Bytes of one block.
    public var blockBytes: Int { Int(sirocco_row_bytes(kernelType, Int64(blockElements))) }

    /// The alignment in bytes that a row's first block must have.
    public var alignment: Int {
        switch self {
        case .f32, .q8_K: 4
        case .mxfp4: 1
        default: 2
        }
    }

    /// Whether values are stored in blocks with scales.
    public var isQuantized: Bool { blockElements > 1 }

    /// Bytes of a row of `columns` values; nil when that is not a whole number of blocks.
    public func rowBytes(columns: Int) -> Int? {
        let bytes = sirocco_row_bytes(kernelType, Int64(columns))
        return bytes < 0 ? nil : Int(bytes)
    }

    /// The kernels' number of the type.
    var kernelType: sirocco_type { sirocco_type(rawValue: rawValue) }
}
