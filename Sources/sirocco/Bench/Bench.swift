// The measuring: a model is loaded and driven through the engine's own door; the engine's steps are the clock.
import Engine
import Glibc
import Synchronization
import Tokens

/// Drives one model through a plan.
struct Bench {
    let plan: BenchPlan
    let source: ModelSource
    let loading: LoadOptions
    let options: EngineOptions
    let threadCounts: [Int?]
    let measuresLimits: Bool
    let progress: @Sendable (String) -> Void

    /// Everything the engine reports while it runs.
    private final class Recorder: Sendable {
        private let steps = Mutex<[EngineStep]>([])
        func add(_ step: EngineStep) { steps.withLock { $0.append(step) } }
        func take() -> [EngineStep] {
            steps.withLock { steps in
                defer { steps = [] }
                return steps
            }
        }
    }

    /// Loads the model once and takes every figure for every number of threads. `opened` is the time since the model's files were opened.
    func run(opened start: ContinuousClock.Instant) async throws -> BenchReport {
        var clock = Stopwatch(start)
        var load = BenchReport.Load()
        load.open = clock.lap()
        _ = try source.makeTokenizer()
        load.tokenizer = clock.lap()
        progress("loading")
        let model = try loadModel(source, loading)
        load.weights = clock.lap()
        var report: BenchReport?
        for threads in threadCounts {
            var options = options
            if let threads { options.threads = threads }
            options.cacheTokens = options.cacheTokens ?? plan.cacheTokens
            let recorder = Recorder()
            let engine = try LLMEngine(model: model, options: options) { recorder.add($0) }
            load.engine = clock.lap()
            try await generate(engine, [prompt(1)], count: 1)
            if report == nil {
                load.firstToken = clock.lap()
                report = BenchReport(model: source.name, kernels: engine.kernels, weightBytes: model.weightBytes, load: load)
            }
            let figures = try await figures(engine, recorder)
            await engine.shutdown()
            if report!.memory == nil { report!.memory = ProcessMemory.current }
            progress("measuring the machine's limits")
            let limits = measuresLimits ? MachineLimits(kernels: engine.kernels, threads: engine.threads) : nil
            report!.series.append(.init(threads: engine.threads, limits: limits, figures: figures))
        }
        return report!
    }

    private func figures(_ engine: LLMEngine, _ recorder: Recorder) async throws -> [Figure] {
        let bytes = engine.model.architecture.keyValueBytesPerPosition(options.cacheType)
        var figures: [Figure] = []
        for length in plan.prefill {
            progress("prefill \(length)")
            figures.append(try await prefill(length, engine, recorder, bytes))
        }
        for depth in plan.depths {
            progress("decode at \(depth)")
            figures.append(try await decode(depth, engine, recorder, bytes))
        }
        for batch in plan.batches {
            progress("batch of \(batch)")
            figures.append(try await self.batch(batch, engine, recorder, bytes))
        }
        for depth in plan.depths where plan.verify > 0 {
            progress("verify at \(depth)")
            figures.append(try await verify(depth, engine, recorder, bytes))
        }
        return figures
    }

    /// From a prompt's arrival to its first token.
    private func prefill(_ length: Int, _ engine: LLMEngine, _ recorder: Recorder, _ bytes: Int) async throws -> Figure {
        _ = recorder.take()
        var seconds: [Double] = []
        for run in 0..<plan.runs {
            try await generate(engine, [prompt(length, seed: run + 1)], count: 1)
            seconds.append(recorder.take().reduce(0) { $0 + $1.seconds })
        }
        return Figure(
            kind: .prefill(tokens: length), tokens: length, seconds: seconds,
            work: engine.model.work(positions: length, logitRows: 1, cached: length, cacheBytes: bytes))
    }

    /// One token at a time after `depth` positions; the samples follow each other in one reply.
    private func decode(_ depth: Int, _ engine: LLMEngine, _ recorder: Recorder, _ bytes: Int) async throws -> Figure {
        _ = recorder.take()
        let count = plan.runs * plan.generate
        try await generate(engine, [prompt(max(depth, 1))], count: count + 1)
        let steps = recorder.take().suffix(count)
        guard steps.count == count, steps.allSatisfy({ $0.positions == 1 }) else {
            throw CommandError("decode at \(depth): the engine's steps are not what was asked")
        }
        let cached = plan.generate * (depth + count / 2)
        var work = engine.model.work(positions: 1, logitRows: 1, cached: 0, cacheBytes: 0).times(plan.generate)
        work.bytes += cached * bytes
        return Figure(kind: .decode(depth: depth), tokens: plan.generate, seconds: sums(steps, plan.generate), work: work)
    }

