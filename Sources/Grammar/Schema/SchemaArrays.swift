// Arrays: items by position, then a counted loop; with `contains` or `uniqueItems` a plan that counts and remembers.
import JSON

/// What a cell asks of an array's length.
struct ArrayConstraint {
    var minimum = 0
    var maximum: Int?
    /// How many positions have requirements of their own.
    var prefix = 0
}

/// Items that have to be counted.
private struct ItemCounter {
    let minimum: Int
    let maximum: Int?
    let requirement: Requirement
    /// The first index at which items count.
    var start = 0
    /// Items count only where this subschema's `unevaluatedItems` would look at them.
    var unevaluated: Place?
    let pointer: JSONPointer
}

extension SchemaBuilder {
    private static let maximumCounters = 4

    /// The item schemas by position that a subschema lists (`prefixItems`, or `items` as an array).
    private func positions(_ id: SchemaID) -> [SchemaID] {
        let list = document.children(id, "prefixItems")
        return list.isEmpty ? document.children(id, "items") : list
    }

    /// The schema of the items after the listed ones, and its keyword.
    func rest(_ id: SchemaID) -> (id: SchemaID, keyword: String)? {
        let keyword = document[id].object?["items"]?.arrayValue == nil ? "items" : "additionalItems"
        return document.child(id, keyword).map { ($0, keyword) }
    }

    func arrayConstraint(_ cell: Cell) throws(GrammarError) -> ArrayConstraint {
        var constraint = ArrayConstraint()
        func tighten(_ value: Int?) { if let value { constraint.maximum = min(constraint.maximum ?? value, value) } }
        func atLeast(_ value: Int) { constraint.minimum = max(constraint.minimum, value) }
        for fact in cell.facts {
            switch fact {
            case .own(let place):
                let id = place.id
                atLeast(try document.minimum(id, "minItems") ?? 0)
                tighten(try document.count(id, "maxItems"))
                let listed = positions(id).count
                constraint.prefix = max(constraint.prefix, listed)
                if let rest = rest(id)?.id, document[rest].object == nil, !document[rest].boolean { tighten(listed) }
                if document[id].object?["contains"] != nil { atLeast(try document.minimum(id, "minContains") ?? 1) }
            case .items(let minimum, let maximum):
                atLeast(minimum)
                tighten(maximum)
            case .item(let index, _):
                atLeast(index + 1)
                constraint.prefix = max(constraint.prefix, index + 1)
            case .someItem(let place, _, _):
                let listed = positions(place.id).count
                constraint.prefix = max(constraint.prefix, listed)
                atLeast(1)
            case .count(_, let minimum, _): atLeast(minimum)
            default: continue
            }
        }
        return constraint
    }

    /// What must hold of the item at a position.
    mutating func itemRequirements(_ cell: Cell, at index: Int) throws(GrammarError) -> [Requirement] {
        var requirements: [Requirement] = []
        for fact in cell.facts {
            switch fact {
            case .own(let place):
                let listed = positions(place.id)
                if index < listed.count {
                    requirements.append(.holds(below(listed[index], of: place)))
                } else if let rest = rest(place.id) {
                    requirements.append(.holds(below(rest.id, of: place)))
                }
                if let child = document.child(place.id, "unevaluatedItems"), let looked = lookers(at: index, place, cell) {
                    requirements.append(.any(looked + [.holds(below(child, of: place))]))
                }
            case .item(index, let requirement): requirements.append(requirement)
            default: continue
            }
        }
        // What allows everything asks for nothing.
        return requirements.filter {
            if case .holds(let place) = $0 { document[place.id].object != nil || !document[place.id].boolean } else { true }
        }
    }

    /// The `contains` by which the item at an index may have been looked at in place; nil when it was looked at whatever it is.
    private func lookers(at index: Int, _ place: Place, _ cell: Cell) -> [Requirement]? {
        var looked: [Requirement] = []
        for looker in lookers(place, cell) {
            if index < positions(looker.id).count || rest(looker.id) != nil { return nil }
            if looker.id != place.id, document[looker.id].object?["unevaluatedItems"] != nil { return nil }
            if document.containsLooks, let child = document.child(looker.id, "contains") { looked.append(.holds(below(child, of: looker))) }
        }
        return looked
    }

