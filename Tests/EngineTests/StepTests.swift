// What instruments are told: every step, and the least work that it had to do.
import Synchronization
import TestSupport
import Testing
import Tokens

@testable import Engine

@Suite struct StepTests {
    private final class Recorder: Sendable {
        let steps = Mutex<[EngineStep]>([])
    }

    @Test func everyStepIsObservedBeforeItsResult() async throws {
        let recorder = Recorder()
        let engine = try LLMEngine(model: TinyModel.make(), options: EngineOptions(threads: 2, maxBatchTokens: 16)) { step in
            recorder.steps.withLock { $0.append(step) }
        }
        for try await _ in engine.generate(GenerationRequest(prompt: Array(1...20), maxTokens: 5)) {}
        let generation = recorder.steps.withLock { $0 }
        #expect(generation.map(\.positions) == [16, 4, 1, 1, 1, 1] && generation.map(\.logitRows) == [0, 1, 1, 1, 1, 1])
        #expect(generation.allSatisfy { $0.sequences == 1 && $0.seconds > 0 })
        _ = try await engine.score(prompt: [1, 2, 3], continuations: [[4, 5, 6, 7, 8], [9, 10]])
        let scored = recorder.steps.withLock { $0.dropFirst(generation.count) }
        #expect(scored.map(\.positions) == [3, 4, 1] && scored.map(\.logitRows) == [1, 4, 1])
        await engine.shutdown()
    }

    @Test func sequencesOfAStepAreCounted() async throws {
        let recorder = Recorder()
        let engine = try LLMEngine(model: TinyModel.make(), options: EngineOptions(threads: 1)) { step in
            recorder.steps.withLock { $0.append(step) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask { for try await _ in engine.generate(GenerationRequest(prompt: [1, 2], maxTokens: 200)) {} }
            }
            try await group.waitForAll()
        }
        let steps = recorder.steps.withLock { $0 }
        #expect(steps.reduce(0) { $0 + $1.positions } == 3 * 201)
        #expect(steps.contains { $0.sequences == 3 && $0.positions == 3 } && steps.allSatisfy { $0.sequences <= 3 })
        await engine.shutdown()
    }

    @Test(arguments: [ElementType.f32, .bf16, .q8_0]) func workIsCounted(type: ElementType) {
        let model = TinyModel.make(vocabulary: 96, hidden: 32, heads: 4, keyValueHeads: 2, headSize: 8, layers: 3, feedForward: 64, type: type)
        let body = 3 * (32 * 32 + 2 * 16 * 32 + 32 * 32 + 3 * 32 * 64)
        let work = model.work(positions: 5, logitRows: 1, cached: 7, cacheBytes: 100)
        let operations = 2.0 * Double(5 * body + 96 * 32)
        #expect(work.float == (type == .f32 ? operations : 0) && work.half == (type == .bf16 ? operations : 0))
        #expect(work.quantized == (type == .q8_0 ? operations : 0))
        #expect(work.bytes == type.rowBytes(columns: 32)! * (body + 96 * 32) / 32 + 700)
        #expect(model.work(positions: 1, logitRows: 0, cached: 0, cacheBytes: 0).bytes == type.rowBytes(columns: 32)! * body / 32)
    }
}
