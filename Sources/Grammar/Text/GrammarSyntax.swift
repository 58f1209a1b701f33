// Which language a grammar is written in, and the one door for all of them.
public import JSON

/// The languages in which grammars are written.
public enum GrammarSyntax: String, Sendable, Hashable, CaseIterable {
    /// JSON Schema, draft 4 to 2020-12.
    case jsonSchema = "json-schema"
    /// A regular expression of ECMA-262.
    case regex
    /// A regular expression in the syntax of Rust's `regex` crate.
    case rustRegex = "rust-regex"
    /// A regular expression in the syntax of RE2.
    case re2
    /// Lark in the dialect of llguidance.
    case lark
    /// GBNF as llama.cpp reads it.
    case gbnf
    /// EBNF as XGrammar reads it.
    case ebnf
    /// A structural tag of XGrammar, as JSON.
    case structuralTag = "structural-tag"

    /// The syntax that a file's name tells, nil when it tells none. A `.json` file is a JSON Schema (`Rules` finds out whether it is a tag).
    public init?(fileName: String) {
        switch fileName.split(separator: ".").last.map(String.init) ?? "" {
        case "json": self = .jsonSchema
        case "regex", "re": self = .regex
        case "lark": self = .lark
        case "gbnf": self = .gbnf
        case "ebnf": self = .ebnf
        default: return nil
        }
    }
}

extension Rules {
    /// Rules from the text of a grammar in any syntax.
    ///
    /// - Parameter options: how JSON Schemas (the whole text, or what stands in it) are read and spelled, and the limits.
    /// - Throws: what is wrong or not supported, with its place.
    public init(_ text: String, syntax: GrammarSyntax, options: SchemaOptions = SchemaOptions()) throws(GrammarError) {
        guard text.utf8.count <= options.limits.grammarBytes else {
            throw .tooLarge(what: "bytes of grammar text", limit: options.limits.grammarBytes, pointer: JSONPointer())
        }
        switch syntax {
        case .jsonSchema: try self.init(jsonSchema: Self.json(text), options: options)
        case .regex: try self.init(regex: text, dialect: .ecma262, limits: options.limits)
        case .rustRegex: try self.init(regex: text, dialect: .rust, limits: options.limits)
        case .re2: try self.init(regex: text, dialect: .re2, limits: options.limits)
        case .lark, .gbnf, .ebnf, .structuralTag: self.init(grammar: try TextGrammar(text, syntax, options))
        }
    }

    /// Free text and structures by a structural tag of XGrammar, `{"type": "structural_tag", "format": …}`.
    /// - Throws: what is wrong or not supported, with its JSON Pointer.
    public init(structuralTag: JSONValue, options: SchemaOptions = SchemaOptions()) throws(GrammarError) {
        try self.init(structuralTag.text(), syntax: .structuralTag, options: options)
    }

    static func json(_ text: String) throws(GrammarError) -> JSONValue {
        do {
            return try JSONValue(parsing: Array(text.utf8))
        } catch {
            throw .invalidSchema(pointer: JSONPointer(), reason: "it is not JSON: \(error)")
        }
    }
}
