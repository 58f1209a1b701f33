// Formulas resolved into cells: references followed, "and" joined, "or" split. The union of the cells is the formula; they may overlap.
import JSON

/// One branch of the search for cells.
private struct Branch {
    /// What is still to be looked at, the next one last.
    var open: [Requirement]
    /// The "or"s met, looked at when nothing else is left.
    var splits: [[Requirement]] = []
    var seen: Set<Requirement> = []
    var cell = Cell()
    var known: Set<Fact> = []
    var present: Set<[UInt8]> = []
    var absent: Set<[UInt8]> = []
    var depth = 0
}

extension SchemaBuilder {
    /// All ways to satisfy the requirements together. Empty when there is none.
    mutating func cells(_ requirements: [Requirement]) throws(GrammarError) -> [Cell] {
        var found: [Cell] = []
        var branches = [Branch(open: requirements.reversed())]
        while var branch = branches.popLast() {
            guard try settle(&branch) else { continue }
            guard let choice = try nextSplit(&branch) else {
                try add(branch, to: &found)
                continue
            }
            guard branch.depth < limits.branches else { throw tooManyBranches(branch) }
            for option in choice.reversed() {
                branchTrials += 1
                guard branchTrials <= limits.branchTrials else {
                    throw .tooLarge(what: "branches tried", limit: limits.branchTrials, pointer: pointer(of: branch))
                }
                var next = branch
                next.depth += 1
                next.open.append(option)
                branches.append(next)
            }
        }
        return found
    }

    private func pointer(of branch: Branch) -> JSONPointer {
        for case .own(let place) in branch.cell.facts { return document[place.id].pointer }
        return JSONPointer()
    }

    private func tooManyBranches(_ branch: Branch) -> GrammarError {
        .tooLarge(what: "combined branches", limit: limits.branches, pointer: pointer(of: branch))
    }

    /// Keeps a cell unless another says less and so allows it.
    private func add(_ branch: Branch, to found: inout [Cell]) throws(GrammarError) {
        let facts = branch.known
        let isPlain = facts.allSatisfy { if case .own(let place) = $0 { place.extents == 0 } else { true } }
        if isPlain, found.count <= 64 {
            func allows(_ cell: Cell) -> Bool {
                cell.facts.count <= facts.count && cell.facts.allSatisfy(facts.contains) && cell.types.isSuperset(of: branch.cell.types)
            }
            if found.contains(where: allows) { return }
        }
        found.append(branch.cell)
        guard found.count <= limits.branches else { throw tooManyBranches(branch) }
    }

    /// Resolves everything but the "or"s; false at a contradiction.
    private mutating func settle(_ branch: inout Branch) throws(GrammarError) -> Bool {
        while let requirement = branch.open.popLast() {
            switch requirement {
            case .all(let items): branch.open += items.reversed()
            case .any(let items):
                if items.count == 1 { branch.open.append(items[0]) } else { branch.splits.append(items) }
                if items.isEmpty { return false }
            case .fact(let fact): guard try add(fact, to: &branch) else { return false }
            case .equals(let value): guard try add(.types(InstanceTypes(of: value)), to: &branch) else { return false }
            case .differs(let value): branch.open.append(Self.difference(from: value))
            case .holds(let place):
                if branch.seen.contains(requirement) { continue }
                // Both a subschema and its opposite: nothing satisfies that.
                if branch.seen.contains(.fails(Place(id: place.id, scope: place.scope))) { return false }
                branch.seen.insert(requirement)
                if place.extents != 0 { branch.seen.insert(.holds(Place(id: place.id, scope: place.scope))) }
                guard document[place.id].object != nil else {
                    if document[place.id].boolean { continue } else { return false }
                }
                branch.open += try affirmation(place).reversed()
            case .fails(let place):
                if branch.seen.contains(requirement) { continue }
                if branch.seen.contains(.holds(place)) { return false }
                branch.seen.insert(requirement)
                guard document[place.id].object != nil else {
                    if document[place.id].boolean { return false } else { continue }
                }
                branch.open.append(.any(try denial(place)))
            }
        }
        return true
    }

    /// Notes a fact; false where it contradicts the others.
    private mutating func add(_ fact: Fact, to branch: inout Branch) throws(GrammarError) -> Bool {
        guard branch.known.insert(fact).inserted else { return true }
        switch fact {
        case .types(let types):
            branch.cell.types.formIntersection(types)
            return !branch.cell.types.isEmpty
        case .own(let place):
            branch.cell.types.formIntersection(try ownTypes(place.id))
            for name in try document.names(place.id, "required") where branch.cell.types == .object {
                guard note(name, isPresent: true, in: &branch) else { return false }
            }
        case .has(let name), .member(let name, _): guard note(name, isPresent: true, in: &branch) else { return false }
        case .lacks(let name): guard note(name, isPresent: false, in: &branch) else { return false }
        default: break
        }
        branch.cell.types.formIntersection(try types(of: fact))
        branch.cell.facts.append(fact)
        return !branch.cell.types.isEmpty
    }

