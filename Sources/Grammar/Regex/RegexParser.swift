// Regular expressions of three dialects to one syntax tree: alternatives, groups, repetition.
import JSON

/// Reads one expression. What is not regular, or not a language at all, is refused by name.
struct RegexParser {
    let dialect: RegexDialect
    let scalars: [Unicode.Scalar]
    var position = 0
    var flags: RegexFlags
    private let maximumDepth: Int
    /// Whether look-ahead is read rather than refused; only the patterns of schemas know what to do with it.
    private let allowsLookAhead: Bool

    /// The largest count in `{m,n}`.
    static let maximumCount = 1_000_000

    static func parse(
        _ source: String, dialect: RegexDialect = .ecma262, flags: RegexFlags = RegexFlags(), maximumDepth: Int = GrammarLimits().depth,
        maximumBytes: Int = GrammarLimits().patternBytes, allowsLookAhead: Bool = false
    ) throws(GrammarError) -> RegexSyntax {
        guard source.utf8.count <= maximumBytes else {
            throw .tooLarge(what: "bytes of a regular expression", limit: maximumBytes, pointer: JSONPointer())
        }
        var parser = RegexParser(
            dialect: dialect, scalars: Array(source.unicodeScalars), flags: flags, maximumDepth: maximumDepth, allowsLookAhead: allowsLookAhead)
        let tree = try parser.alternatives(depth: 0)
        if parser.position < parser.scalars.count { throw parser.error("unmatched ')'") }
        return tree
    }

    private init(dialect: RegexDialect, scalars: [Unicode.Scalar], flags: RegexFlags, maximumDepth: Int, allowsLookAhead: Bool) {
        self.dialect = dialect
        self.scalars = scalars
        self.flags = flags
        self.maximumDepth = maximumDepth
        self.allowsLookAhead = allowsLookAhead
    }

