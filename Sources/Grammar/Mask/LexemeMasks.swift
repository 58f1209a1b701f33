// What one state of a lexeme (or of free text) makes of the whole vocabulary, apart from what comes after it.
import Synchronization

/// The part of a mask that does not depend on the rest of the grammar, and the places where the rest begins.
final class LexemeMask: Sendable {
    /// Tokens that stay within the lexeme.
    let tokens: StoredMask
    /// Between two characters of a string: what tokens may have before the quote that ends it.
    let heads: HeadSet
    /// Elsewhere: trie nodes at which the lexeme may be over; the rest of the grammar reads on from there.
    let exits: [Exit]

    struct Exit: Sendable {
        let node: Int32
        /// Which trigger of a text took over; −1 for a plain end.
        let trigger: Int32
        /// The groups of the bytes that tokens go on with from there.
        let following: ByteGroups

        init(node: Int, trigger: Int32, _ flat: FlatTrie) {
            self.node = Int32(node)
            self.trigger = trigger
            var following: ByteGroups = 0
            var child = node + 1
            while child < Int(flat.ends[node]) {
                let group = ByteGrouping.ofByte[Int(flat.bytes[child])]
                following |= group == 0 ? .max : group
                child = Int(flat.ends[child])
            }
            self.following = following
        }
    }

    init(_ tokens: StoredMask, heads: HeadSet = .none, exits: [Exit] = []) {
        self.tokens = tokens
        self.heads = heads
        self.exits = exits
    }

    /// Runs of at least so many characters are taken from prepared sets.
    private static let preparedRun = Int32(TokenSignatures.shortestLimit)
    /// So many tokens are read one by one rather than the whole vocabulary.
    private static let readSingly = 3_000

    /// Runs a lexeme from a state over the whole vocabulary.
    /// - Parameter needsExits: whether something may follow the lexeme (strings end with their quote in any case).
    static func make(_ lexeme: Lexeme, from local: Int32, _ register: Int32, _ trie: TokenTrie, needsExits: Bool) -> LexemeMask {
        let isString = lexeme.spelling == .string
        guard lexeme.isBetweenCharacters(local) else { return walked(lexeme, local, register, trie, needsExits: needsExits || isString) }
        if !isString {
            return needsExits || lexeme.spelling == .inside
                ? walked(lexeme, local, register, trie, needsExits: true) : prepared(lexeme, local, register, trie)
        }
        if lexeme.isCounted && lexeme.automaton.isAny { return bounded(lexeme, register, trie.strings) }
        return prepared(lexeme, local, register, trie)
    }

    /// A string bounded in length only: the open string's tokens, less those that are too long.
    private static func bounded(_ lexeme: Lexeme, _ register: Int32, _ strings: StringTokens) -> LexemeMask {
        let left = lexeme.maximum == .max ? Int32.max : lexeme.maximum - register
        var bits = strings.open.bits
        if left < 1 {
            for word in bits.indices { bits[word] = 0 }
        } else if left < strings.longest {
            for (characters, token) in strings.long {
                if characters <= left { break }
                bits[Int(token) >> 6] &= ~(1 << UInt64(token & 63))
            }
        }
        let needed = lexeme.minimum - register
        if needed <= 0 && left >= strings.longest { return LexemeMask(StoredMask(bits, near: strings.open), heads: .all) }
        var heads = [UInt64](repeating: 0, count: strings.headCharacters.count / 64 + 1)
        for (head, characters) in strings.headCharacters.enumerated() where characters <= left && characters >= needed {
            heads[head >> 6] |= 1 << UInt64(head & 63)
        }
        return LexemeMask(StoredMask(bits, near: strings.open), heads: .some(heads))
    }

