// A tensor as a file declares it: name, stored type, shape, and where its bytes lie.

/// One tensor of an opened model.
public struct TensorInfo: Sendable, Hashable {
    /// Its name in the file.
    public let name: String
    /// How its values are stored.
    public let type: StoredType
    /// Outermost dimension first: a matrix is [rows, columns].
    public let shape: [Int]
    /// Index into `WeightSource.files`.
    public let file: Int
    /// Bytes in that file, from its start.
    public let range: Range<Int>

    /// Bytes that its values take.
    public var byteCount: Int { range.count }

    /// Values in the tensor.
    public var elementCount: Int { shape.reduce(1, *) }
}

/// A numeric type that a model file may name, whether or not the engine computes with it.
public struct StoredType: Sendable, Hashable {
    /// "F32", "BF16", "Q4_K", "I64", ….
    public let name: String
    /// Values in one block.
    public let blockElements: Int
    /// Bytes of one block.
    public let blockBytes: Int

    init(_ name: String, _ blockElements: Int, _ blockBytes: Int) {
        self.name = name
        self.blockElements = blockElements
        self.blockBytes = blockBytes
    }

    /// The type under which the kernels know it; nil for one they do not read.
    public var element: ElementType? { ElementType.byName[name] }

    /// GGML's types by number; removed numbers are absent.
    static let ggml: [UInt32: StoredType] = [
        0: .init("F32", 1, 4), 1: .init("F16", 1, 2), 2: .init("Q4_0", 32, 18), 3: .init("Q4_1", 32, 20), 6: .init("Q5_0", 32, 22),
        7: .init("Q5_1", 32, 24), 8: .init("Q8_0", 32, 34), 9: .init("Q8_1", 32, 36), 10: .init("Q2_K", 256, 84),
        11: .init("Q3_K", 256, 110), 12: .init("Q4_K", 256, 144), 13: .init("Q5_K", 256, 176), 14: .init("Q6_K", 256, 210),
        15: .init("Q8_K", 256, 292), 16: .init("IQ2_XXS", 256, 66), 17: .init("IQ2_XS", 256, 74), 18: .init("IQ3_XXS", 256, 98),
        19: .init("IQ1_S", 256, 50), 20: .init("IQ4_NL", 32, 18), 21: .init("IQ3_S", 256, 110), 22: .init("IQ2_S", 256, 82),
        23: .init("IQ4_XS", 256, 136), 24: .init("I8", 1, 1), 25: .init("I16", 1, 2), 26: .init("I32", 1, 4), 27: .init("I64", 1, 8),
        28: .init("F64", 1, 8), 29: .init("IQ1_M", 256, 56), 30: .init("BF16", 1, 2), 34: .init("TQ1_0", 256, 54),
        35: .init("TQ2_0", 256, 66), 39: .init("MXFP4", 32, 17), 40: .init("NVFP4", 64, 36), 41: .init("Q1_0", 128, 18),
    ]

    /// safetensors' types by name. Sub-byte types are counted in pairs or quadruples, so that a block is whole bytes.
    static let safetensors: [String: StoredType] = Dictionary(
        uniqueKeysWithValues: [
            StoredType("BOOL", 1, 1), StoredType("U8", 1, 1), StoredType("I8", 1, 1), StoredType("F8_E5M2", 1, 1),
            StoredType("F8_E4M3", 1, 1), StoredType("F8_E8M0", 1, 1), StoredType("F4", 2, 1), StoredType("F6_E2M3", 4, 3),
            StoredType("F6_E3M2", 4, 3), StoredType("I16", 1, 2), StoredType("U16", 1, 2), StoredType("F16", 1, 2),
            StoredType("BF16", 1, 2), StoredType("I32", 1, 4), StoredType("U32", 1, 4), StoredType("F32", 1, 4),
            StoredType("C64", 1, 8), StoredType("F64", 1, 8), StoredType("I64", 1, 8), StoredType("U64", 1, 8),
        ].map { ($0.name, $0) })
}

extension ElementType {
    static let byName: [String: ElementType] = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })

    /// The type as files name it.
    var stored: StoredType { StoredType(name, blockElements, blockBytes) }
}

/// The product of dimensions that come from a file; nil when it overflows.
func checkedProduct(_ values: some Sequence<Int>) -> Int? {
    var product = 1
    for value in values {
        let (next, overflow) = product.multipliedReportingOverflow(by: value)
        guard !overflow, value >= 0 else { return nil }
        product = next
    }
    return product
}
