// The tools over the embedded model: the whole way from arguments to a checked result, on trained weights.
import Chat
import Embedded
import Engine
import Grammar
import JSON
import MCP
import TestSupport
import Testing

@testable import Tools

/// The embedded model, loaded once for all tests of the suite.
private let embedded = Task { () throws -> LocalChatModel in
    var files: [(name: String, bytes: UnsafeRawBufferPointer)] = []
    var entry = sirocco_embedded_model()!
    while let name = entry.pointee.name {
        files.append((String(cString: name), UnsafeRawBufferPointer(start: entry.pointee.bytes, count: entry.pointee.count)))
        entry += 1
    }
    let source = try ModelSource(embedded: EmbeddedFiles(name: "breeze", files: files))
    return try LocalChatModel(source: source, engine: LLMEngine(model: try Model.load(source)), tokenizer: source.makeTokenizer())
}

@Suite struct EmbeddedModelTests {
    static let order =
        "Hello, this is Sarah Connor from Los Angeles. I would like to order 12 desk lamps, please. You can reach me at sarah@example.com."
    static let schema: JSONValue = [
        "type": "object",
        "properties": [
            "name": ["type": "string"], "city": ["type": "string"], "product": ["type": "string"], "quantity": ["type": "integer"],
            "email": ["type": "string"],
        ],
        "required": ["name", "city", "product", "quantity", "email"], "additionalProperties": false,
    ]

    /// Over the first rows of the evaluation: as many right as the card leads to expect (90 % for this pattern), keys in order, progress rising.
    @Test func extracts() async throws {
        let all = try tools(over: await embedded.value)
        let rows = try Fixtures.text("models/breeze/eval.jsonl").split(separator: "\n").lazy.map { try JSONValue(parsing: String($0)) }
            .filter { $0["kind"] == "extract" && $0["source"] == "extraction" }.prefix(10)
        var exact = 0
        for row in rows {
            let log = ProgressLog()
            let schema = try #require(row["schema"])
            let arguments: JSONValue = ["text": row["text"] ?? nil, "schema": schema]
            let result = try await all.run("extract", arguments: arguments, context: log.context)
            let data = try #require(result["data"])
            #expect(data.objectValue?.keys == schema["properties"]?.objectValue?.keys.filter { data[$0] != nil })
            #expect(zip(log.reports, log.reports.dropFirst()).allSatisfy { $0.value < $1.value } && log.reports.count > 3)
            if row["expected"]?.isEquivalent(to: data) == true { exact += 1 }
        }
        #expect(rows.count == 10 && exact >= 8, "\(exact) of \(rows.count)")
    }

    /// Every budget from the least that can suffice upwards: the answer is whole and valid, and says whether it was led there; below, an
    /// explanation that names the least.
    @Test(
        arguments: [
            schema,
            ["type": "object", "properties": ["city": ["type": "string"], "email": ["type": "string", "format": "email"]], "required": ["email"]],
            [
                "type": "object",
                "properties": [
                    "items": [
                        "type": "array", "items": ["type": "object", "properties": ["n": ["type": "integer"]], "required": ["n"]], "minItems": 1,
                    ],
                    "kind": ["enum": ["an order of many things", "other"]],
                ], "required": ["items", "kind"], "additionalProperties": false,
            ],
        ] as [JSONValue]) func everyBudgetEndsInAValidAnswer(schema: JSONValue) async throws
    {
        let all = try tools(over: await embedded.value)
        let validator = try InstanceValidator(schema: schema)
        func arguments(_ tokens: Int) -> JSONValue {
            ["text": .string(Self.order), "schema": schema, "max_output_tokens": JSONValue(tokens)]
        }
        guard case .budgetTooSmall(let least?, limit: 1, isContext: false)? = await failure(all, "extract", arguments(1)) else {
            Issue.record("a budget of one token was not refused")
            return
        }
        #expect(await failure(all, "extract", arguments(least - 1)) == .budgetTooSmall(minimum: least, limit: least - 1, isContext: false))
        let free = try await all.run("extract", arguments: arguments(200))
        let natural = try #require(free["usage"]?["output_tokens"]?.intValue)
        for budget in least...(max(natural, least) + 2) {
            let result = try await all.run("extract", arguments: arguments(budget))
            let data = try #require(result["data"])
            #expect(validator.validate(data).isEmpty, "budget \(budget): \(data)")
            #expect(result["usage"]?["output_tokens"]?.intValue ?? .max <= budget)
            let isFree = data == free["data"] && result["shortened"] == nil
            #expect(isFree == (budget >= natural), "budget \(budget) of \(natural): \(result)")
        }
    }

