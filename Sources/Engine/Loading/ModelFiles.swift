// Finds out what a path holds by looking at the content, and opens it.
internal import JSON

/// An opened model before its metadata are understood.
enum ModelFiles: Sendable {
    case gguf(GGUFFile, WeightSource)
    case huggingFace(HuggingFaceFiles)

    init(path: String) throws(LoadError) {
        if try isFolder(path) {
            try self.init(.folder(path))
        } else {
            self = try Self.file(try MappedFile(path: path))
        }
    }

    /// A set of files: config.json with safetensors, or one GGUF file.
    init(_ set: FileSet) throws(LoadError) {
        let names = try set.names()
        let tensors = names.filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".safetensors.index.json") }
        if names.contains("config.json"), !tensors.isEmpty {
            self = .huggingFace(try HuggingFaceFiles(set, names: names))
            return
        }
        let models = names.filter { $0.hasSuffix(".gguf") }
        guard models.count <= 1 else { throw .ambiguous(folder: set.name, files: models) }
        if let model = models.first {
            self = try Self.file(try set.open(model))
            return
        }
        if let pickle = names.first(where: Self.isPickle) { throw .pickleRefused(file: set.path(pickle)) }
        if !tensors.isEmpty { throw .missingFile(file: "config.json", folder: set.name) }
        if names.contains("config.json") { throw .missingFile(file: "*.safetensors", folder: set.name) }
        throw .unrecognised(
            file: set.name, found: names.isEmpty ? "an empty folder" : "a folder with \(listed(names))")
    }

    private static func isPickle(_ name: String) -> Bool {
        [".bin", ".pt", ".pth", ".ckpt", ".pkl"].contains { name.hasSuffix($0) }
    }

    private static func file(_ file: MappedFile) throws(LoadError) -> ModelFiles {
        if file.bytes.starts(with: Array("GGUF".utf8)) {
            let gguf = try GGUFFile(file)
            return .gguf(gguf, try WeightSource(convention: .gguf, files: [file], tensors: gguf.tensors))
        }
        if looksLikePickle(file) { throw .pickleRefused(file: file.name) }
        throw .unrecognised(file: file.name, found: content(of: file))
    }

    /// A pickle's first bytes, or a zip archive as PyTorch writes it.
    private static func looksLikePickle(_ file: MappedFile) -> Bool {
        let bytes = file.bytes
        if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) { return true }
        return bytes.starts(with: [0x50, 0x4b, 0x03, 0x04]) && isPickle(file.name)
    }

    /// What a file that is not a model seems to be.
    private static func content(of file: MappedFile) -> String {
        let bytes = file.bytes
        if bytes.isEmpty { return "an empty file" }
        let starts: [(String, String)] = [
            ("version https://git-lfs", "a Git LFS pointer instead of the file it stands for"), ("<!DOCTYPE", "a web page"),
            ("<html", "a web page"), ("lmgg", "an old GGML file"), ("fmgg", "an old GGML file"), ("tjgg", "an old GGJT file"),
            ("PK\u{3}\u{4}", "a zip archive"), ("{", "JSON text"),
        ]
        for (start, what) in starts where bytes.starts(with: Array(start.utf8)) { return what }
        if isSafetensors(file) { return "a safetensors file without its configuration (name its folder instead)" }
        let first = bytes.prefix(4).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        return "a file that begins with the bytes \(first.joined(separator: " "))"
    }

    /// Whether a file begins as a safetensors file does.
    static func isSafetensors(_ file: MappedFile) -> Bool {
        guard file.count > 9 else { return false }
        let length = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
        return length > 1 && length <= UInt64(file.count - 8) && file.bytes[8] == UInt8(ascii: "{")
    }
}

/// A model in Hugging Face's layout: configuration files beside safetensors.
struct HuggingFaceFiles: Sendable {
    let name: String
    let configuration: JSONValue
    let generation: JSONValue?
    let tokenizerConfiguration: JSONValue?
    let tokenizer: TokenizerFile?
    /// chat_template.jinja, or the older chat_template.json's text.
    let templateFile: String?
    let weights: WeightSource
    /// The `__metadata__` of the weights' files.
    let weightMetadata: [(key: String, value: String)]

