// Objects: which members there must and may be, and what must hold of their values.
import JSON

/// Which names a cell speaks of, in the order in which they are written.
struct MemberPresence {
    private(set) var names: [String] = []
    private(set) var required: [String] = []
    private var known: Set<[UInt8]> = []
    private var needed: Set<[UInt8]> = []
    private var forbidden: Set<[UInt8]> = []

    mutating func declare(_ name: String) { if known.insert(Array(name.utf8)).inserted { names.append(name) } }

    mutating func require(_ name: String) { if needed.insert(Array(name.utf8)).inserted { required.append(name) } }

    mutating func forbid(_ name: String) { forbidden.insert(Array(name.utf8)) }

    func isRequired(_ name: String) -> Bool { needed.contains(Array(name.utf8)) }

    func isForbidden(_ name: String) -> Bool { forbidden.contains(Array(name.utf8)) }
}

/// Facts of which one has to hold: `.member` and `.someMember`.
private typealias Witness = [Fact]

/// A property of undeclared names by which they are told apart.
private enum NameQuality: Hashable {
    case pattern([UInt8])
    /// Forbidden by the `propertyNames` of this subschema.
    case misnamed(SchemaID)
}

/// Undeclared names that are alike.
private struct NameKind {
    var term: TermID
    var qualities: Set<NameQuality> = []
}

extension SchemaBuilder {
    private static let maximumWitnesses = 8
    private static let maximumNameKinds = 64

    func presence(_ cell: Cell) throws(GrammarError) -> MemberPresence {
        var presence = MemberPresence()
        func declare(_ keys: [String]) { for name in keys { presence.declare(name) } }
        for case .own(let place) in cell.facts { declare(document[place.id].object?["properties"]?.objectValue?.keys ?? []) }
        for fact in cell.facts {
            switch fact {
            case .own(let place): for name in try document.names(place.id, "required") { presence.require(name) }
            case .has(let name), .member(let name, _): presence.require(name)
            case .lacks(let name): presence.forbid(name)
            default: continue
            }
        }
        // What is required without being declared comes after the declared; then what must be known by name for another reason.
        declare(presence.required)
        func declare(_ fact: Fact) {
            switch fact {
            case .lacks(let name), .optional(let name, _), .member(let name, _): presence.declare(name)
            case .someMember(_, .otherThan(let object), _): declare(object.keys)
            case .someMember(let place, _, _): declare(document[place.id].object?["properties"]?.objectValue?.keys ?? [])
            case .oneMember(let facts): for fact in facts { declare(fact) }
            default: return
            }
        }
        for fact in cell.facts { declare(fact) }
        return presence
    }

    private func patterns(_ id: SchemaID) -> [String] { document[id].object?["patternProperties"]?.objectValue?.keys ?? [] }

    private mutating func matches(_ source: String, of id: SchemaID, _ name: String) throws(GrammarError) -> Bool {
        let pointer = document[id].pointer.appending("patternProperties").appending(source)
        return try accepts(try pattern(source, "patternProperties", pointer), name)
    }

    /// What must hold of the value of a member with this name; nil where there must be none.
    mutating func memberRequirements(_ cell: Cell, _ name: String) throws(GrammarError) -> [Requirement]? {
        var requirements: [Requirement] = []
        for fact in cell.facts {
            switch fact {
            case .member(let other, let requirement), .optional(let other, let requirement):
                if other.utf8.elementsEqual(name.utf8) { requirements.append(requirement) }
            default: break
            }
            guard case .own(let place) = fact else { continue }
            var isMatched = false
            if let child = document.child(place.id, "properties", name) {
                requirements.append(.holds(below(child, of: place)))
                isMatched = true
            }
            for source in patterns(place.id) where try matches(source, of: place.id, name) {
                requirements.append(.holds(below(document.child(place.id, "patternProperties", source)!, of: place)))
                isMatched = true
            }
            if !isMatched, let child = document.child(place.id, "additionalProperties") { requirements.append(.holds(below(child, of: place))) }
            if let child = document.child(place.id, "propertyNames"), try !holds(.string(name), .holds(below(child, of: place))) { return nil }
            if let child = document.child(place.id, "unevaluatedProperties"), try !isLookedAt(name, place, cell) {
                requirements.append(.holds(below(child, of: place)))
            }
        }
        return constraining(requirements)
    }

