// A value of GGUF metadata. Arrays stay in the file and are decoded when asked for.
public import JSON

/// The value types of GGUF by number.
public enum GGUFValueType: UInt32, Sendable, Hashable {
    /// By their numbers in the file (GGUF specification).
    case uint8 = 0, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// Bytes of a value whose size is fixed; nil for strings and arrays.
    var byteCount: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }

    /// The format's name for it: "uint32", "string", ….
    public var name: String { "\(self)" }
}

/// One value of GGUF metadata.
public enum GGUFValue: Sendable, CustomStringConvertible {
    /// An unsigned integer of any width.
    case unsigned(UInt64)
    /// A signed integer of any width.
    case signed(Int64)
    /// A number of 32 or 64 bits.
    case float(Double)
    /// A boolean.
    case bool(Bool)
    /// A text.
    case string(String)
    /// Elements of one type.
    case array(GGUFArray)

    /// What it is, for messages.
    public var typeName: String {
        switch self {
        case .unsigned: "an unsigned integer"
        case .signed: "an integer"
        case .float: "a float"
        case .bool: "a boolean"
        case .string: "a string"
        case .array(let array): "an array of \(array.count) \(array.elementType.name)"
        }
    }

    /// The value as messages show it; an array by its type.
    public var description: String {
        switch self {
        case .unsigned(let value): "\(value)"
        case .signed(let value): "\(value)"
        case .float(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): quoted(value)
        case .array: typeName
        }
    }

    /// An integer that fits.
    public var intValue: Int? {
        switch self {
        case .unsigned(let value): Int(exactly: value)
        case .signed(let value): Int(value)
        default: nil
        }
    }

    /// A number.
    public var doubleValue: Double? {
        switch self {
        case .unsigned(let value): Double(value)
        case .signed(let value): Double(value)
        case .float(let value): value
        default: nil
        }
    }

    /// The value if it is a boolean.
    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value if it is a string.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The value if it is an array.
    public var arrayValue: GGUFArray? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The value as JSON; an array longer than `arrayLimit` as its type, its count and its first elements.
    public func json(arrayLimit: Int = 16) throws(LoadError) -> JSONValue {
        switch self {
        case .unsigned(let value): JSONNumber(String(value)).map(JSONValue.number) ?? .null
        case .signed(let value): JSONNumber(String(value)).map(JSONValue.number) ?? .null
        case .float(let value): JSONNumber(value).map(JSONValue.number) ?? .string("\(value)")
        case .bool(let value): .bool(value)
        case .string(let value): .string(value)
        case .array(let array): try array.json(limit: arrayLimit)
        }
    }
}

/// An array of GGUF metadata; its elements lie in the file, checked to be inside it.
public struct GGUFArray: Sendable {
    /// The type of every element.
    public let elementType: GGUFValueType
    /// Elements in the array.
    public let count: Int
    /// The key it stands under, for messages.
    let key: String
    let file: MappedFile
    /// Where its first element lies.
    let offset: Int

    /// The elements, when they are integers.
    public func integers() throws(LoadError) -> [Int]? {
        switch elementType {
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: break
        default: return nil
        }
        var result: [Int] = []
        result.reserveCapacity(count)
        for value in try elements(limit: count) {
            guard let value = value.intValue else {
                throw .outOfRange(file: file.name, key: key, value: "\(value)", range: "64-bit signed integers")
            }
            result.append(value)
        }
        return result
    }

    /// The elements, when they are floats.
    public func floats() throws(LoadError) -> [Float]? {
        guard elementType == .float32 || elementType == .float64 else { return nil }
        return try elements(limit: count).compactMap { $0.doubleValue.map { Float($0) } }
    }

    /// The elements, when they are booleans.
    public func booleans() throws(LoadError) -> [Bool]? {
        guard elementType == .bool else { return nil }
        return try elements(limit: count).compactMap(\.boolValue)
    }

    /// The elements, when they are strings.
    public func strings() throws(LoadError) -> [String]? {
        guard elementType == .string else { return nil }
        var reader = ByteReader(file: file, offset: offset)
        var result: [String] = []
        result.reserveCapacity(count)
        for _ in 0..<count {
            result.append(try reader.string("an element of \(quoted(key))", limit: LoadLimits.stringBytes))
        }
        return result
    }

    /// The first `limit` elements.
    public func elements(limit: Int) throws(LoadError) -> [GGUFValue] {
        var reader = ByteReader(file: file, offset: offset)
        var budget = LoadLimits.nestedArrays
        var result: [GGUFValue] = []
        for _ in 0..<min(limit, count) {
            result.append(try reader.value(elementType, key: key, depth: 1, nestedArrays: &budget))
        }
        return result
    }

    func json(limit: Int) throws(LoadError) -> JSONValue {
        var shown: [JSONValue] = []
        for element in try elements(limit: limit) { shown.append(try element.json(arrayLimit: limit)) }
        if count <= limit { return .array(shown) }
        return .object(
            JSONObject([
                ("elementType", .string(elementType.name)), ("count", JSONValue(count)), ("first", .array(shown)),
            ]))
    }
}
