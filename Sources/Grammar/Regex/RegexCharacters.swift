// Escapes and character classes of regular expressions.
import JSON

extension RegexParser {
    mutating func escape() throws(GrammarError) -> RegexSyntax {
        guard let scalar = current else { throw error("a backslash at the end") }
        switch scalar {
        case "b", "B": throw error("the word boundary \\\(scalar) is not supported")
        case "<",
            ">" where dialect == .rust:
            throw error("the word boundary \\\(scalar) is not supported")
        case "1", "2", "3", "4", "5", "6", "7", "8", "9":
            if dialect == .re2, isOctal(at: position), isOctal(at: position + 1) { return .characters(folded(try octal())) }
            throw error("back-references are not supported")
        case "k" where dialect != .re2: throw error("back-references are not supported")
        case "A" where dialect != .ecma262:
            position += 1
            return .start
        case "z" where dialect != .ecma262:
            position += 1
            return .end
        case "C" where dialect == .re2: throw error("single bytes (\\C) are not supported")
        default: return .characters(try escapedSet())
        }
    }

    private func isOctal(at place: Int) -> Bool { place < scalars.count && (0x30...0x37).contains(scalars[place].value) }

    /// Up to three octal digits.
    private mutating func octal() throws(GrammarError) -> CodePointSet {
        var value: UInt32 = 0
        for _ in 0..<3 where isOctal(at: position) {
            value = value * 8 + (scalars[position].value - 0x30)
            position += 1
        }
        return CodePointSet(scalar: value)
    }

