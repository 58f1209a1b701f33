// What the parser makes of a template: a tree of statements and expressions.

/// An expression, with the line on which it stands where evaluating it can fail.
indirect enum Expression: Sendable {
    case text(Text)
    case integer(Int)
    case float(Double)
    case bool(Bool)
    case none
    case name(String, line: Int)
    case list([Expression])
    case tuple([Expression])
    case dictionary([(key: Expression, value: Expression)])
    case attribute(Expression, String, line: Int)
    case element(Expression, Expression, line: Int)
    case slice(Expression, start: Expression?, end: Expression?, step: Expression?, line: Int)
    case call(Expression, CallArguments, line: Int)
    case filter(Expression, String, CallArguments, line: Int)
    case test(Expression, String, CallArguments, negated: Bool, line: Int)
    case negative(Expression, line: Int)
    case positive(Expression, line: Int)
    case not(Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case arithmetic(Arithmetic, Expression, Expression, line: Int)
    case concatenation([Expression])
    case comparison(Expression, [(Comparison, Expression)], line: Int)
    case conditional(Expression, then: Expression, otherwise: Expression?)
    /// The text of a block that a filter is applied to (`{% filter %}`, `{% set x | f %}`).
    case blockText
}

enum Arithmetic: Sendable { case add, subtract, multiply, divide, floorDivide, remainder, power }

enum Comparison: Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, contained, notContained }

struct CallArguments: Sendable {
    var positional: [Expression] = []
    var named: [(name: String, value: Expression)] = []
    var spread: Expression?
    var namedSpread: Expression?
}

/// What is assigned to.
indirect enum Target: Sendable {
    case name(String)
    case namespaceMember(String, String)
    case tuple([Target])
}

struct ForLoop: Sendable {
    var target: Target
    var sequence: Expression
    var condition: Expression?
    var isRecursive: Bool
    var body: [Statement]
    var otherwise: [Statement]
    var line: Int
}

struct MacroDefinition: Sendable {
    var name: String
    var parameters: [(name: String, fallback: Expression?)]
    var body: [Statement]
    /// Whether the body mentions these names, which decides what a call may pass.
    var usesVariablePositional: Bool
    var usesVariableNamed: Bool
    var line: Int
}

indirect enum Statement: Sendable {
    case data(Text)
    case output(Expression, line: Int)
    case conditional([(condition: Expression, body: [Statement])], otherwise: [Statement])
    case loop(ForLoop)
    case breakLoop
    case continueLoop
    case assignment(Target, Expression, line: Int)
    case blockAssignment(Target, filter: Expression?, body: [Statement], line: Int)
    case macro(MacroDefinition)
    case callBlock(call: Expression, caller: MacroDefinition, line: Int)
    case filterBlock(Expression, body: [Statement], line: Int)
    case with([(target: Target, value: Expression)], body: [Statement], line: Int)
    case scoped([Statement])
}
