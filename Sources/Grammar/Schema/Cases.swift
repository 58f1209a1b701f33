// Cases told apart by the values of a member, and what they decide about subschemas.
import JSON

extension SchemaBuilder {
    private static let maximumCases = 128
    private static let maximumTestDepth = 4
    private static let maximumVerdictDepth = 8

    // MARK: Verdicts

    /// Whether a subschema holds of every value that the branch describes (true), or of none (false); nil where that is not plain to see.
    mutating func verdict(_ place: Place, _ branch: Branch, depth: Int = 0) throws(GrammarError) -> Bool? {
        guard let object = document[place.id].object else { return document[place.id].boolean }
        guard depth < Self.maximumVerdictDepth, place.extents == 0 else { return nil }
        let inner = Place(id: place.id, scope: number(of: document.entering(place.id, from: scopes[place.scope])))
        if document.hidesReferenceSiblings && object["$ref"] != nil { return try verdict(reference: inner, branch, depth) }
        // Of what was relaxed it can still be told that it fails, never that it holds.
        var result: Bool? = document.relaxed.contains(place.id) ? nil : true
        for (keyword, value) in object {
            let part = try verdict(keyword, value, inner, branch, depth)
            if part == false { return false }
            if part == nil { result = nil }
        }
        return result
    }

    private mutating func verdict(reference place: Place, _ branch: Branch, _ depth: Int) throws(GrammarError) -> Bool? {
        guard let target = try document.target(place.id, in: scopes[place.scope]) else { return nil }
        return try verdict(below(target, of: place), branch, depth: depth + 1)
    }

    private mutating func verdict(
        _ keyword: String, _ value: JSONValue, _ place: Place, _ branch: Branch, _ depth: Int
    ) throws(GrammarError) -> Bool? {
        let types = branch.cell.types
        if let concerned = Self.concerned[keyword], concerned.isDisjoint(with: types) { return true }
        func verdicts(_ keyword: String) throws(GrammarError) -> [Bool?] {
            var results: [Bool?] = []
            for child in document.children(place.id, keyword) { results.append(try verdict(below(child, of: place), branch, depth: depth + 1)) }
            return results
        }
        switch keyword {
        case "$ref", "$dynamicRef", "$recursiveRef": return try verdict(reference: place, branch, depth)
        case "type":
            let own = try document.types(place.id)
            return own.isSuperset(of: types) ? true : own.isDisjoint(with: types) ? false : nil
        case "allOf":
            let parts = try verdicts(keyword)
            return parts.contains(false) ? false : parts.contains(nil) ? nil : true
        case "anyOf":
            let parts = try verdicts(keyword)
            return parts.contains(true) ? true : parts.contains(nil) ? nil : false
        case "not": return try verdict(below(document.child(place.id, keyword)!, of: place), branch, depth: depth + 1).map { !$0 }
        case "properties":
            guard types == .object else { return nil }
            var result: Bool? = true
            for (name, _) in value.objectValue ?? JSONObject() {
                let part = try verdict(name, .holds(below(document.child(place.id, keyword, name)!, of: place)), branch)
                if part == false && branch.present.contains(Array(name.utf8)) { return false }
                if part != true { result = nil }
            }
            return result
        case "required":
            guard types == .object else { return nil }
            let names = try document.names(place.id, keyword).map { Array($0.utf8) }
            if names.contains(where: branch.absent.contains) { return false }
            return names.allSatisfy(branch.present.contains) ? true : nil
        default: return Self.annotations.contains(keyword) ? true : nil
        }
    }

    /// Whether the member, if it is there, surely satisfies the requirement (true) or surely does not (false).
    mutating func verdict(_ name: String, _ requirement: Requirement, _ branch: Branch) throws(GrammarError) -> Bool? {
        let key = Array(name.utf8)
        guard branch.cell.types == .object else { return nil }
        if branch.absent.contains(key) { return true }
        if case .holds(let place) = requirement, document[place.id].object == nil, document[place.id].boolean { return true }
        switch branch.values[key] {
        case nil: return nil
        case .among(let values):
            guard Self.isDecidable(requirement) else { return nil }
            var result: Bool?
            for value in values {
                let holds = try holds(value, requirement)
                if let result, result != holds { return nil }
                result = holds
            }
            return result
        case .otherThan(let values):
            switch requirement {
            case .holds(let place): return try isListed(place, among: values) ? false : nil
            case .fails(let place): return try isListed(place, among: values) ? true : nil
            case .differs(let value): return values.contains { $0.isEquivalent(to: value) } ? true : nil
            case .equals(let value): return values.contains { $0.isEquivalent(to: value) } ? false : nil
            case .any(let items):
                for item in items where try verdict(name, item, branch) != false { return try verdict(name, item, branch) }
                return false
            default: return nil
            }
        }
    }

    private static func isDecidable(_ requirement: Requirement) -> Bool {
        switch requirement {
        case .all(let items), .any(let items): items.allSatisfy(isDecidable)
        case .fact: false
        case .holds, .fails, .equals, .differs: true
        }
    }

    /// Whether the subschema lists values, all of them among these, and so surely fails for others.
    private mutating func isListed(_ place: Place, among values: [JSONValue]) throws(GrammarError) -> Bool {
        guard let listed = try finiteValues([.holds(place)]) else { return false }
        return listed.allSatisfy { value in values.contains { $0.isEquivalent(to: value) } }
    }

