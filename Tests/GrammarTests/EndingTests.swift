// Answers that end: within any budget that suffices for the shortest ending, the mask leads to a complete text.
import JSON
import TestSupport
import Testing
import Tokens

@testable import Grammar

@Suite struct EndingTests {
    /// A plan with counters and any order beside the schemas of the mask's tests.
    private static func grammars(_ vocabulary: Vocabulary) throws -> [(name: String, grammar: CompiledGrammar)] {
        var list = try MaskTests.rules().map { ($0.0, try CompiledGrammar($0.1, vocabulary: vocabulary)) }
        var plan = PlanGraph(options: SchemaOptions())
        let (small, large) = (try plan.way([1, 2], 0), try plan.way([345, 4], 1))
        let array = try plan.graph.array(
            ArrayPlan(rest: [small, large], minimum: 2, maximum: 9, counters: [.init(minimum: 1, maximum: 2), .init(minimum: 3, maximum: nil)]),
            plan.options, next: Graph.end)
        let entry = try plan.graph.object(
            ObjectPlan(
                members: [
                    .init(name: "items", ways: [Way(value: array)], isRequired: true), .init(name: "note", ways: [small, large], isRequired: false),
                    .init(name: "again", ways: [Way(value: array)], isRequired: true),
                ],
                cells: [.init(key: try plan.key("[a-f]*"), ways: [small])], minimum: 4, maximum: 5,
                counters: [.init(minimum: 1, maximum: nil)], isOrdered: false), plan.options, next: Graph.end)
        list.append(("plan", try plan.compiled(entry, vocabulary)))
        return list
    }

    /// The shortest ending is as short as trying all bytes finds it.
    @Test func endingsAreShortest() throws {
        var random = SeededGenerator(seed: 3)
        for (name, grammar) in try Self.grammars(byteVocabulary) where name != "any" && name != "tree" && name != "flexible" {
            for _ in 0..<6 {
                var matcher = grammar.makeMatcher()
                var mask = TokenMask(count: byteVocabulary.count)
                for _ in 0..<Int.random(in: 0..<40, using: &random) {
                    matcher.fill(&mask)
                    guard let token = mask.allowedTokens.randomElement(using: &random) else { break }
                    take(&matcher, token)
                }
                let ending = try #require(matcher.shortestEnding)
                #expect(matcher.matches(ending), "\(name): \(String(decoding: ending, as: UTF8.self))")
                guard ending.count <= 24 else { continue }
                // Breadth first, one byte of each kind at a time; equal configurations once.
                var level = [matcher]
                for depth in 0..<ending.count {
                    #expect(!level.contains { $0.canStop }, "\(name): an ending of \(depth) bytes, found \(ending.count)")
                    var next: [Matcher] = []
                    for state in level.prefix(400) {
                        for byte in UInt8(0x20)..<0x7F {
                            var copy = state
                            if copy.accept(bytes: [byte]), copy.minimumBytes < ending.count - depth - 1 { next.append(copy) }
                        }
                    }
                    level = next
                }
            }
        }
    }

    /// The mask for a budget is exactly what `accept` takes for it.
    @Test func maskForABudgetEqualsBruteForce() throws {
        let vocabulary = try MaskTests.breeze.get().vocabulary
        var random = SeededGenerator(seed: 17)
        var states = 0
        for (name, grammar) in try Self.grammars(vocabulary) {
            for _ in 0..<3 {
                var matcher = grammar.makeMatcher()
                var mask = TokenMask(count: vocabulary.count)
                for _ in 0..<Int.random(in: 0..<25, using: &random) {
                    matcher.fill(&mask)
                    guard let token = mask.allowedTokens.randomElement(using: &random) else { break }
                    take(&matcher, token)
                }
                let least = try #require(matcher.tokensToEnd)
                let budget = least + Int.random(in: 0...4, using: &random)
                matcher.fill(&mask, remainingTokens: budget)
                states += 1
                for token in stride(from: 0, to: vocabulary.count, by: 3) {
                    let isAllowed = matcher.fits(TokenID(token), remainingTokens: budget)
                    if isAllowed != mask.allows(TokenID(token)) {
                        Issue.record(
                            "\(name): token \(token) \(vocabulary.tokens[token]) \(isAllowed), budget \(budget), but the mask says otherwise")
                        break
                    }
                }
            }
        }
        print("masks for budgets: \(states) states")
    }

    /// However the tokens are chosen, the text is complete within the budget.
    @Test func walksEndWithinTheirBudget() throws {
        let vocabulary = try MaskTests.breeze.get().vocabulary
        var random = SeededGenerator(seed: 29)
        var walks = 0
        for (name, grammar) in try Self.grammars(vocabulary) {
            let least = try #require(grammar.makeMatcher().tokensToEnd)
            for extra in [0, 1, 3, 7, 15, 30] {
                var matcher = grammar.makeMatcher()
                var mask = TokenMask(count: vocabulary.count)
                var remaining = least + extra
                while remaining > 0 && !(matcher.canStop && (matcher.isFinished || Int.random(in: 0..<20, using: &random) == 0)) {
                    matcher.fill(&mask, remainingTokens: remaining)
                    guard let token = mask.allowedTokens.randomElement(using: &random) else {
                        Issue.record("\(name): nothing is allowed with \(remaining) tokens left of \(least + extra)")
                        break
                    }
                    // Another byte for the text that some token spells: the mask's promise holds for what it allows, no matter what.
                    guard matcher.accept(token, remainingTokens: remaining) else {
                        Issue.record("\(name): \(vocabulary.tokens[Int(token)]) is allowed but does not fit")
                        break
                    }
                    remaining -= 1
                }
                #expect(matcher.canStop, "\(name): not complete after \(least + extra) tokens")
                walks += 1
            }
            var matcher = grammar.makeMatcher()
            var mask = TokenMask(count: vocabulary.count)
            if least > 0 {
                matcher.fill(&mask, remainingTokens: least - 1)
                #expect(mask.allowedTokens.isEmpty, "\(name): \(least) tokens are needed")
                let isTaken = matcher.accept(0, remainingTokens: 0)
                #expect(!isTaken)
            }
        }
        print("walks within budgets: \(walks)")
    }
}

