// Reads GGUF's little-endian primitives, every read checked against the file's end.

/// A position in a file's bytes.
struct ByteReader {
    let file: MappedFile
    var offset: Int

    /// Bytes from here to the end.
    var remaining: Int { file.count - offset }

    /// Fails unless `bytes` more can be read; `section` says what they are.
    func need(_ bytes: UInt64, _ section: @autoclosure () -> String) throws(LoadError) {
        guard bytes <= UInt64(remaining) else {
            throw .truncated(file: file.name, section: section(), offset: offset, neededBytes: bytes, availableBytes: remaining)
        }
    }

    mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self, _ section: @autoclosure () -> String) throws(LoadError) -> T {
        try need(UInt64(MemoryLayout<T>.size), section())
        let value = file.bytes.loadUnaligned(fromByteOffset: offset, as: T.self)
        offset += MemoryLayout<T>.size
        return T(littleEndian: value)
    }

    /// A 64-bit length, then that many bytes of UTF-8.
    mutating func string(_ what: @autoclosure () -> String, limit: UInt64) throws(LoadError) -> String {
        let bytes = try stringBytes(what(), limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalidUTF8(file: file.name, what: what(), offset: offset - bytes.count)
        }
        return text
    }

    /// A 64-bit length, then that many bytes.
    mutating func stringBytes(_ what: @autoclosure () -> String, limit: UInt64) throws(LoadError) -> UnsafeRawBufferPointer {
        let length = try integer(UInt64.self, "the length of \(what())")
        guard length <= limit else {
            throw .limitExceeded(file: file.name, what: "the length of \(what())", value: length, limit: limit)
        }
        try need(length, what())
        defer { offset += Int(length) }
        return UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + Int(length)])
    }

    /// The number of a value type, known or refused.
    mutating func valueType(key: String) throws(LoadError) -> GGUFValueType {
        let number = try integer(UInt32.self, "the type of \(quoted(key))")
        guard let type = GGUFValueType(rawValue: number) else {
            throw .unknownValueType(file: file.name, key: key, type: number)
        }
        return type
    }

    /// One value. An array is checked to its end and left where it is; `nestedArrays` bounds the arrays inside one value.
    mutating func value(
        _ type: GGUFValueType, key: String, depth: Int, nestedArrays: inout Int
    ) throws(LoadError) -> GGUFValue {
        let section = "the value of "
        switch type {
        case .uint8: return .unsigned(UInt64(try integer(UInt8.self, section + quoted(key))))
        case .uint16: return .unsigned(UInt64(try integer(UInt16.self, section + quoted(key))))
        case .uint32: return .unsigned(UInt64(try integer(UInt32.self, section + quoted(key))))
        case .uint64: return .unsigned(try integer(UInt64.self, section + quoted(key)))
        case .int8: return .signed(Int64(try integer(Int8.self, section + quoted(key))))
        case .int16: return .signed(Int64(try integer(Int16.self, section + quoted(key))))
        case .int32: return .signed(Int64(try integer(Int32.self, section + quoted(key))))
        case .int64: return .signed(try integer(Int64.self, section + quoted(key)))
        case .float32: return .float(Double(Float(bitPattern: try integer(UInt32.self, section + quoted(key)))))
        case .float64: return .float(Double(bitPattern: try integer(UInt64.self, section + quoted(key))))
        case .bool:
            let byte = try integer(UInt8.self, section + quoted(key))
            guard byte <= 1 else { throw .invalidBool(file: file.name, key: key, value: byte) }
            return .bool(byte == 1)
        case .string: return .string(try string(section + quoted(key), limit: LoadLimits.stringBytes))
        case .array: return .array(try array(key: key, depth: depth, nestedArrays: &nestedArrays))
        }
    }

    /// An array: element type, count, elements.
    private mutating func array(key: String, depth: Int, nestedArrays: inout Int) throws(LoadError) -> GGUFArray {
        guard depth < LoadLimits.arrayDepth else {
            throw .limitExceeded(
                file: file.name, what: "the nesting of arrays in \(quoted(key))", value: UInt64(depth) + 1,
                limit: UInt64(LoadLimits.arrayDepth))
        }
        nestedArrays -= 1
        guard nestedArrays >= 0 else {
            throw .limitExceeded(
                file: file.name, what: "the number of arrays in \(quoted(key))", value: UInt64(LoadLimits.nestedArrays) + 1,
                limit: UInt64(LoadLimits.nestedArrays))
        }
        let elementType = try valueType(key: key)
        let count = try integer(UInt64.self, "the count of \(quoted(key))")
        guard count <= LoadLimits.arrayElements else {
            throw .limitExceeded(
                file: file.name, what: "the count of \(quoted(key))", value: count, limit: LoadLimits.arrayElements)
        }
        let start = offset
        let array = GGUFArray(elementType: elementType, count: Int(count), key: key, file: file, offset: start)
        if let size = elementType.byteCount {
            let (bytes, overflow) = count.multipliedReportingOverflow(by: UInt64(size))
            try need(overflow ? .max : bytes, "the elements of \(quoted(key))")
            if elementType == .bool, let bad = file.bytes[start..<start + Int(count)].first(where: { $0 > 1 }) {
                throw .invalidBool(file: file.name, key: key, value: bad)
            }
            offset += Int(bytes)
        } else if elementType == .string {
            for _ in 0..<count { _ = try stringBytes("an element of \(quoted(key))", limit: LoadLimits.stringBytes) }
        } else {
            for _ in 0..<count {
                _ = try self.array(key: key, depth: depth + 1, nestedArrays: &nestedArrays)
            }
        }
        return array
    }
}
