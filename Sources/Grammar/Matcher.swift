// One generation's place in its grammar.
public import Tokens

/// A parse in progress: a value. Copy it to try something, drop the copy to roll back.
public struct Matcher: Sendable {
    /// The grammar that it follows.
    public let grammar: CompiledGrammar
    private(set) var configuration: Configuration
    /// The last tokens accepted, for the canonical segmentation of what is forced after them; nil after raw bytes.
    private var recent: [TokenID]? = []

    /// The last ending that was looked for: what it was thought to cost in bytes, and its tokens.
    var knownEnding: (cost: Int32, tokens: Int)?

    private static let recentLimit = 16
    private static let forcedByteLimit = 256

    init(_ grammar: CompiledGrammar, _ configuration: Configuration) {
        self.grammar = grammar
        self.configuration = configuration
    }

    /// Whether the text so far is complete.
    public var canStop: Bool { configuration.canStop }

    /// Whether the text is complete and nothing can follow.
    public var isFinished: Bool { configuration.isFinished }

    /// Takes one token; false, and nothing has changed, when the grammar forbids it (as it does every control token).
    public mutating func accept(_ token: TokenID) -> Bool {
        let vocabulary = grammar.trie.vocabulary
        guard token >= 0, Int(token) < vocabulary.count, TokenTrie.isText(vocabulary.kinds[Int(token)]) else { return false }
        let bytes = vocabulary.tokens[Int(token)]
        guard !bytes.isEmpty, bytes.count <= TokenTrie.maximumTokenBytes, let next = stepped(bytes) else { return false }
        configuration = next
        recent?.append(token)
        if let count = recent?.count, count > 2 * Self.recentLimit { recent?.removeFirst(count - Self.recentLimit) }
        return true
    }

    /// Takes text; false, and nothing has changed, when the grammar forbids it.
    public mutating func accept(bytes: [UInt8]) -> Bool {
        guard let next = stepped(bytes) else { return false }
        configuration = next
        recent = nil
        return true
    }

    /// Whether the grammar allows exactly this text from here and may stop after it.
    public func matches(_ bytes: [UInt8]) -> Bool { stepped(bytes)?.canStop ?? false }

    /// How many of the bytes can be read before the grammar forbids the next.
    public func acceptedPrefix(of bytes: [UInt8]) -> Int {
        var current = configuration
        for (index, byte) in bytes.enumerated() {
            guard let next = current.stepping(byte, grammar.program) else { return index }
            current = next
        }
        return bytes.count
    }

    private func stepped(_ bytes: [UInt8]) -> Configuration? {
        var current = configuration
        for byte in bytes {
            guard let next = current.stepping(byte, grammar.program) else { return nil }
            current = next
        }
        return current
    }

    /// Makes the mask exactly the tokens that `accept` would take: never a control token; the engine adds its stop tokens when `canStop`.
    public func fill(_ mask: inout TokenMask) {
        let (stored, forbidden) = grammar.mask(for: configuration)
        mask.assign(stored, without: forbidden)
    }

    /// Tokens without choice from here, at most `limit`; they are not accepted yet. Empty where the text may stop or go on in two ways.
    ///
    /// With a canonical segmentation the run is split as the tokenizer would split the whole text, and its end is left to the model where
    /// a longer token might cover it.
    public func forcedTokens(limit: Int) -> [TokenID] {
        guard limit > 0, !canStop else { return [] }
        guard let canonical = grammar.canonical else { return singleForced(limit: limit) }
        let (run, isClosed) = forcedBytes()
        guard !run.isEmpty, let recent else { return singleForced(limit: limit) }
        let vocabulary = grammar.trie.vocabulary
        let context = Array(recent.suffix(Self.recentLimit))
        let before = context.flatMap { vocabulary.tokens[Int($0)] }
        var text = before + run
        while !text.isEmpty && !isValidUTF8(text) && text.count > before.count { text.removeLast() }
        guard text.count > before.count, isValidUTF8(text) else { return singleForced(limit: limit) }
        let tokens = canonical(text)
        guard tokens.starts(with: context) else { return singleForced(limit: limit) }
        var forced = Array(tokens.dropFirst(context.count))
        if !(isClosed && text.count == before.count + run.count) { cutOpenEnd(&forced) }
        return verified(Array(forced.prefix(limit)))
    }

    private func isValidUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    /// The bytes without choice, and whether the text is over after them.
    private func forcedBytes() -> ([UInt8], isClosed: Bool) {
        var current = configuration
        var bytes: [UInt8] = []
        while bytes.count < Self.forcedByteLimit, !current.canStop, let byte = current.onlyByte(grammar.program),
            let next = current.stepping(byte, grammar.program)
        {
            bytes.append(byte)
            current = next
        }
        return (bytes, current.isFinished)
    }

    /// Drops the last tokens from the first on that a longer token of the vocabulary might replace, were the text to go on.
    private func cutOpenEnd(_ tokens: inout [TokenID]) {
        let vocabulary = grammar.trie.vocabulary
        var suffix: [UInt8] = []
        var cut = tokens.count
        for index in tokens.indices.reversed().prefix(8) {
            suffix = vocabulary.tokens[Int(tokens[index])] + suffix
            if let node = grammar.trie.node(of: suffix), Int(grammar.trie.flat.ends[node]) > node + 1 { cut = index }
        }
        tokens.removeSubrange(cut...)
    }

    /// The longest prefix that the grammar accepts.
    private func verified(_ tokens: [TokenID]) -> [TokenID] {
        var copy = self
        for (index, token) in tokens.enumerated() where !copy.accept(token) { return Array(tokens[..<index]) }
        return tokens
    }

    /// Tokens forced one by one because the mask has no other.
    private func singleForced(limit: Int) -> [TokenID] {
        var copy = self
        var tokens: [TokenID] = []
        while tokens.count < limit, !copy.canStop {
            let (mask, forbidden) = grammar.mask(for: copy.configuration)
            guard let only = mask.only(without: forbidden), copy.accept(only) else { return tokens }
            tokens.append(only)
        }
        return tokens
    }
}

extension Configuration {
    /// The next byte, if there is only one.
    func onlyByte(_ program: Program) -> UInt8? {
        var only: UInt8?
        for thread in threads {
            let node = program.nodes[Int(thread.node)]
            var candidates: [UInt8]
            switch node.kind {
            case .literal: candidates = [program.literals[Int(node.index)][Int(thread.local)]]
            case .words: candidates = Array(program.tries[Int(node.index)].nextBytes(thread.local))
            case .lexeme:
                let lexeme = program.lexemes[Int(node.index)]
                candidates = []
                for byte in UInt8.min...UInt8.max {
                    if case .dead = lexeme.step(thread.local, thread.register, byte) { continue }
                    candidates.append(byte)
                    if candidates.count > 1 { return nil }
                }
            default: return nil
            }
            for byte in candidates {
                if let known = only, known != byte { return nil }
                only = byte
            }
        }
        return only
    }
}
