// A first pass over a JSON text that accepts exactly RFC 8259 and notes what json-c would lose.

/// Checks a JSON text byte by byte and records the numbers' places and the objects' sizes, in document order.
///
/// json-c accepts NaN, clamps integers beyond 64 bits, drops the sign of `-0`, lets the last duplicate key win, and replaces lone surrogates and
/// (0.16) one valid pair in 32 by U+FFFD, all silently; this pass is what makes each of them an error, or keeps it.
@safe struct JSONScanner: ~Copyable {
    /// An object of the text: where its brace opens, and how many members it has.
    struct ObjectNote {
        var offset: Int
        var members: Int
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private let limits: JSONLimits
    private(set) var offset = 0
    private(set) var numbers: [Range<Int>] = []
    private(set) var objects: [ObjectNote] = []
    /// The escaped surrogate pairs (`\ud83d\ude00`, 12 bytes each) by offset, with the characters they stand for.
    private(set) var pairs: [(offset: Int, scalar: Unicode.Scalar)] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        unsafe self.bytes = unsafe bytes
        self.limits = limits
    }

    var isAtEnd: Bool { unsafe offset == bytes.count }

    /// Scans the whole text: one value and white space, nothing else.
    mutating func document() throws(JSONError) {
        guard unsafe bytes.count <= limits.bytes else { throw fault(.tooLong(limit: limits.bytes)) }
        try values()
        skipSpace()
        if !isAtEnd { throw fault(.trailingBytes) }
    }

    /// Scans one value without recursion: `open` holds the containers that are still open, objects by their place in `objects`, arrays as -1.
    private mutating func values() throws(JSONError) {
        var open: [Int] = []
        while true {
            skipSpace()
            let opened = try openOrScalar(&open)
            if opened { continue }
            // A value has ended: close what ends with it, up to the next value.
            while true {
                guard let container = open.last else { return }
                skipSpace()
                switch (peek, container >= 0) {
                case (UInt8(ascii: ","), true):
                    offset += 1
                    skipSpace()
                    try key(of: container)
                case (UInt8(ascii: ","), false):
                    offset += 1
                case (UInt8(ascii: "}"), true), (UInt8(ascii: "]"), false):
                    offset += 1
                    open.removeLast()
                    continue
                case (_, let inObject): throw unexpected(inObject ? "',' or '}'" : "',' or ']'")
                }
                break
            }
        }
    }

    /// Scans a scalar or an empty container (false), or enters a container up to its first value (true).
    private mutating func openOrScalar(_ open: inout [Int]) throws(JSONError) -> Bool {
        switch peek {
        case UInt8(ascii: "{"):
            if open.count == limits.depth { throw fault(.tooDeep(limit: limits.depth)) }
            objects.append(ObjectNote(offset: offset, members: 0))
            offset += 1
            skipSpace()
            if peek == UInt8(ascii: "}") { break }
            open.append(objects.count - 1)
            try key(of: objects.count - 1)
            return true
        case UInt8(ascii: "["):
            if open.count == limits.depth { throw fault(.tooDeep(limit: limits.depth)) }
            offset += 1
            skipSpace()
            if peek == UInt8(ascii: "]") { break }
            open.append(-1)
            return true
        case UInt8(ascii: "\""): return try string(isKey: false)
        case UInt8(ascii: "t"): return try word("true")
        case UInt8(ascii: "f"): return try word("false")
        case UInt8(ascii: "n"): return try word("null")
        case let byte? where byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
            let start = offset
            try number()
            numbers.append(start..<offset)
            return false
        default: throw unexpected("a value")
        }
        offset += 1
        return false
    }

    private mutating func key(of object: Int) throws(JSONError) {
        guard peek == UInt8(ascii: "\"") else { throw unexpected("a key") }
        objects[object].members += 1
        _ = try string(isKey: true)
        skipSpace()
        guard peek == UInt8(ascii: ":") else { throw unexpected("':'") }
        offset += 1
    }

