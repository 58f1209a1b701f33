// sirocco quantize: a model as one GGUF file, its matrices quantized.
import ArgumentParser
import Engine
import Synchronization

struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Write a model as a GGUF file, its matrices quantized, for this program or llama.cpp.",
        discussion: """
            Mixtures (q4_k_m, q5_k_s, …) choose types by a tensor's role as llama.cpp's do. The file appears under its name when it is whole.
            """)

    @Argument(help: "A GGUF file, or a directory with safetensors and config.json.")
    var input: String

    @Argument(help: "The GGUF file to write; one of this name is replaced.")
    var output: String

    @Option(help: "What to quantize to: q8_0, q6_k, q5_k_m, q4_k_m, q4_0, iq4_xs, mxfp4, f16, … or auto (the most bits within half of memory).")
    var type: String

    @Option(
        help: ArgumentHelp(
            "Another type for the tensors whose GGUF names match a POSIX extended regular expression; repeatable, the first that matches counts.",
            valueName: "REGEX=TYPE"))
    var tensor: [String] = []

    @Option(
        help: ArgumentHelp("What each column matters to the quantizers: an importance matrix of llama.cpp or `sirocco imatrix`.", valueName: "file"))
    var imatrix: String?

    @Flag(help: "Quantize matrices anew that are already quantized.")
    var requantize = false

    @Option(help: "Threads that quantize. Default: one for each processor.")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes a number from 1 to 1024.") }
        do {
            _ = try QuantizationOptions.choice(type)
            _ = try QuantizationOptions.exceptions(tensor, option: "--tensor")
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() throws {
        let quantization = Quantization(
            try QuantizationOptions.choice(type), exceptions: try QuantizationOptions.exceptions(tensor, option: "--tensor"),
            importance: try imatrix.map { try ImportanceMatrix(path: $0) }, requantizes: requantize)
        let options = LoadOptions(threads: threads, quantization: quantization)
        let source = try ModelSource(path: input)
        let notes = try source.plan(options: options).quantizationNotes
        let line = ProgressLine()
        let bytes: Int
        do {
            let announced = Mutex(false)
            defer { line.clear() }
            bytes = try source.writeGGUF(to: output, options: options) { progress in
                // Not before the file could be made: what was refused is not announced.
                announced.withLock { announced in
                    if !announced { notes.forEach(note) }
                    announced = true
                }
                line.show("quantizing: \(Int(progress.fraction * 100)) %")
            }
        }
        printLine("wrote \(output): \(bytes) bytes")
    }
}
