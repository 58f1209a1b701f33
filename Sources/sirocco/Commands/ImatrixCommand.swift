// sirocco imatrix: what each column of a model's matrices matters, computed over a text.
import ArgumentParser
import Engine
import Tokens

struct ImatrixCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "imatrix",
        abstract: "Compute an importance matrix: the mean squared input of each column of each matrix over a text.",
        discussion: "The file is in llama.cpp's GGUF form; `--imatrix FILE` of sirocco quantize and --isq, and llama-quantize, read it.")

    @Argument(help: "A GGUF file, or a directory with safetensors and config.json.")
    var model: String

    @Option(help: "A text file that is like what the model will read.")
    var calibration: String

    @Option(help: "The file to write; one of this name is replaced.")
    var out: String

    @Option(help: "Tokens that are read together.")
    var chunk = 512

    @Option(help: "Chunks to read at most.")
    var chunks: Int?

    @Option(help: "Threads that compute. Default: one for each core this process may use.")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes a number from 1 to 1024.") }
        if !(2...65536).contains(chunk) { throw ValidationError("--chunk takes a number from 2 to 65,536.") }
        if let chunks, chunks < 1 { throw ValidationError("--chunks takes a number from 1 up.") }
    }

    func run() async throws {
        let source = try ModelSource(path: model)
        let text = try readFile(calibration)
        guard let text = String(validating: text, as: UTF8.self) else { throw CommandError("\(calibration) is not UTF-8") }
        let tokens = try source.makeTokenizer().encode(text)
        let statistics = InputStatistics()
        let loaded = try loadModel(source, LoadOptions(threads: threads))
        let engine = try LLMEngine(
            model: loaded, options: EngineOptions(threads: threads, cacheTokens: min(chunk, source.contextLength) + 1), inputStatistics: statistics)
        let length = min(chunk, engine.contextLength - 1)
        let whole = tokens.count / length
        guard whole > 0 else { throw CommandError("\(calibration) has \(tokens.count) tokens, less than one chunk of \(length)") }
        let count = min(whole, chunks ?? whole)
        let line = ProgressLine()
        try await cancelledBySignals {
            defer { line.clear() }
            for index in 0..<count {
                line.show("reading chunk \(index + 1) of \(count)")
                let prompt = Array(tokens[index * length..<(index + 1) * length])
                for try await _ in engine.generate(GenerationRequest(prompt: prompt, maxTokens: 1)) {}
            }
        }
        await engine.shutdown()
        let bytes = try statistics.write(to: out, text: calibration, chunks: count, chunkLength: length)
        printLine("wrote \(out): \(bytes) bytes from \(count) chunks of \(length) tokens")
    }
}
