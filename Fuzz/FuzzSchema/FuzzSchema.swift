// Fuzz target: JSON Schemas. A schema compiles or is refused, within its limits; what the grammar accepts the validator accepts.
import Grammar
import JSON
import Tokens

private let vocabulary = Vocabulary(tokens: (0...255).map { [UInt8($0)] }, kinds: [TokenKind](repeating: .normal, count: 256))

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let schema = try? JSONValue(parsing: bytes) else { return 0 }
    let validator = try? InstanceValidator(schema: schema)
    guard let rules = try? Rules(jsonSchema: schema), let grammar = try? CompiledGrammar(rules, vocabulary: vocabulary) else { return 0 }
    var matcher = grammar.makeMatcher()
    var text: [UInt8] = []
    var mask = TokenMask(count: 256)
    // A walk that the input steers: at each step the allowed byte nearest to the input's.
    for step in 0..<256 {
        if matcher.isFinished { break }
        matcher.fill(&mask)
        let wanted = Int(bytes[step % bytes.count])
        guard let byte = (0..<256).map({ (wanted + $0) & 255 }).first(where: { mask.allows(TokenID($0)) }) else {
            precondition(matcher.canStop, "a dead end")
            break
        }
        precondition(matcher.accept(TokenID(byte)), "the mask allowed it")
        text.append(UInt8(byte))
    }
    if matcher.canStop, let validator {
        guard let instance = try? JSONValue(parsing: text) else { fatalError("no JSON: \(String(decoding: text, as: UTF8.self))") }
        precondition(validator.validate(instance).isEmpty, "invalid under its schema: \(instance)")
    }
    return 0
}
