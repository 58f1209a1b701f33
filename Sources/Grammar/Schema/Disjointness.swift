// Can one value satisfy both? Only a proof counts; what cannot be shown is taken to overlap.
import JSON

extension SchemaBuilder {
    static let maximumDepth = 8

    /// Whether provably no value satisfies both branches of a place.
    mutating func areDisjoint(_ a: Place, _ b: Place, within place: Place) throws(GrammarError) -> Bool {
        let pair: Set<Requirement> = [.holds(Place(id: a.id, scope: a.scope)), .holds(Place(id: b.id, scope: b.scope))]
        if let known = disjointness[pair] { return known }
        // Branches that ask for each other end here.
        disjointness[pair] = false
        let result = try isEmpty(Array(pair), depth: 0)
        disjointness[pair] = result
        return result
    }

    /// Whether provably nothing satisfies all requirements.
    mutating func isEmpty(_ requirements: [Requirement], depth: Int) throws(GrammarError) -> Bool {
        disjointSteps += 1
        if depth > Self.maximumDepth || disjointSteps > limits.conjunctions { return false }
        if requirements.isEmpty { return false }
        if let values = try finiteValues(requirements) { return values.isEmpty }
        let ways: [Cell]
        do throws(GrammarError) {
            ways = try cells(requirements)
        } catch .tooLarge {
            return false
        } catch .unsupported {
            return false
        } catch {
            throw error
        }
        for cell in ways where try !isEmpty(cell, requirements, depth: depth) { return false }
        return true
    }

    private mutating func isEmpty(_ cell: Cell, _ requirements: [Requirement], depth: Int) throws(GrammarError) -> Bool {
        for case .own(let place) in cell.facts {
            if let values = try enumeration(place.id) {
                for value in values where try holds(value, .all(requirements)) { return false }
                return true
            }
        }
        let types = cell.types
        if types.contains(.null), !excludes(.null, cell) { return false }
        if types.contains(.boolean), !(excludes(.bool(true), cell) && excludes(.bool(false), cell)) { return false }
        do throws(GrammarError) {
            if !types.isDisjoint(with: .number), try numberLexeme(cell) != nil { return false }
            if types.contains(.string) {
                let (term, minimum, maximum) = try stringConstraint(cell)
                if try lexeme(term, .string, minimum: minimum, maximum: maximum) != nil { return false }
            }
        } catch {
            return false
        }
        if types.contains(.array), try !isEmptyArray(cell, depth: depth) { return false }
        if types.contains(.object), try !isEmptyObject(cell, depth: depth) { return false }
        return true
    }

    private mutating func isEmptyArray(_ cell: Cell, depth: Int) throws(GrammarError) -> Bool {
        let constraint = try arrayConstraint(cell)
        if let maximum = constraint.maximum, maximum < constraint.minimum { return true }
        for index in 0..<min(constraint.minimum, 8) where try isEmpty(itemRequirements(cell, at: index), depth: depth + 1) { return true }
        return false
    }

    private mutating func isEmptyObject(_ cell: Cell, depth: Int) throws(GrammarError) -> Bool {
        let presence = try presence(cell)
        for name in presence.required.prefix(64) {
            if presence.isForbidden(name) { return true }
            guard let requirements = try memberRequirements(cell, name) else { return true }
            if try isEmpty(requirements, depth: depth + 1) { return true }
        }
        return false
    }
}
