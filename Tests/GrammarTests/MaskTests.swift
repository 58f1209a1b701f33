// The mask through the trie against brute force over the vocabulary; random walks; copies; forced tokens.
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct MaskTests {
    static let breeze = Result { try Tokenizer(tokenizerJSON: Fixtures.json("models/breeze/tokenizer.json")) }
    static let large = Result { try Tokenizer(tokenizerJSON: Fixtures.json("fixtures/tokenizers/trained/bytelevel_gpt2/tokenizer.json")) }

    static let order = #"""
        {"type":"object","properties":{"customer":{"type":"string","maxLength":12},"items":{"type":"array","minItems":1,"maxItems":3,"items":{"type":"object",
        "properties":{"name":{"type":"string","pattern":"^[A-Z][a-zé]{1,8}$"},"quantity":{"type":"integer","minimum":1,"maximum":99}},"required":["name"],
        "additionalProperties":false}},"total":{"type":"number","minimum":0,"multipleOf":0.01},"currency":{"enum":["USD","EUR","US"]},"note":{"type":["string","null"],"minLength":2},
        "when":{"type":"string","format":"date"}},"required":["customer","items","currency"],"additionalProperties":false}
        """#
    static let tree = ##"""
        {"type":"object","properties":{"value":{"anyOf":[{"type":"integer"},{"type":"string"}]},"children":{"type":"array","items":{"$ref":"#"}}},
        "required":["value"],"additionalProperties":{"type":"boolean"}}
        """##

    /// One of each way in which a string's state is run over the vocabulary.
    static let strings = #"""
        {"type":"array","items":{"anyOf":[{"type":"string","pattern":"^[a-z]{1,63}$"},{"type":"string","pattern":"^[^ ]+ ?x$"},
        {"type":"string","pattern":"^[a-zé_ ]+$","maxLength":30},{"type":"string","minLength":3,"maxLength":40},{"type":"string","format":"email"},
        {"type":"string","pattern":"q"},{"type":"string","format":"uuid"},{"type":"string","not":{"enum":["a","ab","the"]}}]}}
        """#
    static let names = #"""
        {"type":"object","properties":{"a":true,"the":{"type":"string","pattern":"^\\S+$"},"é\"":{"type":"string","minLength":20}},
        "patternProperties":{"^x-":{"type":"string","maxLength":5}},"additionalProperties":{"type":"string","pattern":"^[A-Z][a-z ]{12,}$"}}
        """#

    static func rules() throws -> [(String, Rules)] {
        let call = try Rules.sequence([
            .literal(#"{"name": "f", "arguments": "#), Rules(jsonSchema: json(order)), .literal("}</tool_call>"),
        ])
        return [
            ("order", try Rules(jsonSchema: json(order))), ("tree", try Rules(jsonSchema: json(tree))),
            ("any", try Rules(jsonSchema: true)),
            ("flexible", try Rules(jsonSchema: json(tree), options: SchemaOptions(separators: .flexible(maxWhitespace: 4)))),
            (
                "overlap",
                try Rules(
                    jsonSchema: json(
                        #"{"anyOf":[{"type":"array","items":{"type":"string","maxLength":3}},{"type":"array","items":{"type":"string","pattern":"^ab*"}}]}"#
                    ))
            ),
            ("regex", try Rules(regex: "(ab|a)(c|bcd)(d*)|[0-9]{3}-[^x]{2,5}|.*é$")),
            ("choices", .choices(["yes", "yesterday", "no", "nö"])),
            ("text", try .anyText(until: [Trigger("<tool_call>", call)], excluding: ["</s>"])),
            ("repeated", .repeated(.alternatives([.literal("ab"), .literal("a"), .optional(.literal("c"))]), min: 2, max: 6)),
        ]
    }

    /// One of each way in which a state is run over the vocabulary.
    private static func wideRules() throws -> [(String, Rules)] {
        [
            ("strings", try Rules(jsonSchema: json(strings))),
            ("names", try Rules(jsonSchema: json(names))),
            ("words", try Rules(regex: "[a-z]+( [a-z]+)*")), ("open", try Rules(regex: "[^<>]*(<b>[^<]*)?")),
            ("after", .sequence([try Rules(regex: "[a-z ]{2,40}"), .literal(", then"), .anyText])),
        ]
    }

    /// Every state of random walks: the mask is exactly what `accept` takes.
    @Test(arguments: [false, true]) func maskEqualsBruteForce(isLarge: Bool) throws {
        let tokenizer = try (isLarge ? Self.large : Self.breeze).get()
        let vocabulary = tokenizer.vocabulary
        var random = SeededGenerator(seed: isLarge ? 11 : 7)
        var states = 0
        for (name, rules) in try Self.rules() + Self.wideRules() {
            let grammar = try CompiledGrammar(rules, vocabulary: vocabulary)
            for _ in 0..<(isLarge ? 3 : 14) {
                var matcher = grammar.makeMatcher()
                var mask = TokenMask(count: vocabulary.count)
                for _ in 0..<20 {
                    matcher.fill(&mask)
                    states += 1
                    for token in 0..<vocabulary.count {
                        var copy = matcher
                        let isAllowed = copy.accept(TokenID(token))
                        if isAllowed != mask.allows(TokenID(token)) {
                            Issue.record("\(name): token \(token) \(vocabulary.tokens[token]) \(isAllowed) but the mask says otherwise")
                            return
                        }
                    }
                    let allowed = mask.allowedTokens
                    guard let token = allowed.randomElement(using: &random) else { break }
                    take(&matcher, token)
                }
            }
        }
        print("mask twin: \(states) states, vocabulary of \(vocabulary.count)")
    }

    /// A random walk under the mask always can go on until it may stop, and what it made is valid.
    @Test func randomWalksAreValid() throws {
        let vocabulary = try Self.breeze.get().vocabulary
        var random = SeededGenerator(seed: 5)
        for schema in [
            Self.order, Self.tree, #"{"type":"array","items":{"oneOf":[{"const":1},{"type":"string","format":"ipv4"}]},"maxItems":4}"#,
        ] {
            let validator = try InstanceValidator(schema: json(schema))
            let grammar = try CompiledGrammar(Rules(jsonSchema: json(schema)), vocabulary: vocabulary)
            var finished = 0
            for _ in 0..<120 {
                var matcher = grammar.makeMatcher()
                var mask = TokenMask(count: vocabulary.count)
                var bytes: [UInt8] = []
                for step in 0..<400 {
                    if matcher.isFinished || matcher.canStop && step > 100 { break }
                    matcher.fill(&mask)
                    let allowed = mask.allowedTokens
                    #expect(!allowed.isEmpty || matcher.canStop)
                    // Short tokens close things sooner.
                    let picks = (0..<3).compactMap { _ in allowed.randomElement(using: &random) }
                    guard let token = picks.min(by: { vocabulary.tokens[Int($0)].count < vocabulary.tokens[Int($1)].count }) else { break }
                    take(&matcher, token)
                    bytes += vocabulary.tokens[Int(token)]
                }
                guard matcher.canStop else { continue }
                finished += 1
                let document = try JSONValue(parsing: bytes)
                #expect(validator.validate(document).isEmpty, "\(String(decoding: bytes, as: UTF8.self)): \(validator.validate(document))")
            }
            #expect(finished > 10)
        }
    }

    /// The open string's mask is shared; a bounded one must not inherit what the first user of it did not need.
    @Test func boundedStringsAfterOpenOnes() throws {
        let vocabulary = Vocabulary(
            tokens: [Array("\"".utf8), Array("a".utf8), Array("aa".utf8), Array("aaa".utf8), Array("é".utf8)],
            kinds: [TokenKind](repeating: .normal, count: 5))
        for (schema, expected) in [(#"{"type":"string"}"#, [0, 1, 2, 3, 4]), (#"{"type":"string","maxLength":2}"#, [0, 1, 2, 4])] {
            var matcher = try CompiledGrammar(Rules(jsonSchema: json(schema)), vocabulary: vocabulary).makeMatcher()
            take(&matcher, 0)
            var mask = TokenMask(count: 5)
            matcher.fill(&mask)
            let allowed = mask.allowedTokens
            #expect(allowed == expected.map { TokenID($0) })
        }
    }

    /// Where a pattern still misses characters, how many may come decides long before a token could bring them all.
    @Test(arguments: [
        #"{"type":"string","maxLength":4,"pattern":"[0-9]{2}"}"#, #"{"type":"string","maxLength":9,"pattern":"^(ab|c)*[0-9]{5}$"}"#,
        #"{"type":"string","minLength":7,"maxLength":8,"pattern":"^(abc|[x-z]{2})*$"}"#,
        #"{"type":"string","minLength":5,"pattern":"^(a{3}|b{5})*c?$"}"#,
    ])
    func boundedPatterns(schema: String) throws {
        let grammar = try CompiledGrammar(Rules(jsonSchema: json(schema)), vocabulary: byteVocabulary)
        let seed = UInt64.random(in: 0...999_999)
        var random = SeededGenerator(seed: seed)
        var mask = TokenMask(count: byteVocabulary.count)
        for _ in 0..<40 {
            var matcher = grammar.makeMatcher()
            for _ in 0..<24 where !matcher.isFinished {
                matcher.fill(&mask)
                for token in 0..<TokenID(byteVocabulary.count) {
                    var copy = matcher
                    #expect(copy.accept(token) == mask.allows(token), "byte \(token), seed \(seed)")
                }
                take(&matcher, mask.allowedTokens.randomElement(using: &random)!)
            }
        }
    }

    @Test func copiesRollBack() throws {
        let grammar = try CompiledGrammar(.choices(["abc", "abd"]), vocabulary: byteVocabulary)
        var matcher = grammar.makeMatcher()
        take(&matcher, 97)
        let saved = matcher
        let saysNo = matcher.accept(97)
        #expect(!saysNo)
        take(&matcher, 98)
        take(&matcher, 99)
        #expect(matcher.isFinished && matcher.canStop)
        matcher = saved
        let isAccepted = matcher.accept(bytes: Array("bd".utf8))
        #expect(isAccepted && matcher.isFinished)
        let control = matcher.accept(256)
        #expect(!control)
    }

    @Test func freeText() throws {
        let call = Rules.literal("{}</t>")
        let both = try Rules.anyText(until: [Trigger("<t>", call)])
        check(both, accepts: ["", "hi <", "a <t>{}</t> b <t>{}</t>", "<t", "<t é"], rejects: ["<t>", "a <t>{x", "<t>{}</t", "a<t>b"])
        let once = try Rules.anyText(until: [Trigger("<t>", call)], atLeastOne: true, stopAfterFirst: true)
        check(once, accepts: ["<t>{}</t>", "a<t>{}</t>"], rejects: ["", "a", "<t>{}</t>b"])
        check(try .anyText(until: [], excluding: ["bad"]), accepts: ["ba", "good b ad"], rejects: ["bad", "a bad b"])
        #expect(throws: GrammarError.self) { try Rules.anyText(until: [Trigger("", call)]) }
        #expect(throws: GrammarError.self) { try Rules.anyText(until: [Trigger("<<t", call)], excluding: ["<t"]) }
        let grammar = try CompiledGrammar(both, vocabulary: byteVocabulary)
        #expect(
            !grammar.makeMatcher().matches([0xC3]) && !grammar.makeMatcher().matches([0xFF])
                && !grammar.makeMatcher().matches([0xED, 0xA0, 0x80]))
    }

    @Test func forcedTokensAreCanonical() throws {
        let tokenizer = try Self.breeze.get()
        let vocabulary = tokenizer.vocabulary
        let schema = try json(Self.order)
        let canonical: @Sendable ([UInt8]) -> [TokenID] = { tokenizer.encode(String(decoding: $0, as: UTF8.self)) }
        let grammar = try CompiledGrammar(Rules(jsonSchema: schema), vocabulary: vocabulary, canonical: canonical)
        for text in [
            #"{"customer": "Maria Lopez", "items": [{"name": "Lamp", "quantity": 3}, {"name": "Chair"}], "total": 12.50, "currency": "EUR", "note": null}"#,
            #"{"customer": "B", "items": [{"name": "Lampé"}], "currency": "USD", "when": "2024-02-29"}"#,
        ] {
            let tokens = tokenizer.encode(text)
            var matcher = grammar.makeMatcher()
            var forced = 0
            var index = 0
            while index < tokens.count {
                let run = matcher.forcedTokens(limit: 64)
                #expect(Array(tokens[index...].prefix(run.count)) == run, "at \(index) of \(text)")
                forced += run.count
                for token in run.isEmpty ? [tokens[index]] : run {
                    take(&matcher, token)
                    index += 1
                }
            }
            #expect(matcher.isFinished)
            print("forced \(forced) of \(tokens.count) tokens")
            #expect(forced > tokens.count / 4)
        }
        let plain = try CompiledGrammar(.literal("x"), vocabulary: byteVocabulary)
        #expect(plain.makeMatcher().forcedTokens(limit: 5) == [120])
    }

    @Test func cacheKeepsWithinItsBytes() throws {
        let cache = GrammarCache(vocabulary: byteVocabulary, maxBytes: 20_000)
        for index in 0..<200 {
            let rules = try Rules(jsonSchema: json(#"{"const":"value \#(index)"}"#))
            _ = try cache.grammar(for: rules)
            #expect(try cache.grammar(for: rules) === cache.grammar(for: rules))
        }
        #expect(cache.count < 200)
    }
}
