// A mask as it is kept: few tokens more or less than another set, or all of its bits.

/// An immutable set of tokens, shared by all who stand in the same place.
final class StoredMask: Sendable {
    /// What the set is close to; nil: no token.
    private let base: [UInt64]?
    /// Tokens in which it differs, ascending.
    private let flips: [Int32]
    let words: Int
    /// Bytes of its own, the shared base not counted.
    let byteCount: Int

    /// More differences than this are kept as bits.
    private static let maximumFlips = 1_024

    /// - Parameter near: sets that others keep too, of the same size.
    init(_ bits: [UInt64], near: [UInt64]?) {
        words = bits.count
        var plain = 0
        var close = 0
        for word in bits.indices { plain += bits[word].nonzeroBitCount }
        if let near { for word in bits.indices { close += (bits[word] ^ near[word]).nonzeroBitCount } } else { close = .max }
        if min(plain, close) > Self.maximumFlips {
            base = bits
            flips = []
            byteCount = bits.count * 8 + 100
            return
        }
        base = plain <= close ? nil : near
        var flips: [Int32] = []
        flips.reserveCapacity(min(plain, close))
        for word in bits.indices {
            var rest = plain <= close ? bits[word] : bits[word] ^ near![word]
            while rest != 0 {
                flips.append(Int32(word << 6 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        self.flips = flips
        byteCount = flips.count * 4 + 100
    }

    /// Whether the token is in the set.
    func contains(_ token: Int32) -> Bool {
        var low = 0
        var high = flips.count
        while low < high {
            let middle = (low + high) / 2
            if flips[middle] < token { low = middle + 1 } else { high = middle }
        }
        let isFlipped = low < flips.count && flips[low] == token
        guard let base else { return isFlipped }
        return isFlipped != (base[Int(token) >> 6] >> UInt64(token & 63) & 1 == 1)
    }

    /// Writes the set into as many words.
    func copy(into target: inout [UInt64]) {
        precondition(target.count == words)
        if let base {
            for word in target.indices { target[word] = base[word] }
        } else {
            for word in target.indices { target[word] = 0 }
        }
        for token in flips { target[Int(token) >> 6] ^= 1 << UInt64(token & 63) }
    }

    /// The set as bits.
    var bits: [UInt64] {
        var bits = [UInt64](repeating: 0, count: words)
        copy(into: &bits)
        return bits
    }

    /// The only token of the set that is not forbidden; nil when there are none or several.
    func only(without forbidden: [Int32]) -> Int32? {
        guard base != nil else {
            let rest = flips.filter { !forbidden.contains($0) }
            return rest.count == 1 ? rest[0] : nil
        }
        var only: Int32?
        for (index, word) in bits.enumerated() {
            var rest = word
            while rest != 0 {
                let token = Int32(index << 6 + rest.trailingZeroBitCount)
                rest &= rest - 1
                if forbidden.contains(token) { continue }
                if only != nil { return nil }
                only = token
            }
        }
        return only
    }
}
