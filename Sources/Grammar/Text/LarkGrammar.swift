// Lark in the dialect of llguidance: rules, terminals, %ignore, %import common, %json and %regex.
import JSON

/// Reads one grammar.
///
/// Terminals stand for any of their texts (the longest is not preferred), and `%ignore` may stand after each of them.
struct LarkGrammar {
    var cursor: TextCursor
    let options: SchemaOptions
    var set = RuleSet()
    var numbers: [String: RuleID] = [:]
    private var ignored: [RuleBody] = []
    private var ignoresOnce = false
    private var ignoresAtStart = false
    /// Known only when the whole text was read once: whether something is ignored after terminals.
    private let ignores: Bool
    private var ignoredRule: RuleID?

    static func read(_ text: String, _ options: SchemaOptions) throws(GrammarError) -> RuleSet {
        var first = LarkGrammar(cursor: TextCursor(text), options: options, ignores: false)
        let set = try first.grammar()
        if first.ignored.isEmpty { return set }
        var second = LarkGrammar(cursor: TextCursor(text), options: options, ignores: true)
        return try second.grammar()
    }

    private init(cursor: TextCursor, options: SchemaOptions, ignores: Bool) {
        self.cursor = cursor
        self.options = options
        self.ignores = ignores
    }

    private mutating func grammar() throws(GrammarError) -> RuleSet {
        let start = try rule(named: "start", at: 0)
        if ignores {
            let id = set.rules.count
            set.rules.append(RuleSet.Rule(name: "%ignore", body: .empty, isDefined: true))
            ignoredRule = id
        }
        while skipLines() { try item() }
        guard set.rules[start].isDefined else { throw cursor.error("the rule \"start\" is missing") }
        for rule in set.rules where !rule.isDefined { throw cursor.error("\"\(rule.name)\" is not defined", at: rule.place) }
        set.entry = start
        if let ignoredRule {
            let body = RuleBody.alternatives(ignored)
            set.rules[ignoredRule].body = .repeated(body, minimum: 0, maximum: ignoresOnce ? 1 : nil)
            if ignoresAtStart {
                set.entry = set.rules.count
                let body = RuleBody.sequence([.reference(ignoredRule), .reference(start)])
                set.rules.append(RuleSet.Rule(name: "(start)", body: body, isDefined: true))
            }
        }
        return set
    }

    mutating func rule(named name: String, at place: Int) throws(GrammarError) -> RuleID {
        if let known = numbers[name] { return known }
        guard set.rules.count < options.limits.rules else {
            throw .tooLarge(what: "rules", limit: options.limits.rules, pointer: JSONPointer())
        }
        numbers[name] = set.rules.count
        set.rules.append(RuleSet.Rule(name: name, body: .nothing, isTerminal: Self.isTerminal(name), place: place))
        return set.rules.count - 1
    }

    // MARK: - Words

    /// Blanks and comments within a line.
    mutating func skip() {
        while let scalar = cursor.current {
            if scalar == " " || scalar == "\t" || scalar == "\r" && cursor.peek(1) == "\n" {
                cursor.position += 1
            } else if scalar == "#" || scalar == "/" && cursor.peek(1) == "/" {
                while let scalar = cursor.current, scalar != "\n" { cursor.position += 1 }
            } else {
                return
            }
        }
    }

    /// Goes to the next line that says something; false at the end.
    private mutating func skipLines() -> Bool {
        skip()
        while cursor.take("\n") { skip() }
        return !cursor.isAtEnd
    }

    private static func isTerminal(_ name: String) -> Bool { name.unicodeScalars.first { $0 != "_" }.map { ("A"..."Z").contains($0) } ?? false }

    private static func isLetter(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
    }

    /// A rule's or a terminal's name; nil where none stands.
    mutating func name() -> String? {
        let start = cursor.position
        guard Self.isLetter(cursor.current) else { return nil }
        while let scalar = cursor.current, Self.isLetter(scalar) || ("0"..."9").contains(scalar) || scalar == "-" && cursor.peek(1) != ">" {
            cursor.position += 1
        }
        return cursor.text(from: start)
    }

    mutating func expect(_ text: String) throws(GrammarError) {
        skip()
        guard cursor.take(text) else { throw cursor.error("\"\(text)\" was expected") }
    }

    // MARK: - Items

