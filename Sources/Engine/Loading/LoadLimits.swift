// The limits on what a model's files may ask for, in one table.

/// Bounds that hold before anything is allocated. They are far above every known model.
public enum LoadLimits {
    /// Key-value pairs in a GGUF file.
    public static let metadataEntries: UInt64 = 65_536
    /// Bytes of a metadata key.
    public static let keyBytes: UInt64 = 65_535
    /// Bytes of one metadata string.
    public static let stringBytes: UInt64 = 64 << 20
    /// Elements of one metadata array.
    public static let arrayElements: UInt64 = 64 << 20
    /// Arrays inside arrays inside ….
    public static let arrayDepth = 4
    /// Arrays inside one outermost array, at all depths.
    public static let nestedArrays = 1 << 20
    /// Tensors in one file.
    public static let tensors: UInt64 = 262_144
    /// Bytes of a tensor's name.
    public static let tensorNameBytes: UInt64 = 4096
    /// Dimensions of a GGUF tensor (GGML's own limit).
    public static let dimensions = 4
    /// Dimensions of a safetensors tensor.
    public static let safetensorsDimensions = 8
    /// The largest general.alignment.
    public static let alignment: UInt64 = 1 << 20
    /// Bytes of a safetensors header (the reference implementation's limit).
    public static let safetensorsHeaderBytes: UInt64 = 100_000_000
    /// Files that a safetensors index may name.
    public static let shards = 4096
    /// Bytes of config.json and its kin.
    public static let configurationBytes = 16 << 20
    /// Bytes of tokenizer.json.
    public static let tokenizerBytes = 256 << 20
    /// Bytes of a regular expression for tensors' names.
    public static let patternBytes = 4096
    /// Bytes of a file of importances.
    public static let importanceBytes = 1 << 30
    /// Decoder layers.
    public static let layers = 4096
    /// Width of the residual stream, of a head, and of everything per layer.
    public static let width = 1 << 22
    /// Tokens of a vocabulary.
    public static let vocabulary = 1 << 24
    /// Positions.
    public static let contextLength = 1 << 30
}
