// sirocco grammar: excerpts, verdicts and lines; the commands as a whole are tried in Tests/Acceptance.
import Grammar
import JSON
import Testing
import Tokens

@testable import sirocco

@Suite struct GrammarCommandTests {
    @Test(arguments: [
        ("abc", 1, 1, 2, "abc", 1), ("a\nbcd", 4, 2, 3, "bcd", 2), ("é!", 2, 1, 2, "é!", 1), ("é!", 1, 1, 1, "é!", 0), ("ab", 2, 1, 3, "ab", 2),
        ("a\tb", 2, 1, 3, "a␉b", 2), ("", 0, 1, 1, "", 0), ("x\n", 2, 2, 1, "", 0),
    ])
    func excerpts(text: String, offset: Int, line: Int, column: Int, shown: String, indentation: Int) {
        let excerpt = Excerpt(Array(text.utf8), at: offset)
        #expect(excerpt.line == line && excerpt.column == column && excerpt.text == shown && excerpt.indentation == indentation)
    }

    @Test func longLinesAreCut() {
        let excerpt = Excerpt([UInt8](repeating: 97, count: 300), at: 200)
        #expect(excerpt.text == "…" + String(repeating: "a", count: 72) + "…" && excerpt.indentation == 49)
    }

    private func verdict(_ schema: JSONValue, _ text: String, relax: Bool = false) throws -> Verdict {
        let options = SchemaOptions(separators: .flexible(maxWhitespace: 8), exactness: relax ? .relax : .exact)
        let grammar = try CompiledGrammar(Rules(jsonSchema: schema, options: options), vocabulary: RandomText.byteVocabulary)
        return Verdict("t", Array(text.utf8), grammar, try InstanceValidator(schema: schema), true, countsTokens: true)
    }

    @Test func verdicts() throws {
        let schema: JSONValue = ["type": "object", "properties": ["a": ["type": "integer", "minimum": 3], "b": true], "required": ["a"]]
        let good = try verdict(schema, " {\n \"a\": 5, \"b\": []}\n")
        #expect(good.isAccepted && good.death == nil && good.text == "t: accepted")
        let low = try verdict(schema, "{\n  \"a\": 2\n}")
        #expect(!low.isAccepted && low.death?.byte == 10 && low.death?.excerpt.line == 2 && low.failures?.count == 1)
        #expect(low.text.contains("rejected at byte 10 (line 2, column 9)") && low.json["byte"] == 10)
        let swapped = try verdict(schema, #"{"b": 1, "a": 4}"#)
        #expect(!swapped.isAccepted && swapped.text.contains("valid under the schema"))
        let short = try verdict(schema, #"{"a": 4"#)
        #expect(short.death?.byte == 7 && short.death?.tokens ?? 0 > 0 && short.failures == nil)
    }

    @Test func relaxedVerdictsAreTheValidators() throws {
        let schema: JSONValue = ["type": "string", "pattern": "^(a*)\\1b$"]
        #expect(throws: GrammarError.self) { try verdict(schema, "\"aab\"") }
    }

    @Test func rows() throws {
        let row = try LineRow(JSONValue(parsing: #"{"schema": true, "tests": [{"data": 1.0, "valid": true}]}"#), place: "f, line 3")
        #expect(row.name == "f, line 3" && row.tests.count == 1)
        #expect(LineRun.spellings(row.tests[0].data) == ["1.0", "1"] && LineRun.spellings(["a"]) == [#"["a"]"#])
        for broken: JSONValue in [[], ["tests": []], ["schema": true, "tests": [["data": 1]]]] {
            #expect(throws: CommandError.self) { try LineRow(broken, place: "p") }
        }
    }

    @Test func summaries() {
        var summary = LineSummary()
        var outcome = LineOutcome(name: "x")
        outcome.status = .exact
        outcome.instances = [
            LineOutcome.Instance(isValid: true, isAccepted: true, died: nil, tokens: [1]),
            LineOutcome.Instance(isValid: true, isAccepted: false, died: 3, tokens: [1]),
            LineOutcome.Instance(isValid: false, isAccepted: true, died: nil, tokens: []),
        ]
        summary.add(outcome)
        let json = summary.json(MaskCosts())["summary"]
        #expect(json?["right"] == 1 && json?["valid_rejected"] == 1 && json?["invalid_accepted"] == 1 && summary.wrong.count == 2)
        #expect(outcome.json(false)["instances"]?[1]?["died_at"] == 3 && outcome.json(true)["instances"]?[0]?["tokens"] == [1])
    }
}
