// The identifier of a request: a string or an integer, echoed exactly as it was written.
public import JSON

/// A JSON-RPC request identifier. An integer keeps its text, so that 2^53+1 comes back as it went in.
public enum RequestID: Sendable, Hashable {
    /// An integer, by its digits.
    case integer(String)
    /// A string.
    case string(String)

    /// The identifier of our own `count`th request.
    public init(_ count: Int) { self = .integer(String(count)) }

    /// Nil unless the value is a string or a mathematically whole number: never null, a fraction, or a structure.
    public init?(_ value: JSONValue?) {
        switch value {
        case .string(let text): self = .string(text)
        case .number(let number) where number.isInteger: self = .integer(number.text)
        default: return nil
        }
    }

    /// The identifier as JSON, unchanged.
    public var json: JSONValue {
        switch self {
        case .string(let text): .string(text)
        case .integer(let text): JSONNumber(text).map(JSONValue.number) ?? .string(text)
        }
    }
}

extension RequestID: CustomStringConvertible {
    /// The identifier as JSON.
    public var description: String {
        switch self {
        case .integer(let text): text
        case .string(let text): "\"\(text)\""
        }
    }
}

/// The token under which a caller wants to hear of progress: the same two types, kept as sent.
public typealias ProgressToken = RequestID
