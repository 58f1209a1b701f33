// The tokens of a model: the bytes each stands for, and what kind of token it is.

/// A token's number in its model's vocabulary.
public typealias TokenID = Int32

/// What a token is for.
public enum TokenKind: UInt8, Sendable, Hashable {
    /// A piece of text.
    case normal
    /// A special token: it steers the model and is never text. Its bytes are its name, which a grammar must not walk.
    case control
    /// An added token that stands for ordinary text.
    case userDefined
    /// A single byte of text (`<0x0A>` and its like), used where no other token fits.
    case byte
    /// A number without a token.
    case unused
}

/// The tokens of a model as bytes: what decoding appends for each, wherever it stands but at the very start of a text.
public struct Vocabulary: Sendable {
    /// The raw bytes each token stands for, by `TokenID` (byte-level alphabet undone, `▁` as a space, `<0x0A>` as its byte). A control
    /// token has the bytes of its name; an unused number has none.
    public let tokens: [[UInt8]]
    /// The kind of each token, by `TokenID`.
    public let kinds: [TokenKind]
    /// A hash over all bytes and kinds, the same in every run and on every machine: a key for caches.
    public let identity: UInt64

    private let table: TokenTable

    /// A vocabulary of the given tokens; `tokens` and `kinds` have the same count.
    public init(tokens: [[UInt8]], kinds: [TokenKind]) {
        precondition(tokens.count == kinds.count, "one kind for each token")
        self.tokens = tokens
        self.kinds = kinds
        var table = TokenTable(capacity: tokens.count)
        var hash = StableHash()
        for (index, bytes) in tokens.enumerated() {
            hash.add(bytes)
            hash.add(kinds[index].rawValue)
        }
        // Normal tokens are found before byte tokens of the same bytes.
        for wanted in [TokenKind.normal, .userDefined, .byte] {
            for (index, bytes) in tokens.enumerated() where kinds[index] == wanted { table.insert(bytes, TokenID(index)) }
        }
        self.table = table
        identity = hash.value
    }

    /// How many numbers the vocabulary has, unused ones included.
    public var count: Int { tokens.count }

    /// The token that stands for exactly these bytes of text (never a control token; a normal token before a byte token; the lowest number
    /// among equals).
    public func id(of bytes: [UInt8]) -> TokenID? { table[bytes[...]] }
}

/// A 64-bit hash (FNV-1a with a final mix) that is the same in every run, unlike the standard library's `Hasher`.
struct StableHash {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }

    /// Adds the bytes and their count, so that ["ab", "c"] and ["a", "bc"] differ.
    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { add(byte) }
        var count = UInt32(truncatingIfNeeded: bytes.count)
        for _ in 0..<4 {
            add(UInt8(truncatingIfNeeded: count))
            count >>= 8
        }
    }

    var value: UInt64 {
        var x = state
        x = (x ^ (x >> 33)) &* 0xff51_afd7_ed55_8ccd
        x = (x ^ (x >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return x ^ (x >> 33)
    }
}
