// Every keyword by a table of documents.
import Grammar
import JSON
import Testing

@Suite struct SchemaTableTests {
    @Test func types() {
        check(#"{"type": "integer"}"#, accepts: ["0", "-1", "42"], rejects: ["1.5", "\"1\"", "01", "+1", "", "1.", "-0"])
        check(#"{"type": "number"}"#, accepts: ["0", "-1.5", "1e5", "2E-3", "-0.0"], rejects: [".5", "1.", "NaN", "true", "1e1234"])
        check(#"{"type": "boolean"}"#, accepts: ["true", "false"], rejects: ["True", "1", "tru"])
        check(#"{"type": "null"}"#, accepts: ["null"], rejects: ["nul", "None"])
        check(#"{"type": ["string", "null"]}"#, accepts: ["\"a\"", "null"], rejects: ["1"])
        check(#"{"type": "array"}"#, accepts: ["[]", "[1, \"a\", [true]]"], rejects: ["[1,2]", "[ ]", "{}", "[1, ]"])
        check(#"{"type": "object"}"#, accepts: ["{}", #"{"a": 1, "b": {"c": []}}"#], rejects: [#"{"a":1}"#, "[]", #"{"a": 1,}"#])
        check("true", accepts: ["1", "[{}]", "null"], rejects: ["x"])
        check("{}", accepts: ["1", "{}", "\"\""])
        refuses("false", "nothing can satisfy")
        refuses(#"{"type": "strin"}"#, "/type")
    }

    @Test func strings() {
        let string = #"{"type": "string"}"#
        check(
            string, accepts: [#""""#, #""é🙂""#, #""\n\t\"\\\/\b\f\r""#, #""\u00e9\uD83D\ude42""#, "\"\u{7F}\"", "\"'`\""],
            rejects: ["\"a", "\"\n\"", #""\x""#, #""\ud83d""#, #""\ude42""#, #""\ud83d\u0041""#, #""\u12""#, "'a'", "\"\u{01}\""])
        check(
            #"{"type": "string", "minLength": 2, "maxLength": 3}"#, accepts: ["\"ab\"", "\"日本語\"", #""\ud83d\ude42🙂\n""#],
            rejects: ["\"a\"", "\"abcd\"", "\"🙂\""])
        check(#"{"type": "string", "maxLength": 100000}"#, accepts: ["\"\"", "\"" + String(repeating: "x", count: 5_000) + "\""])
        check(#"{"type": "string", "pattern": "^[a-z]+$"}"#, accepts: ["\"abc\"", #""\u0061b""#], rejects: ["\"\"", "\"aB\""])
        check(#"{"type": "string", "pattern": "b+"}"#, accepts: ["\"abc\"", "\"b\""], rejects: ["\"ac\"", "\"\""])
        check(#"{"type": "string", "pattern": "^a|b$"}"#, accepts: ["\"ax\"", "\"xb\""], rejects: ["\"xa\"", "\"bx\""])
        check(
            #"{"type": "string", "pattern": "^a*$", "minLength": 2, "maxLength": 4}"#, accepts: ["\"aa\"", "\"aaaa\""],
            rejects: ["\"a\"", "\"aaaaa\"", "\"ab\""])
        check(
            #"{"type": "string", "pattern": "^(ab)*$", "minLength": 3, "maxLength": 5}"#, accepts: ["\"abab\""],
            rejects: ["\"ab\"", "\"ababab\"", "\"aba\""])
        check(#"{"type": "string", "pattern": "^\"$"}"#, accepts: [#""\"""#, #""\u0022""#], rejects: ["\"a\""])
        check(
            #"{"type": "string", "pattern": "^[0-9]*$", "minLength": 5000}"#, accepts: ["\"" + String(repeating: "7", count: 5_000) + "\""],
            rejects: ["\"7\""])
        check(#"{"type": "string", "pattern": "^(?!@@)[@a-z]+$"}"#, accepts: ["\"@a\"", "\"a@@\"", "\"x\""], rejects: ["\"@@a\"", "\"@@\"", "\"\""])
        check(#"{"type": "string", "pattern": "^(?!pattern$).*$"}"#, accepts: ["\"patterns\"", "\"\"", "\"a\""], rejects: ["\"pattern\""])
        check(#"{"type": "string", "pattern": "a(?=b)"}"#, accepts: ["\"ab\"", "\"xaab\""], rejects: ["\"a\"", "\"aca\"", "\"b\""])
        check(
            #"{"type": "string", "pattern": "^(?=.*[0-9])(?=.*[a-z]).{3,5}$"}"#, accepts: ["\"ab1\"", "\"1a234\""],
            rejects: ["\"abc\"", "\"a1\"", "\"123\""])
        check(
            #"{"type": "string", "pattern": "^(?:(?!ab).){3}$"}"#, accepts: ["\"axb\"", "\"xyz\""],
            rejects: ["\"aab\"", "\"abx\"", "\"xab\"", "\"ab\""])
        check(#"{"type": "string", "pattern": "(?!a)^b"}"#, accepts: ["\"b\"", "\"ba\""], rejects: ["\"ab\""])
        check(#"{"type": "string", "pattern": "^(?:a|(?!c)[b-d])$"}"#, accepts: ["\"a\"", "\"b\"", "\"d\""], rejects: ["\"c\"", "\"ab\""])
        check(#"{"type": "string", "not": {"pattern": "^(?!a)"}}"#, accepts: ["\"a\"", "\"ab\""], rejects: ["\"b\"", "\"\""])
        refuses(#"{"type": "string", "pattern": "^(?:(?!ab).)*$"}"#, "look-ahead in a repetition")
        refuses(#"{"type": "string", "pattern": "(?<=a)b"}"#, "look-behind")
        refuses(#"{"type": "string", "pattern": "(a)\\1"}"#, "back-references")
        refuses(#"{"type": "string", "pattern": "^a$", "minLength": 2}"#, "nothing can satisfy")
        refuses(#"{"type": "string", "minLength": 3, "maxLength": 2}"#, "nothing can satisfy")
    }

    @Test func numbers() {
        check(
            #"{"type": "integer", "minimum": -5, "maximum": 120}"#, accepts: ["-5", "0", "9", "99", "120", "-1"],
            rejects: ["-6", "121", "1000", "-10"])
        check(#"{"type": "integer", "exclusiveMinimum": 0}"#, accepts: ["1", "10"], rejects: ["0", "-1"])
        check(
            #"{"type": "integer", "allOf": [{"multipleOf": 5}, {"multipleOf": 12}, {"multipleOf": 7}], "not": {"multipleOf": 9}}"#,
            accepts: ["420", "-840", "42000000000"], rejects: ["0", "1260", "421", "210", "60"])
        check(
            #"{"type": "number", "multipleOf": 2.5, "not": {"multipleOf": 4}}"#, accepts: ["2.5", "2.50", "-7.5", "10", "1000000000002.5"],
            rejects: ["0", "20", "1.25", "2.55", "40.0", "3"])
        check(
            #"{"type": "number", "not": {"multipleOf": 0.5}}"#, accepts: ["0.25", "1.1", "-3.75", "2.501"],
            rejects: ["0.5", "1", "-2.0", "0", "2.50"])
        check(
            #"{"type": "number", "multipleOf": 33, "exclusiveMinimum": -300, "maximum": 66, "not": {"multipleOf": 2}}"#,
            accepts: ["33", "-33.0", "-297", "-99"], rejects: ["0", "66", "99", "-330", "-300", "34", "-363"])
        refuses(#"{"type": "number", "multipleOf": 4, "not": {"multipleOf": 2}}"#, "nothing can satisfy")
        refuses(#"{"type": "number", "multipleOf": 7, "minimum": 8, "exclusiveMaximum": 14}"#, "nothing can satisfy")
        check(
            #"{"type": "number", "minimum": 0.5, "maximum": 10.25}"#,
            accepts: ["0.5", "0.50", "0.75", "1", "10", "10.25", "10.2", "9.999"],
            rejects: ["0.49", "0", "10.26", "10.251", "11", "-1", "100", "1e0"])
        check(
            #"{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}"#, accepts: ["0.1", "0.999", "0.001"],
            rejects: ["0", "0.0", "1", "1.0", "-0.5"])
        check(
            #"{"type": "number", "minimum": -1.5, "maximum": -0.5}"#, accepts: ["-1.5", "-1", "-0.5", "-0.75"],
            rejects: ["-1.51", "-0.4", "0", "1"])
        check(#"{"type": "integer", "multipleOf": 7}"#, accepts: ["0", "7", "-14", "49"], rejects: ["1", "48"])
        check(#"{"type": "number", "multipleOf": 0.01}"#, accepts: ["0.25", "1", "3.10", "-2.5", "1.000"], rejects: ["0.251", "1.001"])
        check(
            #"{"type": "integer", "minimum": 10, "maximum": 20, "multipleOf": 4}"#, accepts: ["12", "16", "20"], rejects: ["8", "10", "24"])
        check(#"{"minimum": 1e300, "type": "integer"}"#, accepts: ["1" + String(repeating: "0", count: 300)], rejects: ["5"])
        refuses(#"{"type": "integer", "minimum": 11, "maximum": 12, "multipleOf": 5}"#, "nothing can satisfy")
        refuses(#"{"type": "integer", "multipleOf": 999983}"#, "/multipleOf")
    }

    @Test func objects() {
        let person =
            #"{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name"],"additionalProperties":false}"#
        check(
            person, accepts: [#"{"name": "A", "age": 3}"#, #"{"name": "A"}"#],
            rejects: ["{}", #"{"age": 3}"#, #"{"age": 3, "name": "A"}"#, #"{"name": "A", "x": 1}"#, #"{"name": "A", }"#])
        check(#"{"type":"object","properties":{}}"#, accepts: ["{}", #"{"a": 1}"#])
        check(
            #"{"type":"object","properties":{"a":{"type":"integer"}}}"#, accepts: [#"{"a": 1}"#, #"{"b": "x"}"#, #"{"a": 1, "b": "x"}"#],
            rejects: [#"{"a": "x"}"#, #"{"\u0061": "x"}"#, #"{"b": 1, "a": 1}"#])
        check(
            #"{"type":"object","additionalProperties":{"type":"integer"}}"#,
            accepts: ["{}", #"{"a": 1, "b": 2}"#, #"{"a": 1, "aa": 2, "A": 3}"#],
            rejects: [#"{"a": "x"}"#, #"{"a": 1, "a": 2}"#, #"{"a": 1, "b": 2, "\u0061": 2}"#])
        check(#"{"type":"object","required":["z"]}"#, accepts: [#"{"z": 1}"#, #"{"z": 1, "a": 2}"#], rejects: ["{}", #"{"a": 1}"#])
        check(
            #"{"type":"object","properties":{"a":true,"b":true,"c":true},"additionalProperties":false,"minProperties":1}"#,
            accepts: [#"{"b": 1}"#, #"{"a": 1, "c": 1}"#], rejects: ["{}"])
        check(
            #"{"type":"object","patternProperties":{"^n_":{"type":"integer"}},"additionalProperties":false}"#,
            accepts: ["{}", #"{"n_a": 1}"#], rejects: [#"{"n_a": "x"}"#, #"{"b": 1}"#])
        check(#"{"type":"object","propertyNames":{"maxLength":2}}"#, accepts: [#"{"ab": 1}"#], rejects: [#"{"abc": 1}"#])
        refuses(#"{"type":"object","properties":{"a":false},"required":["a"]}"#, "nothing can satisfy")
    }

    @Test func arrays() {
        check(
            #"{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}"#, accepts: ["[1]", "[1, 2, 3]"],
            rejects: ["[]", "[1, 2, 3, 4]", "[\"a\"]"])
        check(
            #"{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false}"#, accepts: ["[]", "[1]", "[1, \"a\"]"],
            rejects: ["[1, \"a\", 2]", "[\"a\"]"])
        check(
            #"{"type":"array","prefixItems":[{"type":"integer"}],"items":{"type":"string"},"minItems":2,"maxItems":3}"#,
            accepts: ["[1, \"a\"]", "[1, \"a\", \"b\"]"], rejects: ["[1]", "[1, \"a\", \"b\", \"c\"]", "[1, 2]"])
        let long = "[" + (0..<5_000).map { _ in "1" }.joined(separator: ", ") + "]"
        check(#"{"type":"array","items":{"type":"integer"},"minItems":5000,"maxItems":5000}"#, accepts: [long], rejects: ["[1]"])
        check(#"{"type":"array","contains":{}}"#, accepts: ["[1]"], rejects: ["[]"])
        check(#"{"type":"string","uniqueItems":true}"#, accepts: ["\"a\""])
        refuses(#"{"type":"array","minItems":2,"maxItems":1}"#, "nothing can satisfy")
    }

    @Test func enumerations() {
        check(
            #"{"enum":["a","ab",1,12,null,{"k":[1,2]}]}"#, accepts: ["\"a\"", "\"ab\"", "1", "12", "null", #"{"k": [1, 2]}"#],
            rejects: ["\"b\"", "2", "{}"])
        check(#"{"const":{"a":"é\n"}}"#, accepts: [#"{"a": "é\n"}"#], rejects: [#"{"a": "e"}"#])
        check(#"{"enum":["a",1,2.5],"type":"number","maximum":2}"#, accepts: ["1"], rejects: ["\"a\"", "2.5"])
        check(#"{"enum":["x","yy"],"not":{"const":"x"}}"#, accepts: ["\"yy\""], rejects: ["\"x\""])
        refuses(#"{"enum":["a"],"type":"integer"}"#, "nothing can satisfy")
        let many = (0..<10_000).map { "\"value number \($0)\"" }
        check(
            "{\"enum\":[\(many.joined(separator: ","))]}", accepts: [many[0], many[9_999]],
            rejects: ["\"value\"", "\"value number 10000\""])
    }

    @Test func combinations() {
        check(#"{"anyOf":[{"type":"string"},{"type":"integer"}]}"#, accepts: ["\"a\"", "1"], rejects: ["true", "1.5"])
        check(
            #"{"anyOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false},{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"null"}},"required":["a","b"],"additionalProperties":false}]}"#,
            accepts: [#"{"a": 1}"#, #"{"a": "x", "b": null}"#], rejects: [#"{"a": 1, "b": null}"#, #"{"a": "x"}"#])
        check(#"{"allOf":[{"type":"integer","minimum":3},{"maximum":5}]}"#, accepts: ["3", "5"], rejects: ["2", "6"])
        check(
            #"{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":2},"b":{"type":"string"}}}],"type":"object"}"#,
            accepts: [#"{"a": 2, "b": "x"}"#], rejects: [#"{"a": 1}"#, #"{"b": "x"}"#])
        check(#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#, accepts: ["\"a\"", "null"])
        check(
            #"{"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"}},"required":["kind","x"]},{"type":"object","properties":{"kind":{"const":"b"}},"required":["kind"]}]}"#,
            accepts: [#"{"kind": "a", "x": 1}"#, #"{"kind": "b"}"#], rejects: [#"{"kind": "a"}"#, #"{"kind": "c"}"#])
        check(#"{"oneOf":[{"type":"integer","maximum":3},{"type":"integer","minimum":4}]}"#, accepts: ["3", "4"])
        check(
            #"{"oneOf":[{"type":"string","pattern":"^a"},{"type":"string","pattern":"^b"}]}"#, accepts: ["\"ab\"", "\"b\""],
            rejects: ["\"c\""])
        refuses(#"{"allOf":[{"type":"string"},{"type":"integer"}]}"#, "nothing can satisfy")
    }

    @Test func references() {
        check(
            ##"{"$defs":{"n":{"type":"integer"}},"type":"array","items":{"$ref":"#/$defs/n"}}"##, accepts: ["[1, 2]"], rejects: ["[\"a\"]"])
        check(
            ##"{"type":"object","properties":{"v":{"type":"integer"},"next":{"$ref":"#"}},"required":["v"],"additionalProperties":false}"##,
            accepts: [#"{"v": 1, "next": {"v": 2}}"#], rejects: [#"{"v": 1, "next": {}}"#])
        check(
            ##"{"$defs":{"a/b":{"type":"null"},"c%d":{"type":"boolean"}},"anyOf":[{"$ref":"#/$defs/a~1b"},{"$ref":"#/$defs/c%25d"}]}"##,
            accepts: ["null", "true"], rejects: ["1"])
        check(
            ##"{"$defs":{"x":{"$anchor":"here","type":"string"}},"$ref":"#here","maxLength":1}"##, accepts: ["\"a\""],
            rejects: ["\"ab\"", "1"])
        check(
            ##"{"$id":"http://e.org/root.json","$defs":{"x":{"$id":"sub.json","type":"null"}},"$ref":"sub.json"}"##, accepts: ["null"],
            rejects: ["1"])
        refuses(##"{"$ref":"#"}"##, "refers")
        refuses(##"{"anyOf":[{"$ref":"#"},{"type":"string"}]}"##, "refers")
        refuses(##"{"$ref":"#/$defs/none"}"##, "/$ref")
        refuses(##"{"$ref":"http://example.org/x"}"##, "/$ref")
        refuses(##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##, "nothing can satisfy")
    }

    @Test func separators() {
        let schema = #"{"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}},"b":true}}"#
        check(schema, SchemaOptions(separators: .compact), accepts: [#"{"a":[1,2],"b":{"c":1}}"#], rejects: [#"{"a": [1, 2]}"#])
        check(
            schema, SchemaOptions(separators: .flexible(maxWhitespace: 3)),
            accepts: [#"{"a":[1,2]}"#, "{ \"a\" :\n [ 1 , 2 ] , \"b\":1 }", "{ }"], rejects: [" {}", "{}\n", "{        }"])
    }

    @Test func formats() {
        func format(_ name: String, _ good: [String], _ bad: [String], sourceLocation: SourceLocation = #_sourceLocation) {
            check(
                #"{"type":"string","format":"\#(name)"}"#, accepts: good.map { "\"\($0)\"" }, rejects: bad.map { "\"\($0)\"" },
                sourceLocation: sourceLocation)
        }
        format(
            "date", ["2024-02-29", "2000-02-29", "0000-02-29", "2023-12-31"],
            ["2023-02-29", "1900-02-29", "2023-13-01", "2023-04-31", "23-01-01"])
        format(
            "time", ["08:30:06Z", "23:59:60Z", "08:30:06.28+01:00", "01:59:60+02:00"], ["24:00:00Z", "08:30:06", "22:59:60Z", "8:30:06Z"])
        format(
            "date-time", ["1963-06-19T08:30:06.283185Z", "1990-12-31T15:59:60-08:00"], ["1990-02-31T15:59:59Z", "1963-06-19 08:30:06Z"])
        format("duration", ["P4DT12H30M5S", "P1Y", "PT1M", "P2W"], ["P", "PT", "P1Y2D", "P1WT1H", "1D"])
        format("email", ["joe.bloggs@example.com", "a+b@c"], ["2962", ".test@example.com", "te..st@e.com", "a@-b"])
        format("hostname", ["www.example.com", "a-b.c"], ["-a", "a_b", "a..b", "", String(repeating: "a", count: 64)])
        format("ipv4", ["192.168.0.1", "0.0.0.0"], ["256.1.1.1", "1.2.3", "01.2.3.4"])
        format(
            "ipv6", ["::1", "::", "1:2:3:4:5:6:7:8", "::ffff:192.168.0.1", "1::", "1:2:3:4:5:6:7::", "1:2::7:8", "1:2:3:4:5::1.2.3.4"],
            ["1", ":1", "1:2:3:4:5:6:7:8:9", "12345::", "1::2::3", "1:2:3:4:5:6::1.2.3.4", "::1%eth0"])
        format(
            "uri", ["http://foo.bar/?baz=qux#quux", "urn:oasis:names", "mailto:a@b.c", "http://[::1]:80/"],
            ["//foo.bar", "/abc", "foo", "http:// x", "http://a/%zz"])
        format(
            "uuid", ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], ["2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08aa9811eab4aa73b441d16380"])
        format("unknown-xyz", ["anything"], [])
        refuses(#"{"type":"string","format":"idn-hostname"}"#, "/format")
    }
}
