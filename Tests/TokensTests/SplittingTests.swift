// What each pre-tokenizer splits a text into, seen through a tokenizer that encodes every piece by itself.
import JSON
import TestSupport
import Testing
import Tokens

@Suite struct SplittingTests {
    static let cases: [(steps: [JSONValue], text: String, pieces: [String])] = [
        ([split(["String": "-"], "Removed")], "the-final--countdown", ["the", "final", "countdown"]),
        ([split(["String": "-"], "Isolated")], "the-final--countdown", ["the", "-", "final", "-", "-", "countdown"]),
        ([split(["String": "-"], "MergedWithPrevious")], "the-final--countdown", ["the-", "final-", "-", "countdown"]),
        ([split(["String": "-"], "MergedWithNext")], "the-final--countdown", ["the", "-final", "-", "-countdown"]),
        ([split(["String": "-"], "Contiguous")], "the-final--countdown", ["the", "-", "final", "--", "countdown"]),
        ([split(["String": "-"], "Removed", inverted: true)], "the-final--countdown", ["-", "-", "-"]),
        (
            [split(["Regex": #"\w+|[^\w\s]+"#], "Removed", inverted: true)], "e\u{301}a ²x, don't",
            ["e\u{301}a", "²x", ",", "don", "'", "t"]
        ),
        ([split(["Regex": "a*"], "Contiguous")], "baab", ["b", "aa", "b"]),
        ([split(["Regex": "(?=b)"], "Isolated")], "abab", ["a", "ba", "b"]),
        ([split(["Regex": #"[^\S\n]+"#], "Isolated")], "a \t\n b\u{180e}c", ["a", " \t", "\n", " ", "b\u{180e}c"]),
        ([split(["Regex": #"\bto\b|^x|y$"#], "Isolated")], "to tom\nxy\nyx", ["to", " tom\n", "x", "y", "\nyx"]),
        ([split(["Regex": #"\u0061{,2}b"#], "Isolated")], "aaaab", ["aa", "aab"]),
        ([["type": "Digits", "individual_digits": true]], "a12b", ["a", "1", "2", "b"]),
        ([["type": "Digits", "individual_digits": false]], "a12½b", ["a", "12½", "b"]),
        ([["type": "Punctuation"]], "a!!b—c", ["a", "!", "!", "b", "—", "c"]),
        ([["type": "Punctuation", "behavior": "Contiguous"]], "a!!b", ["a", "!!", "b"]),
        ([["type": "Whitespace"]], "a b_c  d.e", ["a", "b_c", "d", ".", "e"]),
        ([["type": "WhitespaceSplit"]], " a\u{3000}b.c ", ["a", "b.c"]),
        ([["type": "BertPreTokenizer"]], "a, b", ["a", ",", "b"]),
        ([["type": "CharDelimiterSplit", "delimiter": "é"]], "aébé", ["a", "b"]),
        ([["type": "Metaspace", "replacement": "_", "prepend_scheme": "first"]], "a b", ["_a", "_b"]),
        ([["type": "Metaspace", "replacement": "_", "prepend_scheme": "never"]], "a b", ["a", "_b"]),
        ([["type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": false]], "a b", ["_a_b"]),
        ([["type": "WhitespaceSplit"], ["type": "Metaspace", "replacement": "_", "prepend_scheme": "first"]], "a b", ["_a", "b"]),
    ]

    static func split(_ pattern: JSONValue, _ behaviour: String, inverted: Bool = false) -> JSONValue {
        ["type": "Split", "pattern": pattern, "behavior": .string(behaviour), "invert": .bool(inverted)]
    }

    @Test(arguments: cases.indices)
    func pieces(_ index: Int) throws {
        let (steps, text, pieces) = Self.cases[index]
        var file = try #require(Fixtures.json("fixtures/tokenizers/trained/bytelevel_noregex/tokenizer.json").objectValue)
        let whole = try Tokenizer(tokenizerJSON: .object(file))
        let byteLevel = try #require(file["pre_tokenizer"])
        file["pre_tokenizer"] = ["type": "Sequence", "pretokenizers": .array(steps + [byteLevel])]
        let tokenizer = try Tokenizer(tokenizerJSON: .object(file))
        #expect(tokenizer.encode(text) == pieces.flatMap { whole.encode($0) }, "\(text.debugDescription)")
    }
}
