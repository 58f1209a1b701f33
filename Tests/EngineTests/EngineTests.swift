// What a request may expect of the engine: its end, its errors, its limits.
import Grammar
import TestSupport
import Testing
import Tokens

@testable import Engine

@Suite struct EngineTests {
    private static let prompt = randomTokens(20, seed: 7)

    private func engine(_ options: EngineOptions = EngineOptions(threads: 2), model: Model = TinyModel.make()) throws -> LLMEngine {
        try LLMEngine(model: model, options: options)
    }

    @Test func sameSeedSameTokens() async throws {
        let engine = try engine()
        func run(_ seed: UInt64) async throws -> [TokenID] {
            try await engine.generate(
                GenerationRequest(prompt: Self.prompt, sampling: .init(temperature: 1.2, seed: seed), maxTokens: 30)
            ).collect().ids
        }
        let first = try await run(1)
        #expect(try await run(1) == first)
        #expect(try await run(2) != first)
        #expect(first.count == 30)
        await engine.shutdown()
    }

    @Test func repliesEndWhereTheyShould() async throws {
        let engine = try engine(EngineOptions(threads: 1, contextLength: 32))
        let free = try await engine.generate(GenerationRequest(prompt: Self.prompt, maxTokens: 100)).collect()
        #expect(free.reason == .length && free.ids.count == 12 && free.usage?.generatedTokens == 12 && free.usage?.promptTokens == 20)

        let short = try await engine.generate(GenerationRequest(prompt: Self.prompt, maxTokens: 5)).collect()
        #expect(short.reason == .length && short.ids == Array(free.ids.prefix(5)))

        let stop = free.ids[3]
        let stopped = try await engine.generate(GenerationRequest(prompt: Self.prompt, stopTokens: [stop], maxTokens: 100)).collect()
        let end = free.ids.firstIndex(of: stop)!
        #expect(stopped.reason == .stop && stopped.ids == Array(free.ids[...end]))
        #expect(stopped.tokens.map(\.isStop) == Array(repeating: false, count: end) + [true])

        let full = try await engine.generate(GenerationRequest(prompt: randomTokens(32, seed: 3), maxTokens: 4)).collect()
        #expect(full.reason == .length && full.ids.isEmpty)
        await engine.shutdown()
    }

