// tokenizer.json, parsed once for two readers and not kept any longer.
internal import JSON
internal import Synchronization

/// A tokenizer.json. Opening a model needs its special tokens, making the tokenizer needs all of it; a large vocabulary takes many times its
/// file's size as a tree, so that the tree is let go with its second use.
final class TokenizerFile: Sendable {
    /// The `added_tokens` that are special.
    let specialTokens: [(id: Int, text: String)]
    private let file: MappedFile
    private let parsed: Mutex<JSONValue?>

    init(_ file: MappedFile) throws(LoadError) {
        self.file = file
        let content = try file.json(limit: LoadLimits.tokenizerBytes)
        parsed = Mutex(content)
        // What is malformed here is reported when the tokenizer is made.
        specialTokens = (content["added_tokens"]?.arrayValue ?? []).compactMap { token in
            guard token["special"]?.boolValue == true, let id = token["id"]?.intValue, id >= 0, let text = token["content"]?.stringValue
            else { return nil }
            return (id, text)
        }
    }

    /// The whole content: the tree from opening the first time, parsed anew after that.
    func content() throws(LoadError) -> JSONValue {
        let kept = parsed.withLock { value in
            defer { value = nil }
            return value
        }
        if let kept { return kept }
        return try file.json(limit: LoadLimits.tokenizerBytes)
    }
}
