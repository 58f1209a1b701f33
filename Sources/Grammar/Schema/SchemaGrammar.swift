// A JSON Schema as a graph.
import JSON

/// A schema with the graph that it became; equal when the schema's text and the options are.
final class SchemaGrammar: Sendable, Hashable {
    let schema: JSONValue
    let options: SchemaOptions
    let graph: Graph
    let entry: NodeID
    /// The graph by itself, ready to run.
    let program: Program
    /// The keywords that the graph does not keep; none unless the options say `.relax`.
    let relaxations: [Relaxation]

    init(_ schema: JSONValue, _ options: SchemaOptions) throws(GrammarError) {
        self.schema = schema
        self.options = options
        let original = try SchemaDocument(schema, limits: options.limits)
        try original.requireProgress()
        var document = original
        var relaxesExclusion = false
        var relaxations: [Relaxation] = []
        while true {
            var builder = SchemaBuilder(document, options, original: original, relaxesExclusion: relaxesExclusion)
            do throws(GrammarError) {
                let start = try builder.build()
                // An unsatisfiable schema says so now, not when a vocabulary comes.
                program = try Program(builder.graph, entry: start, reason: builder.contradiction)
                entry = start
                graph = builder.graph
                self.relaxations = relaxations + builder.relaxations
                return
            } catch {
                guard options.exactness == .relax, relaxations.count < Self.maximumRelaxations, let place = error.relaxablePlace else { throw error }
                if let (keyword, pointer) = document.relax(at: place.pointer) {
                    relaxations.append(Relaxation(keyword: keyword, pointer: pointer, reason: place.reason))
                } else if relaxesExclusion {
                    throw error
                } else {
                    relaxesExclusion = true
                }
            }
        }
    }

    private static let maximumRelaxations = 256

    static func == (a: SchemaGrammar, b: SchemaGrammar) -> Bool { a === b || a.options == b.options && a.schema == b.schema }

    func hash(into hasher: inout Hasher) {
        hasher.combine(schema)
        hasher.combine(options)
    }
}

extension GrammarError {
    /// Where a keyword might be left to the validator instead, and why; nil for what no relaxing can mend.
    fileprivate var relaxablePlace: (pointer: JSONPointer, reason: String)? {
        switch self {
        case .unsupported(let keyword, let pointer, let reason): keyword.hasPrefix("$") ? nil : (pointer, reason)
        case .tooLarge(let what, let limit, let pointer): (pointer, "more than \(limit) \(what)")
        default: nil
        }
    }
}
