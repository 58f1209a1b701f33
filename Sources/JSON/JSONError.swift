// What can be wrong with a JSON text, and the limits on it.

/// Limits on a JSON text from outside.
public struct JSONLimits: Sendable, Hashable {
    /// The most bytes that a text may have; below 2 GiB.
    public var bytes: Int
    /// The most arrays and objects within each other; at most 1,000, since values are walked recursively.
    public var depth: Int

    /// These limits; see the members.
    public init(bytes: Int, depth: Int) {
        self.bytes = Swift.min(bytes, Int(Int32.max) - 1)
        self.depth = Swift.min(depth, 1_000)
    }

    /// 64 MiB and 256 levels.
    public static let standard = JSONLimits(bytes: 64 << 20, depth: 256)
}

/// A fault in a JSON text.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of fault.
    public enum Fault: Sendable, Hashable {
        /// More bytes than the limit.
        case tooLong(limit: Int)
        /// Nested deeper than the limit.
        case tooDeep(limit: Int)
        /// The text ends within a value.
        case unexpectedEnd
        /// A byte that cannot stand here.
        case unexpectedByte(UInt8, expected: String)
        /// Something follows the value.
        case trailingBytes
        /// No number by the grammar of RFC 8259.
        case invalidNumber
        /// A backslash before something that it does not escape.
        case invalidEscape
        /// Half of a surrogate pair.
        case loneSurrogate
        /// A control character in a string, which has to be escaped.
        case controlCharacter(UInt8)
        /// Bytes that are not UTF-8.
        case invalidUTF8
        /// A key that its object has already.
        case duplicateKey(String)
        /// U+0000 in a key, which json-c would cut there.
        case nullCharacterInKey
        /// json-c's own objection.
        case rejected(String)
    }

    /// What is wrong.
    public let fault: Fault
    /// The byte at which the fault was found, from 0.
    public let offset: Int

    /// The error as a sentence.
    public var description: String {
        let what: String =
            switch fault {
            case .tooLong(let limit): "the JSON text is longer than \(limit) bytes"
            case .tooDeep(let limit): "JSON is nested deeper than \(limit) levels"
            case .unexpectedEnd: "the JSON text ends too early"
            case .unexpectedByte(let byte, let expected): "unexpected \(Self.name(of: byte)), expected \(expected)"
            case .trailingBytes: "bytes after the end of the JSON value"
            case .invalidNumber: "not a JSON number"
            case .invalidEscape: "not a JSON escape"
            case .loneSurrogate: "a lone surrogate, which is no character"
            case .controlCharacter(let byte): "a raw control character 0x\(String(byte, radix: 16)) in a string"
            case .invalidUTF8: "invalid UTF-8"
            case .duplicateKey(let key): "the key \"\(key)\" stands twice in one object"
            case .nullCharacterInKey: "a key holds U+0000"
            case .rejected(let reason): reason
            }
        return "\(what) (at byte \(offset))"
    }

    private static func name(of byte: UInt8) -> String {
        (0x21...0x7e).contains(byte) ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
    }
}
