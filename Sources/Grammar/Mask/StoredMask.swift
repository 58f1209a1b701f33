// A mask as it is kept: few tokens more or less than another set, or all of its bits.

/// An immutable set of tokens, shared by all who stand in the same place.
final class StoredMask: Sendable {
    /// What the set is close to; nil: no token.
    private let base: [UInt64]?
    /// Tokens in which it differs, ascending.
    private let flips: [Int32]
    let words: Int
    /// Bytes of its own, a shared base not counted.
    let byteCount: Int

    /// More differences than this are kept as bits.
    private static let maximumFlips = 1_024

    /// - Parameter near: a set that others keep too, over the same tokens.
    init(_ bits: [UInt64], near: StoredMask? = nil) {
        words = bits.count
        if let flips = Words.differences(bits, nil, atMost: Self.maximumFlips) {
            (base, self.flips) = (nil, flips)
        } else if let shared = near?.base, let flips = Words.differences(bits, shared, atMost: Self.maximumFlips) {
            (base, self.flips) = (shared, flips)
        } else {
            (base, flips) = (bits, [])
            byteCount = bits.count * 8 + 100
            return
        }
        byteCount = flips.count * 4 + 100
    }

    /// A set that is shared as it is.
    init(shared bits: [UInt64]) {
        (base, flips, words, byteCount) = (bits, [], bits.count, 100)
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
        if let base { Words.copy(base, into: &target) } else { Words.clear(&target) }
        for token in flips { target[Int(token) >> 6] ^= 1 << UInt64(token & 63) }
    }

    /// Adds the set to as many words.
    func add(to target: inout [UInt64]) {
        guard let base else {
            for token in flips { target[Int(token) >> 6] |= 1 << UInt64(token & 63) }
            return
        }
        if flips.isEmpty { Words.add(base, to: &target) } else { Words.add(bits, to: &target) }
    }

    /// The set as bits.
    var bits: [UInt64] {
        var bits = [UInt64](repeating: 0, count: words)
        copy(into: &bits)
        return bits
    }

    /// The only token of the set that is not forbidden; nil when there are none or several, or the set is large.
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

/// Loops over whole masks.
enum Words {
    /// Writes as many words over others.
    static func copy(_ source: [UInt64], into target: inout [UInt64]) {
        precondition(source.count == target.count)
        unsafe target.withUnsafeMutableBufferPointer { target in
            unsafe source.withUnsafeBufferPointer { source in _ = unsafe target.update(fromContentsOf: source) }
        }
    }

    /// Sets all words to zero.
    static func clear(_ target: inout [UInt64]) {
        unsafe target.withUnsafeMutableBufferPointer { unsafe $0.update(repeating: 0) }
    }

    /// Adds the bits of as many words.
    static func add(_ source: [UInt64], to target: inout [UInt64]) {
        precondition(source.count == target.count)
        unsafe target.withUnsafeMutableBufferPointer { target in
            unsafe source.withUnsafeBufferPointer { source in
                for word in 0..<source.count { unsafe target[word] |= source[word] }
            }
        }
    }

    /// The bits in which the words differ from others (nil: from zero), ascending; nil when there are more than `limit`.
    static func differences(_ bits: [UInt64], _ other: [UInt64]?, atMost limit: Int) -> [Int32]? {
        precondition(other == nil || other!.count == bits.count)
        var found: [Int32] = []
        func note(_ word: Int, _ difference: UInt64) -> Bool {
            var rest = difference
            while rest != 0 {
                found.append(Int32(word << 6 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
            return found.count <= limit
        }
        let isComplete = unsafe bits.withUnsafeBufferPointer { bits in
            guard let other else {
                for word in 0..<bits.count where unsafe bits[word] != 0 {
                    if unsafe !note(word, bits[word]) { return false }
                }
                return true
            }
            return unsafe other.withUnsafeBufferPointer { other in
                for word in 0..<bits.count where unsafe bits[word] != other[word] {
                    if unsafe !note(word, bits[word] ^ other[word]) { return false }
                }
                return true
            }
        }
        return isComplete ? found : nil
    }
}
