// A token's logits depend on its own sequence alone: bit for bit, whatever the batch, the threads and the cuts.
import TestSupport
import Testing
import Tokens

@testable import Engine

@Suite struct EngineInvarianceTests {
    private struct Run: Equatable {
        var ids: [TokenID]
        var logits: [[UInt32]]
    }

    /// Prompts of many lengths; the first is longer than two dense chunks.
    private static let prompts = [300, 5, 128, 41, 129, 1, 77, 200].enumerated().map { randomTokens($1, seed: UInt64(100 + $0)) }

    private static func request(_ index: Int, _ recorder: LogitsRecorder) -> GenerationRequest {
        GenerationRequest(
            prompt: prompts[index], sampling: SamplingParameters(temperature: 0.8, topK: 20, topP: 0.95, seed: UInt64(index)), maxTokens: 6,
            logitsObserver: { recorder.rows.append($0) })
    }

    /// Runs the given prompts at once and returns what each saw.
    private static func run(_ indices: [Int], _ model: Model, _ options: EngineOptions) async throws -> [Run] {
        let engine = try LLMEngine(model: model, options: options)
        let recorders = indices.map { _ in LogitsRecorder() }
        let generations = zip(indices, recorders).map { engine.generate(request($0, $1)) }
        var runs: [Run] = []
        for (generation, recorder) in zip(generations, recorders) {
            let reply = try await generation.collect()
            runs.append(Run(ids: reply.ids, logits: recorder.rows.map { $0.map(\.bitPattern) }))
        }
        await engine.shutdown()
        return runs
    }

    @Test(arguments: [ElementType.f32, .bf16, .q8_0]) func logitsDependOnTheirSequenceAlone(_ type: ElementType) async throws {
        let model = TinyModel.make(window: 50, type: type)
        for kernels in availableKernels() {
            let alone = try await Self.run([0], model, EngineOptions(threads: 1, kernels: kernels))[0]
            for count in 1...8 {
                let options = EngineOptions(
                    threads: 1 + (count - 1) % 4, kernels: kernels, blockLength: [16, 48, 32][count % 3],
                    maxBatchTokens: [256, 160, 200][count % 3], maxSequences: 8)
                let order = Array((0..<count).reversed())
                let runs = try await Self.run(order, model, options)
                #expect(runs.last == alone, "\(type) \(kernels), batch of \(count), \(options)")
            }
        }
    }

    @Test(arguments: CacheType.allCases) func threadsAndBatchChangeNothingInAnyCache(_ cacheType: CacheType) async throws {
        let model = TinyModel.make(window: 200, type: .q8_0, context: 512)
        func options(_ threads: Int) -> EngineOptions {
            EngineOptions(threads: threads, cacheType: cacheType, blockLength: threads % 2 == 0 ? 16 : 32)
        }
        let alone = try await Self.run([0], model, options(1))[0]
        for threads in 1...4 {
            let runs = try await Self.run([7, 2, 0], model, options(threads))
            #expect(runs.last == alone, "\(cacheType), \(threads) threads")
            #expect(try await Self.run([0], model, options(threads))[0] == alone, "\(cacheType), \(threads) threads, alone")
        }
    }

    @Test func kernelsAloneCutPromptsAnywhere() async throws {
        let model = TinyModel.make()
        let whole = try await Self.run([0], model, EngineOptions(threads: 1, maxBatchTokens: 512, usesBLAS: false))[0]
        for maxBatchTokens in [1, 3, 17, 64, 301] {
            let runs = try await Self.run([4, 0], model, EngineOptions(threads: 2, maxBatchTokens: maxBatchTokens, usesBLAS: false))
            #expect(runs[1] == whole, "\(maxBatchTokens)")
        }
    }

    @Test(arguments: [ElementType.f32, .f16, .bf16]) func blasAgreesWithTheKernels(_ type: ElementType) async throws {
        let model = TinyModel.make(type: type)
        let prompt = Self.prompts[0]
        func logits(_ usesBLAS: Bool) async throws -> [Float] {
            let engine = try LLMEngine(model: model, options: EngineOptions(threads: 2, usesBLAS: usesBLAS))
            let logits = try await engine.logits(of: prompt)
            await engine.shutdown()
            return logits
        }
        let difference = maximumDifference(try await logits(true), try await logits(false))
        #expect(difference < 1e-3, "\(difference)")
    }

    @Test func preemptionChangesNothing() async throws {
        let model = TinyModel.make()
        let indices = [1, 3, 6, 7]
        let roomy = try await Self.run(indices, model, EngineOptions(threads: 2))
        let engine = try LLMEngine(
            model: model, options: EngineOptions(threads: 2, blockLength: 16, cacheTokens: 208, contextLength: 208, maxSequences: 4))
        let long = indices.map { index in
            engine.generate(
                GenerationRequest(prompt: Self.prompts[index].suffix(60), sampling: .init(temperature: 1, seed: 5), maxTokens: 60))
        }
        var crowded: [[TokenID]] = []
        for generation in long { crowded.append(try await generation.collect().ids) }
        #expect(engine.statistics.preemptions > 0)
        await engine.shutdown()

        let wide = try LLMEngine(model: model, options: EngineOptions(threads: 1))
        for (index, ids) in zip(indices, crowded) {
            let reply = try await wide.generate(
                GenerationRequest(prompt: Self.prompts[index].suffix(60), sampling: .init(temperature: 1, seed: 5), maxTokens: 60)
            ).collect()
            #expect(reply.ids == ids, "prompt \(index)")
        }
        await wide.shutdown()
        #expect(roomy.count == indices.count)
    }

    @Test func generationLogitsAreTheLogitsOfItsTokens() async throws {
        let model = TinyModel.make(window: 33)
        let engine = try LLMEngine(model: model, options: EngineOptions(threads: 2))
        let recorder = LogitsRecorder()
        let reply = try await engine.generate(Self.request(0, recorder)).collect()
        let all = try await engine.logits(of: Self.prompts[0])
        #expect(Array(all.suffix(96)) == recorder.rows[0])
        let scores = try await engine.score(prompt: Self.prompts[0], continuations: [reply.ids, [3], [], Array(reply.ids.prefix(2))])
        #expect(scores.map(\.count) == [6, 1, 0, 2])
        for (row, (id, score)) in zip(recorder.rows, zip(reply.ids, scores[0])) {
            let expected = row.withUnsafeBufferPointer { LogProbabilities($0).of(Int(id)) }
            #expect(score == expected)
        }
        #expect(scores[3] == Array(scores[0].prefix(2)))
        await engine.shutdown()
    }
}
