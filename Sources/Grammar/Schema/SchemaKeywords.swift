// What one subschema says by itself, read once and checked.
import JSON

/// The types that an instance may have, as a set.
struct InstanceTypes: OptionSet, Sendable, Hashable {
    let rawValue: UInt8
    static let null = InstanceTypes(rawValue: 1)
    static let boolean = InstanceTypes(rawValue: 2)
    static let integer = InstanceTypes(rawValue: 4)
    /// Numbers that are not integers.
    static let fraction = InstanceTypes(rawValue: 8)
    static let string = InstanceTypes(rawValue: 16)
    static let array = InstanceTypes(rawValue: 32)
    static let object = InstanceTypes(rawValue: 64)
    static let number: InstanceTypes = [.integer, .fraction]
    static let all = InstanceTypes(rawValue: 127)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init?(name: String) {
        switch name {
        case "null": self = .null
        case "boolean": self = .boolean
        case "integer": self = .integer
        case "number": self = .number
        case "string": self = .string
        case "array": self = .array
        case "object": self = .object
        default: return nil
        }
    }
}

extension SchemaDocument {
    /// The `type` of a subschema; all types when it says nothing.
    func types(_ id: SchemaID) throws(GrammarError) -> InstanceTypes {
        guard let value = self[id].object?["type"] else { return .all }
        let names = value.arrayValue ?? [value]
        var types: InstanceTypes = []
        for name in names {
            guard let text = name.stringValue, let type = InstanceTypes(name: text) else {
                throw .invalidSchema(pointer: self[id].pointer.appending("type"), reason: "\(name.text()) is not a type")
            }
            types.formUnion(type)
        }
        return types
    }

    /// A count such as `minItems`; nil when it is not there.
    func count(_ id: SchemaID, _ keyword: String) throws(GrammarError) -> Int? {
        guard let value = self[id].object?[keyword] else { return nil }
        guard let number = value.numberValue, number.isInteger, number.doubleValue >= 0 else {
            throw .invalidSchema(
                pointer: self[id].pointer.appending(keyword), reason: "\"\(keyword)\" must be a whole number that is not negative")
        }
        return min(number.intValue ?? Int(Int32.max), Int(Int32.max))
    }

    /// A count such as `minItems` that a text must reach; nil when it is not there.
    /// - Throws: `.tooLarge` where no text is so long.
    func minimum(_ id: SchemaID, _ keyword: String) throws(GrammarError) -> Int? {
        let count = try count(id, keyword)
        if let count, count >= Int(Int32.max) {
            throw .tooLarge(what: "items, members or characters needed", limit: Int(Int32.max) - 1, pointer: self[id].pointer.appending(keyword))
        }
        return count
    }

    /// The exact value of a number keyword.
    func decimal(_ id: SchemaID, _ keyword: String) throws(GrammarError) -> Decimal? {
        guard let value = self[id].object?[keyword] else { return nil }
        let pointer = self[id].pointer.appending(keyword)
        guard let number = value.numberValue else { throw .invalidSchema(pointer: pointer, reason: "\"\(keyword)\" must be a number") }
        let decimal = number.decimal
        guard decimal.isSpellable else {
            throw .tooLarge(what: "digits in a bound", limit: Decimal.maximumExponent, pointer: pointer)
        }
        return decimal
    }

    /// A list of different strings such as `required`.
    func names(_ id: SchemaID, _ keyword: String) throws(GrammarError) -> [String] {
        guard let value = self[id].object?[keyword] else { return [] }
        func fault(_ reason: String) -> GrammarError { .invalidSchema(pointer: self[id].pointer.appending(keyword), reason: reason) }
        // Draft 4 and many schemas of old have `required: true` in a property, which says nothing today.
        if keyword == "required", value.boolValue != nil { return [] }
        guard let list = value.arrayValue else { throw fault("\"\(keyword)\" must be an array") }
        var names: [String] = []
        for item in list {
            guard let name = item.stringValue else { throw fault("\"\(keyword)\" must hold strings") }
            names.append(name)
        }
        return names
    }

    /// The bounds on numbers; both spellings of the exclusive ones (a number, or draft 4's boolean beside `minimum`).
    func bounds(_ id: SchemaID, _ constraint: inout NumberConstraint) throws(GrammarError) {
        guard let object = self[id].object else { return }
        for (plain, exclusive, isMinimum) in [("minimum", "exclusiveMinimum", true), ("maximum", "exclusiveMaximum", false)] {
            func add(_ value: Decimal, _ isExclusive: Bool) {
                let bound = NumberConstraint.Bound(value: value, isExclusive: isExclusive)
                if isMinimum { constraint.minima.append(bound) } else { constraint.maxima.append(bound) }
            }
            let flag = object[exclusive]?.boolValue
            if let value = try decimal(id, plain) { add(value, flag ?? false) }
            if flag == nil, let value = try decimal(id, exclusive) { add(value, true) }
        }
        if let multiple = try multiple(id) { constraint.multiples.append(multiple) }
    }

    /// What a number that does not keep a keyword of numbers has to be.
    func brokenBound(_ id: SchemaID, _ keyword: String, _ constraint: inout NumberConstraint) throws(GrammarError) {
        let object = self[id].object
        func bound(_ isExclusive: Bool) throws(GrammarError) -> NumberConstraint.Bound? {
            try decimal(id, keyword).map { NumberConstraint.Bound(value: $0, isExclusive: isExclusive) }
        }
        switch keyword {
        case "minimum": if let bound = try bound(object?["exclusiveMinimum"]?.boolValue != true) { constraint.maxima.append(bound) }
        case "maximum": if let bound = try bound(object?["exclusiveMaximum"]?.boolValue != true) { constraint.minima.append(bound) }
        case "exclusiveMinimum": if let bound = try bound(false) { constraint.maxima.append(bound) }
        case "exclusiveMaximum": if let bound = try bound(false) { constraint.minima.append(bound) }
        case "multipleOf": if let multiple = try multiple(id) { constraint.excludedMultiples.append(multiple) }
        default: break
        }
    }

    /// `multipleOf` as modulus / 10^scale.
    private func multiple(_ id: SchemaID) throws(GrammarError) -> (modulus: Int, scale: Int)? {
        guard let divisor = try decimal(id, "multipleOf") else { return nil }
        let pointer = self[id].pointer.appending("multipleOf")
        guard !divisor.isNegative, !divisor.isZero else {
            throw .invalidSchema(pointer: pointer, reason: "\"multipleOf\" must be positive")
        }
        let scale = max(-divisor.exponent, 0)
        var modulus = 0
        for digit in divisor.digits + [UInt8](repeating: 0, count: max(divisor.exponent, 0)) {
            modulus = modulus * 10 + Int(digit)
            if modulus > Self.maximumMultiple { break }
        }
        guard modulus <= Self.maximumMultiple, scale <= Self.maximumMultipleScale else {
            throw .unsupported(
                keyword: "multipleOf", pointer: pointer, reason: "it has more digits than an automaton can count")
        }
        return (modulus, scale)
    }

    private static let maximumMultiple = 1_000_000_000
    private static let maximumMultipleScale = 18
}