    /// The requirements without those that allow everything; nil when one allows nothing.
    private func constraining(_ requirements: [Requirement]) -> [Requirement]? {
        var result: [Requirement] = []
        for requirement in requirements {
            if case .holds(let place) = requirement, document[place.id].object == nil {
                if !document[place.id].boolean { return nil }
                continue
            }
            result.append(requirement)
        }
        return result
    }

    /// Whether something in place has looked at the member of this name.
    private mutating func isLookedAt(_ name: String, _ place: Place, _ cell: Cell) throws(GrammarError) -> Bool {
        for looker in lookers(place, cell) {
            if looksAtAll(looker, except: place) || document.child(looker.id, "properties", name) != nil { return true }
            for source in patterns(looker.id) where try matches(source, of: looker.id, name) { return true }
        }
        return false
    }

    private func looksAtAll(_ looker: Place, except place: Place) -> Bool {
        document.child(looker.id, "additionalProperties") != nil
            || looker.id != place.id && document.child(looker.id, "unevaluatedProperties") != nil
    }

    private func isLookedAt(_ kind: NameKind, _ place: Place, _ cell: Cell) -> Bool {
        lookers(place, cell).contains { looker in looksAtAll(looker, except: place) || isMatched(kind, looker.id) }
    }

    private func isMatched(_ kind: NameKind, _ id: SchemaID) -> Bool {
        patterns(id).contains { kind.qualities.contains(.pattern(Array($0.utf8))) }
    }

    // MARK: Undeclared names

    /// The kinds of names that are not declared, by the patterns they match.
    private mutating func nameKinds(_ cell: Cell, except names: [String]) throws(GrammarError) -> [NameKind] {
        var qualities: [(quality: NameQuality, term: TermID, pointer: JSONPointer)] = []
        var terms: [TermID] = []
        func add(_ quality: NameQuality, _ term: TermID, _ pointer: JSONPointer) {
            if !qualities.contains(where: { $0.quality == quality }) { qualities.append((quality, term, pointer)) }
        }
        for fact in cell.facts + witnesses(cell).joined() {
            let place: Place
            switch fact {
            case .own(let own): place = own
            case .someMember(let denied, let kind, _):
                if case .otherThan = kind { continue }
                place = denied
            default: continue
            }
            for source in patterns(place.id) {
                let pointer = document[place.id].pointer.appending("patternProperties").appending(source)
                add(.pattern(Array(source.utf8)), try pattern(source, "patternProperties", pointer), pointer)
            }
            guard let child = document.child(place.id, "propertyNames") else { continue }
            let term = try nameTerm(below(child, of: place))
            if case .own = fact { terms.append(term) }
            if case .someMember(_, .misnamed, _) = fact {
                add(.misnamed(place.id), self.terms.complement(term), document[place.id].pointer.appending("propertyNames"))
            }
        }
        terms.append(self.terms.complement(self.terms.words(names)))
        var kinds = [NameKind(term: self.terms.intersection(terms))]
        for (quality, term, pointer) in qualities {
            var split: [NameKind] = []
            for kind in kinds {
                let inside = self.terms.intersection([kind.term, term])
                let outside = self.terms.intersection([kind.term, self.terms.complement(term)])
                if try lexeme(inside, .string) != nil { split.append(NameKind(term: inside, qualities: kind.qualities.union([quality]))) }
                if try lexeme(outside, .string) != nil { split.append(NameKind(term: outside, qualities: kind.qualities)) }
            }
            kinds = split
            guard kinds.count <= Self.maximumNameKinds else {
                throw .tooLarge(what: "kinds of property names at one place", limit: Self.maximumNameKinds, pointer: pointer)
            }
        }
        return kinds
    }

