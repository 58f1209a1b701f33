// Tokens to statements.

/// A recursive-descent parser of Jinja's statements; its expressions are in ParserExpressions.swift.
struct Parser {
    private let tokens: [PlacedToken]
    private var position = 0
    private let depthLimit: Int
    private var depth = 0
    private var loopDepth = 0

    init(tokens: [PlacedToken], depthLimit: Int) {
        self.tokens = tokens
        self.depthLimit = depthLimit
    }

    // MARK: The token stream

    var current: Token { tokens[position].token }
    var next: Token { position + 1 < tokens.count ? tokens[position + 1].token : .end }
    var line: Int { tokens[position].line }

    mutating func advance() { if position + 1 < tokens.count { position += 1 } }

    func isSymbol(_ symbol: String) -> Bool { current == .symbol(symbol) }
    func isName(_ name: String) -> Bool { current == .name(name) }

    mutating func skip(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        advance()
        return true
    }

    mutating func expect(symbol: String) throws(JinjaError) {
        guard skip(symbol: symbol) else { throw unexpected("\"\(symbol)\"") }
    }

    mutating func expectName() throws(JinjaError) -> String {
        guard case .name(let name) = current else { throw unexpected("a name") }
        advance()
        return name
    }

    func unexpected(_ wanted: String) -> JinjaError {
        let found =
            switch current {
            case .data: "text"
            case .blockBegin: "\"{%\""
            case .blockEnd: "\"%}\""
            case .variableBegin: "\"{{\""
            case .variableEnd: "\"}}\""
            case .name(let name): "\"\(name)\""
            case .text: "a string"
            case .integer, .float: "a number"
            case .symbol(let symbol): "\"\(symbol)\""
            case .end: "the end of the template"
            }
        return .syntax("expected \(wanted), found \(found)", line: line)
    }

    mutating func enter() throws(JinjaError) {
        depth += 1
        guard depth <= depthLimit else { throw .limit("nested deeper than \(depthLimit)", line: line) }
    }

    mutating func leave(_ levels: Int = 1) { depth -= levels }

    /// One more link of a chain (`a + b + c`, `a.b.c`): it nests as deeply in the tree as it is long.
    mutating func link(_ links: inout Int) throws(JinjaError) {
        try enter()
        links += 1
    }

    // MARK: Statements

    mutating func parseTemplate() throws(JinjaError) -> [Statement] {
        try parseBody(until: []).body
    }

