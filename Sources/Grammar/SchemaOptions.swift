// The policies and the one table of limits of the schema front end.

/// Every bound that the front ends and the compiler keep. Work is counted in steps, not in seconds, so that a verdict never depends on the machine's load.
public struct GrammarLimits: Sendable, Hashable {
    /// Subschemas of one document.
    public var subschemas = 100_000
    /// Nesting of a schema's subschemas, and of groups in a regular expression.
    public var depth = 128
    /// Nodes of the grammar that a schema or regular expression becomes.
    public var nodes = 1_000_000
    /// Combinations of `anyOf`/`oneOf` branches that one place may unfold to.
    public var branches = 256
    /// Branches of `anyOf`/`oneOf` tried in unfolding those combinations, in the whole document; those that come to nothing count too.
    public var branchTrials = 50_000
    /// Subschemas applied to values in one validation, and in all that compiling one schema needs (for `enum` and `const`).
    public var validationSteps = 1_000_000
    /// Bytes of one regular expression (`pattern`, a key of `patternProperties`, a `regex`).
    public var patternBytes = 8 << 10
    /// Conjunctions of subschemas (`allOf`, `$ref` with siblings) that a document may need.
    public var conjunctions = 20_000
    /// States of one automaton (a pattern, a format, a range of numbers).
    public var automatonStates = 20_000
    /// Steps (derivatives weighed by their size) spent in building the automata of one grammar.
    public var work = 4_000_000
    /// Nesting of values where the schema allows anything.
    public var anyValueDepth = 32
    /// Steps that it may take, at worst, to tell whether an object or array whose members are counted in several ways can be finished.
    public var planSteps = 100_000
    /// Values listed for the items of an array that must differ, where they have few.
    public var listedValues = 512
    /// Items of one array whose items must differ; a longer one is not begun.
    public var distinctItems = 4_096
    /// Steps to find another value for an item that must differ; a way that needs more is not taken.
    public var noveltySteps = 50_000
    /// Digits before and after the point of a number, unless a bound in the schema has more; exponents have at most three digits.
    public var numberDigits = 32
    /// Bytes of a grammar's text (Lark, GBNF, EBNF, structural tags, a schema given as text).
    public var grammarBytes = 16 << 20
    /// Rules of a Lark, GBNF or EBNF grammar.
    public var rules = 100_000
    /// Bytes of text in enumerations, constants and keys together.
    public var literalBytes = 16 << 20

    /// The standard limits.
    public init() {}
}

/// How a JSON Schema is read and how its JSON is spelled.
public struct SchemaOptions: Sendable, Hashable {
    /// White space between the tokens of JSON.
    public enum Separators: Sendable, Hashable {
        /// Exactly `", "` and `": "`, nothing else.
        case spaced
        /// Exactly `","` and `":"`.
        case compact
        /// Any run of at most so many blanks, tabs and line ends between tokens; none before or after the document.
        case flexible(maxWhitespace: Int)
    }
    /// What becomes of a keyword that has no exact grammar within the limits.
    public enum Exactness: Sendable, Hashable {
        /// The schema is refused, by keyword and JSON Pointer.
        case exact
        /// That keyword alone is left to a validator after generation, and `Rules.relaxations` says so.
        case relax
    }
    /// White space between tokens.
    public var separators: Separators
    /// Whether `format` constrains strings (else it is an annotation).
    public var assertsFormat: Bool
    /// Whether members may come in any order; else the declared ones come in the order in which the schema declares them, and then the others.
    public var anyOrder: Bool
    /// Refuse what cannot be exact, or leave it to a validator.
    public var exactness: Exactness
    /// The limits.
    public var limits: GrammarLimits

    /// The standard policy: `", "` and `": "`, formats asserted, declared order, exact.
    public init(
        separators: Separators = .spaced, assertsFormat: Bool = true, anyOrder: Bool = false, exactness: Exactness = .exact,
        limits: GrammarLimits = GrammarLimits()
    ) {
        self.separators = separators
        self.assertsFormat = assertsFormat
        self.anyOrder = anyOrder
        self.exactness = exactness
        self.limits = limits
    }
}
