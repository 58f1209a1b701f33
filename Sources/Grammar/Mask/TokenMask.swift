// One bit a token: what may be sampled next.
public import Tokens

/// A set of tokens, one bit each in 64-bit words; bit `i % 64` of word `i / 64` is token `i`.
public struct TokenMask: ~Copyable, Sendable {
    /// The number of tokens that the mask speaks about.
    public let count: Int
    /// The bits; those beyond `count` are zero.
    public private(set) var words: [UInt64]
    /// What the words are at present, if they came from there unchanged.
    private var source: StoredMask?

    /// A mask over `count` tokens that allows none.
    public init(count: Int) {
        precondition(count >= 0)
        self.count = count
        words = [UInt64](repeating: 0, count: (count + 63) / 64)
    }

    /// Whether the token is allowed; false beyond the mask.
    @inlinable public func allows(_ token: TokenID) -> Bool {
        token >= 0 && Int(token) < count && words[Int(token) >> 6] >> UInt64(token & 63) & 1 == 1
    }

    /// Allows one token.
    public mutating func set(_ token: TokenID) {
        precondition(token >= 0 && Int(token) < count)
        source = nil
        words[Int(token) >> 6] |= 1 << UInt64(token & 63)
    }

    /// Forbids one token.
    public mutating func clear(_ token: TokenID) {
        precondition(token >= 0 && Int(token) < count)
        source = nil
        words[Int(token) >> 6] &= ~(1 << UInt64(token & 63))
    }

    /// Allows every token.
    public mutating func allowAll() {
        source = nil
        for i in words.indices { words[i] = .max }
        if count & 63 != 0 { words[words.count - 1] = (1 << UInt64(count & 63)) - 1 }
    }

    /// Forbids every token.
    public mutating func clearAll() {
        source = nil
        for i in words.indices { words[i] = 0 }
    }

    /// How many tokens are allowed.
    public var allowedCount: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// The allowed tokens in ascending order.
    public var allowedTokens: [TokenID] {
        var tokens: [TokenID] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                tokens.append(TokenID(index * 64 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        return tokens
    }

    /// Takes over a finished mask of the same or a smaller vocabulary, less some tokens.
    mutating func assign(_ mask: StoredMask, without forbidden: [TokenID]) {
        if mask !== source {
            if mask.words == words.count {
                mask.copy(into: &words)
            } else {
                assign(mask.bits)
            }
        }
        source = forbidden.isEmpty ? mask : nil
        for token in forbidden { words[Int(token) >> 6] &= ~(1 << UInt64(token & 63)) }
    }

    /// Takes over the bits of a finished mask of the same or a smaller vocabulary.
    mutating func assign(_ bits: [UInt64]) {
        source = nil
        if bits.count == words.count {
            words = bits
        } else {
            for i in words.indices { words[i] = i < bits.count ? bits[i] : 0 }
        }
    }
}
