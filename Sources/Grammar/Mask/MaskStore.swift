// Masks of configurations: made by walking the trie, kept, and shared by all matchers of a grammar.
import Tokens

/// The memory of one compiled grammar; its owner guards it with a lock.
struct MaskStore {
    private struct Entry {
        let configuration: Configuration
        let mask: StoredMask
        /// Tokens that go on after an item of an array whose items must differ has begun or ended.
        let crossing: [TokenID]
    }
    private let program: Program
    private let trie: TokenTrie
    private var entries: [UInt64: [Entry]] = [:]
    private var entryBytes = 0
    private var table: WalkTable
    private var textMasks: [Int64: LexemeMask] = [:]
    /// Where masks are put together; all zero in between.
    private var scratch: [UInt64]
    /// The crossing tokens of the mask being made.
    private var crossing: Set<TokenID> = []
    /// Of masks.
    static let maximumBytes = 32 << 20

    init(_ program: Program, _ trie: TokenTrie) {
        self.program = program
        self.trie = trie
        table = WalkTable(program, trie)
        scratch = [UInt64](repeating: 0, count: trie.words)
    }

    var byteCount: Int { entryBytes + table.byteCount + scratch.count * 8 + textMasks.values.reduce(0) { $0 + $1.tokens.byteCount } }

    /// The tokens that may follow, and those of them that nevertheless must not: they would complete a name which stands already, or an item
    /// that the array has.
    mutating func mask(for configuration: Configuration) -> (mask: StoredMask, forbidden: [TokenID]) {
        let entry = sharedMask(for: configuration)
        var forbidden = program.hasNames ? repeatingNames(configuration, entry.mask) : []
        if program.hasItems { forbidden += repeatingItems(configuration, entry) }
        return (entry.mask, forbidden)
    }

    /// The mask apart from names that an object already has: these are no part of what masks are kept by.
    private mutating func sharedMask(for configuration: Configuration) -> Entry {
        let key = table.hash(configuration)
        for entry in entries[key] ?? [] where table.isSame(entry.configuration, configuration) { return entry }
        if table.isFull { table = WalkTable(program, trie) }
        crossing = []
        let entry = Entry(configuration: configuration, mask: make(configuration), crossing: crossing.sorted())
        let bytes = entry.mask.byteCount + entry.crossing.count * 4 + 200
        if entryBytes + bytes > Self.maximumBytes {
            entries = [:]
            entryBytes = 0
        }
        entries[key, default: []].append(entry)
        entryBytes += bytes
        return entry
    }

    /// The tokens that would make an item equal to an earlier one of its array, or leave none that differs: of those that follow the spelling of
    /// such a value, and those that go on after the item.
    private func repeatingItems(_ configuration: Configuration, _ entry: Entry) -> [TokenID] {
        var forbidden = entry.crossing.filter { token in
            var current: Configuration? = configuration
            for byte in trie.vocabulary.tokens[Int(token)] { current = current?.stepping(byte, program) }
            return current == nil
        }
        let flat = trie.flat
        var open: [(node: Int, configuration: Configuration)] = [(0, configuration)]
        while let (node, configuration) = open.popLast() {
            var watched: Set<UInt8> = []
            for thread in configuration.threads { thread.item?.insertNext(into: &watched) }
            if watched.isEmpty { continue }
            var child = node + 1
            while child < Int(flat.ends[node]) {
                defer { child = Int(flat.ends[child]) }
                guard watched.contains(flat.bytes[child]) else { continue }
                if let next = configuration.stepping(flat.bytes[child], program) {
                    if next.threads.contains(where: { $0.item?.isWatched ?? false }) { open.append((child, next)) }
                } else {
                    forbidden += trie.tokens(below: child).filter { entry.mask.contains($0) }
                }
            }
        }
        return forbidden
    }

