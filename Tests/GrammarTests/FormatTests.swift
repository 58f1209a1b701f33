// The optional format tests of the JSON-Schema-Test-Suite, by the grammar and by the validator.
import Grammar
import JSON
import TestSupport
import Testing

@Suite struct FormatTests {
    /// Valid strings of the suite that are never generated (`StringFormats`): labels in punycode.
    private static func isNeverGenerated(_ file: String, _ data: JSONValue) -> Bool {
        file == "hostname.json" && data.stringValue?.lowercased().contains("xn--") == true
    }

    /// Verdicts by format; wrong ones also as sentences.
    private func run(_ isAccepted: (JSONValue) throws(GrammarError) -> (JSONValue) -> Bool) throws
        -> (rows: [String: ConformanceRow], wrong: [String])
    {
        var rows: [String: ConformanceRow] = [:]
        var wrong: [String] = []
        for (file, description, schema, tests) in try ConformanceTests.groups("fixtures/jsonschema-suite/draft2020-12/optional/format") {
            var row = rows[file] ?? ConformanceRow()
            defer { rows[file] = row }
            let accepts: (JSONValue) -> Bool
            do throws(GrammarError) {
                accepts = try isAccepted(schema)
            } catch {
                row.refused += tests.count
                row.reasons.insert(error.reasonInTables)
                continue
            }
            for test in tests {
                let (data, isValid) = (test["data"]!, test["valid"]!.boolValue!)
                if accepts(data) == isValid {
                    row.right += 1
                } else if isValid && Self.isNeverGenerated(file, data) {
                    row.neverGenerated += 1
                } else {
                    row.wrong += 1
                    wrong.append("\(file) | \(description) | \(data.text()) should be \(isValid)")
                }
            }
        }
        return (rows, wrong)
    }

    @Test func grammar() throws {
        let (rows, wrong) = try run { schema throws(GrammarError) in
            let grammar = try CompiledGrammar(Rules(jsonSchema: schema, options: SchemaOptions(anyOrder: true)), vocabulary: byteVocabulary)
            return { data in accepts(grammar, data.text(.spaced)) }
        }
        let sum = rows.values.reduce(ConformanceRow(), +)
        print("formats, grammar: \(sum.right) right, \(sum.refused) refused, \(sum.neverGenerated) valid but never generated, \(sum.wrong) wrong")
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
        #expect(sum.right >= 600)
        try ConformancePage.check("formats", ConformancePage.table(rows, first: "file", hasNeverGenerated: true))
    }

    /// What a denied format leaves never holds a string of the format.
    @Test(arguments: ["time", "date-time", "email", "uri", "iri", "uri-template", "date", "ipv6"]) func denied(format: String) throws {
        let schema: JSONValue = ["type": "string", "not": ["format": .string(format)]]
        let grammar = try CompiledGrammar(Rules(jsonSchema: schema), vocabulary: byteVocabulary)
        var known = 0
        for (file, _, asserted, tests) in try ConformanceTests.groups("fixtures/jsonschema-suite/draft2020-12/optional/format")
        where file == format + ".json" && asserted["format"]?.stringValue == format {
            for test in tests where test["data"]!.stringValue != nil && test["valid"]!.boolValue! {
                known += 1
                #expect(!accepts(grammar, test["data"]!.text()), "\(test["data"]!.text())")
            }
        }
        #expect(known > 2 && accepts(grammar, "\"\\u0001\""))
    }
}
