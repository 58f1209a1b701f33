// Regular expressions of tokenizer files, matched by PCRE2.
import CPCRE2

/// A compiled pattern over UTF-8 text.
@safe final class RegularExpression: @unchecked Sendable {
    // Safe: PCRE2 never changes compiled code or a match context while matching; both are freed once, at the end.
    private let code: OpaquePointer
    private let context: OpaquePointer

    /// Why a pattern was not compiled.
    struct Fault: Error {
        let reason: String
    }

    /// Compiles a pattern of PCRE2's syntax with Unicode properties; `^` and `$` match at every line.
    init(_ pattern: String) throws(Fault) {
        var pattern = pattern
        var errorNumber: Int32 = 0
        var errorOffset = 0
        let options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C
        let compiled = pattern.withUTF8 {
            unsafe pcre2_compile_8($0.baseAddress, $0.count, options, &errorNumber, &errorOffset, nil)
        }
        guard let compiled = unsafe compiled else { throw Fault(reason: "\(Self.message(errorNumber)) at byte \(errorOffset)") }
        guard let limits = unsafe pcre2_match_context_create_8(nil) else {
            unsafe pcre2_code_free_8(compiled)
            throw Fault(reason: "out of memory")
        }
        // Where just-in-time compilation is not available, matching interprets.
        _ = unsafe pcre2_jit_compile_8(compiled, PCRE2_JIT_COMPLETE)
        unsafe pcre2_set_match_limit_8(limits, 10_000_000)
        unsafe pcre2_set_heap_limit_8(limits, 64 << 10)
        unsafe code = compiled
        unsafe context = limits
    }

    deinit {
        unsafe pcre2_code_free_8(code)
        unsafe pcre2_match_context_free_8(context)
    }

    /// Appends the matches in a range of valid UTF-8, left to right; nothing outside the range is seen. A text on which the pattern
    /// runs into its limits (ten million steps for a match, 64 MiB) is left without further matches.
    func appendMatches(in text: [UInt8], _ range: Range<Int>, to matches: inout [Range<Int>]) {
        guard let data = unsafe pcre2_match_data_create_from_pattern_8(code, nil) else { return }
        defer { unsafe pcre2_match_data_free_8(data) }
        unsafe text.withUnsafeBufferPointer { buffer in
            let length = range.count
            var start = 0
            var lastEnd = -1
            let subject: UnsafePointer<UInt8>? = unsafe buffer.baseAddress.map { unsafe $0 + range.lowerBound }
            while start <= length {
                var result = unsafe pcre2_match_8(code, subject, length, start, PCRE2_NO_UTF_CHECK, data, context)
                if result == PCRE2_ERROR_JIT_STACKLIMIT {
                    let options = PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT
                    result = unsafe pcre2_match_8(code, subject, length, start, options, data, context)
                }
                guard result > 0, let offsets = unsafe pcre2_get_ovector_pointer_8(data) else { return }
                let (from, to) = unsafe (offsets[0], offsets[1])
                guard from <= to, to <= length, to >= start else { return }
                if from < to || from != lastEnd {
                    matches.append(range.lowerBound + from..<range.lowerBound + to)
                    lastEnd = to
                }
                start = to
                if from == to {
                    guard to < length else { return }
                    start += unsafe UTF8Text.length(startingWith: buffer[range.lowerBound + to])
                }
            }
        }
    }

    private static func message(_ number: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = buffer.count
        let length = unsafe buffer.withUnsafeMutableBufferPointer { unsafe pcre2_get_error_message_8(number, $0.baseAddress, count) }
        return length > 0 ? String(decoding: buffer[..<Int(length)], as: UTF8.self) : "error \(number)"
    }
}

/// Translation of Oniguruma's syntax, which tokenizer.json files use, to PCRE2's.
enum PatternSyntax {
    /// White_Space, as Oniguruma's `\s` has it (PCRE2's has U+180E besides), and all the rest.
    private static let whitespace = #"\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"#
    private static let nonWhitespace =
        #"\x00-\x08\x0e-\x1f\x21-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}"#
        + #"\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff}"#
    /// Oniguruma's `\w`: Alphabetic, marks, decimal digits and connectors of Latin-1 the numbers besides
    /// (PCRE2's has all numbers, and no marks).
    private static let word =
        #"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}"#
        + #"\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}"#

