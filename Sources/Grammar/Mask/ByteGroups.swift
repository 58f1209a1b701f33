// Bytes in a few dozen groups: what a token is made of, as one word, tells in one step where it need not be read at all.

/// A set of byte groups, one bit each: punctuation byte by byte; digits, letters and control characters in small groups; what is
/// not ASCII by the first byte of a character.
typealias ByteGroups = UInt64

/// How bytes are grouped.
enum ByteGrouping {
    /// By byte: the bit of its group.
    static let ofByte: [ByteGroups] = {
        var groups = [ByteGroups](repeating: 0, count: 256)
        var next: ByteGroups = 1
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { groups[Int(byte)] = next }
            next <<= 1
        }
        for byte in UInt8(0x20)..<0x7F where !isLetterOrDigit(byte) { add([byte]) }
        add([0x30])
        add(0x31...0x39)
        add(0x61...0x66)
        add(0x67...0x7A)
        add(0x41...0x46)
        add(0x47...0x5A)
        add([0x09, 0x0A, 0x0D])
        add((UInt8(0)..<0x20).filter { $0 != 0x09 && $0 != 0x0A && $0 != 0x0D })
        add([0x7F])
        for leads in characterRanges.map(\.leads) { add(leads) }
        return groups
    }()

    /// Characters beyond ASCII, which belong to the group of their first byte: those bytes, and the characters.
    static let characterRanges: [(leads: ClosedRange<UInt8>, characters: ClosedRange<UInt32>)] = [
        (0xC2...0xC2, 0x80...0xBF), (0xC3...0xDF, 0xC0...0x7FF), (0xE0...0xE1, 0x800...0x1FFF), (0xE2...0xE2, 0x2000...0x2FFF),
        (0xE3...0xE3, 0x3000...0x3FFF), (0xE4...0xEE, 0x4000...0xEFFF), (0xEF...0xEF, 0xF000...0xFFFF), (0xF0...0xF4, 0x1_0000...0x10_FFFF),
    ]
    /// All characters beyond ASCII.
    static let nonASCII: ByteGroups = characterRanges.reduce(0) { $0 | ofByte[Int($1.leads.lowerBound)] }
    /// A text that is not UTF-8 by itself (it starts or ends within a character).
    static let irregular: ByteGroups = 1 << 63
    /// What stands for itself inside a JSON string.
    static let insideString: ByteGroups = {
        var all = nonASCII
        for byte in UInt8(0x20)...0x7F where byte != 0x22 && byte != 0x5C { all |= ofByte[Int(byte)] }
        return all
    }()

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// The groups of a text.
    static func of(_ text: [UInt8]) -> ByteGroups {
        var groups: ByteGroups = 0
        var state: Int? = 0
        for byte in text {
            groups |= ofByte[Int(byte)]
            state = state.flatMap { TextAutomaton.decode($0, byte) }
        }
        return state == 0 ? groups : groups | irregular
    }
}