    /// Between two characters: prepared sets as far as they go, the rest token by token or over the trie.
    private static func prepared(_ lexeme: Lexeme, _ local: Int32, _ register: Int32, _ trie: TokenTrie) -> LexemeMask {
        let isString = lexeme.spelling == .string
        if isString && lexeme.isTotal && lexeme.automaton.isAny { return LexemeMask(trie.strings.open, heads: .all) }
        var table = LexemeTable(lexeme)
        let row = table.row(local, register)
        let heads = isString ? readHeads(&table, row, trie.strings) : .none
        if isString && lexeme.isTotal { return LexemeMask(trie.strings.open, heads: heads) }
        var bits = [UInt64](repeating: 0, count: trie.words)
        var usable = table.usable
        if isString {
            addAll(trie.strings.odd, &table, row, &bits)
            usable &= ByteGrouping.insideString
        } else if usable & ByteGrouping.nonASCII != 0 {
            usable |= ByteGrouping.irregular
        }
        add(&table, row, table.openness(row), usable: usable, trie, &bits)
        return LexemeMask(StoredMask(bits, near: trie.strings.open), heads: heads)
    }

    /// Adds the tokens that a table reads from a row, none of which can be an exit.
    private static func add<Table: RowTable>(
        _ table: inout Table, _ row: Int32, _ open: Openness, usable: ByteGroups, _ trie: TokenTrie, _ bits: inout [UInt64]
    ) {
        let base = open.run >= preparedRun ? (groups: open.groups, length: Int(open.run)) : (open.loops, .max)
        if base.groups != 0 {
            trie.signatures.add(base.groups, length: base.length, &bits)
            if let places = trie.signatures.others(base.groups, length: base.length, usable: usable, limit: readSingly) {
                return trie.signatures.addReadable(places, &table, from: row, &bits)
            }
        }
        var exits: [Exit] = []
        walk(&table, from: row, trie, base: (base.groups, base.length, usable), collectsExits: false, &bits, &exits)
    }

    /// Which of the texts before a quote lead to an end.
    private static func readHeads(_ table: inout LexemeTable, _ row: Int32, _ strings: StringTokens) -> HeadSet {
        let heads = strings.heads
        var accepted = [UInt64](repeating: 0, count: heads.items.count / 64 + 1)
        var rows = [Int32](repeating: row, count: heads.maximumDepth + 1)
        if table.canClose(row) { heads.mark(0, &accepted) }
        var node = 1
        while node < heads.nodeCount {
            let depth = Int(heads.depths[node])
            let next = table.next(rows[depth - 1], heads.bytes[node])
            guard next >= 0 else {
                node = Int(heads.ends[node])
                continue
            }
            rows[depth] = next
            if table.canClose(next) { heads.mark(node, &accepted) }
            node += 1
        }
        let count = accepted.reduce(0) { $0 + $1.nonzeroBitCount }
        return count == 0 ? .none : count == heads.items.count ? .all : .some(accepted)
    }

    /// Adds the items of a small trie whose bytes the table reads.
    private static func addAll(_ small: FlatTrie, _ table: inout LexemeTable, _ row: Int32, _ bits: inout [UInt64]) {
        var rows = [Int32](repeating: row, count: small.maximumDepth + 1)
        var node = 1
        while node < small.nodeCount {
            let depth = Int(small.depths[node])
            let next = table.next(rows[depth - 1], small.bytes[node])
            rows[depth] = next
            if next < 0 {
                node = Int(small.ends[node])
            } else {
                small.mark(node, &bits)
                node += 1
            }
        }
    }

    private static func walked(_ lexeme: Lexeme, _ local: Int32, _ register: Int32, _ trie: TokenTrie, needsExits: Bool) -> LexemeMask {
        var table = LexemeTable(lexeme)
        var bits = [UInt64](repeating: 0, count: trie.words)
        var exits: [Exit] = []
        walk(&table, from: table.row(local, register), trie, base: nil, collectsExits: needsExits, &bits, &exits)
        return LexemeMask(StoredMask(bits), exits: exits)
    }

    /// Runs free text from a state over the whole vocabulary.
    /// - Parameter mayEnd: whether something may follow the text.
    static func make(_ text: TextAutomaton, from local: Int32, _ trie: TokenTrie, mayEnd: Bool) -> LexemeMask {
        var table = TextTable(text, from: local, mayEnd: mayEnd)
        var bits = [UInt64](repeating: 0, count: trie.words)
        var exits: [Exit] = []
        let open = mayEnd ? 0 : table.startOpenness.groups
        if open != 0 { trie.signatures.add(open, length: .max, &bits) }
        walk(&table, from: local, trie, base: open == 0 ? nil : (open, .max, .max), collectsExits: true, &bits, &exits)
        return LexemeMask(StoredMask(bits), exits: exits)
    }