    /// The types that a keyword says something about, where those are not all.
    private static let concerned: [String: InstanceTypes] = [
        "properties": .object, "patternProperties": .object, "additionalProperties": .object, "propertyNames": .object, "required": .object,
        "minProperties": .object, "maxProperties": .object, "dependentRequired": .object, "dependentSchemas": .object, "dependencies": .object,
        "unevaluatedProperties": .object, "items": .array, "prefixItems": .array, "additionalItems": .array, "contains": .array,
        "minContains": .array, "maxContains": .array, "minItems": .array, "maxItems": .array, "uniqueItems": .array, "unevaluatedItems": .array,
        "minLength": .string, "maxLength": .string, "pattern": .string, "format": .string, "minimum": .number, "maximum": .number,
        "exclusiveMinimum": .number, "exclusiveMaximum": .number, "multipleOf": .number,
    ]

    /// The members of a subschema that list their values, with those.
    mutating func listedMembers(_ place: Place) throws(GrammarError) -> [(key: [UInt8], values: [JSONValue])] {
        if let known = memberLists[place] { return known }
        var lists: [(key: [UInt8], values: [JSONValue])] = []
        for (name, _) in document[place.id].object?["properties"]?.objectValue ?? JSONObject() {
            let child = below(document.child(place.id, "properties", name)!, of: place)
            let values = try scalars(.holds(child))
            if !values.isEmpty { lists.append((Array(name.utf8), values)) }
        }
        memberLists[place] = lists
        return lists
    }

    // MARK: Telling members

    /// The member whose listed values are asked for by the most "or"s of the branch (at least two), and those values.
    mutating func discriminator(_ branch: Branch) throws(GrammarError) -> (name: String, values: [JSONValue])? {
        guard branch.cell.types == .object, branch.splits.count > 1 else { return nil }
        var order: [String] = []
        var asked: [[UInt8]: (count: Int, values: [JSONValue])] = [:]
        for split in branch.splits {
            var tests: [(name: String, values: [JSONValue])] = []
            for option in split { try collect(option, depth: 0, into: &tests) }
            var counted: Set<[UInt8]> = []
            for (name, values) in tests {
                let key = Array(name.utf8)
                guard !branch.isDecided(key) else { continue }
                if asked[key] == nil { order.append(name) }
                var entry = asked[key] ?? (0, [])
                if counted.insert(key).inserted { entry.count += 1 }
                for value in values where !entry.values.contains(where: { $0.isEquivalent(to: value) }) { entry.values.append(value) }
                asked[key] = entry
            }
        }
        var best: (name: String, count: Int, values: [JSONValue])?
        for name in order {
            let entry = asked[Array(name.utf8)]!
            guard entry.count > max(best?.count ?? 1, 1), entry.values.count <= Self.maximumCases else { continue }
            best = (name, entry.count, entry.values)
        }
        guard let best else { return nil }
        var values: [JSONValue] = []
        for value in best.values where try isPossible(value, best.name, branch) { values.append(value) }
        if case .among(let listed) = branch.values[Array(best.name.utf8)] {
            values = values.filter { value in listed.contains { $0.isEquivalent(to: value) } }
        }
        return (best.name, values)
    }

    private mutating func isPossible(_ value: JSONValue, _ name: String, _ branch: Branch) throws(GrammarError) -> Bool {
        for fact in branch.cell.facts {
            switch fact {
            case .own(let place):
                guard let child = document.child(place.id, "properties", name) else { continue }
                if try !holds(value, .holds(below(child, of: place))) { return false }
            case .member(let other, let requirement), .optional(let other, let requirement):
                guard other.utf8.elementsEqual(name.utf8), Self.isDecidable(requirement) else { continue }
                if try !holds(value, requirement) { return false }
            default: continue
            }
        }
        return true
    }

    /// The members with listed values that a requirement asks about.
    private mutating func collect(
        _ requirement: Requirement, depth: Int, into tests: inout [(name: String, values: [JSONValue])]
    ) throws(GrammarError) {
        guard depth < Self.maximumTestDepth else { return }
        switch requirement {
        case .all(let items), .any(let items): for item in items { try collect(item, depth: depth, into: &tests) }
        case .equals, .differs: return
        case .fact(let fact):
            switch fact {
            case .member(let name, let requirement), .optional(let name, let requirement):
                let values = try scalars(requirement)
                if !values.isEmpty { tests.append((name, values)) }
            case .oneMember(let facts): for fact in facts { try collect(.fact(fact), depth: depth, into: &tests) }
            default: return
            }
        case .holds(let given), .fails(let given):
            guard let object = document[given.id].object else { return }
            let place = Place(id: given.id, scope: number(of: document.entering(given.id, from: scopes[given.scope])))
            if let target = try document.target(place.id, in: scopes[place.scope]) {
                try collect(.holds(below(target, of: place)), depth: depth + 1, into: &tests)
            }
            if document.hidesReferenceSiblings && object["$ref"] != nil { return }
            for (name, _) in object["properties"]?.objectValue ?? JSONObject() {
                let values = try scalars(.holds(below(document.child(place.id, "properties", name)!, of: place)))
                if !values.isEmpty { tests.append((name, values)) }
            }
            for keyword in ["allOf", "anyOf"] {
                for child in document.children(place.id, keyword) { try collect(.holds(below(child, of: place)), depth: depth + 1, into: &tests) }
            }
            if let child = document.child(place.id, "not") { try collect(.holds(below(child, of: place)), depth: depth + 1, into: &tests) }
        }
    }

    /// The values that a requirement lists, if they are plain ones.
    private mutating func scalars(_ requirement: Requirement) throws(GrammarError) -> [JSONValue] {
        var values: [JSONValue] = []
        switch requirement {
        case .equals(let value), .differs(let value): values = [value]
        case .all(let items), .any(let items): for item in items { values += try scalars(item) }
        case .holds(let place), .fails(let place): values = try finiteValues([.holds(place)]) ?? []
        case .fact: return []
        }
        let arePlain = values.allSatisfy {
            switch $0 {
            case .array, .object: false
            default: true
            }
        }
        return arePlain ? values : []
    }
}