    /// The names that `propertyNames` allows.
    private mutating func nameTerm(_ place: Place) throws(GrammarError) -> TermID {
        if let values = try finiteValues([.holds(place)]) {
            return terms.words(values.compactMap(\.stringValue))
        }
        var branches: [TermID] = []
        for cell in try cells([.holds(place)]) where cell.types.contains(.string) {
            var listed: [TermID]?
            for case .own(let own) in cell.facts {
                guard let values = try enumeration(own.id) else { continue }
                listed = []
                for value in values.compactMap(\.stringValue) where try holds(.string(value), .holds(place)) { listed?.append(terms.literal(value)) }
                break
            }
            if let listed { branches.append(terms.union(listed)) } else { branches.append(try stringTerm(cell)) }
        }
        return terms.union(branches)
    }

    /// What must hold of the values of members with names of a kind; nil where there must be none.
    private func memberRequirements(_ cell: Cell, _ kind: NameKind) -> [Requirement]? {
        var requirements: [Requirement] = []
        for case .own(let place) in cell.facts {
            let matching = patterns(place.id).filter { kind.qualities.contains(.pattern(Array($0.utf8))) }
            requirements += matching.map { .holds(below(document.child(place.id, "patternProperties", $0)!, of: place)) }
            if matching.isEmpty, let child = document.child(place.id, "additionalProperties") { requirements.append(.holds(below(child, of: place))) }
            if let child = document.child(place.id, "unevaluatedProperties"), !isLookedAt(kind, place, cell) {
                requirements.append(.holds(below(child, of: place)))
            }
        }
        return constraining(requirements)
    }

    // MARK: Witnesses

    private func witnesses(_ cell: Cell) -> [Witness] {
        cell.facts.compactMap { fact in
            switch fact {
            case .someMember: [fact]
            case .oneMember(let facts): facts
            default: nil
            }
        }
    }

    /// What a member of this name has to satisfy to be the witness; nil where it cannot be.
    private mutating func testimony(_ witness: Witness, _ name: String, _ cell: Cell) throws(GrammarError) -> Requirement? {
        var ways: [Requirement] = []
        for fact in witness {
            switch fact {
            case .member(let other, let requirement): if other.utf8.elementsEqual(name.utf8) { ways.append(requirement) }
            case .someMember(let place, let kind, let requirement):
                if try concerns(kind, of: place, name, cell) { ways.append(requirement) }
            default: preconditionFailure("witnesses are facts about members")
            }
        }
        return ways.isEmpty ? nil : ways.count == 1 ? ways[0] : .any(ways)
    }

    private mutating func concerns(_ kind: Fact.MemberKind, of place: Place, _ name: String, _ cell: Cell) throws(GrammarError) -> Bool {
        let id = place.id
        switch kind {
        case .pattern(let source): return try matches(source, of: id, name)
        case .additional:
            if document.child(id, "properties", name) != nil { return false }
            for source in patterns(id) where try matches(source, of: id, name) { return false }
            return true
        case .unevaluated: return try !isLookedAt(name, place, cell)
        case .misnamed: return try !holds(.string(name), .holds(below(document.child(id, "propertyNames")!, of: place)))
        case .otherThan(let object): return object[name] == nil
        }
    }

    private func testimony(_ witness: Witness, _ kind: NameKind, _ cell: Cell) -> Requirement? {
        var ways: [Requirement] = []
        for case .someMember(let place, let wanted, let requirement) in witness where concerns(wanted, of: place, kind, cell) {
            ways.append(requirement)
        }
        return ways.isEmpty ? nil : ways.count == 1 ? ways[0] : .any(ways)
    }

