// Compiled grammars by their rules, up to a number of bytes.
import Synchronization
public import Tokens

/// A cache of compiled grammars over one vocabulary; the least recently used leave first.
public final class GrammarCache: Sendable {
    private struct Store {
        var grammars: [Rules: (grammar: CompiledGrammar, used: UInt64)] = [:]
        var clock: UInt64 = 0
    }
    private let vocabulary: Vocabulary
    private let maximumBytes: Int
    private let canonical: (@Sendable ([UInt8]) -> [TokenID])?
    private let store = Mutex(Store())

    /// A cache that holds at most about `maxBytes` bytes of grammars and their masks (the last one used always stays).
    public init(vocabulary: Vocabulary, maxBytes: Int = 128 << 20, canonical: (@Sendable ([UInt8]) -> [TokenID])? = nil) {
        self.vocabulary = vocabulary
        self.maximumBytes = maxBytes
        self.canonical = canonical
    }

    /// The grammar of the rules, compiled when it is not here.
    public func grammar(for rules: Rules) throws(GrammarError) -> CompiledGrammar {
        let known = store.withLock { store -> CompiledGrammar? in
            store.clock += 1
            guard let grammar = store.grammars[rules]?.grammar else { return nil }
            store.grammars[rules] = (grammar, store.clock)
            return grammar
        }
        if let known { return known }
        // Compiled outside the lock: a slow grammar holds up nobody else.
        let grammar = try CompiledGrammar(rules, vocabulary: vocabulary, canonical: canonical)
        store.withLock { store in
            store.grammars[rules] = (grammar, store.clock)
            var bytes = store.grammars.values.reduce(0) { $0 + $1.grammar.byteCount }
            while bytes > maximumBytes, store.grammars.count > 1 {
                let oldest = store.grammars.filter { $0.key != rules }.min { $0.value.used < $1.value.used }!
                bytes -= oldest.value.grammar.byteCount
                store.grammars[oldest.key] = nil
            }
        }
        return grammar
    }

    /// How many grammars are held.
    public var count: Int { store.withLock { $0.grammars.count } }
}
