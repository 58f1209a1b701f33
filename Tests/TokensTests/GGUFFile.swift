// As much of a GGUF reader as the tokenizer's tests need; the engine has the real one.
import TestSupport
import Testing
import Tokens

/// The `tokenizer.ggml.*` values of a GGUF file.
struct GGUFFile {
    private let bytes: [UInt8]
    private var offset = 8
    private var strings: [String: String] = [:]
    private var integers: [String: Int] = [:]
    private var texts: [String: [String]] = [:]
    private var numbers: [String: [Int32]] = [:]
    private var floats: [String: [Float]] = [:]

    init(_ path: String) throws {
        bytes = try Fixtures.bytes(path)
        _ = try word(8)
        let count = try word(8)
        for _ in 0..<count {
            let key = try string()
            let type = try word(4)
            try read(key, type)
        }
    }

    /// The description of its tokenizer.
    func tokenizer() throws -> GGUFTokenizer {
        func key(_ name: String) -> String { "tokenizer.ggml.\(name)" }
        return GGUFTokenizer(
            model: try #require(strings[key("model")]), pre: strings[key("pre")], tokens: texts[key("tokens")] ?? [],
            types: numbers[key("token_type")] ?? [], scores: floats[key("scores")] ?? [], merges: texts[key("merges")] ?? [],
            beginningOfSequence: integers[key("bos_token_id")].map { TokenID($0) },
            endOfSequence: integers[key("eos_token_id")].map { TokenID($0) },
            unknown: integers[key("unknown_token_id")].map { TokenID($0) },
            addsBeginningOfSequence: integers[key("add_bos_token")].map { $0 != 0 },
            addsEndOfSequence: integers[key("add_eos_token")].map { $0 != 0 },
            addsSpacePrefix: integers[key("add_space_prefix")].map { $0 != 0 })
    }

    private mutating func word(_ size: Int) throws -> Int {
        try #require(offset + size <= bytes.count)
        var value = 0
        for index in (0..<size).reversed() { value = value << 8 | Int(bytes[offset + index]) }
        offset += size
        return value
    }

    private mutating func string() throws -> String {
        let count = try word(8)
        try #require(offset + count <= bytes.count)
        defer { offset += count }
        return String(decoding: bytes[offset..<offset + count], as: UTF8.self)
    }

    private mutating func read(_ key: String, _ type: Int) throws {
        let sizes = [0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8]
        if type == 8 {
            strings[key] = try string()
        } else if type == 9 {
            let element = try word(4)
            let count = try word(8)
            if element == 8 {
                texts[key] = try (0..<count).map { _ in try string() }
            } else {
                let size = try #require(sizes[element])
                let words = try (0..<count).map { _ in try word(size) }
                if element == 6 {
                    floats[key] = words.map { Float(bitPattern: UInt32($0)) }
                } else {
                    numbers[key] = words.map { Int32(truncatingIfNeeded: $0) }
                }
            }
        } else {
            integers[key] = try word(try #require(sizes[type]))
        }
    }
}