    private mutating func item() throws(GrammarError) {
        let place = cursor.position
        if cursor.take("%") { return try statement(at: place) }
        if !cursor.take("!") { _ = cursor.take("?") } else { _ = cursor.take("?") }
        guard let name = name() else { throw cursor.error("a rule, a terminal or a statement was expected", at: place) }
        skip()
        if cursor.looksAt("::") { throw cursor.error("parametric rules are not supported") }
        if cursor.current == "{" { throw cursor.error("templates are not supported") }
        if cursor.current == "." { throw cursor.error("priorities are not supported") }
        let isTerminal = Self.isTerminal(name)
        let attributes = !isTerminal && cursor.current == "[" ? try attributes() : Attributes()
        try expect(":")
        let id = try rule(named: name, at: place)
        guard !set.rules[id].isDefined else { throw cursor.error("\"\(name)\" is defined twice", at: place) }
        set.rules[id].isDefined = true
        let isLexeme = isTerminal || attributes.isLazy
        var body = try expansions(depth: 0, inTerminal: isLexeme)
        if let suffix = attributes.suffix { body = .sequence([body, suffix]) }
        if attributes.isLazy { body = lexeme(.shortest(body), inTerminal: false) }
        set.rules[id].body = body
        skip()
        guard cursor.isAtEnd || cursor.current == "\n" else { throw cursor.error("the end of the line was expected") }
    }

    private struct Attributes {
        var isLazy = false
        var suffix: RuleBody?
    }

    /// `[capture, lazy, suffix="…"]`.
    private mutating func attributes() throws(GrammarError) -> Attributes {
        var result = Attributes()
        cursor.position += 1
        repeat {
            skip()
            let place = cursor.position
            guard let key = name() else { throw cursor.error("an attribute was expected") }
            skip()
            switch key {
            // A capture names a part of the text; what is allowed stays the same.
            case "capture":
                if cursor.take("=") {
                    skip()
                    _ = try quoted()
                }
            case "lazy": result.isLazy = true
            case "suffix":
                try expect("=")
                skip()
                guard result.suffix == nil else { throw cursor.error("a second suffix", at: place) }
                result.suffix = try value(depth: 0, inTerminal: true)
                result.isLazy = true
            case "stop", "stop_capture":
                throw cursor.error("the attribute \(key) is not supported: it hides text that the model wrote; use suffix", at: place)
            default: throw cursor.error("the attribute \(key) is not supported", at: place)
            }
            skip()
        } while cursor.take(",")
        guard cursor.take("]") else { throw cursor.error("\"]\" was expected") }
        return result
    }

    private mutating func statement(at place: Int) throws(GrammarError) {
        let keyword = name() ?? ""
        skip()
        switch keyword {
        case "ignore": ignored.append(try expansions(depth: 0, inTerminal: true))
        case "import": try imports(at: place)
        case "llguidance": try settings(at: place)
        case "override", "declare", "extend": throw cursor.error("%\(keyword) is not supported", at: place)
        default: throw cursor.error("the statement %\(keyword) is not known", at: place)
        }
        skip()
        guard cursor.isAtEnd || cursor.current == "\n" else { throw cursor.error("the end of the line was expected") }
    }

    /// `%import common.NAME`, `%import common.NAME -> OTHER`, `%import common (NAME, OTHER)`.
    private mutating func imports(at place: Int) throws(GrammarError) {
        guard name() == "common" else { throw cursor.error("only \"common\" can be imported", at: place) }
        func add(_ name: String, as alias: String, _ grammar: inout LarkGrammar) throws(GrammarError) {
            guard let pattern = LarkCommon.patterns[name] else { throw grammar.cursor.error("common has no terminal \(name)", at: place) }
            let id = try grammar.rule(named: alias, at: place)
            guard !grammar.set.rules[id].isDefined else { throw grammar.cursor.error("\"\(alias)\" is defined twice", at: place) }
            grammar.set.rules[id].isDefined = true
            grammar.set.rules[id].body = .pattern(try RegexParser.parse(pattern, dialect: .re2))
        }
        skip()
        if cursor.take("(") {
            repeat {
                skip()
                guard let name = name() else { throw cursor.error("a terminal's name was expected") }
                try add(name, as: name, &self)
                skip()
            } while cursor.take(",")
            return try expect(")")
        }
        try expect(".")
        guard let original = name() else { throw cursor.error("a terminal's name was expected") }
        skip()
        guard cursor.take("->") else { return try add(original, as: original, &self) }
        skip()
        guard let alias = name(), Self.isTerminal(alias) else { throw cursor.error("a terminal's name was expected") }
        try add(original, as: alias, &self)
    }

    private mutating func settings(at place: Int) throws(GrammarError) {
        guard let members = try json().objectValue else { throw cursor.error("%llguidance takes an object", at: place) }
        for (key, value) in members {
            guard let flag = value.boolValue else { throw cursor.error("the option \(key) takes true or false", at: place) }
            switch key {
            case "ignore_once": ignoresOnce = flag
            case "allow_initial_skip": ignoresAtStart = flag
            case "no_forcing", "allow_invalid_utf8":
                if flag { throw cursor.error("the option \(key) is not supported", at: place) }
            default: throw cursor.error("the option \(key) of %llguidance is not known", at: place)
            }
        }
    }

    // MARK: - Bodies

