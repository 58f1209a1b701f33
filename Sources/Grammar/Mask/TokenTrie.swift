// What masks need to know of a vocabulary, made once: its tokens as a trie, by what they are made of, and inside strings.
import Synchronization
import Tokens

/// All tokens that are text.
final class TokenTrie: Sendable {
    let vocabulary: Vocabulary
    /// The items are tokens.
    let flat: FlatTrie
    /// By node: what stands below it is made of these.
    let below: [ByteGroups]
    /// By node: bytes of the longest way down.
    let heights: [UInt16]
    let signatures: TokenSignatures
    let strings: StringTokens
    /// Whether every byte that occurs in UTF-8 is a token, so that any text can be spelled, in at most as many tokens as it has bytes.
    let spellsEveryByte: Bool
    /// Masks of lexeme states, shared by all grammars over this vocabulary.
    let lexemeMasks = LexemeMaskStore()

    var nodeCount: Int { flat.nodeCount }
    var bytes: [UInt8] { flat.bytes }
    var depths: [UInt16] { flat.depths }
    var ends: [Int32] { flat.ends }
    var maximumDepth: Int { flat.maximumDepth }
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
        }.sorted { all[$0].lexicographicallyPrecedes(all[$1]) }.map { Int32($0) }
        flat = FlatTrie(texts) { all[Int($0)] }
        let groups = texts.map { ByteGrouping.of(all[Int($0)]) }
        (below, heights) = Self.summaries(flat, groups)
        signatures = TokenSignatures(texts, groups, vocabulary)
        strings = StringTokens(texts, groups, vocabulary)
        let singles = Set(texts.compactMap { all[Int($0)].count == 1 ? all[Int($0)][0] : nil })
        spellsEveryByte = (UInt8.min...0xF4).allSatisfy { singles.contains($0) || $0 == 0xC0 || $0 == 0xC1 }
    }

    private static func summaries(_ flat: FlatTrie, _ groups: [ByteGroups]) -> ([ByteGroups], [UInt16]) {
        var below = [ByteGroups](repeating: 0, count: flat.nodeCount)
        var heights = [UInt16](repeating: 0, count: flat.nodeCount)
        var parents = [Int32](repeating: 0, count: flat.nodeCount)
        var path = [Int32](repeating: 0, count: flat.maximumDepth + 1)
        for node in 1..<max(flat.nodeCount, 1) {
            parents[node] = path[Int(flat.depths[node]) - 1]
            path[Int(flat.depths[node])] = Int32(node)
        }
        for node in (1..<max(flat.nodeCount, 1)).reversed() {
            let parent = Int(parents[node])
            var own = below[node] | ByteGrouping.ofByte[Int(flat.bytes[node])]
            for rank in Int(flat.ranks[node])..<Int(flat.ranks[node + 1]) { own |= groups[rank] & ByteGrouping.irregular }
            below[parent] |= own
            heights[parent] = max(heights[parent], heights[node] + 1)
        }
        return (below, heights)
    }

    /// The node that the bytes lead to.
    func node(of text: some Collection<UInt8>) -> Int? {
        var node = 0
        for byte in text {
            guard let child = flat.child(of: node, byte) else { return nil }
            node = child
        }
        return node
    }

    /// The node's child by a byte.
    func child(of node: Int, _ byte: UInt8) -> Int? { flat.child(of: node, byte) }

    /// The tokens that end at the node.
    func tokens(at node: Int) -> ArraySlice<TokenID> { flat.items[Int(flat.ranks[node])..<Int(flat.ranks[node + 1])] }

    /// The tokens that end at the node or below.
    func tokens(below node: Int) -> ArraySlice<TokenID> { flat.items[Int(flat.ranks[node])..<Int(flat.ranks[Int(flat.ends[node])])] }

    /// A lexeme's register as far as one token can tell.
    func clamped(_ lexeme: Lexeme, _ local: Int32, _ register: Int32) -> Int32 {
        guard lexeme.isOpenText(local), lexeme.isCounted else {
            return lexeme.clamped(register, reach: Int32(maximumDepth) + 1, left: Int32(maximumDepth) + 1)
        }
        let left = lexeme.maximum == .max ? strings.longest : strings.effective(left: lexeme.maximum - register)
        return lexeme.clamped(register, reach: strings.longest, left: left)
    }

    /// The bytes on the way from the root to a node.
    func path(to node: Int) -> [UInt8] {
        // Some token ends at the node or below it, and starts with the way there.
        Array(vocabulary.tokens[Int(flat.items[Int(flat.ranks[node])])].prefix(Int(flat.depths[node])))
    }
}
