// Lark, GBNF, EBNF, structural tags and the dialects of regular expressions: what they accept, reject and refuse by name.
import Grammar
import JSON
import TestSupport
import Testing
import Tokens

/// Checks a grammar's text against texts.
func check(
    _ syntax: GrammarSyntax, _ grammar: String, accepts good: [String] = [], rejects bad: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    do {
        check(try Rules(grammar, syntax: syntax), accepts: good, rejects: bad, sourceLocation: sourceLocation)
    } catch {
        Issue.record("\(grammar.prefix(200)): \(error)", sourceLocation: sourceLocation)
    }
}

/// Checks that a grammar's text is refused, and with which words.
func refuses(_ syntax: GrammarSyntax, _ grammar: String, _ expected: String, sourceLocation: SourceLocation = #_sourceLocation) {
    do {
        _ = try Rules(grammar, syntax: syntax)
        Issue.record("\(grammar.prefix(200)) should be refused: \(expected)", sourceLocation: sourceLocation)
    } catch {
        #expect("\(error)".contains(expected), sourceLocation: sourceLocation)
    }
}

@Suite struct FrontEndTests {
    @Test func gbnf() {
        check(
            .gbnf,
            #"""
            # a comment
            root   ::= object
            value  ::= object | array | string | number | ("true" | "false" | "null") ws
            object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
            array  ::= "[" ws ( value
                       ("," ws value)* )? "]" ws
            string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
            number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
            ws ::= | " " | "\n" [ \t]{0,20}
            """#,
            accepts: [#"{"a": [1, -2.5e+3, "x\u00e9", {}], "b": null}"#, "{}", "{\n\t\t}"], rejects: ["[]", #"{"a"}"#, "{  }", #"{"a": 01}"#])
        check(
            .gbnf, "root ::= [a-c] . \"\\u00e9\" | \"x\"{2} | \"y\"{1,} | \"z\"{0,2} \"!\"", accepts: ["aé\u{e9}", "b\né", "xx", "yyy", "!", "zz!"],
            rejects: ["d.é", "x", "", "zzz!"])
        check(.gbnf, "root ::= (\"a\"* )*", accepts: ["", "a", "aaa"], rejects: ["b"])
        check(.gbnf, "root ::= \"a\"** \"b\"", accepts: ["b", "aab"], rejects: ["a"])
        refuses(.gbnf, "root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1")
        refuses(.gbnf, "root ::= a", "\"a\" is not defined")
        refuses(.gbnf, "a ::= \"x\"", "\"root\" is missing")
        refuses(.gbnf, "root ::= \"a", "closing quote")
        refuses(.gbnf, "root ::= [z-a]", "out of order")
        refuses(.gbnf, "root ::= \"a\" <think>", "tokens")
        refuses(.gbnf, "root ::= !<[17]>", "tokens")
        refuses(.gbnf, "root ::= *", "nothing to repeat")
        refuses(.gbnf, "root ::= \"a\"{,3}", "count was expected")
        refuses(.gbnf, "root ::= \"\\q\"", "\\q")
        refuses(.gbnf, "root ::= root", "nothing can satisfy")
    }

    @Test func ebnf() {
        check(
            .ebnf, "root ::= expr (\"=\" expr)*\nexpr ::= term ([-+*/] term)*\n  \nterm ::= num | \"(\" expr \")\"\nnum  ::= [0-9]+",
            accepts: ["1+2", "(3*4)-5=7", "2=2=2"], rejects: ["", "1+", "(1"])
        check(
            .ebnf, "root ::= \"a\"\n  \"b\"\n | \"c\" rule_2.x\nrule_2.x[capture=\"n\"] ::= [^]{2}", accepts: ["ab", "cxy", "c\n\n"],
            rejects: ["a", "cx"])
        check(
            .ebnf, #"root ::= "\x1F600\e\0" ( ) [\^\d-]"#.replacing("\\d", with: "d"), accepts: ["\u{1F600}\u{1B}\0^", "\u{1F600}\u{1B}\0-"],
            rejects: ["x"])
        check(.ebnf, #"root ::= Regex("a.b|\\d{3}") | Regex("x.y", flags="i")"#, accepts: ["a\nb", "123", "XzY"], rejects: ["X\nY", "12"])
        check(
            .ebnf, #"root ::= Substring("abc", "de", "fg") "!""#, accepts: ["!", "abc!", "de!", "abcde!", "defg!", "abcdefg!"],
            rejects: ["ab!", "cde!", "abcfg!"])
        check(
            .ebnf,
            "root ::= TagDispatch((\"<t>\", body), (\"<c>\", code), excludes=(\"</a>\",)) \"</a>\"\nbody ::= \"{\" [^}]* \"}\"\ncode ::= \"x\"",
            accepts: ["</a>", "hi <t>{1}<c>x bye</a>", "<t</a>"], rejects: ["<t>x</a>", "hi", "a</a>b</a>"])
        check(
            .ebnf, "root ::= TagDispatch((\"<t>\", body), loop_after_dispatch=false)\nbody ::= \"x\"", accepts: ["abc", "a<t>x"],
            rejects: ["a<t>xb", "<t>"])
        check(.ebnf, "root ::= \"<\" name \">\"\nname[lazy] ::= [a-z]+", accepts: ["<a>"], rejects: ["<ab>", "<>"])
        refuses(.ebnf, "root[max_tokens=3] ::= \"a\"", "max_tokens")
        refuses(.ebnf, "root ::= Token(12)", "Token")
        refuses(.ebnf, "root ::= \"a\"++", "second repetition")
        refuses(.ebnf, "root ::= \"a\" (= \"b\")", "look-ahead")
        refuses(.ebnf, "root ::= Regex(\"a\", json_string=true)", "json_string")
    }

    /// Left recursion: direct, indirect, behind what may be empty, and in the middle of everything.
    @Test func leftRecursion() {
        check(.ebnf, "root ::= root \"a\" | \"a\"", accepts: ["a", "aaaa"], rejects: ["", "b", "ab"])
        check(.ebnf, "root ::= root \"a\" | \"\"", accepts: ["", "aaaa"], rejects: ["b"])
        check(
            .ebnf, "root ::= e\ne ::= e \"+\" t | e \"-\" t | t\nt ::= t \"*\" f | f\nf ::= \"(\" e \")\" | [0-9]",
            accepts: ["1", "1+2*3-(4*(5+6))"], rejects: ["1+", "+1", "(1", "1*(2", ""])
        check(
            .ebnf, "root ::= a \"!\"\na ::= b \"x\" | \"p\"\nb ::= a \"y\" | \"q\"", accepts: ["p!", "qx!", "pyx!", "qxyx!"],
            rejects: ["q!", "px!", "pyxy!"])
        check(.ebnf, "root ::= n root \"a\" | \"b\"\nn ::= \"c\"?", accepts: ["b", "ba", "cba", "ccbaa", "cbaa"], rejects: ["a", "cb", "ccba"])
        check(.ebnf, "root ::= root root | \"a\" | \"\"", accepts: ["", "a", "aaaaaa"], rejects: ["b", "ab"])
        check(.ebnf, "root ::= root root root \"b\" | \"a\"?", accepts: ["", "a", "b", "aaab", "ab", "aabb"], rejects: ["ba", "c"])
        check(.ebnf, "root ::= (root \"x\" | \"y\")* \"z\"", accepts: ["z", "yz", "zxz", "yzxyzxz"], rejects: ["", "x", "zx", "xz"])
        check(.ebnf, "root ::= a | root\na ::= root | \"a\" \"b\"{2}", accepts: ["abb"], rejects: ["ab", "a"])
        refuses(.ebnf, "root ::= root \"a\"", "nothing can satisfy")
    }

    @Test func lark() {
        check(
            .lark,
            #"""
            // arithmetic
            ?start: expr            # the entry
            expr: expr ("+" | "-") term -> sum
                | term
            term: term "*" factor | factor
            factor: NUMBER | "(" expr ")"
            NUMBER: /[0-9]+/ ("." DIGIT~1..2)?
            %import common.DIGIT
            %import common.WS_INLINE -> SPACE
            %ignore SPACE
            """#, accepts: ["1", "1 + 2*(3.25 - 4)  ", "12.5"], rejects: [" 1", "1 +", "1 2", "1.234", "1 . 5"])
        check(
            .lark, "start: A & B\n".replacing("A & B", with: "T") + "T: /[a-z]*/ & ~/.*bad.*/", accepts: ["good", "", "ba"],
            rejects: ["bad", "xbadx", "A"])
        check(
            .lark, "start: [\"a\"] \"b\"{2,} \"c\"~2 /x\\/y/ \"Hi\"i \"0\"..\"9\"", accepts: ["abbccx/yhI7", "bbbccx/yHI0"],
            rejects: ["bccx/yhi1", "bbcx/yhi1"])
        check(
            .lark, "start: head %json {\"type\": \"integer\"} \"</f>\"\nhead[lazy]: TEXT \"<f>\"\nTEXT: /(.|\\n)*/",
            accepts: ["<f>12</f>", "a\n<f>-3</f>"], rejects: ["<f>x</f>", "a<f>b<f>1</f>"])
        check(.lark, "start: body \"!\"\nbody[suffix=\"<e>\", capture]: /.*/", accepts: ["abc<e>!", "<e>!"], rejects: ["a<e>b<e>!", "a\n<e>!"])
        check(
            .lark, "start: X\nX: %regex {\"substring_words\": \"foo bar. baz\"}", accepts: ["", "foo bar", "bar. baz", ". "],
            rejects: ["fo", "oo bar"])
        check(
            .lark, "%llguidance {\"allow_initial_skip\": true, \"ignore_once\": true}\nstart: \"A\" \"!\"\n%ignore /[ \\t]{1,3}/",
            accepts: ["A!", "  A   ! ", "A\t!"], rejects: ["A    !", "    A!"])
        check(.lark, "start: /\\w+/ /(?i)é\\d/", accepts: ["héÉ٣", "_ñé1"], rejects: ["é1", "aé"])
        check(.lark, "start: \"\\x41\\u00e9\\ud83d\\ude00\"", accepts: ["Aé😀"], rejects: ["A"])
        for (grammar, expected) in [
            ("start: <|end|>", "special tokens"), ("start: @other", "other grammars"), ("start[stop=\"x\"]: /a/", "stop"),
            ("start[max_tokens=3]: /a/", "max_tokens"), ("start: A\nA.2: \"x\"", "priorities"), ("start: a::_", "parametric"),
            ("start: /a(?=b)/", "look-ahead"), ("start: \"a\" & \"b\"", "for terminals only"), ("start: A\nA: A \"x\" | \"y\"", "refers to itself"),
            ("start: A\nA: b\nb: \"x\"", "cannot refer to the rule b"), ("start: %json {\"type\": \"integer\", \"x-guidance\": {}}", "x-guidance"),
            ("start: a{b}", "templates"), ("%declare A\nstart: A", "%declare"), ("start: B", "\"B\" is not defined"),
            ("a: \"x\"", "\"start\" is missing"),
            ("start: \"a\"\n\n  oops", "line 3, column"), ("start: %json {\"type\": \"integer\"", "no end"),
            ("%import python.X\nstart: X", "\"common\""),
        ] { refuses(.lark, grammar, expected) }
    }

    @Test func structuralTags() {
        func tag(_ format: String) -> String { "{\"type\":\"structural_tag\",\"format\":\(format)}" }
        let city =
            #"{"type":"json_schema","json_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}"#
        check(
            .structuralTag, tag(#"{"type":"tag","begin":"<think>","content":{"type":"any_text"},"end":"</think>"}"#),
            accepts: ["<think>hm</think>", "<think></thin</think>"], rejects: ["<think>", "<think></think></think>", "x"])
        check(
            .structuralTag,
            tag(#"{"type":"tag","begin":"<a>","content":{"type":"any_text","max_chars":3,"excludes":["x"]},"end":["</a>","</abc>"]}"#),
            accepts: ["<a>éüä</a>", "<a></abc>"], rejects: ["<a>1234</a>", "<a>x</a>"])
        let triggered =
            #"{"type":"triggered_tags","triggers":["<f="],"tags":[{"begin":"<f=w>","content":\#(city),"end":"</f>"},{"begin":"<f=t>","content":{"type":"const_string","value":"now"},"end":"</f>"}]"#
        check(
            .structuralTag, tag(triggered + "}"), accepts: ["", "hi", #"a <f=w>{"city": "Rome"}</f> b <f=t>now</f>"#, "<f"],
            rejects: ["<f=x>", "<f=t>then</f>", "<f="])
        check(
            .structuralTag, tag(triggered + #","at_least_one":true,"stop_after_first":true}"#), accepts: ["<f=t>now</f>"],
            rejects: ["", "a<f=t>now</f>", "<f=t>now</f> "])
        check(
            .structuralTag, tag(#"{"type":"tag","begin":"[","content":\#(triggered)},"end":"]"}"#), accepts: ["[]", "[text]", "[a<f=t>now</f>b]"],
            rejects: ["[", "[a]b", "[<f=t>]"])
        check(
            .structuralTag,
            tag(
                #"{"type":"tags_with_separator","tags":[{"begin":"<i>","content":{"type":"regex","pattern":"[0-9]+"},"end":"</i>"}],"separator":", "}"#
            ),
            accepts: ["", "<i>1</i>", "<i>1</i>, <i>22</i>"], rejects: ["<i>1</i>,", "<i></i>"])
        check(
            .structuralTag,
            tag(
                #"{"type":"sequence","elements":[{"type":"or","elements":[{"type":"const_string","value":"a"},{"type":"grammar","grammar":"root ::= root \"b\" | \"b\""}]},{"type":"repeat","min":1,"max":2,"content":{"type":"const_string","value":"!"}},{"type":"optional","content":{"type":"const_string","value":"?"}}]}"#
            ),
            accepts: ["a!", "bbb!!?"], rejects: ["a", "a!!!", "!?"])
        check(
            .structuralTag,
            tag(
                #"{"type":"tag","begin":"<r>","content":{"type":"dispatch","rules":[["<q>",{"type":"const_string","value":"1"}]],"excludes":["</r>"]},"end":"</r>"}"#
            ),
            accepts: ["<r>ab<q>1</r>", "<r></r>"], rejects: ["<r><q>2</r>", "<r></r></r>"])
        check(
            .structuralTag, #"{"type":"structural_tag","structures":[{"begin":"<f>","schema":{"type":"integer"},"end":"</f>"}],"triggers":["<f>"]}"#,
            accepts: ["a", "<f>12</f>"], rejects: ["<f>x</f>"])
        refuses(.structuralTag, tag(#"{"type":"token","token":42}"#), "/format/type")
        refuses(.structuralTag, tag(#"{"type":"any_text","max_tokens":4}"#), "/format/max_tokens")
        refuses(.structuralTag, tag(#"{"type":"json_schema","json_schema":{},"style":"qwen_xml"}"#), "/format/style")
        refuses(.structuralTag, tag(#"{"type":"json_schema","json_schema":{"type":7}}"#), "/format/json_schema")
        refuses(.structuralTag, tag(#"{"type":"tag","begin":{"type":"token","token":1},"content":{"type":"any_text"},"end":""}"#), "/format/begin")
        refuses(.structuralTag, tag(#"{"type":"const_string"}"#), "value")
    }

    @Test func regexDialects() throws {
        func check(
            _ dialect: RegexDialect, _ pattern: String, _ good: [String], _ bad: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
        ) {
            do {
                GrammarTests.check(try Rules(regex: pattern, dialect: dialect), accepts: good, rejects: bad, sourceLocation: sourceLocation)
            } catch { Issue.record("\(pattern): \(error)", sourceLocation: sourceLocation) }
        }
        func refuse(_ dialect: RegexDialect, _ pattern: String, _ word: String, sourceLocation: SourceLocation = #_sourceLocation) {
            do {
                _ = try Rules(regex: pattern, dialect: dialect)
                Issue.record("\(pattern) should be refused", sourceLocation: sourceLocation)
            } catch { #expect("\(error)".contains(word), sourceLocation: sourceLocation) }
        }
        check(.rust, #"(?i)straße|[[:alpha:]&&[^aeiou]]+|\x{1F600}|\p{Lu}\pN"#, ["STRAßE", "xyz", "\u{1F600}", "É7", "é7"], ["xaz"])
        check(.rust, "(?P<y>\\d{4})(?x: - \\d # month\n)?[a-z--[m-p]]", ["2024-1a", "2024z"], ["2024m"])
        check(.rust, #"(a*)*b{,2}(?s:.)(?-s:.)\z"#, ["aab\nx", "xx"], ["x\n\n"])
        check(.re2, #"\Qa.b\E+[[:digit:]]{2}\101\s"#, ["a.b12A ", "a.bbb34A\t"], ["axb12A "])
        check(.re2, #"\w+(?i:K)a{,2}"#, ["_k" + "a{,2}", "xKa{,2}"], ["éka{,2}"])
        check(.ecma262, #"(?i:ab)c"#, ["ABc", "abc"], ["ABC"])
        for dialect in [RegexDialect.ecma262, .rust, .re2] {
            refuse(dialect, "a(?=b)", "look-ahead")
            refuse(dialect, "(?<!a)b", "look-behind")
            refuse(dialect, #"(a)\1"#, "back-references")
            refuse(dialect, #"\bword"#, "word boundary")
            refuse(dialect, "[a", "unterminated")
            refuse(dialect, String(repeating: "(", count: 4_000), "nested")
        }
        refuse(.re2, "foo**", "nothing to repeat")
        refuse(.ecma262, "foo**", "nothing to repeat")
        check(.rust, "foo**", ["fo", "fooo"], ["f"])
        refuse(.rust, "a{x}", "brace")
        refuse(.re2, #"\C"#, "single bytes")
    }
    /// Inputs that took other engines down (reference/grammar.md, section 7): compiled or refused by name, and no state is a dead end.
    @Test func pathologicalGrammars() throws {
        func survives(_ syntax: GrammarSyntax, _ grammar: String, _ start: String = "", sourceLocation: SourceLocation = #_sourceLocation) {
            do {
                var matcher = try CompiledGrammar(Rules(grammar, syntax: syntax), vocabulary: byteVocabulary).makeMatcher()
                let isRead = matcher.accept(bytes: Array(start.utf8))
                #expect(isRead, sourceLocation: sourceLocation)
                var mask = TokenMask(count: byteVocabulary.count)
                matcher.fill(&mask)
                #expect(mask.allowedCount > 0 || matcher.canStop, sourceLocation: sourceLocation)
            } catch {
                #expect(!"\(error)".isEmpty, sourceLocation: sourceLocation)
            }
        }
        survives(.gbnf, "root ::= " + String(repeating: "(", count: 60_000) + "\"a\"" + String(repeating: ")", count: 60_000))
        survives(.lark, "start: " + String(repeating: "(", count: 60_000))
        survives(.gbnf, "root ::= " + String(repeating: "\"x\"? ", count: 10_000), "xxxxxxxxxxxxxxxxxxxx")
        survives(.gbnf, "root ::= r0\n" + (0..<5_000).map { "r\($0) ::= r\($0 + 1)\n" }.joined() + "r5000 ::= \"a\"", "a")
        survives(.gbnf, "root ::= r0\n" + (0..<100).map { "r\($0) ::= \"(\" r\($0 + 1) \")\" | r\($0 + 1)\n" }.joined() + "r100 ::= \"a\"")
        survives(.gbnf, "root ::= r0\n" + (0..<5_000).map { "r\($0) ::= \"(\" r\($0 + 1) \")\"\n" }.joined() + "r5000 ::= \"a\"")
        survives(
            .gbnf,
            "root ::= " + (0..<33_000).map { "a\($0)" }.joined(separator: " | ") + "\n" + (0..<33_000).map { "a\($0) ::= \"w\($0)\"\n" }.joined(),
            "w1")
        survives(.ebnf, "root ::= " + (0..<20_000).map { "\"word \($0)\"" }.joined(separator: " | "), "word 1")
        survives(.ebnf, "preamble ::= ([^<] | \"<\" [^|])*\nroot ::= preamble \"<|tool|>\"", "a < b <")
        survives(.gbnf, "root ::= \"a\"{100000}", "aaa")
        survives(.gbnf, "root ::= (\"a\"{0,100}){0,100} \"b\"", "aaa")
        survives(.gbnf, "root ::= \"a\"{0,50000} \"b\"{0,50000}", "aab")
        survives(.gbnf, "root ::= .{0,1000000} \"a\" .{20}", "aab")
        survives(.gbnf, "root ::= ((\"a\"?)* (\"a\"*)?)* \"b\"", "aaaaaaaaaaaaaaaaaaaaaaaa")
        survives(.lark, "start: A\nA: /(?:\\w+\\.){1,30}/", "ab.")
        survives(.lark, "start: A\nA: /\\p{L}{1,500}/", "abc")
        survives(.lark, "start: A\nA: ~(~(~(/.*a.{16}/)))", "a")
        survives(.regex, "((((" + String(repeating: "(", count: 7_000))
        survives(.rustRegex, String(repeating: "[", count: 8_000))
        for pattern in ["^+[a-z]$", "^{2}x$", "(?<=x)+", "foo**", "[", "a{100000}", "(a{0,100}){0,100}", "(a+)+$", ".*a.{20}"] {
            survives(.regex, pattern)
        }
        let nested = String(repeating: #"{"type":"sequence","elements":["#, count: 60_000)
        survives(.structuralTag, "{\"type\":\"structural_tag\",\"format\":\(nested)")
    }
}
