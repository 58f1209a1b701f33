// The two little readers inside a tool call: its head up to the arguments, and the arguments' extent.

/// Reads `{"name": "…", "arguments": ` with any JSON white space.
struct CallHeaderReader {
    enum Result: Hashable {
        case incomplete
        case mismatch
        /// The name, and how many bytes the header takes.
        case header(name: String, count: Int)
    }

    private struct Stop: Error { let isIncomplete: Bool }

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func read() -> Result {
        do throws(Stop) {
            try expect("{")
            try expect("\"name\"")
            try expect(":")
            try expect("\"")
            let start = position
            while try byte() != UInt8(ascii: "\"") {
                // Declared names need no escapes.
                guard bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20 else { return .mismatch }
                position += 1
            }
            let name = String(decoding: bytes[start..<position], as: UTF8.self)
            position += 1
            try expect(",")
            try expect("\"")
            try expectKey()
            try expect(":")
            try skipSpaces()
            return try byte() == UInt8(ascii: "{") ? .header(name: name, count: position) : .mismatch
        } catch {
            return error.isIncomplete ? .incomplete : .mismatch
        }
    }

    private func byte() throws(Stop) -> UInt8 {
        guard position < bytes.count else { throw Stop(isIncomplete: true) }
        return bytes[position]
    }

    private mutating func skipSpaces() throws(Stop) {
        while [0x20, 0x0A, 0x0D, 0x09].contains(try byte()) { position += 1 }
    }

    private mutating func expect(_ text: String) throws(Stop) {
        try skipSpaces()
        for wanted in text.utf8 {
            guard try byte() == wanted else { throw Stop(isIncomplete: false) }
            position += 1
        }
    }

    private mutating func expectKey() throws(Stop) {
        let key = try byte() == UInt8(ascii: "a") ? "arguments\"" : "parameters\""
        for wanted in key.utf8 {
            guard try byte() == wanted else { throw Stop(isIncomplete: false) }
            position += 1
        }
    }
}

/// Finds where a JSON object ends, in pieces.
struct JSONValueScanner {
    private var depth = 0
    private var isInString = false
    /// The bytes of an escape that is not whole: the backslash, then `u` and its digits.
    private(set) var openEscapeCount = 0
    private(set) var isDone = false
    /// How many bytes the owner has passed on.
    var emitted = 0

    /// How many of `bytes` still belong to the value.
    mutating func scan(_ bytes: [UInt8]) -> Int {
        var index = 0
        while index < bytes.count, !isDone {
            step(bytes[index])
            index += 1
        }
        return index
    }

    private mutating func step(_ byte: UInt8) {
        if isInString {
            stepInString(byte)
            return
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            isDone = depth <= 0
        default: break
        }
    }

    private mutating func stepInString(_ byte: UInt8) {
        switch openEscapeCount {
        case 0:
            if byte == UInt8(ascii: "\\") { openEscapeCount = 1 } else if byte == UInt8(ascii: "\"") { isInString = false }
        case 1: openEscapeCount = byte == UInt8(ascii: "u") ? 2 : 0
        case 5: openEscapeCount = 0
        default: openEscapeCount += 1
        }
    }
}
