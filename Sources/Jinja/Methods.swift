// The methods of strings, lists and dictionaries, and the functions that every template can call.

extension Evaluator {
    static let globals: Set<String> = ["range", "dict", "namespace", "cycler", "joiner", "raise_exception", "strftime_now"]

    static let textMethods: Set<String> = [
        "split", "rsplit", "splitlines", "strip", "lstrip", "rstrip", "startswith", "endswith", "removeprefix", "removesuffix", "replace",
        "upper", "lower", "title", "capitalize", "swapcase", "casefold", "find", "rfind", "index", "rindex", "count", "join", "format",
        "partition", "rpartition", "zfill", "center", "ljust", "rjust", "isdigit", "isnumeric", "isdecimal", "isalpha", "isalnum",
        "isspace",
        "isupper", "islower",
    ]

    static let listMethods: Set<String> = [
        "append", "extend", "insert", "pop", "remove", "reverse", "clear", "copy", "index", "count",
    ]

    static let dictionaryMethods: Set<String> = [
        "items", "keys", "values", "get", "pop", "popitem", "update", "setdefault", "copy", "clear",
    ]

    func callGlobal(_ name: String, _ arguments: Arguments) throws(JinjaError) -> Value {
        switch name {
        case "range": return try range(arguments)
        case "dict", "namespace":
            let box: DictionaryBox
            switch arguments.positional.first {
            case nil: box = DictionaryBox()
            case .dictionary(let given)?: box = given.copy()
            case let pairs?:
                box = DictionaryBox()
                for pair in try items(of: pairs) {
                    let parts = try items(of: pair)
                    guard parts.count == 2 else { throw .evaluation("\(name) needs pairs", line: line) }
                    box.set(parts[1], for: parts[0], key: try key(of: parts[0]))
                }
            }
            for (name, value) in arguments.named { box.set(value, named: name) }
            return name == "dict" ? .dictionary(box) : .namespace(box)
        case "cycler":
            guard !arguments.positional.isEmpty else { throw .evaluation("cycler needs values", line: line) }
            return .cycler(Cycler(items: arguments.positional))
        case "joiner": return .cycler(Cycler(items: [arguments.value(0, "sep") ?? .text(", ")], isJoiner: true))
        case "raise_exception":
            throw .raised(
                try arguments.value(0, "message").map { (value: Value) throws(JinjaError) in try text(of: value).string } ?? "", line: line)
        case "strftime_now":
            let format = try textArgument(arguments.value(0, "format"), "the date's format").string
            guard let text = now.formatted(format) else { throw .unsupported("the date format \"\(format)\"", line: line) }
            return .text(text)
        default: throw .evaluation("\"\(name)\" is undefined and cannot be called", line: line)
        }
    }

    private func range(_ arguments: Arguments) throws(JinjaError) -> Value {
        var bounds: [Int] = []
        for value in arguments.positional { bounds.append(try integer(value, 0, "a bound of range")) }
        guard (1...3).contains(bounds.count), bounds.count < 3 || bounds[2] != 0 else {
            throw .evaluation("range needs one to three arguments and a step that is not zero", line: line)
        }
        let start = bounds.count == 1 ? 0 : bounds[0]
        let end = bounds.count == 1 ? bounds[0] : bounds[1]
        let step = bounds.count == 3 ? bounds[2] : 1
        let (distance, overflowed) = end.subtractingReportingOverflow(start)
        let (count, overflowedToo) = distance.dividedReportingOverflow(by: step)
        guard !overflowed, !overflowedToo, count <= limits.rangeLength else {
            throw .limit("a range longer than \(limits.rangeLength)", line: line)
        }
        let numbers = stride(from: start, to: end, by: step).map { Value.integer($0) }
        try charge(numbers.count)
        return .list(numbers)
    }