    private mutating func word(_ word: StaticString) throws(JSONError) -> Bool {
        for i in 0..<word.utf8CodeUnitCount {
            guard unsafe peek == word.utf8Start[i] else { throw unexpected(word.description) }
            offset += 1
        }
        return false
    }

    /// Scans a number: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
    mutating func number() throws(JSONError) {
        let start = offset
        if peek == UInt8(ascii: "-") { offset += 1 }
        if peek == UInt8(ascii: "0") { offset += 1 } else { try digits(from: start) }
        if peek == UInt8(ascii: ".") {
            offset += 1
            try digits(from: start)
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            offset += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { offset += 1 }
            try digits(from: start)
        }
        if let next = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) { throw JSONError(fault: .invalidNumber, offset: start) }
    }

    private mutating func digits(from start: Int) throws(JSONError) {
        let first = offset
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        if offset == first { throw JSONError(fault: .invalidNumber, offset: start) }
    }

    private mutating func string(isKey: Bool) throws(JSONError) -> Bool {
        offset += 1
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return false
            case UInt8(ascii: "\\"): try escape(isKey: isKey)
            case 0..<0x20: throw fault(.controlCharacter(byte))
            case 0x20..<0x80: offset += 1
            default: try character()
            }
        }
        throw fault(.unexpectedEnd)
    }

    private mutating func escape(isKey: Bool) throws(JSONError) {
        let start = offset
        offset += 1
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 1
        case UInt8(ascii: "u"):
            offset += 1
            let unit = try hexadecimal(from: start)
            if unit == 0, isKey { throw JSONError(fault: .nullCharacterInKey, offset: start) }
            if (0xdc00..<0xe000).contains(unit) { throw JSONError(fault: .loneSurrogate, offset: start) }
            if (0xd800..<0xdc00).contains(unit) {
                guard peek == UInt8(ascii: "\\") else { throw JSONError(fault: .loneSurrogate, offset: start) }
                offset += 1
                guard peek == UInt8(ascii: "u") else { throw JSONError(fault: .loneSurrogate, offset: start) }
                offset += 1
                let low = try hexadecimal(from: start)
                guard (0xdc00..<0xe000).contains(low), let scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)) else {
                    throw JSONError(fault: .loneSurrogate, offset: start)
                }
                pairs.append((start, scalar))
            }
        case nil: throw fault(.unexpectedEnd)
        default: throw JSONError(fault: .invalidEscape, offset: start)
        }
    }

    private mutating func hexadecimal(from start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek else { throw fault(.unexpectedEnd) }
            guard let digit = Character(UnicodeScalar(byte)).hexDigitValue, byte < 0x80 else {
                throw JSONError(fault: .invalidEscape, offset: start)
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    /// One character beyond ASCII, well-formed by table 3-7 of the Unicode Standard.
    private mutating func character() throws(JSONError) {
        let start = offset
        let lead = unsafe bytes[offset]
        let (length, second): (Int, ClosedRange<UInt8>) =
            switch lead {
            case 0xc2...0xdf: (2, 0x80...0xbf)
            case 0xe0: (3, 0xa0...0xbf)
            case 0xe1...0xec, 0xee...0xef: (3, 0x80...0xbf)
            case 0xed: (3, 0x80...0x9f)
            case 0xf0: (4, 0x90...0xbf)
            case 0xf1...0xf3: (4, 0x80...0xbf)
            case 0xf4: (4, 0x80...0x8f)
            default: (0, 0x80...0xbf)
            }
        guard length > 0, unsafe start + length <= bytes.count, unsafe second.contains(bytes[start + 1]) else { throw fault(.invalidUTF8) }
        for i in 2..<max(length, 2) {
            guard unsafe (0x80...0xbf).contains(bytes[start + i]) else { throw fault(.invalidUTF8) }
        }
        offset += length
    }

    private var peek: UInt8? { unsafe offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { offset += 1 }
    }

    private func fault(_ fault: JSONError.Fault) -> JSONError { JSONError(fault: fault, offset: offset) }

    private func unexpected(_ expected: String) -> JSONError {
        peek.map { fault(.unexpectedByte($0, expected: expected)) } ?? fault(.unexpectedEnd)
    }
}
