// Inputs that took other engines down: compiled or refused by name, within the step budget.
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct PathologicalTests {
    /// Compiles and reads a first mask; a refusal with a name is as good.
    private func survives(_ schema: String, sourceLocation: SourceLocation = #_sourceLocation) {
        do {
            let grammar = try CompiledGrammar(Rules(jsonSchema: json(schema)), vocabulary: byteVocabulary)
            var mask = TokenMask(count: byteVocabulary.count)
            grammar.makeMatcher().fill(&mask)
            #expect(mask.allowedCount > 0, sourceLocation: sourceLocation)
        } catch {
            #expect(!"\(error)".isEmpty, sourceLocation: sourceLocation)
        }
    }

    @Test func patterns() throws {
        for pattern in [
            "(a+)+$", ".*a.{20}", "^(.*a.{20})$", "a{100000}", "(a{0,100}){0,100}", "a{0,50000}b{0,50000}", "\\p{L}{1,500}",
            "(?:\\w+\\.){1,30}",
            "^+[a-z]$", "^{2}x$", "(?<=x)+", "foo**", "[", "(", "(a*)*", "((a?){50}){50}", String(repeating: "a?", count: 2_000),
            "^" + String(repeating: "a?", count: 500) + "$",
            String(repeating: "(", count: 10_000), "x{1000001}", "(?=a)b", "(a)\\1", "\\p{Script=Greek}", "a{,5}", "[^]", "[]",
            "\\ud83d\\ude42",
        ] {
            let schema = JSONValue.object(JSONObject([("type", "string"), ("pattern", .string(pattern))]))
            survives(schema.text())
        }
        for pattern in ["(a{0,100}){0,100}", "a{0,50000}b{0,50000}", ".*a.{20}", "a{100000}", "(x?y?z?)*"] {
            let grammar = try CompiledGrammar(Rules(regex: pattern), vocabulary: byteVocabulary)
            #expect(!grammar.makeMatcher().isFinished)
        }
        check(
            try Rules(regex: ".*a.{20}"), accepts: ["xa" + String(repeating: "b", count: 20)], rejects: [String(repeating: "b", count: 30)])
        check(try Rules(regex: "a{30000}"), accepts: [String(repeating: "a", count: 30_000)], rejects: ["aa"])
        check(try Rules(regex: "a{,5}[^]\\u{41}"), accepts: ["a{,5}\nA"], rejects: ["aaA"])
    }

    @Test func sizes() {
        survives(#"{"type":"string","maxLength":1000000}"#)
        survives(#"{"type":"string","minLength":100000}"#)
        survives(#"{"type":"string","minLength":5000,"maxLength":5000}"#)
        survives(#"{"type":"array","maxItems":100000,"minItems":50000}"#)
        survives(#"{"type":"object","properties":{"content":{"type":"string","maxLength":100000}},"required":["content"]}"#)
        survives(#"{"const":"\#(String(repeating: "x", count: 1_000_000))"}"#)
        let optional = (0..<1_000).map { "\"property\($0)\":{\"type\":\"integer\"}" }.joined(separator: ",")
        check(
            "{\"type\":\"object\",\"properties\":{\(optional)}}", accepts: [#"{"property5": 1, "property999": 2}"#],
            rejects: [#"{"property7": "x"}"#])
        let tools = (0..<34).map { _ in #"{"type":"string","maxLength":2000}"# }.joined(separator: ",")
        survives("{\"type\":\"array\",\"prefixItems\":[\(tools)]}")
        survives(#"{"type":"number","multipleOf":1e-9}"#)
        survives(#"{"type":"number","multipleOf":0.1,"maximum":1e308}"#)
        survives(#"{"type":"number","minimum":5e-324,"maximum":1e308}"#)
        survives(#"{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}"#)
        survives(#"{"type":"number","minimum":1e99999}"#)
        survives(#"{"type":"array","minItems":99999999999999999999}"#)
    }

    @Test func nesting() throws {
        var arrays = "true"
        for _ in 0..<100 { arrays = "{\"type\":\"array\",\"items\":\(arrays)}" }
        survives(arrays)
        var oneOf = #"{"type":"null"}"#
        for _ in 0..<8 {
            oneOf =
                "{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"a\":\(oneOf)},\"required\":[\"a\"],\"additionalProperties\":false},{\"type\":\"object\",\"properties\":{\"b\":true},\"additionalProperties\":false,\"required\":[\"b\"]}]}"
        }
        check(oneOf, accepts: [#"{"b": 1}"#, #"{"a": {"b": 2}}"#], rejects: [#"{"a": 1}"#])
        var anyOf = "true"
        for _ in 0..<10 {
            anyOf =
                "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"a\":\(anyOf)}},{\"type\":\"object\",\"properties\":{\"a\":true,\"b\":true}}]}"
        }
        survives(anyOf)
        let pairs = (0..<12).map { "{\"anyOf\":[{\"required\":[\"a\($0)\"]},{\"required\":[\"b\($0)\"]}]}" }.joined(separator: ",")
        survives("{\"type\":\"object\",\"allOf\":[\(pairs)]}")
        let chain = (0..<100).map { "\"d\($0)\":{\"$ref\":\"#/$defs/d\($0 + 1)\"}" }.joined(separator: ",")
        check("{\"$ref\":\"#/$defs/d0\",\"$defs\":{\(chain),\"d100\":{\"type\":\"null\"}}}", accepts: ["null"], rejects: ["1"])
        let doubling = (0..<25).map {
            "\"d\($0)\":{\"type\":\"array\",\"prefixItems\":[{\"$ref\":\"#/$defs/d\($0 + 1)\"},{\"$ref\":\"#/$defs/d\($0 + 1)\"}]}"
        }
        survives("{\"$ref\":\"#/$defs/d0\",\"$defs\":{\(doubling.joined(separator: ",")),\"d25\":{\"type\":\"null\"}}}")
        let allOf = (0..<20).map { "\"d\($0)\":{\"allOf\":[{\"$ref\":\"#/$defs/d\($0 + 1)\"},{\"$ref\":\"#/$defs/d\($0 + 1)\"}]}" }
        survives("{\"$ref\":\"#/$defs/d0\",\"$defs\":{\(allOf.joined(separator: ",")),\"d20\":{\"type\":\"null\"}}}")
        let many = (0..<2_000).map { "{\"type\":\"object\",\"properties\":{\"k\($0)\":{\"type\":\"null\"}},\"required\":[\"k\($0)\"]}" }
        survives("{\"anyOf\":[\(many.joined(separator: ","))]}")
        let patterns = (0..<12).map { "\".*\($0).*\":{\"type\":\"null\"}" }.joined(separator: ",")
        survives("{\"type\":\"object\",\"patternProperties\":{\(patterns)}}")
    }

    /// A recursive schema nested as deep as the stack allows neither crashes nor dies midway.
    @Test func deepInstances() throws {
        let grammar = try CompiledGrammar(
            Rules(jsonSchema: json(##"{"type":"array","items":{"$ref":"#"}}"##)), vocabulary: byteVocabulary)
        var matcher = grammar.makeMatcher()
        var depth = 0
        while depth < 5_000, matcher.accept(91) { depth += 1 }
        #expect(depth > 500)
        for _ in 0..<depth { take(&matcher, 93) }
        #expect(matcher.isFinished)
    }

    /// Random schema-like JSON never crashes the front end.
    @Test func randomSchemas() throws {
        var random = SeededGenerator(seed: 99)
        let keywords = [
            "type", "properties", "required", "additionalProperties", "items", "prefixItems", "anyOf", "oneOf", "allOf", "enum", "const",
            "pattern",
            "minLength", "maxLength", "minimum", "maximum", "multipleOf", "$ref", "$defs", "format", "minItems", "patternProperties", "not",
            "$id",
            "propertyNames", "exclusiveMinimum", "minProperties",
        ]
        func value(_ depth: Int) -> JSONValue {
            switch Int.random(in: 0..<(depth > 3 ? 6 : 12), using: &random) {
            case 0:
                return .string(
                    ["string", "integer", "#", "#/$defs/a", "^a+$", "date", "object", "a", "array"].randomElement(using: &random)!)
            case 1: return .number(JSONNumber(Int.random(in: -2...9, using: &random)))
            case 2: return .bool(Bool.random(using: &random))
            case 3: return .array([.string("string"), .string("object")])
            case 4: return .null
            case 5: return .object(JSONObject([("type", .string("integer"))]))
            case 6: return .array((0..<3).map { _ in value(depth + 1) })
            default:
                var object = JSONObject()
                for _ in 0..<Int.random(in: 0...4, using: &random) { object[keywords.randomElement(using: &random)!] = value(depth + 1) }
                return .object(object)
            }
        }
        var compiled = 0
        for _ in 0..<3_000 {
            let schema = value(0)
            guard let grammar = try? CompiledGrammar(Rules(jsonSchema: schema), vocabulary: byteVocabulary) else { continue }
            compiled += 1
            var mask = TokenMask(count: byteVocabulary.count)
            grammar.makeMatcher().fill(&mask)
            #expect(mask.allowedCount > 0, "\(schema.text())")
        }
        #expect(compiled > 50)
    }
}
