// What it means that a subschema does not hold: one of its keywords is not kept.
import JSON

extension SchemaBuilder {
    /// The ways in which a subschema fails. They may overlap; together they are all.
    mutating func denial(_ given: Place) throws(GrammarError) -> [Requirement] {
        guard let object = document[given.id].object else { return [] }
        let id = given.id
        if document.relaxed.contains(id) { return [.always] }
        let place = Place(id: id, scope: number(of: document.entering(id, from: scopes[given.scope])))
        if document.hidesReferenceSiblings && object["$ref"] != nil {
            return try document.target(id, in: scopes[place.scope]).map { [.fails(below($0, of: place))] } ?? []
        }
        var ways: [Requirement] = []
        for (keyword, value) in object { ways += try denials(keyword, value, place, object) }
        return ways
    }

    private mutating func denials(
        _ keyword: String, _ value: JSONValue, _ place: Place, _ object: JSONObject
    ) throws(GrammarError) -> [Requirement] {
        let id = place.id
        func fails(_ child: SchemaID?) -> [Requirement] { child.map { [.fails(below($0, of: place))] } ?? [] }
        switch keyword {
        case "$ref", "$dynamicRef", "$recursiveRef": return fails(try document.target(id, in: scopes[place.scope]))
        case "allOf": return document.children(id, keyword).map { .fails(below($0, of: place)) }
        case "anyOf": return [.all(document.children(id, keyword).map { .fails(below($0, of: place)) })]
        case "oneOf": return try notExactlyOne(document.children(id, keyword).map { below($0, of: place) }, of: place)
        case "not": return [.holds(below(document.child(id, keyword)!, of: place))]
        case "if":
            let condition = below(document.child(id, keyword)!, of: place)
            let then = fails(document.child(id, "then")).map { Requirement.all([.holds(condition), $0]) }
            return then + fails(document.child(id, "else")).map { .all([.fails(condition), $0]) }
        case "type":
            let types = InstanceTypes.all.subtracting(try document.types(id))
            return types.isEmpty ? [] : [.fact(.types(types))]
        case "enum", "const":
            // Beside `const`, `enum` may be denied as well.
            let values = keyword == "const" ? [value] : value.arrayValue ?? []
            return [.all(values.map(Requirement.differs))]
        case "multipleOf", "minimum", "maximum", "minLength", "maxLength", "pattern", "minProperties", "maxProperties":
            return [.fact(.breaks(place, keyword))]
        case "exclusiveMinimum", "exclusiveMaximum": return value.boolValue == nil ? [.fact(.breaks(place, keyword))] : []
        case "format":
            let isKnown =
                options.assertsFormat && value.stringValue.map { FormatChecks.checks[$0] != nil || StringFormats.refused.contains($0) } ?? false
            return isKnown ? [.fact(.breaks(place, keyword))] : []
        case "prefixItems", "items", "additionalItems", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems":
            return try arrayDenials(keyword, value, place, object)
        default: return try objectDenials(keyword, value, place, object)
        }
    }

    /// None of the branches, or two of them.
    private mutating func notExactlyOne(_ branches: [Place], of place: Place) throws(GrammarError) -> [Requirement] {
        if relaxesExclusion {
            relax(exclusionOf: place)
            return [.always]
        }
        var ways: [Requirement] = [.all(branches.map(Requirement.fails))]
        for second in branches.indices {
            for first in 0..<second where try !areDisjoint(branches[first], branches[second], within: place) {
                ways.append(.all([.holds(branches[first]), .holds(branches[second])]))
            }
        }
        return ways
    }

