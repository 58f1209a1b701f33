// The JSON value: ordered, lossless, compared byte by byte.

/// A JSON value (RFC 8259). Objects keep the order of their members and numbers keep their text, since both reach the model.
///
/// Equality is structural: member order counts, and `1` differs from `1.0`. For the equality of JSON Schema see `isEquivalent(to:)`.
public enum JSONValue: Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number with its text.
    case number(JSONNumber)
    /// A string.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object with its order.
    case object(JSONObject)
}

extension JSONValue {
    /// The value as an object, or nil.
    public var objectValue: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    /// The value as an array, or nil.
    public var arrayValue: [JSONValue]? {
        if case .array(let array) = self { array } else { nil }
    }

    /// The value as a string, or nil.
    public var stringValue: String? {
        if case .string(let string) = self { string } else { nil }
    }

    /// The value as a Boolean, or nil.
    public var boolValue: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }

    /// The value as a number, or nil.
    public var numberValue: JSONNumber? {
        if case .number(let number) = self { number } else { nil }
    }

    /// The value as an integer that fits `Int`: `1`, `1.0` and `1e2` are integers. Otherwise nil.
    public var intValue: Int? { numberValue?.intValue }

    /// The value as the nearest `Double`, or nil where it is no number.
    public var doubleValue: Double? { numberValue?.doubleValue }

    /// Whether the value is `null`.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The name that JSON Schema has for the value's type, except that integers are numbers here.
    public var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// The member of an object with this key; nil where there is none or the value is no object.
    public subscript(_ key: String) -> JSONValue? { objectValue?[key] }

    /// The element of an array; nil where there is none or the value is no array.
    public subscript(_ index: Int) -> JSONValue? {
        guard let array = arrayValue, array.indices.contains(index) else { return nil }
        return array[index]
    }

    /// Equality as JSON Schema has it (2020-12 core, section 4.2.2): member order does not count, numbers are equal when their values are.
    public func isEquivalent(to other: JSONValue) -> Bool {
        switch (self, other) {
        case (.null, .null): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.number(let a), .number(let b)): return a.isEquivalent(to: b)
        case (.string(let a), .string(let b)): return sameBytes(a, b)
        case (.array(let a), .array(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { $0.isEquivalent(to: $1) }
        case (.object(let a), .object(let b)):
            return a.count == b.count && a.allSatisfy { key, value in b[key].map(value.isEquivalent) ?? false }
        default: return false
        }
    }
}

/// Equality of two strings by their bytes. Swift's `==` holds canonically equivalent strings for equal; JSON does not.
func sameBytes(_ a: String, _ b: String) -> Bool {
    guard a.utf8.count == b.utf8.count else { return false }
    let areSame = unsafe a.utf8.withContiguousStorageIfAvailable { a in
        unsafe b.utf8.withContiguousStorageIfAvailable { b in unsafe a.elementsEqual(b) }
    }
    return areSame.flatMap { $0 } ?? a.utf8.elementsEqual(b.utf8)
}

extension JSONValue: Hashable {
    /// Structural: member order counts, and `1` differs from `1.0`.
    public static func == (a: JSONValue, b: JSONValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): sameBytes(a, b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }

    /// Agrees with `==`.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .string(let value): for byte in value.utf8 { hasher.combine(byte) }
        case .array(let value): hasher.combine(value)
        case .object(let value): hasher.combine(value)
        }
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A number.
    public init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
    /// A number, which must be finite.
    public init(floatLiteral value: Double) { self = .number(JSONNumber(value)!) }
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// An object with its members in order.
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}

extension JSONValue {
    /// A number from an integer.
    public init(_ value: Int) { self = .number(JSONNumber(value)) }

    /// A number from a finite floating-point value; `null` for NaN and the infinities, which JSON cannot write.
    public init(_ value: Double) { self = JSONNumber(value).map(JSONValue.number) ?? .null }

    /// A string.
    public init(_ value: String) { self = .string(value) }

    /// A Boolean.
    public init(_ value: Bool) { self = .bool(value) }
}

extension JSONValue: CustomStringConvertible {
    /// Compact JSON.
    public var description: String { text() }
}
