// What one state of a lexeme (or of free text) makes of the whole vocabulary, apart from what comes after it.
import Synchronization

/// The part of a mask that does not depend on the rest of the grammar, and the places where the rest begins.
final class LexemeMask: Sendable {
    /// Tokens that stay within the lexeme.
    let bits: [UInt64]
    /// Trie nodes at which the lexeme may be over: the rest of the grammar reads on from there.
    let exits: [Exit]
    /// Tokens of more than one character with their number of characters, most first; only for open text.
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
    static func make(_ lexeme: Lexeme, from local: Int32, _ trie: TokenTrie) -> LexemeMask {
        let isCounting = lexeme.spelling == .string && lexeme.automaton.isAny
        var bits = [UInt64](repeating: 0, count: trie.words)
        var exits: [Exit] = []
        var long: [(characters: Int32, token: Int32)] = []
        var table = LexemeTable(lexeme)
        var rows = [Int32](repeating: table.row(of: local), count: trie.maximumDepth + 1)
        var counts = [Int32](repeating: 0, count: trie.maximumDepth + 1)
        var node = 1
        while node < trie.nodeCount {
            let depth = Int(trie.depths[node])
            let next = table.next(rows[depth - 1], trie.bytes[node])
            if next < 0 {
                if next == LexemeTable.finished {
                    exits.append(Exit(node: Int32(node), characters: counts[depth - 1], trigger: -1))
                }
                node = Int(trie.ends[node])
                continue
            }
            rows[depth] = next
            trie.mark(node, &bits)
            if isCounting {
                let isBetween = table.isBetween[Int(next)]
                counts[depth] = counts[depth - 1] + (isBetween ? 1 : 0)
                let characters = counts[depth] + (isBetween ? 0 : 1)
                var token = trie.tokens[node]
                while characters > 1 && token >= 0 {
                    long.append((characters, token))
                    token = trie.nextSame[Int(token)]
                }
            }
            if table.canEnd[Int(next)] { exits.append(Exit(node: Int32(node), characters: 0, trigger: -1)) }
            node += 1
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

/// The states of an uncounted lexeme that one walk meets, as rows of a table: a step is one look-up.
private struct LexemeTable {
    static let dead: Int32 = -1
    static let finished: Int32 = -2
    private static let unknown: Int32 = -3

    private let lexeme: Lexeme
    private var locals: [Int32] = []
    private var numbers: [Int32: Int32] = [:]
    private var cells: [Int32] = []
    /// By row: the lexeme may end here.
    private(set) var canEnd: [Bool] = []
    /// By row: open text between two characters.
    private(set) var isBetween: [Bool] = []

    init(_ lexeme: Lexeme) { self.lexeme = lexeme }

    mutating func row(of local: Int32) -> Int32 {
        if let known = numbers[local] { return known }
        let number = Int32(locals.count)
        numbers[local] = number
        locals.append(local)
        cells.append(contentsOf: repeatElement(Self.unknown, count: 256))
        canEnd.append(lexeme.canEnd(local, 0))
        isBetween.append(lexeme.isOpenText(local))
        return number
    }

    @inline(__always)
    mutating func next(_ row: Int32, _ byte: UInt8) -> Int32 {
        let cell = cells[Int(row) << 8 | Int(byte)]
        return cell == Self.unknown ? find(row, byte) : cell
    }

    private mutating func find(_ row: Int32, _ byte: UInt8) -> Int32 {
        let target: Int32
        switch lexeme.step(locals[Int(row)], 0, byte) {
        case .dead: target = Self.dead
        case .finished: target = Self.finished
        case .stay(let local, _): target = self.row(of: local)
        }
        cells[Int(row) << 8 | Int(byte)] = target
        return target
    }
}

/// The exits of a name's lexeme by the text read before the quote: which tokens would complete a given name.
struct NameExits: Sendable {
    private var nodes: [[UInt8]: [Int32]] = [:]

    init(_ mask: LexemeMask, _ trie: TokenTrie) {
        for exit in mask.exits { nodes[Names.unescaped(trie.path(to: Int(exit.node)).dropLast()), default: []].append(exit.node) }
    }

    func completing(_ rest: some Sequence<UInt8>) -> [Int32] { nodes[Array(rest)] ?? [] }
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

    /// Drops all masks.
    func forget() { store.withLock { $0 = Store() } }

    /// The mask of a lexeme's state, made when it is first asked for.
    func mask(_ lexeme: Lexeme, _ local: Int32, _ trie: TokenTrie) -> LexemeMask {
        let key = lexeme.hashValueForSharing &* 31 &+ Int(local)
        func find(_ store: borrowing Store) -> LexemeMask? {
            for entry in store.entries[key] ?? [] where entry.local == local && entry.lexeme.isSame(as: lexeme) { return entry.mask }
            return nil
        }
        if let known = store.withLock({ find($0) }) { return known }
        let mask = LexemeMask.make(lexeme, from: local, trie)
        store.withLock { store in
            if store.bytes + mask.byteCount > Self.maximumBytes { store = Store() }
            store.entries[key, default: []].append(Entry(lexeme: lexeme, local: local, mask: mask))
            store.bytes += mask.byteCount
        }
        return mask
    }
}
