// What the tests of this target share: a vocabulary of single bytes, and tables of texts that a grammar accepts and rejects.
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

/// One token a byte (0–255) and a control token (256).
let byteVocabulary = Vocabulary(
    tokens: (0..<256).map { [UInt8($0)] } + [Array("<|end|>".utf8)], kinds: [TokenKind](repeating: .normal, count: 256) + [.control])

func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

/// The matcher must take the token.
func take(_ matcher: inout Matcher, _ token: TokenID, sourceLocation: SourceLocation = #_sourceLocation) {
    let isAccepted = matcher.accept(token)
    #expect(isAccepted, sourceLocation: sourceLocation)
}

func accepts(_ grammar: CompiledGrammar, _ text: String) -> Bool { grammar.makeMatcher().matches(Array(text.utf8)) }

/// Checks a schema's grammar (given as JSON text) against texts.
func check(
    _ schema: String, _ options: SchemaOptions = SchemaOptions(), accepts good: [String] = [], rejects bad: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    do {
        let rules = try Rules(jsonSchema: json(schema), options: options)
        check(try CompiledGrammar(rules, vocabulary: byteVocabulary), good, bad, sourceLocation)
    } catch {
        Issue.record("\(schema): \(error)", sourceLocation: sourceLocation)
    }
}

func check(_ rules: Rules, accepts good: [String] = [], rejects bad: [String] = [], sourceLocation: SourceLocation = #_sourceLocation) {
    do {
        check(try CompiledGrammar(rules, vocabulary: byteVocabulary), good, bad, sourceLocation)
    } catch {
        Issue.record("\(error)", sourceLocation: sourceLocation)
    }
}

private func check(_ grammar: CompiledGrammar, _ good: [String], _ bad: [String], _ sourceLocation: SourceLocation) {
    for text in good where !accepts(grammar, text) {
        let read = grammar.makeMatcher().acceptedPrefix(of: Array(text.utf8))
        Issue.record("should accept \(text), died at byte \(read)", sourceLocation: sourceLocation)
    }
    for text in bad where accepts(grammar, text) { Issue.record("should reject \(text)", sourceLocation: sourceLocation) }
}

/// Checks that a schema is refused, and with which error.
func refuses(
    _ schema: String, _ expected: String, options: SchemaOptions = SchemaOptions(), sourceLocation: SourceLocation = #_sourceLocation
) {
    do {
        _ = try Rules(jsonSchema: json(schema), options: options)
        Issue.record("\(schema) should be refused: \(expected)", sourceLocation: sourceLocation)
    } catch {
        #expect("\(error)".contains(expected), sourceLocation: sourceLocation)
    }
}
