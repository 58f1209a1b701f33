// Tokens by what they are made of: the set of all tokens over some bytes is a union of a few prepared sets.
import Tokens

/// Tokens with the same byte groups, side by side.
struct TokenSignatures: Sendable {
    private struct Kind: Sendable {
        let groups: ByteGroups
        /// Its tokens are `tokens[first ..< end]`.
        let first: Int32
        let end: Int32
        /// The number of the prepared set, −1 for small kinds.
        let set: Int32
    }
    private let kinds: [Kind]
    /// All tokens, kind by kind, in the order of their bytes; and these bytes, one after the other.
    private let tokens: [Int32]
    private let offsets: [Int32]
    private let bytes: [UInt8]
    /// Bit sets of the large kinds, one after the other.
    private let sets: [UInt64]
    private let words: Int
    /// Places in `tokens`, the longest tokens first, as far as they are longer than `shortestLimit`; with their groups.
    private let long: [(place: Int32, groups: ByteGroups)]

    /// Kinds of at least so many tokens have a prepared set.
    private static let largeKind = 512
    /// Limits on the length below this are not answered.
    static let shortestLimit = 12

    init(_ texts: [Int32], _ groups: [ByteGroups], _ vocabulary: Vocabulary) {
        words = (vocabulary.count + 63) / 64
        let order = texts.indices.sorted { (groups[$0], $0) < (groups[$1], $1) }
        var kinds: [Kind] = []
        var sets: [UInt64] = []
        var first = 0
        while first < order.count {
            var end = first
            while end < order.count && groups[order[end]] == groups[order[first]] { end += 1 }
            let isLarge = end - first >= Self.largeKind
            kinds.append(
                Kind(groups: groups[order[first]], first: Int32(first), end: Int32(end), set: isLarge ? Int32(sets.count / max(words, 1)) : -1))
            if isLarge {
                let base = sets.count
                sets.append(contentsOf: repeatElement(0, count: words))
                for index in order[first..<end] {
                    let token = texts[index]
                    sets[base + Int(token) >> 6] |= 1 << UInt64(token & 63)
                }
            }
            first = end
        }
        var offsets: [Int32] = [0]
        var bytes: [UInt8] = []
        for index in order {
            bytes += vocabulary.tokens[Int(texts[index])]
            offsets.append(Int32(bytes.count))
        }
        long = order.indices.filter { Int(offsets[$0 + 1] - offsets[$0]) > Self.shortestLimit }
            .sorted { (offsets[$1 + 1] - offsets[$1], $0) < (offsets[$0 + 1] - offsets[$0], $1) }
            .map { (Int32($0), groups[order[$0]]) }
        self.kinds = kinds
        self.sets = sets
        self.offsets = offsets
        self.bytes = bytes
        tokens = order.map { texts[$0] }
    }

    /// Adds all tokens made of these groups and of at most `length` bytes (at least `shortestLimit`) to the bits.
    func add(_ groups: ByteGroups, length: Int, _ bits: inout [UInt64]) {
        for kind in kinds where kind.groups & ~groups == 0 {
            if kind.set >= 0 {
                let base = Int(kind.set) * words
                for word in 0..<words { bits[word] |= sets[base + word] }
            } else {
                for place in Int(kind.first)..<Int(kind.end) {
                    let token = tokens[place]
                    bits[Int(token) >> 6] |= 1 << UInt64(token & 63)
                }
            }
        }
        for (place, made) in long {
            if self.length(Int(place)) <= length { break }
            let token = tokens[Int(place)]
            if made & ~groups == 0 { bits[Int(token) >> 6] &= ~(1 << UInt64(token & 63)) }
        }
    }

    /// The places of tokens that `add` leaves out although they are made of usable groups; nil when there are more than `limit`.
    func others(_ groups: ByteGroups, length: Int, usable: ByteGroups, limit: Int) -> [Int32]? {
        var places: [Int32] = []
        for kind in kinds where kind.groups & ~usable == 0 && kind.groups & ~groups != 0 {
            if places.count + Int(kind.end - kind.first) > limit { return nil }
            for place in kind.first..<kind.end { places.append(place) }
        }
        for (place, made) in long {
            if self.length(Int(place)) <= length { break }
            if made & ~groups == 0 { places.append(place) }
        }
        return places.count > limit ? nil : places
    }

    private func length(_ place: Int) -> Int { Int(offsets[place + 1] - offsets[place]) }

    /// Adds those of the places whose bytes the table reads to their end.
    func addReadable<Table: RowTable>(_ places: [Int32], _ table: inout Table, from row: Int32, _ bits: inout [UInt64]) {
        for place in places {
            var current = row
            for index in Int(offsets[Int(place)])..<Int(offsets[Int(place) + 1]) {
                current = table.next(current, bytes[index])
                if current < 0 { break }
            }
            let token = tokens[Int(place)]
            if current >= 0 { bits[Int(token) >> 6] |= 1 << UInt64(token & 63) }
        }
    }
}
