// What a grammar would read next, for people: where a text dies, and what it should have been there.

/// What may follow at one place of a text.
public struct Expectation: Sendable, Hashable {
    /// The text may end here.
    public let mayEnd: Bool
    /// The bytes that may follow.
    public let bytes: [UInt8]
    /// Where few ways lead on, the ways, each as far as it is clear; empty where there are too many to list.
    public let texts: [String]

    /// The expectation as a phrase: texts in quotes, or a description of the characters.
    public var description: String {
        var parts: [String] = texts.isEmpty ? (bytes.isEmpty ? [] : [Self.characters(bytes)]) : texts.map(Self.quoted)
        if mayEnd { parts.append("the end of the text") }
        return parts.isEmpty ? "nothing" : parts.joined(separator: texts.isEmpty ? ", or " : " or ")
    }

    /// A text between typographic quotes, so that its own quotes stand out; control characters by their names.
    private static func quoted(_ text: String) -> String { "‘\(text.unicodeScalars.map(shown).joined())’" }

    private static func shown(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case ..<" ", "\u{7F}": "\\x" + String(scalar.value + 0x100, radix: 16).dropFirst()
        default: String(scalar)
        }
    }

    /// Many bytes as classes: ranges, or "any but".
    private static func characters(_ bytes: [UInt8]) -> String {
        let allowed = Set(bytes)
        let printable = (UInt8(0x20)...0x7E)
        let missing = printable.filter { !allowed.contains($0) }
        let hasOther = bytes.contains { $0 >= 0x80 }
        if missing.count <= 24 {
            let but = missing.isEmpty ? "" : " but " + ranges(missing)
            return "any character\(hasOther ? "" : " of ASCII")\(but)"
        }
        var parts: [String] = []
        let ascii = bytes.filter { $0 < 0x80 }
        if !ascii.isEmpty { parts.append("one of " + ranges(ascii)) }
        if hasOther { parts.append(ascii.isEmpty ? "a byte of certain characters beyond ASCII" : "certain characters beyond ASCII") }
        return parts.joined(separator: " and ")
    }

    private static func ranges(_ bytes: [UInt8]) -> String {
        var parts: [String] = []
        var rest = bytes.sorted()[...]
        func name(_ byte: UInt8) -> String { byte == 0x20 ? "blank" : shown(Unicode.Scalar(byte)) }
        while let first = rest.popFirst() {
            var last = first
            while let next = rest.first, next == last + 1 {
                last = next
                rest.removeFirst()
            }
            if last - first >= 2 { parts.append("\(name(first))–\(name(last))") } else { parts += (first...last).map(name) }
        }
        return parts.joined(separator: " ")
    }
}

extension Matcher {
    /// The bytes that may follow; none where the text is finished.
    public var allowedBytes: [UInt8] {
        (UInt8.min...UInt8.max).filter { byte in
            var copy = self
            return copy.accept(bytes: [byte])
        }
    }

    /// What may follow, with at most so many ways listed as texts, each of at most so many bytes.
    public func expectation(ways: Int = 8, bytes length: Int = 40) -> Expectation {
        let first = allowedBytes
        guard first.count <= ways else { return Expectation(mayEnd: canStop, bytes: first, texts: []) }
        var closed: [[UInt8]] = []
        var open: [(text: [UInt8], matcher: Matcher)] = [([], self)]
        // Breadth first, as long as all ways still fit.
        while !open.isEmpty {
            let (text, matcher) = open.removeFirst()
            let next = text.isEmpty ? first : text.count < length && !matcher.canStop ? matcher.allowedBytes : []
            guard !next.isEmpty, closed.count + open.count + next.count <= ways else {
                if !text.isEmpty { closed.append(text) }
                continue
            }
            for byte in next {
                var copy = matcher
                _ = copy.accept(bytes: [byte])
                open.append((text + [byte], copy))
            }
        }
        // A way that stopped inside a character is listed as far as it is text.
        let texts = closed.map { way in
            var way = way
            while String(validating: way, as: UTF8.self) == nil { way.removeLast() }
            return String(decoding: way, as: UTF8.self)
        }
        let isWhole = texts.allSatisfy { !$0.isEmpty }
        return Expectation(mayEnd: canStop, bytes: first, texts: isWhole ? texts.sorted() : [])
    }
}
