// Unicode scalars in UTF-8 bytes, and the classes that pre-tokenizers ask of them.
import CUTF8Proc

/// What a pre-tokenizer's pattern can ask of a scalar: `\p{L}`, `\p{N}`, `\s`, or none of them.
struct ScalarClass: OptionSet, Sendable {
    let rawValue: UInt8
    static let letter = ScalarClass(rawValue: 1)
    static let number = ScalarClass(rawValue: 2)
    static let space = ScalarClass(rawValue: 4)

    /// The class of a scalar; `\s` is Unicode's White_Space.
    @inline(__always)
    init(of scalar: UInt32) {
        if scalar >= 0x80 {
            self.init(ofNonASCII: scalar)
        } else if (scalar | 0x20) &- 0x61 < 26 {
            self = .letter
        } else if scalar == 0x20 || scalar &- 9 < 5 {
            self = .space
        } else {
            self = scalar &- 0x30 < 10 ? .number : []
        }
    }

    private init(ofNonASCII scalar: UInt32) {
        switch category(of: scalar) {
        case UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LT, UTF8PROC_CATEGORY_LM, UTF8PROC_CATEGORY_LO:
            self = .letter
        case UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NL, UTF8PROC_CATEGORY_NO: self = .number
        case UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZL, UTF8PROC_CATEGORY_ZP: self = .space
        default: self = scalar == 0x85 ? .space : []
        }
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }
}

private func category(of scalar: UInt32) -> utf8proc_category_t { utf8proc_category(Int32(bitPattern: scalar)) }

/// Questions about scalars that components other than patterns ask.
enum Scalars {
    static func isNumeric(_ scalar: UInt32) -> Bool { ScalarClass(of: scalar).contains(.number) }

    static func isWhitespace(_ scalar: UInt32) -> Bool { ScalarClass(of: scalar).contains(.space) }

    /// ASCII punctuation (symbols included) or a scalar of category P.
    static func isPunctuation(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e: return true
        case 0..<0x80: return false
        default: break
        }
        switch category(of: scalar) {
        case UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PD, UTF8PROC_CATEGORY_PS, UTF8PROC_CATEGORY_PE, UTF8PROC_CATEGORY_PI,
            UTF8PROC_CATEGORY_PF, UTF8PROC_CATEGORY_PO:
            return true
        default: return false
        }
    }

    static func isNonspacingMark(_ scalar: UInt32) -> Bool { category(of: scalar) == UTF8PROC_CATEGORY_MN }

    /// Categories Mn, Mc and Me.
    static func isMark(_ scalar: UInt32) -> Bool {
        switch category(of: scalar) {
        case UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_MC, UTF8PROC_CATEGORY_ME: return true
        default: return false
        }
    }

    /// Controls, formats and private use (category C without what is unassigned).
    static func isControl(_ scalar: UInt32) -> Bool {
        switch category(of: scalar) {
        case UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF, UTF8PROC_CATEGORY_CO, UTF8PROC_CATEGORY_CS: return true
        default: return false
        }
    }

    /// `\w` of UTS 18: alphabetic, marks, decimal digits, connector punctuation, joiners.
    static func isWord(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return !ScalarClass(of: scalar).isDisjoint(with: [.letter, .number]) || scalar == 0x5f }
        if scalar == 0x200c || scalar == 0x200d { return true }
        if Unicode.Scalar(scalar)?.properties.isAlphabetic == true || isMark(scalar) { return true }
        let category = category(of: scalar)
        return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_PC
    }
}

/// UTF-8 in byte arrays, known to be valid (bytes that are not are read as scalars of their own value, never out of bounds).
enum UTF8Text {
    /// The scalar at `index` and how many bytes it has.
    @inline(__always)
    static func scalar(in text: [UInt8], at index: Int, end: Int) -> (value: UInt32, length: Int) {
        let first = text[index]
        if first < 0x80 { return (UInt32(first), 1) }
        let length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
        guard first >= 0xc0, index + length <= end else { return (UInt32(first), 1) }
        var value = UInt32(first) & (0x7f >> UInt32(length))
        for offset in 1..<length { value = value << 6 | UInt32(text[index + offset] & 0x3f) }
        return (value, length)
    }

    /// How many bytes the sequence has that begins with this byte.
    @inline(__always)
    static func length(startingWith byte: UInt8) -> Int { byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4 }

    static func append(_ scalar: UInt32, to output: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: output.append(UInt8(scalar))
        case 0x80..<0x800: output += [UInt8(0xc0 | scalar >> 6), UInt8(0x80 | scalar & 0x3f)]
        case 0x800..<0x10000: output += [UInt8(0xe0 | scalar >> 12), UInt8(0x80 | scalar >> 6 & 0x3f), UInt8(0x80 | scalar & 0x3f)]
        default:
            output += [
                UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18), UInt8(0x80 | scalar >> 12 & 0x3f), UInt8(0x80 | scalar >> 6 & 0x3f),
                UInt8(0x80 | scalar & 0x3f),
            ]
        }
    }

    /// The text with every scalar replaced by what `transform` appends.
    static func mapped(_ text: [UInt8], _ transform: (UInt32, inout [UInt8]) -> Void) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let (value, length) = scalar(in: text, at: index, end: text.count)
            transform(value, &output)
            index += length
        }
        return output
    }

    /// The start of the scalar that ends before `index`.
    static func start(before index: Int, in text: [UInt8], from start: Int) -> Int {
        var position = index - 1
        while position > start, text[position] & 0xc0 == 0x80 { position -= 1 }
        return position
    }

    /// How many bytes at the end could begin a character whose rest is still to come (0 to 3).
    static func unfinishedSuffix(of bytes: [UInt8]) -> Int {
        let count = bytes.count
        for length in 1...3 where length <= count {
            let lead = bytes[count - length]
            if lead & 0xc0 == 0x80 { continue }
            guard lead >= 0xc2, lead <= 0xf4, Self.length(startingWith: lead) > length else { return 0 }
            guard length > 1 else { return 1 }
            let second = bytes[count - length + 1]
            switch lead {
            case 0xe0: return second >= 0xa0 ? length : 0
            case 0xed: return second < 0xa0 ? length : 0
            case 0xf0: return second >= 0x90 ? length : 0
            case 0xf4: return second < 0x90 ? length : 0
            default: return length
            }
        }
        return 0
    }
}
