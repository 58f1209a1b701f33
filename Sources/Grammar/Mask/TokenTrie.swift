// The vocabulary as a flat trie over bytes: depth first, so that a walk is a loop and a dead subtree is one jump.
import Synchronization
import Tokens

/// All tokens that are text. Node 0 is the root; node i's subtree is the nodes i ..< end[i].
final class TokenTrie: Sendable {
    let vocabulary: Vocabulary
    let bytes: [UInt8]
    let depths: [UInt16]
    let ends: [Int32]
    /// The token that ends at the node, −1 for none.
    let tokens: [Int32]
    /// Another token of the same bytes, −1 for none.
    let nextSame: [Int32]
    let maximumDepth: Int
    /// Tokens with two quotes or more, and what stands between them: a member's whole name may lie in them.
    let quotingTokens: [(token: TokenID, names: [[UInt8]])]
    /// Whether every byte that occurs in UTF-8 is a token, so that any text can be spelled, in at most as many tokens as it has bytes.
    let spellsEveryByte: Bool
    /// Masks of lexeme states, shared by all grammars over this vocabulary.
    let lexemeMasks = LexemeMaskStore()

    var nodeCount: Int { bytes.count }
    var words: Int { (vocabulary.count + 63) / 64 }

    /// Tokens longer than this are never allowed (no vocabulary has them).
    static let maximumTokenBytes = Int(Program.clampHorizon) - 1

    private static let known = Mutex<[(identity: UInt64, trie: TokenTrie)]>([])

    /// The trie of a vocabulary; the last few are remembered.
    static func of(_ vocabulary: Vocabulary) -> TokenTrie {
        let identity = vocabulary.identity
        if let trie = known.withLock({ list in list.first { $0.identity == identity && $0.trie.vocabulary.count == vocabulary.count }?.trie
        }) {
            return trie
        }
        let trie = TokenTrie(vocabulary)
        known.withLock { list in
            if list.count >= 4 { list.removeFirst() }
            list.append((identity, trie))
        }
        return trie
    }

    /// Drops the masks that grammars left behind.
    func forgetMasks() { lexemeMasks.forget() }

    /// Whether the token is text that a grammar may ask for.
    static func isText(_ kind: TokenKind) -> Bool {
        switch kind {
        case .normal, .userDefined, .byte: true
        default: false
        }
    }

    init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        let all = vocabulary.tokens
        let texts = all.indices.filter {
            Self.isText(vocabulary.kinds[$0]) && !all[$0].isEmpty && all[$0].count <= Self.maximumTokenBytes
        }.sorted { all[$0].lexicographicallyPrecedes(all[$1]) }
        var bytes: [UInt8] = [0]
        var depths: [UInt16] = [0]
        var ends: [Int32] = [0]
        var tokens: [Int32] = [-1]
        var nextSame = [Int32](repeating: -1, count: all.count)
        var path: [Int] = [0]
        var previous: [UInt8] = []
        for id in texts {
            let text = all[id]
            var common = 0
            while common < text.count, common < previous.count, text[common] == previous[common] { common += 1 }
            while path.count > common + 1 { ends[path.removeLast()] = Int32(bytes.count) }
            if common == text.count && common == previous.count {
                let node = path[path.count - 1]
                nextSame[id] = tokens[node]
                tokens[node] = Int32(id)
                continue
            }
            for index in common..<text.count {
                path.append(bytes.count)
                bytes.append(text[index])
                depths.append(UInt16(index + 1))
                ends.append(0)
                tokens.append(-1)
            }
            tokens[path[path.count - 1]] = Int32(id)
            previous = text
        }
        while let node = path.popLast() { ends[node] = Int32(bytes.count) }
        self.bytes = bytes
        self.depths = depths
        self.ends = ends
        self.tokens = tokens
        self.nextSame = nextSame
        maximumDepth = Int(depths.max() ?? 0)
        let singles = Set(texts.compactMap { all[$0].count == 1 ? all[$0][0] : nil })
        spellsEveryByte = (UInt8.min...0xF4).allSatisfy { singles.contains($0) || $0 == 0xC0 || $0 == 0xC1 }
        quotingTokens = texts.compactMap { id in
            let quotes = all[id].indices.filter { all[id][$0] == 0x22 }
            guard quotes.count > 1 else { return nil }
            return (TokenID(id), zip(quotes, quotes.dropFirst()).map { Names.unescaped(Array(all[id][($0 + 1)..<$1])) })
        }
    }

    /// The node that the bytes lead to.
    func node(of text: some Collection<UInt8>) -> Int? {
        var node = 0
        for byte in text {
            guard let child = child(of: node, byte) else { return nil }
            node = child
        }
        return node
    }

    /// The node's child by a byte.
    func child(of node: Int, _ byte: UInt8) -> Int? {
        var child = node + 1
        while child < Int(ends[node]) && bytes[child] != byte { child = Int(ends[child]) }
        return child < Int(ends[node]) ? child : nil
    }

    /// The bytes on the way from the root to a node.
    func path(to node: Int) -> [UInt8] {
        // Some token ends at the node or below it, and starts with the way there.
        var index = node
        while tokens[index] < 0 { index += 1 }
        return Array(vocabulary.tokens[Int(tokens[index])].prefix(Int(depths[node])))
    }

    /// The tokens that end at the node or below.
    func tokens(below node: Int) -> [TokenID] {
        var list: [TokenID] = []
        for index in node..<Int(ends[node]) {
            var token = tokens[index]
            while token >= 0 {
                list.append(token)
                token = nextSame[Int(token)]
            }
        }
        return list
    }

    /// Sets the bits of the tokens that end at the node.
    @inline(__always)
    func mark(_ node: Int, _ bits: inout [UInt64]) {
        var token = tokens[node]
        while token >= 0 {
            bits[Int(token) >> 6] |= 1 << UInt64(token & 63)
            token = nextSame[Int(token)]
        }
    }
}
