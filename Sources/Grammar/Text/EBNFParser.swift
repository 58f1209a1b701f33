// GBNF as llama.cpp reads it, and the EBNF of XGrammar that grew from it.
import JSON

/// Reads the rules of one grammar.
struct EBNFParser {
    enum Dialect {
        case gbnf
        case ebnf
    }

    private(set) var cursor: TextCursor
    let dialect: Dialect
    let options: SchemaOptions
    private(set) var set = RuleSet()
    private var numbers: [String: RuleID] = [:]

    /// The largest count in braces.
    static let maximumCount = 1_000_000_000

    static func read(_ text: String, _ dialect: Dialect, _ options: SchemaOptions) throws(GrammarError) -> RuleSet {
        var parser = EBNFParser(cursor: TextCursor(text), dialect: dialect, options: options)
        return try parser.grammar()
    }

    private init(cursor: TextCursor, dialect: Dialect, options: SchemaOptions) {
        self.cursor = cursor
        self.dialect = dialect
        self.options = options
    }

    private mutating func grammar() throws(GrammarError) -> RuleSet {
        let root = try rule(named: "root", at: 0)
        skip(newlines: true)
        while !cursor.isAtEnd {
            try definition()
            skip(newlines: true)
        }
        guard set.rules[root].isDefined else { throw cursor.error("the rule \"root\" is missing") }
        for rule in set.rules where !rule.isDefined {
            throw cursor.error("the rule \"\(rule.name)\" is not defined", at: rule.place)
        }
        set.entry = root
        return set
    }

    mutating func rule(named name: String, at place: Int) throws(GrammarError) -> RuleID {
        if let known = numbers[name] { return known }
        guard set.rules.count < options.limits.rules else {
            throw .tooLarge(what: "rules", limit: options.limits.rules, pointer: JSONPointer())
        }
        numbers[name] = set.rules.count
        set.rules.append(RuleSet.Rule(name: name, body: .nothing, place: place))
        return set.rules.count - 1
    }

    /// Blanks and comments; line ends too where they say nothing.
    private mutating func skip(newlines: Bool) {
        while let scalar = cursor.current {
            switch scalar {
            case " ", "\t": cursor.position += 1
            case "\n", "\r":
                guard newlines else { return }
                cursor.position += 1
            case "#": while let scalar = cursor.current, scalar != "\n", scalar != "\r" { cursor.position += 1 }
            default: return
            }
        }
    }

    private func isNameStart(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        return scalar.isASCII && scalar.properties.isAlphabetic
            || (dialect == .gbnf ? scalar == "-" || ("0"..."9").contains(scalar) : scalar == "_" || scalar == ".")
    }

    private func isNamePart(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        return isNameStart(scalar) || scalar == "-" || ("0"..."9").contains(scalar)
    }

    mutating func name() throws(GrammarError) -> String {
        let start = cursor.position
        guard isNameStart(cursor.current) else { throw cursor.error("a rule's name was expected") }
        while isNamePart(cursor.current) { cursor.position += 1 }
        return cursor.text(from: start)
    }

    /// `name ::= alternatives`.
    private mutating func definition() throws(GrammarError) {
        let place = cursor.position
        let name = try name()
        var isLazy = false
        if dialect == .ebnf, cursor.current == "[" { isLazy = try ruleOptions() }
        skip(newlines: dialect == .ebnf)
        guard cursor.take("::=") else { throw cursor.error("::= was expected") }
        skip(newlines: true)
        let id = try rule(named: name, at: place)
        guard !set.rules[id].isDefined else { throw cursor.error("the rule \"\(name)\" is defined twice", at: place) }
        set.rules[id].isDefined = true
        let body = try alternatives(depth: 0)
        set.rules[id].body = isLazy ? .shortest(body) : body
        if dialect == .gbnf, let scalar = cursor.current, scalar != "\n", scalar != "\r" { throw cursor.error("\(shown(scalar)) was not expected") }
    }

