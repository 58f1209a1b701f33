// The JSON-Schema-Test-Suite and a sample of JSONSchemaBench, by the grammar and by the validator.
import Grammar
import JSON
import TestSupport
import Testing

@Suite struct ConformanceTests {
    private struct Tally {
        var right = 0
        var refused = 0
        var wrong: [String] = []
    }

    static func groups(
        _ folder: String = "fixtures/jsonschema-suite/draft2020-12"
    ) throws -> [(file: String, description: String, schema: JSONValue, tests: [JSONValue])] {
        var groups: [(String, String, JSONValue, [JSONValue])] = []
        for file in try Fixtures.list(folder) where file.hasSuffix(".json") {
            for group in try Fixtures.json("\(folder)/\(file)").arrayValue ?? [] {
                groups.append((file, group["description"]?.stringValue ?? "", group["schema"]!, group["tests"]?.arrayValue ?? []))
            }
        }
        return groups
    }

    @Test func grammarOnTheSuite() throws {
        var rows: [String: ConformanceRow] = [:]
        var wrong: [String] = []
        for (file, description, schema, tests) in try Self.groups() {
            var row = rows[file] ?? ConformanceRow()
            defer { rows[file] = row }
            var grammar: CompiledGrammar?
            do {
                let rules = try Rules(jsonSchema: schema, options: SchemaOptions(assertsFormat: false, anyOrder: true))
                grammar = try CompiledGrammar(rules, vocabulary: byteVocabulary)
            } catch GrammarError.unsatisfiable {
                grammar = nil
            } catch {
                row.refused += tests.count
                row.reasons.insert(error.reasonInTables)
                if ProcessEnvironment.isVerbose { print("refused \(tests.count): \(file) | \(description) | \(error)") }
                continue
            }
            let spellings = Spellings(schema)
            for test in tests {
                let isValid = test["valid"]!.boolValue!
                let isAccepted = grammar.map { grammar in spellings.ownOrder(test["data"]!).contains { accepts(grammar, $0) } } ?? false
                if isValid == isAccepted {
                    row.right += 1
                } else {
                    row.wrong += 1
                    wrong.append("\(file) | \(description) | \(test["description"]!.text()) | \(isAccepted ? "accepted" : "rejected")")
                }
            }
        }
        let sum = rows.values.reduce(ConformanceRow(), +)
        print("suite, grammar: \(sum.right) right, \(sum.refused) refused, \(sum.wrong) wrong")
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
        #expect(sum.right >= 1_200)
        try ConformancePage.check("keywords", ConformancePage.table(rows, first: "keyword", hasNeverGenerated: false))
    }

    @Test func limitsOnThePage() throws { try ConformancePage.check("limits", ConformancePage.limits()) }

    @Test func validatorOnTheSuite() throws {
        var tally = Tally()
        for (file, description, schema, tests) in try Self.groups() {
            guard let validator = try? InstanceValidator(schema: schema, assertsFormat: false) else {
                tally.refused += tests.count
                continue
            }
            for test in tests {
                if validator.validate(test["data"]!).isEmpty == test["valid"]!.boolValue! {
                    tally.right += 1
                } else {
                    tally.wrong.append("\(file) | \(description) | \(test["description"]!.text())")
                }
            }
        }
        print("suite, validator: \(tally.right) right, \(tally.refused) refused, \(tally.wrong.count) wrong")
        #expect(tally.wrong.isEmpty, "\(tally.wrong.joined(separator: "\n"))")
        #expect(tally.right >= 1_240)
    }

    @Test func grammarOnTheBench() throws {
        let environmentStep = ProcessEnvironment.benchStep
        var tally = Tally()
        var schemas = 0
        var refusedSchemas = 0
        var keywords: [String: Int] = [:]
        var falseRejects = 0
        for file in try Fixtures.list("fixtures/jsonschemabench") where file.hasSuffix(".jsonl") {
            let lines = try Fixtures.bytes("fixtures/jsonschemabench/\(file)").split(separator: 0x0A)
            for line in stride(from: 0, to: lines.count, by: environmentStep).map({ lines[$0] }) {
                let row = try JSONValue(parsing: Array(line))
                schemas += 1
                guard let schema = row["schema"], let tests = row["tests"]?.arrayValue else { continue }
                var grammar: CompiledGrammar?
                do {
                    grammar = try CompiledGrammar(try Rules(jsonSchema: schema, options: SchemaOptions(anyOrder: true)), vocabulary: byteVocabulary)
                } catch GrammarError.unsatisfiable {
                    grammar = nil
                } catch {
                    refusedSchemas += 1
                    if ProcessEnvironment.isVerbose { print("refused: \(row["name"]!.text()) \(error)") }
                    if case .unsupported(let keyword, _, _) = error {
                        keywords[keyword, default: 0] += 1
                    } else {
                        keywords["\(error)".prefix(40).description, default: 0] += 1
                    }
                    continue
                }
                let spellings = Spellings(schema)
                for test in tests {
                    guard let data = test["data"], let isValid = test["valid"]?.boolValue else { continue }
                    let isAccepted = grammar.map { grammar in spellings.ownOrder(data).contains { accepts(grammar, $0) } } ?? false
                    if isValid == isAccepted {
                        tally.right += 1
                    } else if isAccepted {
                        tally.wrong.append("\(row["name"]!.text()): accepted \(data.text().prefix(300))")
                    } else {
                        falseRejects += 1
                        if ProcessEnvironment.isVerbose { print("rejected: \(row["name"]!.text()) \(data.text().prefix(200))") }
                    }
                }
            }
        }
        print("bench: \(schemas) schemas, \(refusedSchemas) refused \(keywords.sorted { $0.value > $1.value })")
        print("bench: \(tally.right) right, \(falseRejects) valid rejected, \(tally.wrong.count) invalid accepted")
        #expect(tally.wrong.isEmpty, "\(tally.wrong.joined(separator: "\n"))")
    }
}

extension GrammarError {
    /// The keyword that is refused, or what there was too much of.
    var reasonInTables: String {
        switch self {
        case .unsupported(let keyword, _, _): keyword
        case .tooLarge(let what, _, _): what
        case .unsatisfiable, .invalidSchema, .syntax, .malformed: "\(self)"
        }
    }
}
