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
        if !texts.isEmpty && Self.telling(bytes).count < bytes.count { parts.append("white space") }
        if mayEnd { parts.append("the end of the text") }
        return parts.isEmpty ? "nothing" : parts.joined(separator: texts.isEmpty ? ", or " : " or ")
    }

    /// The bytes without those of white space, where any of it may stand.
    fileprivate static func telling(_ bytes: [UInt8]) -> [UInt8] {
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        let rest = bytes.filter { !blanks.contains($0) }
        return bytes.count - rest.count == blanks.count && !rest.isEmpty ? rest : bytes
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
        configuration.candidateBytes(grammar.program).filter { configuration.stepping($0, grammar.program) != nil }
    }

    /// What may follow, with at most so many ways listed as texts, each of at most so many bytes.
    public func expectation(ways: Int = 8, bytes length: Int = 40) -> Expectation {
        let all = allowedBytes
        let first = Expectation.telling(all)
        guard first.count <= ways else { return Expectation(mayEnd: canStop, bytes: all, texts: []) }
        var closed: [[UInt8]] = []
        var open: [(text: [UInt8], matcher: Matcher)] = [([], self)]
        // Breadth first, as long as all ways still fit.
        while !open.isEmpty {
            let (text, matcher) = open.removeFirst()
            let next = text.isEmpty ? first : text.count < length && !matcher.canStop ? Expectation.telling(matcher.allowedBytes) : []
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
        return Expectation(mayEnd: canStop, bytes: all, texts: isWhole ? texts.sorted() : [])
    }
}

extension Configuration {
    /// The bytes that some thread could read next, ascending; a name that its object has already may be among them.
    fileprivate func candidateBytes(_ program: Program) -> [UInt8] {
        var found = [Bool](repeating: false, count: 256)
        for thread in threads {
            let node = program.nodes[Int(thread.node)]
            switch node.kind {
            case .literal: found[Int(program.literals[Int(node.index)][Int(thread.local)])] = true
            case .words: for byte in program.tries[Int(node.index)].nextBytes(thread.local) { found[Int(byte)] = true }
            case .lexeme:
                let lexeme = program.lexemes[Int(node.index)]
                for byte in UInt8.min...UInt8.max {
                    if case .dead = lexeme.step(thread.local, thread.register, byte) { continue }
                    found[Int(byte)] = true
                }
            default: found = [Bool](repeating: true, count: 256)
            }
        }
        return (UInt8.min...UInt8.max).filter { found[Int($0)] }
    }
}
