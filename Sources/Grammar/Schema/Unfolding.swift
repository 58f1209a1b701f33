// Formulas resolved into cells: references followed, "and" joined, "or" split. The union of the cells is the formula; they may overlap.
import JSON

/// One branch of the search for cells.
struct Branch {
    /// What is still to be looked at, the next one last.
    fileprivate var open: [Requirement]
    /// The "or"s met, looked at when nothing else is left.
    fileprivate(set) var splits: [[Requirement]] = []
    fileprivate var seen: Set<Requirement> = []
    fileprivate(set) var cell = Cell()
    fileprivate var known: Set<Fact> = []
    private(set) var present: Set<[UInt8]> = []
    private(set) var absent: Set<[UInt8]> = []
    /// What the value of a member is one of, or none of, if the member is there.
    private(set) var values: [[UInt8]: MemberValues] = [:]
    /// How many of the cell's facts have been looked at for listed values.
    fileprivate var listed = 0
    fileprivate var depth = 0

    enum MemberValues {
        case among([JSONValue])
        case otherThan([JSONValue])
    }

    fileprivate init(open: [Requirement]) { self.open = open }

    /// Notes what the fact says of one member; false where it contradicts what was known.
    fileprivate mutating func note(_ name: String, isPresent: Bool) -> Bool {
        let key = Array(name.utf8)
        if isPresent { present.insert(key) } else { absent.insert(key) }
        return !(isPresent ? absent : present).contains(key)
    }

    /// Whether nothing can be learnt from telling the member's values apart.
    func isDecided(_ key: [UInt8]) -> Bool {
        if absent.contains(key) { return true }
        switch values[key] {
        case nil: return false
        case .among(let list): return list.count < 2
        case .otherThan: return true
        }
    }

    /// Notes the values that a member may have.
    fileprivate mutating func restrict(_ key: [UInt8], to list: [JSONValue]) {
        func isIn(_ value: JSONValue, _ others: [JSONValue]) -> Bool { others.contains { $0.isEquivalent(to: value) } }
        switch values[key] {
        case nil: values[key] = .among(list)
        case .among(let known): values[key] = .among(known.filter { isIn($0, list) })
        case .otherThan(let known): values[key] = .among(list.filter { !isIn($0, known) })
        }
    }

    /// Notes the values that a member does not have.
    fileprivate mutating func exclude(_ key: [UInt8], _ list: [JSONValue]) {
        switch values[key] {
        case nil: values[key] = .otherThan(list)
        case .among(let known): values[key] = .among(known.filter { value in !list.contains { $0.isEquivalent(to: value) } })
        case .otherThan(let known): values[key] = .otherThan(known + list)
        }
    }
}

extension SchemaBuilder {
    /// All ways to satisfy the requirements together. Empty when there is none.
    mutating func cells(_ requirements: [Requirement]) throws(GrammarError) -> [Cell] {
        var found: [Cell] = []
        var branches = [Branch(open: requirements.reversed())]
        while var branch = branches.popLast() {
            guard try settle(&branch), try prune(&branch) else { continue }
            guard !branch.splits.isEmpty else {
                try add(branch, to: &found)
                continue
            }
            guard branch.depth < limits.branches else { throw tooManyBranches(branch) }
            for var next in try successors(of: branch).reversed() {
                branchTrials += 1
                guard branchTrials <= limits.branchTrials else {
                    throw .tooLarge(what: "branches tried", limit: limits.branchTrials, pointer: pointer(of: branch))
                }
                next.depth += 1
                branches.append(next)
            }
        }
        return found
    }

