// A GGUF file (versions 2 and 3, little-endian): its metadata and where its tensors lie.
//
// Layout: "GGUF", version, tensor count, entry count; entries (key, type, value); tensors (name, dimensions, type, offset); padding to
// the alignment; data. Source: ggml's docs/gguf.md.

/// A parsed GGUF file. Every tensor's bytes are checked to lie inside the file, apart from each other.
public struct GGUFFile: Sendable {
    /// "GGUF" as the little-endian number at the file's start.
    static let magic: UInt32 = 0x4655_4747

    /// The format's version, 2 or 3.
    public let version: UInt32
    /// Key-value pairs in the file's order.
    public let metadata: [(key: String, value: GGUFValue)]
    /// The tensors in the file's order.
    public let tensors: [TensorInfo]
    /// Tensor data begin at multiples of this many bytes.
    public let alignment: Int
    let file: MappedFile
    /// Where each metadata value lies in the file, its type not included.
    let encodedMetadata: [(key: String, type: GGUFValueType, range: Range<Int>)]
    private let positions: [String: Int]

    /// Parses a file's bytes (the entry point for fuzzing; `name` is for messages).
    public init(bytes: [UInt8], name: String = "GGUF bytes") throws(LoadError) {
        try self.init(MappedFile(name: name, copying: bytes))
    }

    /// Parses an opened file.
    public init(_ file: MappedFile) throws(LoadError) {
        try self.init(file, index: 0)
    }

    /// Parses an opened file whose tensors will name it by `index`.
    init(_ file: MappedFile, index: Int) throws(LoadError) {
        self.file = file
        var reader = ByteReader(file: file, offset: 0)
        let magic = try reader.integer(UInt32.self, "the magic number")
        guard magic == Self.magic else {
            throw .unrecognised(file: file.name, found: "a file that does not begin with GGUF")
        }
        version = try reader.integer(UInt32.self, "the version")
        if version.byteSwapped == 2 || version.byteSwapped == 3 { throw .bigEndian(file: file.name) }
        guard version == 2 || version == 3 else { throw .unsupportedVersion(file: file.name, version: version) }
        let tensorCount = try reader.integer(UInt64.self, "the tensor count")
        let entryCount = try reader.integer(UInt64.self, "the metadata count")
        guard tensorCount <= LoadLimits.tensors else {
            throw .limitExceeded(file: file.name, what: "the tensor count", value: tensorCount, limit: LoadLimits.tensors)
        }
        guard entryCount <= LoadLimits.metadataEntries else {
            throw .limitExceeded(file: file.name, what: "the metadata count", value: entryCount, limit: LoadLimits.metadataEntries)
        }
        (metadata, encodedMetadata, positions) = try Self.readMetadata(&reader, count: Int(entryCount))
        alignment = try Self.alignment(positions["general.alignment"].map { [metadata] in metadata[$0].value }, file: file)
        tensors = try Self.readTensors(&reader, count: Int(tensorCount), alignment: alignment, index: index)
    }

    /// The value of a key.
    public func value(_ key: String) -> GGUFValue? { positions[key].map { metadata[$0].value } }

    private static func readMetadata(
        _ reader: inout ByteReader, count: Int
    ) throws(LoadError) -> (
        [(key: String, value: GGUFValue)], [(key: String, type: GGUFValueType, range: Range<Int>)], [String: Int]
    ) {
        var entries: [(key: String, value: GGUFValue)] = []
        var encoded: [(key: String, type: GGUFValueType, range: Range<Int>)] = []
        var positions: [String: Int] = [:]
        for index in 0..<count {
            let start = reader.offset
            let key = try reader.string("metadata key \(index)", limit: LoadLimits.keyBytes)
            guard !key.isEmpty else { throw .emptyName(file: reader.file.name, offset: start) }
            guard positions.updateValue(index, forKey: key) == nil else { throw .duplicateKey(file: reader.file.name, key: key) }
            let type = try reader.valueType(key: key)
            var nestedArrays = LoadLimits.nestedArrays
            let begin = reader.offset
            entries.append((key, try reader.value(type, key: key, depth: 0, nestedArrays: &nestedArrays)))
            encoded.append((key, type, begin..<reader.offset))
        }
        return (entries, encoded, positions)
    }

