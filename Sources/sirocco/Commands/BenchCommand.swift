// sirocco bench: how fast this machine runs a model, beside what its memory allows.
import ArgumentParser
import Engine
import Glibc
import JSON
import Kernels
import Tokens

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure prefill and decode in tokens a second, and the share of the memory bandwidth that decode reaches.",
        discussion: "Each figure is the median of the runs. The bandwidth is measured in the same run, with the same number of threads.")

    @OptionGroup var model: ModelOptions

    @Option(help: "Tokens in the prompt.")
    var prompt = 256

    @Option(help: "Tokens to generate.")
    var generate = 64

    @Option(help: "Runs of each.")
    var runs = 5

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        for (name, value) in [("--prompt", prompt), ("--generate", generate), ("--runs", runs)] where !(1...1_000_000).contains(value) {
            throw ValidationError("\(name) takes a number from 1 to 1,000,000.")
        }
    }

    func run() async throws {
        let source = try model.source()
        let start = ContinuousClock.now
        let loaded = try loadModel(source, model.loading())
        let loadSeconds = start.duration(to: .now) / .seconds(1)
        let engine = try LLMEngine(model: loaded, options: model.engine)
        guard prompt + generate <= engine.contextLength else {
            throw CommandError("--prompt and --generate together exceed the context of \(engine.contextLength) tokens")
        }
        let threads = engine.threads
        let runs = runs
        let samples = try await cancelledBySignals { [self] in
            _ = try await measure(engine, source)
            var samples: [(prefill: Double, decode: Double)] = []
            for _ in 0..<runs { samples.append(try await measure(engine, source)) }
            return samples
        }
        await engine.shutdown()
        let report = Report(
            model: source.name, threads: threads, kernels: engine.kernels, prompt: prompt, generate: generate, loadSeconds: loadSeconds,
            prefill: median(samples.map(\.prefill)), decode: median(samples.map(\.decode)), bytesPerToken: bytesPerToken(loaded),
            bandwidth: sirocco_read_bandwidth(Int32(threads), 512 << 20))
        printLine(json ? report.json.text(.spaced) : report.text)
    }

    /// One prompt of arbitrary tokens and its continuation: tokens a second of each.
    private func measure(_ engine: LLMEngine, _ source: ModelSource) async throws -> (prefill: Double, decode: Double) {
        let vocabulary = source.architecture.vocabularySize
        let tokens = (0..<prompt).map { TokenID(($0 &* 7919 &+ 13) % vocabulary) }
        var usage = Usage()
        for try await event in engine.generate(GenerationRequest(prompt: tokens, maxTokens: generate)) {
            if case .finished(_, let final) = event { usage = final }
        }
        return (Double(prompt) / usage.prefillSeconds, Double(max(usage.generatedTokens - 1, 1)) / usage.decodeSeconds)
    }

    /// Bytes that one decoding step reads: all weights but the embedding table (one row of it, unless it is the output too), and the cache at mean depth.
    private func bytesPerToken(_ model: Model) -> Int {
        let weights = model.weights
        var bytes = weights.output.byteCount
        for layer in weights.layers {
            for matrix in [layer.q, layer.k, layer.v, layer.o, layer.gate, layer.up, layer.down] { bytes += matrix.byteCount }
        }
        return bytes + model.architecture.keyValueBytesPerPosition(self.model.cacheType) * (prompt + generate / 2)
    }
}

private struct Report {
    let model: String
    let threads: Int
    let kernels: String
    let prompt: Int
    let generate: Int
    let loadSeconds: Double
    let prefill: Double
    let decode: Double
    let bytesPerToken: Int
    let bandwidth: Double

    var share: Double { Double(bytesPerToken) * decode / bandwidth }

    var text: String {
        """
        model        \(model), \(kernels), \(threads) thread\(threads == 1 ? "" : "s"); loaded in \(decimals(loadSeconds, 3)) s
        prefill      \(decimals(prefill, 1)) tokens/s   (\(prompt) tokens)
        decode       \(decimals(decode, 1)) tokens/s   (\(generate) tokens at depth \(prompt))
        memory       \(bytesText(bytesPerToken)) read a token; \(decimals(bandwidth / 1e9, 1)) GB/s measured
        decode uses  \(decimals(share * 100, 1)) % of the memory bandwidth\(bytesPerToken < 24 << 20 ? " (so small a model stays in the cache)" : "")
        """
    }

    var json: JSONValue {
        [
            "model": .string(model), "kernels": .string(kernels), "threads": JSONValue(threads), "load_seconds": JSONValue(loadSeconds),
            "prompt_tokens": JSONValue(prompt), "generated_tokens": JSONValue(generate), "prefill_tokens_per_second": JSONValue(prefill),
            "decode_tokens_per_second": JSONValue(decode), "bytes_per_token": JSONValue(bytesPerToken),
            "bandwidth_bytes_per_second": JSONValue(bandwidth), "bandwidth_fraction": JSONValue(share),
        ]
    }
}

/// The middle value.
func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
