// Type signatures: the card's rules, one row each, and the template's macro as their twin.
import Chat
import JSON
import TestSupport
import Testing

@testable import Tools

@Suite struct TypeSignatureTests {
    @Test(arguments: [
        (#"{"type": "string"}"#, "string"),
        (#"{"type": "integer", "minimum": 1, "multipleOf": 3}"#, "int"),
        (#"{"type": "boolean"}"#, "bool"),
        (#"{"type": "number"}"#, "number"),
        (#"{"type": "null"}"#, "null"),
        (#"{"type": "object"}"#, "object"),
        (#"{"type": "array"}"#, "any[]"),
        (#"{}"#, "any"),
        (#"true"#, "any"),
        (#"{"enum": ["paid", "open", 3, null, {"a": 1}]}"#, #""paid" | "open" | 3 | null | {"a": 1}"#),
        (#"{"type": "string", "enum": ["café"]}"#, #""café""#),
        (#"{"const": "x"}"#, #""x""#),
        (#"{"type": ["string", "null"]}"#, "string | null"),
        (#"{"type": ["integer", "boolean"]}"#, "int | bool"),
        (#"{"type": ["integer"]}"#, "int"),
        (#"{"anyOf": [{"type": "string"}, {"type": "integer"}]}"#, "string | int"),
        (#"{"oneOf": [{"const": 1}, {"type": "null"}]}"#, "1 | null"),
        (#"{"type": "array", "items": {"type": "string"}}"#, "string[]"),
        (#"{"type": "array", "items": {"type": ["string", "null"]}}"#, "(string | null)[]"),
        (#"{"type": "array", "items": {"enum": ["a", "b"]}}"#, #"("a" | "b")[]"#),
        (#"{"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}"#, "int[][]"),
        (
            #"{"type": "array", "items": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}}"#,
            "{a: string | null}[]"
        ),
        // A union that begins with an object is no object.
        (
            #"{"type": "array", "items": {"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, {"type": "null"}]}}"#,
            "({a: string} | null)[]"
        ),
        (
            #"{"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}, "required": ["a"]}"#,
            "{b?: string, a: int}"
        ),
        (#"{"type": ["object", "null"], "properties": {"b": {"type": "string"}}}"#, "{b?: string} | null"),
        (#"{"properties": {"b": {"type": "string"}}}"#, "{b?: string}"),
        (
            #"{"type": "object", "properties": {"a": {"type": "number", "description": "with tax"}}, "required": ["a"]}"#,
            "{a: number /* with tax */}"
        ),
        // Nothing in a description can end its comment or its line.
        (
            #"{"type": "object", "properties": {"a": {"type": "number", "description": " one\n two */ {b: *//\u0007x "}}, "required": ["a"]}"#,
            "{a: number /* one two * / {b: * // x */}"
        ),
        (#"{"type": "object", "properties": {"a": {"description": " \n "}}, "required": ["a"]}"#, "{a: any}"),
        (
            #"{"type": "object", "properties": {"a b": {}, "größe": {}, "x: y}": {}, "": {}}}"#,
            #"{"a b"?: any, größe?: any, "x: y}"?: any, ""?: any}"#
        ),
        // References.
        (
            ##"{"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}}, "required": ["v"]}}}"##,
            "{v: int, next?: any}"
        ),
        (##"{"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]}"##, "{again: any}"),
        (
            ##"{"type": "object", "properties": {"a": {"$ref": "#/$defs/t"}, "b": {"$ref": "#/$defs/t"}}, "$defs": {"t": {"type": "string"}}}"##,
            "{a?: string, b?: string}"
        ),
        (##"{"type": "array", "items": {"$ref": "#word"}, "$defs": {"w": {"$anchor": "word", "enum": [1, 2]}}}"##, "(1 | 2)[]"),
        (##"{"$ref": "#/$defs/a%20b", "$defs": {"a b": {"type": "null"}}}"##, "null"),
        (##"{"$ref": "#/$defs/nowhere"}"##, "any"),
        (##"{"$ref": "https://example.com/x"}"##, "any"),
        // A reference is read against the identifier of the schema that it stands in, and an anchor belongs to its own.
        (
            ##"{"$id": "https://a/root", "items": {"$id": "part", "items": {"$ref": "#/$defs/t"}, "$defs": {"t": {"type": "string"}}}, "$defs": {"t": {"type": "integer"}}}"##,
            "string[][]"
        ),
        (
            ##"{"items": {"$ref": "https://a/part#t"}, "$defs": {"o": {"$anchor": "t", "type": "null"}, "p": {"$id": "https://a/part", "$defs": {"i": {"$anchor": "t", "type": "boolean"}}}}}"##,
            "bool[]"
        ),
        // allOf adds its properties.
        (
            ##"{"allOf": [{"$ref": "#/$defs/base"}], "properties": {"b": {"type": "integer"}}, "required": ["b"], "$defs": {"base": {"properties": {"a": {"type": "string"}}, "required": ["a"]}}}"##,
            "{a: string, b: int}"
        ),
        (#"{"allOf": [{"type": "string"}]}"#, "string"),
    ])
    func signature(schema: String, expected: String) throws {
        #expect(typeSignature(of: try JSONValue(parsing: schema)) == expected)
    }

    @Test func cardExample() throws {
        let schema = try JSONValue(
            parsing: #"""
                {"type": "object", "properties": {"customer": {"type": "string"},
                 "items": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
                  "required": ["name", "quantity"], "additionalProperties": false}, "maxItems": 9},
                 "total": {"type": "number", "description": "with tax"}, "currency": {"type": "string", "enum": ["USD", "EUR"]},
                 "note": {"type": "string"}, "phone": {"type": ["string", "null"], "pattern": "^[0-9]+$"}},
                 "required": ["customer", "items", "total", "currency", "phone"], "additionalProperties": false}
                """#)
        #expect(
            typeSignature(of: schema)
                == #"{customer: string, items: {name: string, quantity: int}[], total: number /* with tax */, currency: "USD" | "EUR", note?: string, phone: string | null}"#
        )
    }

    /// References that multiply: 2^40 nodes when written out.
    @Test func multiplyingReferencesStayBounded() throws {
        var definitions = JSONObject()
        for level in 0..<40 {
            let next: JSONValue = level == 39 ? ["type": "string"] : ["$ref": .string("#/$defs/l\(level + 1)")]
            definitions["l\(level)"] = ["type": "object", "properties": ["a": next, "b": next]]
        }
        let signature = TypeSignature(of: ["$ref": "#/$defs/l0", "$defs": .object(definitions)], maximumBytes: 10_000)
        #expect(signature.isAbridged)
        #expect(signature.text.utf8.count < 40_000)
    }

    @Test func depthStaysBounded() {
        var schema: JSONValue = ["type": "string"]
        for _ in 0..<200 { schema = ["type": "array", "items": schema] }
        let signature = TypeSignature(of: schema, maximumBytes: 10_000)
        #expect(signature.isAbridged)
    }

    /// The template shows a tool's parameters by the same rules: over every tool of the evaluation rows the two agree.
    @Test func agreesWithTheTemplate() throws {
        let template = try ChatTemplate(source: try Fixtures.text("models/breeze/chat_template.jinja"), specialTokens: [])
        var seen = Set<String>()
        for line in try Fixtures.text("models/breeze/eval.jsonl").split(separator: "\n") {
            for tool in try JSONValue(parsing: String(line))["tools"]?.arrayValue ?? [] {
                guard let function = tool["function"], let name = function["name"]?.stringValue, let schema = function["parameters"],
                    seen.insert(function.text()).inserted
                else { continue }
                let description = function["description"]?.stringValue ?? ""
                let shown = try template.render(
                    messages: [.user("x")], tools: [ToolSpec(name: name, description: description, inputSchema: schema)],
                    addGenerationPrompt: false)
                let signature = typeSignature(of: schema).dropFirst().dropLast()
                let line = "\n\(name)(\(signature))" + (description.isEmpty ? "" : ": \(description)") + "<|im_end|>"
                #expect(shown.contains(line), "\(line) in \(shown)")
            }
        }
        #expect(seen.count > 50)
    }
}