    /// Reads one by one the few tokens that may complete a name which stands already.
    private func repeatingNames(_ configuration: Configuration, _ mask: StoredMask) -> [TokenID] {
        guard configuration.hasNames else { return [] }
        var forbidden: [TokenID] = []
        for names in configuration.allNames {
            for name in Names.list(names) {
                forbidden += trie.strings.quoting(name).filter { mask.contains($0) && !canRead($0, configuration.threads) }
            }
        }
        for thread in configuration.threads where thread.names != nil && program.nodes[Int(thread.node)].isName {
            var suspects: [TokenID] = []
            addSuspects(thread, &suspects)
            if suspects.isEmpty { continue }
            // What completes the name ends this thread, and all that read the same name in the same object.
            let others = configuration.threads.filter {
                !($0.scope === thread.scope && program.nodes[Int($0.node)].isName && $0.spelling == thread.spelling)
            }
            forbidden += suspects.filter { mask.contains($0) && !canRead($0, others) }
        }
        return forbidden
    }

    /// Whether one of the threads reads the token to its end.
    private func canRead(_ token: TokenID, _ threads: [Thread]) -> Bool {
        var current = Configuration(threads: threads, canStop: false)
        for byte in trie.vocabulary.tokens[Int(token)] {
            guard let next = current.stepping(byte, program) else { return false }
            current = next
        }
        return true
    }

    /// The tokens with which the thread would have read a name that its object has.
    private func addSuspects(_ thread: Thread, _ suspects: inout [TokenID]) {
        guard Names.mayComplete(thread.names, thread.spelling) else { return }
        let lexeme = program.lexemes[Int(program.nodes[Int(thread.node)].index)]
        if lexeme.isBetweenCharacters(thread.local) {
            let start = Names.unescaped(thread.spelling)
            for name in Names.list(thread.names) where name.starts(with: start) {
                suspects += trie.strings.completing(name.dropFirst(start.count))
            }
            return
        }
        // Inside a character or an escape the spelling is only whole together with what follows.
        for exit in trie.lexemeMasks.mask(lexeme, thread.local, thread.register, trie, needsExits: true).exits
        where Names.contains(thread.names, Names.unescaped(thread.spelling + trie.path(to: Int(exit.node)).dropLast())) {
            suspects += trie.tokens(below: Int(exit.node))
        }
    }

    private mutating func make(_ configuration: Configuration) -> StoredMask {
        var bits: [UInt64] = []
        swap(&bits, &scratch)
        var near: StoredMask?
        var rest: [Thread] = []
        for thread in configuration.threads {
            let node = program.nodes[Int(thread.node)]
            guard node.kind == .lexeme || node.kind == .text else {
                rest.append(thread)
                continue
            }
            let after = node.kind == .lexeme || node.next >= 0 ? Configuration.after(thread, program) : nil
            let mayFollow = !(after?.threads.isEmpty ?? true)
            let mask: LexemeMask
            if node.kind == .lexeme {
                mask = trie.lexemeMasks.mask(
                    program.lexemes[Int(node.index)], thread.local, thread.register, trie, needsExits: mayFollow)
            } else {
                mask = textMask(node, thread.local, mayEnd: mayFollow)
            }
            if near == nil { near = mask.tokens }
            mask.tokens.add(to: &bits)
            if let after { leave(mask, after, &bits) }
            if node.kind == .text { leaveText(thread, node, mask.exits, &bits) }
        }
        if !rest.isEmpty {
            let number = table.number(of: Configuration(threads: rest, canStop: false))
            walk(number, from: 0, &bits)
        }
        let mask = StoredMask(bits, near: near)
        Words.clear(&bits)
        swap(&bits, &scratch)
        return mask
    }

    private mutating func textMask(_ node: GraphNode, _ local: Int32, mayEnd: Bool) -> LexemeMask {
        let key = Int64(node.index) << 33 | Int64(local) << 1 | (mayEnd ? 1 : 0)
        if let known = textMasks[key] { return known }
        let mask = LexemeMask.make(program.texts[Int(node.index)], from: local, trie, mayEnd: mayEnd)
        textMasks[key] = mask
        return mask
    }

