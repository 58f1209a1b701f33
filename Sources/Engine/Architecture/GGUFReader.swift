// Reads the keys of one GGUF namespace and knows at the end which nobody understood.
internal import JSON

/// The keys of a GGUF file under `prefix`. Each is taken with a type and a range; `finish` refuses what was never taken.
struct GGUFReader {
    let gguf: GGUFFile
    let prefix: String
    private var taken = Set<String>()

    init(_ gguf: GGUFFile, prefix: String) {
        self.gguf = gguf
        self.prefix = prefix
    }

    /// The file's name, for messages.
    var file: String { gguf.file.name }

    mutating func value(_ key: String) -> GGUFValue? {
        taken.insert(prefix + key)
        return gguf.value(prefix + key)
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int>, default standard: Int? = nil) throws(LoadError) -> Int {
        guard let value = value(key) else {
            guard let standard else { throw .missingKey(file: file, key: prefix + key) }
            return standard
        }
        return try checked(value, key, in: range)
    }

    /// One integer for each of `count` layers: given once for all, or as an array.
    mutating func integers(
        _ key: String, count: Int, in range: ClosedRange<Int>, default standard: [Int]? = nil
    ) throws(LoadError) -> [Int] {
        guard let value = value(key) else {
            guard let standard else { throw .missingKey(file: file, key: prefix + key) }
            return standard
        }
        guard let array = value.arrayValue else { return Array(repeating: try checked(value, key, in: range), count: count) }
        guard array.count == count, let integers = try array.integers() else {
            throw .wrongType(file: file, key: prefix + key, expected: "an integer or an array of \(count)", found: value.typeName)
        }
        for integer in integers where !range.contains(integer) {
            throw .outOfRange(
                file: file, key: prefix + key, value: "\(integer)", range: "from \(range.lowerBound) to \(range.upperBound)")
        }
        return integers
    }

    private func checked(_ value: GGUFValue, _ key: String, in range: ClosedRange<Int>) throws(LoadError) -> Int {
        switch value {
        case .unsigned, .signed: break
        default: throw .wrongType(file: file, key: prefix + key, expected: "an integer", found: value.typeName)
        }
        guard let integer = value.intValue, range.contains(integer) else {
            throw .outOfRange(
                file: file, key: prefix + key, value: "\(value)", range: "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    mutating func number(_ key: String) throws(LoadError) -> Double? {
        guard let value = value(key) else { return nil }
        guard let number = value.doubleValue else {
            throw .wrongType(file: file, key: prefix + key, expected: "a number", found: value.typeName)
        }
        guard number.isFinite else { throw outOfRange(key, number, "finite") }
        return number
    }

    /// A number of the sampler's.
    mutating func float(_ key: String, _ range: SamplingParameters.Range) throws(LoadError) -> Float? {
        guard let number = try number(key) else { return nil }
        guard range.contains(Float(number)) else { throw outOfRange(key, number, range.description) }
        return Float(number)
    }

    /// A number above 0 and at most `limit`.
    mutating func positive(_ key: String, upTo limit: Double, default standard: Double? = nil) throws(LoadError) -> Double {
        guard let number = try number(key) else {
            guard let standard else { throw .missingKey(file: file, key: prefix + key) }
            return standard
        }
        guard number > 0, number <= limit else { throw outOfRange(key, number, "above 0 and at most \(limit)") }
        return number
    }

    mutating func string(_ key: String) throws(LoadError) -> String? {
        guard let value = value(key) else { return nil }
        guard let string = value.stringValue else {
            throw .wrongType(file: file, key: prefix + key, expected: "a string", found: value.typeName)
        }
        return string
    }

    func outOfRange(_ key: String, _ value: Double, _ range: String) -> LoadError {
        .outOfRange(file: file, key: prefix + key, value: "\(value)", range: range)
    }

    func unsupported(_ key: String, _ value: GGUFValue) -> LoadError {
        let text = (try? value.json(arrayLimit: 8).text()) ?? value.typeName
        return .unsupportedKey(file: file, key: prefix + key, value: String(text.prefix(80)))
    }

    /// Refuses the first key of the namespace that was not taken, is not in `harmless`, and is not false.
    func finish(harmless: Set<String>) throws(LoadError) {
        for (key, value) in gguf.metadata where key.hasPrefix(prefix) && !taken.contains(key) {
            let name = String(key.dropFirst(prefix.count))
            if harmless.contains(name) || value.boolValue == false { continue }
            throw unsupported(name, value)
        }
    }
}