extension EndingTests {
    private static let schemas = [
        "recursive":
            ##"{"type":"object","properties":{"v":{"type":"integer"},"c":{"type":"array","items":{"$ref":"#"},"minItems":1}},"required":["v"]}"##,
        "strings":
            #"{"type":"object","properties":{"a":{"type":"string","minLength":30},"b":{"type":"string","pattern":"^[A-Z]{3}-[0-9]{6,}$"},"d":{"type":"string","format":"date-time"}},"required":["a","b","d"]}"#,
        "numbers":
            #"{"type":"array","items":{"anyOf":[{"type":"number","minimum":1000.5},{"type":"integer","multipleOf":7}]},"minItems":3,"maxItems":30}"#,
        "arrays":
            #"{"type":"array","prefixItems":[{"enum":["left","right"]},{"type":"boolean"}],"items":{"type":"array","minItems":2,"items":{"type":"null"}},"contains":{"type":"boolean"},"minItems":4}"#,
        "objects":
            #"{"type":"object","minProperties":4,"patternProperties":{"^x":{"type":"integer"}},"additionalProperties":{"type":"string","maxLength":9}}"#,
        "unlike": #"{"oneOf":[{"type":"integer"},{"type":"object","required":["long"],"properties":{"long":{"type":"string","minLength":120}}}]}"#,
    ]
    private static let texts: [(name: String, text: String, syntax: GrammarSyntax)] = [
        ("lark", "start: sum\nsum: term (\"+\" term)*\nterm: NUMBER | \"(\" sum \")\"\nNUMBER: /[0-9]+(\\.[0-9]+)?/\n", .lark),
        ("gbnf", "root ::= \"[\" item (\", \" item)* \"]\"\nitem ::= [a-z]{3,8} | root\n", .gbnf),
    ]

    /// Endings too long to be looked for are told by their bytes.
    @Test(arguments: [(1_000_000, false), (300_000_000, true)]) func longerOnesAreToldByTheirBytes(length: Int, isFar: Bool) throws {
        let rules = try Rules(#"{"type":"array","items":{"type":"string","minLength":9},"minItems":\#(length / 10)}"#, syntax: .jsonSchema)
        let matcher = try CompiledGrammar(rules, vocabulary: byteVocabulary).makeMatcher()
        let rough = matcher.roughEnding
        #expect(matcher.tokensToEnd == nil && rough.tokens == rough.bytes && !matcher.canFinish(within: rough.tokens - 1))
        #expect(isFar ? rough.bytes == 1 << 28 : rough.bytes == length / 10 * 13)
    }

    /// A walk as the engine takes it: any token of the plain mask if room to finish is left after it, else one of the mask for the budget.
    @Test func randomWalksAreValidWithinAnyBudget() throws {
        let vocabulary = try MaskTests.breeze.get().vocabulary
        let seed = UInt64(41)
        print("random walks within budgets: seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var rules = try Self.schemas.sorted { $0.key < $1.key }.map { ($0.key, try Rules($0.value, syntax: .jsonSchema)) }
        rules += try Self.texts.map { ($0.name, try Rules($0.text, syntax: $0.syntax)) }
        for (name, rules) in rules {
            let grammar = try CompiledGrammar(rules, vocabulary: vocabulary)
            let validator = try Self.schemas[name].map { try InstanceValidator(schema: JSONValue(parsing: $0)) }
            let least = try #require(grammar.makeMatcher().tokensToEnd)
            for budget in [least, least + 1, least + 3, least + 10, least + 40, least + 150] {
                var matcher = grammar.makeMatcher()
                var mask = TokenMask(count: vocabulary.count)
                var bytes: [UInt8] = []
                var remaining = budget
                while remaining > 0, !matcher.isFinished, !matcher.canStop || Int.random(in: 0..<20, using: &random) > 0 {
                    matcher.fill(&mask)
                    var token = try #require(mask.allowedTokens.randomElement(using: &random))
                    if !matcher.accept(token, remainingTokens: remaining) {
                        matcher.fill(&mask, remainingTokens: remaining)
                        token = try #require(mask.allowedTokens.randomElement(using: &random), "\(name), budget \(budget): \(remaining) left")
                        if !matcher.accept(token, remainingTokens: remaining) {
                            matcher.fillEnding(&mask, remainingTokens: remaining)
                            token = try #require(mask.allowedTokens.first)
                            let isTaken = matcher.accept(token, remainingTokens: remaining)
                            #expect(isTaken)
                        }
                    }
                    bytes += vocabulary.tokens[Int(token)]
                    remaining -= 1
                }
                let place = "\(name), budget \(budget), seed \(seed): \(String(decoding: bytes, as: UTF8.self))"
                #expect(matcher.canStop, "\(place)")
                if let validator { #expect(validator.validate(try JSONValue(parsing: bytes)).isEmpty, "\(place)") }
            }
        }
    }
}

extension Matcher {
    fileprivate var minimumBytes: Int { Int(grammar.program.endingCosts.ofEnding(configuration)) }
}