    /// One token of each of several sequences at a time.
    private func batch(_ sequences: Int, _ engine: LLMEngine, _ recorder: Recorder, _ bytes: Int) async throws -> Figure {
        _ = recorder.take()
        let (depth, count) = (max(plan.batchDepth, 1), plan.runs * plan.generate)
        let prompts = (0..<sequences).map { prompt(depth, seed: $0 + 1) }
        try await generate(engine, prompts, count: count + plan.entrySteps(sequences))
        let steps = recorder.take().filter { $0.positions == sequences && $0.sequences == sequences }.prefix(count)
        guard steps.count == count else { throw CommandError("batch of \(sequences): the sequences were not computed together") }
        var work = engine.model.work(positions: sequences, logitRows: sequences, cached: 0, cacheBytes: 0).times(plan.generate)
        work.bytes += plan.generate * sequences * (depth + count / 2) * bytes
        return Figure(
            kind: .batch(sequences: sequences, depth: plan.batchDepth), tokens: sequences * plan.generate, seconds: sums(steps, plan.generate),
            work: work)
    }

    /// Several known tokens at once after `depth` positions, with logits for each, beside one token at the same depth.
    private func verify(_ depth: Int, _ engine: LLMEngine, _ recorder: Recorder, _ bytes: Int) async throws -> Figure {
        _ = recorder.take()
        let pairs = max(plan.generate / plan.verify, 1)
        let draft = prompt(plan.verify + 1, seed: 3)
        let continuations = (0..<plan.runs * pairs).flatMap { _ in [draft, Array(draft.prefix(2))] }
        _ = try await engine.score(prompt: prompt(max(depth, 1)), continuations: continuations)
        let steps = recorder.take().suffix(continuations.count)
        let (many, one) = (steps.filter { $0.positions == plan.verify }, steps.filter { $0.positions == 1 })
        guard plan.verify == 1 || (many.count == one.count && many.count == plan.runs * pairs) else {
            throw CommandError("verify at \(depth): the engine's steps are not what was asked")
        }
        let (seconds, single) = plan.verify == 1 ? (sums(steps, 2 * pairs), sums(steps, 2 * pairs)) : (sums(many[...], pairs), sums(one[...], pairs))
        var work = engine.model.work(positions: plan.verify, logitRows: plan.verify, cached: 0, cacheBytes: 0).times(pairs)
        work.bytes += pairs * (depth + plan.verify) * bytes
        return Figure(
            kind: .verify(tokens: plan.verify, depth: depth), tokens: plan.verify * pairs, seconds: seconds, work: work,
            cost: zip(seconds, single).map { $0 / $1 })
    }

    /// The seconds of every `count` steps together.
    private func sums(_ steps: ArraySlice<EngineStep>, _ count: Int) -> [Double] {
        stride(from: steps.startIndex, to: steps.endIndex, by: count).map { start in
            steps[start..<min(start + count, steps.endIndex)].reduce(0) { $0 + $1.seconds }
        }
    }

    /// Replies to several prompts at the same time; stop tokens do not end them.
    private func generate(_ engine: LLMEngine, _ prompts: [[TokenID]], count: Int) async throws {
        let replies = prompts.map { engine.generate(GenerationRequest(prompt: $0, maxTokens: count)) }
        for reply in replies {
            for try await _ in reply {}
        }
        try Task.checkCancellation()
    }

    /// Arbitrary tokens, different for every seed from the first on.
    private func prompt(_ count: Int, seed: Int = 0) -> [TokenID] {
        let vocabulary = source.architecture.vocabularySize
        return (0..<count).map { TokenID((($0 + 1) &* 7919 &+ seed &* 104_729 &+ 13) % vocabulary) }
    }
}

/// The time since the last lap.
private struct Stopwatch {
    private var last: ContinuousClock.Instant
    init(_ start: ContinuousClock.Instant) { last = start }
    mutating func lap() -> Double {
        let now = ContinuousClock.now
        defer { last = now }
        return last.duration(to: now) / .seconds(1)
    }
}
