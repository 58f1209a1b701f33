// Arrays: items by position, then a counted loop.
import JSON

/// What a schema asks of an array's length.
struct ArrayConstraint {
    var minimum = 0
    var maximum: Int?
    /// How many positions have an item schema of their own.
    var prefix = 0
}

extension SchemaBuilder {
    /// The item schemas by position that a subschema lists (`prefixItems`, or `items` as an array), with the keyword.
    private func positions(_ id: SchemaID) -> (keyword: String, count: Int) {
        let object = document[id].object
        if let list = object?["prefixItems"]?.arrayValue { return ("prefixItems", list.count) }
        return ("items", object?["items"]?.arrayValue?.count ?? 0)
    }

    /// The schema of the items after the listed ones.
    private func rest(_ id: SchemaID) -> SchemaID? {
        guard let object = document[id].object else { return nil }
        let keyword = object["items"]?.arrayValue == nil ? "items" : "additionalItems"
        if object[keyword] != nil { return document.child(id, keyword) }
        // Where nothing else can have evaluated an item, what is left is every item.
        return isAlone(id) && object["unevaluatedItems"] != nil ? document.child(id, "unevaluatedItems") : nil
    }

    /// Whether no combinator of the subschema applies to the same value.
    func isAlone(_ id: SchemaID) -> Bool {
        let combinators = ["$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "dependencies", "contains", "$dynamicRef", "not"]
        return combinators.allSatisfy { document[id].object?[$0] == nil }
    }

    func arrayConstraint(_ own: Alternative) throws(GrammarError) -> ArrayConstraint {
        var constraint = ArrayConstraint()
        func tighten(_ value: Int?) { if let value { constraint.maximum = min(constraint.maximum ?? value, value) } }
        for id in own {
            constraint.minimum = max(constraint.minimum, try document.count(id, "minItems") ?? 0)
            tighten(try document.count(id, "maxItems"))
            constraint.prefix = max(constraint.prefix, positions(id).count)
            if let rest = rest(id), document[rest].object == nil, !document[rest].boolean { tighten(positions(id).count) }
        }
        return constraint
    }

    /// What must hold of the item at a position.
    func itemRequirements(_ own: Alternative, at index: Int) -> [Requirement] {
        var requirements: [Requirement] = []
        for id in own {
            let (keyword, count) = positions(id)
            if index < count {
                requirements.append(.whole(document.child(id, keyword, String(index))!))
            } else if let rest = rest(id) {
                requirements.append(.whole(rest))
            }
        }
        return requirements
    }

    mutating func array(_ own: Alternative) throws(GrammarError) -> [NodeID] {
        let constraint = try arrayConstraint(own)
        if let maximum = constraint.maximum, maximum < constraint.minimum {
            note(own.map(Requirement.own), "fewer items are allowed than needed")
            return []
        }
        let count = min(constraint.prefix, constraint.maximum ?? .max)
        var prefix: [NodeID] = []
        for index in 0..<count { prefix.append(try rule(itemRequirements(own, at: index))) }
        let hasRest = constraint.maximum.map { $0 > count } ?? true
        let rest = hasRest ? try rule(itemRequirements(own, at: constraint.prefix)) : nil
        return [try arrayNodes(prefix: prefix, rest: rest, minimum: constraint.minimum, maximum: constraint.maximum)]
    }

    /// `[`, the listed items, any number of further ones, `]`.
    mutating func arrayNodes(prefix: [NodeID], rest: NodeID?, minimum: Int, maximum: Int?) throws(GrammarError) -> NodeID {
        let close = try graph.literal("]", next: Graph.end)
        var place = close
        if let rest {
            let after = try blank(Graph.end)
            let following = try separator(",", next: try graph.call(rest, next: after))
            let first = prefix.isEmpty ? try graph.call(rest, next: after) : following
            place = try graph.loop(
                first: first, rest: following, minimum: max(minimum - prefix.count, 0), maximum: maximum.map { $0 - prefix.count },
                isBodyNullable: false, next: close)
        }
        for index in prefix.indices.reversed() {
            var item = try graph.call(prefix[index], next: try blank(place))
            if index > 0 { item = try separator(",", next: item) }
            place = index >= minimum ? try graph.choice([close, item]) : item
        }
        return try graph.literal("[", next: try blank(place))
    }

    /// White space where the policy allows it.
    mutating func blank(_ next: NodeID) throws(GrammarError) -> NodeID {
        guard case .flexible(let maximum) = options.separators, maximum > 0 else { return next }
        let set = terms.characters(CodePointSet(" \t\n\r"))
        let term = terms.repetition(set, minimum: 0, maximum: min(maximum, 1_000))
        return try graph.lexeme(try lexeme(term, .plain)!, next: next)
    }

    /// A comma or colon with the white space of the policy after it.
    mutating func separator(_ mark: String, next: NodeID) throws(GrammarError) -> NodeID {
        switch options.separators {
        case .spaced: try graph.literal(mark + " ", next: next)
        case .compact: try graph.literal(mark, next: next)
        case .flexible: try graph.literal(mark, next: try blank(next))
        }
    }
}