    /// Subtrees of fewer nodes are walked without asking whether they are open as a whole.
    private static let smallSubtree: Int32 = 12

    /// Walks the vocabulary's trie.
    /// - Parameter base: tokens of at most `length` bytes of these groups are in the bits, and those with bytes that are not usable cannot be
    ///   read.
    private static func walk<Table: RowTable>(
        _ table: inout Table, from row: Int32, _ trie: TokenTrie, base: (groups: ByteGroups, length: Int, usable: ByteGroups)?, collectsExits: Bool,
        _ bits: inout [UInt64], _ exits: inout [Exit]
    ) {
        let flat = trie.flat
        let mayEndInside = collectsExits && table.mayEndInside
        var rows = [Int32](repeating: row, count: flat.maximumDepth + 1)
        var made = [ByteGroups](repeating: 0, count: flat.maximumDepth + 1)
        var node = 1
        while node < flat.nodeCount {
            let depth = Int(flat.depths[node])
            let byte = flat.bytes[node]
            let end = flat.ends[node]
            let next = table.next(rows[depth - 1], byte)
            guard next >= 0 else {
                if next < Table.deadRow && collectsExits {
                    exits.append(Exit(node: node, trigger: next == Table.finishedRow ? -1 : -3 - next, flat))
                }
                node = Int(end)
                continue
            }
            rows[depth] = next
            flat.mark(node, &bits)
            if let base {
                made[depth] = made[depth - 1] | ByteGrouping.ofByte[Int(byte)]
                let rest = (made[depth] | trie.below[node]) & base.usable
                if rest & ~base.groups == 0 && depth + Int(trie.heights[node]) <= base.length {
                    node = Int(end)
                    continue
                }
            }
            if mayEndInside {
                if table.canEnd(next) && end > node + 1 { exits.append(Exit(node: node, trigger: -1, flat)) }
            } else if end - Int32(node) > smallSubtree && table.isBetween(next)
                && table.openness(next).covers(trie.below[node], Int(trie.heights[node]))
            {
                flat.markAll(node, &bits)
                node = Int(end)
                continue
            }
            node += 1
        }
    }
}

/// The lexeme masks of one vocabulary, capped in bytes.
final class LexemeMaskStore: Sendable {
    private struct Key: Hashable {
        let lexeme: Int
        let local: Int32
        let register: Int32
        let needsExits: Bool
    }
    private struct Entry {
        let lexeme: Lexeme
        let mask: LexemeMask
    }
    private struct Store {
        var entries: [Key: [Entry]] = [:]
        var bytes = 0
    }
    private let store = Mutex(Store())
    static let maximumBytes = 64 << 20

    /// Drops all masks.
    func forget() { store.withLock { $0 = Store() } }

    /// The mask of a lexeme's state, made when it is first asked for.
    func mask(_ lexeme: Lexeme, _ local: Int32, _ register: Int32, _ trie: TokenTrie, needsExits: Bool) -> LexemeMask {
        let key = Key(
            lexeme: lexeme.hashValueForSharing, local: local, register: trie.clamped(lexeme, local, register),
            needsExits: needsExits && lexeme.spelling != .string)
        func find(_ store: borrowing Store) -> LexemeMask? { store.entries[key]?.first { $0.lexeme.isSame(as: lexeme) }?.mask }
        if let known = store.withLock({ find($0) }) { return known }
        let mask = LexemeMask.make(lexeme, from: local, register, trie, needsExits: needsExits)
        let bytes = mask.tokens.byteCount + mask.exits.count * 16 + 300
        store.withLock { store in
            if store.bytes + bytes > Self.maximumBytes { store = Store() }
            store.entries[key, default: []].append(Entry(lexeme: lexeme, mask: mask))
            store.bytes += bytes
        }
        return mask
    }
}
