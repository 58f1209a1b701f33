// A JSON Schema as a graph.
import JSON

/// A schema with the graph that it became; equal when the schema's text and the options are.
final class SchemaGrammar: Sendable, Hashable {
    let schema: JSONValue
    let options: SchemaOptions
    let graph: Graph
    let entry: NodeID
    /// The keywords that the graph does not keep; none unless the options say `.relax`.
    let relaxations: [Relaxation]

    init(_ schema: JSONValue, _ options: SchemaOptions) throws(GrammarError) {
        self.schema = schema
        self.options = options
        let document = try SchemaDocument(schema, limits: options.limits)
        try document.requireProgress()
        var builder = SchemaBuilder(document, options)
        entry = try builder.build()
        graph = builder.graph
        relaxations = builder.relaxations
        // An unsatisfiable schema says so now, not when a vocabulary comes.
        _ = try Program(graph, entry: entry, reason: builder.contradiction)
    }

    static func == (a: SchemaGrammar, b: SchemaGrammar) -> Bool { a === b || a.options == b.options && a.schema == b.schema }

    func hash(into hasher: inout Hasher) {
        hasher.combine(schema)
        hasher.combine(options)
    }
}
