// The form of the answer: the options that every command with an answer of its own shares.
import ArgumentParser
import Chat
import Glibc
import Grammar
import JSON

struct OutputOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The answer fits this JSON Schema: a file, or the schema itself.")
    var schema: String?

    @Option(help: "The answer matches this regular expression.")
    var regex: String?

    @Option(help: "The answer follows the grammar in this file.")
    var grammar: String?

    @Option(
        help: "What the grammar is written in: \(GrammarSyntax.names). Default: what the file's name says.",
        transform: { try GrammarSyntax(option: $0) })
    var grammarSyntax: GrammarSyntax?

    @Option(help: "The answer is one of these texts, separated by commas.")
    var choices: String?

    @Flag(help: "A keyword of a schema that cannot be enforced token by token is checked afterwards, instead of refused.")
    var relax = false

    func validate() throws {
        let given = [("--schema", schema), ("--regex", regex), ("--grammar", grammar), ("--choices", choices)].filter { $0.1 != nil }.map(\.0)
        if given.count > 1 { throw ValidationError("\(given[0]) and \(given[1]) exclude each other.") }
        if grammarSyntax != nil, grammar == nil { throw ValidationError("--grammar-syntax belongs to --grammar.") }
    }

    /// Whether a form was asked for.
    var isGiven: Bool { schema != nil || regex != nil || grammar != nil || choices != nil }

    var exactness: SchemaOptions.Exactness { relax ? .relax : .exact }

    /// The form. What is wrong with a grammar is said with its file, line and column, before a model is loaded.
    func format() throws -> OutputFormat {
        if let schema {
            let parsed = try parsedSchema(schema)
            noteSurprises(in: parsed)
            return .json(schema: parsed)
        }
        if let regex { return .regex(regex) }
        if let choices { return .choice(try Self.choices(choices)) }
        guard let grammar else { return .text }
        let file = try GrammarFile(grammar, syntax: grammarSyntax, option: "--grammar-syntax")
        do {
            _ = try file.rules(SchemaOptions(exactness: exactness))
        } catch {
            throw CommandError(file.place(of: error))
        }
        guard let parsed = file.schema else { return .grammar(file.text, file.syntax) }
        noteSurprises(in: parsed)
        return .json(schema: parsed)
    }

    private static func choices(_ list: String) throws -> [String] {
        let texts = list.split(separator: ",").map { $0.trimming(" ") }.filter { !$0.isEmpty }
        guard !texts.isEmpty else { throw CommandError("--choices holds no text") }
        return texts
    }
}

/// A JSON Schema given on the command line: the document itself, or the file that holds it.
func parsedSchema(_ given: String) throws -> JSONValue {
    let trimmed = given.trimming(" \n\t\r")
    let isInline = trimmed.isEmpty || "{[\"".contains(trimmed.prefix(1)) || trimmed == "true" || trimmed == "false"
    if isInline, access(given, F_OK) != 0 { return try parsedJSON(Array(given.utf8), from: "the schema given") }
    return try parsedJSON(readFile(given), from: given)
}

/// JSON as a person wrote it: where it is none, the error says so with the source, the line and the column, and shows the place.
func parsedJSON(_ bytes: [UInt8], from source: String) throws -> JSONValue {
    do {
        return try JSONValue(parsing: bytes)
    } catch {
        let place = Excerpt(bytes, at: error.offset)
        throw CommandError("\(source):\(place.line):\(place.column): not JSON: \(error)\n\(place.drawing)")
    }
}

/// Says on standard error what of a schema constrains nothing though it may have been meant to: a line for each of the first, then how many more.
func noteSurprises(in schema: JSONValue, assertsFormat: Bool = true, from name: String = "the schema") {
    let surprises = SchemaVocabulary.surprises(in: schema, assertsFormat: assertsFormat)
    for surprise in surprises.prefix(20) { note("note: \(name): \(plain(surprise.description))") }
    if surprises.count > 20 { note("note: \(name): \(surprises.count - 20) more members constrain nothing") }
}

extension GrammarSyntax {
    /// The names of all, for people.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// A syntax by its name; a name that is none is answered with those that are, the nearest first.
    init(option name: String) throws {
        guard let syntax = GrammarSyntax(rawValue: name.lowercased()) else {
            let nearest = nearestName(to: name.lowercased(), among: Self.allCases.map(\.rawValue))
            throw ValidationError("\(name) is none of \(Self.names)." + (nearest.map { " Did you mean \($0)?" } ?? ""))
        }
        self = syntax
    }
}
