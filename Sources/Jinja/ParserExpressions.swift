// Tokens to expressions, in Jinja's order of precedence.

extension Parser {
    /// An expression, or several with commas between, which make a tuple.
    mutating func parseTuple(
        withConditional: Bool = true, endNames: Set<String> = [], inParentheses: Bool = false
    ) throws(JinjaError) -> Expression {
        var items: [Expression] = []
        var isTuple = false
        while true {
            if !items.isEmpty { try expect(symbol: ",") }
            if isTupleEnd(endNames) { break }
            items.append(try parseExpression(withConditional: withConditional))
            guard isSymbol(",") else { break }
            isTuple = true
        }
        if isTuple || items.isEmpty {
            guard isTuple || inParentheses else { throw unexpected("an expression") }
            return .tuple(items)
        }
        return items[0]
    }

    private func isTupleEnd(_ endNames: Set<String>) -> Bool {
        switch current {
        case .variableEnd, .blockEnd, .symbol(")"): true
        case .name(let name): endNames.contains(name)
        default: false
        }
    }

    mutating func parseExpression(withConditional: Bool = true) throws(JinjaError) -> Expression {
        try enter()
        defer { leave() }
        var expression = try parseOr()
        guard withConditional else { return expression }
        var links = 0
        defer { leave(links) }
        while skip(name: "if") {
            try link(&links)
            let condition = try parseOr()
            let otherwise = skip(name: "else") ? try parseExpression() : nil
            expression = .conditional(condition, then: expression, otherwise: otherwise)
        }
        return expression
    }

    private mutating func parseOr() throws(JinjaError) -> Expression {
        var left = try parseAnd()
        var links = 0
        defer { leave(links) }
        while skip(name: "or") {
            try link(&links)
            left = .or(left, try parseAnd())
        }
        return left
    }

    private mutating func parseAnd() throws(JinjaError) -> Expression {
        var left = try parseNot()
        var links = 0
        defer { leave(links) }
        while skip(name: "and") {
            try link(&links)
            left = .and(left, try parseNot())
        }
        return left
    }

    private mutating func parseNot() throws(JinjaError) -> Expression {
        guard isName("not") else { return try parseComparison() }
        try enter()
        defer { leave() }
        advance()
        return .not(try parseNot())
    }

    private mutating func parseComparison() throws(JinjaError) -> Expression {
        let start = line
        let first = try parseSum()
        var rest: [(Comparison, Expression)] = []
        while let comparison = parseComparisonSign() { rest.append((comparison, try parseSum())) }
        return rest.isEmpty ? first : .comparison(first, rest, line: start)
    }

    private mutating func parseComparisonSign() -> Comparison? {
        let sign: Comparison?
        switch current {
        case .symbol("=="): sign = .equal
        case .symbol("!="): sign = .notEqual
        case .symbol("<"): sign = .less
        case .symbol("<="): sign = .lessOrEqual
        case .symbol(">"): sign = .greater
        case .symbol(">="): sign = .greaterOrEqual
        case .name("in"): sign = .contained
        case .name("not"):
            guard next == .name("in") else { return nil }
            advance()
            sign = .notContained
        default: return nil
        }
        advance()
        return sign
    }

    private mutating func parseSum() throws(JinjaError) -> Expression {
        var left = try parseConcatenation()
        var links = 0
        defer { leave(links) }
        while true {
            let start = line
            if isSymbol("+") || isSymbol("-") { try link(&links) }
            if skip(symbol: "+") {
                left = .arithmetic(.add, left, try parseConcatenation(), line: start)
            } else if skip(symbol: "-") {
                left = .arithmetic(.subtract, left, try parseConcatenation(), line: start)
            } else {
                return left
            }
        }
    }

    private mutating func parseConcatenation() throws(JinjaError) -> Expression {
        let first = try parseProduct()
        var items = [first]
        while skip(symbol: "~") { items.append(try parseProduct()) }
        return items.count == 1 ? first : .concatenation(items)
    }

    private mutating func parseProduct() throws(JinjaError) -> Expression {
        var left = try parsePower()
        var links = 0
        defer { leave(links) }
        while true {
            let start = line
            let operation: Arithmetic
            switch current {
            case .symbol("*"): operation = .multiply
            case .symbol("/"): operation = .divide
            case .symbol("//"): operation = .floorDivide
            case .symbol("%"): operation = .remainder
            default: return left
            }
            advance()
            try link(&links)
            left = .arithmetic(operation, left, try parsePower(), line: start)
        }
    }

    private mutating func parsePower() throws(JinjaError) -> Expression {
        var left = try parseUnary()
        var links = 0
        defer { leave(links) }
        while isSymbol("**") {
            let start = line
            advance()
            try link(&links)
            left = .arithmetic(.power, left, try parseUnary(), line: start)
        }
        return left
    }

    private mutating func parseUnary(withFilters: Bool = true) throws(JinjaError) -> Expression {
        try enter()
        defer { leave() }
        let start = line
        var expression: Expression
        if skip(symbol: "-") {
            expression = .negative(try parseUnary(withFilters: false), line: start)
        } else if skip(symbol: "+") {
            expression = .positive(try parseUnary(withFilters: false), line: start)
        } else {
            expression = try parsePrimary()
        }
        expression = try parsePostfix(expression)
        return withFilters ? try parseFiltersAndTests(expression) : expression
    }