    /// What follows a backslash, as a set of characters; also inside brackets.
    mutating func escapedSet() throws(GrammarError) -> CodePointSet {
        guard let scalar = current else { throw error("a backslash at the end") }
        position += 1
        switch scalar {
        case "d": return digits
        case "D": return digits.complement
        case "w": return folded(word)
        case "W": return folded(word).complement
        case "s": return space
        case "S": return space.complement
        case "n": return CodePointSet(scalar: 0x0A)
        case "r": return CodePointSet(scalar: 0x0D)
        case "t": return CodePointSet(scalar: 0x09)
        case "f": return CodePointSet(scalar: 0x0C)
        case "v": return CodePointSet(scalar: 0x0B)
        case "a" where dialect != .ecma262: return CodePointSet(scalar: 0x07)
        case "0" where dialect == .re2:
            position -= 1
            return try octal()
        case "0" where dialect == .ecma262:
            if let next = current, next.value >= 0x30, next.value <= 0x39 { throw error("octal escapes are not supported") }
            return CodePointSet(scalar: 0)
        case "c" where dialect == .ecma262:
            guard let letter = current, letter.isASCII, letter.properties.isAlphabetic else { throw error("a bad control escape") }
            position += 1
            return CodePointSet(scalar: letter.value % 32)
        case "x":
            if dialect != .ecma262, current == "{" { return folded(CodePointSet(scalar: try bracedHexadecimal())) }
            return folded(CodePointSet(scalar: try hexadecimal(2)))
        case "u" where dialect == .ecma262: return folded(CodePointSet(scalar: try unicodeEscape()))
        case "u" where dialect == .rust: return folded(CodePointSet(scalar: current == "{" ? try bracedHexadecimal() : try hexadecimal(4)))
        case "U" where dialect == .rust: return folded(CodePointSet(scalar: current == "{" ? try bracedHexadecimal() : try hexadecimal(8)))
        case "p", "P":
            let set = folded(try property())
            return scalar == "P" ? set.complement : set
        default:
            if scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil) {
                throw error("the escape \\\(scalar) is not known")
            }
            if dialect != .ecma262, !scalar.isASCII { throw error("the escape \\\(scalar) is not known") }
            return CodePointSet(scalar: scalar.value)
        }
    }

    private var digits: CodePointSet { dialect == .rust ? UnicodeSets.named("Nd")! : .digits }

    private var word: CodePointSet { dialect == .rust ? UnicodeSets.named(UnicodeSets.wordName)! : .word }

    private var space: CodePointSet {
        switch dialect {
        case .ecma262: .space
        case .rust: UnicodeSets.named("White_Space")!
        case .re2: CodePointSet("\t\n\u{0C}\r ")
        }
    }

    private mutating func hexadecimal(_ digits: Int) throws(GrammarError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let scalar = current, let digit = scalar.hexadecimalDigit else { throw error("a hexadecimal digit was expected") }
            if value > CodePointSet.maximum >> 4 { throw error("a code point above 10FFFF") }
            value = value * 16 + digit
            position += 1
        }
        if value > CodePointSet.maximum { throw error("a code point above 10FFFF") }
        return value
    }

    private mutating func bracedHexadecimal() throws(GrammarError) -> UInt32 {
        position += 1
        var value: UInt32 = 0
        var digits = 0
        while let scalar = current, let digit = scalar.hexadecimalDigit {
            value = value * 16 + digit
            digits += 1
            position += 1
            if value > CodePointSet.maximum { throw error("a code point above 10FFFF") }
        }
        guard digits > 0, take("}") else { throw error("a bad {…} escape") }
        return value
    }

    private mutating func unicodeEscape() throws(GrammarError) -> UInt32 {
        if current == "{" { return try bracedHexadecimal() }
        let unit = try hexadecimal(4)
        guard unit >= 0xD800, unit < 0xDC00, looksAt("\\u") else { return unit }
        let start = position
        position += 2
        if current == "{" {
            position = start
            return unit
        }
        let low = try hexadecimal(4)
        guard low >= 0xDC00, low < 0xE000 else {
            position = start
            return unit
        }
        return 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }

    private mutating func property() throws(GrammarError) -> CodePointSet {
        if dialect != .ecma262, let letter = current, letter != "{" {
            position += 1
            guard let set = UnicodeSets.named(String(letter)) else { throw error("the property \\p\(letter) is not supported") }
            return set
        }
        guard take("{") else { throw error("\\p needs a name in braces") }
        let isNegated = dialect != .ecma262 && take("^")
        var name = ""
        while let scalar = current, scalar != "}" {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take("}") else { throw error("an unterminated \\p{…}") }
        guard let set = UnicodeSets.named(name) else { throw error("the property \\p{\(name)} is not supported") }
        return isNegated ? set.complement : set
    }

    /// After `[`.
    mutating func characterClass(depth: Int) throws(GrammarError) -> CodePointSet {
        if depth > GrammarLimits().depth { throw error("classes are nested too deep") }
        let isNegated = take("^")
        var set = try classItems(depth: depth, isFirst: dialect != .ecma262)
        while dialect == .rust, !take("]") {
            // All operations bind alike, from the left.
            if take("&&") {
                set = set.intersection(try classItems(depth: depth, isFirst: false))
            } else if take("--") {
                set = set.subtracting(try classItems(depth: depth, isFirst: false))
            } else if take("~~") {
                let other = try classItems(depth: depth, isFirst: false)
                set = set.union(other).subtracting(set.intersection(other))
            } else {
                throw error("an unterminated character class")
            }
        }
        set = folded(set)
        return isNegated ? set.complement : set
    }

    /// Items up to `]` (which is read, but not in Rust) or an operation between sets.
    private mutating func classItems(depth: Int, isFirst: Bool) throws(GrammarError) -> CodePointSet {
        var ranges: [CodePointSet.Range] = []
        var isFirst = isFirst
        while true {
            guard let scalar = current else { throw error("an unterminated character class") }
            if dialect == .rust {
                if scalar == "]" && !isFirst || looksAt("&&") || looksAt("--") || looksAt("~~") { return CodePointSet(ranges) }
                if flags.isVerbose, scalar.properties.isPatternWhitespace {
                    position += 1
                    continue
                }
            } else if scalar == "]", !isFirst {
                position += 1
                return CodePointSet(ranges)
            }
            // In RE2 and Rust a bracket that stands first is a character.
            isFirst = false
            if dialect != .ecma262, scalar == "[", let inner = try innerClass(depth: depth) {
                ranges += inner.ranges
                continue
            }
            let (low, isSet) = try classAtom(scalar)
            guard current == "-", position + 1 < scalars.count, scalars[position + 1] != "]", !(dialect == .rust && looksAt("--")) else {
                ranges += low.ranges
                continue
            }
            position += 1
            guard let next = current else { throw error("an unterminated character class") }
            let (high, isHighSet) = try classAtom(next)
            if isSet || isHighSet {
                guard dialect == .ecma262 else { throw error("a range between sets") }
                // Annex B: `[\w-x]` is the two sets and the hyphen.
                ranges += low.ranges + high.ranges + [.init(low: 0x2D, high: 0x2D)]
                continue
            }
            guard low.ranges[0].low <= high.ranges[0].low else { throw error("a range out of order in a character class") }
            ranges.append(.init(low: low.ranges[0].low, high: high.ranges[0].low))
        }
    }

    /// `[:alpha:]` or, in Rust, a class in a class; nil for a bracket that is a character.
    private mutating func innerClass(depth: Int) throws(GrammarError) -> CodePointSet? {
        if looksAt("[:"), let end = scalars[position...].firstIndex(of: "]"), end > position + 2, scalars[end - 1] == ":" {
            var name = scalars[(position + 2)..<(end - 1)]
            let isNegated = name.first == "^"
            if isNegated { name = name.dropFirst() }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: name)
            guard let set = Self.posix[String(text)] else { throw error("the class [:\(String(text)):] is not known") }
            position = end + 1
            return isNegated ? set.complement : set
        }
        guard dialect == .rust else { return nil }
        position += 1
        return try characterClass(depth: depth + 1)
    }

    private static let posix: [String: CodePointSet] = {
        func set(_ ranges: ClosedRange<UInt32>...) -> CodePointSet { CodePointSet(ranges.map { .init(low: $0.lowerBound, high: $0.upperBound) }) }
        return [
            "alnum": set(0x30...0x39, 0x41...0x5A, 0x61...0x7A), "alpha": set(0x41...0x5A, 0x61...0x7A), "ascii": set(0...0x7F),
            "blank": set(0x09...0x09, 0x20...0x20), "cntrl": set(0...0x1F, 0x7F...0x7F), "digit": .digits, "graph": set(0x21...0x7E),
            "lower": set(0x61...0x7A), "print": set(0x20...0x7E), "punct": set(0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E),
            "space": set(0x09...0x0D, 0x20...0x20), "upper": set(0x41...0x5A), "word": .word,
            "xdigit": set(0x30...0x39, 0x41...0x46, 0x61...0x66),
        ]
    }()

    private mutating func classAtom(_ scalar: Unicode.Scalar) throws(GrammarError) -> (CodePointSet, isSet: Bool) {
        position += 1
        guard scalar == "\\" else { return (CodePointSet(scalar: scalar.value), false) }
        guard let next = current else { throw error("a backslash at the end") }
        if dialect == .ecma262 {
            if take("b") { return (CodePointSet(scalar: 0x08), false) }
            if take("-") { return (CodePointSet(scalar: 0x2D), false) }
        }
        let isSet = ["d", "D", "w", "W", "s", "S", "p", "P"].contains(next)
        // Cases are added once the class is whole: a range's ends must stay single.
        let outer = flags.ignoresCase
        flags.ignoresCase = outer && isSet
        defer { flags.ignoresCase = outer }
        return (try escapedSet(), isSet)
    }
}

extension Unicode.Scalar {
    /// The value of a hexadecimal digit.
    var hexadecimalDigit: UInt32? {
        switch value {
        case 0x30...0x39: value - 0x30
        case 0x41...0x46: value - 0x41 + 10
        case 0x61...0x66: value - 0x61 + 10
        default: nil
        }
    }
}