    /// What cannot end within its budget is refused before anything is generated, with what the shortest answer takes.
    @Test(
        arguments: [
            (#"{"type": "array", "items": {"type": "null"}, "minItems": 1000}"#, nil), (#"{"type": "string", "minLength": 100000}"#, 100_002),
            (#"{"type": "array", "items": {"type": "null"}, "minItems": 5000}"#, 30_000),
            (#"{"type": "array", "items": {"type": "null"}, "minItems": 300000000}"#, 1 << 28),
            (#"{"type": "object", "properties": {"a": {"type": "string", "minLength": 9000000}}, "required": ["a"]}"#, 9_000_009),
        ] as [(String, Int?)]) func whatCannotEndIsRefused(schema: String, bytes: Int?) async throws
    {
        let all = try tools(over: await embedded.value)
        for (tool, input) in [("extract", "text"), ("generate", "prompt")] {
            let arguments: JSONObject = [input: "Ada", "schema": try JSONValue(parsing: schema), "max_output_tokens": 100]
            let refusal = try #require(await failure(all, tool, .object(arguments)))
            switch refusal {
            case .budgetTooSmall(let least?, limit: 100, isContext: false):
                #expect(bytes == nil && least > 1_000 && refusal.description.contains("takes \(least) tokens, and max_output_tokens allows 100"))
            case .answerTooLong(let about, let tokens, limit: 100, isContext: false):
                #expect(about == bytes && tokens > 100 && refusal.description.contains("about \(about) bytes or more"))
            default: Issue.record("\(tool): \(refusal)")
            }
        }
    }

    /// A keyword without an exact grammar: refused, or left to the validator, which lets nothing pass that violates it.
    @Test func relaxed() async throws {
        let all = try tools(over: await embedded.value)
        func order(_ quantity: JSONValue, relax: Bool) -> JSONValue {
            let schema: JSONValue = [
                "type": "object", "properties": ["product": ["type": "string"], "quantity": quantity], "required": ["product", "quantity"],
                "additionalProperties": false,
            ]
            return ["text": .string(Self.order), "schema": schema, "relax": .bool(relax)]
        }
        let (multiple, other): (JSONValue, JSONValue) = (
            ["type": "integer", "multipleOf": 999_983], ["type": "integer", "not": ["multipleOf": 999_983]]
        )
        guard case .unsupportedSchema("schema", let reason)? = await failure(all, "extract", order(multiple, relax: false)) else {
            Issue.record("not refused")
            return
        }
        #expect(reason.contains("/properties/quantity/multipleOf"))
        let result = try await all.run("extract", arguments: order(other, relax: true))
        #expect(result["data"]?["quantity"]?.intValue.map { $0 % 999_983 != 0 } == true, "\(result)")
        #expect(result["relaxed"]?.arrayValue?.map { $0["pointer"] } == ["/properties/quantity/not/multipleOf"])
        guard case .violation(let faults, _, attempts: 4)? = await failure(all, "extract", order(multiple, relax: true)) else {
            Issue.record("an answer that violates the schema was passed off as valid")
            return
        }
        #expect(faults.first?.contains("/quantity") == true)
    }

    @Test(
        arguments: [
            (["grammar": "start: \"ask \" NAME\nNAME: /[A-Z][a-z]{2,8}/", "grammar_syntax": "lark"], "ask [A-Z][a-z]{2,8}"),
            (["grammar": "root ::= [0-9]{3}", "grammar_syntax": "gbnf"], "[0-9]{3}"), (["choices": ["yes", "no way"]], "yes|no way"),
        ] as [(JSONObject, String)])
    func generatesWhatAGrammarAllows(form: JSONObject, pattern: String) async throws {
        var arguments = form
        arguments["prompt"] = "Whom shall I ask?"
        let result = try await tools(over: embedded.value).run("generate", arguments: .object(arguments))
        #expect(try result["text"]?.stringValue?.wholeMatch(of: Regex(pattern)) != nil, "\(result)")
    }

    @Test func aTextBeyondTheContextIsExplained() async throws {
        let found = await failure(
            try tools(over: try await embedded.value), "extract",
            ["text": .string(String(repeating: Self.order, count: 40)), "schema": Self.schema])
        guard case .model(let reason)? = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(reason.contains("context"))
    }

    @Test(arguments: [
        ("I was charged twice on my invoice.", "billing"), ("I cannot sign in to my account, the password is wrong.", "login"),
    ])
    func classifies(text: String, expected: String) async throws {
        let labels: JSONValue = ["billing", "shipping", "login"]
        let result = try await tools(over: embedded.value).run("classify", arguments: ["text": .string(text), "labels": labels])
        #expect(result["label"]?.stringValue == expected)
        let sum = result["scores"]?.arrayValue?.compactMap { $0["probability"]?.doubleValue }.reduce(0, +) ?? 0
        #expect(abs(sum - 1) < 1e-6)
        let many = try await tools(over: embedded.value).run(
            "classify", arguments: ["text": .string(text), "labels": labels, "multi": true])
        #expect(many["labels"]?.arrayValue?.contains(.string(expected)) == true)
    }

    @Test func generatesWhatARegularExpressionAllows() async throws {
        let result = try await tools(over: embedded.value).run(
            "generate",
            arguments: ["prompt": "What is your phone number?", "regex": "\\+49 [1-9][0-9]{2} [0-9]{4}", "temperature": 1, "seed": 7])
        let text = try #require(result["text"]?.stringValue)
        #expect(text.wholeMatch(of: /\+49 [1-9][0-9]{2} [0-9]{4}/) != nil, "\(text)")
        let again = try await tools(over: embedded.value).run(
            "generate",
            arguments: ["prompt": "What is your phone number?", "regex": "\\+49 [1-9][0-9]{2} [0-9]{4}", "temperature": 1, "seed": 7])
        #expect(again["text"]?.stringValue == text)
    }

    @Test func aToolOfTheUsersOwn() async throws {
        let file = #"""
            {"name": "contact", "description": "Finds who writes", "prompt": "{{mail}}",
             "inputSchema": {"type": "object", "properties": {"mail": {"type": "string"}}, "required": ["mail"]},
             "outputSchema": {"type": "object", "properties": {"email": {"type": "string"}}, "required": ["email"], "additionalProperties": false}}
            """#
        let tool = try ToolFile(parsing: Array(file.utf8), file: "contact.tool.json")
        let all = try WorkTools(provider: ScriptedProvider(try await embedded.value), toolFiles: [tool])
        #expect(
            try await all.run("contact", arguments: ["mail": "Please write to jane.roe@example.com."]) == ["email": "jane.roe@example.com"])
    }
}