    /// `[max_tokens=…, capture, lazy]` after a rule's name; whether the rule is lazy.
    private mutating func ruleOptions() throws(GrammarError) -> Bool {
        cursor.position += 1
        var isLazy = false
        var seen: Set<String> = []
        repeat {
            skip(newlines: true)
            let place = cursor.position
            let option = try name()
            guard seen.insert(option).inserted else { throw cursor.error("the option \(option) is given twice", at: place) }
            skip(newlines: true)
            switch option {
            case "lazy": isLazy = true
            // A capture names a part of the text; what is allowed stays the same.
            case "capture":
                if cursor.take("=") {
                    skip(newlines: true)
                    _ = try literal()
                }
            default: throw cursor.error("the rule option \(option) is not supported", at: place)
            }
            skip(newlines: true)
        } while cursor.take(",")
        guard cursor.take("]") else { throw cursor.error("\"]\" was expected") }
        return isLazy
    }

    private mutating func alternatives(depth: Int) throws(GrammarError) -> RuleBody {
        guard depth <= options.limits.depth else { throw cursor.error("groups are nested more than \(options.limits.depth) deep") }
        var branches = [try sequence(depth: depth)]
        while cursor.take("|") {
            skip(newlines: true)
            branches.append(try sequence(depth: depth))
        }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence(depth: Int) throws(GrammarError) -> RuleBody {
        var items: [(item: RuleBody, minimum: Int, maximum: Int?)] = []
        while let scalar = cursor.current, scalar != "|", scalar != ")", dialect == .ebnf || depth > 0 || scalar != "\n" && scalar != "\r" {
            if dialect == .ebnf, depth == 0, startsDefinition() { break }
            let atom = try atom(depth: depth)
            skip(newlines: dialect == .ebnf || depth > 0)
            try quantified(atom, &items, newlines: dialect == .ebnf || depth > 0)
        }
        let bodies = items.map { RuleBody.counted($0.item, $0.minimum, $0.maximum) }
        return bodies.count == 1 ? bodies[0] : .sequence(bodies)
    }

    /// Whether a new rule begins here.
    private func startsDefinition() -> Bool {
        guard isNameStart(cursor.current) else { return false }
        var ahead = self
        guard (try? ahead.name()) != nil else { return false }
        if ahead.cursor.current == "[" {
            while let scalar = ahead.cursor.next(), scalar != "]" {}
        }
        ahead.skip(newlines: true)
        return ahead.cursor.looksAt("::=")
    }

    private mutating func quantified(_ atom: RuleBody, _ items: inout [(item: RuleBody, minimum: Int, maximum: Int?)], newlines: Bool)
        throws(GrammarError)
    {
        var body = atom
        var bounds: (Int, Int?) = (1, 1)
        var count = 0
        while let (minimum, maximum) = try quantifier() {
            if count > 0 {
                guard dialect == .gbnf else { throw cursor.error("a second repetition of one item; put the first into parentheses") }
                guard count < options.limits.depth else { throw cursor.error("more than \(options.limits.depth) repetitions of one item") }
                body = .counted(body, bounds.0, bounds.1)
            }
            bounds = (minimum, maximum)
            count += 1
            skip(newlines: newlines)
        }
        // `x? x? x?` is `x{0,3}`: a counter instead of as many choices.
        if let last = items.last, let same = Self.joined((last.minimum, last.maximum), bounds), Self.isSame(last.item, body) {
            items[items.count - 1] = (body, same.0, same.1)
        } else {
            items.append((body, bounds.0, bounds.1))
        }
    }

    private static func joined(_ a: (Int, Int?), _ b: (Int, Int?)) -> (Int, Int?)? {
        let minimum = a.0 + b.0
        guard minimum <= maximumCount else { return nil }
        guard let x = a.1, let y = b.1 else { return (minimum, nil) }
        return x + y <= maximumCount ? (minimum, x + y) : nil
    }

    private static func isSame(_ a: RuleBody, _ b: RuleBody) -> Bool {
        switch (a, b) {
        case (.text(let x), .text(let y)): x == y
        case (.characters(let x), .characters(let y)): x == y
        case (.reference(let x), .reference(let y)): x == y
        default: false
        }
    }

    private mutating func quantifier() throws(GrammarError) -> (Int, Int?)? {
        switch cursor.current {
        case "*":
            cursor.position += 1
            return (0, nil)
        case "+":
            cursor.position += 1
            return (1, nil)
        case "?":
            cursor.position += 1
            return (0, 1)
        case "{":
            let start = cursor.position
            cursor.position += 1
            skip(newlines: true)
            guard let minimum = try cursor.number(maximum: Self.maximumCount) else { throw cursor.error("a count was expected") }
            skip(newlines: true)
            var maximum: Int? = minimum
            if cursor.take(",") {
                skip(newlines: true)
                maximum = try cursor.number(maximum: Self.maximumCount)
                skip(newlines: true)
            }
            guard cursor.take("}") else { throw cursor.error("\"}\" was expected") }
            if let maximum, maximum < minimum { throw cursor.error("the upper count is below the lower", at: start) }
            return (minimum, maximum)
        default: return nil
        }
    }

    private mutating func atom(depth: Int) throws(GrammarError) -> RuleBody {
        let place = cursor.position
        guard let scalar = cursor.current else { throw cursor.error("something was expected") }
        if isNameStart(scalar), dialect == .gbnf || scalar != "." {
            let name = try name()
            if dialect == .ebnf, cursor.current == "(", let body = try macro(name, at: place) { return body }
            return .reference(try rule(named: name, at: place))
        }
        switch scalar {
        case "\"": return .text(Array(try literal().utf8))
        case "[": return .characters(try characterClass())
        case ".":
            cursor.position += 1
            return .characters(.all)
        case "(":
            cursor.position += 1
            if cursor.current == "=" { throw cursor.error("look-ahead \"(= …)\" is not supported", at: place) }
            skip(newlines: true)
            let body = try alternatives(depth: depth + 1)
            guard cursor.take(")") else { throw cursor.error("\")\" was expected for the group", at: cursor.isAtEnd ? place : nil) }
            return body
        case "<": throw cursor.error("tokens (<…>) are not supported: grammars speak of text", at: place)
        case "!": throw cursor.error("negated tokens (!<…>) are not supported: grammars speak of text", at: place)
        case "*", "+", "?", "{": throw cursor.error("nothing to repeat", at: place)
        default: throw cursor.error("\(shown(scalar)) was not expected", at: place)
        }
    }

    private func shown(_ scalar: Unicode.Scalar) -> String { scalar == "\n" || scalar == "\r" ? "the end of the line" : "\"\(scalar)\"" }

    /// A text in double quotes.
    mutating func literal() throws(GrammarError) -> String {
        let place = cursor.position
        guard cursor.take("\"") else { throw cursor.error("a text in double quotes was expected") }
        var text = String.UnicodeScalarView()
        while true {
            guard let scalar = cursor.current else { throw cursor.error("the text has no closing quote", at: place) }
            if dialect == .ebnf, scalar == "\n" || scalar == "\r" { throw cursor.error("the text has no closing quote on its line", at: place) }
            if cursor.take("\"") { return String(text) }
            text.append(try character(inClass: false))
        }
    }

    private mutating func characterClass() throws(GrammarError) -> CodePointSet {
        let place = cursor.position
        cursor.position += 1
        let isNegated = cursor.take("^")
        var ranges: [CodePointSet.Range] = []
        while !cursor.take("]") {
            guard let scalar = cursor.current else { throw cursor.error("the character class has no end", at: place) }
            if dialect == .ebnf, scalar == "\n" || scalar == "\r" { throw cursor.error("the character class has no end on its line", at: place) }
            let low = try character(inClass: true)
            var high = low
            if cursor.current == "-", cursor.peek(1) != "]" {
                cursor.position += 1
                guard !cursor.isAtEnd else { throw cursor.error("the character class has no end", at: place) }
                high = try character(inClass: true)
            }
            guard low.value <= high.value else { throw cursor.error("a range out of order") }
            ranges.append(.init(low: low.value, high: high.value))
        }
        if ranges.isEmpty, !(dialect == .ebnf && isNegated) { throw cursor.error("an empty character class", at: place) }
        let set = CodePointSet(ranges)
        return isNegated ? set.complement : set
    }

    /// One character, spelled as itself or by an escape.
    private mutating func character(inClass: Bool) throws(GrammarError) -> Unicode.Scalar {
        let place = cursor.position
        guard let scalar = cursor.next() else { throw cursor.error("a character was expected") }
        guard scalar == "\\" else { return scalar }
        guard let letter = cursor.next() else { throw cursor.error("a backslash at the end", at: place) }
        switch letter {
        case "x": return try cursor.hexadecimal(dialect == .gbnf ? 2...2 : 1...8)
        case "u": return try cursor.hexadecimal(4...4)
        case "U": return try cursor.hexadecimal(8...8)
        case "t": return "\t"
        case "r": return "\r"
        case "n": return "\n"
        case "\\", "\"", "[", "]", "-": return letter
        default:
            if dialect == .ebnf, let known = Self.moreEscapes[letter] { return known }
            if dialect == .ebnf, inClass, "^$.*+?(){}|/".unicodeScalars.contains(letter) { return letter }
            throw cursor.error("the escape \\\(letter) is not known", at: place)
        }
    }

    private static let moreEscapes: [Unicode.Scalar: Unicode.Scalar] = [
        "'": "'", "?": "?", "/": "/", "a": "\u{07}", "b": "\u{08}", "f": "\u{0C}", "v": "\u{0B}", "0": "\u{00}", "e": "\u{1B}",
    ]
}

// MARK: - Macros

extension EBNFParser {
    /// A value in a macro's parentheses.
    private indirect enum Argument {
        case text(String)
        case number
        case boolean(Bool)
        case rule(String, place: Int)
        case tuple([Argument])
    }