    /// The same pattern in PCRE2's syntax; what means something else there, or nothing, is refused.
    static func translated(_ pattern: String) throws(RegularExpression.Fault) -> String {
        var output = ""
        var inClass = false
        var classIsEmpty = false
        var scalars = pattern.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\\" {
                guard let escaped = scalars.popFirst() else { throw RegularExpression.Fault(reason: "it ends with a backslash") }
                output += try escape(escaped, inClass: inClass, rest: &scalars)
                classIsEmpty = false
                continue
            }
            if inClass {
                if scalar == "&", scalars.first == "&" { throw RegularExpression.Fault(reason: "class intersection (&&) is not supported") }
                if scalar == "[", scalars.first != ":" { throw RegularExpression.Fault(reason: "a class inside a class is not supported") }
                if scalar == "]", !classIsEmpty { inClass = false }
                if scalar != "^" { classIsEmpty = false }
                if scalar == "[", let end = scalars.firstIndex(of: "]") {
                    output.unicodeScalars.append(scalar)
                    output.unicodeScalars.append(contentsOf: scalars[...end])
                    scalars = scalars[scalars.index(after: end)...]
                    continue
                }
            } else if scalar == "[" {
                inClass = true
                classIsEmpty = true
            } else if scalar == "(", scalars.first == "?" {
                try checkGroup(scalars.dropFirst())
            } else if scalar == "{", scalars.first == "," {
                output += "{0"
                continue
            } else if scalar == "}", scalars.first == "+" {
                throw RegularExpression.Fault(reason: "an interval followed by + is not supported")
            }
            output.unicodeScalars.append(scalar)
        }
        return output
    }

    private static func escape(
        _ escaped: Unicode.Scalar, inClass: Bool, rest: inout Substring.UnicodeScalarView
    ) throws(RegularExpression.Fault) -> String {
        switch escaped {
        case "p", "P", "x":
            guard rest.first == "{" else {
                if escaped == "x", rest.first.map({ ("0"..."7").contains($0) }) ?? false { return "\\x" }
                throw RegularExpression.Fault(reason: "\\\(escaped) without braces is not supported")
            }
            guard let end = rest.firstIndex(of: "}") else { throw RegularExpression.Fault(reason: "\\\(escaped){ without }") }
            defer { rest = rest[rest.index(after: end)...] }
            return "\\\(escaped)" + String(rest[...end])
        case "u":
            let digits = rest.prefix(4)
            guard digits.count == 4, digits.allSatisfy(\.properties.isASCIIHexDigit) else {
                throw RegularExpression.Fault(reason: "\\u without four digits")
            }
            defer { rest = rest.dropFirst(4) }
            return "\\x{\(String(digits))}"
        case "s": return inClass ? whitespace : "[\(whitespace)]"
        case "S": return inClass ? nonWhitespace : "[\(nonWhitespace)]"
        case "w": return inClass ? word : "[\(word)]"
        case "W" where !inClass: return "[^\(word)]"
        case "b" where !inClass: return "(?:(?<=[\(word)])(?![\(word)])|(?<![\(word)])(?=[\(word)]))"
        case "B" where !inClass: return "(?:(?<=[\(word)])(?=[\(word)])|(?<![\(word)])(?![\(word)]))"
        case "W": throw RegularExpression.Fault(reason: "\\W in a class is not supported")
        case "h", "H", "R", "X", "K", "k", "g", "G", "O", "N", "y", "Y", "M", "C", "c":
            throw RegularExpression.Fault(reason: "\\\(escaped) is not supported")
        case "Z": return "(?=\\n?\\z)"
        default: return "\\\(escaped)"
        }
    }

    /// Groups that both syntaxes share: (?: (?= (?! (?<= (?<! (?> (?i: (?i) (?-i: and names.
    private static func checkGroup(_ rest: Substring.UnicodeScalarView) throws(RegularExpression.Fault) {
        guard let first = rest.first else { return }
        switch first {
        case ":", "=", "!", ">", "<", "#": return
        default:
            for scalar in rest {
                if scalar == ":" || scalar == ")" { return }
                guard scalar == "i" || scalar == "-" || scalar == "x" else {
                    throw RegularExpression.Fault(reason: "the group option \(scalar) is not supported")
                }
            }
        }
    }
}
