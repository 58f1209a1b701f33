// A chat template: parsed once, rendered for each conversation.
public import JSON

/// What a template may cost. A template comes with a model file, from anyone: everything it can make grow has a limit.
public struct JinjaLimits: Sendable, Hashable {
    /// The most bytes of source.
    public var sourceBytes = 1 << 20
    /// The deepest nesting of blocks, expressions and macro calls.
    public var depth = 200
    /// The most steps of one rendering: an evaluation is one, copying four code points or one list element is one.
    public var steps = 8_000_000
    /// The longest text that may be built, in code points.
    public var textLength = 1 << 23
    /// The longest `range`.
    public var rangeLength = 100_000

    /// The limits in force.
    public init() {}

    /// The limits used where none are given.
    public static let standard = JinjaLimits()
}

/// Why a template is refused or its rendering fails.
public enum JinjaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The source is not a template.
    case syntax(String, line: Int)
    /// The template called `raise_exception`.
    case raised(String, line: Int)
    /// An operation that Python would refuse too: a type that does not fit, an undefined value used.
    case evaluation(String, line: Int)
    /// A feature of Jinja that this interpreter does not have.
    case unsupported(String, line: Int)
    /// A limit was reached.
    case limit(String, line: Int)

    /// The error as a sentence with its line.
    public var description: String {
        switch self {
        case .syntax(let what, let line): "line \(line): \(what)"
        case .raised(let what, let line): "line \(line): the template refuses: \(what)"
        case .evaluation(let what, let line): "line \(line): \(what)"
        case .unsupported(let what, let line): "line \(line): not supported: \(what)"
        case .limit(let what, let line): "line \(line): limit reached: \(what)"
        }
    }
}

/// A piece of rendered text, and whether it came from the template or from the variables.
public struct RenderedPart: Sendable, Hashable {
    /// The text.
    public var text: String
    /// Whether it came from a variable, so that a control token in it is mere text.
    public var isFromVariable: Bool

    /// A part; see the members.
    public init(text: String, isFromVariable: Bool) {
        self.text = text
        self.isFromVariable = isFromVariable
    }
}

/// A chat template in the environment of Hugging Face transformers (`trim_blocks`, `lstrip_blocks`, loop controls, `generation`
/// blocks, `tojson` without HTML escapes, `raise_exception`, `strftime_now`). It can reach nothing but its variables.
public struct Template: Sendable {
    let statements: [Statement]
    let limits: JinjaLimits

    /// Parses `source`.
    public init(_ source: String, limits: JinjaLimits = .standard) throws(JinjaError) {
        guard source.utf8.count <= limits.sourceBytes else {
            throw .limit("the template is longer than \(limits.sourceBytes) bytes", line: 1)
        }
        var lexer = Lexer(source)
        var parser = Parser(tokens: try lexer.tokenize(), depthLimit: limits.depth)
        statements = try parser.parseTemplate()
        self.limits = limits
    }

    /// The rendered text.
    public func render(_ variables: [(String, JSONValue)], now: CalendarTime = .now()) throws(JinjaError) -> String {
        try evaluate(variables, templateTexts: [], trusted: [], now: now).string
    }

    /// The rendered text in pieces by origin. Strings of `trusted` variables, and strings that equal one of `templateTexts` (names of roles,
    /// say), count as the template's own.
    public func renderParts(
        _ variables: [(String, JSONValue)], trusted: [(String, JSONValue)], templateTexts: Set<String>, now: CalendarTime = .now()
    ) throws(JinjaError) -> [RenderedPart] {
        let text = try evaluate(variables, templateTexts: templateTexts, trusted: trusted, now: now)
        var parts: [RenderedPart] = []
        var start = 0
        while start < text.count {
            let bit = text.units[start] & Text.variableBit
            var end = start + 1
            while end < text.count, text.units[end] & Text.variableBit == bit { end += 1 }
            parts.append(RenderedPart(text: Text.string(text.units[start..<end]), isFromVariable: bit != 0))
            start = end
        }
        return parts
    }

    private func evaluate(
        _ variables: [(String, JSONValue)], templateTexts: Set<String>, trusted: [(String, JSONValue)], now: CalendarTime
    ) throws(JinjaError) -> Text {
        let evaluator = Evaluator(limits: limits, now: now)
        defer { evaluator.releaseCycles() }
        for (name, value) in variables { evaluator.root.variables[name] = Value(value, isVariable: true, templateTexts: templateTexts) }
        for (name, value) in trusted { evaluator.root.variables[name] = Value(value, isVariable: false, templateTexts: []) }
        return try evaluator.render(statements)
    }
}
