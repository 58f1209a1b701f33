// How a model is quantized while it is loaded or written: a scheme, exceptions by name, and what each column matters.
internal import Kernels

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What becomes of a model's matrices. Vectors (norms, biases) stay F32.
public struct Quantization: Sendable, Hashable {
    /// Which scheme.
    public enum Choice: Sendable, Hashable {
        /// Every matrix stays as it is stored, where no exception takes it.
        case unchanged
        /// The one with the most bits of `automaticSchemes` whose weights take at most half of the machine's memory; else the smallest.
        case automatic
        /// This one.
        case scheme(QuantizationScheme)
    }

    /// The scheme of all tensors that no exception names.
    public var choice: Choice
    /// Exceptions; the first that matches counts.
    public var exceptions: [TensorException]
    /// What each column of each matrix matters; nil: all the same.
    public var importance: ImportanceMatrix?
    /// Whether matrices that are already quantized may be quantized anew, which loses more than quantizing them once.
    public var requantizes: Bool

    /// A quantization; see the members.
    public init(
        _ choice: Choice = .unchanged, exceptions: [TensorException] = [], importance: ImportanceMatrix? = nil, requantizes: Bool = false
    ) {
        self.choice = choice
        self.exceptions = exceptions
        self.importance = importance
        self.requantizes = requantizes
    }

    /// What `automatic` chooses from.
    public static let automaticSchemes = ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "iq4_xs", "q3_k_m", "q2_k"].map { QuantizationScheme(named: $0)! }
}

/// "These tensors get this type": a POSIX extended regular expression over the tensors' names in GGUF ("blk.3.ffn_down.weight"), found anywhere in one.
public struct TensorException: Sendable, Hashable {
    /// The expression.
    public let pattern: String
    /// What matching tensors become.
    public let type: ElementType

    /// An exception whose pattern compiles and whose type has a quantizer.
    public init(pattern: String, type: ElementType) throws(LoadError) {
        guard type.hasQuantizer else { throw .noQuantizer(type: type.name) }
        guard pattern.utf8.count <= LoadLimits.patternBytes, !pattern.utf8.contains(0) else {
            throw .invalidPattern(pattern: pattern, reason: "it is longer than \(LoadLimits.patternBytes) bytes or has a zero in it")
        }
        _ = try TensorPattern(pattern)
        self.pattern = pattern
        self.type = type
    }
}

/// A compiled pattern.
final class TensorPattern {
    private var expression = regex_t()

    init(_ pattern: String) throws(LoadError) {
        let code = regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB)
        guard code == 0 else {
            var message = [CChar](repeating: 0, count: 256)
            regerror(code, &expression, &message, message.count)
            let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw .invalidPattern(pattern: pattern, reason: text)
        }
    }

    deinit { regfree(&expression) }

    func matches(_ name: String) -> Bool { regexec(&expression, name, 0, nil, 0) == 0 }
}

/// Chooses the type of every matrix of one model.
struct TypeChooser {
    private let scheme: QuantizationScheme?
    private let exceptions: [(pattern: TensorPattern, type: ElementType)]
    private let quantization: Quantization
    private let model: QuantizationScheme.Model

    init(_ quantization: Quantization, scheme: QuantizationScheme?, architecture: Architecture) throws(LoadError) {
        self.quantization = quantization
        self.scheme = scheme
        var compiled: [(pattern: TensorPattern, type: ElementType)] = []
        for exception in quantization.exceptions { compiled.append((try TensorPattern(exception.pattern), exception.type)) }
        exceptions = compiled
        let attention = architecture.layers[0].attention
        model = .init(
            layers: architecture.layers.count, groupSize: attention.heads / attention.keyValueHeads, tiedOutput: architecture.tiedOutput,
            hasImportance: quantization.importance != nil)
    }

    /// What a slot's matrix, stored as `type`, becomes; `wanted` is what it would be if its rows were whole blocks of that.
    func type(of slot: WeightSlot, stored type: ElementType, columns: Int, file: String) throws(LoadError) -> (type: ElementType, wanted: ElementType)
    {
        let name = TensorNames.gguf.name(slot)
        guard let wanted = exceptions.first(where: { $0.pattern.matches(name) })?.type ?? scheme?.type(of: slot, columns: columns, in: model) else {
            return (type, type)
        }
        let fitting = wanted.fitting(columns: columns)
        if fitting != type, type.isQuantized, !quantization.requantizes { throw .alreadyQuantized(file: file, tensor: name, type: type.name) }
        return (fitting, wanted)
    }
}

/// One row on its way into another type. It has memory of its own, so that each thread needs one.
struct RowConverter {
    private let kernels = sirocco_kernels_select(nil)!
    private let source: ElementType
    private let target: ElementType
    private let columns: Int
    private let importance: [Float]?
    private var values: [Float]

    init(from source: ElementType, to target: ElementType, columns: Int, importance: [Float]?) {
        self.source = source
        self.target = target
        self.columns = columns
        self.importance = importance
        values = [Float](repeating: 0, count: columns)
    }

    /// Writes the row at `row` into `out`; false when it holds what the target cannot.
    mutating func convert(_ row: UnsafeRawPointer, into out: UnsafeMutableRawPointer) -> Bool {
        values.withUnsafeMutableBytes { bytes in
            // Widening from the row's own place wants it aligned; a copy is.
            if UInt(bitPattern: row) % UInt(source.alignment) == 0 {
                kernels.pointee.dequantize(source.kernelType, row, Int64(columns), bytes.assumingMemoryBound(to: Float.self).baseAddress)
                return
            }
            withUnsafeTemporaryAllocation(byteCount: source.rowBytes(columns: columns)!, alignment: 16) { copy in
                copy.baseAddress!.copyMemory(from: row, byteCount: copy.count)
                kernels.pointee.dequantize(
                    source.kernelType, copy.baseAddress, Int64(columns), bytes.assumingMemoryBound(to: Float.self).baseAddress)
            }
        }
        return kernels.pointee.quantize(target.kernelType, values, Int64(columns), importance, out) == 0
    }
}