    private mutating func arrayDenials(
        _ keyword: String, _ value: JSONValue, _ place: Place, _ object: JSONObject
    ) throws(GrammarError) -> [Requirement] {
        let id = place.id
        switch keyword {
        case "minItems":
            let minimum = try document.count(id, keyword) ?? 0
            return minimum == 0 ? [] : [.fact(.items(minimum: 0, maximum: minimum - 1))]
        case "maxItems": return [.fact(.items(minimum: (try document.count(id, keyword) ?? 0) + 1, maximum: nil))]
        case "uniqueItems":
            guard value == .bool(true) else { return [] }
            throw .unsupported(
                keyword: keyword, pointer: document[id].pointer.appending(keyword), reason: "that items repeat has no exact grammar here")
        case "contains":
            let counted = Requirement.holds(below(document.child(id, keyword)!, of: place))
            let minimum = try document.count(id, "minContains") ?? 1
            var ways: [Requirement] = minimum == 0 ? [] : [.fact(.count(counted, minimum: 0, maximum: minimum - 1))]
            if let maximum = try document.count(id, "maxContains") {
                ways.append(.fact(.count(counted, minimum: maximum + 1, maximum: nil)))
            }
            return ways
        case "unevaluatedItems": return try unevaluatedDenial(keyword, place) { .someItem($0, isUnevaluated: true, $1) }
        default:
            let list = document.children(id, keyword)
            if !list.isEmpty { return list.enumerated().map { .fact(.item($0.offset, .fails(below($0.element, of: place)))) } }
            guard let rest = rest(id), rest.keyword == keyword else { return [] }
            return [.fact(.someItem(place, isUnevaluated: false, .fails(below(rest.id, of: place))))]
        }
    }

    private mutating func objectDenials(
        _ keyword: String, _ value: JSONValue, _ place: Place, _ object: JSONObject
    ) throws(GrammarError) -> [Requirement] {
        let id = place.id
        switch keyword {
        case "required": return try document.names(id, keyword).map { .fact(.lacks($0)) }
        case "properties":
            return (value.objectValue ?? JSONObject()).map { .fact(.member($0.key, .fails(below(document.child(id, keyword, $0.key)!, of: place)))) }
        case "patternProperties":
            return (value.objectValue ?? JSONObject()).map {
                .fact(.someMember(place, .pattern($0.key), .fails(below(document.child(id, keyword, $0.key)!, of: place))))
            }
        case "additionalProperties":
            return [.fact(.someMember(place, .additional, .fails(below(document.child(id, keyword)!, of: place))))]
        case "propertyNames": return [.fact(.someMember(place, .misnamed, .always))]
        case "unevaluatedProperties": return try unevaluatedDenial(keyword, place) { .someMember($0, .unevaluated, $1) }
        case "dependentRequired", "dependentSchemas", "dependencies":
            var ways: [Requirement] = []
            for (name, list) in value.objectValue ?? JSONObject() {
                if let child = document.child(id, keyword, name), keyword != "dependentRequired" {
                    ways.append(.all([.fact(.has(name)), .fails(below(child, of: place))]))
                } else {
                    for other in (list.arrayValue ?? [list]).compactMap(\.stringValue) {
                        ways.append(.all([.fact(.has(name)), .fact(.lacks(other))]))
                    }
                }
            }
            return ways
        default: return []
        }
    }

    /// The rest of the subschema holds, and among what nothing has looked at something is wrong.
    private mutating func unevaluatedDenial(
        _ keyword: String, _ place: Place, _ fact: (Place, Requirement) -> Fact
    ) throws(GrammarError) -> [Requirement] {
        // Where something else fails too the whole fails anyway, so only what decides the looking has to hold.
        let inner = Place(id: place.id, scope: place.scope, extents: number(of: [place.id]))
        let deciding = try affirmation(inner).filter { if case .fact(.own) = $0 { false } else { true } }
        let child = Requirement.fails(below(document.child(place.id, keyword)!, of: place))
        return [.all(deciding + [.fact(fact(inner, child))])]
    }

    /// A value other than this one, by its structure.
    static func difference(from value: JSONValue) -> Requirement {
        switch value {
        case .null, .bool, .number, .string:
            return .fact(.excludes(value))
        case .array(let items):
            var ways: [Requirement] = [
                .fact(.types(InstanceTypes.all.subtracting(.array))), .fact(.items(minimum: items.count + 1, maximum: nil)),
            ]
            if !items.isEmpty { ways.append(.fact(.items(minimum: 0, maximum: items.count - 1))) }
            for (index, item) in items.enumerated() { ways.append(.fact(.item(index, .differs(item)))) }
            return .any(ways)
        case .object(let members):
            var ways: [Requirement] = [
                .fact(.types(InstanceTypes.all.subtracting(.object))),
                .fact(.someMember(Place(id: 0), .otherThan(members), .always)),
            ]
            for (name, item) in members { ways += [.fact(.lacks(name)), .fact(.member(name, .differs(item)))] }
            return .any(ways)
        }
    }
}