    func callMethod(_ name: String, of receiver: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        switch receiver {
        case .text(let text):
            try charge(text: text.count)
            if let result = try textMethod(name, text, arguments) { return result }
            if let result = try searchMethod(name, text, arguments) { return result }
            if let result = characterTest(name, text) { return .bool(result) }
        case .list(let box):
            if let result = try listMethod(name, box, arguments) { return result }
        case .tuple(let items):
            if let result = try listMethod(name, ListBox(items), arguments) { return result }
        case .dictionary(let box):
            if let result = try dictionaryMethod(name, box, arguments) { return result }
        case .loop(let loop):
            if name == "cycle", !arguments.positional.isEmpty { return arguments.positional[loop.index % arguments.positional.count] }
            if name == "changed" { return .bool(try hasChanged(loop, arguments.positional)) }
        case .cycler(let cycler):
            if name == "reset" {
                cycler.position = 0
                return .none
            }
            defer { cycler.position = (cycler.position + 1) % cycler.items.count }
            return cycler.items[cycler.position]
        default: break
        }
        throw .evaluation("\(receiver.typeName).\(name) cannot be called like this", line: line)
    }

    private func hasChanged(_ loop: LoopState, _ values: [Value]) throws(JinjaError) -> Bool {
        defer { loop.lastChanged = values }
        guard let last = loop.lastChanged else { return true }
        return !(try isEqual(.tuple(last), .tuple(values)))
    }

    // MARK: Strings

    private func optionalText(_ value: Value?, _ what: String) throws(JinjaError) -> Text? {
        guard let value else { return nil }
        if case .none = value { return nil }
        return try textArgument(value, what)
    }

    private func textMethod(_ name: String, _ text: Text, _ arguments: Arguments) throws(JinjaError) -> Value? {
        switch name {
        case "strip": return .text(text.stripped(try optionalText(arguments.value(0, "chars"), "chars")))
        case "lstrip": return .text(text.stripped(try optionalText(arguments.value(0, "chars"), "chars"), trailing: false))
        case "rstrip": return .text(text.stripped(try optionalText(arguments.value(0, "chars"), "chars"), leading: false))
        case "upper": return .text(text.uppercased)
        case "lower", "casefold": return .text(text.lowercased)
        case "title": return .text(text.titled)
        case "capitalize": return .text(text.capitalized)
        case "swapcase":
            return .text(text.mapped { $0.properties.isUppercase ? $0.properties.lowercaseMapping : $0.properties.uppercaseMapping })
        case "replace":
            let old = try textArgument(arguments.value(0, "old"), "what is replaced")
            let new = try textArgument(arguments.value(1, "new"), "the replacement")
            return .text(try replace(text, old, new, try integer(arguments.value(2, "count"), -1, "count")))
        case "removeprefix", "removesuffix":
            let part = try textArgument(arguments.value(0, "affix"), "the affix")
            if name == "removeprefix" { return .text(text.hasPrefix(part) ? text.slice(part.count..<text.count) : text) }
            return .text(text.hasSuffix(part) ? text.slice(0..<text.count - part.count) : text)
        case "join":
            return .text(try join(arguments.value(0, "items") ?? .undefined("items"), Arguments(positional: [.text(text)])))
        case "format": return .text(try formatBraces(text, arguments))
        case "zfill":
            let width = max(0, try integer(arguments.value(0, "width"), 0, "width"))
            let isSigned = text.count > 0 && (text[0] == 0x2B || text[0] == 0x2D)
            let digits = isSigned ? text.slice(1..<text.count) : text
            let padded = try pad(digits, to: isSigned ? width - 1 : width, with: 0x30, left: true, right: false)
            return .text(isSigned ? text.slice(0..<1) + padded : padded)
        case "center", "ljust", "rjust":
            let width = try integer(arguments.value(0, "width"), 0, "width")
            let fill = try optionalText(arguments.value(1, "fillchar"), "the fill") ?? Text(" ")
            guard fill.count == 1 else { throw .evaluation("the fill is not one character", line: line) }
            return .text(try pad(text, to: width, with: fill.units[0], left: name != "ljust", right: name != "rjust"))
        default: return nil
        }
    }

