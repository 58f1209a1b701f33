// The filters, `{{ value | name(arguments) }}`.

extension Evaluator {
    func applyFilter(_ name: String, to value: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        try charge(1)
        if let result = try textFilter(name, value, arguments) { return result }
        if let result = try numberFilter(name, value, arguments) { return result }
        if let result = try sequenceFilter(name, value, arguments) { return result }
        if let result = try selectionFilter(name, value, arguments) { return result }
        throw .evaluation("no filter named \"\(name)\"", line: line)
    }

    func integer(_ value: Value?, _ fallback: Int, _ what: String) throws(JinjaError) -> Int {
        guard let value else { return fallback }
        guard let integer = value.asInteger else { throw .evaluation("\(what) is no integer", line: line) }
        return integer
    }

    func textArgument(_ value: Value?, _ what: String) throws(JinjaError) -> Text {
        guard case .text(let text)? = value else { throw .evaluation("\(what) is no string", line: line) }
        return text
    }

    // MARK: Texts

    private func textFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value? {
        switch name {
        case "string", "safe": return .text(try text(of: value))
        case "upper": return .text(try charged(value).uppercased)
        case "lower": return .text(try charged(value).lowercased)
        case "capitalize": return .text(try charged(value).capitalized)
        case "title": return .text(titleWords(try charged(value)))
        case "trim":
            let set = try arguments.value(0, "chars").map { (value: Value) throws(JinjaError) in try textArgument(value, "chars") }
            return .text(try charged(value).stripped(set))
        case "replace":
            guard let old = arguments.value(0, "old"), let new = arguments.value(1, "new") else {
                throw .evaluation("replace needs two arguments", line: line)
            }
            let count = try integer(arguments.value(2, "count"), -1, "count")
            return .text(try replace(try text(of: value), try text(of: old), try text(of: new), count))
        case "escape", "e", "forceescape": return .text(escapeHTML(try charged(value)))
        case "indent": return .text(try indent(try charged(value), arguments))
        case "wordcount": return .integer(try charged(value).splitAtSpaces(limit: -1).count)
        case "center":
            let width = try integer(arguments.value(0, "width"), 80, "width")
            return .text(try pad(try charged(value), to: width, with: 0x20, left: true, right: true))
        case "format":
            let format = try textArgument(value, "the format")
            if arguments.named.isEmpty { return .text(try self.format(format, with: .tuple(arguments.positional))) }
            let box = DictionaryBox()
            for (name, value) in arguments.named { box.set(value, named: name) }
            return .text(try self.format(format, with: .dictionary(box)))
        case "urlencode": return .text(try urlEncode(try charged(value)))
        case "tojson": return .text(try toJSON(value, arguments))
        default: return nil
        }
    }

    private func charged(_ value: Value) throws(JinjaError) -> Text {
        let result = try text(of: value)
        try charge(text: result.count)
        return result
    }

    func replace(_ text: Text, _ old: Text, _ new: Text, _ count: Int) throws(JinjaError) -> Text {
        try charge(searching: text, for: old)
        let places = min(text.occurrences(of: old), count < 0 ? .max : count)
        let (growth, overflowed) = places.multipliedReportingOverflow(by: new.count)
        guard !overflowed else { throw .limit("a replaced text", line: line) }
        try charge(text: text.count + growth)
        return text.replacing(old, with: new, limit: count)
    }

    /// Jinja's `title`: the first code point of every word in upper case, words ending at spaces, hyphens and opening brackets.
    private func titleWords(_ text: Text) -> Text {
        var atStart = true
        return text.mapped { scalar in
            if Text.isSpace(scalar.value) || "-({[<".unicodeScalars.contains(scalar) {
                atStart = true
                return String(scalar)
            }
            defer { atStart = false }
            return atStart ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
        }
    }

