// What is left to the validator: named, and never more than needed.
import Grammar
import JSON
import Testing

@Suite struct RelaxationTests {
    private let relaxed = SchemaOptions(exactness: .relax)

    private func relaxations(_ schema: String) throws -> [String] {
        try Rules(jsonSchema: json(schema), options: relaxed).relaxations.map { "\($0.keyword) \($0.pointer)" }
    }

    @Test func theKeywordAloneGoes() throws {
        let schema =
            #"{"type":"object","properties":{"a":{"type":"integer","multipleOf":999983,"minimum":5}},"required":["a"],"additionalProperties":false}"#
        refuses(schema, "/properties/a/multipleOf")
        #expect(try relaxations(schema) == ["multipleOf /properties/a/multipleOf"])
        check(schema, relaxed, accepts: [#"{"a": 7}"#], rejects: ["{}", #"{"a": 4}"#, #"{"a": "x"}"#])
        #expect(try relaxations(#"{"type":"integer"}"#) == [])
    }

    /// What is denied must not become narrower by what is left out.
    @Test func denialsBecomeWider() throws {
        let schema = #"{"type":"integer","not":{"multipleOf":999983,"minimum":5}}"#
        #expect(try relaxations(schema) == ["multipleOf /not/multipleOf"])
        check(schema, relaxed, accepts: ["3", "7"], rejects: ["true"])
        check(#"{"type":"integer","not":{"multipleOf":999983}}"#, relaxed, accepts: ["3", "0"], rejects: ["true"])
        check(#"{"not":{"type":"integer","multipleOf":999983}}"#, relaxed, accepts: ["3", "true"])
    }

    @Test func patternsTakeTheirCompanionsAlong() throws {
        let schema = #"{"type":"object","patternProperties":{"(a)\\1":{"type":"integer"}},"additionalProperties":false}"#
        refuses(schema, "patternProperties")
        #expect(try relaxations(schema) == ["patternProperties /patternProperties"])
        check(schema, relaxed, accepts: [#"{"aa": 1}"#])
    }

    @Test func someThingsStayRefused() {
        refuses(#"{"$ref":"http://example.com/other"}"#, "/$ref", options: relaxed)
        refuses(#"{"type":"strin"}"#, "/type", options: relaxed)
    }
}
