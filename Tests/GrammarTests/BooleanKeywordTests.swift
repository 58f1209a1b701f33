// The keywords of logic, by tables: what they join, split and deny, down to members and items.
import Grammar
import JSON
import Testing

@Suite struct BooleanKeywordTests {
    private let anyOrder = SchemaOptions(anyOrder: true)

    @Test func denials() {
        check(#"{"not":{"type":"string"}}"#, accepts: ["1", "null", "[\"a\"]", "{}"], rejects: ["\"a\""])
        check(#"{"type":"string","not":{"enum":["ab","c"]}}"#, accepts: ["\"a\"", "\"abc\"", "\"\""], rejects: ["\"ab\"", "\"c\""])
        check(#"{"type":"string","not":{"pattern":"^a"}}"#, accepts: ["\"ba\"", "\"\""], rejects: ["\"a\"", "\"ab\""])
        check(
            #"{"type":"string","not":{"minLength":2,"maxLength":4}}"#, accepts: ["\"a\"", "\"abcde\""], rejects: ["\"ab\"", "\"abcd\""])
        check(
            #"{"type":"number","not":{"minimum":2,"exclusiveMaximum":5}}"#, accepts: ["1", "1.99", "5", "-3"], rejects: ["2", "4.99"])
        check(#"{"type":"integer","not":{"multipleOf":3}}"#, accepts: ["1", "-2", "4"], rejects: ["3", "0", "-6"])
        check(#"{"type":"number","not":{"const":1.5}}"#, accepts: ["1", "1.51", "-1.5"], rejects: ["1.5", "1.50"])
        check(#"{"type":"number","not":{"type":"integer"}}"#, accepts: ["1.5", "-0.25"], rejects: ["1", "1.0", "-3"])
        check(#"{"type":"boolean","not":{"const":false}}"#, accepts: ["true"], rejects: ["false"])
        refuses(#"{"type":"string","not":{}}"#, "nothing can satisfy")
        refuses(#"{"allOf":[{"type":"string"},{"not":{"type":"string"}}]}"#, "nothing can satisfy")
    }

    @Test func deniedStructures() {
        check(
            #"{"type":"object","not":{"required":["a","b"]}}"#, accepts: ["{}", #"{"a": 1}"#, #"{"b": 1, "c": 2}"#],
            rejects: [#"{"a": 1, "b": 2}"#])
        check(
            #"{"type":"object","properties":{"a":{"not":{"type":"string"}}}}"#, accepts: [#"{"a": 1}"#, #"{"b": "x"}"#],
            rejects: [#"{"a": "x"}"#])
        check(
            #"{"type":"object","not":{"properties":{"a":{"type":"string"}},"additionalProperties":{"type":"integer"}}}"#,
            accepts: [#"{"a": 1}"#, #"{"b": "x"}"#, #"{"a": "s", "b": 1, "c": null}"#], rejects: ["{}", #"{"a": "s", "b": 1}"#])
        check(
            #"{"type":"object","not":{"propertyNames":{"maxLength":1}}}"#, accepts: [#"{"a": 1, "bc": 2}"#], rejects: ["{}", #"{"a": 1}"#])
        check(
            #"{"type":"array","not":{"items":{"type":"integer"}}}"#, accepts: ["[\"a\"]", "[1, 2, null]"], rejects: ["[]", "[1, 2]"])
        check(
            #"{"type":"array","not":{"contains":{"const":1},"minContains":2}}"#, accepts: ["[]", "[1]", "[2, 1, 3]"], rejects: ["[1, 1]"])
        check(
            #"{"type":["array","object"],"not":{"enum":[[1,{"a":2}],{"k":null}]}}"#,
            accepts: ["[]", "[1]", #"[1, {"a": 3}]"#, #"[1, {"a": 2, "b": 1}]"#, "{}", #"{"k": 1}"#, #"{"k": null, "l": 1}"#],
            rejects: [#"[1, {"a": 2}]"#, #"{"k": null}"#])
    }

    @Test func casesByATellingMember() {
        // Thirty conditions on one member: 2^30 ways if each were split for itself.
        let conditions = (0..<30).map {
            #"{"if":{"properties":{"k":{"const":"v\#($0)"}},"required":["k"]},"then":{"required":["a\#($0)"]},"else":{"properties":{"b\#($0)":false}}}"#
        }
        let schema = #"{"type":"object","allOf":["# + conditions.joined(separator: ",") + "]}"
        check(
            schema, accepts: [#"{"k": "v3", "a3": 1}"#, #"{"k": "v29", "b29": 0, "a29": 1}"#, #"{"k": "w", "a1": 1}"#, "{}"],
            rejects: [#"{"k": "v3", "a4": 1}"#, #"{"k": "v3", "a3": 1, "b4": 1}"#, #"{"k": 1, "b0": 1}"#, #"{"b7": 0}"#], options: anyOrder)
        // A dependency for each of many members on the value of one.
        let dependencies = (0..<20).map { #""d\#($0)":{"properties":{"t":{"enum":["x","y\#($0)"]}}}"# }
        let dependent =
            #"{"type":"object","properties":{"t":{"enum":["x","y1","y2","z"]}},"dependencies":{"# + dependencies.joined(separator: ",") + "}}"
        check(
            dependent, accepts: [#"{"t": "x", "d1": 1, "d2": 1}"#, #"{"t": "y2", "d2": 1}"#, #"{"d5": 1, "d6": 1}"#, #"{"t": "z"}"#],
            rejects: [#"{"t": "y2", "d1": 1}"#, #"{"t": "z", "d0": 1}"#], options: anyOrder)
        // Branches without a telling member: each excludes the others by one member of its own.
        let operators = (0..<9).map { #"{"type":"object","required":["o\#($0)"],"properties":{"o\#($0)":{"type":"integer"}}}"# }
        check(
            #"{"oneOf":["# + operators.joined(separator: ",") + "]}",
            accepts: [#"{"o3": 1}"#, #"{"o3": 1, "o4": "x"}"#, #"{"o0": 1, "other": 2}"#], rejects: ["{}", #"{"o3": 1, "o4": 2}"#, #"{"o3": "x"}"#],
            options: anyOrder)
    }

    @Test func exclusiveChoices() {
        check(#"{"oneOf":[{"type":"integer"},{"type":"number"}]}"#, accepts: ["1.5"], rejects: ["1", "\"a\""])
        check(
            #"{"oneOf":[{"type":"integer","minimum":2},{"type":"integer","maximum":5}]}"#, accepts: ["1", "6"], rejects: ["2", "5"])
        check(
            #"{"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}]}"#, accepts: [#"{"a": 1}"#, #"{"b": 1, "c": 2}"#],
            rejects: ["{}", #"{"a": 1, "b": 2}"#])
        check(
            #"{"type":"string","not":{"oneOf":[{"pattern":"a"},{"pattern":"b"}]}}"#, accepts: ["\"ab\"", "\"c\""], rejects: ["\"a\"", "\"b\""])
    }

    @Test func conditions() {
        check(
            #"{"type":["string","integer"],"if":{"type":"string"},"then":{"minLength":2},"else":{"minimum":3}}"#,
            accepts: ["\"ab\"", "3"], rejects: ["\"a\"", "2"])
        check(
            #"{"type":"object","properties":{"k":{"enum":["a","b"]},"v":true},"required":["k","v"],"if":{"properties":{"k":{"const":"a"}}},"then":{"properties":{"v":{"type":"integer"}}},"else":{"properties":{"v":{"type":"string"}}}}"#,
            accepts: [#"{"k": "a", "v": 1}"#, #"{"k": "b", "v": "x"}"#], rejects: [#"{"k": "a", "v": "x"}"#, #"{"k": "b", "v": 1}"#])
        check(
            #"{"type":"object","dependentRequired":{"a":["b"]},"properties":{"a":true,"b":true}}"#,
            accepts: ["{}", #"{"b": 1}"#, #"{"a": 1, "b": 2}"#], rejects: [#"{"a": 1}"#])
        check(
            #"{"type":"object","properties":{"a":true,"b":true},"dependentSchemas":{"a":{"properties":{"b":{"type":"integer"}}}}}"#,
            accepts: [#"{"b": "x"}"#, #"{"a": 1, "b": 2}"#], rejects: [#"{"a": 1, "b": "x"}"#])
    }

    @Test func counted() {
        check(
            #"{"type":"array","items":{"type":"integer"},"contains":{"minimum":5},"maxContains":2}"#,
            accepts: ["[5]", "[1, 9, 2, 7]"], rejects: ["[]", "[1]", "[5, 6, 7]"])
        check(
            #"{"type":"object","minProperties":2,"maxProperties":3,"properties":{"a":true,"b":true,"c":true,"d":true},"additionalProperties":false}"#,
            accepts: [#"{"a": 1, "d": 2}"#, #"{"b": 1, "c": 2, "d": 3}"#], rejects: ["{}", #"{"a": 1}"#, #"{"a": 1, "b": 2, "c": 3, "d": 4}"#])
    }

    @Test func unevaluated() {
        check(
            #"{"type":"object","properties":{"a":true},"anyOf":[{"properties":{"b":{"type":"integer"}}},{"properties":{"c":true},"required":["c"]}],"unevaluatedProperties":false}"#,
            accepts: ["{}", #"{"a": 1, "b": 2}"#, #"{"a": 1, "b": 2, "c": 3}"#, #"{"c": 1}"#], rejects: [#"{"d": 1}"#, #"{"b": "x"}"#],
            options: anyOrder)
        check(
            #"{"type":"array","prefixItems":[{"type":"integer"}],"contains":{"type":"string"},"unevaluatedItems":false}"#,
            accepts: ["[1, \"a\"]", "[1, \"a\", \"b\"]"], rejects: ["[1]", "[1, 2]", "[1, \"a\", 2]"])
    }

    @Test func anyOrderOfMembers() {
        let schema =
            #"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"],"additionalProperties":false}"#
        check(
            schema, accepts: [#"{"b": "x", "a": 1}"#, #"{"a": 1, "b": "x"}"#, #"{"b": "x"}"#],
            rejects: ["{}", #"{"a": 1}"#, #"{"b": "x", "b": "y"}"#, #"{"b": "x", "c": 1}"#], options: anyOrder)
        check(schema, accepts: [#"{"a": 1, "b": "x"}"#], rejects: [#"{"b": "x", "a": 1}"#])
    }

    @Test func dynamicReferences() {
        check(
            ##"{"$id":"http://example.com/tree","$dynamicAnchor":"node","type":"object","properties":{"v":{"type":"integer"},"c":{"type":"array","items":{"$dynamicRef":"#node"}}},"required":["v"],"additionalProperties":false}"##,
            accepts: [#"{"v": 1, "c": [{"v": 2}]}"#], rejects: [#"{"v": 1, "c": [{}]}"#])
    }

    private func check(
        _ schema: String, accepts good: [String], rejects bad: [String] = [], options: SchemaOptions = SchemaOptions(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        GrammarTests.check(schema, options, accepts: good, rejects: bad, sourceLocation: sourceLocation)
    }
}
