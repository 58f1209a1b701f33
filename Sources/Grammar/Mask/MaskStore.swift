// Masks of configurations: made by walking the trie, kept, and shared by all matchers of a grammar.
import Tokens

/// The memory of one compiled grammar; its owner guards it with a lock.
struct MaskStore {
    private struct Entry {
        let configuration: Configuration
        let bits: [UInt64]
    }
    private let program: Program
    private let trie: TokenTrie
    private var entries: [Int: [Entry]] = [:]
    private var entryCount = 0
    /// Configurations met in walks, with their transitions: `table[id * 256 + byte]`, −1 dead, −2 not yet known.
    private var configurations: [Configuration] = []
    private var numbers: [Int: [Int32]] = [:]
    private var table: [Int32] = []
    private var textMasks: [Int64: LexemeMask] = [:]
    private var nameExits: [Int64: NameExits] = [:]
    private let openString: Lexeme
    /// Of masks, and of walk configurations.
    static let maximumBytes = 32 << 20
    static let maximumConfigurations = 8_192

    init(_ program: Program, _ trie: TokenTrie) throws(GrammarError) {
        self.program = program
        self.trie = trie
        openString = try Lexeme(.any, spelling: .string)!
    }

    var byteCount: Int { entryCount * (trie.words * 8 + 200) + table.count * 4 + configurations.count * 200 }

    /// The tokens that may follow, one bit each.
    mutating func mask(for configuration: Configuration) -> [UInt64] {
        var bits = sharedMask(for: configuration)
        if program.hasNames { forbidRepeatedNames(configuration, &bits) }
        return bits
    }

    /// The mask apart from names that an object already has: these are no part of what masks are kept by.
    private mutating func sharedMask(for configuration: Configuration) -> [UInt64] {
        let key = hash(configuration)
        for entry in entries[key] ?? [] where isSame(entry.configuration, configuration) { return entry.bits }
        if configurations.count > Self.maximumConfigurations {
            configurations = []
            nameExits = [:]
            numbers = [:]
            table = []
        }
        if (entryCount + 1) * (trie.words * 8 + 200) > Self.maximumBytes {
            entries = [:]
            entryCount = 0
        }
        let bits = make(configuration)
        entries[key, default: []].append(Entry(configuration: configuration, bits: bits))
        entryCount += 1
        return bits
    }

    /// Reads one by one the few tokens that may complete a name which stands already.
    private mutating func forbidRepeatedNames(_ configuration: Configuration, _ bits: inout [UInt64]) {
        guard configuration.hasNames else { return }
        var suspects: [TokenID] = []
        for thread in configuration.threads where thread.names != nil && program.nodes[Int(thread.node)].isName {
            for node in nameExits(thread) { suspects += trie.tokens(below: Int(node)) }
        }
        let known = configuration.allNames
        for (token, names) in trie.quotingTokens
        where names.contains(where: { name in known.contains { Names.contains($0, name) } }) { suspects.append(token) }
        for token in suspects where bits[Int(token) >> 6] >> UInt64(token & 63) & 1 == 1 {
            var current: Configuration? = configuration
            for byte in trie.vocabulary.tokens[Int(token)] { current = current?.stepping(byte, program) }
            if current == nil { bits[Int(token) >> 6] &= ~(1 << UInt64(token & 63)) }
        }
    }

    /// The trie nodes at which the thread would have read a name that its object has.
    private mutating func nameExits(_ thread: Thread) -> [Int32] {
        guard Names.mayComplete(thread.names, thread.spelling) else { return [] }
        let index = program.nodes[Int(thread.node)].index
        let lexeme = program.lexemes[Int(index)]
        let mask = trie.lexemeMasks.mask(lexeme, thread.local, trie)
        guard lexeme.isBetweenCharacters(thread.local) else {
            // Inside a character or an escape the spelling is only whole together with what follows.
            return mask.exits.map(\.node).filter { node in
                Names.contains(thread.names, Names.unescaped(thread.spelling + trie.path(to: Int(node)).dropLast()))
            }
        }
        let key = Int64(index) << 32 | Int64(thread.local)
        let exits = nameExits[key] ?? NameExits(mask, trie)
        nameExits[key] = exits
        let start = Names.unescaped(thread.spelling)
        return Names.list(thread.names).filter { $0.starts(with: start) }.flatMap { exits.completing($0.dropFirst(start.count)) }
    }

    private mutating func make(_ configuration: Configuration) -> [UInt64] {
        var bits = [UInt64](repeating: 0, count: trie.words)
        var rest: [Thread] = []
        for thread in configuration.threads {
            let node = program.nodes[Int(thread.node)]
            switch node.kind {
            case .lexeme:
                let lexeme = program.lexemes[Int(node.index)]
                if !lexeme.isCounted {
                    let mask = trie.lexemeMasks.mask(lexeme, thread.local, trie)
                    for word in bits.indices { bits[word] |= mask.bits[word] }
                    leave(thread, mask.exits, &bits)
                } else if lexeme.spelling == .string && lexeme.automaton.isAny {
                    addCounted(thread, lexeme, &bits)
                } else {
                    rest.append(thread)
                }
            case .text:
                let mask = textMask(node, thread.local)
                for word in bits.indices { bits[word] |= mask.bits[word] }
                leaveText(thread, node, mask.exits, &bits)
            default: rest.append(thread)
            }
        }
        if !rest.isEmpty {
            let number = intern(Configuration(threads: rest, canStop: false))
            walk(number, from: 0, &bits)
        }
        return bits
    }

