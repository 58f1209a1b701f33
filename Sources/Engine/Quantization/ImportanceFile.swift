// Files of importance as llama.cpp writes them: the old binary form, and the GGUF form of 2025.

extension ImportanceMatrix {
    private static let sums = ".in_sum2"
    private static let counts = ".counts"

    /// Reads a file of either form; its first bytes say which.
    public init(path: String) throws(LoadError) {
        let file = try MappedFile(path: path)
        guard file.count <= LoadLimits.importanceBytes else {
            throw .limitExceeded(
                file: path, what: "its length in bytes", value: UInt64(file.count), limit: UInt64(LoadLimits.importanceBytes))
        }
        if file.bytes.starts(with: Array("GGUF".utf8)) {
            try self.init(gguf: file)
        } else {
            try self.init(binary: file)
        }
    }

    /// The GGUF form: for each tensor the sums of squares by column, and how many activations went into them.
    private init(gguf file: MappedFile) throws(LoadError) {
        let gguf = try GGUFFile(file)
        guard gguf.value("general.type")?.stringValue == "imatrix" else {
            throw .unrecognised(file: file.name, found: "a GGUF file that is no importance matrix")
        }
        let source = try WeightSource(convention: .gguf, files: [file], tensors: gguf.tensors)
        var columns: [String: [Float]] = [:]
        for tensor in gguf.tensors where tensor.name.hasSuffix(Self.sums) {
            let name = String(tensor.name.dropLast(Self.sums.count))
            guard let counts = source.tensor(name + Self.counts) else { throw .missingTensors(name: file.name, tensors: [name + Self.counts]) }
            let values = try source.floats(of: tensor)
            let samples = try source.floats(of: counts)
            guard samples.count == 1 else {
                throw .contradiction(file: file.name, what: "\(quoted(name)) has \(samples.count) matrices; mixtures of experts are not supported")
            }
            // A tensor that nothing passed through says nothing.
            if samples[0] > 0 { columns[name] = values.map { $0 / samples[0] } }
        }
        try self.init(name: file.name, columns: columns)
    }

    /// The binary form: a count; then for each tensor its name, the number of calls, and the sums of squares by column.
    private init(binary file: MappedFile) throws(LoadError) {
        var reader = ByteReader(file: file, offset: 0)
        let count = try reader.integer(Int32.self, "the number of tensors")
        guard count > 0, UInt64(count) <= LoadLimits.tensors else {
            throw .unrecognised(file: file.name, found: "a file that is no importance matrix")
        }
        var columns: [String: [Float]] = [:]
        for index in 0..<count {
            let name = try reader.text32("the name of tensor \(index)")
            let calls = try reader.integer(Int32.self, "the calls of \(quoted(name))")
            let size = try reader.integer(Int32.self, "the size of \(quoted(name))")
            guard calls >= 0, size > 0, Int(size) <= LoadLimits.width else {
                throw .outOfRange(
                    file: file.name, key: name, value: "\(calls) calls, \(size) columns",
                    range: "natural numbers, at most \(LoadLimits.width) columns")
            }
            try reader.need(UInt64(size) * 4, "the numbers of \(quoted(name))")
            var values: [Float] = []
            values.reserveCapacity(Int(size))
            for _ in 0..<size { values.append(Float(bitPattern: try reader.integer(UInt32.self, "the numbers of \(quoted(name))"))) }
            let divisor = calls > 0 ? Float(calls) : 1
            guard columns.updateValue(values.map { $0 / divisor }, forKey: name) == nil else {
                throw .duplicateTensor(file: file.name, tensor: name)
            }
        }
        // What follows, the last chunk's number and the text's name, says nothing about the numbers.
        try self.init(name: file.name, columns: columns)
    }
}

extension ByteReader {
    /// A 32-bit length, then that many bytes of UTF-8.
    fileprivate mutating func text32(_ what: String) throws(LoadError) -> String {
        let length = try integer(Int32.self, "the length of \(what)")
        guard length > 0, UInt64(length) <= LoadLimits.tensorNameBytes else {
            throw .limitExceeded(
                file: file.name, what: "the length of \(what)", value: UInt64(UInt32(bitPattern: length)), limit: LoadLimits.tensorNameBytes)
        }
        try need(UInt64(length), what)
        defer { offset += Int(length) }
        guard let text = String(validating: file.bytes[offset..<offset + Int(length)], as: UTF8.self) else {
            throw .invalidUTF8(file: file.name, what: what, offset: offset)
        }
        return text
    }
}
