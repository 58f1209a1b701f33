// Reads a JSON object member by member and knows at the end which members nobody understood.
internal import JSON

/// An object of config.json. Each member is taken with a type and a range; `finish` refuses what was never taken.
struct ConfigurationReader {
    let file: String
    /// What precedes a member's name in messages: "rope_scaling.".
    let prefix: String
    private let object: JSONObject
    private var taken = Set<String>()

    init(_ object: JSONObject, file: String, prefix: String = "") {
        self.object = object
        self.file = file
        self.prefix = prefix
    }

    /// A member that is there and not null.
    mutating func value(_ key: String) -> JSONValue? {
        taken.insert(key)
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    /// Whether the member stands in the object, null or not.
    func contains(_ key: String) -> Bool { object[key] != nil }

    mutating func integer(_ key: String, in range: ClosedRange<Int>, default standard: Int? = nil) throws(LoadError) -> Int {
        guard let value = value(key) else {
            guard let standard else { throw .missingKey(file: file, key: prefix + key) }
            return standard
        }
        guard case .number(let number) = value else {
            throw .wrongType(file: file, key: prefix + key, expected: "an integer", found: value.typeName)
        }
        guard let integer = number.intValue, range.contains(integer) else {
            throw .outOfRange(
                file: file, key: prefix + key, value: number.text, range: "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    /// A number above 0 and at most `limit`.
    mutating func positive(_ key: String, upTo limit: Double, default standard: Double? = nil) throws(LoadError) -> Double {
        guard let value = value(key) else {
            guard let standard else { throw .missingKey(file: file, key: prefix + key) }
            return standard
        }
        guard case .number(let number) = value else {
            throw .wrongType(file: file, key: prefix + key, expected: "a number", found: value.typeName)
        }
        guard number.doubleValue > 0, number.doubleValue <= limit else {
            throw .outOfRange(file: file, key: prefix + key, value: number.text, range: "above 0 and at most \(limit)")
        }
        return number.doubleValue
    }

    mutating func boolean(_ key: String, default standard: Bool) throws(LoadError) -> Bool {
        guard let value = value(key) else { return standard }
        guard let boolean = value.boolValue else {
            throw .wrongType(file: file, key: prefix + key, expected: "a boolean", found: value.typeName)
        }
        return boolean
    }

    mutating func string(_ key: String) throws(LoadError) -> String? {
        guard let value = value(key) else { return nil }
        guard let string = value.stringValue else {
            throw .wrongType(file: file, key: prefix + key, expected: "a string", found: value.typeName)
        }
        return string
    }

    mutating func strings(_ key: String) throws(LoadError) -> [String]? {
        guard let value = value(key) else { return nil }
        guard let array = value.arrayValue else {
            throw .wrongType(file: file, key: prefix + key, expected: "an array of strings", found: value.typeName)
        }
        var strings: [String] = []
        for element in array {
            guard let string = element.stringValue else {
                throw .wrongType(file: file, key: prefix + key, expected: "an array of strings", found: "an array with \(element.typeName)")
            }
            strings.append(string)
        }
        return strings
    }

    mutating func object(_ key: String) throws(LoadError) -> JSONObject? {
        guard let value = value(key) else { return nil }
        guard let object = value.objectValue else {
            throw .wrongType(file: file, key: prefix + key, expected: "an object", found: value.typeName)
        }
        return object
    }

    /// Refuses the first member that was not taken, is not in `harmless`, and does say something (null, false and {} do not).
    func finish(harmless: Set<String> = []) throws(LoadError) {
        for (key, value) in object where !taken.contains(key) && !harmless.contains(key) && !key.hasPrefix("_") {
            switch value {
            case .null, .bool(false): continue
            case .object(let object) where object.isEmpty: continue
            case .array(let array) where array.isEmpty: continue
            default: throw .unsupportedKey(file: file, key: prefix + key, value: String(value.text().prefix(80)))
            }
        }
    }
}
