// A Lark, GBNF or EBNF grammar or a structural tag as a graph.
import JSON

/// A grammar with the graph that it became; equal when the text, the syntax and the options are.
final class TextGrammar: Sendable, Hashable {
    private let source: [UInt8]
    private let syntax: GrammarSyntax
    let options: SchemaOptions
    let graph: Graph
    let entry: NodeID
    let isNullable: Bool
    /// What schemas inside the grammar leave to the validator.
    let relaxations: [Relaxation]

    init(_ text: String, _ syntax: GrammarSyntax, _ options: SchemaOptions) throws(GrammarError) {
        source = Array(text.utf8)
        self.syntax = syntax
        self.options = options
        let set: RuleSet
        switch syntax {
        case .lark: set = try LarkGrammar.read(text, options)
        case .ebnf: set = try EBNFParser.read(text, .ebnf, options)
        case .structuralTag: set = try StructuralTag.read(text, options)
        default: set = try EBNFParser.read(text, .gbnf, options)
        }
        var builder = try RuleGraph(set, limits: options.limits)
        entry = try builder.build()
        graph = builder.graph
        isNullable = builder.isEntryNullable
        relaxations = set.rules.flatMap { RuleSet.nested(in: $0.body).flatMap(\.relaxations) }
        // A grammar without texts says so now, not when a vocabulary comes.
        _ = try Program(graph, entry: entry)
        guard Nesting.leastDepth(of: graph, from: entry, limit: Int(Frames.maximumDepth) / 2) != nil else {
            throw .tooLarge(what: "levels of rules in the shortest text", limit: Int(Frames.maximumDepth) / 2, pointer: JSONPointer())
        }
    }

    static func == (a: TextGrammar, b: TextGrammar) -> Bool {
        a === b || a.syntax == b.syntax && a.options == b.options && a.source == b.source
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(syntax)
        hasher.combine(source)
    }
}

/// How deep the stack must grow at least to finish.
enum Nesting {
    /// The least number of frames in which the graph's entry can be finished, nil when it is above the limit.
    static func leastDepth(of graph: Graph, from entry: NodeID, limit: Int) -> Int? {
        let nodes = graph.nodes
        var depth = [Int](repeating: .max, count: nodes.count)
        var dependents = [[Int32]](repeating: [], count: nodes.count)
        func choices(_ node: GraphNode) -> ArraySlice<NodeID> { graph.targets[Int(node.first)..<Int(node.first + node.count)] }
        for (index, node) in nodes.enumerated() {
            var needs = [node.next]
            switch node.kind {
            case .text, .choice: needs += choices(node)
            case .call, .loop: needs += [node.first, node.rest]
            case .end, .literal, .lexeme, .words, .planStart, .planPick, .planBegin, .planAfter: break
            }
            for need in needs where need >= 0 { dependents[Int(need)].append(Int32(index)) }
        }
        func isLeaf(_ kind: GraphNode.Kind) -> Bool {
            switch kind {
            case .end, .planStart, .planPick, .planBegin, .planAfter: true
            default: false
            }
        }
        func of(_ id: NodeID) -> Int { id < 0 ? .max : depth[Int(id)] }
        func deeper(_ value: Int) -> Int { value == .max ? .max : value + 1 }
        /// The depth of a node of which a successor is known to have depth `found`.
        func value(_ node: GraphNode, _ found: Int) -> Int {
            switch node.kind {
            // Objects and arrays of schemas are bounded by the schema's own limits.
            case .end, .planStart, .planPick, .planBegin, .planAfter: 0
            case .literal, .lexeme, .words, .text, .choice: found
            case .call: max(deeper(of(node.first)), of(node.next))
            case .loop:
                node.minimum == 0
                    ? of(node.next) : max(deeper(of(node.first)), node.minimum > 1 ? deeper(of(node.rest)) : 0, of(node.next))
            }
        }
        // By ascending depth, each node once (Knuth 1977).
        var buckets: [[Int32]] = [[Int32](nodes.indices.filter { isLeaf(nodes[$0].kind) }.map { Int32($0) })]
        var current = 0
        while current < buckets.count {
            while let index = buckets[current].popLast() {
                guard depth[Int(index)] == .max else { continue }
                depth[Int(index)] = current
                for dependent in dependents[Int(index)] where depth[Int(dependent)] == .max {
                    let found = value(nodes[Int(dependent)], current)
                    guard found <= limit else { continue }
                    while buckets.count <= found { buckets.append([]) }
                    buckets[found].append(dependent)
                }
            }
            current += 1
        }
        return of(entry) <= limit ? of(entry) : nil
    }
}