    private func note(_ name: String, isPresent: Bool, in branch: inout Branch) -> Bool {
        let key = Array(name.utf8)
        if isPresent { branch.present.insert(key) } else { branch.absent.insert(key) }
        return !(isPresent ? branch.absent : branch.present).contains(key)
    }

    /// The "or" with the fewest options left, without those that contradict what is known; nil when none is open.
    private mutating func nextSplit(_ branch: inout Branch) throws(GrammarError) -> [Requirement]? {
        var best: Int?
        var index = 0
        while index < branch.splits.count {
            if branch.splits[index].contains(where: { isKnown($0, branch) }) {
                branch.splits.remove(at: index)
                continue
            }
            var options: [Requirement] = []
            for option in branch.splits[index] where try isOpen(option, branch) { options.append(option) }
            branch.splits[index] = options
            if options.count < branch.splits[best ?? index].count || best == nil { best = index }
            if options.isEmpty { return [] }
            index += 1
        }
        return best.map { branch.splits.remove(at: $0) }
    }

    private func isKnown(_ option: Requirement, _ branch: Branch) -> Bool {
        switch option {
        case .fact(let fact):
            switch fact {
            case .types(let types): types.isSuperset(of: branch.cell.types)
            case .lacks(let name): branch.cell.types == .object && branch.absent.contains(Array(name.utf8))
            case .has(let name): branch.cell.types == .object && branch.present.contains(Array(name.utf8))
            default: branch.known.contains(fact)
            }
        case .all(let items): items.allSatisfy { isKnown($0, branch) }
        case .any(let items): items.contains { isKnown($0, branch) }
        default: branch.seen.contains(option)
        }
    }

    /// Whether an option can hold, as far as types and names tell at a glance.
    private mutating func isOpen(_ option: Requirement, _ branch: Branch) throws(GrammarError) -> Bool {
        switch option {
        case .fact(let fact):
            switch fact {
            case .has(let name), .member(let name, _): if branch.absent.contains(Array(name.utf8)) { return false }
            case .lacks(let name): if branch.present.contains(Array(name.utf8)) { return false }
            default: break
            }
            return try !types(of: fact).isDisjoint(with: branch.cell.types)
        case .all(let items):
            for item in items where try !isOpen(item, branch) { return false }
            return true
        case .any(let items):
            for item in items where try isOpen(item, branch) { return true }
            return false
        case .equals(let value): return branch.cell.types.contains(InstanceTypes(of: value))
        case .differs: return true
        case .holds(let place):
            if branch.seen.contains(.fails(Place(id: place.id, scope: place.scope))) { return false }
            guard document[place.id].object != nil else { return document[place.id].boolean }
            return try !ownTypes(place.id).isDisjoint(with: branch.cell.types)
        case .fails(let place):
            if branch.seen.contains(.holds(place)) { return false }
            guard let object = document[place.id].object else { return !document[place.id].boolean }
            if object.count == 1, object["type"] != nil { return !branch.cell.types.subtracting(try document.types(place.id)).isEmpty }
            return true
        }
    }

    private mutating func types(of fact: Fact) throws(GrammarError) -> InstanceTypes {
        switch fact {
        case .own(let place): return try ownTypes(place.id)
        case .excludes: return .all
        case .breaks(_, let keyword):
            switch keyword {
            case "minLength", "maxLength", "pattern", "format": return .string
            case "minProperties", "maxProperties": return .object
            default: return .number
            }
        default: return fact.types ?? .all
        }
    }

    /// The types that a subschema's own `type`, `enum` and `const` leave.
    mutating func ownTypes(_ id: SchemaID) throws(GrammarError) -> InstanceTypes {
        if let known = knownTypes[id] { return known }
        var types = try document.types(id)
        if let values = try enumeration(id) {
            types.formIntersection(values.reduce(into: InstanceTypes()) { $0.formUnion(InstanceTypes(of: $1)) })
        }
        knownTypes[id] = types
        return types
    }
}

extension InstanceTypes {
    /// The type of one value.
    init(of value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool: self = .boolean
        case .number(let number): self = number.isInteger ? .integer : .fraction
        case .string: self = .string
        case .array: self = .array
        case .object: self = .object
        }
    }
}