    func error(_ reason: String) -> GrammarError { .syntax(offset: position, reason: reason) }
    var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard current == scalar else { return false }
        position += 1
        return true
    }

    func looksAt(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        return position + wanted.count <= scalars.count && Array(scalars[position..<position + wanted.count]) == wanted
    }

    mutating func take(_ text: String) -> Bool {
        guard looksAt(text) else { return false }
        position += text.unicodeScalars.count
        return true
    }

    /// Flags set inside hold to the end of the group.
    private mutating func alternatives(depth: Int) throws(GrammarError) -> RegexSyntax {
        if depth > maximumDepth { throw error("groups are nested more than \(maximumDepth) deep") }
        let outer = flags
        defer { flags = outer }
        var branches = [try sequence(depth: depth)]
        while take("|") { branches.append(try sequence(depth: depth)) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence(depth: Int) throws(GrammarError) -> RegexSyntax {
        var items: [RegexSyntax] = []
        skipVerbose()
        while let scalar = current, scalar != "|", scalar != ")" {
            if dialect == .re2, take("\\Q") {
                try quoted(&items)
            } else {
                let atom = try atom(depth: depth)
                skipVerbose()
                items.append(try quantified(atom))
            }
            skipVerbose()
        }
        return items.count == 1 ? items[0] : .sequence(items)
    }

    /// Blanks and comments where the flag `x` is on.
    private mutating func skipVerbose() {
        guard flags.isVerbose else { return }
        while let scalar = current, scalar.properties.isPatternWhitespace || scalar == "#" {
            position += 1
            if scalar == "#" { while let next = current, next != "\n" { position += 1 } }
        }
    }

    /// `\Q…\E`: all characters for themselves; a repetition after it takes the last one.
    private mutating func quoted(_ items: inout [RegexSyntax]) throws(GrammarError) {
        while let scalar = current {
            if take("\\E") {
                if let last = items.popLast() { items.append(try quantified(last)) }
                return
            }
            position += 1
            items.append(.characters(folded(CodePointSet(scalar: scalar.value))))
        }
    }

    private mutating func quantified(_ atom: RegexSyntax) throws(GrammarError) -> RegexSyntax {
        var result = atom
        var count = 0
        while let (minimum, maximum) = try quantifier() {
            if atom == .start || atom == .end { throw error("a quantifier on an assertion") }
            if case .lookAhead = atom { throw error("a quantifier on an assertion") }
            // Only Rust repeats a repetition.
            if count > 0, dialect != .rust || count >= maximumDepth {
                position -= 1
                throw error("nothing to repeat")
            }
            _ = take("?")
            skipVerbose()
            result = .repeated(result, minimum: minimum, maximum: maximum)
            count += 1
        }
        return result
    }

    private mutating func quantifier() throws(GrammarError) -> (Int, Int?)? {
        switch current {
        case "*":
            position += 1
            return (0, nil)
        case "+":
            position += 1
            return (1, nil)
        case "?":
            position += 1
            return (0, 1)
        case "{":
            let start = position
            position += 1
            if let bounds = try braces() { return bounds }
            if dialect == .rust { throw error("a count in braces was expected; a brace itself is written \\{") }
            position = start
            return nil
        default: return nil
        }
    }

    /// After `{`: `m}`, `m,}` or `m,n}`; nil when it is no quantifier (then `{` is a character, as in Annex B and in RE2).
    private mutating func braces() throws(GrammarError) -> (Int, Int?)? {
        var minimum = try number()
        if minimum == nil, dialect == .rust, current == "," { minimum = 0 }
        guard let minimum else { return nil }
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
        case "^", "$":
            if flags.isMultiline { throw error("\(scalar) under the flag m is not supported") }
            return scalar == "^" ? .start : .end
        case ".":
            if flags.dotMatchesLineEnds { return .characters(.all) }
            return .characters((dialect == .ecma262 ? CodePointSet.lineTerminators : CodePointSet(scalar: 0x0A)).complement)
        case "(": return try group(depth: depth)
        case "[": return .characters(try characterClass(depth: depth))
        case "\\": return try escape()
        case "*", "+", "?":
            position -= 1
            throw error("nothing to repeat")
        case "{":
            let start = position
            if try braces() != nil || dialect == .rust {
                position = start - 1
                throw error("nothing to repeat")
            }
            position = start
            return .characters(CodePointSet(scalar: scalar.value))
        default: return .characters(folded(CodePointSet(scalar: scalar.value)))
        }
    }

    private mutating func group(depth: Int) throws(GrammarError) -> RegexSyntax {
        let outer = flags
        if take("?") {
            if looksAt("=") || looksAt("!") { return try lookAhead(depth: depth) }
            if looksAt("<=") || looksAt("<!") { throw error("look-behind is not supported") }
            if looksAt(">") { throw error("atomic groups are not supported") }
            let isNamed = dialect == .ecma262 ? take("<") : take("P<") || take("<")
            if isNamed {
                try groupName()
            } else if !take(":"), try inlineFlags() {
                // `(?i)` holds for the rest of the group that it stands in.
                return .empty
            }
        }
        let tree = try alternatives(depth: depth + 1)
        guard take(")") else { throw error("an unterminated group") }
        flags = outer
        return tree
    }

    /// After `(?`: `=…)` or `!…)`.
    private mutating func lookAhead(depth: Int) throws(GrammarError) -> RegexSyntax {
        guard allowsLookAhead else { throw error("look-ahead is not supported") }
        let isNegative = take("!")
        if !isNegative { position += 1 }
        let tree = try alternatives(depth: depth + 1)
        guard take(")") else { throw error("an unterminated group") }
        return .lookAhead(tree, isNegative: isNegative)
    }

    private mutating func groupName() throws(GrammarError) {
        let start = position
        while let scalar = current, scalar != ">" {
            guard scalar == "$" || scalar.properties.isXIDContinue || scalar == "_" || dialect == .rust && ".[]".unicodeScalars.contains(scalar)
            else { throw error("a bad group name") }
            position += 1
        }
        if start == position { throw error("an empty group name") }
        guard take(">") else { throw error("an unterminated group name") }
    }

    /// After `(?`: flags and `)` (the answer is true) or `:`.
    private mutating func inlineFlags() throws(GrammarError) -> Bool {
        var isOn = true
        let start = position
        while let scalar = current {
            position += 1
            switch scalar {
            case "-" where isOn: isOn = false
            case "i": flags.ignoresCase = isOn
            case "s": flags.dotMatchesLineEnds = isOn
            case "m": flags.isMultiline = isOn
            case "x" where dialect == .rust: flags.isVerbose = isOn
            case "u" where dialect == .rust && isOn: break
            // Which of two matches is preferred says nothing about whole texts.
            case "U" where dialect != .ecma262: break
            case ")" where dialect != .ecma262 && position > start + 1: return true
            case ":" where position > start + 1: return false
            default:
                position -= 1
                throw error("inline flags like this are not supported")
            }
        }
        throw error("an unterminated group")
    }

    /// The set, with other cases where case does not count.
    func folded(_ set: CodePointSet) -> CodePointSet { flags.ignoresCase ? CaseFolding.closure(set) : set }
}
