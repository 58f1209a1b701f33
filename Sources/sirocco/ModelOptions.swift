// Which model, and how it runs: the options that every command with a model shares.
import ArgumentParser
import Embedded
import Engine

struct ModelOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "A GGUF file, or a directory with safetensors and config.json. Default: the embedded model.")
    var model: String?

    @Option(help: "Threads that compute. Default: one for each core this process may use.")
    var threads: Int?

    @Flag(help: "Keep each computing thread on a core of its own (Linux).")
    var pin = false

    @Option(
        name: .customLong("context"),
        help: "Tokens that the cache holds, for all conversations together. Default: four of the model's contexts, within 2 GiB.")
    var contextTokens: Int?

    @Option(
        name: .customLong("kv-cache-type"),
        help: "How the cache keeps keys and values: f32, f16, q8_0 or q4_0. Default: f16 for quantized weights, else f32.",
        transform: { name in
            guard let type = CacheType(rawValue: name) else { throw ValidationError("\(name) is none of f32, f16, q8_0, q4_0.") }
            return type
        })
    var cacheType: CacheType?

    @Flag(
        inversion: .prefixedNo,
        help: "Keep the packed weights of a large model in a file beside it, so that it loads at once the next time.")
    var packedFile = true

    @OptionGroup var quantization: QuantizationOptions

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes a number from 1 to 1024.") }
        if let contextTokens, !(1...(1 << 28)).contains(contextTokens) { throw ValidationError("--context takes a number from 1 to \(1 << 28).") }
    }

    /// How weights are loaded.
    func loading() throws -> LoadOptions {
        LoadOptions(threads: threads, quantization: try quantization.quantization(), keepsPackedWeights: packedFile)
    }

    /// How the engine runs a model.
    func engine(for source: ModelSource) throws -> EngineOptions {
        let type = try cacheType ?? (quantization.quantization() != nil || source.isQuantized ? .f16 : .f32)
        return EngineOptions(threads: threads, pinsThreads: pin, cacheType: type, cacheTokens: contextTokens)
    }

    /// Opens the model's files; no weight is read.
    func source() throws -> ModelSource { try openSource(model) }
}

/// Loads a model, and says what is done to its weights on the way.
func loadModel(_ source: ModelSource, _ options: LoadOptions, progress: (@Sendable (LoadProgress) -> Void)? = nil) throws -> Model {
    if options.quantization != nil {
        for line in try source.plan(options: options).quantizationNotes { note(line) }
    }
    let model = try Model.load(source, options: options, progress: progress)
    model.loadingNotes.forEach(note)
    return model
}

/// Opens a model by path, or the embedded one.
func openSource(_ path: String?) throws -> ModelSource {
    guard let path else { return try ModelSource(embedded: embeddedModelFiles()) }
    return try ModelSource(path: path)
}

/// The files of the embedded default model, which lie in the program itself.
func embeddedModelFiles() -> EmbeddedFiles {
    var files: [(name: String, bytes: UnsafeRawBufferPointer)] = []
    var entry = sirocco_embedded_model()!
    while let name = entry.pointee.name {
        files.append((String(cString: name), UnsafeRawBufferPointer(start: entry.pointee.bytes, count: entry.pointee.count)))
        entry += 1
    }
    return EmbeddedFiles(name: "breeze", files: files)
}