    /// `Regex("…")` and its kin; nil when the name is none of theirs.
    private mutating func macro(_ name: String, at place: Int) throws(GrammarError) -> RuleBody? {
        switch name {
        case "Regex", "Substring", "TagDispatch": break
        case "Token", "ExcludeToken", "TokenTagDispatch":
            throw cursor.error("\(name)(…) is not supported: grammars speak of text, not of tokens", at: place)
        default: return nil
        }
        var positional: [Argument] = []
        var named: [(name: String, value: Argument)] = []
        cursor.position += 1
        skip(newlines: true)
        if !cursor.take(")") {
            repeat {
                skip(newlines: true)
                let value = try argument(depth: 0)
                skip(newlines: true)
                if case .rule(let key, _) = value, cursor.take("=") {
                    skip(newlines: true)
                    named.append((key, try argument(depth: 0)))
                    skip(newlines: true)
                } else {
                    positional.append(value)
                }
            } while cursor.take(",")
            guard cursor.take(")") else { throw cursor.error("\")\" was expected after the arguments of \(name)") }
        }
        switch name {
        case "Regex": return try regex(positional, named, at: place)
        case "Substring":
            guard named.isEmpty else { throw cursor.error("Substring takes no named argument", at: place) }
            var chunks: [String] = []
            for value in positional {
                guard case .text(let chunk) = value else { throw cursor.error("Substring takes texts", at: place) }
                chunks.append(chunk)
            }
            guard chunks.count <= RuleSet.maximumChunks else {
                throw cursor.error("Substring takes at most \(RuleSet.maximumChunks) chunks", at: place)
            }
            return set.substring(of: chunks.map { Array($0.utf8) })
        default: return try tagDispatch(positional, named, at: place)
        }
    }

