// Left recursion made into loops: a rule that starts with itself becomes what it may start with, and what may follow that again and again.
import JSON

/// What reading nothing means in a rule set: which rules may be empty, which start with which.
struct RuleEdges {
    private(set) var isNullable: [Bool]
    /// For each rule, the component of rules that start with each other; nil where the rule does not start with itself.
    private(set) var recursion: [Set<RuleID>?]
    let limits: GrammarLimits

    init(_ set: RuleSet, order: [[RuleID]], limits: GrammarLimits) {
        self.limits = limits
        isNullable = [Bool](repeating: false, count: set.rules.count)
        recursion = [Set<RuleID>?](repeating: nil, count: set.rules.count)
        for component in order {
            var changed = true
            while changed {
                changed = false
                for id in component where !isNullable[id] && isNullable(set.rules[id].body) {
                    isNullable[id] = true
                    changed = component.count > 1
                }
            }
        }
        let starts = set.rules.map { rule in
            var found: Set<RuleID> = []
            collectStarts(rule.body, &found)
            return Array(found)
        }
        for component in components(starts) where component.count > 1 || starts[component[0]].contains(component[0]) {
            for id in component { recursion[id] = Set(component) }
        }
    }

    func isNullable(_ body: RuleBody) -> Bool {
        switch body {
        case .text(let bytes): bytes.isEmpty
        case .characters: false
        case .pattern(let tree): isNullable(RuleBody(tree))
        case .intersection(let items), .sequence(let items): items.allSatisfy { isNullable($0) }
        case .complement(let item): !isNullable(item)
        case .shortest(let item), .limited(let item, _): isNullable(item)
        case .alternatives(let items): items.contains { isNullable($0) }
        case .repeated(let item, let minimum, _): minimum == 0 || isNullable(item)
        case .reference(let id): isNullable[id]
        case .nonEmptyReference: false
        case .nested(let expression): expression.isNullable
        case .dispatch(let text): text.mayEnd
        }
    }

    /// The rules that may be the first thing in a body.
    private func collectStarts(_ body: RuleBody, _ found: inout Set<RuleID>) {
        switch body {
        case .text, .characters, .pattern, .intersection, .complement, .shortest, .limited, .nested, .dispatch: break
        case .sequence(let items):
            for item in items {
                collectStarts(item, &found)
                if !isNullable(item) { return }
            }
        case .alternatives(let items): for item in items { collectStarts(item, &found) }
        case .repeated(let item, _, _): collectStarts(item, &found)
        case .reference(let id), .nonEmptyReference(let id): found.insert(id)
        }
    }

    /// The texts of a body without the empty one.
    func nonEmpty(_ body: RuleBody) throws(GrammarError) -> RuleBody {
        guard isNullable(body) else { return body }
        switch body {
        case .text: return .nothing
        case .characters, .nonEmptyReference: return body
        case .pattern, .intersection, .complement, .shortest:
            return .intersection([body, .repeated(.characters(.all), minimum: 1, maximum: nil)])
        case .alternatives(let items):
            var result: [RuleBody] = []
            for item in items { result.append(try nonEmpty(item)) }
            return .alternatives(result)
        case .sequence(let items):
            // The first item that reads something, and all after it.
            var result: [RuleBody] = []
            for index in items.indices {
                result.append(.sequence([try nonEmpty(items[index])] + items[(index + 1)...]))
                try check(result.count * items.count)
            }
            return .alternatives(result)
        case .repeated(let item, _, let maximum):
            return .repeated(try nonEmpty(item), minimum: 1, maximum: maximum)
        case .reference(let id): return .nonEmptyReference(id)
        case .limited, .nested, .dispatch:
            throw .malformed(line: 1, column: 1, reason: "free text that may be empty at the start of a left-recursive rule is not supported")
        }
    }

    private func check(_ count: Int) throws(GrammarError) {
        guard count <= limits.nodes else { throw .tooLarge(what: "parts of left-recursive rules", limit: limits.nodes, pointer: JSONPointer()) }
    }

    /// A body without the empty text, by how it starts.
    struct Starts {
        /// Texts that start with a rule of the component, and what follows it.
        var recursive: [(head: RuleID, rest: [RuleBody])] = []
        /// All others.
        var plain: [RuleBody] = []
    }

    /// Takes a body apart by what it starts with.
    func starts(of body: RuleBody, in component: Set<RuleID>) throws(GrammarError) -> Starts {
        var result = Starts()
        try collect(body, then: [], component, &result)
        return result
    }

    private func collect(_ body: RuleBody, then rest: [RuleBody], _ component: Set<RuleID>, _ result: inout Starts) throws(GrammarError) {
        try check(result.recursive.count + result.plain.count)
        switch body {
        case .reference(let id) where component.contains(id), .nonEmptyReference(let id) where component.contains(id):
            result.recursive.append((id, rest))
        case .sequence(let items):
            for index in items.indices {
                try collect(items[index], then: items[(index + 1)...] + rest, component, &result)
                if !isNullable(items[index]) { return }
            }
        // What stands before `rest` read nothing: that is for the caller to go on with.
        case .alternatives(let items): for item in items { try collect(item, then: rest, component, &result) }
        case .repeated(let item, let minimum, let maximum):
            let more = RuleBody.counted(item, max(minimum - 1, 0), maximum.map { $0 - 1 })
            try collect(item, then: [more] + rest, component, &result)
        case .text(let bytes) where bytes.isEmpty: break
        default: result.plain.append(.sequence([try nonEmpty(body)] + rest))
        }
    }
}
