// Configurations met in walks over the vocabulary, and what bytes make of them.

/// Configurations by number, equal as far as one token can tell, and their transitions as far as they were asked for.
struct WalkTable {
    private let program: Program
    private let trie: TokenTrie
    private var configurations: [Configuration] = []
    /// By hash the last configuration of that hash, and by number the one before.
    private var numbers = FlatMap()
    private var previous: [Int32] = []
    /// Four words of each configuration: the bytes that some thread of it may read.
    private var readable: [UInt64] = []
    /// Of each configuration: the groups of these bytes.
    private var groups: [ByteGroups] = []
    /// By number × 256 + byte: the next number + 1, 0 for none.
    private var transitions = FlatMap()
    /// By lexeme and local state: where four words of `lexemeBytes` lie.
    private var lexemePlaces = FlatMap()
    private var lexemeBytes: [UInt64] = []

    static let maximumConfigurations = 8_192
    /// Set in the number that a byte leads to where an item of an array whose items must differ begins or ends with it.
    static let itemFlag: Int32 = 1 << 30

    init(_ program: Program, _ trie: TokenTrie) {
        self.program = program
        self.trie = trie
    }

    var isFull: Bool { configurations.count > Self.maximumConfigurations }

    /// Memory held, in bytes, roughly.
    var byteCount: Int { configurations.reduce(0) { $0 + 100 + $1.threads.count * 64 } + transitions.byteCount + lexemeBytes.count * 8 }

    mutating func number(of configuration: Configuration) -> Int32 {
        let key = hash(configuration) >> 1
        let last = numbers[key]
        var known = last
        while known >= 0 {
            if isSame(configurations[Int(known)], configuration) { return known }
            known = previous[Int(known)]
        }
        let number = Int32(configurations.count)
        configurations.append(configuration)
        previous.append(last)
        numbers.set(key, number)
        var bytes = ByteSet()
        for thread in configuration.threads { addReadable(thread, &bytes) }
        readable += bytes.words
        groups.append(bytes.groups)
        return number
    }

    /// The groups of the bytes that some thread of the configuration may read.
    func groups(of number: Int32) -> ByteGroups { groups[Int(number)] }

    private mutating func addReadable(_ thread: Thread, _ bytes: inout ByteSet) {
        let node = program.nodes[Int(thread.node)]
        switch node.kind {
        case .literal: bytes.insert(program.literals[Int(node.index)][Int(thread.local)])
        case .words: for byte in program.tries[Int(node.index)].nextBytes(thread.local) { bytes.insert(byte) }
        case .text:
            let table = program.texts[Int(node.index)].table
            for byte in 0..<256 where table[Int(thread.local) << 8 | byte] != -1 { bytes.insert(UInt8(byte)) }
        case .lexeme: addReadable(node, thread, &bytes)
        default: break
        }
    }

    private mutating func addReadable(_ node: GraphNode, _ thread: Thread, _ bytes: inout ByteSet) {
        let lexeme = program.lexemes[Int(node.index)]
        let key = UInt64(UInt32(bitPattern: node.index)) << 32 | UInt64(UInt32(bitPattern: thread.local))
        var place = lexeme.isCounted ? -1 : lexemePlaces[key]
        if place < 0 {
            var own = ByteSet()
            for byte in UInt8.min...UInt8.max {
                if case .dead = lexeme.step(thread.local, thread.register, byte) { continue }
                own.insert(byte)
            }
            if lexeme.isCounted { return bytes.formUnion(own.words[...]) }
            place = Int32(lexemeBytes.count)
            lexemeBytes += own.words
            lexemePlaces.set(key, place)
        }
        bytes.formUnion(lexemeBytes[Int(place)..<Int(place) + 4])
    }

    /// The number after one byte, perhaps with `itemFlag`, −1 for none.
    @inline(__always)
    mutating func next(_ from: Int32, _ byte: UInt8) -> Int32 {
        if readable[Int(from) << 2 | Int(byte >> 6)] >> UInt64(byte & 63) & 1 == 0 { return -1 }
        return step(from, byte)
    }

    private mutating func step(_ from: Int32, _ byte: UInt8) -> Int32 {
        let key = UInt64(from) << 8 | UInt64(byte)
        let known = transitions[key]
        if known >= 0 { return known - 1 }
        let next = configurations[Int(from)].stepping(byte, program, tracksNames: false)
        let target = next.map { number(of: $0) | ($0.passedItem ? Self.itemFlag : 0) } ?? -1
        transitions.set(key, target + 1)
        return target
    }

    /// Hash of a configuration as far as one token can tell, names aside.
    func hash(_ configuration: Configuration) -> UInt64 {
        var sum: UInt64 = configuration.canStop ? 1 : 0
        for thread in configuration.threads {
            var hash = Mixing.mix(UInt64(UInt32(bitPattern: thread.node)) << 32 | UInt64(UInt32(bitPattern: thread.local)))
            hash = Mixing.combine(hash, UInt64(UInt32(bitPattern: clamped(thread))))
            hash = Mixing.combine(hash, UInt64(bitPattern: Int64(thread.scope?.sharedHash ?? 0)))
            sum &+= Mixing.mix(Mixing.combine(hash, UInt64(bitPattern: Int64(thread.stack.clampedHash))))
        }
        return sum
    }

    /// The thread's register as far as one token can tell.
    private func clamped(_ thread: Thread) -> Int32 {
        let node = program.nodes[Int(thread.node)]
        guard node.kind == .lexeme else { return program.clamped(thread.node, thread.register) }
        let lexeme = program.lexemes[Int(node.index)]
        return lexeme.isCounted ? trie.clamped(lexeme, thread.local, thread.register) : thread.register
    }

    /// Equality of configurations as far as one token can tell, names aside.
    func isSame(_ a: Configuration, _ b: Configuration) -> Bool {
        guard a.canStop == b.canStop, a.threads.count == b.threads.count else { return false }
        func same(_ x: Thread, _ y: Thread) -> Bool {
            x.node == y.node && x.local == y.local && clamped(x) == clamped(y) && Scope.areSharedSame(x.scope, y.scope)
                && x.stack.isClampedSame(as: y.stack) { program.clamped($0.node, $0.register) }
        }
        return zip(a.threads, b.threads).allSatisfy(same) || a.threads.allSatisfy { x in b.threads.contains { same(x, $0) } }
    }
}

/// A set of bytes.
struct ByteSet {
    private(set) var words: [UInt64] = [0, 0, 0, 0]

    /// The groups of the bytes; all of them where a byte within a character is one.
    var groups: ByteGroups {
        var groups: ByteGroups = 0
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                let group = ByteGrouping.ofByte[index << 6 + rest.trailingZeroBitCount]
                groups |= group == 0 ? .max : group
                rest &= rest - 1
            }
        }
        return groups
    }

    mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

    mutating func formUnion(_ other: ArraySlice<UInt64>) { for (index, word) in other.enumerated() { words[index] |= word } }
}
