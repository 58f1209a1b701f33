// What happens to a text before it is split: Unicode forms, case, replacements.
import CUTF8Proc

/// A Unicode normalization form.
enum NormalizationForm: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    /// The text in this form.
    func apply(to text: [UInt8]) -> [UInt8] {
        guard text.contains(where: { $0 >= 0x80 }) else { return text }
        let options: UInt32 =
            switch self {
            case .nfc: UTF8PROC_COMPOSE.rawValue
            case .nfd: UTF8PROC_DECOMPOSE.rawValue
            case .nfkc: UTF8PROC_COMPOSE.rawValue | UTF8PROC_COMPAT.rawValue
            case .nfkd: UTF8PROC_DECOMPOSE.rawValue | UTF8PROC_COMPAT.rawValue
            }
        let flags = utf8proc_option_t(rawValue: options | UTF8PROC_STABLE.rawValue)
        var result: UnsafeMutablePointer<UInt8>? = nil
        let length = unsafe text.withUnsafeBufferPointer {
            unsafe utf8proc_map($0.baseAddress, $0.count, &result, flags)
        }
        // Valid UTF-8 is always mapped; only memory could run out, and then Swift stops as well.
        guard length >= 0, let mapped = unsafe result else { fatalError("out of memory in Unicode normalization") }
        defer { unsafe free(mapped) }
        return unsafe Array(UnsafeBufferPointer(start: mapped, count: length))
    }
}

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One step of a normalizer.
enum NormalizerStep: Sendable {
    case form(NormalizationForm)
    case lowercase
    case prepend([UInt8])
    case replace(Splitter, with: [UInt8])
    case strip(left: Bool, right: Bool)
    case stripAccents
    case nmt
    case bert(cleanText: Bool, chineseCharacters: Bool, stripAccents: Bool, lowercase: Bool)
    case precompiled(CharacterMap)
}

/// A normalizer: its steps in order.
struct Normalizer: Sendable {
    var steps: [NormalizerStep] = []

    /// The normalized text.
    func apply(to text: [UInt8]) -> [UInt8] {
        var keepsStart = true
        return apply(to: text, keepsStart: &keepsStart)
    }

    /// The normalized text; `keepsStart` becomes false when the text's first character is removed.
    func apply(to text: [UInt8], keepsStart: inout Bool) -> [UInt8] {
        var text = text
        for step in steps where !text.isEmpty {
            if keepsStart { keepsStart = !Self.removesStart(step, of: text) }
            text = Self.apply(step, to: text)
        }
        return text
    }

    /// Whether a step takes away the first character of a text that is not empty.
    private static func removesStart(_ step: NormalizerStep, of text: [UInt8]) -> Bool {
        switch step {
        case .form, .lowercase, .prepend, .precompiled: return false
        case .strip(let left, _): return left && Scalars.isWhitespace(UTF8Text.scalar(in: text, at: 0, end: text.count).value)
        case .stripAccents, .nmt, .bert:
            return apply(step, to: Array(text[..<UTF8Text.scalar(in: text, at: 0, end: text.count).length])).isEmpty
        case .replace(let splitter, let replacement):
            var matches: [Range<Int>] = []
            if replacement.isEmpty { splitter.appendMatches(in: text, 0..<text.count, to: &matches) }
            return matches.first.map { $0.lowerBound == 0 && !$0.isEmpty } ?? false
        }
    }

    private static func apply(_ step: NormalizerStep, to text: [UInt8]) -> [UInt8] {
        switch step {
        case .form(let form): form.apply(to: text)
        case .lowercase: lowercased(text)
        case .prepend(let prefix): prefix + text
        case .replace(let splitter, let replacement): replaced(text, splitter, with: replacement)
        case .strip(let left, let right): stripped(text, left: left, right: right)
        case .stripAccents: UTF8Text.mapped(text) { if !Scalars.isMark($0) { UTF8Text.append($0, to: &$1) } }
        case .nmt: UTF8Text.mapped(text, nmt)
        case .bert(let cleanText, let chinese, let stripAccents, let lowercase):
            bert(text, cleanText: cleanText, chineseCharacters: chinese, stripAccents: stripAccents, lowercase: lowercase)
        case .precompiled(let map): map.apply(to: text)
        }
    }