    mutating func expansions(depth: Int, inTerminal: Bool) throws(GrammarError) -> RuleBody {
        guard depth <= options.limits.depth else { throw cursor.error("groups are nested more than \(options.limits.depth) deep") }
        var branches = [try conjunction(depth: depth, inTerminal: inTerminal)]
        while nextBranch(isNested: depth > 0) { branches.append(try conjunction(depth: depth, inTerminal: inTerminal)) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    /// Whether `|` follows, on this line or the next.
    private mutating func nextBranch(isNested: Bool) -> Bool {
        skip()
        let start = cursor.position
        while cursor.take("\n") { skip() }
        if cursor.take("|") { return true }
        if !isNested { cursor.position = start }
        return false
    }

    private mutating func conjunction(depth: Int, inTerminal: Bool) throws(GrammarError) -> RuleBody {
        var items = [try expansion(depth: depth, inTerminal: inTerminal)]
        while cursor.current == "&" {
            guard inTerminal else { throw cursor.error("\"&\" is for terminals only") }
            cursor.position += 1
            items.append(try expansion(depth: depth, inTerminal: inTerminal))
        }
        if cursor.take("->") {
            skip()
            // An alias names a branch in syntax trees, of which there are none here.
            guard name() != nil else { throw cursor.error("a branch's name was expected") }
            skip()
        }
        if cursor.looksAt("%if") { throw cursor.error("conditions of parametric rules are not supported") }
        return items.count == 1 ? items[0] : .intersection(items)
    }

    private mutating func expansion(depth: Int, inTerminal: Bool) throws(GrammarError) -> RuleBody {
        var items: [RuleBody] = []
        while true {
            skip()
            guard let scalar = cursor.current, !"|)]}&".unicodeScalars.contains(scalar), !cursor.looksAt("->"), !cursor.looksAt("%if") else { break }
            if scalar == "\n" {
                // Within parentheses a line may end anywhere.
                guard depth > 0 else { break }
                cursor.position += 1
                continue
            }
            items.append(try repeated(try atom(depth: depth, inTerminal: inTerminal), inTerminal: inTerminal))
        }
        return items.count == 1 ? items[0] : .sequence(items)
    }

    private mutating func repeated(_ atom: RuleBody, inTerminal: Bool) throws(GrammarError) -> RuleBody {
        skip()
        let place = cursor.position
        switch cursor.current {
        case "*":
            cursor.position += 1
            return .counted(atom, 0, nil)
        case "+":
            cursor.position += 1
            return .counted(atom, 1, nil)
        case "?":
            cursor.position += 1
            return .counted(atom, 0, 1)
        case "~":
            cursor.position += 1
            skip()
            guard let minimum = try cursor.number(maximum: EBNFParser.maximumCount) else {
                cursor.position = place
                return atom
            }
            var maximum = minimum
            skip()
            if cursor.take("..") {
                skip()
                guard let number = try cursor.number(maximum: EBNFParser.maximumCount) else { throw cursor.error("a count was expected") }
                maximum = number
            }
            guard maximum >= minimum else { throw cursor.error("the upper count is below the lower", at: place) }
            return .counted(atom, minimum, maximum)
        case "{":
            cursor.position += 1
            skip()
            let minimum = try cursor.number(maximum: EBNFParser.maximumCount)
            skip()
            var maximum = minimum
            if cursor.take(",") {
                skip()
                maximum = try cursor.number(maximum: EBNFParser.maximumCount)
                skip()
                if minimum == nil, maximum == nil { throw cursor.error("a count was expected") }
            } else if minimum == nil {
                throw cursor.error("a count was expected (templates are not supported)", at: place)
            }
            guard cursor.take("}") else { throw cursor.error("\"}\" was expected") }
            if let maximum, maximum < minimum ?? 0 { throw cursor.error("the upper count is below the lower", at: place) }
            return .counted(atom, minimum ?? 0, maximum)
        default: return atom
        }
    }

    private mutating func atom(depth: Int, inTerminal: Bool) throws(GrammarError) -> RuleBody {
        let place = cursor.position
        switch cursor.current {
        case "~":
            guard inTerminal else { throw cursor.error("\"~\" is for terminals only") }
            guard depth <= options.limits.depth else { throw cursor.error("nested more than \(options.limits.depth) deep") }
            cursor.position += 1
            skip()
            return .complement(try atom(depth: depth + 1, inTerminal: true))
        case "(", "[":
            let close: Unicode.Scalar = cursor.next() == "(" ? ")" : "]"
            let body = try expansions(depth: depth + 1, inTerminal: inTerminal)
            guard cursor.take(close) else { throw cursor.error("\"\(close)\" was expected for the group", at: cursor.isAtEnd ? place : nil) }
            return close == ")" ? body : .counted(body, 0, 1)
        default: return try value(depth: depth, inTerminal: inTerminal)
        }
    }

    /// A lexeme, and in a rule what is ignored after it.
    func lexeme(_ body: RuleBody, inTerminal: Bool) -> RuleBody {
        guard !inTerminal, let ignoredRule else { return body }
        return .sequence([body, .reference(ignoredRule)])
    }
}
