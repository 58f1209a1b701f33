// What Lark, GBNF and EBNF have in common: named rules over literals, classes and regular expressions.
import JSON

/// A rule's place in its `RuleSet`.
typealias RuleID = Int

/// What a rule says.
indirect enum RuleBody: Sendable {
    /// This text, in UTF-8.
    case text([UInt8])
    /// One character of the set.
    case characters(CodePointSet)
    /// A regular expression without assertions.
    case pattern(RegexSyntax)
    /// The texts in all of them; regular bodies only.
    case intersection([RuleBody])
    /// The texts that are not in it; a regular body only.
    case complement(RuleBody)
    /// Its texts of which no shorter beginning belongs to it too; a regular body only.
    case shortest(RuleBody)
    /// Its texts of at most so many characters; a regular body only.
    case limited(RuleBody, Int)
    case sequence([RuleBody])
    case alternatives([RuleBody])
    /// `maximum` nil: without end.
    case repeated(RuleBody, minimum: Int, maximum: Int?)
    case reference(RuleID)
    /// The rule, but not the empty text.
    case nonEmptyReference(RuleID)
    /// A schema or other rules, whole.
    case nested(Expression)
    case dispatch(TextDispatch)

    static let empty = RuleBody.sequence([])
    /// No text at all.
    static let nothing = RuleBody.alternatives([])

    /// `item` so often, with what is trivial made plain: `x? x?` and `x{2}` stay short.
    static func counted(_ item: RuleBody, _ minimum: Int, _ maximum: Int?) -> RuleBody {
        if maximum == 0 { return .empty }
        if minimum == 1 && maximum == 1 { return item }
        return .repeated(item, minimum: minimum, maximum: maximum)
    }
}

/// Free text in which a text, once complete, hands over to a body.
struct TextDispatch: Sendable {
    struct Entry: Sendable {
        let text: [UInt8]
        let body: RuleBody
        /// Whether the free text is over after the body.
        let isLast: Bool
    }
    let entries: [Entry]
    let excluded: [[UInt8]]
    /// Whether the text may end where no entry ended it.
    let mayEnd: Bool

    /// - Throws: what `Rules.anyText` throws.
    func check() throws(GrammarError) {
        try FreeText(
            triggers: entries.map { FreeText.Entry(text: $0.text, expression: .literal([])) }, excluded: excluded, atLeastOne: false,
            stopAfterFirst: false
        ).check()
    }

    /// The entries of equal texts as one.
    var joined: [Entry] {
        var result: [Entry] = []
        var places: [[UInt8]: Int] = [:]
        for entry in entries {
            if let place = places[entry.text], result[place].isLast == entry.isLast {
                result[place] = Entry(text: entry.text, body: .alternatives([result[place].body, entry.body]), isLast: entry.isLast)
            } else {
                places[entry.text] = result.count
                result.append(entry)
            }
        }
        return result
    }
}

/// Named rules.
struct RuleSet: Sendable {
    struct Rule: Sendable {
        let name: String
        var body: RuleBody
        /// Terminals of Lark: must be regular.
        var isTerminal = false
        /// Where it is defined (or first used), for errors.
        var place = 0
        var isDefined = false
    }
    var rules: [Rule] = []
    var entry: RuleID = 0

    /// Every run of whole chunks, the empty one too. The tails are rules, so that they are shared.
    mutating func substring(of chunks: [[UInt8]]) -> RuleBody {
        let first = rules.count
        for (index, chunk) in chunks.enumerated() {
            let rest = index + 1 < chunks.count ? RuleBody.reference(first + index + 1) : .empty
            let body = RuleBody.alternatives([.empty, .sequence([.text(chunk), rest])])
            rules.append(Rule(name: "chunk \(index)", body: body, isDefined: true))
        }
        return .alternatives([.empty] + chunks.indices.map { .reference(first + $0) })
    }

    /// More chunks than this are refused: each may be the first.
    static let maximumChunks = 4_096

    /// A rule's references.
    static func references(of body: RuleBody) -> [RuleID] {
        var found: [RuleID] = []
        visit(body) {
            if case .reference(let id) = $0 { found.append(id) }
        }
        return found
    }

    /// The schemas and other rules in a body, in the order of the text.
    static func nested(in body: RuleBody) -> [Expression] {
        var found: [Expression] = []
        visit(body) {
            if case .nested(let expression) = $0 { found.append(expression) }
        }
        return found
    }

    private static func visit(_ body: RuleBody, _ look: (RuleBody) -> Void) {
        var open = [body]
        while let body = open.popLast() {
            look(body)
            switch body {
            case .text, .characters, .pattern, .nested, .reference, .nonEmptyReference: break
            case .intersection(let items), .sequence(let items), .alternatives(let items): open += items.reversed()
            case .complement(let item), .shortest(let item), .limited(let item, _), .repeated(let item, _, _): open.append(item)
            case .dispatch(let text): open += text.entries.reversed().map(\.body)
            }
        }
    }
}

/// Strongly connected components of a graph given as lists of targets, targets first (Tarjan 1972, without recursion).
func components(_ edges: [[Int]]) -> [[Int]] {
    var index = [Int](repeating: -1, count: edges.count)
    var low = index
    var isOpen = [Bool](repeating: false, count: edges.count)
    var stack: [Int] = []
    var result: [[Int]] = []
    var counter = 0
    for root in edges.indices where index[root] < 0 {
        var path: [(node: Int, next: Int)] = [(root, 0)]
        while let top = path.last {
            let node = top.node
            if top.next == 0 {
                index[node] = counter
                low[node] = counter
                counter += 1
                stack.append(node)
                isOpen[node] = true
            }
            if top.next < edges[node].count {
                path[path.count - 1].next += 1
                let target = edges[node][top.next]
                if index[target] < 0 {
                    path.append((target, 0))
                } else if isOpen[target] {
                    low[node] = min(low[node], index[target])
                }
                continue
            }
            path.removeLast()
            if let parent = path.last { low[parent.node] = min(low[parent.node], low[node]) }
            guard low[node] == index[node] else { continue }
            var component: [Int] = []
            while let member = stack.popLast() {
                isOpen[member] = false
                component.append(member)
                if member == node { break }
            }
            result.append(component)
        }
    }
    return result
}