    /// The branch split: by an "or" of which little is left, into objects and others, by the value of a telling member, or by the smallest "or".
    private mutating func successors(of branch: Branch) throws(GrammarError) -> [Branch] {
        func following(_ options: [Requirement], without index: Int? = nil) -> [Branch] {
            options.map { option in
                var next = branch
                if let index { next.splits.remove(at: index) }
                next.open.append(option)
                return next
            }
        }
        let smallest = branch.splits.indices.min { branch.splits[$0].count < branch.splits[$1].count }!
        if branch.splits[smallest].count == 1 { return following(branch.splits[smallest], without: smallest) }
        if branch.cell.types.contains(.object), branch.cell.types != .object {
            return following([.fact(.types(.object)), .fact(.types(branch.cell.types.subtracting(.object)))])
        }
        if let (name, values) = try discriminator(branch) {
            let key = Array(name.utf8)
            var result: [Branch] = []
            if !branch.present.contains(key) { result += following([.fact(.lacks(name))]) }
            for value in values {
                var next = following([.fact(.member(name, .equals(value)))])[0]
                next.restrict(key, to: [value])
                result.append(next)
            }
            var other = following([.fact(.member(name, .all(values.map(Requirement.differs))))])[0]
            other.exclude(key, values)
            if case .among(let rest) = other.values[key], rest.isEmpty { return result }
            return result + [other]
        }
        return following(branch.splits[smallest], without: smallest)
    }

    private func pointer(of branch: Branch) -> JSONPointer { pointer(of: branch.cell) }

