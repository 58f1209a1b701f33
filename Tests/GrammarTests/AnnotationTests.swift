// Members of schemas that constrain nothing: which are said, with what they may have meant, and which are nobody's surprise.
import JSON
import Testing

@testable import Grammar

@Suite struct AnnotationTests {
    /// A schema, and what is said of it: the place, and a word of the reason.
    static let rows: [(schema: String, said: [(pointer: String, word: String)])] = [
        (#"{"type":"string","minLenght":3}"#, [("/minLenght", "did you mean \"minLength\"?")]),
        (#"{"type":"object","requird":["a"]}"#, [("/requird", "did you mean \"required\"?")]),
        (#"{"properties":{"a":{"type":"string","nullable":true}}}"#, [("/properties/a/nullable", "OpenAPI")]),
        (#"{"tpye":"string"}"#, [("/tpye", "did you mean \"type\"?")]),
        (#"{"oneof":[{"type":"string"}]}"#, [("/oneof", "did you mean \"oneOf\"?")]),
        (#"{"item":{"type":"string"}}"#, [("/item", "did you mean \"items\"?")]),
        (#"{"divisibleBy":2,"min":1,"optional":true}"#, [("/divisibleBy", "multipleOf"), ("/min", "minimum"), ("/optional", "required")]),
        (#"{"is":1,"zebra":2}"#, [("/is", "it is no keyword of JSON Schema"), ("/zebra", "it is no keyword of JSON Schema")]),
        (#"{"properties":{"a":{"type":"string","required":true}}}"#, [("/properties/a/required", "draft 3")]),
        (#"{"items":{"anyOf":[{"enmu":[1]}]},"a/b":1}"#, [("/a~1b", "no keyword"), ("/items/anyOf/0/enmu", "\"enum\"")]),
        (#"{"format":"dat-time"}"#, [("/format", "did you mean \"date-time\"?")]),
        (#"{"format":"int32"}"#, [("/format", "\"int32\" is no format of JSON Schema")]),
        (
            ##"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"$ref":"#/definitions/s","minLength":3,"title":"t"}},"definitions":{"s":{"type":"string"}}}"##,
            [("/properties/a/minLength", "\"$ref\"")]
        ),
        // Descriptions, annotations and extensions are no surprise, nor what holds the targets of references.
        (
            #"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"x:y","$comment":"c","title":"t","description":"d","default":1,"examples":[1],"readOnly":true,"writeOnly":false,"deprecated":true}"#,
            []
        ),
        (#"{"contentEncoding":"base64","contentMediaType":"text/plain","contentSchema":{"typ":1},"x-order":1,"example":2,"xml":{}}"#, []),
        (##"{"$ref":"#/components/schemas/a","components":{"schemas":{"a":{"type":"string"}}}}"##, []),
        (#"{"type":"object","properties":{"minLenght":{"type":"string"}},"required":["minLenght"],"enum":[{"minLenght":"requird"}]}"#, []),
        (#"{"type":"string","format":"date","$defs":{"unused":{"minLenght":1}},"minLength":1}"#, []),
        ("true", []), ("[]", []),
    ]

    @Test(arguments: rows.indices)
    func surprises(row: Int) throws {
        let (schema, said) = AnnotationTests.rows[row]
        let found = SchemaVocabulary.surprises(in: try json(schema)).sorted { $0.pointer.description < $1.pointer.description }
        let expected = said.sorted { $0.pointer < $1.pointer }
        #expect(found.map(\.pointer.description) == expected.map(\.pointer), "\(schema)")
        for (annotation, word) in zip(found, expected.map(\.word)) {
            #expect(annotation.reason.contains(word) && annotation.description.hasPrefix("\(annotation.pointer): "), "\(annotation)")
        }
    }

    @Test func surprisesChangeNoGrammar() throws {
        let plain = try CompiledGrammar(Rules(jsonSchema: json(#"{"type":"string"}"#)), vocabulary: byteVocabulary)
        let odd = try CompiledGrammar(Rules(jsonSchema: json(#"{"type":"string","minLenght":3,"nullable":true}"#)), vocabulary: byteVocabulary)
        for text in [#""""#, #""ab""#, "null", "1"] {
            #expect(plain.makeMatcher().matches(Array(text.utf8)) == odd.makeMatcher().matches(Array(text.utf8)), "\(text)")
        }
    }

    @Test func everyNamedFormatHasItsExpression() {
        for name in StringFormats.names { #expect(StringFormats.expression(name) != nil, "\(name)") }
    }

    @Test(arguments: [
        ("minLenght", "minLength"), ("tpye", "type"), ("TYPE", "type"), ("typ", "type"), ("cosnt", "const"), ("ab", nil), ("zebra", nil), ("", nil),
        (String(repeating: "minLength", count: 10), nil),
    ])
    func nearest(typed: String, name: String?) {
        #expect(nearestName(to: typed, among: ["const", "minLength", "not", "type"]) == name)
    }
}