    /// Reads on from where a lexeme is over.
    private mutating func leave(_ mask: LexemeMask, _ after: Configuration, _ bits: inout [UInt64]) {
        for exit in mask.exits where exit.trigger < 0 { trie.flat.mark(Int(exit.node), &bits) }
        if case .none = mask.heads, mask.exits.isEmpty || after.threads.isEmpty { return }
        let number = table.number(of: after) | (after.passedItem ? WalkTable.itemFlag : 0)
        switch mask.heads {
        case .none: break
        case .all: walkTails(number, nil, &bits)
        case .some(let heads): walkTails(number, heads, &bits)
        }
        if after.threads.isEmpty { return }
        let groups = table.groups(of: number & ~WalkTable.itemFlag)
        for exit in mask.exits where exit.trigger < 0 && exit.following & groups != 0 { walk(number, from: Int(exit.node), &bits) }
    }

    private mutating func leaveText(_ thread: Thread, _ node: GraphNode, _ exits: [LexemeMask.Exit], _ bits: inout [UInt64]) {
        var numbers: [Int32: Int32] = [:]
        for exit in exits where exit.trigger >= 0 {
            let target = program.targets[Int(node.first + exit.trigger)]
            if target < 0 { continue }
            let number: Int32
            if let known = numbers[exit.trigger] {
                number = known
            } else {
                var closure = Closure(program, tracksNames: false)
                closure.arrive(target, register: thread.register, stack: thread.stack, scope: thread.scope)
                let begun = closure.finish()
                number = table.number(of: begun) | (begun.passedItem ? WalkTable.itemFlag : 0)
                numbers[exit.trigger] = number
            }
            trie.flat.mark(Int(exit.node), &bits)
            walk(number, from: Int(exit.node), &bits)
        }
    }

    /// Marks the tokens that leave a string by one of the heads (nil: any) and whose tail the configuration reads.
    private mutating func walkTails(_ start: Int32, _ heads: [UInt64]?, _ bits: inout [UInt64]) {
        let strings = trie.strings
        let tails = strings.tails
        func mark(_ node: Int, isCrossing: Bool) {
            for place in Int(tails.ranks[node])..<Int(tails.ranks[node + 1]) {
                let head = strings.headOf[place]
                if let heads, heads[Int(head) >> 6] >> UInt64(head & 63) & 1 == 0 { continue }
                let token = strings.tokenOf[place]
                bits[Int(token) >> 6] |= 1 << UInt64(token & 63)
                if isCrossing { crossing.insert(token) }
            }
        }
        mark(0, isCrossing: false)
        var path = [Int32](repeating: start, count: tails.maximumDepth + 1)
        var node = 1
        while node < tails.nodeCount {
            let depth = Int(tails.depths[node])
            let flag = path[depth - 1] & WalkTable.itemFlag
            let target = table.next(path[depth - 1] ^ flag, tails.bytes[node])
            if target < 0 {
                node = Int(tails.ends[node])
            } else {
                path[depth] = target | flag
                mark(node, isCrossing: flag != 0)
                node += 1
            }
        }
    }

    /// Marks every token below the trie node that the configuration can read.
    private mutating func walk(_ start: Int32, from root: Int, _ bits: inout [UInt64]) {
        let flat = trie.flat
        let end = Int(flat.ends[root])
        if root + 1 >= end { return }
        let base = Int(flat.depths[root])
        var path = [Int32](repeating: start, count: flat.maximumDepth - base + 1)
        var node = root + 1
        while node < end {
            let depth = Int(flat.depths[node]) - base
            let flag = path[depth - 1] & WalkTable.itemFlag
            let target = table.next(path[depth - 1] ^ flag, flat.bytes[node])
            if target < 0 {
                node = Int(flat.ends[node])
            } else {
                path[depth] = target | flag
                flat.mark(node, &bits)
                if flag != 0 { crossing.formUnion(trie.tokens(at: node)) }
                node += 1
            }
        }
    }
}
