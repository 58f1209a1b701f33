// What loading will do, decided before a byte moves: slot ← tensor, rows, transform, and the memory it takes.

/// A checked plan to fill every slot of an architecture from a source's tensors. Making one reads no weights.
public struct LoadPlan: Sendable, Hashable {
    /// What happens to a tensor's rows on their way into a slot.
    public enum Transform: Sendable, Hashable {
        /// They stay as they are.
        case none
        /// Within each of `heads` heads, the first `rotary` rows, stored for the interleaved rope (pair i at rows 2i and 2i + 1), are put
        /// in the order of the rotate-half rope (rows i and i + rotary/2).
        case unpermuteRope(heads: Int, rotary: Int)
    }

    /// Where a slot's values will lie.
    public enum Placement: String, Sendable, Hashable {
        /// In the file's own pages.
        case mapped
        /// In a buffer of its own, type unchanged.
        case copied
        /// In tiles, in the one buffer of all quantized matrices.
        case packed
        /// In an array of F32.
        case widened
    }

    /// One slot's filling.
    public struct Step: Sendable, Hashable {
        /// What is filled.
        public let slot: WeightSlot
        /// With what.
        public let tensor: TensorInfo
        /// The tensor's rows that go into the slot (values, when the slot is a vector).
        public let rows: Range<Int>
        /// Values in a row; 1 for a vector.
        public let columns: Int
        /// How the values are stored.
        public let storedType: ElementType
        /// How they will be, quantized on the way where that is another type.
        public let type: ElementType
        /// What the type would be if rows were whole blocks of it.
        public let wantedType: ElementType
        /// What happens to the rows on the way.
        public let transform: Transform
        /// Where the values will lie.
        public let placement: Placement

        /// Bytes read from the file.
        public var sourceBytes: Int { rows.count * storedRowBytes }
        /// Bytes of the slot's rows.
        var byteCount: Int { rows.count * rowBytes }
        /// Bytes of the slot's tiles.
        var packedBytes: Int { WeightMatrix.wholeTiles(rows.count) * rowBytes }
        /// Bytes of one row as stored.
        var storedRowBytes: Int { storedType.rowBytes(columns: columns)! }
        /// Bytes of one row in memory.
        var rowBytes: Int { type.rowBytes(columns: columns)! }
        /// Whether values change their type on the way.
        var isConverted: Bool { type != storedType }
    }

    /// The model's name.
    public let name: String
    /// The architecture whose slots are filled.
    public let architecture: Architecture
    /// Every slot of the architecture, in the order of the layers.
    public let steps: [Step]
    /// Tensors that are deliberately not read.
    public let ignored: [String]
    /// The memory that all of it takes.
    public let memory: MemoryEstimate
    /// The scheme that matrices are quantized by, if one is.
    public let scheme: QuantizationScheme?
    /// The importance of the columns of matrices that are quantized.
    let importance: ImportanceMatrix?

    /// Steps whose rows are not whole blocks of the type that the scheme has for them, so that they get another.
    public var fallbacks: [Step] { steps.filter { $0.type != $0.wantedType } }

    /// The step that fills a slot, when the architecture has it and it is not tied.
    public func step(_ slot: WeightSlot) -> Step? { steps.first { $0.slot == slot } }
}

extension LoadPlan {
    /// What is done to the matrices' types, in lines for people.
    public var quantizationNotes: [String] {
        let converted = steps.filter(\.isConverted)
        guard !converted.isEmpty else { return ["nothing to quantize: every matrix already has its type"] }
        var lines = [
            "quantizing \(converted.count) matrices\(scheme.map { " to \($0.name)" } ?? ""): \(converted.reduce(0) { $0 + $1.byteCount } >> 20) MiB"
        ]
        if let importance {
            let without = converted.filter { importance.columns[TensorNames.gguf.name($0.slot)] == nil }
            if !without.isEmpty { lines.append("no importance for \(listed(without.map { TensorNames.gguf.name($0.slot) }))") }
        }
        var counts: [String: Int] = [:]
        for step in fallbacks { counts["\(step.type.name) instead of \(step.wantedType.name) for rows of \(step.columns)", default: 0] += 1 }
        for (text, count) in counts.sorted(by: { $0.key < $1.key }) { lines.append("  \(text), which are no whole blocks: \(count) matrices") }
        return lines
    }
}

/// The memory that a loaded model takes, in bytes.
public struct MemoryEstimate: Sendable, Hashable {
    /// Weights used in place, as pages of the file.
    public var mapped: Int
    /// Weights in buffers of their own.
    public var copied: Int
    /// Quantized weights in tiles.
    public var packed: Int
    /// Norms and biases as F32.
    public var widened: Int
    /// One position of the key-value cache over all layers, F32.
    public var keyValuePerPosition: Int
    /// The key-value cache at the architecture's whole context length; nil when that cannot be addressed.
    public var keyValueAtFullContext: Int?

    /// All weights.
    public var weights: Int { mapped + copied + packed + widened }
}

/// How to load.
public struct LoadOptions: Sendable, Hashable {
    /// Copies all weights out of the file, so that the file may change or vanish afterwards.
    public var copiesWeights: Bool
    /// Reads the mapped weights in before the load ends, so that the first token does not wait for the disk.
    public var readsAhead: Bool
    /// Threads that copy and read; nil: one for each processor, at most 16.
    public var threads: Int?
    /// What matrices are quantized to on their way into memory; nil: they stay as they are.
    public var quantization: Quantization?
    /// Keeps the packed weights of large models in a file beside the model (`.sirocco-packed`), where the next load maps them. Weights that
    /// are quantized on their way are not kept, nor is anything with `copiesWeights`.
    public var keepsPackedWeights: Bool
    /// From how many bytes of packed weights on they are kept, and in what pieces they are written.
    var packedFile = PackedFile(leastBytes: 64 << 20, pieceBytes: 8 << 20)

    struct PackedFile: Sendable, Hashable {
        var leastBytes: Int
        var pieceBytes: Int
    }

    /// These options; see the members.
    public init(
        copiesWeights: Bool = false, readsAhead: Bool = true, threads: Int? = nil, quantization: Quantization? = nil,
        keepsPackedWeights: Bool = false
    ) {
        self.copiesWeights = copiesWeights
        self.readsAhead = readsAhead
        self.threads = threads
        self.quantization = quantization
        self.keepsPackedWeights = keepsPackedWeights
    }
}

/// How far a load has come, in bytes of weights.
public struct LoadProgress: Sendable, Hashable {
    /// Bytes of weights done.
    public let completedBytes: Int
    /// Bytes of weights in all.
    public let totalBytes: Int
    /// From 0 to 1.
    public var fraction: Double { totalBytes == 0 ? 1 : Double(completedBytes) / Double(totalBytes) }
}
