// sirocco grammar check: does a grammar accept a text, and where not.
import ArgumentParser
import Glibc
import Grammar
import JSON
import Tokens

struct GrammarCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Tell whether texts fit a schema or grammar; where one does not, show the byte and what was expected there.",
        discussion: """
            With --lines, files of {"schema": …, "tests": [{"data": …, "valid": true}, …]} lines are run token by token through the real mask: \
            what becomes of each schema, the verdicts, and CPU times of this thread.
            """)

    @Argument(help: "A grammar, then any number of texts that it should accept; - is standard input. With --lines, more files of lines.")
    var files: [String] = []

    @OptionGroup var grammar: GrammarOptions

    @Option(help: "A file of {schema, tests} lines.")
    var lines: String?

    @Option(help: "Whose tokens: a GGUF file, a model directory or a tokenizer.json. Default: bytes; with --lines the embedded model's.")
    var tokenizer: String?

    @Flag(help: "With --lines and --json: print every mask's time and the tokens of each instance.")
    var each = false

    @Option(help: "With --lines: compare the mask with brute force over the vocabulary at so many states of random walks a schema.")
    var bruteForce = 0

    @Flag(help: "Print one JSON object a text, or a line.")
    var json = false

    func validate() throws {
        if lines == nil, files.isEmpty { throw ValidationError("Say which grammar to check against, or --lines.") }
        if lines == nil, files.filter({ $0 == "-" }).count > 1 { throw ValidationError("Standard input can be read once only.") }
        if lines != nil, grammar.syntax != nil { throw ValidationError("--lines reads JSON Schemas: --syntax has no meaning there.") }
        if !(0...1_000_000).contains(bruteForce) || bruteForce > 0 && lines == nil {
            throw ValidationError("--brute-force takes a number from 0 to 1,000,000 and belongs to --lines.")
        }
        if each, lines == nil || !json { throw ValidationError("--each belongs to --lines with --json.") }
    }

    func run() throws {
        try GrammarStatus.reporting {
            if let lines {
                let run = LineRun(
                    tokenizer: try openTokenizer(tokenizer), options: grammar.schemaOptions(.spaced), isJSON: json, showsEach: each,
                    twinStates: bruteForce)
                guard try run.run([lines] + files) else { throw GrammarStatus.rejected }
            } else {
                guard try check() else { throw GrammarStatus.rejected }
            }
        }
    }

    private func check() throws -> Bool {
        let file = try GrammarFile(files[0], syntax: grammar.syntax)
        let rules = try file.rules(grammar.schemaOptions(.flexible))
        let vocabulary = try tokenizer.map { try openTokenizer($0).vocabulary }
        let compiled = try CompiledGrammar(rules, vocabulary: vocabulary ?? RandomText.byteVocabulary)
        for relaxation in rules.relaxations { note("relaxed: \(relaxation)") }
        if let schema = file.schema { noteSurprises(in: schema, assertsFormat: !grammar.ignoreFormat, from: file.name) }
        let validator = try file.schema.map { try InstanceValidator(schema: $0, assertsFormat: !grammar.ignoreFormat) }
        var isEveryAccepted = true
        for path in files.dropFirst() {
            let verdict = Verdict(
                path == "-" ? "standard input" : path, try inputBytes(path), compiled, validator, file.schema != nil, countsTokens: vocabulary != nil)
            isEveryAccepted = isEveryAccepted && verdict.isAccepted
            printLine(json ? verdict.json.text(.spaced) : verdict.text)
        }
        if files.count == 1 {
            let status = rules.relaxations.isEmpty ? "exact" : "relaxed"
            printLine(json ? JSONValue.object(["grammar": .string(file.name), "status": .string(status)]).text(.spaced) : "\(file.name): \(status)")
        }
        return isEveryAccepted
    }
}

/// What a grammar says to one text.
struct Verdict {
    let name: String
    let isAccepted: Bool
    /// Where the grammar stopped reading (the text's length where it wants more), with what it wanted; nil for an accepted text.
    var death: (byte: Int, excerpt: Excerpt, expected: Expectation, tokens: Int?)?
    /// What an independent validator finds wrong; nil where the grammar is no schema or the text no JSON.
    var failures: [ValidationFailure]?

    init(
        _ name: String, _ source: [UInt8], _ grammar: CompiledGrammar, _ validator: InstanceValidator?, _ isSchema: Bool, countsTokens: Bool
    ) {
        self.name = name
        // A document in a file has a line end behind it, which the policy of white space does not speak about.
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        let leading = isSchema ? source.prefix { blanks.contains($0) }.count : 0
        var bytes = source
        if isSchema { while let last = bytes.last, bytes.count > leading, blanks.contains(last) { bytes.removeLast() } }
        let body = Array(bytes[leading...])
        var matcher = grammar.makeMatcher()
        let read = matcher.acceptedPrefix(of: body)
        _ = matcher.accept(bytes: Array(body[..<read]))
        let keeps = read == body.count && matcher.canStop
        if let validator, let value = try? JSONValue(parsing: body) { failures = validator.validate(value) }
        // What was relaxed is the validator's to say.
        isAccepted = keeps && (failures ?? []).isEmpty
        guard !keeps else { return }
        var allowed: Int?
        if countsTokens {
            var mask = TokenMask(count: grammar.vocabularyCount)
            matcher.fill(&mask)
            allowed = mask.allowedCount
        }
        death = (leading + read, Excerpt(bytes, at: leading + read), matcher.expectation(), allowed)
    }

    var text: String {
        if isAccepted { return "\(name): accepted" }
        var lines: [String] = []
        if let death {
            lines.append("\(name): rejected at byte \(death.byte) (line \(death.excerpt.line), column \(death.excerpt.column))")
            lines.append(plain(death.excerpt.drawing))
            lines.append("    expected: \(death.expected.description)" + (death.tokens.map { " (\($0) tokens)" } ?? ""))
        } else {
            lines.append("\(name): rejected by the validator, to which this was left")
        }
        if let failures {
            if failures.isEmpty {
                lines.append(
                    "    It is valid under the schema; the policy (order of members, white space, spelling of numbers) would spell it otherwise.")
            }
            lines += failures.prefix(5).map { "    \(plain($0.description))" }
        }
        return lines.joined(separator: "\n")
    }

    var json: JSONValue {
        var object: JSONObject = ["text": .string(name), "accepted": .bool(isAccepted)]
        if let death {
            object["byte"] = JSONValue(death.byte)
            object["line"] = JSONValue(death.excerpt.line)
            object["column"] = JSONValue(death.excerpt.column)
            object["excerpt"] = .string(death.excerpt.text)
            object["expected"] = .string(death.expected.description)
            object["expected_texts"] = .array(death.expected.texts.map { .string($0) })
            object["may_end"] = .bool(death.expected.mayEnd)
            if let tokens = death.tokens { object["allowed_tokens"] = JSONValue(tokens) }
        }
        if let failures {
            object["validator"] = .array(failures.prefix(20).map { .string($0.description) })
        }
        return .object(object)
    }
}
