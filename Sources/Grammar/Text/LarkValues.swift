// What stands for itself in a Lark grammar: names, texts, expressions, schemas.
import JSON

extension LarkGrammar {
    mutating func value(depth: Int, inTerminal: Bool) throws(GrammarError) -> RuleBody {
        let place = cursor.position
        guard let scalar = cursor.current else { throw cursor.error("something was expected") }
        switch scalar {
        case "\"": return lexeme(try textOrRange(), inTerminal: inTerminal)
        case "/": return lexeme(try regex(), inTerminal: inTerminal)
        case "<": throw cursor.error("special tokens (<…>) are not supported: grammars speak of text", at: place)
        case "@": throw cursor.error("references to other grammars (@…) are not supported", at: place)
        case "%":
            cursor.position += 1
            return try embedded(name() ?? "", at: place, inTerminal: inTerminal)
        default: break
        }
        guard let name = name() else { throw cursor.error("\"\(scalar)\" was not expected", at: place) }
        let id = try rule(named: name, at: place)
        if cursor.looksAt("::") { throw cursor.error("parametric rules are not supported") }
        if set.rules[id].isTerminal { return lexeme(.reference(id), inTerminal: inTerminal) }
        guard !inTerminal else { throw cursor.error("a terminal cannot refer to the rule \(name)", at: place) }
        return .reference(id)
    }

    /// `%json {…}`, `%regex {…}`.
    private mutating func embedded(_ keyword: String, at place: Int, inTerminal: Bool) throws(GrammarError) -> RuleBody {
        skip()
        switch keyword {
        case "json":
            guard !inTerminal else { throw cursor.error("%json is for rules only", at: place) }
            let schema = try json()
            guard schema["x-guidance"] == nil else { throw cursor.error("\"x-guidance\" is not supported", at: place) }
            do throws(GrammarError) {
                return lexeme(.nested(.schema(try SchemaGrammar(schema, options))), inTerminal: false)
            } catch {
                throw cursor.error("in the schema: \(error)", at: place)
            }
        case "regex": return lexeme(try structured(at: place), inTerminal: inTerminal)
        default: throw cursor.error("%\(keyword) is not supported here", at: place)
        }
    }

    /// `%regex {"substring_chunks": […]}` and its kin.
    private mutating func structured(at place: Int) throws(GrammarError) -> RuleBody {
        let value = try json()
        guard let members = value.objectValue, members.count == 1,
            let (key, argument) = members.first(where: { _ in true }).map({ ($0.key, $0.value) })
        else { throw cursor.error("%regex takes an object with one member", at: place) }
        var chunks: [String]
        switch (key, argument) {
        case ("substring_chunks", .array(let list)):
            chunks = list.compactMap(\.stringValue)
            guard chunks.count == list.count else { throw cursor.error("substring_chunks takes texts", at: place) }
        case ("substring_words", .string(let text)): chunks = Self.words(text)
        case ("substring_chars", .string(let text)): chunks = text.unicodeScalars.map { String($0) }
        default: throw cursor.error("the %regex \"\(key)\" is not supported", at: place)
        }
        guard chunks.count <= RuleSet.maximumChunks else {
            throw cursor.error("%regex takes at most \(RuleSet.maximumChunks) chunks", at: place)
        }
        return set.substring(of: chunks.map { Array($0.utf8) })
    }

    /// Runs of word characters, of white space, and of all others.
    private static func words(_ text: String) -> [String] {
        func kind(_ scalar: Unicode.Scalar) -> Int {
            if scalar.properties.isWhitespace { return 0 }
            return scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "_" ? 1 : 2
        }
        var words: [String] = []
        var last: Int?
        for scalar in text.unicodeScalars {
            if kind(scalar) == last { words[words.count - 1].unicodeScalars.append(scalar) } else { words.append(String(scalar)) }
            last = kind(scalar)
        }
        return words
    }

    /// The JSON value here.
    mutating func json() throws(GrammarError) -> JSONValue {
        let start = cursor.position
        guard cursor.current == "{" else { throw cursor.error("a JSON object was expected") }
        var depth = 0
        var isText = false
        while let scalar = cursor.next() {
            switch scalar {
            case "\"": isText.toggle()
            case "\\" where isText: cursor.position += 1
            case "{", "[": depth += isText ? 0 : 1
            case "}", "]": depth -= isText ? 0 : 1
            default: break
            }
            if depth == 0 { break }
        }
        guard depth == 0 else { throw cursor.error("the JSON object has no end", at: start) }
        do {
            return try JSONValue(parsing: Array(cursor.text(from: start).utf8))
        } catch {
            throw cursor.error("the JSON object cannot be read: \(error)", at: start)
        }
    }

    /// A text without flags.
    mutating func quoted() throws(GrammarError) -> String {
        let place = cursor.position
        guard cursor.take("\"") else { throw cursor.error("a text in double quotes was expected") }
        var text = String.UnicodeScalarView()
        while let scalar = cursor.next() {
            switch scalar {
            case "\"": return String(text)
            case "\\": text.append(try escape())
            case "\n": throw cursor.error("the text has no closing quote on its line", at: place)
            default:
                guard scalar.value >= 0x20, scalar.value != 0x7F else { throw cursor.error("a control character in a text", at: cursor.position - 1) }
                text.append(scalar)
            }
        }
        throw cursor.error("the text has no closing quote", at: place)
    }