    private mutating func argument(depth: Int) throws(GrammarError) -> Argument {
        let place = cursor.position
        switch cursor.current {
        case "\"": return .text(try literal())
        case "(":
            guard depth < 4 else { throw cursor.error("tuples are nested too deep") }
            cursor.position += 1
            var items: [Argument] = []
            while true {
                skip(newlines: true)
                if cursor.take(")") { return .tuple(items) }
                items.append(try argument(depth: depth + 1))
                skip(newlines: true)
                if cursor.take(",") { continue }
                guard cursor.take(")") else { throw cursor.error("\")\" was expected") }
                return .tuple(items)
            }
        default:
            if try cursor.number(maximum: Self.maximumCount) != nil { return .number }
            let word = try name()
            return word == "true" || word == "false" ? .boolean(word == "true") : .rule(word, place: place)
        }
    }

    private mutating func regex(_ positional: [Argument], _ named: [(name: String, value: Argument)], at place: Int) throws(GrammarError)
        -> RuleBody
    {
        guard positional.count == 1, case .text(let pattern) = positional[0] else { throw cursor.error("Regex takes one text", at: place) }
        var flags: String?
        for (name, value) in named {
            switch (name, value) {
            case ("json_string", .boolean(false)): break
            case ("json_string", _): throw cursor.error("Regex(json_string=true) is not supported", at: place)
            case ("flags", .text(let text)): flags = text
            default: throw cursor.error("the argument \(name) of Regex is not known", at: place)
            }
        }
        var regexFlags = RegexFlags()
        // Without flags XGrammar's `.` is any character.
        regexFlags.dotMatchesLineEnds = flags.map { $0.contains("s") } ?? true
        regexFlags.ignoresCase = flags?.contains("i") ?? false
        if let unknown = flags?.unicodeScalars.first(where: { !["i", "s", "u"].contains($0) }) {
            throw cursor.error("the flag \(unknown) of Regex is not known", at: place)
        }
        do throws(GrammarError) {
            let tree = try RegexParser.parse(
                pattern, dialect: .ecma262, flags: regexFlags, maximumDepth: options.limits.depth, maximumBytes: options.limits.patternBytes)
            return .pattern(try Terms.withoutAssertions(tree))
        } catch {
            throw cursor.error("in the regular expression: \(error)", at: place)
        }
    }