    private static func lowercased(_ text: [UInt8]) -> [UInt8] {
        UTF8Text.mapped(text) { value, output in
            if value < 0x80 {
                output.append(value >= 0x41 && value <= 0x5a ? UInt8(value) | 0x20 : UInt8(value))
            } else if let scalar = Unicode.Scalar(value) {
                output += scalar.properties.lowercaseMapping.utf8
            }
        }
    }

    private static func replaced(_ text: [UInt8], _ splitter: Splitter, with replacement: [UInt8]) -> [UInt8] {
        var matches: [Range<Int>] = []
        splitter.appendMatches(in: text, 0..<text.count, to: &matches)
        if matches.isEmpty { return text }
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var end = 0
        for match in matches {
            output += text[end..<match.lowerBound]
            output += replacement
            end = match.upperBound
        }
        return output + text[end...]
    }

    private static func stripped(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
        var start = 0
        var end = text.count
        while left, start < end {
            let (value, length) = UTF8Text.scalar(in: text, at: start, end: end)
            guard Scalars.isWhitespace(value) else { break }
            start += length
        }
        while right, end > start {
            let last = UTF8Text.start(before: end, in: text, from: start)
            guard Scalars.isWhitespace(UTF8Text.scalar(in: text, at: last, end: end).value) else { break }
            end = last
        }
        return start == 0 && end == text.count ? text : Array(text[start..<end])
    }

    /// The "Nmt" rules of SentencePiece: some controls vanish, some characters become spaces.
    private static func nmt(_ scalar: UInt32, _ output: inout [UInt8]) {
        switch scalar {
        case 0x01...0x08, 0x0b, 0x0e...0x1f, 0x7f, 0x8f, 0x9f: return
        case 0x09, 0x0a, 0x0c, 0x0d, 0x1680, 0x200b...0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd: output.append(UInt8(ascii: " "))
        default: UTF8Text.append(scalar, to: &output)
        }
    }

    private static func bert(
        _ text: [UInt8], cleanText: Bool, chineseCharacters: Bool, stripAccents: Bool, lowercase: Bool
    ) -> [UInt8] {
        var text = text
        if cleanText {
            text = UTF8Text.mapped(text) { scalar, output in
                let isSpace = Scalars.isWhitespace(scalar)
                if scalar == 0 || scalar == 0xfffd { return }
                if !(scalar == 0x09 || scalar == 0x0a || scalar == 0x0d), Scalars.isControl(scalar) { return }
                if isSpace { output.append(UInt8(ascii: " ")) } else { UTF8Text.append(scalar, to: &output) }
            }
        }
        if chineseCharacters {
            text = UTF8Text.mapped(text) { scalar, output in
                let isIdeograph = isIdeograph(scalar)
                if isIdeograph { output.append(UInt8(ascii: " ")) }
                UTF8Text.append(scalar, to: &output)
                if isIdeograph { output.append(UInt8(ascii: " ")) }
            }
        }
        if stripAccents {
            text = UTF8Text.mapped(NormalizationForm.nfd.apply(to: text)) { scalar, output in
                if !Scalars.isNonspacingMark(scalar) { UTF8Text.append(scalar, to: &output) }
            }
        }
        return lowercase ? lowercased(text) : text
    }

    /// The blocks that BERT's normalizer puts spaces around.
    private static func isIdeograph(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x4e00...0x9fff, 0x3400...0x4dbf, 0x20000...0x2a6df, 0x2a700...0x2b73f, 0x2b740...0x2b81f, 0x2b920...0x2ceaf,
            0xf900...0xfaff, 0x2f800...0x2fa1f:
            true
        default: false
        }
    }
}
