// sirocco tokenize and detokenize: the tokenizer alone.
import ArgumentParser
import Engine
import Glibc
import JSON
import Tokens

struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize", abstract: "Turn the text on standard input into token ids.",
        discussion: "Special tokens in the text are ordinary text, as they are in a user's message, unless --special is given.")

    @Argument(help: "A GGUF file, a model directory, or a tokenizer.json. Default: the embedded model.")
    var model: String?

    @Flag(help: "Recognise special tokens in the text.")
    var special = false

    @Flag(help: "Print one JSON object with the ids and the tokens.")
    var json = false

    func run() throws {
        let tokenizer = try openTokenizer(model)
        let input = try text(readStandardInput(), from: "standard input")
        let ids = tokenizer.encode(input, parsingSpecials: special)
        guard json else { return printLine(ids.map(String.init).joined(separator: " ")) }
        let tokens = ids.map { JSONValue(tokenizer.content(of: $0)) }
        printLine(JSONValue.object(["ids": .array(ids.map { JSONValue(Int($0)) }), "tokens": .array(tokens)]).text(.spaced))
    }
}

struct DetokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detokenize", abstract: "Turn token ids on standard input, separated by spaces or commas, into text.")

    @Argument(help: "A GGUF file, a model directory, or a tokenizer.json. Default: the embedded model.")
    var model: String?

    @Flag(help: "Keep special tokens in the text.")
    var special = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let tokenizer = try openTokenizer(model)
        let input = try text(readStandardInput(), from: "standard input")
        let ids: [TokenID] = try input.split(whereSeparator: { " ,[]\n\r\t".contains($0) }).map { part in
            guard let id = TokenID(part), id >= 0, id < tokenizer.vocabulary.count else {
                throw CommandError("\"\(part)\" is no token id; ids run from 0 to \(tokenizer.vocabulary.count - 1)")
            }
            return id
        }
        let output = tokenizer.decode(ids, skippingSpecials: !special)
        if json { printLine(JSONValue.object(["text": JSONValue(output)]).text(.spaced)) } else { printText(output) }
    }
}

/// The tokenizer of a model, or of a tokenizer.json by itself.
func openTokenizer(_ path: String?) throws -> Tokenizer {
    if let path, path.hasSuffix(".json") {
        return try Tokenizer(tokenizerJSON: JSONValue(parsing: readFile(path, limit: 256 << 20), limits: JSONLimits(bytes: 256 << 20, depth: 64)))
    }
    // Neither need a folder hold a model.
    if let path, access(path + "/tokenizer.json", R_OK) == 0, access(path + "/config.json", R_OK) != 0 {
        return try openTokenizer(path + "/tokenizer.json")
    }
    // A GGUF file need not hold a model to hold a tokenizer.
    if let path, try isGGUF(path) { return try Tokenizer(gguf: GGUFFile(MappedFile(path: path)).tokenizerDescription()) }
    return try openSource(path).makeTokenizer()
}

/// Whether a file begins with GGUF's magic.
private func isGGUF(_ path: String) throws -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var magic = [UInt8](repeating: 0, count: 4)
    return read(descriptor, &magic, 4) == 4 && magic == Array("GGUF".utf8)
}