    private func escapeHTML(_ text: Text) -> Text {
        text.mapped { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&#34;"
            case "'": "&#39;"
            default: String(scalar)
            }
        }
    }

    private func urlEncode(_ text: Text) throws(JinjaError) -> Text {
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        try check(length: text.count * 12)
        return text.mapped { scalar in
            if scalar.isASCII,
                scalar.properties.isAlphabetic || scalar.properties.numericType != nil || "_.-~/".unicodeScalars.contains(scalar)
            {
                return String(scalar)
            }
            var result = String.UnicodeScalarView()
            for byte in String(scalar).utf8 { result.append(contentsOf: ["%", digits[Int(byte >> 4)], digits[Int(byte & 15)]]) }
            return String(result)
        }
    }

    private func indent(_ text: Text, _ arguments: Arguments) throws(JinjaError) -> Text {
        let indentation: Text
        if case .text(let given)? = arguments.value(0, "width") {
            indentation = given
        } else {
            indentation = try spaces(try integer(arguments.value(0, "width"), 4, "width"))
        }
        let first = arguments.value(1, "first")?.isTrue ?? false
        let blank = arguments.value(2, "blank")?.isTrue ?? false
        let lines = (text + Text("\n")).splitLines(keepingEnds: false)
        try charge(text: text.count + lines.count * (indentation.count + 1))
        var result = first ? indentation : Text()
        for (index, line) in lines.enumerated() {
            if index > 0 {
                result.append("\n")
                if blank || !line.isEmpty { result.append(indentation) }
            }
            result.append(line)
        }
        return result
    }

    private func spaces(_ count: Int) throws(JinjaError) -> Text {
        try charge(text: max(0, count))
        return Text(units: Array(repeating: 0x20, count: max(0, count)))
    }

    func pad(_ text: Text, to width: Int, with fill: UInt32, left: Bool, right: Bool) throws(JinjaError) -> Text {
        guard width > text.count else { return text }
        try charge(text: width)
        let missing = width - text.count
        let before = left && right ? missing / 2 + (missing & width & 1) : left ? missing : 0
        return Text(units: Array(repeating: fill, count: before) + text.units + Array(repeating: fill, count: missing - before))
    }

    private func toJSON(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> Text {
        var layout = JSONLayout()
        for (name, argument) in zip(["ensure_ascii", "indent", "separators", "sort_keys"], 0...) {
            guard let value = arguments.value(argument, name) else { continue }
            if case .none = value { continue }
            switch name {
            case "ensure_ascii": layout.escapesNonASCII = value.isTrue
            case "sort_keys": layout.sortsKeys = value.isTrue
            case "indent":
                if case .text(let text) = value {
                    layout.indent = text
                } else {
                    layout.indent = try spaces(try integer(value, 0, "indent"))
                }
                if arguments.value(2, "separators") == nil { layout.itemSeparator = Text(",") }
            default:
                let pair = try items(of: value)
                guard pair.count == 2 else { throw .evaluation("separators are not a pair", line: line) }
                layout.itemSeparator = try textArgument(pair[0], "a separator")
                layout.keySeparator = try textArgument(pair[1], "a separator")
            }
        }
        if let unknown = arguments.named.first(where: { !["ensure_ascii", "indent", "separators", "sort_keys"].contains($0.name) }) {
            throw .evaluation("tojson has no parameter \"\(unknown.name)\"", line: line)
        }
        var result = Text()
        try writeJSON(value, layout: layout, to: &result)
        return result
    }

    // MARK: Numbers

    private func numberFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value? {
        switch name {
        case "abs":
            if let integer = value.asInteger { return integer < 0 ? try negate(value) : .integer(integer) }
            guard case .float(let number) = value else { throw mismatch("abs", value) }
            return .float(number.magnitude)
        case "int":
            let fallback = arguments.value(0, "default") ?? .integer(0)
            switch value {
            case .integer, .bool, .bigInteger: return value.asInteger.map { .integer($0) } ?? value
            case .float(let number): return Int(exactly: number.rounded(.towardZero)).map { .integer($0) } ?? fallback
            case .text(let text):
                let literal = text.stripped(nil).string
                let base = try integer(arguments.value(1, "base"), 10, "base")
                guard (2...36).contains(base) else { throw .evaluation("a base must be from 2 to 36", line: line) }
                if let integer = Int(literal, radix: base) { return .integer(integer) }
                if let number = Double(literal), let integer = Int(exactly: number.rounded(.towardZero)) { return .integer(integer) }
                return fallback
            default: return fallback
            }
        case "float":
            if let number = value.asDouble { return .float(number) }
            if case .text(let text) = value, let number = Double(text.stripped(nil).string) { return .float(number) }
            return arguments.value(0, "default") ?? .float(0)
        case "round": return try round(value, arguments)
        default: return nil
        }
    }

    private func round(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        guard let number = value.asDouble else { throw mismatch("round", value) }
        let precision = try integer(arguments.value(0, "precision"), 0, "precision")
        guard (-300...300).contains(precision) else { throw .evaluation("precision out of range", line: line) }
        var method = "common"
        if let given = arguments.value(1, "method") { method = try textArgument(given, "method").string }
        switch method {
        case "common":
            if value.asInteger != nil, precision >= 0 { return value.asInteger.map { .integer($0) } ?? value }
            if precision >= 0 { return .float(Double(fixedText(of: number, precision: precision)) ?? number) }
            let scale = Double("1e\(-precision)") ?? 1
            return .float((number / scale).rounded(.toNearestOrEven) * scale)
        case "floor", "ceil":
            let scale = Double("1e\(precision)") ?? 1
            return .float((number * scale).rounded(method == "floor" ? .down : .up) / scale)
        default: throw .evaluation("round has no method \"\(method)\"", line: line)
        }
    }
}