    func pointer(of cell: Cell) -> JSONPointer {
        for case .own(let place) in cell.facts { return document[place.id].pointer }
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
                if branch.depth > 0, try verdict(place, branch) == false { return false }
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
                guard branch.note(name, isPresent: true) else { return false }
            }
        case .has(let name), .member(let name, _): guard branch.note(name, isPresent: true) else { return false }
        case .lacks(let name): guard branch.note(name, isPresent: false) else { return false }
        default: break
        }
        branch.cell.types.formIntersection(try types(of: fact))
        branch.cell.facts.append(fact)
        return !branch.cell.types.isEmpty
    }

    /// Takes away the "or"s that hold anyway and the options that cannot hold, and joins options; false where an "or" has none left.
    private mutating func prune(_ branch: inout Branch) throws(GrammarError) -> Bool {
        if branch.splits.isEmpty { return true }
        if branch.cell.types.contains(.object) {
            for case .own(let place) in branch.cell.facts[branch.listed...] {
                for (key, values) in try listedMembers(place) { branch.restrict(key, to: values) }
            }
            branch.listed = branch.cell.facts.count
        }
        var splits: [[Requirement]] = []
        for split in branch.splits {
            guard var options = try remaining(split, branch) else { continue }
            if branch.cell.types == .object {
                guard let joined = try joined(options, branch) else { continue }
                options = joined
            }
            if options.isEmpty { return false }
            splits.append(options)
        }
        branch.splits = splits
        return true
    }

    /// The options that can hold; nil when one holds anyway.
    private mutating func remaining(_ split: [Requirement], _ branch: Branch) throws(GrammarError) -> [Requirement]? {
        var options: [Requirement] = []
        for option in split {
            if try isKnown(option, branch) { return nil }
            if try isOpen(option, branch) { options.append(option) }
        }
        return options
    }

    /// Whether an option holds wherever the branch does.
    private mutating func isKnown(_ option: Requirement, _ branch: Branch) throws(GrammarError) -> Bool {
        switch option {
        case .fact(let fact):
            switch fact {
            case .types(let types): return types.isSuperset(of: branch.cell.types)
            case .lacks(let name): return branch.cell.types == .object && branch.absent.contains(Array(name.utf8))
            case .has(let name): return branch.cell.types == .object && branch.present.contains(Array(name.utf8))
            case .optional(let name, let requirement):
                if branch.cell.types == .object && branch.absent.contains(Array(name.utf8)) { return true }
                if branch.known.contains(fact) { return true }
                return try verdict(name, requirement, branch) == true
            case .member(let name, let requirement):
                if branch.known.contains(fact) { return true }
                if !branch.present.contains(Array(name.utf8)) { return false }
                return try verdict(name, requirement, branch) == true
            case .oneMember(let facts):
                for fact in facts where try isKnown(.fact(fact), branch) { return true }
                return branch.known.contains(fact)
            default: return branch.known.contains(fact)
            }
        case .all(let items):
            for item in items where try !isKnown(item, branch) { return false }
            return true
        case .any(let items):
            for item in items where try isKnown(item, branch) { return true }
            return false
        case .holds(let place), .fails(let place):
            if branch.seen.contains(option) { return true }
            guard let holds = try verdict(place, branch) else { return false }
            if case .fails = option { return !holds }
            return holds
        case .equals, .differs: return branch.seen.contains(option)
        }
    }

    /// Whether an option can hold, as far as types and names tell at a glance.
    private mutating func isOpen(_ option: Requirement, _ branch: Branch) throws(GrammarError) -> Bool {
        switch option {
        case .fact(let fact):
            switch fact {
            case .has(let name): if branch.absent.contains(Array(name.utf8)) { return false }
            case .member(let name, let requirement):
                if branch.absent.contains(Array(name.utf8)) { return false }
                if try verdict(name, requirement, branch) == false { return false }
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
            if try ownTypes(place.id).isDisjoint(with: branch.cell.types) { return false }
            return try verdict(place, branch) != false
        case .fails(let place):
            if branch.seen.contains(.holds(place)) { return false }
            guard let object = document[place.id].object else { return !document[place.id].boolean }
            if object.count == 1, object["type"] != nil, !document.relaxed.contains(place.id) {
                return !branch.cell.types.subtracting(try document.types(place.id)).isEmpty
            }
            return try verdict(place, branch) != true
        }
    }

    // MARK: Options about members joined

    /// Options about one member's value become one, and those about several members become "one of these", so that no branch is made for each.
    private mutating func joined(_ options: [Requirement], _ branch: Branch) throws(GrammarError) -> [Requirement]? {
        var flat: [Requirement] = []
        try flatten(options, branch, depth: 0, into: &flat)
        var members: [Fact] = []
        var others: [Requirement] = []
        var lacking: Set<[UInt8]> = []
        for option in flat {
            switch option {
            case .fact(.member), .fact(.someMember): if case .fact(let fact) = option, !members.contains(fact) { members.append(fact) }
            case .fact(.oneMember(let facts)): for fact in facts where !members.contains(fact) { members.append(fact) }
            case .fact(.lacks(let name)):
                if lacking.insert(Array(name.utf8)).inserted { others.append(option) }
            default: if !others.contains(option) { others.append(option) }
            }
        }
        for case .fact(.has(let name)) in others where lacking.contains(Array(name.utf8)) { return nil }
        guard !members.isEmpty, let joined = Self.onMember(members) else { return others + (members.isEmpty ? [] : [.fact(.oneMember(members))]) }
        if others.count == 1, case .fact(.lacks(let name)) = others[0], name.utf8.elementsEqual(joined.name.utf8) {
            return [.fact(.optional(name, joined.requirement))]
        }
        return others + [.fact(.member(joined.name, joined.requirement))]
    }

    /// The facts as one about one member, if they are.
    private static func onMember(_ facts: [Fact]) -> (name: String, requirement: Requirement)? {
        var name: String?
        var requirements: [Requirement] = []
        for fact in facts {
            guard case .member(let own, let requirement) = fact, name.map({ $0.utf8.elementsEqual(own.utf8) }) ?? true else { return nil }
            name = own
            requirements.append(requirement)
        }
        return name.map { ($0, requirements.count == 1 ? requirements[0] : .any(requirements)) }
    }

    /// Options with nested "or"s and denials opened, as long as they can hold.
    private mutating func flatten(
        _ options: [Requirement], _ branch: Branch, depth: Int, into flat: inout [Requirement]
    ) throws(GrammarError) {
        for option in options where try isOpen(option, branch) {
            switch option {
            case .any(let items): try flatten(items, branch, depth: depth + 1, into: &flat)
            case .all(let items):
                var open: [Requirement] = []
                for item in items where try !isKnown(item, branch) { open.append(item) }
                if open.count == 1 { try flatten(open, branch, depth: depth + 1, into: &flat) } else { flat.append(.all(open)) }
            case .fails(let place) where depth < 8 && document[place.id].object != nil:
                try flatten(try denial(place), branch, depth: depth + 1, into: &flat)
            default: flat.append(option)
            }
        }
    }

    mutating func types(of fact: Fact) throws(GrammarError) -> InstanceTypes {
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
