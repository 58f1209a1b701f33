// An instrument: what masks cost on a real vocabulary, over JSONSchemaBench (GRAMMAR_MASK_COSTS=1, release build; GRAMMAR_BENCH_STEP=1 for
// all of it). Without the switch a few schemas are walked, to see that the instrument works.
import Foundation
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

@Suite(.serialized) struct MaskCostTests {
    /// Each instance in the first spelling that the grammar takes, else in the one of the policy.
    private static func instances(_ row: JSONValue, _ schema: JSONValue, _ tokenizer: Tokenizer) -> [[TokenID]]? {
        guard let rules = try? Rules(jsonSchema: schema), let grammar = try? CompiledGrammar(rules, vocabulary: byteVocabulary) else {
            return nil
        }
        let spellings = Spellings(schema)
        return (row["tests"]?.arrayValue ?? []).compactMap { test in
            guard let data = test["data"] else { return nil }
            let texts = spellings.texts(data)
            return tokenizer.encode(texts.first { accepts(grammar, $0) } ?? texts[0])
        }
    }

    @Test func costsOverTheBench() throws {
        let environment = ProcessInfo.processInfo.environment
        let isMeasuring = environment["GRAMMAR_MASK_COSTS"] != nil
        let path = isMeasuring ? "fixtures/tokenizers/llama3/tokenizer.json" : "models/breeze/tokenizer.json"
        let tokenizer = try Tokenizer(tokenizerJSON: Fixtures.json(path))
        let vocabulary = tokenizer.vocabulary
        let step = isMeasuring ? ProcessEnvironment.benchStep : 400
        // The vocabulary's own structures are built when a tokenizer is loaded.
        let clock = ContinuousClock()
        let loading = try clock.measure { _ = try CompiledGrammar(.literal("x"), vocabulary: vocabulary) }
        print("structures of the vocabulary: \(loading)")
        var costs = MaskCosts()
        var refused = 0
        for file in try Fixtures.list("fixtures/jsonschemabench") where file.hasSuffix(".jsonl") {
            if let only = environment["GRAMMAR_BENCH_FILE"], !file.hasPrefix(only) { continue }
            let lines = try Fixtures.bytes("fixtures/jsonschemabench/\(file)").split(separator: 0x0A)
            for line in stride(from: 0, to: lines.count, by: step).map({ lines[$0] }) {
                let row = try JSONValue(parsing: Array(line))
                guard let schema = row["schema"], let instances = Self.instances(row, schema, tokenizer) else {
                    refused += 1
                    continue
                }
                let text = Array(schema.text().utf8)
                let name = row["name"]?.stringValue ?? file
                _ = try costs.measure(name, vocabulary: vocabulary, instances: instances) { () throws(GrammarError) in
                    try Rules(jsonSchema: (try? JSONValue(parsing: text)) ?? schema)
                }
            }
        }
        print("\(costs.firstMasks.count) schemas measured, \(refused) refused\n\(costs.report)")
        if isMeasuring {
            for slow in costs.slowest { print("\(Int(slow.cost)) µs: \(slow.name), instance \(slow.instance), token \(slow.position)") }
        }
        #expect(costs.masks.count > 100)
    }
}