    @Test func wrongRequestsAreRefusedByName() async throws {
        let engine = try engine(EngineOptions(threads: 1, contextLength: 32))
        let cases: [(GenerationRequest, EngineError)] = [
            (GenerationRequest(prompt: [], maxTokens: 1), .emptyPrompt),
            (GenerationRequest(prompt: randomTokens(33, seed: 1), maxTokens: 1), .promptTooLong(count: 33, limit: 32)),
            (GenerationRequest(prompt: [1, 96], maxTokens: 1), .unknownToken(id: 96, field: "prompt", vocabularySize: 96)),
            (GenerationRequest(prompt: [-1], maxTokens: 1), .unknownToken(id: -1, field: "prompt", vocabularySize: 96)),
            (
                GenerationRequest(prompt: [1], stopTokens: [200], maxTokens: 1),
                .unknownToken(id: 200, field: "stopTokens", vocabularySize: 96)
            ),
            (
                GenerationRequest(prompt: [1], sampling: .init(temperature: 0, logitBias: [99: 1]), maxTokens: 1),
                .unknownToken(id: 99, field: "logitBias", vocabularySize: 96)
            ),
            (GenerationRequest(prompt: [1], maxTokens: 0), .invalidParameter(name: "maxTokens", reason: "0 is not at least 1")),
            (
                GenerationRequest(prompt: [1], maxTokens: 1, logprobs: 21),
                .invalidParameter(name: "logprobs", reason: "21 is not within 0 to 20")
            ),
        ]
        for (request, expected) in cases {
            await #expect(throws: expected) { try await engine.generate(request).collect() }
        }
        await #expect(throws: EngineError.emptyPrompt) { try await engine.logits(of: []) }
        await #expect(throws: EngineError.promptTooLong(count: 33, limit: 32)) { try await engine.logits(of: randomTokens(33, seed: 1)) }
        await #expect(throws: EngineError.unknownToken(id: 96, field: "continuations", vocabularySize: 96)) {
            try await engine.score(prompt: [1], continuations: [[96]])
        }
        await #expect(throws: EngineError.promptTooLong(count: 34, limit: 32)) {
            try await engine.score(prompt: randomTokens(32, seed: 1), continuations: [[1, 2, 3]])
        }
        #expect(try await engine.score(prompt: [1], continuations: []) == [])
        await engine.shutdown()
        await #expect(throws: EngineError.shutDown) { try await engine.generate(GenerationRequest(prompt: [1], maxTokens: 1)).collect() }
        await #expect(throws: EngineError.shutDown) { try await engine.logits(of: [1]) }
    }

    @Test func wrongOptionsAreRefusedByName() {
        let cases: [(String, EngineOptions)] = [
            ("threads", EngineOptions(threads: 0)), ("kernels", EngineOptions(kernels: "abacus")),
            ("blockLength", EngineOptions(blockLength: 0)), ("blockLength", EngineOptions(blockLength: 24)),
            ("cacheTokens", EngineOptions(cacheTokens: -1)), ("contextLength", EngineOptions(cacheTokens: 16, contextLength: 17)),
            ("maxBatchTokens", EngineOptions(maxBatchTokens: 0)), ("maxSequences", EngineOptions(maxBatchTokens: 4, maxSequences: 5)),
            ("maxQueuedRequests", EngineOptions(maxQueuedRequests: 0)),
        ]
        for (name, options) in cases {
            do throws(EngineError) {
                _ = try LLMEngine(model: TinyModel.make(), options: options)
                Issue.record("\(name) passed")
            } catch {
                guard case .invalidOption(name, _) = error else {
                    Issue.record("\(name): \(error)")
                    continue
                }
            }
        }
    }

    @Test func paddedVocabularyIsNeverSampled() async throws {
        let engine = try engine()
        let request = GenerationRequest(
            prompt: [3, 1, 4, 1, 5], sampling: .init(temperature: 5, seed: 3), maxTokens: 40, logprobs: 20, vocabularyLimit: 24)
        let reply = try await engine.generate(request).collect()
        #expect(reply.ids.count == 40 && reply.ids.allSatisfy { $0 < 24 })
        #expect(reply.tokens.allSatisfy { $0.top.count == 20 && $0.top.allSatisfy { $0.0 < 24 } })
        await #expect(throws: EngineError.self) {
            try await engine.generate(GenerationRequest(prompt: [1], maxTokens: 1, vocabularyLimit: 0)).collect()
        }
        await engine.shutdown()
    }

    @Test func numbersThatAreNotUsedAreTakenBack() {
        let inbox = Inbox()
        inbox.release(inbox.reserve())
        #expect(inbox.reservedCount == 0)
    }

    @Test func cacheBeyondTheMachineIsRefused() {
        do throws(EngineError) {
            _ = try LLMEngine(
                model: TinyModel.make(keyValueHeads: 4, headSize: 64, layers: 8), options: EngineOptions(cacheTokens: 1 << 28))
            Issue.record("a cache of terabytes passed")
        } catch {
            guard case .invalidOption("cacheTokens", _) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func weightsOfTheWrongShapeAreRefused() throws {
        let model = TinyModel.make()
        var weights = model.weights
        weights.layers[1].down = weights.layers[1].up
        let wrong = Model(name: "wrong", architecture: model.architecture, weights: weights)
        #expect(throws: EngineError.unsupportedModel(reason: "layer 1: down is 64 × 32, not 32 × 64")) { try engine(model: wrong) }
    }

    @Test func brokenWeightsAreAnError() async throws {
        let model = TinyModel.make()
        var weights = model.weights
        weights.finalNorm[0] = .nan
        let broken = try engine(model: Model(name: "broken", architecture: model.architecture, weights: weights))
        await #expect(throws: EngineError.nonFiniteLogits(position: 19)) {
            try await broken.generate(GenerationRequest(prompt: Self.prompt, maxTokens: 3)).collect()
        }
        await #expect(throws: EngineError.nonFiniteLogits(position: 0)) { try await broken.score(prompt: [1], continuations: [[2, 3]]) }
        #expect(try await broken.drained().blocksFree == broken.statistics.blocksTotal)
        await broken.shutdown()
    }

    @Test func logprobsComeWithTokens() async throws {
        let engine = try engine()
        let recorder = LogitsRecorder()
        let reply = try await engine.generate(
            GenerationRequest(
                prompt: Self.prompt, sampling: .init(temperature: 1, seed: 3), maxTokens: 8, logprobs: 4,
                logitsObserver: { recorder.rows.append($0) })
        ).collect()
        for (token, row) in zip(reply.tokens, recorder.rows) {
            let expected = row.withUnsafeBufferPointer { LogProbabilities($0).of(Int(token.id)) }
            #expect(token.logprob == expected && token.top.count == 4)
            #expect(Int(token.top[0].0) == row.indices.max { (row[$0], -$0) < (row[$1], -$1) })
        }
        await engine.shutdown()
    }

    @Test func prefillReportsProgress() async throws {
        let engine = try engine(EngineOptions(threads: 1, maxBatchTokens: 8))
        var progress: [[Int]] = []
        for try await event in engine.generate(GenerationRequest(prompt: Self.prompt, maxTokens: 3)) {
            if case .prefilled(let done, let total) = event { progress.append([done, total]) }
        }
        #expect(progress == [[8, 20], [16, 20], [20, 20]])
        await engine.shutdown()
    }

    @Test func cancellationFreesTheSequence() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("cancellationFreesTheSequence: seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let engine = try engine(EngineOptions(threads: 2, cacheTokens: 600, maxBatchTokens: 16, maxSequences: 4))
        let baseline = try await engine.drained().blocksFree
        for _ in 0..<30 {
            let requests = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                GenerationRequest(prompt: randomTokens(Int.random(in: 1...60, using: &random), seed: random.next()), maxTokens: 60)
            }
            let kinds = requests.map { _ in Int.random(in: 0..<4, using: &random) }
            let pauses = requests.map { _ in UInt64.random(in: 0...3_000_000, using: &random) }
            await withTaskGroup(of: Void.self) { group in
                for (request, (kind, pause)) in zip(requests, zip(kinds, pauses)) {
                    group.addTask { await Self.abandon(engine, request, kind: kind, pause: pause, seed: seed) }
                }
            }
        }
        #expect(try await engine.drained().blocksFree == baseline, "seed \(seed)")
        await engine.shutdown()
    }

    /// Starts a request and leaves it: dropped unread, dropped midway, its task cancelled, or cancelled by name.
    private static func abandon(_ engine: LLMEngine, _ request: GenerationRequest, kind: Int, pause: UInt64, seed: UInt64) async {
        switch kind {
        case 0:
            _ = engine.generate(request)
        case 1:
            var iterator = engine.generate(request).makeAsyncIterator()
            _ = try? await iterator.next()
        case 2:
            let task = Task { try await engine.generate(request).collect() }
            try? await Task.sleep(nanoseconds: pause)
            task.cancel()
            _ = await task.result
        default:
            let generation = engine.generate(request)
            try? await Task.sleep(nanoseconds: pause)
            generation.cancel()
            let reply = try? await generation.collect()
            #expect(reply?.reason == .cancelled || reply?.reason == .length, "seed \(seed)")
        }
    }

    @Test func cancelledTasksLeaveInstruments() async throws {
        // Many layers, so that a busy machine cancels before the engine is done.
        let engine = try engine(EngineOptions(threads: 1, maxBatchTokens: 1), model: TinyModel.make(layers: 60))
        let tokens = randomTokens(400, seed: 1)
        for _ in 0..<5 {
            let task = Task { try await engine.logits(of: tokens) }
            try await Task.sleep(nanoseconds: 1_000_000)
            task.cancel()
            await #expect(throws: EngineError.cancelled) { try await task.value }
        }
        #expect(try await engine.drained().running == 0)
        await engine.shutdown()
    }

    @Test func shutdownEndsWhatRuns() async throws {
        let engine = try engine(EngineOptions(threads: 2, maxBatchTokens: 4))
        let generations = (0..<5).map { _ in engine.generate(GenerationRequest(prompt: Self.prompt, maxTokens: 400)) }
        await engine.shutdown()
        await engine.shutdown()
        for generation in generations {
            await #expect(throws: EngineError.shutDown) { try await generation.collect() }
        }
        #expect(engine.statistics.blocksFree == engine.statistics.blocksTotal)
    }

    @Test func theQueueHasALimit() async throws {
        let engine = try engine(EngineOptions(threads: 1, maxBatchTokens: 4, maxSequences: 1, maxQueuedRequests: 2))
        let generations = (0..<12).map { _ in engine.generate(GenerationRequest(prompt: Self.prompt, maxTokens: 50)) }
        var refused = 0
        for generation in generations {
            do {
                #expect(try await generation.collect().ids.count == 50)
            } catch {
                #expect(error as? EngineError == .queueFull(limit: 2))
                refused += 1
            }
        }
        #expect(refused >= 1 && refused <= 10)
        await engine.shutdown()
    }

    @Test func aReaderKeepsTheEngineAlive() async throws {
        let generation = try engine().generate(GenerationRequest(prompt: Self.prompt, maxTokens: 10))
        #expect(try await generation.collect().ids.count == 10)
    }
}
