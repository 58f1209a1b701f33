// Inputs that took engines down: each compiles within the limits and walks to a valid end, or is refused by name before any token.
import Grammar
import JSON
import TestSupport
import Testing

/// One input of `reference/grammar.md`, section 7, or its kin.
struct HostileGrammar: CustomTestStringConvertible, Sendable {
    enum Outcome: Sendable {
        case compiles
        /// Refused with an error that says this.
        case refused(String)
        /// Its shortest text is longer than any budget: that is said before the first token.
        case hasNoEndInReach
    }
    let name: String
    let syntax: GrammarSyntax
    let outcome: Outcome
    private let text: @Sendable () -> String

    var testDescription: String { name }
    var source: String { text() }

    private init(_ name: String, _ syntax: GrammarSyntax, outcome: Outcome, text: @escaping @Sendable () -> String) {
        (self.name, self.syntax, self.outcome, self.text) = (name, syntax, outcome, text)
    }

    /// One that compiles.
    init(_ name: String, _ syntax: GrammarSyntax, _ text: @escaping @Sendable @autoclosure () -> String) {
        self.init(name, syntax, outcome: .compiles, text: text)
    }

    /// One that is refused.
    init(_ name: String, _ syntax: GrammarSyntax, _ outcome: Outcome, _ text: @escaping @Sendable @autoclosure () -> String) {
        self.init(name, syntax, outcome: outcome, text: text)
    }

    static func schema(_ name: String, _ text: @escaping @Sendable @autoclosure () -> String) -> Self { Self(name, .jsonSchema, text()) }

    static func schema(_ name: String, _ outcome: Outcome, _ text: @escaping @Sendable @autoclosure () -> String) -> Self {
        Self(name, .jsonSchema, outcome, text())
    }

    private static func ofString(_ pattern: String) -> String {
        JSONValue.object(["type": "string", "pattern": .string(pattern)]).text()
    }

    /// A schema of strings with this pattern.
    static func pattern(_ name: String, _ pattern: @escaping @Sendable @autoclosure () -> String) -> Self {
        Self(name, .jsonSchema, ofString(pattern()))
    }

    static func pattern(_ name: String, _ outcome: Outcome, _ pattern: @escaping @Sendable @autoclosure () -> String) -> Self {
        Self(name, .jsonSchema, outcome, ofString(pattern()))
    }

    static func joined(_ count: Int, _ separator: String = ",", _ piece: (Int) -> String) -> String {
        (0..<count).map(piece).joined(separator: separator)
    }
    static func nested(_ count: Int, _ core: String, _ wrap: (String) -> String) -> String { (0..<count).reduce(core) { text, _ in wrap(text) } }
}

@Suite struct HostileGrammarTests {
    /// No grammar of the set may hold more than this, all of its automata and texts counted.
    private static let maximumBytes = 64 << 20

    @Test(arguments: HostileGrammar.schemas + HostileGrammar.patterns + HostileGrammar.grammars) func survives(_ hostile: HostileGrammar) throws {
        let grammar: CompiledGrammar
        do throws(GrammarError) {
            grammar = try CompiledGrammar(Rules(hostile.source, syntax: hostile.syntax), vocabulary: byteVocabulary)
        } catch {
            if ProcessEnvironment.isVerbose { print("\(hostile.name): \("\(error)".prefix(200))") }
            guard case .refused(let words) = hostile.outcome else {
                Issue.record("refused: \("\(error)".prefix(300))")
                return
            }
            #expect("\(error)".contains(words), "\("\(error)".prefix(300))")
            return
        }
        let sizes = grammar.sizes
        if case .refused(let words) = hostile.outcome { Issue.record("it compiled, and was to be refused: \(words)") }
        let limits = GrammarLimits()
        #expect(sizes.nodes <= limits.nodes && sizes.literalBytes <= limits.literalBytes && sizes.bytes <= Self.maximumBytes)
        let seed = UInt64.random(in: 0...999_999)
        var random = SeededGenerator(seed: seed)
        let shortest = grammar.makeMatcher().tokensToEnd
        if ProcessEnvironment.isVerbose {
            print("\(hostile.name): \(sizes.nodes) nodes, \(sizes.states) states, \(sizes.bytes) bytes, shortest \(shortest ?? -1)")
        }
        // A very long ending is not searched for, but known to fit into what is ample.
        let limit = (shortest ?? 250_000) + 100
        if case .hasNoEndInReach = hostile.outcome {
            #expect(!grammar.makeMatcher().canFinish(within: limit))
            return
        }
        let texts = RandomText(grammar, limit: limit)
        for _ in 0..<(shortest ?? .max > 1_000 ? 1 : 2) {
            let bytes = try texts.next(using: &random).map { UInt8($0) }
            #expect(grammar.makeMatcher().matches(bytes), "seed \(seed)")
            if hostile.syntax == .jsonSchema { try validate(bytes, hostile, seed) }
        }
    }

    private func validate(_ bytes: [UInt8], _ hostile: HostileGrammar, _ seed: UInt64) throws {
        let document = try JSONValue(parsing: bytes, limits: JSONLimits(bytes: 1 << 24, depth: 1_000))
        let validator = try InstanceValidator(schema: JSONValue(parsing: hostile.source))
        let failures = validator.validate(document).map(\.description)
        // Where the validator's own limit is met it says no more than that.
        let isUndecided = failures.count == 1 && failures[0].contains("the grammar is too large")
        #expect(failures.isEmpty || isUndecided, "seed \(seed): \(failures), \(String(decoding: bytes.prefix(300), as: UTF8.self))")
    }
}
