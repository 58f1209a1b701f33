// What the reference implementation made of hard texts, and the comparison with it.
import JSON
import TestSupport
import Testing
import Tokens

/// One text of a golden.json.
struct GoldenCase {
    var text: String
    var ids: [TokenID]
    let idsWithSpecial: [TokenID]?
    var decoded: String
    var decodedSkippingSpecials: String?
    var stream: [String]?

    init(_ value: JSONValue) throws {
        text = try #require(value["text"]?.stringValue)
        ids = try Self.tokens(value["ids"])
        idsWithSpecial = try value["ids_with_special"].map { try Self.tokens($0) }
        decoded = try #require(value["decoded"]?.stringValue)
        decodedSkippingSpecials = value["decoded_skip_special"]?.stringValue
        stream = value["stream"]?.arrayValue?.compactMap(\.stringValue)
    }

    static func tokens(_ value: JSONValue?) throws -> [TokenID] {
        try #require(value?.arrayValue).map { TokenID(try #require($0.intValue)) }
    }

    /// All cases of a golden file, those of `texts_extra` included.
    static func read(_ path: String) throws -> [GoldenCase] {
        let file = try Fixtures.json(path)
        let cases = try #require(file["cases"]?.arrayValue) + (file["texts_extra"]?.arrayValue ?? [])
        return try cases.map(GoldenCase.init)
    }
}

/// Byte-exact equality: String's == takes canonically equivalent texts for equal.
func same(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

/// What a tokenizer gets wrong in a golden case, as sentences.
func differences(
    _ tokenizer: Tokenizer, _ golden: GoldenCase, policy: AddedTokenPolicy = .all, checksSpecials: Bool = true
) -> [String] {
    var found: [String] = []
    func check(_ what: String, _ actual: String, _ expected: String) {
        if !same(actual, expected) { found.append("\(what) of \(golden.text.debugDescription): \(actual), expected \(expected)") }
    }
    check("ids", "\(tokenizer.encode(golden.text, addedTokens: policy))", "\(golden.ids)")
    if checksSpecials, let expected = golden.idsWithSpecial {
        check("ids with specials", "\(tokenizer.encode(golden.text, addedTokens: policy, addingSpecials: true))", "\(expected)")
    }
    check("text", tokenizer.decode(golden.ids).debugDescription, golden.decoded.debugDescription)
    if let expected = golden.decodedSkippingSpecials {
        check("text without specials", tokenizer.decode(golden.ids, skippingSpecials: true).debugDescription, expected.debugDescription)
    }
    if let fault = streamFault(tokenizer, golden) { found.append("stream of \(golden.text.debugDescription): \(fault)") }
    return found
}

/// What is wrong with the stream of a case's tokens. The reference holds a token's whole text back while it ends with an unfinished character
/// (or with a U+FFFD that is really there); ours holds only the unfinished character back, so that it is never behind.
private func streamFault(_ tokenizer: Tokenizer, _ golden: GoldenCase) -> String? {
    var detokenizer = tokenizer.makeDetokenizer(skippingSpecials: false)
    var text = ""
    var reference = ""
    for (index, id) in golden.ids.enumerated() {
        let part = detokenizer.push(id)
        text += part
        if let stream = golden.stream {
            reference += stream[index]
            if !text.utf8.starts(with: reference.utf8) { return "\(text.debugDescription), expected \(reference.debugDescription)" }
        }
        if !golden.decoded.utf8.starts(with: text.utf8) {
            return "\(text.debugDescription) begins \(golden.decoded.debugDescription) no more"
        }
    }
    text += detokenizer.finish()
    return same(text, golden.decoded) ? nil : "\(text.debugDescription), expected \(golden.decoded.debugDescription)"
}
