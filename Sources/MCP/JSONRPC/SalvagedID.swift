// The identifier of a message that cannot be parsed, so that its sender hears of it instead of waiting.
import JSON

extension RequestID {
    /// Looks for a top-level `id` member in the beginning of an object that is cut off or malformed further on. Nil unless it stands before the fault.
    init?(salvaging bytes: [UInt8]) {
        var reader = SalvagingReader(bytes: bytes)
        guard let value = reader.identifier() else { return nil }
        self = value
    }
}

/// Walks the members of the outermost object, without recursion and without understanding what it skips.
private struct SalvagingReader {
    let bytes: [UInt8]
    var offset = 0

    /// Longer identifiers are not worth saving.
    static let longest = 1024

    mutating func identifier() -> RequestID? {
        skipSpace()
        guard take(UInt8(ascii: "{")) else { return nil }
        while true {
            skipSpace()
            guard let key = string() else { return nil }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return nil }
            skipSpace()
            let start = offset
            guard skipValue() else { return nil }
            if bytes[key].elementsEqual(#""id""#.utf8) {
                guard offset - start <= SalvagingReader.longest else { return nil }
                return RequestID(try? JSONValue(parsing: Array(bytes[start..<offset])))
            }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func skipSpace() {
        while offset < bytes.count, [0x20, 0x09, 0x0D].contains(bytes[offset]) { offset += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    /// The range of a string, quotes included.
    private mutating func string() -> Range<Int>? {
        let start = offset
        guard take(UInt8(ascii: "\"")) else { return nil }
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return start..<offset }
        }
        return nil
    }

    /// Skips to the comma or brace that ends a member; false at the end of the bytes.
    private mutating func skipValue() -> Bool {
        var depth = 0
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                guard string() != nil else { return false }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return true }
                depth -= 1
            case UInt8(ascii: ",") where depth == 0: return true
            default: break
            }
            offset += 1
        }
        return false
    }
}