    /// Statements up to a tag whose name is in `ends`; the tag's name is consumed, the rest of it is not.
    private mutating func parseBody(until ends: Set<String>) throws(JinjaError) -> (body: [Statement], end: String) {
        var body: [Statement] = []
        while true {
            switch current {
            case .data(let text):
                advance()
                body.append(.data(text))
            case .variableBegin:
                let start = line
                advance()
                let expression = try parseTuple()
                guard current == .variableEnd else { throw unexpected("\"}}\"") }
                advance()
                body.append(.output(expression, line: start))
            case .blockBegin:
                advance()
                guard case .name(let name) = current else { throw unexpected("a tag's name") }
                if ends.contains(name) {
                    advance()
                    return (body, name)
                }
                body.append(try parseStatement(name))
            case .end:
                guard ends.isEmpty else {
                    throw .syntax("the template ends before \(ends.sorted().map { "\"\($0)\"" }.joined(separator: " or "))", line: line)
                }
                return (body, "")
            default: throw unexpected("text or a tag")
            }
        }
    }

    private mutating func closeBlock() throws(JinjaError) {
        guard current == .blockEnd else { throw unexpected("\"%}\"") }
        advance()
    }

    private mutating func parseStatement(_ name: String) throws(JinjaError) -> Statement {
        try enter()
        defer { leave() }
        let start = line
        advance()
        switch name {
        case "if": return try parseIf()
        case "for": return try parseFor(line: start)
        case "set": return try parseSet(line: start)
        case "macro": return try parseMacro(line: start)
        case "call": return try parseCallBlock(line: start)
        case "filter": return try parseFilterBlock(line: start)
        case "with": return try parseWith(line: start)
        case "break", "continue":
            guard loopDepth > 0 else { throw .syntax("\"\(name)\" outside a loop", line: start) }
            try closeBlock()
            return name == "break" ? .breakLoop : .continueLoop
        case "generation":
            try closeBlock()
            return .scoped(try parseBlock(ending: "endgeneration"))
        case "include", "import", "from", "extends", "block", "autoescape", "do", "trans", "debug":
            throw .unsupported("the tag \"\(name)\"", line: start)
        default: throw .syntax("unknown tag \"\(name)\"", line: start)
        }
    }

    /// The body of a block up to its end tag, which is consumed whole.
    private mutating func parseBlock(ending end: String) throws(JinjaError) -> [Statement] {
        let body = try parseBody(until: [end]).body
        try closeBlock()
        return body
    }

    private mutating func parseIf() throws(JinjaError) -> Statement {
        var branches: [(condition: Expression, body: [Statement])] = []
        var condition = try parseTuple(withConditional: false)
        try closeBlock()
        while true {
            let (body, end) = try parseBody(until: ["elif", "else", "endif"])
            branches.append((condition, body))
            switch end {
            case "elif":
                condition = try parseTuple(withConditional: false)
                try closeBlock()
            case "else":
                try closeBlock()
                return .conditional(branches, otherwise: try parseBlock(ending: "endif"))
            default:
                try closeBlock()
                return .conditional(branches, otherwise: [])
            }
        }
    }

    private mutating func parseFor(line start: Int) throws(JinjaError) -> Statement {
        let target = try parseTarget(endingAtIn: true)
        guard skip(name: "in") else { throw unexpected("\"in\"") }
        let sequence = try parseTuple(withConditional: false, endNames: ["recursive"])
        let condition = skip(name: "if") ? try parseExpression() : nil
        let isRecursive = skip(name: "recursive")
        try closeBlock()
        loopDepth += 1
        let (body, end) = try parseBody(until: ["endfor", "else"])
        loopDepth -= 1
        try closeBlock()
        let otherwise = end == "else" ? try parseBlock(ending: "endfor") : []
        return .loop(
            ForLoop(
                target: target, sequence: sequence, condition: condition, isRecursive: isRecursive, body: body, otherwise: otherwise,
                line: start))
    }

    private mutating func parseTarget(endingAtIn: Bool, withMembers: Bool = false) throws(JinjaError) -> Target {
        var targets: [Target] = []
        var isTuple = false
        repeat {
            if !targets.isEmpty, endingAtIn && isName("in") || isSymbol("=") || current == .blockEnd || isSymbol(")") { break }
            if skip(symbol: "(") {
                try enter()
                targets.append(try parseTarget(endingAtIn: false))
                leave()
                try expect(symbol: ")")
            } else {
                let name = try expectName()
                guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
                    throw .syntax("cannot assign to \"\(name)\"", line: line)
                }
                if withMembers, skip(symbol: ".") {
                    targets.append(.namespaceMember(name, try expectName()))
                } else {
                    targets.append(.name(name))
                }
            }
            if isSymbol(",") { isTuple = true }
        } while skip(symbol: ",")
        return isTuple ? .tuple(targets) : targets[0]
    }

    private mutating func parseSet(line start: Int) throws(JinjaError) -> Statement {
        let target = try parseTarget(endingAtIn: false, withMembers: true)
        if skip(symbol: "=") {
            let value = try parseTuple()
            try closeBlock()
            return .assignment(target, value, line: start)
        }
        let filter = isSymbol("|") ? try parseFilters(of: .blockText) : nil
        try closeBlock()
        return .blockAssignment(target, filter: filter, body: try parseBlock(ending: "endset"), line: start)
    }

    private mutating func parseParameters() throws(JinjaError) -> [(name: String, fallback: Expression?)] {
        var parameters: [(name: String, fallback: Expression?)] = []
        try expect(symbol: "(")
        while !isSymbol(")") {
            if !parameters.isEmpty { try expect(symbol: ",") }
            let name = try expectName()
            if skip(symbol: "=") {
                parameters.append((name, try parseExpression()))
            } else {
                guard parameters.last?.fallback == nil else {
                    throw .syntax("a parameter without default follows one with a default", line: line)
                }
                parameters.append((name, nil))
            }
        }
        advance()
        return parameters
    }

    /// The body of a macro or call block; loops outside it are not its own.
    private mutating func parseMacroBody(ending end: String) throws(JinjaError) -> (body: [Statement], names: Set<String>) {
        let outerLoops = loopDepth
        loopDepth = 0
        defer { loopDepth = outerLoops }
        let first = position
        let body = try parseBlock(ending: end)
        var names = Set<String>()
        for placed in tokens[first..<position] {
            if case .name(let name) = placed.token, name == "varargs" || name == "kwargs" { names.insert(name) }
        }
        return (body, names)
    }

    private mutating func parseMacro(line start: Int) throws(JinjaError) -> Statement {
        let name = try expectName()
        let parameters = try parseParameters()
        try closeBlock()
        let (body, names) = try parseMacroBody(ending: "endmacro")
        return .macro(
            MacroDefinition(
                name: name, parameters: parameters, body: body, usesVariablePositional: names.contains("varargs"),
                usesVariableNamed: names.contains("kwargs"), line: start))
    }

    private mutating func parseCallBlock(line start: Int) throws(JinjaError) -> Statement {
        let parameters = isSymbol("(") ? try parseParameters() : []
        let call = try parseExpression()
        guard case .call = call else { throw .syntax("a call block needs a call", line: start) }
        try closeBlock()
        let (body, names) = try parseMacroBody(ending: "endcall")
        let caller = MacroDefinition(
            name: "caller", parameters: parameters, body: body, usesVariablePositional: names.contains("varargs"),
            usesVariableNamed: names.contains("kwargs"), line: start)
        return .callBlock(call: call, caller: caller, line: start)
    }

    private mutating func parseFilterBlock(line start: Int) throws(JinjaError) -> Statement {
        let filter = try parseFilters(of: .blockText, startsWithName: true)
        try closeBlock()
        return .filterBlock(filter, body: try parseBlock(ending: "endfilter"), line: start)
    }

    private mutating func parseWith(line start: Int) throws(JinjaError) -> Statement {
        var assignments: [(target: Target, value: Expression)] = []
        while current != .blockEnd {
            if !assignments.isEmpty { try expect(symbol: ",") }
            let name = try expectName()
            try expect(symbol: "=")
            assignments.append((.name(name), try parseExpression()))
        }
        try closeBlock()
        return .with(assignments, body: try parseBlock(ending: "endwith"), line: start)
    }
}