    private mutating func parsePrimary() throws(JinjaError) -> Expression {
        let start = line
        switch current {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return .bool(true)
            case "false", "False": return .bool(false)
            case "none", "None": return .none
            default: return .name(name, line: start)
            }
        case .text(var text):
            advance()
            while case .text(let more) = current {
                advance()
                text.append(more)
            }
            return .text(text)
        case .integer(let value):
            advance()
            return .integer(value)
        case .float(let value):
            advance()
            return .float(value)
        case .symbol("("):
            advance()
            let expression = try parseTuple(inParentheses: true)
            try expect(symbol: ")")
            return expression
        case .symbol("["):
            advance()
            return .list(try parseItems(until: "]"))
        case .symbol("{"):
            advance()
            return try parseDictionary()
        default: throw unexpected("an expression")
        }
    }

    private mutating func parseItems(until end: String) throws(JinjaError) -> [Expression] {
        var items: [Expression] = []
        while !isSymbol(end) {
            if !items.isEmpty {
                try expect(symbol: ",")
                if isSymbol(end) { break }
            }
            items.append(try parseExpression())
        }
        advance()
        return items
    }

    private mutating func parseDictionary() throws(JinjaError) -> Expression {
        var pairs: [(key: Expression, value: Expression)] = []
        while !isSymbol("}") {
            if !pairs.isEmpty {
                try expect(symbol: ",")
                if isSymbol("}") { break }
            }
            let key = try parseExpression()
            try expect(symbol: ":")
            pairs.append((key, try parseExpression()))
        }
        advance()
        return .dictionary(pairs)
    }

    private mutating func parsePostfix(_ start: Expression) throws(JinjaError) -> Expression {
        var expression = start
        var links = 0
        defer { leave(links) }
        while true {
            guard isSymbol(".") || isSymbol("[") || isSymbol("(") else { return expression }
            try link(&links)
            if isSymbol("(") {
                expression = .call(expression, try parseCallArguments(), line: line)
            } else {
                expression = try parseSubscript(of: expression)
            }
        }
    }

    private mutating func parseSubscript(of expression: Expression) throws(JinjaError) -> Expression {
        let start = line
        if skip(symbol: ".") {
            switch current {
            case .name(let name):
                advance()
                return .attribute(expression, name, line: start)
            case .integer(let index):
                advance()
                return .element(expression, .integer(index), line: start)
            default: throw unexpected("a name or a number")
            }
        }
        try expect(symbol: "[")
        var bounds: [Expression?] = [nil]
        if !isSymbol(":") { bounds[0] = try parseTuple() }
        if isSymbol("]"), let index = bounds[0] {
            advance()
            return .element(expression, index, line: start)
        }
        while bounds.count < 3, skip(symbol: ":") {
            bounds.append(isSymbol(":") || isSymbol("]") ? nil : try parseExpression())
        }
        try expect(symbol: "]")
        while bounds.count < 3 { bounds.append(nil) }
        return .slice(expression, start: bounds[0], end: bounds[1], step: bounds[2], line: start)
    }

    mutating func parseCallArguments() throws(JinjaError) -> CallArguments {
        var arguments = CallArguments()
        var isFirst = true
        try expect(symbol: "(")
        while !isSymbol(")") {
            if !isFirst {
                try expect(symbol: ",")
                if isSymbol(")") { break }
            }
            isFirst = false
            if skip(symbol: "*") {
                guard arguments.spread == nil, arguments.namedSpread == nil else { throw .syntax("a second spread argument", line: line) }
                arguments.spread = try parseExpression()
            } else if skip(symbol: "**") {
                guard arguments.namedSpread == nil else { throw .syntax("a second spread argument", line: line) }
                arguments.namedSpread = try parseExpression()
            } else if case .name(let name) = current, next == .symbol("=") {
                advance()
                advance()
                arguments.named.append((name, try parseExpression()))
            } else {
                guard arguments.named.isEmpty, arguments.spread == nil, arguments.namedSpread == nil else {
                    throw .syntax("a positional argument follows a named one", line: line)
                }
                arguments.positional.append(try parseExpression())
            }
        }
        advance()
        return arguments
    }

    private mutating func parseFiltersAndTests(_ start: Expression) throws(JinjaError) -> Expression {
        var expression = start
        var links = 0
        defer { leave(links) }
        while true {
            guard isSymbol("|") || isName("is") || isSymbol("(") else { return expression }
            try link(&links)
            if isSymbol("|") {
                expression = try parseFilters(of: expression)
            } else if isName("is") {
                expression = try parseTest(of: expression)
            } else {
                expression = .call(expression, try parseCallArguments(), line: line)
            }
        }
    }

    /// `| name(arguments)` once or more; the first bar is absent at the start of a filter block.
    mutating func parseFilters(of start: Expression, startsWithName: Bool = false) throws(JinjaError) -> Expression {
        var expression = start
        var expectsBar = !startsWithName
        var links = 0
        defer { leave(links) }
        while !expectsBar || isSymbol("|") {
            try link(&links)
            if expectsBar { advance() }
            expectsBar = true
            let start = line
            var name = try expectName()
            while skip(symbol: ".") { name += "." + (try expectName()) }
            let arguments = isSymbol("(") ? try parseCallArguments() : CallArguments()
            expression = .filter(expression, name, arguments, line: start)
        }
        return expression
    }

    private mutating func parseTest(of expression: Expression) throws(JinjaError) -> Expression {
        let start = line
        advance()
        let negated = skip(name: "not")
        var name = try expectName()
        while skip(symbol: ".") { name += "." + (try expectName()) }
        var arguments = CallArguments()
        if isSymbol("(") {
            arguments = try parseCallArguments()
        } else if startsTestArgument {
            guard !isName("is") else { throw .syntax("tests cannot be chained", line: line) }
            arguments.positional = [try parsePostfix(try parsePrimary())]
        }
        return .test(expression, name, arguments, negated: negated, line: start)
    }

    private var startsTestArgument: Bool {
        switch current {
        case .name(let name): !["else", "or", "and"].contains(name)
        case .text, .integer, .float, .symbol("["), .symbol("{"): true
        default: false
        }
    }
}