    /// A string bounded in length only: the open string's mask, less the tokens that are too long.
    private mutating func addCounted(_ thread: Thread, _ lexeme: Lexeme, _ bits: inout [UInt64]) {
        let mask = trie.lexemeMasks.mask(openString, thread.local, trie)
        var own = mask.bits
        let left = lexeme.maximum == .max ? Int32.max : lexeme.maximum - thread.register
        if left < 1 {
            for word in own.indices { own[word] = 0 }
        } else {
            for (characters, token) in mask.longTokens {
                if characters <= left { break }
                own[Int(token) >> 6] &= ~(1 << UInt64(token & 63))
            }
        }
        for word in bits.indices { bits[word] |= own[word] }
        leave(thread, mask.exits.filter { $0.characters <= left && $0.characters + thread.register >= lexeme.minimum }, &bits)
    }

    private mutating func textMask(_ node: GraphNode, _ local: Int32) -> LexemeMask {
        let key = Int64(node.index) << 33 | Int64(local) << 1 | (node.next >= 0 ? 1 : 0)
        if let known = textMasks[key] { return known }
        let mask = LexemeMask.make(program.texts[Int(node.index)], from: local, trie, mayEnd: node.next >= 0)
        textMasks[key] = mask
        return mask
    }

    /// Reads on from where the thread's lexeme is over.
    private mutating func leave(_ thread: Thread, _ exits: [LexemeMask.Exit], _ bits: inout [UInt64]) {
        guard !exits.isEmpty else { return }
        let after = Configuration.after(thread, program)
        for exit in exits { trie.mark(Int(exit.node), &bits) }
        guard !after.threads.isEmpty else { return }
        let number = intern(after)
        for exit in exits { walk(number, from: Int(exit.node), &bits) }
    }

    private mutating func leaveText(_ thread: Thread, _ node: GraphNode, _ exits: [LexemeMask.Exit], _ bits: inout [UInt64]) {
        leave(thread, exits.filter { $0.trigger < 0 }, &bits)
        var numbers: [Int32: Int32] = [:]
        for exit in exits where exit.trigger >= 0 {
            let target = program.targets[Int(node.first + exit.trigger)]
            if target < 0 { continue }
            let number: Int32
            if let known = numbers[exit.trigger] {
                number = known
            } else {
                var closure = Closure(program)
                closure.arrive(target, register: thread.register, stack: thread.stack, scope: thread.scope)
                number = intern(closure.finish())
                numbers[exit.trigger] = number
            }
            trie.mark(Int(exit.node), &bits)
            walk(number, from: Int(exit.node), &bits)
        }
    }

    /// Marks every token below the trie node that the configuration can read.
    private mutating func walk(_ start: Int32, from root: Int, _ bits: inout [UInt64]) {
        let end = Int(trie.ends[root])
        if root + 1 >= end { return }
        let base = Int(trie.depths[root])
        var path = [Int32](repeating: start, count: trie.maximumDepth - base + 1)
        var node = root + 1
        while node < end {
            let depth = Int(trie.depths[node]) - base
            let from = path[depth - 1]
            let byte = trie.bytes[node]
            var target = table[Int(from) << 8 | Int(byte)]
            if target == -2 { target = transition(from, byte) }
            if target == -1 {
                node = Int(trie.ends[node])
            } else {
                path[depth] = target
                trie.mark(node, &bits)
                node += 1
            }
        }
    }

    private mutating func transition(_ from: Int32, _ byte: UInt8) -> Int32 {
        let target = configurations[Int(from)].stepping(byte, program, tracksNames: false).map { intern($0) } ?? -1
        table[Int(from) << 8 | Int(byte)] = target
        return target
    }

    private mutating func intern(_ configuration: Configuration) -> Int32 {
        let key = hash(configuration)
        for number in numbers[key] ?? [] where isSame(configurations[Int(number)], configuration) { return number }
        let number = Int32(configurations.count)
        configurations.append(configuration)
        table.append(contentsOf: repeatElement(-2, count: 256))
        numbers[key, default: []].append(number)
        return number
    }

    private func hash(_ configuration: Configuration) -> Int {
        var sum = configuration.canStop ? 1 : 0
        for thread in configuration.threads {
            var hasher = Hasher()
            hasher.combine(thread.node)
            hasher.combine(thread.local)
            hasher.combine(program.clamped(thread.node, thread.register))
            hasher.combine(thread.scope?.sharedHash ?? 0)
            hasher.combine(thread.stack.clampedHash)
            sum &+= hasher.finalize()
        }
        return sum
    }

    private func isSame(_ a: Configuration, _ b: Configuration) -> Bool {
        guard a.canStop == b.canStop, a.threads.count == b.threads.count else { return false }
        func same(_ x: Thread, _ y: Thread) -> Bool {
            x.node == y.node && x.local == y.local && program.clamped(x.node, x.register) == program.clamped(y.node, y.register)
                && Scope.areSharedSame(x.scope, y.scope) && x.stack.isClampedSame(as: y.stack) { program.clamped($0.node, $0.register) }
        }
        return zip(a.threads, b.threads).allSatisfy(same) || a.threads.allSatisfy { x in b.threads.contains { same(x, $0) } }
    }
}
