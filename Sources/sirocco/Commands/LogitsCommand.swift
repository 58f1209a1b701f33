// sirocco logits: the engine's raw output for given tokens, to be compared with any other engine's.
import ArgumentParser
import Engine
import JSON
import Synchronization
import Tokens

struct LogitsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logits",
        abstract: "Write a model's logits for given tokens as a safetensors file.",
        discussion: """
            The file holds F32 tensors: `logits` [P, V] for every position of the prompt and, with --greedy N, `gen_ids` [N], the most probable \
            continuation one token at a time, with `gen_logits` [N, V], the logits that chose each of its tokens.
            """)

    @Argument(help: "A GGUF file or a model directory. Default: the embedded model.")
    var model: String?

    @Option(help: "Token ids, separated by commas.")
    var ids: String

    @Option(help: "How many tokens to continue by, greedily; stop tokens do not end it.")
    var greedy = 0

    @Option(name: .shortAndLong, help: "The safetensors file to write.")
    var output: String

    @Option(help: "Threads that compute.")
    var threads: Int?

    @OptionGroup var quantization: QuantizationOptions

    @Flag(help: "Print one JSON object that says what was written.")
    var json = false

    func validate() throws {
        if greedy < 0 { throw ValidationError("--greedy takes 0 or more.") }
    }

    func run() async throws {
        let prompt = try parsedIDs()
        let loaded = try loadModel(openSource(model), LoadOptions(threads: threads, quantization: quantization.quantization()))
        let vocabulary = loaded.architecture.vocabularySize
        let engine = try LLMEngine(model: loaded, options: EngineOptions(threads: threads))
        guard greedy <= engine.contextLength - prompt.count else {
            throw CommandError("\(prompt.count) ids and \(greedy) more exceed the context of \(engine.contextLength) tokens")
        }
        let logits = try await engine.logits(of: prompt)
        var tensors: [(name: String, shape: [Int], values: [Float])] = [("logits", [prompt.count, vocabulary], logits)]
        if greedy > 0 {
            let (ids, logits) = try await continuation(of: prompt, by: engine)
            tensors.append(("gen_ids", [ids.count], ids.map(Float.init)))
            tensors.append(("gen_logits", [ids.count, vocabulary], logits))
        }
        await engine.shutdown()
        try writeFile(safetensors(tensors), to: output)
        let report: [(String, JSONValue)] = tensors.map { ($0.name, .array($0.shape.map { JSONValue($0) })) }
        if json {
            printLine(JSONValue.object(JSONObject([("output", JSONValue(output)), ("tensors", .object(JSONObject(report)))])).text(.spaced))
        } else {
            note("wrote \(output): " + report.map { "\($0.0) \($0.1.text(.spaced))" }.joined(separator: ", "))
        }
    }

    private func parsedIDs() throws -> [TokenID] {
        try ids.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let id = TokenID(part.trimming(" ")) else {
                throw ValidationError("--ids takes token ids separated by commas; \"\(part)\" is none.")
            }
            return id
        }
    }

    /// The greedy continuation, token by token through the cache, with the logits that chose each token.
    private func continuation(of prompt: [TokenID], by engine: LLMEngine) async throws -> ([TokenID], [Float]) {
        let observed = Mutex<[Float]>([])
        let request = GenerationRequest(prompt: prompt, maxTokens: greedy, logitsObserver: { logits in observed.withLock { $0 += logits } })
        var ids: [TokenID] = []
        for try await event in engine.generate(request) {
            if case .tokens(let tokens) = event { ids += tokens.map(\.id) }
        }
        return (ids, observed.withLock { $0 })
    }
}

/// F32 tensors as a safetensors file.
func safetensors(_ tensors: [(name: String, shape: [Int], values: [Float])]) -> [UInt8] {
    var header = JSONObject()
    var offset = 0
    for tensor in tensors {
        let end = offset + 4 * tensor.values.count
        header[tensor.name] = [
            "dtype": "F32", "shape": .array(tensor.shape.map { JSONValue($0) }), "data_offsets": [JSONValue(offset), JSONValue(end)],
        ]
        offset = end
    }
    var text = Array(JSONValue.object(header).text().utf8)
    text += repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + text.count + offset)
    withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes += $0 }
    bytes += text
    for tensor in tensors { tensor.values.withUnsafeBytes { bytes += $0 } }
    return bytes
}

extension StringProtocol {
    /// The text without these characters at its ends.
    func trimming(_ characters: String) -> String {
        let set = Set(characters)
        return String(String(drop { set.contains($0) }.reversed().drop { set.contains($0) }).reversed())
    }
}
