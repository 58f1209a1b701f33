// A grammar changes nothing where the model's own answer is valid: a sample of the evaluation rows, forced tokens on and off.
import Chat
import Engine
import TestSupport
import Testing

@testable import sirocco

@Suite struct ConstrainedBenchTests {
    @Test func validAnswersStayTheSame() async throws {
        let rows = try ConstrainedBenchCommand.rows(Array(Fixtures.text("models/breeze/eval.jsonl").utf8), name: "eval.jsonl", every: 9)
        let source = try ModelSource(embedded: embeddedModelFiles())
        let engine = try LLMEngine(model: try Model.load(source))
        var comparison = ConstrainedComparison(
            model: try LocalChatModel(source: source, engine: engine, tokenizer: source.makeTokenizer()), runs: 1)
        for row in rows { try await comparison.add(row) }
        await engine.shutdown()
        print(comparison.text)
        #expect(rows.count == 48 && comparison.requests >= 48 && comparison.valid > 40)
        #expect(comparison.sameConstrained == comparison.valid && comparison.sameForced == comparison.valid, "\(comparison.differences)")
    }
}
