// ECMA-262 regular expressions (with the `u` flag's properties and Annex B's tolerance) to a syntax tree.
import JSON

/// Reads one expression. What is not regular, or not a language at all, is refused by name.
struct RegexParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private let maximumDepth: Int

    /// The largest count in `{m,n}`.
    static let maximumCount = 1_000_000

    static func parse(
        _ source: String, maximumDepth: Int = GrammarLimits().depth, maximumBytes: Int = GrammarLimits().patternBytes
    ) throws(GrammarError) -> RegexSyntax {
        guard source.utf8.count <= maximumBytes else {
            throw .tooLarge(what: "bytes of a regular expression", limit: maximumBytes, pointer: JSONPointer())
        }
        var parser = RegexParser(scalars: Array(source.unicodeScalars), maximumDepth: maximumDepth)
        let tree = try parser.alternatives(depth: 0)
        if parser.position < parser.scalars.count { throw parser.error("unmatched ')'") }
        return tree
    }

    private init(scalars: [Unicode.Scalar], maximumDepth: Int) {
        self.scalars = scalars
        self.maximumDepth = maximumDepth
    }

    private func error(_ reason: String) -> GrammarError { .syntax(offset: position, reason: reason) }
    private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard current == scalar else { return false }
        position += 1
        return true
    }

    private func looksAt(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        return position + wanted.count <= scalars.count && Array(scalars[position..<position + wanted.count]) == wanted
    }

    private mutating func alternatives(depth: Int) throws(GrammarError) -> RegexSyntax {
        if depth > maximumDepth { throw error("groups are nested more than \(maximumDepth) deep") }
        var branches = [try sequence(depth: depth)]
        while take("|") { branches.append(try sequence(depth: depth)) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence(depth: Int) throws(GrammarError) -> RegexSyntax {
        var items: [RegexSyntax] = []
        while let scalar = current, scalar != "|", scalar != ")" {
            let atom = try atom(depth: depth)
            items.append(try quantified(atom))
        }
        return items.count == 1 ? items[0] : .sequence(items)
    }

    private mutating func quantified(_ atom: RegexSyntax) throws(GrammarError) -> RegexSyntax {
        var bounds: (Int, Int?)?
        switch current {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{":
            let start = position
            position += 1
            bounds = try braces()
            if bounds == nil { position = start }
        default: break
        }
        guard let (minimum, maximum) = bounds else { return atom }
        if current == "*" || current == "+" || (current == "?" && scalars[position] != "}") { position += 1 }
        _ = take("?")
        if atom == .start || atom == .end { throw error("a quantifier on an assertion") }
        if current == "*" || current == "+" || current == "?" { throw error("nothing to repeat") }
        return .repeated(atom, minimum: minimum, maximum: maximum)
    }

    /// After `{`: `m}`, `m,}` or `m,n}`; nil when it is no quantifier (then `{` is a character, as in Annex B).
    private mutating func braces() throws(GrammarError) -> (Int, Int?)? {
        guard let minimum = try number() else { return nil }
        if take("}") { return (minimum, minimum) }
        guard take(",") else { return nil }
        if take("}") { return (minimum, nil) }
        guard let maximum = try number(), take("}") else { return nil }
        if maximum < minimum { throw error("numbers out of order in {\(minimum),\(maximum)}") }
        return (minimum, maximum)
    }

    private mutating func number() throws(GrammarError) -> Int? {
        var value: Int?
        while let scalar = current, scalar.value >= 0x30, scalar.value <= 0x39 {
            let next = (value ?? 0) * 10 + Int(scalar.value - 0x30)
            if next > Self.maximumCount { throw error("a count above \(Self.maximumCount)") }
            value = next
            position += 1
        }
        return value
    }

    private mutating func atom(depth: Int) throws(GrammarError) -> RegexSyntax {
        guard let scalar = current else { throw error("an expression was expected") }
        position += 1
        switch scalar {
        case "^": return .start
        case "$": return .end
        case ".": return .characters(CodePointSet.lineTerminators.complement)
        case "(": return try group(depth: depth)
        case "[": return .characters(try characterClass())
        case "\\": return try escape()
        case "*", "+", "?":
            position -= 1
            throw error("nothing to repeat")
        case "{":
            let start = position
            if try braces() != nil {
                position = start - 1
                throw error("nothing to repeat")
            }
            position = start
            return .characters(CodePointSet(scalar: scalar.value))
        default: return .characters(CodePointSet(scalar: scalar.value))
        }
    }

    private mutating func group(depth: Int) throws(GrammarError) -> RegexSyntax {
        if take("?") {
            if looksAt("=") || looksAt("!") { throw error("look-ahead is not supported") }
            if looksAt("<=") || looksAt("<!") { throw error("look-behind is not supported") }
            if take("<") {
                let start = position
                while let scalar = current, scalar != ">" {
                    guard scalar == "$" || scalar.properties.isXIDContinue || scalar == "_" else { throw error("a bad group name") }
                    position += 1
                }
                if start == position { throw error("an empty group name") }
                guard take(">") else { throw error("an unterminated group name") }
            } else if !take(":") {
                throw error("inline flags are not supported")
            }
        }
        let tree = try alternatives(depth: depth + 1)
        guard take(")") else { throw error("an unterminated group") }
        return tree
    }

    private mutating func escape() throws(GrammarError) -> RegexSyntax {
        guard let scalar = current else { throw error("a backslash at the end") }
        switch scalar {
        case "b", "B": throw error("the word boundary \\\(scalar) is not supported")
        case "1", "2", "3", "4", "5", "6", "7", "8", "9": throw error("back-references are not supported")
        case "k": throw error("back-references are not supported")
        default: return .characters(try escapedSet())
        }
    }

    /// What follows a backslash, as a set of characters; also inside brackets.
    private mutating func escapedSet() throws(GrammarError) -> CodePointSet {
        guard let scalar = current else { throw error("a backslash at the end") }
        position += 1
        switch scalar {
        case "d": return .digits
        case "D": return CodePointSet.digits.complement
        case "w": return .word
        case "W": return CodePointSet.word.complement
        case "s": return .space
        case "S": return CodePointSet.space.complement
        case "n": return CodePointSet(scalar: 0x0A)
        case "r": return CodePointSet(scalar: 0x0D)
        case "t": return CodePointSet(scalar: 0x09)
        case "f": return CodePointSet(scalar: 0x0C)
        case "v": return CodePointSet(scalar: 0x0B)
        case "0":
            if let next = current, next.value >= 0x30, next.value <= 0x39 { throw error("octal escapes are not supported") }
            return CodePointSet(scalar: 0)
        case "c":
            guard let letter = current, letter.isASCII, letter.properties.isAlphabetic else { throw error("a bad control escape") }
            position += 1
            return CodePointSet(scalar: letter.value % 32)
        case "x": return CodePointSet(scalar: try hexadecimal(2))
        case "u": return CodePointSet(scalar: try unicodeEscape())
        case "p", "P":
            let set = try property()
            return scalar == "P" ? set.complement : set
        default:
            if scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil) {
                throw error("the escape \\\(scalar) is not known")
            }
            return CodePointSet(scalar: scalar.value)
        }
    }

    private mutating func hexadecimal(_ digits: Int) throws(GrammarError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let scalar = current, let digit = scalar.hexadecimalDigit else { throw error("a hexadecimal digit was expected") }
            value = value * 16 + digit
            position += 1
        }
        return value
    }

    private mutating func unicodeEscape() throws(GrammarError) -> UInt32 {
        if take("{") {
            var value: UInt32 = 0
            var digits = 0
            while let scalar = current, let digit = scalar.hexadecimalDigit {
                value = value * 16 + digit
                digits += 1
                position += 1
                if value > CodePointSet.maximum { throw error("a code point above 10FFFF") }
            }
            guard digits > 0, take("}") else { throw error("a bad \\u{…} escape") }
            return value
        }
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
        guard take("{") else { throw error("\\p needs a name in braces") }
        var name = ""
        while let scalar = current, scalar != "}" {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take("}") else { throw error("an unterminated \\p{…}") }
        guard let set = UnicodeSets.named(name) else { throw error("the property \\p{\(name)} is not supported") }
        return set
    }

    private mutating func characterClass() throws(GrammarError) -> CodePointSet {
        let isNegated = take("^")
        var ranges: [CodePointSet.Range] = []
        while true {
            guard let scalar = current else { throw error("an unterminated character class") }
            if take("]") { break }
            let (low, isSet) = try classAtom(scalar)
            guard current == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
                ranges += low.ranges
                continue
            }
            position += 1
            guard let next = current else { throw error("an unterminated character class") }
            let (high, isHighSet) = try classAtom(next)
            if isSet || isHighSet {
                // Annex B: `[\w-x]` is the two sets and the hyphen.
                ranges += low.ranges + high.ranges + [.init(low: 0x2D, high: 0x2D)]
                continue
            }
            guard low.ranges[0].low <= high.ranges[0].low else { throw error("a range out of order in a character class") }
            ranges.append(.init(low: low.ranges[0].low, high: high.ranges[0].low))
        }
        let set = CodePointSet(ranges)
        return isNegated ? set.complement : set
    }

    private mutating func classAtom(_ scalar: Unicode.Scalar) throws(GrammarError) -> (CodePointSet, isSet: Bool) {
        position += 1
        guard scalar == "\\" else { return (CodePointSet(scalar: scalar.value), false) }
        guard let next = current else { throw error("a backslash at the end") }
        if take("b") { return (CodePointSet(scalar: 0x08), false) }
        if take("-") { return (CodePointSet(scalar: 0x2D), false) }
        let isSet = ["d", "D", "w", "W", "s", "S", "p", "P"].contains(next)
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
