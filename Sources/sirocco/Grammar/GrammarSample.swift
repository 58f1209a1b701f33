// sirocco grammar sample: random texts that a grammar accepts.
import ArgumentParser
import Grammar
import JSON
import Tokens

struct GrammarSample: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample", abstract: "Draw random texts that a schema or grammar accepts, one a line.",
        discussion: "The same seed draws the same texts. A text of a grammar may hold line ends; --json prints each as a JSON string.")

    @Argument(help: "A grammar; - is standard input.")
    var file: String

    @OptionGroup var grammar: GrammarOptions

    @Option(help: "How many.")
    var count = 1

    @Option(help: "The seed. Default: a random one, which is said on standard error.")
    var seed: UInt64?

    @Option(help: "At most so many bytes a text.")
    var maxBytes = 4_096

    @Option(help: "At most so many tokens a text, of --tokenizer.")
    var maxTokens: Int?

    @Option(help: "Draw tokens instead of bytes: a GGUF file, a model directory or a tokenizer.json.")
    var tokenizer: String?

    @Flag(help: "Print each text as a JSON string.")
    var json = false

    func validate() throws {
        for (name, value) in [("--count", count), ("--max-bytes", maxBytes), ("--max-tokens", maxTokens ?? 1)]
        where !(1...100_000_000).contains(value) {
            throw ValidationError("\(name) takes a number from 1 to 100,000,000.")
        }
        if maxTokens != nil, tokenizer == nil { throw ValidationError("--max-tokens needs --tokenizer.") }
    }

    func run() throws {
        try GrammarStatus.reporting {
            let rules = try GrammarFile(file, syntax: grammar.syntax).rules(grammar.schemaOptions(.spaced))
            for relaxation in rules.relaxations { note("relaxed: \(relaxation)") }
            let vocabulary = try tokenizer.map { try openTokenizer($0).vocabulary } ?? RandomText.byteVocabulary
            let texts = RandomText(try CompiledGrammar(rules, vocabulary: vocabulary), limit: tokenizer == nil ? maxBytes : maxTokens ?? 1_024)
            let seed = seed ?? .random(in: 0...999_999_999)
            if self.seed == nil { note("seed \(seed)") }
            var random = SplitMix(seed: seed)
            for _ in 0..<count {
                let bytes = try texts.next(using: &random).flatMap { vocabulary.tokens[Int($0)] }
                let text = String(decoding: bytes, as: UTF8.self)
                printLine(json ? JSONValue.string(text).text() : text)
            }
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same numbers.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
