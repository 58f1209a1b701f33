// What nearly every schema needs and no schema changes: any value, any number, the formats. Made once in a process.
import JSON
import Synchronization

/// The store of those parts. It holds only what the engine itself can name, so it cannot grow beyond the products of its few keys.
enum CommonParts {
    /// A regular language that the engine names.
    enum Language: Hashable {
        case number(digits: Int)
        case integer(digits: Int)
        case anyText
        case format(String)
    }

    struct AnyValueKey: Hashable {
        let separators: SchemaOptions.Separators
        let anyOrder: Bool
        let depth: Int
        let digits: Int
    }

    private struct Store {
        var lexemes: [Language: Lexeme] = [:]
        var anyValues: [AnyValueKey: (graph: Graph, entry: NodeID)] = [:]
    }

    private static let store = Mutex(Store())
    private static let maximumEntries = 64

    /// The language's lexeme, which `make` builds when it is first asked for.
    static func lexeme(_ language: Language, _ make: () throws(GrammarError) -> Lexeme?) throws(GrammarError) -> Lexeme? {
        if let known = store.withLock({ $0.lexemes[language] }) { return known }
        let made = try make()
        if let made {
            store.withLock { if $0.lexemes.count < maximumEntries { $0.lexemes[language] = made } }
        }
        return made
    }

    /// The graph of any value, which `make` builds when it is first asked for.
    static func anyValue(
        _ key: AnyValueKey, _ make: () throws(GrammarError) -> (graph: Graph, entry: NodeID)
    ) throws(GrammarError) -> (graph: Graph, entry: NodeID) {
        if let known = store.withLock({ $0.anyValues[key] }) { return known }
        let made = try make()
        store.withLock { if $0.anyValues.count < maximumEntries { $0.anyValues[key] = made } }
        return made
    }
}
