// Fuzz target: Lark, GBNF, EBNF, structural tags and regular expressions. The first byte chooses (or FUZZ_SYNTAX=lark and so on); a grammar
// compiles or is refused, and a walk under its mask meets no dead end.
import Glibc
import Grammar
import Tokens

private let vocabulary = Vocabulary(tokens: (0...255).map { [UInt8($0)] }, kinds: [TokenKind](repeating: .normal, count: 256))
private let syntaxes: [GrammarSyntax] = [.lark, .gbnf, .ebnf, .structuralTag, .regex, .rustRegex, .re2]

/// The one syntax that FUZZ_SYNTAX asks for.
private let only: GrammarSyntax? = getenv("FUZZ_SYNTAX").map { name in
    guard let syntax = GrammarSyntax(rawValue: String(cString: name)) else { fatalError("FUZZ_SYNTAX is no syntax") }
    return syntax
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let first = bytes.first, let text = String(validating: bytes.dropFirst(), as: UTF8.self) else { return 0 }
    let syntax = only ?? syntaxes[Int(first) % syntaxes.count]
    guard let rules = try? Rules(text, syntax: syntax), let grammar = try? CompiledGrammar(rules, vocabulary: vocabulary) else { return 0 }
    var matcher = grammar.makeMatcher()
    var mask = TokenMask(count: 256)
    for step in 0..<64 {
        if matcher.isFinished { break }
        matcher.fill(&mask)
        let wanted = Int(bytes[step % bytes.count])
        guard let byte = (0..<256).map({ (wanted + $0) & 255 }).first(where: { mask.allows(TokenID($0)) }) else {
            precondition(matcher.canStop, "a dead end")
            break
        }
        precondition(matcher.accept(TokenID(byte)), "the mask allowed it")
    }
    return 0
}
