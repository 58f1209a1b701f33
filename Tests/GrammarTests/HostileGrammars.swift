// The inputs: from advisories and threads about other engines, and of our own.
import Grammar
import JSON

extension HostileGrammar {
    static let schemas: [HostileGrammar] = [
        .schema("10,000 values", "{\"enum\":[\(joined(10_000) { "\"value \($0 * 7919)\"" })]}"),
        .schema("100,000 values", "{\"enum\":[\(joined(100_000) { "\"v\($0)\"" })]}"),
        .schema("deep objects as values", "{\"enum\":[\(joined(50) { nested($0 % 40, "1") { "{\"a\":[\($0)]}" } })]}"),
        .schema("a constant of 30,000 letters", "{\"const\":\"\(String(repeating: "x", count: 30_000))\"}"),
        .schema("maxLength 1,000,000", #"{"type":"string","maxLength":1000000}"#),
        .schema("minLength 100,000", #"{"type":"string","minLength":100000}"#),
        .schema("a length of 5,000", #"{"type":"string","minLength":5000,"maxLength":5000}"#),
        .schema(
            "maxLength 100,000 in an object",
            #"{"type":"object","properties":{"content":{"type":"string","maxLength":100000}},"required":["content"]}"#),
        .schema("34 strings of 2,000", "{\"type\":\"array\",\"prefixItems\":[\(joined(34) { _ in #"{"type":"string","maxLength":2000}"# })]}"),
        .schema(
            "bounded lists of bounded strings",
            "{\"type\":\"object\",\"properties\":{\(joined(5) { #""p\#($0)":{"type":"array","maxItems":20,"items":{"type":"string","maxLength":100}}"# })}}"
        ),
        .schema("minItems 5,000", #"{"type":"array","minItems":5000,"items":{"type":"null"}}"#),
        .schema("maxItems 100,000", #"{"type":"array","maxItems":100000,"items":{"type":"boolean"}}"#),
        .schema(
            "counts beyond machine words", .refused("2147483646 items"), #"{"type":"array","minItems":99999999999999999999,"items":{"type":"null"}}"#),
        .schema("300,000,000 items", .hasNoEndInReach, #"{"type":"array","minItems":300000000,"items":{"type":"null"}}"#),
        .schema("maxItems below minItems", .refused("satisf"), #"{"type":"array","minItems":3,"maxItems":2}"#),
        .schema("1,000 optional members", "{\"type\":\"object\",\"properties\":{\(joined(1_000) { "\"property\($0)\":{\"type\":\"integer\"}" })}}"),
        .schema(
            "30 optional members, one wanted",
            "{\"type\":\"object\",\"minProperties\":1,\"properties\":{\(joined(30) { "\"p\($0)\":{\"type\":\"integer\"}" })}}"),
        .schema("no members", #"{"type":"object","properties":{}}"#),
        .schema(
            "names that differ by escapes",
            #"{"type":"object","properties":{"a":{"const":1},"\u0061b":{"const":2},"\u0001":{"const":3}},"required":["a","ab","\u0001"]}"#),
        .schema("NUL in a name", .refused("U+0000"), #"{"type":"object","properties":{"\u0000":{"const":3}}}"#),
        .schema(
            "12 overlapping patterns of names", .refused("64 kinds of property names"),
            "{\"type\":\"object\",\"patternProperties\":{\(joined(12) { "\".*\($0).*\":{\"type\":\"null\"}" })}}"),
        .schema(
            "12 separate patterns of names", "{\"type\":\"object\",\"patternProperties\":{\(joined(12) { "\"^p\($0)-\":{\"type\":\"null\"}" })}}"),
        .schema(
            "100 references",
            ##"{"$ref":"#/$defs/d0","$defs":{\##(joined(100) { ##""d\##($0)":{"$ref":"#/$defs/d\##($0 + 1)"}"## }),"d100":{"type":"null"}}}"##),
        .schema(
            "references doubled 25 times",
            ##"{"$ref":"#/$defs/d0","$defs":{\##(joined(25) { ##""d\##($0)":{"type":"array","prefixItems":[{"$ref":"#/$defs/d\##($0 + 1)"},{"$ref":"#/$defs/d\##($0 + 1)"}]}"## }),"d25":{"type":"null"}}}"##
        ),
        .schema(
            "allOf doubled 12 times",
            ##"{"$ref":"#/$defs/d0","$defs":{\##(joined(12) { ##""d\##($0)":{"allOf":[{"$ref":"#/$defs/d\##($0 + 1)"},{"$ref":"#/$defs/d\##($0 + 1)"}]}"## }),"d12":{"type":"null"}}}"##
        ),
        .schema("a reference to itself", .refused("itself"), ##"{"$ref":"#"}"##),
        .schema("recursion without an end", .refused("satisf"), ##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##),
        .schema("no value at all", .refused("satisf"), #"{"type":"object","properties":{"a":false},"required":["a"]}"#),
        .schema("nested 100 deep", nested(100, "true") { "{\"type\":\"array\",\"items\":\($0)}" }),
        .schema("nested 200 deep", .refused("128"), nested(200, "true") { "{\"type\":\"array\",\"items\":\($0)}" }),
        .schema("nested 5,000 deep", .refused("deep"), nested(5_000, "true") { "{\"type\":\"array\",\"items\":\($0)}" }),
        .schema("brackets without an end", .refused("JSON"), String(repeating: "[", count: 100_000)),
        .schema(
            "oneOf nested 8 deep",
            nested(8, #"{"type":"null"}"#) {
                #"{"oneOf":[{"type":"object","properties":{"a":\#($0)},"required":["a"]},{"type":"object","properties":{"b":\#($0)},"required":["b"]}]}"#
            }),
        .schema(
            "12 pairs of anyOf", .refused("256 combined branches"),
            "{\"type\":\"object\",\"allOf\":[\(joined(12) { #"{"anyOf":[{"required":["a\#($0)"]},{"required":["b\#($0)"]}]}"# })]}"),
        .schema(
            "20 pairs of anyOf", .refused("256 combined branches"),
            "{\"allOf\":[\(joined(20) { #"{"anyOf":[{"required":["a\#($0)"]},{"maxProperties":\#($0)}]}"# })]}"),
        .schema(
            "anyOf of 2,000 objects", .refused("256 combined branches"),
            "{\"anyOf\":[\(joined(2_000) { #"{"type":"object","properties":{"k\#($0)":{"type":"null"}},"required":["k\#($0)"]}"# })]}"),
        .schema("multipleOf 999,983", .refused("remainders of multipleOf"), #"{"type":"integer","multipleOf":999983}"#),
        .schema("multipleOf 1e-9", #"{"type":"number","multipleOf":1e-9}"#),
        .schema("multipleOf 1e-300", .refused("multipleOf"), #"{"type":"number","multipleOf":1e-300}"#),
        .schema("multipleOf 0.1 to 1e308", #"{"type":"number","multipleOf":0.1,"maximum":1e308}"#),
        .schema("5e-324 to 1e308", #"{"type":"number","minimum":5e-324,"maximum":1e308}"#),
        .schema("integers from 1e300", #"{"type":"integer","minimum":1e300}"#),
        .schema("64-bit integers", #"{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}"#),
        .schema("minimum 1e99999", .refused("400 digits"), #"{"type":"number","minimum":1e99999}"#),
        .schema("half of a surrogate", .refused("JSON"), #"{"const":"\ud800"}"#),
        .schema("NUL", #"{"const":"a\u0000b"}"#),
        .schema("ten megabytes", "{\"description\":\"\(String(repeating: "d", count: 10_000_000))\",\"type\":\"null\"}"),
    ]

    static let patterns: [HostileGrammar] = [
        .pattern("(a+)+$", "(a+)+$"), .pattern("(a*)*", "(a*)*"), .pattern("nested counts", "(a{0,100}){0,100}"),
        .pattern("counts of counts", "^((a?){50}){50}$"), .pattern("two counts of 50,000", "a{0,50000}b{0,50000}"),
        .pattern("a count of 30,000", "^a{30000}$"),
        .pattern("a count beyond 1,000,000", .refused("1000000"), "x{1000001}"), .pattern(".*a.{20}", "^.*a.{20}$"),
        .pattern(".*a.{10}", "^.*a.{10}$"), .pattern("letters of all scripts", "^\\p{L}{1,500}$"), .pattern("dotted words", "^(?:\\w+\\.){1,30}$"),
        .pattern("2,000 optional letters", String(repeating: "a?", count: 2_000)),
        .pattern("500 optional letters", "^\(String(repeating: "a?", count: 500))$"),
        .pattern("10,000 parentheses", .refused("bytes"), String(repeating: "(", count: 5_000) + String(repeating: ")", count: 5_000)),
        .pattern("1,000 parentheses", .refused("deep"), String(repeating: "(", count: 1_000) + "a" + String(repeating: ")", count: 1_000)),
        .pattern("100,000 parentheses", .refused("bytes"), String(repeating: "(", count: 100_000)),
        .pattern("a quantifier on nothing", .refused("pattern"), "^+[a-z]$"), .pattern("a count on nothing", .refused("pattern"), "^{2}x$"),
        .pattern("two stars", .refused("pattern"), "foo**"), .pattern("an open bracket", .refused("pattern"), "["),
        .pattern("an open group", .refused("pattern"), "("),
        .pattern("look-behind", .refused("look-behind"), "(?<=x)+"), .pattern("a back-reference", .refused("back-reference"), "(a)\\1"),
        .pattern("an empty class", .refused("satisf"), "[]"),
    ]

    static let grammars: [HostileGrammar] = [
        HostileGrammar("left recursion", .gbnf, "root ::= root \"a\" | \"a\""),
        HostileGrammar("left recursion without an end", .gbnf, .refused("satisf"), "root ::= root \"a\""),
        HostileGrammar("hidden left recursion", .gbnf, "root ::= x root \"a\" | \"b\"\nx ::= \"\" | \"c\""),
        HostileGrammar(
            "60,000 parentheses", .gbnf, .refused("deep"),
            "root ::= " + String(repeating: "(", count: 60_000) + "\"a\"" + String(repeating: ")", count: 60_000)),
        HostileGrammar("stars of stars", .gbnf, "root ::= (\"a\"*)*"),
        HostileGrammar(
            "5,000 rules in a chain", .gbnf,
            joined(5_000, "\n") { $0 == 0 ? "root ::= r1" : $0 == 4_999 ? "r4999 ::= \"a\"" : "r\($0) ::= r\($0 + 1)" }),
        HostileGrammar(
            "40,000 rules", .ebnf, "root ::= " + joined(39_999, " | ") { "r\($0)" } + "\n" + joined(39_999, "\n") { "r\($0) ::= \"a\($0)\"" }),
        HostileGrammar("1,000 optional letters", .gbnf, "root ::= " + joined(1_000, " ") { _ in "x?" } + "\nx ::= \"a\""),
        HostileGrammar("tens of thousands of alternatives", .ebnf, "root ::= " + joined(40_000, " | ") { "\"v\($0)\"" }),
        HostileGrammar("text before a tag", .ebnf, "root ::= ([^<] | \"<\" [^|])* \"<|tag|>\""),
        HostileGrammar("single letters", .lark, "start: LETTER*\nLETTER: /[a-z]/\n"),
        HostileGrammar("recursion to the right", .lark, "start: \"a\" start | \"b\"\n"),
        HostileGrammar("ambiguous in every way", .gbnf, "root ::= root root | \"a\""),
        HostileGrammar("a pattern that ends a process", .regex, .refused("repeat"), "foo**"),
        HostileGrammar("a bracket that ends a process", .regex, .refused(""), "["),
        HostileGrammar(
            "many tools", .structuralTag,
            "{\"type\":\"structural_tag\",\"format\":{\"type\":\"triggered_tags\",\"triggers\":[\"<f=\"],\"at_least_one\":true,\"tags\":[\(joined(300) { #"{"begin":"<f=\#($0)>","content":{"type":"json_schema","json_schema":{"type":"object","properties":{"a":{"type":"string","maxLength":2000}}}},"end":"</f>"}"# })]}}"
        ),
    ]
}
