// How large a compiled grammar is.

/// Sizes of a compiled grammar.
public struct CompiledSizes: Sendable, Hashable {
    /// Nodes of the graph.
    public let nodes: Int
    /// Different regular languages (strings, numbers, patterns).
    public let lexemes: Int
    /// States of their automata together.
    public let states: Int
    /// Objects and arrays whose members or items are planned.
    public let plans: Int
    /// Bytes of fixed text.
    public let literalBytes: Int
    /// Bytes held, roughly, masks included.
    public let bytes: Int
}

extension CompiledGrammar {
    /// Sizes now; the bytes grow with the masks that are kept.
    public var sizes: CompiledSizes {
        CompiledSizes(
            nodes: program.nodes.count, lexemes: program.lexemes.count, states: program.lexemes.reduce(0) { $0 + $1.automaton.stateCount },
            plans: program.plans.count, literalBytes: program.literals.reduce(0) { $0 + $1.count }, bytes: byteCount)
    }
}
