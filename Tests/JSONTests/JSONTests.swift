import TestSupport
import Testing

@testable import JSON

@Suite struct ParsingTests {
    @Test(arguments: [
        ("null", "null"), (" [ 1 , 2.50 , -0 , 1e400 ] ", "[1,2.50,-0,1e400]"), (#"{"b":1,"a":{"b":[]}}"#, #"{"b":1,"a":{"b":[]}}"#),
        ("18446744073709551616", "18446744073709551616"), ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
        (#""\u00e9\ud83d\ude00\u0000\/""#, "\"é😀\\u0000/\""), ("0", "0"), ("-0.0E+2", "-0.0E+2"), ("[[],{}]", "[[],{}]"), ("true", "true"),
        (#"{"":0," ":1,"é":2}"#, #"{"":0," ":1,"é":2}"#), ("\"\u{7f}\u{2028}\"", "\"\u{7f}\u{2028}\""),
        ("{\"\u{e9}\":1,\"e\u{301}\":2}", "{\"\u{e9}\":1,\"e\u{301}\":2}"),
    ])
    func keepsWhatWasWritten(source: String, expected: String) throws {
        #expect(Array(try JSONValue(parsing: source).text().utf8) == Array(expected.utf8))
    }

    @Test(arguments: [
        ("", JSONError.Fault.unexpectedEnd, 0), ("NaN", .unexpectedByte(78, expected: "a value"), 0), ("-Infinity", .invalidNumber, 0),
        ("[1,]", .unexpectedByte(93, expected: "a value"), 3), ("01", .invalidNumber, 0), ("1.", .invalidNumber, 0),
        ("+1", .unexpectedByte(43, expected: "a value"), 0),
        ("1 2", .trailingBytes, 2), (#"{"a":1,"b":2,"a":3}"#, .duplicateKey("a"), 13), (#"[{"a":1,"\u0061":3}]"#, .duplicateKey("…"), 1),
        (#""\ud800""#, .loneSurrogate, 1), (#""\udc00x""#, .loneSurrogate, 1), (#""\ud800\u0041""#, .loneSurrogate, 1),
        ("\"\n\"", .controlCharacter(10), 1),
        (#"{"a\u0000b":1}"#, .nullCharacterInKey, 3), (#"{a:1}"#, .unexpectedByte(97, expected: "a key"), 1),
        ("'a'", .unexpectedByte(39, expected: "a value"), 0),
        ("nul", .unexpectedEnd, 3), ("{\"a\" 1}", .unexpectedByte(49, expected: "':'"), 5),
        ("[1}", .unexpectedByte(125, expected: "',' or ']'"), 2),
        (#""\x""#, .invalidEscape, 1), ("// c\n1", .unexpectedByte(47, expected: "a value"), 0), ("\"a", .unexpectedEnd, 2),
    ])
    func saysWhatIsWrongAndWhere(source: String, fault: JSONError.Fault, offset: Int) {
        #expect(throws: JSONError(fault: fault, offset: offset)) { try JSONValue(parsing: source) }
    }

    @Test(
        arguments: [
            [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xe2, 0x82, 0x22],
            [0x22, 0xf5, 0x80, 0x80, 0x80, 0x22],
        ] as [[UInt8]])
    func refusesInvalidUTF8(bytes: [UInt8]) {
        #expect(throws: JSONError(fault: .invalidUTF8, offset: 1)) { try JSONValue(parsing: bytes) }
    }

    @Test func limits() throws {
        let deep = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        #expect(try JSONValue(parsing: deep).text() == deep)
        #expect(throws: JSONError(fault: .tooDeep(limit: 256), offset: 256)) { try JSONValue(parsing: "[" + deep + "]") }
        #expect(throws: JSONError(fault: .tooDeep(limit: 256), offset: 1280)) {
            try JSONValue(parsing: String(repeating: #"{"a":"#, count: 100_000) + "1" + String(repeating: "}", count: 100_000))
        }
        #expect(throws: JSONError(fault: .tooLong(limit: 3), offset: 0)) {
            try JSONValue(parsing: "1234", limits: JSONLimits(bytes: 3, depth: 1))
        }
    }

    @Test func roundTripsRandomValues() throws {
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let value = randomValue(&generator, depth: 4)
            for style in [JSONStyle.compact, .spaced, .pretty, .wire, JSONStyle(escapesNonASCII: true)] {
                #expect(try JSONValue(parsing: value.text(style)) == value, "seed \(seed)")
            }
        }
    }

    private func randomValue(_ generator: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth == 0 ? 5 : 7), using: &generator) {
        case 0: return nil
        case 1: return .bool(.random(using: &generator))
        case 2: return JSONValue(Int.random(in: Int.min...Int.max, using: &generator))
        case 3: return JSONValue(Double(bitPattern: generator.next()))
        case 4: return .string(randomString(&generator))
        case 5: return .array((0..<Int.random(in: 0..<5, using: &generator)).map { _ in randomValue(&generator, depth: depth - 1) })
        default:
            return .object(
                JSONObject(
                    (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
                        (randomString(&generator).filter { $0 != "\0" }, randomValue(&generator, depth: depth - 1))
                    }))
        }
    }

    private func randomString(_ generator: inout SeededGenerator) -> String {
        var string = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<6, using: &generator) {
            let limit: UInt32 = [0x20, 0x80, 0x3000, 0x110000].randomElement(using: &generator)!
            if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) { string.append(scalar) }
        }
        return String(string)
    }
}

@Suite struct ValueTests {
    @Test(arguments: [
        ("1", "1.0", true), ("1e2", "100", true), ("-0", "0", true), ("0.1", "0.10", true), ("1", "2", false), ("1e400", "10e399", true),
        ("123456789012345678901", "123456789012345678902", false), (#"{"a":1,"b":2}"#, #"{"b":2,"a":1.0}"#, true),
        ("[1,2]", "[2,1]", false),
        ("1e99999999999999999999", "1", false), (#""é""#, "\"e\u{301}\"", false),
    ])
    func equivalence(a: String, b: String, expected: Bool) throws {
        #expect(try JSONValue(parsing: a).isEquivalent(to: JSONValue(parsing: b)) == expected)
    }

    @Test func integers() throws {
        for (text, value) in [
            ("1", 1), ("1.0", 1), ("1e2", 100), ("-5", -5), ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("0e5", 0),
            ("120e-1", 12),
        ] {
            #expect(try JSONValue(parsing: text).intValue == value)
        }
        for text in ["1.5", "9223372036854775808", "1e19", "1e400"] { #expect(try JSONValue(parsing: text).intValue == nil) }
        #expect(JSONValue(2.5).text() == "2.5" && JSONValue(3.0).text() == "3" && JSONValue(Double.nan) == nil)
    }

    /// Ascending values, several spellings each: every pair is compared both ways.
    @Test func decimalsAreOrderedByValue() {
        let ascending = [
            ["-1e99999999999999999999"], ["-1e400", "-10e399"], ["-12.5", "-125E-1"], ["-12.4"], ["-1", "-1.0", "-10e-1"], ["-0.05"], ["-1e-400"],
            ["0", "-0", "0.000", "0e99999999999999999999"], ["1e-99999999999999999999"], ["5e-400"], ["0.049"], ["0.05", "5e-2", "0.50e-1"],
            ["0.1"], ["9"], ["10", "1e1", "1.0e+1"], ["10.000000000000000000001"], ["123456789012345678901"], ["123456789012345678902"], ["1e400"],
        ]
        for (place, spellings) in ascending.enumerated() {
            for (otherPlace, others) in ascending.enumerated() {
                for a in spellings {
                    for b in others {
                        let (x, y) = (JSONNumber(a)!.decimal, JSONNumber(b)!.decimal)
                        #expect((x < y) == (place < otherPlace) && (x == y) == (place == otherPlace), "\(a), \(b)")
                    }
                }
            }
        }
        let value = JSONNumber("-1.50e3")!.decimal
        #expect(value.isNegative && value.digits == [1, 5] && value.exponent == 2)
    }

    @Test func objectsKeepTheirOrder() {
        var object = JSONObject()
        for i in 0..<1000 { object["k\(i)"] = JSONValue(i) }
        object["k5"] = nil
        object["k7"] = "seven"
        #expect(object.count == 999 && object[5].key == "k6" && object["k7"] == "seven" && object["k999"] == 999 && object["k5"] == nil)
        #expect(object.keys.last == "k999")
    }

    @Test(arguments: [("", [String]()), ("/a~1b/~0", ["a/b", "~"]), ("/", [""]), ("/a/0", ["a", "0"]), ("/\u{301}x/b", ["\u{301}x", "b"])])
    func pointers(text: String, tokens: [String]) throws {
        #expect(JSONPointer(parsing: text)?.tokens == tokens && JSONPointer(tokens).description == text)
    }

    @Test func pointersResolve() throws {
        let document: JSONValue = ["a": ["b", ["c/d": 1]]]
        #expect(JSONPointer(parsing: "/a/1/c~1d")?.resolve(in: document) == 1)
        #expect(
            JSONPointer(parsing: "/a/01")?.resolve(in: document) == nil && JSONPointer(parsing: "a") == nil
                && JSONPointer(parsing: "/~2") == nil)
    }

    @Test func wireStyleHasNoLineEnds() {
        #expect(JSONValue("a\u{2028}\u{85}\n\u{7f}é").text(.wire) == #""a\u2028\u0085\n\u007fé""#)
    }
}
