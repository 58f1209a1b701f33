// The tests, `value is name(arguments)`.

extension Evaluator {
    func applyTest(_ name: String, to value: Value, _ arguments: Arguments) throws(JinjaError) -> Bool {
        if let result = typeTest(name, value) { return result }
        switch name {
        case "odd", "even":
            guard let integer = value.asInteger else { throw mismatch(name, value) }
            return (integer & 1 == 1) == (name == "odd")
        case "divisibleby":
            let divisor = try integer(arguments.value(0, "num"), 0, "the divisor")
            guard let integer = value.asInteger, divisor != 0 else { throw mismatch(name, value) }
            return divisor == -1 || integer % divisor == 0
        case "lower", "upper":
            let text = try text(of: value)
            let cased = text.units.contains { Unicode.Scalar($0 & Text.scalarMask)?.properties.isCased ?? false }
            return cased && text == (name == "lower" ? text.lowercased : text.uppercased)
        case "filter": return Evaluator.filterNames.contains(try textArgument(value, "the filter's name").string)
        case "test": return Evaluator.testNames.contains(try textArgument(value, "the test's name").string)
        default: break
        }
        guard Evaluator.testNames.contains(name) else { throw .evaluation("no test named \"\(name)\"", line: line) }
        guard let other = arguments.positional.first else { throw .evaluation("the test \"\(name)\" needs an argument", line: line) }
        switch name {
        case "eq", "equalto", "==": return try isEqual(value, other)
        case "ne", "!=": return !(try isEqual(value, other))
        case "lt", "lessthan", "<": return try isLess(value, other)
        case "le", "<=": return try compare(.lessOrEqual, value, other)
        case "gt", "greaterthan", ">": return try isLess(other, value)
        case "ge", ">=": return try compare(.greaterOrEqual, value, other)
        case "in": return try contains(other, value)
        case "sameas": return try isSame(value, other)
        default: throw .evaluation("no test named \"\(name)\"", line: line)
        }
    }

    /// Python's `is`.
    private func isSame(_ left: Value, _ right: Value) throws(JinjaError) -> Bool {
        switch (left, right) {
        case (.bool(let a), .bool(let b)): return a == b
        case (.list(let a), .list(let b)): return a === b
        case (.dictionary(let a), .dictionary(let b)), (.namespace(let a), .namespace(let b)): return a === b
        default: return left.typeName == right.typeName ? try isEqual(left, right) : false
        }
    }

    private func typeTest(_ name: String, _ value: Value) -> Bool? {
        switch name {
        case "defined":
            if case .undefined = value { return false }
            return true
        case "undefined":
            if case .undefined = value { return true }
            return false
        case "none":
            if case .none = value { return true }
            return false
        case "boolean":
            if case .bool = value { return true }
            return false
        case "true":
            if case .bool(true) = value { return true }
            return false
        case "false":
            if case .bool(false) = value { return true }
            return false
        case "integer":
            switch value {
            case .integer, .bigInteger: return true
            default: return false
            }
        case "float":
            if case .float = value { return true }
            return false
        case "number": return value.asDouble != nil
        case "string":
            if case .text = value { return true }
            return false
        case "mapping":
            if case .dictionary = value { return true }
            return false
        case "sequence", "iterable":
            switch value {
            case .text, .list, .tuple, .dictionary, .undefined: return true
            default: return false
            }
        case "callable":
            switch value {
            case .function, .macro, .loop: return true
            case .cycler(let cycler): return cycler.isJoiner
            default: return false
            }
        case "escaped": return false
        default: return nil
        }
    }

    static let testNames: Set<String> = [
        "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence",
        "iterable", "callable", "escaped", "odd", "even", "divisibleby", "lower", "upper", "filter", "test", "eq", "equalto", "==", "ne",
        "!=", "lt", "lessthan", "<", "le", "<=", "gt", "greaterthan", ">", "ge", ">=", "in", "sameas",
    ]

    static let filterNames: Set<String> = [
        "string", "safe", "upper", "lower", "capitalize", "title", "trim", "replace", "escape", "e", "forceescape", "indent", "wordcount",
        "center", "format", "urlencode", "tojson", "abs", "int", "float", "round", "default", "d", "length", "count", "list", "first",
        "last",
        "reverse", "join", "items", "dictsort", "attr", "sum", "batch", "slice", "select", "reject", "selectattr", "rejectattr", "map",
        "sort",
        "unique", "min", "max", "groupby",
    ]
}
