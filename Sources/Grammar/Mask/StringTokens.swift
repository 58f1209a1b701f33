// The vocabulary as a JSON string sees it: tokens that stay inside, and tokens that leave by a quote, cut there.
import Tokens

/// What tokens are between two characters of a JSON string.
struct StringTokens: Sendable {
    /// Tokens that stay within a string of any characters.
    let open: StoredMask
    /// Of these, the tokens of more than one character with their number (a character begun counts), most first.
    let long: [(characters: Int32, token: Int32)]
    /// Of these, the tokens with an escape or with part of a character.
    let odd: FlatTrie
    /// What tokens that leave have before the quote: the items are its numbers.
    let heads: FlatTrie
    /// By head: its characters.
    let headCharacters: [Int32]
    /// What tokens that leave have after the quote; the items are places in `headOf` and `tokenOf`, which are in the same order.
    let tails: FlatTrie
    let headOf: [Int32]
    let tokenOf: [Int32]
    /// Heads by the characters that they stand for.
    private let headsByText: [[UInt8]: [Int32]]
    private let tokensOfHead: [[TokenID]]
    /// Tokens with two quotes or more, by what stands between two of them: a member's whole name may lie in them.
    private let quotingTokens: [[UInt8]: [TokenID]]
    /// Lengths and first bytes of these names, as bits: nearly every name is told from them at once.
    private let quotedLengths: UInt64
    private let quotedStarts: [Bool]
    /// All numbers of characters that tokens or heads have, ascending.
    private let lengths: [Int32]
    let longest: Int32
    let any: Lexeme

    init(_ texts: [Int32], _ groups: [ByteGroups], _ vocabulary: Vocabulary) {
        guard let any = try? Lexeme(.any, spelling: .string) else { preconditionFailure("any string is a language") }
        let all = vocabulary.tokens
        var open = [UInt64](repeating: 0, count: (all.count + 63) / 64)
        var long: [(characters: Int32, token: Int32)] = []
        var odd: [Int32] = []
        var leaving: [(head: [UInt8], tail: [UInt8], token: Int32)] = []
        var headCharacters: [[UInt8]: Int32] = [:]
        for (index, token) in texts.enumerated() {
            let text = all[Int(token)]
            switch Self.read(text, any) {
            case .dead: continue
            case .inside(let characters):
                open[Int(token) >> 6] |= 1 << UInt64(token & 63)
                if characters > 1 { long.append((characters, token)) }
                if groups[index] & ~ByteGrouping.insideString != 0 { odd.append(token) }
            case .left(let place, let characters):
                let head = Array(text[..<place])
                leaving.append((head, Array(text[(place + 1)...]), token))
                headCharacters[head] = characters
            }
        }
        long.sort { ($1.characters, $0.token) < ($0.characters, $1.token) }
        let headTexts = headCharacters.keys.sorted { $0.lexicographicallyPrecedes($1) }
        let headNumbers = Dictionary(uniqueKeysWithValues: headTexts.enumerated().map { ($1, Int32($0)) })
        leaving.sort { $0.tail.lexicographicallyPrecedes($1.tail) }
        self.any = any
        self.open = StoredMask(shared: open)
        self.long = long
        self.odd = FlatTrie(odd) { all[Int($0)] }
        heads = FlatTrie(headTexts.indices.map { Int32($0) }) { headTexts[Int($0)] }
        self.headCharacters = headTexts.map { headCharacters[$0]! }
        tails = FlatTrie(leaving.indices.map { Int32($0) }) { leaving[Int($0)].tail }
        headOf = leaving.map { headNumbers[$0.head]! }
        tokenOf = leaving.map(\.token)
        headsByText = Dictionary(grouping: headTexts.indices.map { Int32($0) }) { Names.unescaped(headTexts[Int($0)]) }
        var tokensOfHead = [[TokenID]](repeating: [], count: headTexts.count)
        for (head, token) in zip(headOf, tokenOf) { tokensOfHead[Int(head)].append(token) }
        self.tokensOfHead = tokensOfHead
        var quotingTokens: [[UInt8]: [TokenID]] = [:]
        for token in texts {
            let text = all[Int(token)]
            let quotes = text.indices.filter { text[$0] == 0x22 }
            for (start, end) in zip(quotes, quotes.dropFirst()) {
                quotingTokens[Names.unescaped(Array(text[(start + 1)..<end])), default: []].append(token)
            }
        }
        self.quotingTokens = quotingTokens
        quotedLengths = quotingTokens.keys.reduce(0) { $0 | 1 << UInt64(min($1.count, 63)) }
        var starts = [Bool](repeating: false, count: 256)
        for name in quotingTokens.keys { if let first = name.first { starts[Int(first)] = true } }
        quotedStarts = starts
        lengths = Set(long.map(\.characters) + Array(headCharacters.values) + [0, 1]).sorted()
        longest = lengths.last ?? 1
    }

    private enum Reading {
        case dead
        case inside(characters: Int32)
        case left(place: Int, characters: Int32)
    }

    private static func read(_ text: [UInt8], _ any: Lexeme) -> Reading {
        var local: Int32 = 0
        var characters: Int32 = 0
        for (place, byte) in text.enumerated() {
            switch any.step(local, 0, byte) {
            case .dead: return .dead
            case .finished: return .left(place: place, characters: characters)
            case .stay(let next, _):
                local = next
                if any.isBetweenCharacters(next) { characters += 1 }
            }
        }
        return .inside(characters: any.isBetweenCharacters(local) ? characters : characters + 1)
    }

    /// The tokens that would complete a name of which these characters are missing.
    func completing(_ rest: some Sequence<UInt8>) -> [TokenID] { (headsByText[Array(rest)] ?? []).flatMap { tokensOfHead[Int($0)] } }

    /// The tokens in which the name may stand whole.
    func quoting(_ name: [UInt8]) -> [TokenID] {
        guard quotedLengths >> UInt64(min(name.count, 63)) & 1 == 1, name.first.map({ quotedStarts[Int($0)] }) ?? true else { return [] }
        return quotingTokens[name] ?? []
    }

    /// The largest number of characters up to `left` that makes a difference.
    func effective(left: Int32) -> Int32 {
        if left >= longest { return longest }
        var low = 0
        var high = lengths.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if lengths[middle] <= left { low = middle } else { high = middle - 1 }
        }
        return lengths[low]
    }
}

/// Which heads a string's state accepts.
enum HeadSet: Sendable {
    case none
    case all
    /// One bit a head.
    case some([UInt64])

    @inline(__always)
    func contains(_ head: Int32) -> Bool {
        switch self {
        case .none: false
        case .all: true
        case .some(let bits): bits[Int(head) >> 6] >> UInt64(head & 63) & 1 == 1
        }
    }
}
