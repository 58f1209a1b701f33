// What opened files say, whichever of the two layouts they have.
internal import JSON
internal import Tokens

extension ModelFiles {
    var weights: WeightSource {
        switch self {
        case .gguf(_, let weights): weights
        case .huggingFace(let files): files.weights
        }
    }

    /// The file that describes the tokenizer, for messages.
    var tokenizerFile: String {
        switch self {
        case .gguf(let gguf, _): gguf.file.name
        case .huggingFace(let files): files.name + "/tokenizer.json"
        }
    }

    /// Whether Q and K rows are stored for the interleaved rope.
    var storesInterleavedRope: Bool {
        switch self {
        case .gguf(let gguf, _):
            gguf.value("general.architecture")?.stringValue.flatMap { Family.gguf[$0]?.interleaved } ?? false
        case .huggingFace: false
        }
    }

    func metadata() throws(LoadError) -> JSONValue {
        switch self {
        case .gguf(let gguf, _): try gguf.metadataJSON()
        case .huggingFace(let files): files.metadata()
        }
    }

    func architecture() throws(LoadError) -> Architecture {
        switch self {
        case .gguf(let gguf, let weights): try Architecture(gguf: gguf, source: weights)
        case .huggingFace(let files): try Architecture(huggingFace: files.configuration, file: files.name + "/config.json")
        }
    }

    func language(vocabularySize: Int) throws(LoadError) -> ModelLanguage {
        switch self {
        case .gguf(let gguf, _): try gguf.language(vocabularySize: vocabularySize)
        case .huggingFace(let files): try files.language(vocabularySize: vocabularySize)
        }
    }

    /// Throws LoadError or TokenizerError.
    func tokenizer() throws -> Tokenizer {
        switch self {
        case .gguf(let gguf, _): return try Tokenizer(gguf: gguf.tokenizerDescription())
        case .huggingFace(let files):
            guard let json = files.tokenizer else { throw LoadError.missingFile(file: "tokenizer.json", folder: files.name) }
            return try Tokenizer(tokenizerJSON: json.content())
        }
    }
}
