// Where all front ends meet: an immutable grammar over bytes.
public import JSON

/// A string that ends free text, and the rules that take over right after it.
public struct Trigger: Sendable, Hashable {
    /// The string, which is part of the text.
    public let text: String
    /// What must follow it.
    public let rules: Rules

    /// A trigger; the text must not be empty.
    public init(_ text: String, _ rules: Rules) {
        self.text = text
        self.rules = rules
    }
}

/// What a text may be. Rules come from a JSON Schema, a regular expression or literal text, and are put together to larger ones.
///
/// Equal sources make equal rules, so that `GrammarCache` finds what was compiled before.
public struct Rules: Sendable, Hashable {
    let expression: Expression
    let limits: GrammarLimits

    init(_ expression: Expression, limits: GrammarLimits = GrammarLimits()) {
        self.expression = expression
        self.limits = limits
    }

    /// The JSON documents that a schema allows (draft 2020-12), spelled by the policy of `options`.
    /// - Throws: what cannot be exact, by keyword and JSON Pointer.
    public init(jsonSchema: JSONValue, options: SchemaOptions = SchemaOptions()) throws(GrammarError) {
        self.init(.schema(try SchemaGrammar(jsonSchema, options)), limits: options.limits)
    }

    /// The texts that a regular expression matches as a whole (as if anchored on both sides).
    /// - Throws: `.syntax` with the offset; look-around and back-references are refused by name.
    public init(regex: String, dialect: RegexDialect = .ecma262, limits: GrammarLimits = GrammarLimits()) throws(GrammarError) {
        self.init(.regex(try RegexGrammar(regex, dialect, limits)), limits: limits)
    }

    init(grammar: TextGrammar) { self.init(.grammar(grammar), limits: grammar.options.limits) }

    /// Exactly this text.
    public static func literal(_ text: String) -> Rules { Rules(.literal(Array(text.utf8))) }

    /// One of these texts; none at all is unsatisfiable.
    public static func choices(_ texts: [String]) -> Rules { Rules(.words(texts.map { Array($0.utf8) })) }

    /// One after the other.
    public static func sequence(_ rules: [Rules]) -> Rules { Rules(.sequence(rules.map(\.expression)), limits: largest(rules)) }

    /// One of them.
    public static func alternatives(_ rules: [Rules]) -> Rules { Rules(.alternatives(rules.map(\.expression)), limits: largest(rules)) }

    /// The rules or nothing.
    public static func optional(_ rules: Rules) -> Rules { Rules(.repeated(rules.expression, 0, 1), limits: rules.limits) }

    /// The rules so many times; `max` nil: without end.
    public static func repeated(_ rules: Rules, min: Int = 0, max: Int? = nil) -> Rules {
        precondition(min >= 0 && (max ?? min) >= min)
        return Rules(.repeated(rules.expression, min, max), limits: rules.limits)
    }

    /// Any text (valid UTF-8).
    public static var anyText: Rules { Rules(.text(FreeText(triggers: [], excluded: [], atLeastOne: false, stopAfterFirst: false))) }

    /// Free text in which a trigger, once complete, hands over to its rules; after these, free text again.
    ///
    /// A trigger that is only begun when the text ends is text. Of several triggers the one complete first takes over.
    /// - Parameters:
    ///   - excluding: strings that the free text must not contain.
    ///   - atLeastOne: the text may only end after a trigger's rules.
    ///   - stopAfterFirst: the text ends with the first trigger's rules.
    /// - Throws: `.syntax` for an empty trigger or one that holds an excluded string, `.tooLarge` for more than 1,024 bytes of them.
    public static func anyText(
        until triggers: [Trigger], excluding: [String] = [], atLeastOne: Bool = false, stopAfterFirst: Bool = false
    ) throws(GrammarError) -> Rules {
        let text = FreeText(
            triggers: triggers.map { FreeText.Entry(text: Array($0.text.utf8), expression: $0.rules.expression) },
            excluded: excluding.map { Array($0.utf8) }, atLeastOne: atLeastOne, stopAfterFirst: stopAfterFirst)
        try text.check()
        return Rules(.text(text), limits: largest(triggers.map(\.rules)))
    }

    private static func largest(_ rules: [Rules]) -> GrammarLimits {
        rules.max { $0.limits.nodes < $1.limits.nodes }?.limits ?? GrammarLimits()
    }
}
