// sirocco grammar: what a schema or a grammar allows, tried by people and scripts.
import ArgumentParser
import Glibc
import Grammar
import JSON

struct GrammarCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grammar", abstract: "Check texts against a schema or grammar, draw random ones, and explain what it becomes.",
        discussion: """
            Grammars are JSON Schemas (.json; a structural tag is recognised), Lark (.lark), GBNF (.gbnf), EBNF (.ebnf) and regular \
            expressions (.regex). Exit status: 0 accepted or done, 1 rejected (or not exact), 2 an error: a file that is missing or broken, \
            a grammar that is refused.
            """,
        subcommands: [GrammarCheck.self, GrammarSample.self, GrammarExplain.self])
}

/// The exit statuses of `sirocco grammar`.
enum GrammarStatus {
    static let rejected = ExitCode(1)
    static let failed = ExitCode(2)

    /// Runs a command's work; any fault becomes its sentence on standard error and status 2.
    static func reporting(_ work: () throws -> Void) throws {
        do {
            try work()
        } catch let code as ExitCode {
            throw code
        } catch {
            note("Error: \(error)")
            throw failed
        }
    }
}

/// The options that say how a grammar file is read and spelled.
struct GrammarOptions: ParsableArguments {
    @Option(
        help: "json-schema, structural-tag, lark, gbnf, ebnf, regex, rust-regex or re2. Default: what the file's name says.",
        transform: { try GrammarSyntax(option: $0) })
    var syntax: GrammarSyntax?

    @Flag(help: "Members of objects may come in any order; else the declared ones come as declared, and then the others.")
    var anyOrder = false

    @Flag(help: "Leave a keyword that cannot be exact to the validator, instead of refusing the schema.")
    var relax = false

    @Flag(help: "\"format\" is an annotation and constrains nothing.")
    var ignoreFormat = false

    @Option(help: "White space in JSON: spaced (\", \" and \": \"), compact, or flexible (any run of at most 256).")
    var separators: SeparatorStyle?

    enum SeparatorStyle: String, ExpressibleByArgument {
        case spaced, compact, flexible

        var policy: SchemaOptions.Separators {
            switch self {
            case .spaced: .spaced
            case .compact: .compact
            case .flexible: .flexible(maxWhitespace: 256)
            }
        }
    }

    /// How schemas are read and spelled, with a command's own default of white space.
    func schemaOptions(_ style: SeparatorStyle) -> SchemaOptions {
        SchemaOptions(
            separators: (separators ?? style).policy, assertsFormat: !ignoreFormat, anyOrder: anyOrder, exactness: relax ? .relax : .exact)
    }
}

/// A grammar as it stands in a file.
struct GrammarFile {
    let name: String
    let text: String
    let syntax: GrammarSyntax
    /// The document, where the syntax is a JSON Schema.
    let schema: JSONValue?

    /// Reads a file, or standard input for `-`.
    init(_ path: String, syntax given: GrammarSyntax?, option: String = "--syntax") throws {
        name = path == "-" ? "standard input" : path
        let source = try sirocco.text(inputBytes(path), from: name)
        guard var syntax = given ?? (path == "-" ? .jsonSchema : GrammarSyntax(fileName: path)) else {
            throw CommandError("\(path): what it is written in does not follow from its name; say \(option)")
        }
        // A pattern in a file ends before the file's last line end.
        switch syntax {
        case .regex, .rustRegex, .re2: text = source.hasSuffix("\n") ? String(source.dropLast()) : source
        default: text = source
        }
        var schema: JSONValue?
        if syntax == .jsonSchema {
            schema = try parsedJSON(Array(text.utf8), from: name)
            if given == nil, schema?["type"]?.stringValue == "structural_tag", schema?["format"]?.objectValue != nil { syntax = .structuralTag }
        }
        self.syntax = syntax
        self.schema = syntax == .jsonSchema ? schema : nil
    }

    /// An error's sentence after the file, and the line and column where it has them.
    func place(of error: GrammarError) -> String {
        switch error {
        case .malformed(let line, let column, let reason): return "\(name):\(line):\(column): \(reason)"
        case .syntax(let offset, let reason):
            let before = text.unicodeScalars.prefix(offset)
            let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
            return "\(name):\(lines.count):\((lines.last?.count ?? 0) + 1): \(reason)"
        default: return "\(name): \(error)"
        }
    }

    /// The rules.
    func rules(_ options: SchemaOptions) throws(GrammarError) -> Rules {
        if let schema { return try Rules(jsonSchema: schema, options: options) }
        return try Rules(text, syntax: syntax, options: options)
    }
}

/// The bytes of a file, or of standard input for `-`.
func inputBytes(_ path: String) throws -> [UInt8] { path == "-" ? try readStandardInput() : try readFile(path) }