    init(_ set: FileSet, names: [String]) throws(LoadError) {
        func optional(_ file: String) throws(LoadError) -> JSONValue? {
            names.contains(file) ? try set.json(file) : nil
        }
        name = set.name
        configuration = try set.json("config.json")
        generation = try optional("generation_config.json")
        tokenizerConfiguration = try optional("tokenizer_config.json")
        tokenizer = names.contains("tokenizer.json") ? try TokenizerFile(set.open("tokenizer.json")) : nil
        if names.contains("chat_template.jinja") {
            templateFile = try set.open("chat_template.jinja").text(limit: LoadLimits.configurationBytes)
        } else {
            templateFile = try optional("chat_template.json")?["chat_template"]?.stringValue
        }
        (weights, weightMetadata) = try Self.openWeights(set, names: names)
    }

    private static func openWeights(
        _ set: FileSet, names: [String]
    ) throws(LoadError) -> (WeightSource, [(key: String, value: String)]) {
        let index = "model.safetensors.index.json"
        let shards: [String]
        var map: [String: String]?
        if names.contains("model.safetensors") {
            shards = ["model.safetensors"]
        } else if names.contains(index) {
            let weightMap = try readIndex(set, index)
            shards = Array(Set(weightMap.values)).sorted()
            map = weightMap
        } else {
            let files = names.filter { $0.hasSuffix(".safetensors") }
            guard files.count == 1 else { throw .ambiguous(folder: set.name, files: files) }
            shards = files
        }
        var files: [MappedFile] = []
        var tensors: [TensorInfo] = []
        var metadata: [(key: String, value: String)] = []
        for (number, shard) in shards.enumerated() {
            guard names.contains(shard) else { throw .missingFile(file: shard, folder: set.name) }
            let file = try SafetensorsFile(set.open(shard), index: number)
            if let map { try check(file, shard: shard, map: map, index: set.path(index)) }
            files.append(file.file)
            tensors += file.tensors
            if number == 0 { metadata = file.metadata }
        }
        return (try WeightSource(convention: .huggingFace, files: files, tensors: tensors), metadata)
    }

    /// The index's map from tensors to files.
    private static func readIndex(_ set: FileSet, _ name: String) throws(LoadError) -> [String: String] {
        let path = set.path(name)
        guard let object = try set.json(name)["weight_map"]?.objectValue else {
            throw .malformedIndex(file: path, reason: "it has no weight_map")
        }
        guard !object.isEmpty else { throw .malformedIndex(file: path, reason: "its weight_map is empty") }
        var map: [String: String] = [:]
        for (tensor, value) in object {
            guard let file = value.stringValue else {
                throw .wrongType(file: path, key: "weight_map.\(tensor)", expected: "a string", found: value.typeName)
            }
            guard !file.isEmpty, file != ".", file != "..", !file.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) else {
                throw .unsafeFileName(file: path, name: file)
            }
            map[tensor] = file
        }
        let count = Set(map.values).count
        guard count <= LoadLimits.shards else {
            throw .limitExceeded(file: path, what: "the number of files", value: UInt64(count), limit: UInt64(LoadLimits.shards))
        }
        return map
    }

    /// A file and the index must agree on the tensors that it holds.
    private static func check(_ file: SafetensorsFile, shard: String, map: [String: String], index: String) throws(LoadError) {
        let held = Set(file.tensors.map(\.name))
        for tensor in file.tensors where map[tensor.name] != shard {
            let place = map[tensor.name].map { "in \(quoted($0))" } ?? "nowhere"
            throw .malformedIndex(file: index, reason: "tensor \(quoted(tensor.name)) lies in \(quoted(shard)), the index puts it \(place)")
        }
        if let lost = map.first(where: { $0.value == shard && !held.contains($0.key) }) {
            throw .malformedIndex(file: index, reason: "\(quoted(shard)) does not hold the tensor \(quoted(lost.key))")
        }
    }
}
