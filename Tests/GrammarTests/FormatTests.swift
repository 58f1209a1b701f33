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

    /// Right, refused and not generated, by format; wrong verdicts as sentences.
    private func run(_ isAccepted: (JSONValue) throws(GrammarError) -> (JSONValue) -> Bool) throws -> (counts: [String: [Int]], wrong: [String]) {
        var counts: [String: [Int]] = [:]
        var wrong: [String] = []
        for (file, description, schema, tests) in try ConformanceTests.groups("fixtures/jsonschema-suite/draft2020-12/optional/format") {
            var count = counts[file] ?? [0, 0, 0]
            defer { counts[file] = count }
            let accepts: (JSONValue) -> Bool
            do throws(GrammarError) {
                accepts = try isAccepted(schema)
            } catch {
                count[1] += tests.count
                continue
            }
            for test in tests {
                let (data, isValid) = (test["data"]!, test["valid"]!.boolValue!)
                if accepts(data) == isValid {
                    count[0] += 1
                } else if isValid && Self.isNeverGenerated(file, data) {
                    count[2] += 1
                } else {
                    wrong.append("\(file) | \(description) | \(data.text()) should be \(isValid)")
                }
            }
        }
        return (counts, wrong)
    }

    @Test func grammar() throws {
        let (counts, wrong) = try run { schema throws(GrammarError) in
            let grammar = try CompiledGrammar(Rules(jsonSchema: schema, options: SchemaOptions(anyOrder: true)), vocabulary: byteVocabulary)
            return { data in accepts(grammar, data.text(.spaced)) }
        }
        for (file, count) in counts.sorted(by: { $0.key < $1.key }) {
            print("\(file): \(count[0]) right, \(count[1]) refused, \(count[2]) valid but never generated")
        }
        let sums = (0..<3).map { index in counts.values.reduce(0) { $0 + $1[index] } }
        print("formats, grammar: \(sums[0]) right, \(sums[1]) refused, \(sums[2]) valid but never generated, \(wrong.count) wrong")
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
        #expect(sums[0] >= 600)
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
