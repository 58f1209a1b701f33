// Random texts are valid and end; what is expected at a place is what the grammar takes there.
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct RandomTextTests {
    @Test func schemasAgreeWithTheValidator() throws {
        var random = SeededGenerator(seed: 41)
        for schema in [
            MaskTests.order, MaskTests.tree, "true", #"{"type":"array","items":{"type":"number","multipleOf":0.5},"minItems":3}"#,
            #"{"oneOf":[{"type":"string","maxLength":4},{"type":"string","minLength":3}]}"#,
        ] {
            let validator = try InstanceValidator(schema: json(schema))
            let grammar = try CompiledGrammar(Rules(jsonSchema: json(schema)), vocabulary: byteVocabulary)
            let texts = RandomText(grammar, limit: 300)
            for _ in 0..<60 {
                let bytes = try texts.next(using: &random).map { UInt8($0) }
                #expect(bytes.count <= 300)
                let value = try JSONValue(parsing: bytes)
                #expect(validator.validate(value).isEmpty, "\(value.text())")
            }
        }
    }

    @Test func tightLimitsLeadToTheShortestText() throws {
        let grammar = try CompiledGrammar(
            Rules(jsonSchema: json(#"{"type":"object","properties":{"abc":{"type":"string"}},"required":["abc"]}"#)), vocabulary: byteVocabulary)
        var random = SeededGenerator(seed: 1)
        let shortest = Array(#"{"abc": ""}"#.utf8)
        let text = try RandomText(grammar, limit: shortest.count).next(using: &random).map { UInt8($0) }
        #expect(text == shortest)
        let error = #expect(throws: RandomText.TooLong.self) {
            var random = SeededGenerator(seed: 1)
            _ = try RandomText(grammar, limit: shortest.count - 1).next(using: &random)
        }
        #expect(error?.shortest == shortest.count && error?.description.contains("shortest has \(shortest.count)") == true)
    }

    @Test func theSameSeedDrawsTheSame() throws {
        let grammar = try CompiledGrammar(Rules(regex: "(ab|cd)*[0-9]+"), vocabulary: byteVocabulary)
        func draw() throws -> [[TokenID]] {
            var random = SeededGenerator(seed: 9)
            return try (0..<20).map { _ in try RandomText(grammar, limit: 40).next(using: &random) }
        }
        let (first, second) = try (draw(), draw())
        #expect(first == second && Set(first).count > 5)
    }

    @Test(arguments: [
        ("", "‘0’ or ‘red’ or ‘reef’"), ("re", "‘d’ or ‘ef’"), ("red", "the end of the text"), ("0", "one of 0–9, or the end of the text"),
    ])
    func expectations(prefix: String, expected: String) throws {
        let grammar = try CompiledGrammar(Rules(regex: "red|reef|0[0-9]*"), vocabulary: byteVocabulary)
        var matcher = grammar.makeMatcher()
        let isAccepted = matcher.accept(bytes: Array(prefix.utf8))
        #expect(isAccepted && matcher.expectation().description == expected)
    }

    @Test func expectedCharacters() throws {
        let grammar = try CompiledGrammar(Rules(jsonSchema: json(#"{"type":"string"}"#)), vocabulary: byteVocabulary)
        var matcher = grammar.makeMatcher()
        take(&matcher, 34)
        #expect(matcher.expectation().description == "any character")
        let ascii = try CompiledGrammar(Rules(regex: "[^\u{80}-\u{10FFFF}<>]+x"), vocabulary: byteVocabulary).makeMatcher()
        #expect(ascii.expectation().description == "any character of ASCII but < >")
    }

    @Test func annotations() throws {
        let schema = try json(
            #"{"type":"object","title":"t","requird":["a"],"properties":{"a":{"format":"color"},"b":{"format":"date"}},"contentEncoding":"base64"}"#)
        let found = SchemaVocabulary.annotations(in: schema, assertsFormat: true).map { "\($0.keyword) \($0.pointer)" }
        #expect(Set(found) == ["requird /requird", "contentEncoding /contentEncoding", "format /properties/a/format"])
        #expect(SchemaVocabulary.annotations(in: schema, assertsFormat: false).count == 4)
    }
}
