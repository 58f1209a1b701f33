// A model opened but not loaded: all it says about itself, and where its weights lie.
public import JSON
public import Tokens

/// An opened model. Opening reads metadata only; weights stay on disk until `Model.load`.
public struct ModelSource: Sendable {
    /// The file's or folder's name without its path and ".gguf".
    public let name: String
    /// What the metadata says is to be computed.
    public let architecture: Architecture
    /// All metadata as JSON; long arrays of GGUF are cut (see `GGUFValue.json`).
    public let metadata: JSONValue
    /// The tensors, not yet read.
    public let weights: WeightSource
    /// Chat templates by name; the usual one is called "default".
    public let chatTemplates: [(name: String, text: String)]
    /// The special tokens' texts under the names that templates use: bos_token, eos_token, pad_token, ….
    public let specialTokens: [(name: String, text: String)]
    /// Tokens that end a turn: those the model declares, and the end-of-turn tokens that its tokenizer is known to have.
    public let stopTokens: [TokenID]
    /// The sampling that the model's makers recommend.
    public let defaultSampling: DefaultSampling
    private let files: ModelFiles

    /// Opens a GGUF file, a folder with config.json and safetensors, or a folder with one GGUF file. The content decides which it is.
    public init(path: String) throws(LoadError) {
        try self.init(ModelFiles(path: path), name: Self.name(ofPath: path))
    }

    /// Opens the same from memory.
    public init(embedded: EmbeddedFiles) throws(LoadError) {
        try self.init(ModelFiles(.embedded(embedded)), name: embedded.name)
    }

    init(_ files: ModelFiles, name: String) throws(LoadError) {
        self.name = name
        self.files = files
        metadata = try files.metadata()
        weights = files.weights
        architecture = try files.architecture()
        let language = try files.language(vocabularySize: architecture.vocabularySize)
        chatTemplates = language.chatTemplates
        specialTokens = language.specialTokens
        stopTokens = language.stopTokens
        defaultSampling = language.defaultSampling
    }

    /// The template named "default", or the only one.
    public var chatTemplate: String? {
        chatTemplates.first { $0.name == "default" }?.text ?? (chatTemplates.count == 1 ? chatTemplates[0].text : nil)
    }

    /// The template to use when a request has tools.
    public var toolTemplate: String? { chatTemplates.first { $0.name == "tool_use" }?.text ?? chatTemplate }

    /// Positions the model was made for.
    public var contextLength: Int { architecture.contextLength }

    /// Whether most of the weights, by bytes, are of quantized types.
    public var isQuantized: Bool {
        let quantized = tensors.reduce(0) { $0 + ($1.type.element?.isQuantized == true ? $1.range.count : 0) }
        return 2 * quantized > tensors.reduce(0) { $0 + $1.range.count }
    }

    /// The tensors as the files declare them.
    public var tensors: [TensorInfo] { weights.tensors }

    /// Makes the tokenizer from tokenizer.json or the GGUF's own metadata.
    public func makeTokenizer() throws(LoadError) -> Tokenizer {
        let tokenizer: Tokenizer
        do {
            tokenizer = try files.tokenizer()
        } catch let error as TokenizerError {
            throw .tokenizer(file: files.tokenizerFile, reason: error.description)
        } catch let error as LoadError {
            throw error
        } catch {
            throw .tokenizer(file: files.tokenizerFile, reason: "\(error)")
        }
        guard tokenizer.vocabulary.count <= architecture.vocabularySize else {
            throw .contradiction(
                file: files.tokenizerFile,
                what: "the tokenizer has \(tokenizer.vocabulary.count) tokens, the model \(architecture.vocabularySize)")
        }
        return tokenizer
    }

    /// What loading would do.
    public func plan(options: LoadOptions = .init()) throws(LoadError) -> LoadPlan {
        try LoadPlan(
            name: name, architecture: architecture, source: weights, interleaved: files.storesInterleavedRope, options: options)
    }

    /// The GGUF file, where the model is one.
    var ggufFile: GGUFFile? {
        if case .gguf(let file, _) = files { file } else { nil }
    }

    /// Whether Q and K rows are stored for the interleaved rope.
    var storesInterleavedRope: Bool { files.storesInterleavedRope }

    /// The content of tokenizer.json.
    func tokenizerContent() throws(LoadError) -> JSONValue {
        guard case .huggingFace(let files) = files, let tokenizer = files.tokenizer else {
            throw .missingFile(file: "tokenizer.json", folder: name)
        }
        return try tokenizer.content()
    }

    static func name(ofPath path: String) -> String {
        let last = path.split(separator: "/").last { $0 != "." }.map(String.init) ?? path
        return last.hasSuffix(".gguf") ? String(last.dropLast(5)) : last
    }
}

extension Model {
    /// Loads a model: plans, then copies or reads ahead in parallel. `progress` is called on this thread, the last time with everything done.
    public static func load(
        _ source: ModelSource, options: LoadOptions = .init(), progress: (@Sendable (LoadProgress) -> Void)? = nil
    ) throws(LoadError) -> Model {
        let plan = try source.plan(options: options)
        var notes: [String] = []
        let weights = try plan.execute(source.weights, options: options, progress: progress, notes: &notes)
        return Model(name: source.name, architecture: source.architecture, weights: weights, loadingNotes: notes)
    }
}

/// Sampling parameters that a model's makers recommend (generation_config.json, `general.sampling.*`); nil where they say nothing.
public struct DefaultSampling: Sendable, Hashable {
    /// 0: always the likeliest token.
    public var temperature: Float?
    /// Only the k most likely tokens; 0: all.
    public var topK: Int?
    /// The smallest set of most likely tokens whose probabilities reach this sum.
    public var topP: Float?
    /// Only tokens at least this fraction as likely as the most likely one.
    public var minP: Float?
    /// Divides positive and multiplies negative logits of tokens seen.
    public var repetitionPenalty: Float?

    /// These recommendations; see the members.
    public init(
        temperature: Float? = nil, topK: Int? = nil, topP: Float? = nil, minP: Float? = nil, repetitionPenalty: Float? = nil
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
    }
}

/// What a model's files say about text: templates, special tokens, where to stop.
struct ModelLanguage: Sendable {
    var chatTemplates: [(name: String, text: String)] = []
    var specialTokens: [(name: String, text: String)] = []
    var stopTokens: [TokenID] = []
    var defaultSampling = DefaultSampling()

    /// Special tokens that end a turn or a text in the vocabularies that have them.
    static let knownStops: Set<String> = [
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<|end_of_turn|>", "<|endoftext|>", "<|end_of_text|>",
    ]

    mutating func stop(at token: Int) {
        let token = TokenID(token)
        if !stopTokens.contains(token) { stopTokens.append(token) }
    }
}
