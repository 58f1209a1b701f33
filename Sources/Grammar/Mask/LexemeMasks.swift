// What one state of a lexeme (or of free text) makes of the whole vocabulary, apart from what comes after it.
import Synchronization

/// The part of a mask that does not depend on the rest of the grammar, and the places where the rest begins.
final class LexemeMask: Sendable {
    /// Tokens that stay within the lexeme.
    let bits: [UInt64]
    /// Trie nodes at which the lexeme may be over: the rest of the grammar reads on from there.
    let exits: [Exit]
    /// Tokens of more than one character with their number of characters, most first; only for counted texts.
    let longTokens: [(characters: Int32, token: Int32)]

    struct Exit: Sendable {
        let node: Int32
        /// Characters read before the end.
        let characters: Int32
        /// Which trigger of a text took over; −1 for a plain end.
        let trigger: Int32
    }

    init(bits: [UInt64], exits: [Exit], longTokens: [(characters: Int32, token: Int32)]) {
        self.bits = bits
        self.exits = exits
        self.longTokens = longTokens
    }

    var byteCount: Int { bits.count * 8 + exits.count * 12 + longTokens.count * 8 + 64 }

    /// Runs an uncounted lexeme from a local state over the whole vocabulary.
    static func make(_ lexeme: Lexeme, from local: Int32, _ trie: TokenTrie, counting: Bool) -> LexemeMask {
        var bits = [UInt64](repeating: 0, count: trie.words)
        var exits: [Exit] = []
        var long: [(characters: Int32, token: Int32)] = []
        var locals = [Int32](repeating: local, count: trie.maximumDepth + 1)
        var counts = [Int32](repeating: 0, count: trie.maximumDepth + 1)
        var node = 1
        while node < trie.nodeCount {
            let depth = Int(trie.depths[node])
            switch lexeme.step(locals[depth - 1], 0, trie.bytes[node]) {
            case .dead: node = Int(trie.ends[node])
            case .finished:
                exits.append(Exit(node: Int32(node), characters: counts[depth - 1], trigger: -1))
                node = Int(trie.ends[node])
            case .stay(let next, _):
                locals[depth] = next
                trie.mark(node, &bits)
                if counting {
                    let isBetween = lexeme.isOpenText(next)
                    counts[depth] = counts[depth - 1] + (isBetween ? 1 : 0)
                    let characters = counts[depth] + (isBetween ? 0 : 1)
                    var token = trie.tokens[node]
                    while characters > 1 && token >= 0 {
                        long.append((characters, token))
                        token = trie.nextSame[Int(token)]
                    }
                }
                if lexeme.canEnd(next, 0) { exits.append(Exit(node: Int32(node), characters: 0, trigger: -1)) }
                node += 1
            }
        }
        long.sort { $0.characters > $1.characters }
        return LexemeMask(bits: bits, exits: exits, longTokens: long)
    }

    /// Runs free text from a state over the whole vocabulary.
    static func make(_ text: TextAutomaton, from local: Int32, _ trie: TokenTrie, mayEnd: Bool) -> LexemeMask {
        var bits = [UInt64](repeating: 0, count: trie.words)
        var exits: [Exit] = []
        var locals = [Int32](repeating: local, count: trie.maximumDepth + 1)
        var node = 1
        while node < trie.nodeCount {
            let depth = Int(trie.depths[node])
            let value = text.table[Int(locals[depth - 1]) << 8 | Int(trie.bytes[node])]
            if value >= 0 {
                locals[depth] = value
                trie.mark(node, &bits)
                if mayEnd && text.isBoundary[Int(value)] { exits.append(Exit(node: Int32(node), characters: 0, trigger: -1)) }
                node += 1
            } else {
                if value < -1 { exits.append(Exit(node: Int32(node), characters: 0, trigger: -2 - value)) }
                node = Int(trie.ends[node])
            }
        }
        return LexemeMask(bits: bits, exits: exits, longTokens: [])
    }
}

/// The lexeme masks of one vocabulary, capped in bytes.
final class LexemeMaskStore: Sendable {
    private struct Entry {
        let lexeme: Lexeme
        let local: Int32
        let mask: LexemeMask
    }
    private struct Store {
        var entries: [Int: [Entry]] = [:]
        var bytes = 0
    }
    private let store = Mutex(Store())
    static let maximumBytes = 64 << 20

    /// The mask of a lexeme's state, made when it is first asked for.
    func mask(_ lexeme: Lexeme, _ local: Int32, _ trie: TokenTrie, counting: Bool) -> LexemeMask {
        let key = lexeme.hashValueForSharing &* 31 &+ Int(local)
        func find(_ store: borrowing Store) -> LexemeMask? {
            for entry in store.entries[key] ?? [] where entry.local == local && entry.lexeme.isSame(as: lexeme) { return entry.mask }
            return nil
        }
        if let known = store.withLock({ find($0) }) { return known }
        let mask = LexemeMask.make(lexeme, from: local, trie, counting: counting)
        store.withLock { store in
            if store.bytes + mask.byteCount > Self.maximumBytes { store = Store() }
            store.entries[key, default: []].append(Entry(lexeme: lexeme, local: local, mask: mask))
            store.bytes += mask.byteCount
        }
        return mask
    }
}