    private static func alignment(_ value: GGUFValue?, file: MappedFile) throws(LoadError) -> Int {
        guard let value else { return 32 }
        guard case .unsigned(let alignment) = value else {
            throw .wrongType(file: file.name, key: "general.alignment", expected: "an unsigned integer", found: value.typeName)
        }
        guard alignment.nonzeroBitCount == 1, alignment <= LoadLimits.alignment else {
            throw .invalidAlignment(file: file.name, value: alignment)
        }
        return Int(alignment)
    }

    /// A tensor's declaration before the data section's start is known.
    private struct Declaration {
        var name: String
        var type: StoredType
        var shape: [Int]
        var offset: UInt64
        var byteCount: Int
    }

    private static func readTensors(
        _ reader: inout ByteReader, count: Int, alignment: Int, index: Int
    ) throws(LoadError) -> [TensorInfo] {
        var declarations: [Declaration] = []
        var names = Set<String>()
        for position in 0..<count {
            let declaration = try readDeclaration(&reader, position: position)
            guard names.insert(declaration.name).inserted else {
                throw .duplicateTensor(file: reader.file.name, tensor: declaration.name)
            }
            declarations.append(declaration)
        }
        guard count > 0 else { return [] }
        let file = reader.file
        let dataStart = (reader.offset + alignment - 1) / alignment * alignment
        let available = max(file.count - dataStart, 0)
        var tensors: [TensorInfo] = []
        for declaration in declarations {
            guard declaration.offset % UInt64(alignment) == 0 else {
                throw .tensorMisaligned(
                    file: file.name, tensor: declaration.name, offset: declaration.offset, alignment: alignment)
            }
            let (end, overflow) = declaration.offset.addingReportingOverflow(UInt64(declaration.byteCount))
            guard !overflow, end <= UInt64(available) else {
                throw .tensorOutsideFile(
                    file: file.name, tensor: declaration.name, offset: declaration.offset,
                    bytes: UInt64(declaration.byteCount), availableBytes: available)
            }
            let start = dataStart + Int(declaration.offset)
            tensors.append(
                TensorInfo(
                    name: declaration.name, type: declaration.type, shape: declaration.shape, file: index,
                    range: start..<start + declaration.byteCount))
        }
        try checkOverlap(tensors, file: file)
        return tensors
    }

    private static func readDeclaration(_ reader: inout ByteReader, position: Int) throws(LoadError) -> Declaration {
        let file = reader.file.name
        let start = reader.offset
        let name = try reader.string("the name of tensor \(position)", limit: LoadLimits.tensorNameBytes)
        guard !name.isEmpty else { throw .emptyName(file: file, offset: start) }
        let dimensions = try reader.integer(UInt32.self, "the dimension count of \(quoted(name))")
        guard dimensions <= LoadLimits.dimensions else {
            throw .tooManyDimensions(file: file, tensor: name, count: Int(dimensions))
        }
        var sizes: [UInt64] = []
        for _ in 0..<dimensions { sizes.append(try reader.integer(UInt64.self, "the shape of \(quoted(name))")) }
        let number = try reader.integer(UInt32.self, "the type of tensor \(quoted(name))")
        guard let type = StoredType.ggml[number] else {
            throw .unknownTensorType(file: file, tensor: name, type: "\(number)")
        }
        let offset = try reader.integer(UInt64.self, "the offset of \(quoted(name))")
        // GGML counts the fastest dimension first; shapes here have it last.
        let shape = sizes.reversed().compactMap { Int(exactly: $0) }
        guard shape.count == sizes.count, let elements = checkedProduct(shape) else {
            throw .sizeOverflow(file: file, tensor: name, shape: sizes)
        }
        let columns = shape.last ?? 1
        guard columns % type.blockElements == 0 else {
            throw .partialBlocks(
                file: file, tensor: name, columns: columns, type: type.name, blockElements: type.blockElements)
        }
        let (bytes, overflow) = (elements / type.blockElements).multipliedReportingOverflow(by: type.blockBytes)
        guard !overflow else { throw .sizeOverflow(file: file, tensor: name, shape: sizes) }
        return Declaration(name: name, type: type, shape: shape, offset: offset, byteCount: bytes)
    }

    private static func checkOverlap(_ tensors: [TensorInfo], file: MappedFile) throws(LoadError) {
        let sorted = tensors.filter { !$0.range.isEmpty }.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (first, second) in zip(sorted, sorted.dropFirst()) where first.range.upperBound > second.range.lowerBound {
            throw .tensorsOverlap(file: file.name, first: first.name, second: second.name)
        }
    }
}
