// Rules and a vocabulary, ready to constrain.
import JSON
import Synchronization
public import Tokens

/// Rules compiled for one vocabulary: immutable to the outside, shared by any number of matchers on any threads.
public final class CompiledGrammar: Sendable {
    /// The rules.
    public let rules: Rules
    let program: Program
    let trie: TokenTrie
    /// The tokenizer's own segmentation of a text, when the caller gave one.
    let canonical: (@Sendable ([UInt8]) -> [TokenID])?
    private let store: Mutex<MaskStore>
    private let initial: Configuration

    /// Compiles the rules.
    /// - Parameter canonical: how the tokenizer itself splits a text (valid UTF-8) into tokens; with it, texts without choice are forced as the
    ///   model was trained to see them. Without it only single tokens are forced.
    /// - Throws: `.unsatisfiable` when no text can satisfy the rules, `.tooLarge` when a limit is met.
    public convenience init(
        _ rules: Rules, vocabulary: Vocabulary, canonical: (@Sendable ([UInt8]) -> [TokenID])? = nil
    ) throws(GrammarError) {
        // A schema was made into a program when it was read, to see that something satisfies it.
        if case .schema(let schema) = rules.expression {
            try self.init(rules, schema.program, vocabulary: vocabulary, canonical: canonical)
            return
        }
        var graph = Graph(limits: rules.limits)
        let entry = try rules.expression.build(in: &graph, next: Graph.end)
        try self.init(rules, graph, entry: entry, vocabulary: vocabulary, canonical: canonical)
    }

    /// Compiles a graph that the rules became.
    convenience init(
        _ rules: Rules, _ graph: Graph, entry: NodeID, vocabulary: Vocabulary, canonical: (@Sendable ([UInt8]) -> [TokenID])? = nil
    ) throws(GrammarError) {
        try self.init(rules, try Program(graph, entry: entry), vocabulary: vocabulary, canonical: canonical)
    }

    private init(
        _ rules: Rules, _ program: Program, vocabulary: Vocabulary, canonical: (@Sendable ([UInt8]) -> [TokenID])?
    ) throws(GrammarError) {
        self.rules = rules
        self.canonical = canonical
        let trie = TokenTrie.of(vocabulary)
        let store = MaskStore(program, trie)
        self.program = program
        self.trie = trie
        self.store = Mutex(store)
        initial = Configuration.start(program)
    }

    /// A matcher before the first token.
    public func makeMatcher() -> Matcher { Matcher(self, initial) }

    /// The number of tokens that masks speak about.
    public var vocabularyCount: Int { trie.vocabulary.count }

    /// Memory held now, in bytes, roughly; it grows with the masks that are kept, up to a cap.
    public var byteCount: Int {
        program.nodes.count * MemoryLayout<GraphNode>.stride + program.literals.reduce(0) { $0 + $1.count + 32 }
            + store.withLock { $0.byteCount }
    }

    /// The tokens that may follow, and those of them that nevertheless must not.
    func mask(for configuration: Configuration) -> (mask: StoredMask, forbidden: [TokenID]) {
        store.withLock { $0.mask(for: configuration) }
    }
}
