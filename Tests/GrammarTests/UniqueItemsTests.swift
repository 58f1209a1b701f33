// Arrays whose items must differ: against the validator, byte by byte, token by token, and in random walks.
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct UniqueItemsTests {
    /// Schemas, and documents over which they are tried.
    static let schemas: [String] = [
        #"{"type":"array","uniqueItems":true,"items":{"enum":[1,2,"a",null,true]}}"#,
        #"{"type":"array","uniqueItems":true,"items":{"type":"boolean"},"minItems":1}"#,
        #"{"type":"array","uniqueItems":true,"items":{"type":["integer","string"],"maxLength":2,"pattern":"^[ab]*$","minimum":0,"maximum":12}}"#,
        #"{"type":"array","uniqueItems":true,"items":{"type":"number","minimum":1,"maximum":3,"multipleOf":0.5}}"#,
        #"{"type":"array","uniqueItems":true,"items":{"type":"number"},"maxItems":3}"#,
        #"{"type":"array","uniqueItems":true,"items":{"type":"string"}}"#,
        #"{"type":"array","uniqueItems":true,"items":{"type":"string","pattern":"^(a|b|c+)$"},"minItems":2}"#,
        #"{"type":"array","uniqueItems":true,"prefixItems":[{"enum":[1,2]},{"enum":[1,2,3]},{"enum":[1,3]}],"minItems":3,"items":{"enum":[1,4]}}"#,
        #"{"type":"array","uniqueItems":true,"prefixItems":[{"type":"integer"},{"const":1}],"minItems":2,"items":false}"#,
        #"{"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"k":{"enum":["x","y"]},"v":{"type":"boolean"}},"required":["k","v"],"additionalProperties":false},"minItems":1}"#,
        #"{"type":"array","uniqueItems":true,"items":{"type":"array","items":{"type":"boolean"},"maxItems":2,"uniqueItems":true}}"#,
        #"{"type":"array","uniqueItems":true,"items":{"enum":[1,2,3,4]},"contains":{"enum":[1,2]},"minContains":2}"#,
        #"{"type":"array","uniqueItems":true,"items":{"enum":[1,2,3,4]},"contains":{"enum":[1,2]},"maxContains":1,"minItems":2}"#,
        #"{"anyOf":[{"type":"array","uniqueItems":true,"items":{"enum":[1,2,3]}},{"type":"array","items":{"enum":[1,4]}}]}"#,
        #"{"type":"array","uniqueItems":true,"maxItems":3}"#,
        #"{"type":"object","properties":{"a":{"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"n":{"type":"string","maxLength":1,"pattern":"^[ab]"}},"additionalProperties":false}}},"required":["a"]}"#,
        ##"{"type":"array","uniqueItems":true,"items":{"$ref":"#"},"maxItems":2}"##,
    ]

    static let scalars: [String] = [
        "1", "2", "3", "4", "1.0", "1.5", "2.50", "10", "12", "-0", "0", "1e0", "10e-1", #""a""#, #""b""#, #""ab""#, #""\u0061""#, #""cc""#, #""c""#,
        "null", "true", "false", "[]", "[true]", "[true, false]", "[false, true]", "[[]]", #"{"k": "x", "v": true}"#, #"{"k": "x", "v": false}"#,
        #"{"k": "y", "v": true}"#, #"{"n": "a"}"#, "{}", #"{"n": "b"}"#, "[true, true]", "[[], [[]]]",
    ]

    /// Random arrays: the grammar accepts just what the validator does, of what the schema without `uniqueItems` can spell.
    @Test(arguments: schemas) func agreesWithTheValidator(schema: String) throws {
        let value = try json(schema)
        let plain = try json(schema.replacing(#""uniqueItems":true"#, with: #""uniqueItems":false"#))
        let validator = try InstanceValidator(schema: value)
        let options = SchemaOptions(anyOrder: true)
        let grammar = try CompiledGrammar(Rules(jsonSchema: value, options: options), vocabulary: byteVocabulary)
        let spelled = try CompiledGrammar(Rules(jsonSchema: plain, options: options), vocabulary: byteVocabulary)
        var random = SeededGenerator(seed: 3)
        var counts = (accepted: 0, repeated: 0)
        // What may stand in an array is worth more tries.
        let fitting = Self.scalars.filter { scalar in
            (1...3).contains { accepts(spelled, Self.document([String](repeating: scalar, count: $0), schema)) }
                || accepts(spelled, Self.document([scalar, "1"], schema)) || accepts(spelled, Self.document([scalar, "2", "3"], schema))
        }
        for round in 0..<240 {
            let pool = round % 3 == 0 ? ["1", "2", "3", "4"] : round % 3 == 1 || fitting.isEmpty ? Self.scalars : fitting
            let text = Self.document((0..<Int.random(in: 0...5, using: &random)).map { _ in pool.randomElement(using: &random)! }, schema)
            let isValid = validator.validate(try json(text)).isEmpty
            let isAccepted = accepts(grammar, text)
            guard accepts(spelled, text) else {
                #expect(!isAccepted, "\(text)")
                continue
            }
            if isAccepted { counts.accepted += 1 } else { counts.repeated += 1 }
            #expect(isAccepted == isValid, "\(schema): \(text)")
        }
        #expect(counts.accepted > 0, "\(schema) \(counts)")
    }

    static func document(_ items: [String], _ schema: String) -> String {
        let array = "[\(items.joined(separator: ", "))]"
        return schema.contains(#""properties":{"a""#) ? #"{"a": \#(array)}"# : array
    }

    /// Every state of random walks: the mask is exactly what `accept` takes, something may always follow, and what ends is valid.
    @Test(arguments: schemas) func walks(schema: String) throws {
        let vocabulary = Self.vocabulary
        let value = try json(schema)
        let validator = try InstanceValidator(schema: value)
        var random = SeededGenerator(seed: 9)
        for separators in [SchemaOptions.Separators.spaced, .compact, .flexible(maxWhitespace: 1)] {
            let grammar = try CompiledGrammar(Rules(jsonSchema: value, options: SchemaOptions(separators: separators)), vocabulary: vocabulary)
            for _ in 0..<8 {
                var matcher = grammar.makeMatcher()
                var mask = TokenMask(count: vocabulary.count)
                var bytes: [UInt8] = []
                for step in 0..<60 {
                    if matcher.isFinished || matcher.canStop && step > 30 { break }
                    matcher.fill(&mask)
                    for token in 0..<vocabulary.count {
                        var copy = matcher
                        let isAllowed = copy.accept(TokenID(token))
                        if isAllowed != mask.allows(TokenID(token)) {
                            Issue.record(
                                "\(schema): after \(String(decoding: bytes, as: UTF8.self)) token \(String(decoding: vocabulary.tokens[token], as: UTF8.self)) \(isAllowed) but the mask says otherwise"
                            )
                            return
                        }
                    }
                    let allowed = mask.allowedTokens
                    if allowed.isEmpty && !matcher.canStop {
                        Issue.record("\(schema): dead end after \(String(decoding: bytes, as: UTF8.self))")
                        return
                    }
                    guard let token = allowed.randomElement(using: &random) else { break }
                    take(&matcher, token)
                    bytes += vocabulary.tokens[Int(token)]
                }
                guard matcher.canStop else { continue }
                let document = try JSONValue(parsing: bytes)
                #expect(validator.validate(document).isEmpty, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    /// Few bytes, and tokens that end items, begin the next, and hold whole ones.
    static let vocabulary: Vocabulary = {
        var texts = (UInt8(0x20)..<0x7F).map { [$0] }
        texts += [
            "1,", "1, ", "1, 2", ",1", ", 1", "true, ", "true, false", "false]", "\"a\"", "\"a\", \"", "\", \"", "\",\"", "\"a\",\"b\"", "\"b\"]",
            "\\u0061", "0, 0", "1.", ".0",
            "[1, 2, 3]", "[[], [", "{\"k\": \"", "x\", \"v\": ", "\"x\"", "true}, {", "}]", "]]", "[true, ", "\"}, {\"n\": \"a\"}", "null, ", "e0",
            "é",
        ].map { Array($0.utf8) }
        return Vocabulary(tokens: texts, kinds: [TokenKind](repeating: .normal, count: texts.count))
    }()

    @Test func contradictionsAreFoundAtOnce() throws {
        for schema in [
            #"{"type":"array","uniqueItems":true,"items":{"type":"boolean"},"minItems":3}"#,
            #"{"type":"array","uniqueItems":true,"prefixItems":[{"enum":[1,2]},{"enum":[1,2]},{"enum":[2,1]}],"minItems":3}"#,
            #"{"type":"array","uniqueItems":true,"items":{"type":"array","items":{"enum":[1]},"maxItems":1,"uniqueItems":true},"minItems":3}"#,
            #"{"type":"array","uniqueItems":true,"items":{"enum":[1,2,3]},"contains":{"enum":[1]},"minContains":2}"#,
            #"{"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"],"additionalProperties":false},"minItems":3}"#,
        ] {
            #expect(throws: GrammarError.self, "\(schema)") { try Rules(jsonSchema: json(schema)) }
        }
    }

    /// However few steps may be spent on finding another value, the text stays valid and can be finished.
    @Test(arguments: [0, 1, 5, 25, 125, 625, 50_000]) func fewStepsLeadIntoNoDeadEnd(steps: Int) throws {
        let schema = try json(
            #"{"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"a":{"type":"boolean"},"b":{"enum":["x","xy"]}},"additionalProperties":false}}"#
        )
        let validator = try InstanceValidator(schema: schema)
        var options = SchemaOptions()
        options.limits.noveltySteps = steps
        let grammar = try CompiledGrammar(Rules(jsonSchema: schema, options: options), vocabulary: byteVocabulary)
        var random = SeededGenerator(seed: UInt64(steps) + 5)
        var most = 0
        for _ in 0..<12 {
            var matcher = grammar.makeMatcher()
            var mask = TokenMask(count: byteVocabulary.count)
            var text: [UInt8] = []
            while !matcher.isFinished {
                matcher.fill(&mask)
                // Rarely the end of the array.
                let allowed = mask.allowedTokens.filter { $0 != 0x5D || mask.allowedCount == 1 || Int.random(in: 0..<30, using: &random) == 0 }
                guard let token = allowed.randomElement(using: &random) else {
                    Issue.record("nothing is allowed after \(String(decoding: text, as: UTF8.self))")
                    return
                }
                take(&matcher, token)
                text += byteVocabulary.tokens[Int(token)]
            }
            let value = try JSONValue(parsing: text)
            #expect(validator.validate(value).isEmpty, "\(String(decoding: text, as: UTF8.self))")
            most = max(most, value.arrayValue?.count ?? 0)
        }
        #expect(steps < 50_000 || most > 4, "at most \(most) items")
    }
}
