// The pre-tokenizers that GGUF files name in `tokenizer.ggml.pre`: the patterns that llama.cpp knows by these names.
import JSON

/// What a `pre` name stands for.
struct GGUFPretokenizer: Sendable {
    /// Each splits the pieces the one before left, at its matches.
    var patterns: [String]
    var ignoresMerges = false
    var addsBeginningOfSequence = false
    /// Whether the models of this name were trained on text in NFC, which GGUF files do not say.
    var composes = false

    /// The pre-tokenizer with this name; a file that names none means GPT-2's.
    init?(named name: String?) {
        guard let family = Self.families.first(where: { $0.names.contains(name ?? "gpt-2") }) else { return nil }
        self = family.pretokenizer
    }

    private init(_ patterns: [String], ignoresMerges: Bool = false, addsBeginningOfSequence: Bool = false, composes: Bool = false) {
        self.patterns = patterns
        self.ignoresMerges = ignoresMerges
        self.addsBeginningOfSequence = addsBeginningOfSequence
        self.composes = composes
    }

    /// The name of the pre-tokenizer that does exactly this; nil where none has one.
    static func name(patterns: [String], ignoresMerges: Bool, composes: Bool) -> String? {
        families.first { _, one in one.patterns == patterns && one.ignoresMerges == ignoresMerges && one.composes == composes }?.names[0]
    }

    /// The steps that split a text so.
    func steps() throws(TokenizerError) -> [PretokenizerStep] {
        var steps: [PretokenizerStep] = []
        for pattern in patterns {
            if let scanner = PatternScanner(pattern: pattern) {
                steps.append(.split(.scanner(scanner), .isolated, inverted: false))
                continue
            }
            do {
                let expression = try RegularExpression(PatternSyntax.translated(pattern))
                steps.append(.split(.pattern(expression), .isolated, inverted: false))
            } catch {
                throw TokenizerError.pattern(pattern, at: JSONPointer(["tokenizer.ggml.pre"]), reason: error.reason)
            }
        }
        return steps
    }

    private static let gpt2 = PatternScanner.gpt2Pattern
    private static let llama3 = PatternScanner.llama3Pattern
    private static let qwen2 = PatternScanner.qwen2Pattern
    private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    private static let contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    private static let spaces = #"\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let gpt4o =
        #"[^\r\n\p{L}\p{N}]?\#(upper)*\#(lower)+\#(contraction)?|[^\r\n\p{L}\p{N}]?\#(upper)+\#(lower)*\#(contraction)?"#
        + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\#(spaces)"#
    private static let tekken =
        #"[^\r\n\p{L}\p{N}]?\#(upper)*\#(lower)+|[^\r\n\p{L}\p{N}]?\#(upper)+\#(lower)*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\#(spaces)"#
    private static let deepseek3 = [
        #"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+",
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"## + spaces,
    ]
    /// The letters of scripts with case.
    private static let casedLetters =
        #"A-Za-z\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}\x{1c4}-\x{293}\x{295}-\x{2af}"#
        + #"\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d}\x{37f}\x{386}\x{388}-\x{38a}\x{38c}\x{38e}-\x{3a1}"#
        + #"\x{3a3}-\x{3f5}\x{3f7}-\x{481}\x{48a}-\x{52f}\x{531}-\x{556}\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}"#
        + #"\x{13f8}-\x{13fd}\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf}\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a}"#
        + #"\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d}\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}"#
        + #"\x{1f5d}\x{1f5f}-\x{1f7d}\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4}\x{1fc6}-\x{1fcc}"#
        + #"\x{1fd0}-\x{1fd3}\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}\x{1ff6}-\x{1ffc}\x{2102}\x{2107}"#
        + #"\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}\x{2124}\x{2126}\x{2128}\x{212a}-\x{212d}\x{212f}-\x{2134}"#
        + #"\x{2139}\x{213c}-\x{213f}\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184}\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}"#
        + #"\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d}\x{a680}-\x{a69b}\x{a722}-\x{a76f}\x{a771}-\x{a787}"#
        + #"\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}\x{fb13}-\x{fb17}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}"#
        + #"\x{10400}-\x{1044f}\x{104b0}-\x{104d3}\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}"#
        + #"\x{118a0}-\x{118df}\x{1e900}-\x{1e943}"#
    private static let bloom = #" ?[^(\s|.,!?…。，、।۔،)]+"#

    private static let families: [(names: [String], pretokenizer: GGUFPretokenizer)] = [
        (
            ["default"],
            .init([#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"])
        ),
        (
            [
                "gpt-2", "gpt2", "phi-2", "olmo", "jais", "gigachat", "a.x-4.0", "mellum", "modern-bert", "trillion", "exaone4",
                "granite-docling",
            ],
            .init([gpt2])
        ),
        (["mpt"], .init([gpt2], composes: true)),
        (
            ["llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"],
            .init([llama3], ignoresMerges: true, addsBeginningOfSequence: true)
        ),
        (["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], .init([llama3])),
        (["qwen2"], .init([qwen2], composes: true)),
        (["deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "hunyuan", "megrez", "solar-open", "grok-2"], .init([qwen2])),
        (
            ["qwen35"],
            .init([contraction + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"# + spaces], composes: true)
        ),
        (["starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"], .init([#"\p{N}"#, gpt2])),
        (["falcon"], .init([#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"])),
        (
            ["deepseek-llm"],
            .init([
                "[\r\n]", #"\s?["# + casedLetters + "]+", #"\s?[!-/:-~！-／：-～‘-‟　-。]+"#, #"\s+$"#, "[一-龥ࠀ-一가-\u{d7ff}]+", #"\p{N}+"#,
            ])
        ),
        (["deepseek-coder"], .init(["[\r\n]", #"\s?\p{L}+"#, #"\s?\p{P}+"#, "[一-龥ࠀ-一가-\u{d7ff}]+", #"\p{N}"#])),
        (["deepseek-v3", "hunyuan-dense", "joyai-llm"], .init(deepseek3)),
        (["poro-chat", "bloom", "gpt3-finnish"], .init([bloom])),
        (["viking"], .init([bloom, #"\p{N}"#])),
        (["tekken"], .init([tekken], ignoresMerges: true, addsBeginningOfSequence: true)),
        (["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"], .init([gpt4o])),
        (
            ["bailingmoe", "bailingmoe2", "llada-moe"],
            .init([
                #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
            ])
        ),
        (
            ["seed-coder"],
            .init([contraction + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|"# + spaces])
        ),
        (
            ["exaone-moe"],
            .init([
                contraction + #"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"#
                    + #"|\s*[\r\n]|\s+(?!\S)|\s+"#
            ])
        ),
    ]
}
