// The tensors of an opened model, whatever files they lie in.
internal import JSON

/// Tensors by name over one or more files.
public struct WeightSource: Sendable {
    /// Whose names the tensors bear.
    public enum Convention: String, Sendable, Hashable {
        /// Hugging Face's (`model.layers.0…`) or GGUF's (`blk.0…`).
        case huggingFace, gguf
    }

    /// Whose names the tensors bear.
    public let convention: Convention
    /// The files that hold the tensors.
    public let files: [MappedFile]
    /// The tensors of all files.
    public let tensors: [TensorInfo]
    private let positions: [String: Int]

    init(convention: Convention, files: [MappedFile], tensors: [TensorInfo]) throws(LoadError) {
        self.convention = convention
        self.files = files
        self.tensors = tensors
        var positions: [String: Int] = [:]
        for (index, tensor) in tensors.enumerated() where positions.updateValue(index, forKey: tensor.name) != nil {
            throw .duplicateTensor(file: files[tensor.file].name, tensor: tensor.name)
        }
        self.positions = positions
    }

    /// The tensor with a name.
    public func tensor(_ name: String) -> TensorInfo? { positions[name].map { tensors[$0] } }

    /// A tensor's bytes; valid while this source's files live.
    func bytes(of tensor: TensorInfo) -> UnsafeRawBufferPointer {
        // The range was checked when the file was parsed; slicing checks it again at use.
        UnsafeRawBufferPointer(rebasing: files[tensor.file].bytes[tensor.range])
    }

    /// Fails when a file is no longer what it was when it was opened.
    func checkLengths() throws(LoadError) {
        for file in files { try file.checkLength() }
    }

    /// Bytes of all files.
    public var byteCount: Int { files.reduce(0) { $0 + $1.count } }

    /// A tensor's values as F32, when it is F32, F16 or BF16.
    func floats(of tensor: TensorInfo) throws(LoadError) -> [Float] {
        guard let element = tensor.type.element, let values = widened(bytes(of: tensor), from: element) else {
            throw .unsupportedTensorType(file: files[tensor.file].name, tensor: tensor.name, type: tensor.type.name)
        }
        return values
    }
}

/// Values of F32, F16 or BF16 as F32, exactly; nil for quantized types.
func widened(_ bytes: UnsafeRawBufferPointer, from type: ElementType) -> [Float]? {
    switch type {
    case .f32:
        (0..<bytes.count / 4).map {
            Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
        }
    case .bf16:
        (0..<bytes.count / 2).map {
            Float(bitPattern: UInt32(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))) << 16)
        }
    case .f16:
        (0..<bytes.count / 2).map {
            float(half: UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)))
        }
    default: nil
    }
}

/// The value of IEEE 754 half-precision bits.
func float(half bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1f)
    let fraction = UInt32(bits & 0x3ff)
    switch exponent {
    case 0: return Float(sign: sign == 0 ? .plus : .minus, exponent: -24, significand: Float(fraction))
    case 31: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
}
