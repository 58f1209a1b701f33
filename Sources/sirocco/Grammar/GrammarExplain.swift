// sirocco grammar explain: what becomes of a schema or grammar, keyword by keyword.
import ArgumentParser
import Grammar
import JSON
import Tokens

struct GrammarExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what of a schema or grammar is exact, relaxed or refused, under which policies, how large it is and what it costs.",
        discussion:
            "Exit status: 0 all of it is exact, 1 something is relaxed or refused (what --relax would leave to the validator is listed), 2 an error.")

    @Argument(help: "A grammar; - is standard input.")
    var file: String

    @OptionGroup var grammar: GrammarOptions

    @Option(help: "The tokenizer whose masks are timed: a GGUF file, a model directory or a tokenizer.json. Default: the embedded model's.")
    var tokenizer: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        try GrammarStatus.reporting {
            let source = try GrammarFile(file, syntax: grammar.syntax)
            let explanation = try Explanation(source, grammar, try openTokenizer(tokenizer).vocabulary)
            printLine(json ? explanation.json.text(.pretty) : explanation.text)
            guard explanation.isExact else { throw GrammarStatus.rejected }
        }
    }
}

/// What becomes of one grammar.
private struct Explanation {
    private let file: GrammarFile
    private let options: SchemaOptions
    /// Why it is refused as it was asked for.
    private let refusal: GrammarError?
    /// What is, or with `--relax` would be, left to the validator.
    private let relaxations: [Relaxation]
    private let sizes: CompiledSizes?
    private let costs: MaskCosts
    private let annotations: [Annotation]

    var isExact: Bool { refusal == nil && relaxations.isEmpty }

    init(_ file: GrammarFile, _ asked: GrammarOptions, _ vocabulary: Vocabulary) throws {
        self.file = file
        options = asked.schemaOptions(.spaced)
        var costs = MaskCosts()
        var made: Rules?
        var refusal: GrammarError?
        let options = options
        do throws(GrammarError) {
            _ = try costs.measure(file.name, vocabulary: vocabulary, instances: []) { () throws(GrammarError) -> Rules in
                let rules = try file.rules(options)
                made = rules
                return rules
            }
        } catch {
            refusal = error
        }
        self.refusal = refusal
        self.costs = costs
        if refusal == nil, let made {
            relaxations = made.relaxations
            sizes = try CompiledGrammar(made, vocabulary: vocabulary).sizes
        } else {
            var relaxed = options
            relaxed.exactness = .relax
            relaxations = (try? file.rules(relaxed))?.relaxations ?? []
            sizes = nil
        }
        annotations = file.schema.map { SchemaVocabulary.annotations(in: $0, assertsFormat: options.assertsFormat) } ?? []
    }

    private var policies: [(String, String)] {
        let order = options.anyOrder ? "members in any order" : "declared members in declared order, then the others"
        let blanks =
            switch options.separators {
            case .spaced: "\", \" and \": \", nothing else"
            case .compact: "none"
            case .flexible(let most): "any run of at most \(most) blanks, tabs and line ends between tokens"
            }
        let limits = options.limits
        return [
            ("order", order), ("white space", blanks),
            ("numbers", "at most \(limits.numberDigits) digits before and after the point unless a bound has more; no exponent beyond 3 digits"),
            ("format", options.assertsFormat ? "asserted where the specification names it" : "an annotation"),
            (
                "items that must differ",
                "at most \(limits.distinctItems); no way on which \(limits.noveltySteps) steps find no other value"
            ),
            ("depth", "at most \(limits.anyValueDepth) levels where the schema allows anything"),
        ]
    }

    var text: String {
        var lines: [String] = []
        if let refusal {
            lines.append("\(file.name): \(file.syntax.rawValue), refused: \(refusal)")
            lines.append(
                relaxations.isEmpty ? "  --relax would not help" : "  --relax would leave to the validator:")
        } else {
            lines.append("\(file.name): \(file.syntax.rawValue), " + (relaxations.isEmpty ? "exact" : "relaxed; left to the validator:"))
        }
        lines += relaxations.map { "    \($0.pointer)  \($0.keyword): \($0.reason)" }
        if !annotations.isEmpty {
            lines.append("  constrain nothing (annotations):")
            lines += annotations.prefix(20).map { "    \($0.pointer)  \($0.keyword): \($0.reason)" }
            if annotations.count > 20 { lines.append("    and \(annotations.count - 20) more") }
        }
        if file.schema != nil { lines += policies.map { "  \($0): \($1)" } }
        if let sizes {
            lines.append(
                "  sizes: \(sizes.nodes) nodes, \(sizes.plans) objects and arrays, \(sizes.lexemes) lexemes with \(sizes.states) states, "
                    + "\(bytesText(sizes.literalBytes)) of fixed text, \(bytesText(sizes.bytes)) held")
            lines.append(
                "  CPU time: compiled in \(decimals(costs.compilations[0] / 1e3, 3)) ms, first mask after \(decimals(costs.firstMasks[0] / 1e3, 3)) ms"
            )
        }
        return plain(lines.joined(separator: "\n"))
    }

    var json: JSONValue {
        var object: JSONObject = [
            "grammar": .string(file.name), "syntax": .string(file.syntax.rawValue),
            "status": .string(refusal != nil ? "refused" : relaxations.isEmpty ? "exact" : "relaxed"),
        ]
        if let refusal {
            object["error"] = .string(refusal.description)
            if let (keyword, pointer) = refusal.place {
                object["pointer"] = .string(pointer.description)
                if let keyword { object["keyword"] = .string(keyword) }
            }
        }
        object["relaxations"] = .array(relaxations.map(\.json))
        object["annotations"] = .array(annotations.map(\.json))
        if file.schema != nil { object["policies"] = .object(JSONObject(policies.map { ($0, .string($1)) })) }
        if let sizes {
            object["sizes"] = [
                "nodes": JSONValue(sizes.nodes), "plans": JSONValue(sizes.plans), "lexemes": JSONValue(sizes.lexemes),
                "states": JSONValue(sizes.states), "literal_bytes": JSONValue(sizes.literalBytes), "bytes": JSONValue(sizes.bytes),
            ]
            object["compile_ns"] = JSONValue(Int(costs.compilations[0] * 1e3))
            object["first_mask_ns"] = JSONValue(Int(costs.firstMasks[0] * 1e3))
        }
        return .object(object)
    }
}
