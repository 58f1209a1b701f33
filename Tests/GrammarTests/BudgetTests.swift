// Small inputs whose work would multiply without end: each ends at a limit, by name and place, and never with a wrong verdict.
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct BudgetTests {
    private func refusal(_ schema: String) -> GrammarError? {
        do {
            _ = try Rules(jsonSchema: json(schema))
            return nil
        } catch {
            return error as? GrammarError
        }
    }

    /// Definitions d0 … each of which refers to the next one twice.
    private func doubling(_ levels: Int, last: String) -> String {
        let levels = (0..<levels).map { "\"d\($0)\":{\"allOf\":[{\"$ref\":\"#/$defs/d\($0 + 1)\"},{\"$ref\":\"#/$defs/d\($0 + 1)\"}]}" }
        return "{\(levels.joined(separator: ",")),\"d\(levels.count)\":\(last)}"
    }

    /// Exponents at the ends of what an integer holds.
    @Test(arguments: ["-9223372036854775808", "-9223372036854775807", "9223372036854775807", "-9223372036854775809", "1073741825"])
    func extremeExponents(exponent: String) {
        for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            let error = refusal(#"{"type":"number","\#(keyword)":1e\#(exponent)}"#)
            #expect(error.map { "\($0)" }?.contains(keyword) == true, "\(String(describing: error))")
        }
        #expect(refusal(#"{"type":"number","minimum":0e\#(exponent)}"#) == nil)
    }

    /// 2^30 visits of one small subschema: an error, in words, and never a pass.
    @Test func doublingReferencesEndValidation() throws {
        let definitions = doubling(30, last: #"{"type":"null"}"#)
        for schema in [
            "{\"$ref\":\"#/$defs/d0\",\"$defs\":\(definitions)}",
            // What `not` excludes was never finished: that is no proof that it does not match.
            "{\"not\":{\"$ref\":\"#/$defs/d0\"},\"$defs\":\(definitions)}",
            "{\"anyOf\":[{\"$ref\":\"#/$defs/d0\"},true],\"$defs\":\(definitions)}",
            "{\"if\":{\"$ref\":\"#/$defs/d0\"},\"then\":true,\"$defs\":\(definitions)}",
        ] {
            let failures = try InstanceValidator(schema: json(schema)).validate(.null)
            #expect(failures.count == 1)
            #expect(failures.first?.sentence.contains("steps of validation") == true, "\(failures)")
        }
    }

    /// The same where an enumeration makes compilation validate.
    @Test func doublingReferencesEndCompilation() {
        let error = refusal("{\"enum\":[null,1],\"$ref\":\"#/$defs/d0\",\"$defs\":\(doubling(30, last: #"{"type":"null"}"#))}")
        guard case .tooLarge("steps of validation", _, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// 2^40 combinations of branches, none of which comes to anything.
    @Test func deadBranchesCount() {
        let pairs = (0..<40).map { "{\"anyOf\":[{\"required\":[\"a\($0)\"]},{\"required\":[\"b\($0)\"]}]}" } + [#"{"anyOf":[false,false]}"#]
        let error = refusal("{\"type\":\"object\",\"allOf\":[\(pairs.joined(separator: ","))]}")
        guard case .unsatisfiable? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let square = Array(repeating: #"{"type":"null"}"#, count: 3_000).joined(separator: ",")
        let product = refusal("{\"anyOf\":[\(square)],\"oneOf\":[true]}")
        #expect(product == nil || "\(product!)".contains("too large"))
    }

    /// A long pattern is refused at its place, by the grammar and by the validator alike.
    @Test func longPatterns() {
        let pattern = String(repeating: "x?", count: 60_000) + "$"
        for (schema, place) in [
            (#"{"type":"object","properties":{"a":{"type":"string","pattern":"\#(pattern)"}}}"#, "/properties/a/pattern")
        ] {
            let error = refusal(schema)
            #expect(error == .tooLarge(what: "bytes of a regular expression", limit: 8 << 10, pointer: JSONPointer(parsing: place)!))
            #expect(throws: GrammarError.tooLarge(what: "bytes of a regular expression", limit: 8 << 10, pointer: JSONPointer(parsing: place)!)) {
                try InstanceValidator(schema: json(schema))
            }
        }
        #expect(throws: GrammarError.tooLarge(what: "bytes of a regular expression", limit: 8 << 10, pointer: JSONPointer())) {
            try Rules(regex: pattern)
        }
    }

    /// Optional parts with assertions multiply even in a short pattern.
    @Test func multiplyingAssertions() {
        let pattern = String(repeating: "(^|$)", count: 1_600)
        let error = refusal(#"{"type":"string","pattern":"\#(pattern)"}"#)
        guard case .tooLarge("nodes of a regular expression", _, let pointer)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(pointer.description == "/pattern")
    }

    /// Validator and grammar refuse the same formats.
    @Test(arguments: ["idn-hostname", "regex"])
    func refusedFormats(format: String) {
        let schema = #"{"type":"string","format":"\#(format)"}"#
        #expect(refusal(schema).map { "\($0)" }?.contains("/format") == true)
        #expect(throws: GrammarError.self) { try InstanceValidator(schema: json(schema)) }
    }

    /// Equal items are found in one pass, however the numbers are spelled.
    @Test func uniqueItems() throws {
        let validator = try InstanceValidator(schema: json(#"{"uniqueItems":true}"#))
        #expect(validator.validate(.array((0..<20_000).map { JSONValue($0) })).isEmpty)
        #expect(validator.validate(try json(#"[{"a":1,"b":2},3,{"b":2.0,"a":1}]"#)).first?.sentence == "items 0 and 2 are equal")
        #expect(validator.validate(try json(#"[1,true,"1",[1],"true",0,-1,false]"#)).isEmpty)
    }
}