    /// After a backslash: the escapes of JSON, and `\xHH`.
    private mutating func escape() throws(GrammarError) -> Unicode.Scalar {
        let place = cursor.position - 1
        switch cursor.next() {
        case "\"": return "\""
        case "\\": return "\\"
        case "/": return "/"
        case "b": return "\u{08}"
        case "f": return "\u{0C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "x": return try cursor.hexadecimal(2...2)
        case "u":
            // A pair of surrogates is one character.
            if let high = unit(at: cursor.position), (0xD800...0xDBFF).contains(high), cursor.peek(4) == "\\", cursor.peek(5) == "u",
                let low = unit(at: cursor.position + 6), (0xDC00...0xDFFF).contains(low)
            {
                cursor.position += 10
                return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))!
            }
            return try cursor.hexadecimal(4...4)
        default: throw cursor.error("the escape is not known", at: place)
        }
    }

    private func unit(at place: Int) -> UInt32? {
        guard place + 4 <= cursor.scalars.count else { return nil }
        var value: UInt32 = 0
        for scalar in cursor.scalars[place..<place + 4] {
            guard let digit = scalar.hexadecimalDigit else { return nil }
            value = value << 4 | digit
        }
        return value
    }

    /// `"text"`, `"text"i` or `"a".."z"`.
    private mutating func textOrRange() throws(GrammarError) -> RuleBody {
        let place = cursor.position
        let text = try quoted()
        let start = cursor.position
        skip()
        if cursor.take("..") {
            skip()
            let last = try quoted()
            guard text.unicodeScalars.count == 1, last.unicodeScalars.count == 1, let low = text.unicodeScalars.first,
                let high = last.unicodeScalars.first, low.value <= high.value
            else { throw cursor.error("a range takes two single characters in order", at: place) }
            return .characters(CodePointSet(low.value, high.value))
        }
        cursor.position = start
        guard cursor.current == "i" else { return .text(Array(text.utf8)) }
        cursor.position += 1
        return .sequence(text.unicodeScalars.map { .characters(CaseFolding.closure(CodePointSet(scalar: $0.value))) })
    }

    /// `/…/flags`, in the syntax of Rust's `regex` crate.
    private mutating func regex() throws(GrammarError) -> RuleBody {
        let place = cursor.position
        cursor.position += 1
        while let scalar = cursor.current, scalar != "/" {
            cursor.position += scalar == "\\" ? 2 : 1
        }
        guard cursor.position < cursor.scalars.count, cursor.position > place + 1 else {
            throw cursor.error("the regular expression has no end", at: place)
        }
        let pattern = String(cursor.text(from: place).dropFirst())
        cursor.position += 1
        var flags = RegexFlags()
        while let scalar = cursor.current, "imsluxU".unicodeScalars.contains(scalar) {
            switch scalar {
            case "i": flags.ignoresCase = true
            case "s": flags.dotMatchesLineEnds = true
            case "m": flags.isMultiline = true
            case "x": flags.isVerbose = true
            case "u": break
            default: throw cursor.error("the flag \(scalar) of a regular expression is not supported")
            }
            cursor.position += 1
        }
        do throws(GrammarError) {
            let tree = try RegexParser.parse(
                pattern, dialect: .rust, flags: flags, maximumDepth: options.limits.depth, maximumBytes: options.limits.patternBytes)
            return .pattern(try Terms.withoutAssertions(tree))
        } catch .syntax(let offset, let reason) {
            throw cursor.error(reason, at: place + 1 + offset)
        } catch {
            throw cursor.error("in the regular expression: \(error)", at: place)
        }
    }
}

/// The terminals of Lark's `common`.
enum LarkCommon {
    private static let exponent = "[eE][+-]?[0-9]+"
    private static let decimal = "(?:[0-9]+\\.[0-9]*|\\.[0-9]+)"
    private static let float = "(?:\(decimal)(?:\(exponent))?|[0-9]+\(exponent))"

    static let patterns: [String: String] = [
        "DIGIT": "[0-9]", "HEXDIGIT": "[0-9A-Fa-f]", "INT": "[0-9]+", "SIGNED_INT": "[+-]?[0-9]+", "DECIMAL": decimal, "_EXP": exponent,
        "FLOAT": float, "SIGNED_FLOAT": "[+-]?\(float)", "NUMBER": "(?:\(float)|[0-9]+)", "SIGNED_NUMBER": "[+-]?(?:\(float)|[0-9]+)",
        "ESCAPED_STRING": "\"(?:[^\"\\\\]|\\\\.)*\"", "LCASE_LETTER": "[a-z]", "UCASE_LETTER": "[A-Z]", "LETTER": "[A-Za-z]",
        "WORD": "[A-Za-z]+", "CNAME": "[_A-Za-z][_A-Za-z0-9]*", "WS_INLINE": "[ \\t]+", "WS": "[ \\t\\f\\r\\n]+", "CR": "\\r", "LF": "\\n",
        "NEWLINE": "(?:\\r?\\n)+", "SH_COMMENT": "#[^\\n]*", "CPP_COMMENT": "//[^\\n]*",
        "C_COMMENT": "/\\*[^*]*\\*+(?:[^/*][^*]*\\*+)*/", "SQL_COMMENT": "--[^\\n]*",
    ]
}
