// A safetensors file: a JSON header that says where each tensor's bytes lie, then the bytes.
//
// The rules are those of the reference implementation: a 64-bit header length of at most 100 MB, a header that begins with '{', tensors
// that cover the rest of the file exactly, in any order, without hole or overlap.
internal import JSON

/// A parsed safetensors file.
public struct SafetensorsFile: Sendable {
    /// The tensors in the order of their bytes.
    public let tensors: [TensorInfo]
    /// The `__metadata__` member: text by name.
    public let metadata: [(key: String, value: String)]
    let file: MappedFile

    /// Parses a file's bytes (the entry point for fuzzing; `name` is for messages).
    public init(bytes: [UInt8], name: String = "safetensors bytes") throws(LoadError) {
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
        let length = try reader.integer(UInt64.self, "the header's length")
        guard length <= LoadLimits.safetensorsHeaderBytes else {
            throw .limitExceeded(
                file: file.name, what: "the header's length", value: length, limit: LoadLimits.safetensorsHeaderBytes)
        }
        try reader.need(length, "the header")
        let dataStart = 8 + Int(length)
        let header = try Self.parse(file, range: 8..<dataStart)
        var tensors: [TensorInfo] = []
        var metadata: [(key: String, value: String)] = []
        for (name, value) in header {
            if name == "__metadata__" {
                metadata = try Self.metadata(value, file: file)
                continue
            }
            guard tensors.count < Int(LoadLimits.tensors) else {
                throw .limitExceeded(
                    file: file.name, what: "the tensor count", value: UInt64(header.count), limit: LoadLimits.tensors)
            }
            tensors.append(try Self.tensor(name, value, file: file, dataStart: dataStart, index: index))
        }
        try Self.checkCover(tensors, file: file, dataStart: dataStart)
        self.tensors = tensors
        self.metadata = metadata
    }

    private static func parse(_ file: MappedFile, range: Range<Int>) throws(LoadError) -> JSONObject {
        guard file.bytes[range].first == UInt8(ascii: "{") else {
            throw .malformedHeader(file: file.name, tensor: nil, reason: "the header does not begin with '{'")
        }
        let value: JSONValue
        do {
            value = try JSONValue(
                parsing: Array(file.bytes[range]), limits: JSONLimits(bytes: Int(LoadLimits.safetensorsHeaderBytes), depth: 8))
        } catch {
            if case .duplicateKey(let key) = error.fault { throw .duplicateTensor(file: file.name, tensor: key) }
            throw .malformedJSON(file: file.name, error: error)
        }
        guard let object = value.objectValue else {
            throw .malformedHeader(file: file.name, tensor: nil, reason: "the header is not a JSON object")
        }
        return object
    }

    private static func metadata(_ value: JSONValue, file: MappedFile) throws(LoadError) -> [(key: String, value: String)] {
        guard let object = value.objectValue else {
            throw .wrongType(file: file.name, key: "__metadata__", expected: "an object", found: value.typeName)
        }
        var result: [(key: String, value: String)] = []
        for (key, value) in object {
            guard let text = value.stringValue else {
                throw .wrongType(file: file.name, key: "__metadata__.\(key)", expected: "a string", found: value.typeName)
            }
            result.append((key, text))
        }
        return result
    }

    private static func tensor(
        _ name: String, _ value: JSONValue, file: MappedFile, dataStart: Int, index: Int
    ) throws(LoadError) -> TensorInfo {
        guard !name.isEmpty else { throw .malformedHeader(file: file.name, tensor: name, reason: "the name is empty") }
        guard let object = value.objectValue else {
            throw .malformedHeader(file: file.name, tensor: name, reason: "it is \(value.typeName), not an object")
        }
        for key in object.keys where !["dtype", "shape", "data_offsets"].contains(key) {
            throw .malformedHeader(file: file.name, tensor: name, reason: "it has the unknown member \(quoted(key))")
        }
        guard let typeName = object["dtype"]?.stringValue else {
            throw .malformedHeader(file: file.name, tensor: name, reason: "dtype is missing or not a string")
        }
        guard let type = StoredType.safetensors[typeName] else {
            throw .unknownTensorType(file: file.name, tensor: name, type: quoted(typeName))
        }
        let shape = try naturals(object["shape"], "shape", tensor: name, file: file)
        guard shape.count <= LoadLimits.safetensorsDimensions else {
            throw .tooManyDimensions(file: file.name, tensor: name, count: shape.count)
        }
        let offsets = try naturals(object["data_offsets"], "data_offsets", tensor: name, file: file)
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw .malformedHeader(file: file.name, tensor: name, reason: "data_offsets is not [begin, end] with begin ≤ end")
        }
        guard let elements = checkedProduct(shape) else {
            throw .sizeOverflow(file: file.name, tensor: name, shape: shape.map { UInt64($0) })
        }
        guard elements % type.blockElements == 0 else {
            throw .partialBlocks(
                file: file.name, tensor: name, columns: elements, type: type.name, blockElements: type.blockElements)
        }
        let (bytes, overflow) = (elements / type.blockElements).multipliedReportingOverflow(by: type.blockBytes)
        guard !overflow else { throw .sizeOverflow(file: file.name, tensor: name, shape: shape.map { UInt64($0) }) }
        let available = file.count - dataStart
        guard offsets[1] <= available else {
            throw .tensorOutsideFile(
                file: file.name, tensor: name, offset: UInt64(offsets[0]), bytes: UInt64(offsets[1] - offsets[0]),
                availableBytes: available)
        }
        guard offsets[1] - offsets[0] == bytes else {
            throw .byteCountMismatch(
                file: file.name, tensor: name, expectedBytes: bytes, foundBytes: UInt64(offsets[1] - offsets[0]))
        }
        return TensorInfo(
            name: name, type: type, shape: shape, file: index, range: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private static func naturals(
        _ value: JSONValue?, _ member: String, tensor: String, file: MappedFile
    ) throws(LoadError) -> [Int] {
        guard let array = value?.arrayValue else {
            throw .malformedHeader(file: file.name, tensor: tensor, reason: "\(member) is missing or not an array")
        }
        var result: [Int] = []
        for element in array.prefix(LoadLimits.safetensorsDimensions + 1) {
            guard let number = element.intValue, number >= 0 else {
                throw .malformedHeader(
                    file: file.name, tensor: tensor, reason: "\(member) holds \(quoted(element.text())), not a natural number")
            }
            result.append(number)
        }
        return result
    }

    /// The tensors must tile the data section.
    private static func checkCover(_ tensors: [TensorInfo], file: MappedFile, dataStart: Int) throws(LoadError) {
        let sorted = tensors.sorted { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var end = dataStart
        var previous: TensorInfo?
        for tensor in sorted {
            if tensor.range.lowerBound < end, let previous {
                throw .tensorsOverlap(file: file.name, first: previous.name, second: tensor.name)
            }
            if tensor.range.lowerBound > end {
                throw .unclaimedBytes(file: file.name, offset: end - dataStart, bytes: tensor.range.lowerBound - end)
            }
            end = tensor.range.upperBound
            previous = tensor
        }
        if end < file.count {
            throw .unclaimedBytes(file: file.name, offset: end - dataStart, bytes: file.count - end)
        }
    }
}