    private func searchMethod(_ name: String, _ text: Text, _ arguments: Arguments) throws(JinjaError) -> Value? {
        switch name {
        case "split", "rsplit":
            let limit = try integer(arguments.value(1, "maxsplit"), -1, "maxsplit")
            let parts: [Text]
            if let separator = try optionalText(arguments.value(0, "sep"), "the separator") {
                guard !separator.isEmpty else { throw .evaluation("the separator is empty", line: line) }
                try charge(searching: text, for: separator)
                parts = name == "split" ? text.split(separator, limit: limit) : text.splitFromEnd(separator, limit: limit)
            } else if name == "split" || limit < 0 {
                parts = text.splitAtSpaces(limit: limit)
            } else {
                let reversed = Text(units: text.units.reversed()).splitAtSpaces(limit: limit)
                parts = reversed.reversed().map { Text(units: $0.units.reversed()) }
            }
            try charge(parts.count)
            return .list(parts.map { .text($0) })
        case "splitlines":
            return .list(text.splitLines(keepingEnds: arguments.value(0, "keepends")?.isTrue ?? false).map { .text($0) })
        case "partition", "rpartition":
            let separator = try textArgument(arguments.value(0, "sep"), "the separator")
            try charge(searching: text, for: separator)
            guard !separator.isEmpty else { throw .evaluation("the separator is empty", line: line) }
            if let place = name == "partition" ? text.firstIndex(of: separator) : text.lastIndex(of: separator) {
                let end = place + separator.count
                return .tuple([.text(text.slice(0..<place)), .text(separator), .text(text.slice(end..<text.count))])
            }
            let empty = Value.text("")
            return .tuple(name == "partition" ? [.text(text), empty, empty] : [empty, empty, .text(text)])
        case "startswith", "endswith":
            var affixes = [arguments.value(0, "affix") ?? .undefined("affix")]
            if case .tuple(let items) = affixes[0] { affixes = items }
            for affix in affixes {
                let part = try textArgument(affix, "the affix")
                if name == "startswith" ? text.hasPrefix(part) : text.hasSuffix(part) { return .bool(true) }
            }
            return .bool(false)
        case "find", "rfind", "index", "rindex", "count":
            let part = try textArgument(arguments.value(0, "sub"), "what is searched")
            try charge(searching: text, for: part)
            if name == "count" { return .integer(text.occurrences(of: part)) }
            func bound(_ index: Int, _ fallback: Int) throws(JinjaError) -> Int {
                let given = try integer(arguments.value(index, ""), fallback, "a bound")
                return min(max(given < 0 ? given + text.count : given, 0), text.count)
            }
            let (start, end) = (try bound(1, 0), try bound(2, text.count))
            let isForward = !name.hasPrefix("r")
            let place = isForward ? text.firstIndex(of: part, from: start, to: end) : text.lastIndex(of: part, from: start, to: end)
            if place == nil, name.hasSuffix("index") { throw .evaluation("the substring is not there", line: line) }
            return .integer(place ?? -1)
        default: return nil
        }
    }

    private func characterTest(_ name: String, _ text: Text) -> Bool? {
        func all(_ test: (Unicode.Scalar) -> Bool) -> Bool {
            !text.isEmpty && text.units.allSatisfy { Unicode.Scalar($0 & Text.scalarMask).map(test) ?? false }
        }
        switch name {
        case "isdigit", "isnumeric", "isdecimal": return all { $0.properties.numericType != nil }
        case "isalpha": return all { $0.properties.isAlphabetic }
        case "isalnum": return all { $0.properties.isAlphabetic || $0.properties.numericType != nil }
        case "isspace": return all { Text.isSpace($0.value) }
        case "isupper", "islower":
            let cased = text.units.contains { Unicode.Scalar($0 & Text.scalarMask)?.properties.isCased ?? false }
            return cased && text == (name == "islower" ? text.lowercased : text.uppercased)
        default: return nil
        }
    }
}
