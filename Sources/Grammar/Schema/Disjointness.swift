// Can one value satisfy both? Only a proof counts; what cannot be shown is taken to overlap.
import JSON

extension SchemaBuilder {
    private static let maximumDepth = 8

    /// Whether provably no value satisfies both conjunctions.
    mutating func areDisjoint(_ a: [Requirement], _ b: [Requirement], depth: Int) throws(GrammarError) -> Bool {
        disjointSteps += 1
        if depth > Self.maximumDepth || disjointSteps > limits.conjunctions { return false }
        if let values = try finiteValues(a) { return try holding(values, b).isEmpty }
        if let values = try finiteValues(b) { return try holding(values, a).isEmpty }
        let left = try alternatives(a)
        let right = try alternatives(b)
        guard left.count * right.count <= limits.branches else { return false }
        for x in left {
            for y in right where try !areDisjoint(x, y, depth: depth) { return false }
        }
        return true
    }

    /// The values of an `enum` or `const` that the requirements surely imply, less those that they exclude.
    mutating func finiteValues(_ requirements: [Requirement]) throws(GrammarError) -> [JSONValue]? {
        var open = requirements
        var seen: Set<Requirement> = []
        while let requirement = open.popLast() {
            guard seen.insert(requirement).inserted else { continue }
            let id: SchemaID
            switch requirement {
            case .whole(let number), .own(let number), .exceptOneOf(let number): id = number
            }
            guard let object = document[id].object else {
                if !document[id].boolean { return [] }
                continue
            }
            let hidesSiblings = document.hidesReferenceSiblings && object["$ref"] != nil
            if !hidesSiblings, let values = try enumeration(id) {
                return try holding(values, requirements)
            }
            if case .own = requirement { continue }
            if let target = try document.target(id) { open.append(.whole(target)) }
            if !hidesSiblings, let list = object["allOf"]?.arrayValue {
                for index in list.indices { open.append(.whole(document.child(id, "allOf", String(index))!)) }
            }
        }
        return nil
    }

    /// The values that a subschema lists.
    func enumeration(_ id: SchemaID) throws(GrammarError) -> [JSONValue]? {
        guard let object = document[id].object else { return nil }
        if let constant = object["const"] { return [constant] }
        guard let list = object["enum"] else { return nil }
        guard let values = list.arrayValue else {
            throw .invalidSchema(pointer: document[id].pointer.appending("enum"), reason: "\"enum\" must be an array")
        }
        return values
    }

    /// Whether a value satisfies all requirements, by the validator.
    mutating func holds(_ value: JSONValue, _ requirements: [Requirement]) throws(GrammarError) -> Bool {
        for requirement in requirements {
            switch requirement {
            case .whole(let id), .own(let id), .exceptOneOf(let id):
                if validated.insert(id).inserted { try validator.checkReachable(from: id) }
            }
            switch requirement {
            case .whole(let id), .own(let id): if try !validator.isValid(value, id, steps: &validationSteps) { return false }
            case .exceptOneOf(let id): if try !validator.isValid(value, id, except: "oneOf", steps: &validationSteps) { return false }
            }
        }
        return true
    }

    /// The values that satisfy all requirements.
    private mutating func holding(_ values: [JSONValue], _ requirements: [Requirement]) throws(GrammarError) -> [JSONValue] {
        var result: [JSONValue] = []
        for value in values where try holds(value, requirements) { result.append(value) }
        return result
    }

    private mutating func areDisjoint(_ a: Alternative, _ b: Alternative, depth: Int) throws(GrammarError) -> Bool {
        if let values = try listed(a) { return try holding(values, b.map(Requirement.own)).isEmpty }
        if let values = try listed(b) { return try holding(values, a.map(Requirement.own)).isEmpty }
        let types = try types(a).intersection(try types(b))
        if types.contains(.null) || types.contains(.boolean) { return false }
        if !types.isDisjoint(with: .number), try overlapsAsNumber(a, b) { return false }
        if types.contains(.string), try overlapsAsString(a, b) { return false }
        if types.contains(.array), try !areDisjointArrays(a, b, depth: depth) { return false }
        if types.contains(.object), try !areDisjointObjects(a, b, depth: depth) { return false }
        return true
    }

    /// The values of an enumeration in an alternative that satisfy all of it.
    private mutating func listed(_ own: Alternative) throws(GrammarError) -> [JSONValue]? {
        for id in own {
            if let values = try enumeration(id) {
                return try holding(values, own.map(Requirement.own))
            }
        }
        return nil
    }

    private mutating func overlapsAsNumber(_ a: Alternative, _ b: Alternative) throws(GrammarError) -> Bool {
        var constraint = NumberConstraint()
        constraint.isInteger = try types(a).intersection(try types(b)).isDisjoint(with: .fraction)
        for id in a + b { try document.bounds(id, &constraint) }
        let term = terms.numbers(constraint, digits: limits.numberDigits)
        return try terms.automaton(term, stateLimit: limits.automatonStates) != nil
    }

    private mutating func overlapsAsString(_ a: Alternative, _ b: Alternative) throws(GrammarError) -> Bool {
        let constraint = try stringConstraint(a + b)
        if let maximum = constraint.maximum, maximum < constraint.minimum { return false }
        guard let automaton = try terms.automaton(constraint.term, stateLimit: limits.automatonStates) else { return false }
        return try Lexeme(automaton, spelling: .string, minimum: constraint.minimum, maximum: constraint.maximum) != nil
    }

    private mutating func areDisjointArrays(_ a: Alternative, _ b: Alternative, depth: Int) throws(GrammarError) -> Bool {
        let both = try arrayConstraint(a + b)
        if let maximum = both.maximum, maximum < both.minimum { return true }
        for index in 0..<min(both.minimum, 8) {
            if try areDisjoint(itemRequirements(a, at: index), itemRequirements(b, at: index), depth: depth + 1) { return true }
        }
        return false
    }

    private mutating func areDisjointObjects(_ a: Alternative, _ b: Alternative, depth: Int) throws(GrammarError) -> Bool {
        var required: [String] = []
        for id in a + b {
            for name in try document.names(id, "required") where !required.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
                required.append(name)
            }
        }
        for name in required.prefix(64) {
            let left = try memberRequirements(a, name)
            let right = try memberRequirements(b, name)
            if try areDisjoint(left, right, depth: depth + 1) { return true }
        }
        return false
    }

    /// The types that an alternative allows.
    func types(_ own: Alternative) throws(GrammarError) -> InstanceTypes {
        var types = InstanceTypes.all
        for id in own { types.formIntersection(try document.types(id)) }
        return types
    }
}
