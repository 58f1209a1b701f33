// An instrument: what masks cost on a real vocabulary (GRAMMAR_MASK_COSTS=1, release build). Without the switch only the walk is checked.
import Foundation
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct MaskCostTests {
    private static let documents: [(schema: String, text: String)] = [
        (
            MaskTests.order,
            #"{"customer": "Maria Lopez", "items": [{"name": "Lamp", "quantity": 3}, {"name": "Chair"}], "total": 12.50, "currency": "EUR", "note": "Leave it at the door, please; the bell is broken since last week."}"#
        ),
        (
            MaskTests.tree,
            #"{"value": "the quick brown fox", "children": [{"value": 17}, {"value": "jumps", "children": [{"value": 3}], "open": true, "wide": false}], "done": false}"#
        ),
    ]

    private func measure(_ name: String, _ path: String, _ rounds: Int) throws {
        let tokenizer = try Tokenizer(tokenizerJSON: Fixtures.json(path))
        let vocabulary = tokenizer.vocabulary
        let clock = ContinuousClock()
        var cold: [Double] = []
        var warm: [Double] = []
        var accepted: [Double] = []
        var compile: [Double] = []
        func microseconds(_ duration: Duration) -> Double {
            Double(duration.components.attoseconds) / 1e12 + Double(duration.components.seconds) * 1e6
        }
        for (schema, text) in Self.documents {
            let tokens = tokenizer.encode(text)
            let value = try json(schema)
            var grammar: CompiledGrammar?
            compile.append(
                microseconds(
                    try clock.measure { grammar = try CompiledGrammar(Rules(jsonSchema: value), vocabulary: vocabulary) }))
            for round in 0..<rounds {
                var matcher = grammar!.makeMatcher()
                var mask = TokenMask(count: vocabulary.count)
                for token in tokens {
                    let cost = microseconds(clock.measure { matcher.fill(&mask) })
                    if round == 0 { cold.append(cost) } else { warm.append(cost) }
                    let isAllowed = mask.allows(token)
                    #expect(isAllowed)
                    var isAccepted = false
                    accepted.append(microseconds(clock.measure { isAccepted = matcher.accept(token) }))
                    #expect(isAccepted)
                }
                #expect(matcher.canStop)
            }
        }
        func summary(_ values: [Double]) -> String {
            let sorted = values.sorted()
            func at(_ share: Double) -> Double { sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] }
            let mean = values.reduce(0, +) / Double(values.count)
            return String(
                format: "n %d mean %.2f p50 %.2f p90 %.2f p99 %.2f max %.2f µs", values.count, mean, at(0.5), at(0.9), at(0.99),
                sorted.last!)
        }
        print(
            "\(name) compile: \(summary(compile))\n\(name) first visit: \(summary(cold))\n\(name) again: \(summary(warm))\n\(name) accept: \(summary(accepted))"
        )
    }

    @Test func costs() throws {
        let isMeasuring = ProcessInfo.processInfo.environment["GRAMMAR_MASK_COSTS"] != nil
        try measure("breeze", "models/breeze/tokenizer.json", isMeasuring ? 20 : 2)
        if isMeasuring { try measure("llama3", "fixtures/tokenizers/llama3/tokenizer.json", 20) }
    }
}