    private func concerns(_ wanted: Fact.MemberKind, of place: Place, _ kind: NameKind, _ cell: Cell) -> Bool {
        switch wanted {
        case .pattern(let source): kind.qualities.contains(.pattern(Array(source.utf8)))
        case .additional: !isMatched(kind, place.id)
        case .unevaluated: !isLookedAt(kind, place, cell)
        case .misnamed: kind.qualities.contains(.misnamed(place.id))
        case .otherThan: true
        }
    }

    /// The ways to read a member's value: one for each set of witnesses that it may be.
    private mutating func ways(_ base: [Requirement], _ testimonies: [Requirement?]) throws(GrammarError) -> [Way] {
        var sets: [(counters: UInt32, requirements: [Requirement])] = [(0, base)]
        for (number, testimony) in testimonies.enumerated() {
            guard let testimony else { continue }
            for (counters, requirements) in sets {
                let all = testimony == .always ? requirements : requirements + [testimony]
                // With several witnesses most sets are contradictions.
                if testimonies.count > 1, try isEmpty(all, depth: Self.maximumDepth - 2) { continue }
                sets.append((counters | 1 << UInt32(number), all))
            }
        }
        var ways: [Way] = []
        for (counters, requirements) in sets { ways.append(Way(value: try rule(requirements), counters: counters)) }
        return ways
    }

    // MARK: The object

    mutating func object(_ cell: Cell) throws(GrammarError) -> [NodeID] {
        let presence = try presence(cell)
        let witnesses = witnesses(cell)
        guard witnesses.count <= Self.maximumWitnesses else {
            throw .tooLarge(what: "members that must fail at one place", limit: Self.maximumWitnesses, pointer: pointer(of: cell))
        }
        var members: [ObjectPlan.Member] = []
        for name in presence.names {
            let isRequired = presence.isRequired(name)
            var ways: [Way] = []
            if !presence.isForbidden(name), let base = try memberRequirements(cell, name) {
                var testimonies: [Requirement?] = []
                for witness in witnesses { testimonies.append(try testimony(witness, name, cell)) }
                ways = try self.ways(base, testimonies)
            }
            if ways.isEmpty && isRequired {
                note(cell, "the required property \"\(name)\" is not allowed")
                return []
            }
            if !ways.isEmpty { members.append(ObjectPlan.Member(name: name, ways: ways, isRequired: isRequired)) }
        }
        var others: [ObjectPlan.Cell] = []
        for kind in try nameKinds(cell, except: presence.names) {
            guard let base = memberRequirements(cell, kind), let key = try lexeme(kind.term, .string) else { continue }
            others.append(ObjectPlan.Cell(key: key, ways: try ways(base, witnesses.map { testimony($0, kind, cell) })))
        }
        let (minimum, maximum) = try memberCounts(cell)
        let plan = ObjectPlan(
            members: members, cells: others, minimum: minimum, maximum: maximum,
            counters: witnesses.map { _ in PlanCounter(minimum: 1, maximum: nil) }, isOrdered: !options.anyOrder,
            pointer: pointer(of: cell))
        return [try graph.object(plan, options, next: Graph.end)]
    }

    private func memberCounts(_ cell: Cell) throws(GrammarError) -> (minimum: Int, maximum: Int?) {
        var minimum = 0
        var maximum: Int?
        func tighten(_ value: Int?) { if let value { maximum = min(maximum ?? value, value) } }
        for fact in cell.facts {
            switch fact {
            case .own(let place):
                minimum = max(minimum, try document.minimum(place.id, "minProperties") ?? 0)
                tighten(try document.count(place.id, "maxProperties"))
            case .breaks(let place, "minProperties"): tighten((try document.count(place.id, "minProperties") ?? 0) - 1)
            case .breaks(let place, "maxProperties"): minimum = max(minimum, (try document.count(place.id, "maxProperties") ?? 0) + 1)
            default: continue
            }
        }
        return (minimum, maximum)
    }
}