    private mutating func tagDispatch(_ positional: [Argument], _ named: [(name: String, value: Argument)], at place: Int)
        throws(GrammarError) -> RuleBody
    {
        var loops = true
        var excluded: [[UInt8]] = []
        for (name, value) in named {
            switch (name, value) {
            case ("loop_after_dispatch", .boolean(let flag)): loops = flag
            case ("excludes", .tuple(let items)):
                for item in items {
                    guard case .text(let text) = item, !text.isEmpty else { throw cursor.error("excludes takes texts that are not empty", at: place) }
                    excluded.append(Array(text.utf8))
                }
            default: throw cursor.error("the argument \(name) of TagDispatch is not supported", at: place)
            }
        }
        var entries: [TextDispatch.Entry] = []
        for value in positional {
            guard case .tuple(let pair) = value, pair.count == 2, case .text(let tag) = pair[0], case .rule(let name, let at) = pair[1],
                !tag.isEmpty
            else { throw cursor.error("TagDispatch takes pairs (\"tag\", rule)", at: place) }
            entries.append(
                TextDispatch.Entry(text: Array(tag.utf8), body: .reference(try rule(named: name, at: at)), isLast: !loops))
        }
        let text = TextDispatch(entries: entries, excluded: excluded, mayEnd: true)
        do throws(GrammarError) { try text.check() } catch { throw cursor.error("\(error)", at: place) }
        return .dispatch(text)
    }
}