    /// The subschemas whose looking counts for the `unevaluated…` of a place: those in it that hold, and itself.
    func lookers(_ place: Place, _ cell: Cell) -> [Place] {
        var found = [place]
        for case .own(let other) in cell.facts where other.id != place.id && extents[other.extents].contains(place.id) { found.append(other) }
        return found
    }

    private func counters(_ cell: Cell) throws(GrammarError) -> [ItemCounter] {
        var counters: [ItemCounter] = []
        for fact in cell.facts {
            switch fact {
            case .own(let place):
                guard let child = document.child(place.id, "contains") else { continue }
                let minimum = try document.count(place.id, "minContains") ?? 1
                let maximum = try document.count(place.id, "maxContains")
                if minimum == 0 && maximum == nil { continue }
                counters.append(
                    ItemCounter(
                        minimum: minimum, maximum: maximum, requirement: .holds(below(child, of: place)),
                        pointer: document[place.id].pointer.appending("contains")))
            case .count(let requirement, let minimum, let maximum):
                counters.append(ItemCounter(minimum: minimum, maximum: maximum, requirement: requirement, pointer: pointer(of: cell)))
            case .someItem(let place, let isUnevaluated, let requirement):
                counters.append(
                    ItemCounter(
                        minimum: 1, maximum: nil, requirement: requirement, start: isUnevaluated ? 0 : positions(place.id).count,
                        unevaluated: isUnevaluated ? place : nil, pointer: document[place.id].pointer))
            default: continue
            }
        }
        if counters.count > Self.maximumCounters {
            throw .tooLarge(what: "counted kinds of items", limit: Self.maximumCounters, pointer: counters[Self.maximumCounters].pointer)
        }
        return counters
    }

    /// What makes the item at an index count; nil where it cannot.
    private func requirement(_ counter: ItemCounter, at index: Int, _ cell: Cell) -> Requirement? {
        guard index >= counter.start else { return nil }
        guard let place = counter.unevaluated else { return counter.requirement }
        guard let looked = lookers(at: index, place, cell) else { return nil }
        return .all(looked.map(\.negation) + [counter.requirement])
    }

    /// The ways to read the item at an index: one for each set of counters that it may raise.
    private mutating func ways(_ cell: Cell, at index: Int, _ counters: [ItemCounter]) throws(GrammarError) -> [Way] {
        let base = try itemRequirements(cell, at: index)
        var ways: [Way] = []
        for chosen in 0..<(1 << counters.count) {
            var requirements = base
            var isPossible = true
            for (number, counter) in counters.enumerated() {
                let isCounted = chosen >> number & 1 == 1
                guard let requirement = requirement(counter, at: index, cell) else {
                    if isCounted { isPossible = false }
                    continue
                }
                if isCounted { requirements.append(requirement) }
                // Where too many may come, what is not counted must not be one.
                if !isCounted, counter.maximum != nil { requirements.append(requirement.negation) }
            }
            if isPossible { ways.append(Way(value: try rule(requirements), counters: UInt32(chosen))) }
        }
        return ways
    }

    mutating func array(_ cell: Cell) throws(GrammarError) -> [NodeID] {
        let constraint = try arrayConstraint(cell)
        if let maximum = constraint.maximum, maximum < constraint.minimum {
            note(cell, "fewer items are allowed than needed")
            return []
        }
        let count = min(constraint.prefix, constraint.maximum ?? .max)
        let hasRest = constraint.maximum.map { $0 > count } ?? true
        let counters = try counters(cell)
        var unique: JSONPointer?
        for case .own(let place) in cell.facts where document[place.id].object?["uniqueItems"] == .bool(true) {
            if constraint.maximum.map({ $0 > 1 }) ?? true { unique = document[place.id].pointer.appending("uniqueItems") }
        }
        var prefix: [[Way]] = []
        for index in 0..<count { prefix.append(try ways(cell, at: index, counters)) }
        let plan = ArrayPlan(
            prefix: prefix, rest: hasRest ? try ways(cell, at: constraint.prefix, counters) : [], minimum: constraint.minimum,
            maximum: constraint.maximum, counters: counters.map { PlanCounter(minimum: $0.minimum, maximum: $0.maximum) }, isUnique: unique != nil,
            pointer: unique ?? counters.first?.pointer ?? JSONPointer())
        return [try graph.array(plan, options, next: Graph.end)]
    }
}
