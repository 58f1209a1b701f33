// What it means that a subschema holds: its own keywords as one fact, its references and combinators as formulas.
import JSON

extension SchemaBuilder {
    /// The parts of a subschema that holds, in the order of the text: its own keywords stand where its `properties` stand.
    mutating func affirmation(_ given: Place) throws(GrammarError) -> [Requirement] {
        guard let object = document[given.id].object else { return [] }
        let place = entered(given)
        var parts: [Requirement] = []
        if document.hidesReferenceSiblings && object["$ref"] != nil {
            return try target(place).map { [.holds($0)] } ?? []
        }
        for (keyword, value) in object {
            switch keyword {
            case "properties": parts.append(.fact(.own(place)))
            case "$ref", "$dynamicRef", "$recursiveRef": if let target = try target(place) { parts.append(.holds(target)) }
            case "allOf": parts += document.children(place.id, keyword).map { .holds(inPlace($0, of: place)) }
            case "anyOf":
                let branches = document.children(place.id, keyword).map { inPlace($0, of: place) }
                parts.append(.any(branches.map(Requirement.holds)))
                parts += undecided(branches)
            case "oneOf": parts.append(try exactlyOne(document.children(place.id, keyword).map { inPlace($0, of: place) }, of: place))
            case "not": parts.append(.fails(denied(document.child(place.id, keyword)!, of: place)))
            case "if": parts.append(conditional(place))
            case "dependentRequired", "dependentSchemas", "dependencies":
                for (name, child) in value.objectValue ?? JSONObject() { parts += dependency(keyword, name, child, place) }
            default: break
            }
        }
        return object["properties"] != nil ? parts : parts + [.fact(.own(place))]
    }

    /// The place with the scope and the extents that hold inside it.
    private mutating func entered(_ place: Place) -> Place {
        let scope = number(of: document.entering(place.id, from: scopes[place.scope]))
        let object = document[place.id].object
        guard object?["unevaluatedProperties"] != nil || object?["unevaluatedItems"] != nil else {
            return Place(id: place.id, scope: scope, extents: place.extents)
        }
        let inner = extents[place.extents].union([place.id])
        let extents = number(of: inner)
        return Place(id: place.id, scope: scope, extents: extents)
    }

    private func inPlace(_ id: SchemaID, of place: Place) -> Place { Place(id: id, scope: place.scope, extents: place.extents) }

    /// What fails has looked at nothing.
    func denied(_ id: SchemaID, of place: Place) -> Place { Place(id: id, scope: place.scope) }

    /// A subschema applied to a part of the value.
    func below(_ id: SchemaID, of place: Place) -> Place { Place(id: id, scope: place.scope) }

    private mutating func target(_ place: Place) throws(GrammarError) -> Place? {
        try document.target(place.id, in: scopes[place.scope]).map { inPlace($0, of: place) }
    }

    /// Where `unevaluated…` has to know which branches hold, each is decided.
    private func undecided(_ branches: [Place]) -> [Requirement] {
        branches.filter { $0.extents != 0 && document.looksAtParts($0.id) }.map { place in
            .any([.holds(place), .fails(Place(id: place.id, scope: place.scope))])
        }
    }

    private mutating func exactlyOne(_ branches: [Place], of place: Place) throws(GrammarError) -> Requirement {
        var options: [Requirement] = []
        for (index, branch) in branches.enumerated() {
            var parts: [Requirement] = [.holds(branch)]
            for (other, excluded) in branches.enumerated() where other != index {
                if try areDisjoint(branch, excluded, within: place) { continue }
                if relaxesExclusion {
                    relax(exclusionOf: place)
                    continue
                }
                parts.append(.fails(Place(id: excluded.id, scope: excluded.scope)))
            }
            options.append(.all(parts))
        }
        return .any(options)
    }

    /// Notes that "not more than one" is left to the validator.
    mutating func relax(exclusionOf place: Place) {
        guard !relaxations.contains(where: { $0.pointer == document[place.id].pointer.appending("oneOf") }) else { return }
        relaxations.append(
            Relaxation(
                keyword: "oneOf", pointer: document[place.id].pointer.appending("oneOf"), reason: "that only one branch holds takes too many cases"))
    }

    private func conditional(_ place: Place) -> Requirement {
        let condition = inPlace(document.child(place.id, "if")!, of: place)
        let then = document.child(place.id, "then").map { Requirement.holds(inPlace($0, of: place)) }
        let otherwise = document.child(place.id, "else").map { Requirement.holds(inPlace($0, of: place)) }
        let denial = Requirement.fails(Place(id: condition.id, scope: condition.scope))
        if place.extents == 0 || !document.looksAtParts(condition.id) {
            switch (then, otherwise) {
            case (nil, nil): return .always
            case (let then?, nil): return .any([denial, then])
            case (nil, let otherwise?): return .any([.holds(condition), otherwise])
            case (let then?, let otherwise?): return .any([.all([.holds(condition), then]), .all([denial, otherwise])])
            }
        }
        return .any([.all([.holds(condition), then ?? .always]), .all([denial, otherwise ?? .always])])
    }

    /// "If this member is there, then": beside `type: object` two cells.
    private func dependency(_ keyword: String, _ name: String, _ value: JSONValue, _ place: Place) -> [Requirement] {
        let consequence: Requirement
        if let child = document.child(place.id, keyword, name), keyword != "dependentRequired" {
            consequence = .holds(inPlace(child, of: place))
        } else {
            // Draft 3 and schemas of old name a single property by a string.
            let names = value.arrayValue ?? [value]
            let others = names.compactMap(\.stringValue).filter { !$0.utf8.elementsEqual(name.utf8) }
            if others.isEmpty { return [] }
            consequence = .all(others.map { .fact(.has($0)) })
        }
        return [
            .any([
                .fact(.lacks(name)), .all([.fact(.has(name)), consequence]), .fact(.types(InstanceTypes.all.subtracting(.object))),
            ])
        ]
    }
}

extension SchemaDocument {
    /// Whether a subschema, or another that it applies in place, says something of members or items.
    func looksAtParts(_ id: SchemaID) -> Bool {
        inPlaceReachable(id).contains { id in
            guard let object = self[id].object else { return false }
            return Self.partKeywords.contains { object[$0] != nil }
        }
    }

    static let partKeywords = [
        "properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "items", "prefixItems", "additionalItems",
        "contains", "unevaluatedItems",
    ]
}
