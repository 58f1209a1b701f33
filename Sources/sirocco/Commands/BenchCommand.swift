// sirocco bench: how fast this machine runs a model, beside what its memory and its arithmetic allow.
import ArgumentParser
import Engine
import JSON

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure prefill, decode, batches, verification of drafts, loading and memory; with --roofline beside this machine's limits.",
        discussion: """
            Speeds are tokens a second, the median of the runs and the best one. With --roofline, the machine's read bandwidth and its peaks of \
            int8, BF16 and F32 arithmetic are measured in the same run with the same number of threads; a limit is what the matrix products and \
            the bytes of weights and cache take at these rates, and nothing else.
            """,
        subcommands: [BenchGrammar.self, ConstrainedBenchCommand.self])

    @OptionGroup var model: ModelOptions

    @Option(help: "Prompt lengths to time, separated by commas, or none. Default: those of 128, 512 and 2048 that fit the model's context.")
    var prefill: NumberList?

    @Option(help: "Positions in the cache where decoding and verification are timed, or none. Default: those of 0, 512 and 2048 that fit.")
    var depth: NumberList?

    @Option(help: "Numbers of sequences that decode together, or none. Default: 1,4,8,16.")
    var batch: NumberList?

    @Option(help: "Positions that each sequence of a batch has in the cache.")
    var batchDepth = 64

    @Option(help: "Drafted tokens that are verified at once; 0: none.")
    var verify = 4

    @Option(help: "Tokens to decode in each run.")
    var generate = 32

    @Option(help: "Runs of each figure.")
    var runs = 5

    @Option(help: "Numbers of threads to measure with, one after the other, separated by commas; instead of --threads.")
    var threadCounts: NumberList?

    @Flag(help: "Measure this machine's limits too, and print each figure's share of its limit.")
    var roofline = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        let single = [("--generate", [generate], 1...100_000), ("--runs", [runs], 1...1000), ("--verify", [verify], 0...64)]
        let lists = [
            ("--prefill", prefill?.numbers, 1...1_000_000), ("--depth", depth?.numbers, 0...1_000_000), ("--batch", batch?.numbers, 1...256),
            ("--batch-depth", [batchDepth], 0...1_000_000), ("--thread-counts", threadCounts?.numbers, 1...256),
        ]
        for (name, values, range) in single + lists.map({ ($0, $1 ?? [], $2) }) where !values.allSatisfy(range.contains) {
            throw ValidationError("\(name) takes numbers from \(range.lowerBound) to \(range.upperBound).")
        }
        for (name, values, _) in lists where (values?.count ?? 0) > 32 { throw ValidationError("\(name) takes at most 32 numbers.") }
        if threadCounts?.numbers.isEmpty == true { throw ValidationError("--thread-counts takes at least one number.") }
        if threadCounts != nil && model.threads != nil { throw ValidationError("--thread-counts and --threads exclude each other.") }
    }

    func run() async throws {
        let start = ContinuousClock.now
        let source = try model.source()
        let plan = try plan(context: min(source.contextLength, model.contextTokens ?? .max))
        let line = ProgressLine()
        let bench = Bench(
            plan: plan, source: source, loading: try model.loading(), options: try model.engine(for: source),
            threadCounts: threadCounts?.numbers.map { $0 } ?? [nil], measuresLimits: roofline, progress: { line.show("bench: \($0)") })
        let report = try await cancelledBySignals {
            defer { line.clear() }
            return try await bench.run(opened: start)
        }
        printLine(json ? report.json.text(.spaced) : report.text)
    }

    /// What is measured; what does not fit the context is left out, unless it was asked for.
    private func plan(context: Int) throws -> BenchPlan {
        try BenchPlan(
            prefill: prefill?.numbers ?? BenchPlan.defaultPrefill, depths: depth?.numbers ?? BenchPlan.defaultDepths,
            batches: batch?.numbers ?? BenchPlan.defaultBatches, batchDepth: batchDepth, generate: generate, verify: verify, runs: runs
        ).fitted(to: context, chosen: (prefill != nil, depth != nil, batch != nil))
    }
}
