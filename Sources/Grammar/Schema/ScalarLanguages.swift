// The numbers and the strings of a cell as regular languages.
import JSON

extension SchemaBuilder {
    /// What a cell asks of a number.
    private func numberConstraint(_ cell: Cell) throws(GrammarError) -> NumberConstraint {
        var constraint = NumberConstraint()
        constraint.isInteger = !cell.types.contains(.fraction)
        constraint.isFraction = !cell.types.contains(.integer)
        for fact in cell.facts {
            switch fact {
            case .own(let place): try document.bounds(place.id, &constraint)
            case .breaks(let place, let keyword): try document.brokenBound(place.id, keyword, &constraint)
            case .excludes(.number(let number)):
                let value = number.decimal
                guard value.isSpellable else {
                    throw .tooLarge(what: "digits in an excluded number", limit: Decimal.maximumExponent, pointer: JSONPointer())
                }
                constraint.excluded.append(value)
            default: continue
            }
        }
        return constraint
    }

    /// The language of the cell's numbers; nil when there is none.
    mutating func numberLexeme(_ cell: Cell) throws(GrammarError) -> Lexeme? {
        do throws(GrammarError) {
            return try numberLexeme(try numberConstraint(cell))
        } catch .tooLarge(let what, let limit, let pointer) {
            throw multiplePointer(cell).map { .unsupported(keyword: "multipleOf", pointer: $0, reason: "it takes more than \(limit) \(what)") }
                ?? .tooLarge(what: what, limit: limit, pointer: pointer)
        }
    }

    mutating func numberLexeme(_ constraint: NumberConstraint) throws(GrammarError) -> Lexeme? {
        if constraint.isBounded { return try boundedLexeme(constraint) }
        let digits = limits.numberDigits
        return try CommonParts.lexeme(constraint.isInteger ? .integer(digits: digits) : .number(digits: digits)) { () throws(GrammarError) in
            try boundedLexeme(constraint)
        }
    }

    private mutating func boundedLexeme(_ constraint: NumberConstraint) throws(GrammarError) -> Lexeme? {
        let (term, longest) = try terms.numbers(constraint, digits: limits.numberDigits, states: limits.automatonStates)
        return try lexeme(term, .plain, maximum: longest)
    }

    private func multiplePointer(_ cell: Cell) -> JSONPointer? {
        for fact in cell.facts {
            switch fact {
            case .own(let place) where document[place.id].object?["multipleOf"] != nil, .breaks(let place, "multipleOf"):
                return document[place.id].pointer.appending("multipleOf")
            default: continue
            }
        }
        return nil
    }

    mutating func number(_ cell: Cell) throws(GrammarError) -> [NodeID] {
        guard let lexeme = try numberLexeme(cell) else {
            note(cell, "no number lies within the bounds")
            return []
        }
        return [try graph.lexeme(lexeme, next: Graph.end)]
    }

    /// What strings may be: a term over characters and bounds on their number.
    mutating func stringConstraint(_ cell: Cell) throws(GrammarError) -> (term: TermID, minimum: Int, maximum: Int?) {
        var parts: [TermID] = []
        var minimum = 0
        var maximum: Int?
        func tighten(_ value: Int?) { if let value { maximum = min(maximum ?? value, value) } }
        for fact in cell.facts {
            switch fact {
            case .own(let place):
                let object = document[place.id].object ?? JSONObject()
                minimum = max(minimum, try document.minimum(place.id, "minLength") ?? 0)
                tighten(try document.count(place.id, "maxLength"))
                if object["pattern"] != nil { parts.append(try ownPattern(place.id)) }
                if let (term, longest) = try ownFormat(place.id) {
                    parts.append(term)
                    tighten(longest)
                }
            case .breaks(let place, "minLength"): tighten((try document.count(place.id, "minLength") ?? 0) - 1)
            case .breaks(let place, "maxLength"): minimum = max(minimum, (try document.count(place.id, "maxLength") ?? 0) + 1)
            case .breaks(let place, "pattern"): parts.append(terms.complement(try ownPattern(place.id)))
            case .breaks(let place, "format"):
                guard let (term, longest) = try ownFormat(place.id, isDenied: true) else { continue }
                guard longest == nil else {
                    throw .unsupported(
                        keyword: "format", pointer: document[place.id].pointer.appending("format"), reason: "its opposite has no automaton here")
                }
                parts.append(terms.complement(term))
            case .excludes(.string(let text)): parts.append(terms.complement(terms.literal(text)))
            default: continue
            }
        }
        return (terms.intersection(parts), minimum, maximum)
    }

    private mutating func ownPattern(_ id: SchemaID) throws(GrammarError) -> TermID {
        let pointer = document[id].pointer.appending("pattern")
        guard let source = document[id].object?["pattern"]?.stringValue else {
            throw .invalidSchema(pointer: pointer, reason: "\"pattern\" must be a string")
        }
        return try pattern(source, "pattern", pointer)
    }

    /// The language of a subschema's format, where it is asserted, and the greatest length.
    private mutating func ownFormat(_ id: SchemaID, isDenied: Bool = false) throws(GrammarError) -> (term: TermID, longest: Int?)? {
        guard options.assertsFormat, let format = document[id].object?["format"]?.stringValue else { return nil }
        if StringFormats.refused.contains(format) {
            throw .unsupported(
                keyword: "format", pointer: document[id].pointer.appending("format"), reason: "\"\(format)\" has no automaton here")
        }
        guard let (expression, longest) = StringFormats.expression(format, isDenied: isDenied) else { return nil }
        return (try terms.matching(try RegexParser.parse(expression, maximumBytes: .max)), longest)
    }

    /// The strings of a cell as one term, lengths included (for names, of which there is no counting).
    mutating func stringTerm(_ cell: Cell) throws(GrammarError) -> TermID {
        let (term, minimum, maximum) = try stringConstraint(cell)
        if let maximum, maximum < minimum { return terms.nothing }
        if minimum == 0 && maximum == nil { return term }
        return terms.intersection([term, terms.repetition(terms.character, minimum: minimum, maximum: maximum)])
    }

    /// The one format of a cell that says nothing else about strings.
    private func onlyFormat(_ cell: Cell) -> String? {
        guard options.assertsFormat else { return nil }
        var format: String?
        for fact in cell.facts {
            switch fact {
            case .own(let place):
                let object = document[place.id].object ?? JSONObject()
                for keyword in ["minLength", "maxLength", "pattern"] where object[keyword] != nil { return nil }
                guard let own = object["format"]?.stringValue else { continue }
                guard format == nil, StringFormats.expression(own) != nil else { return nil }
                format = own
            case .breaks, .excludes: return nil
            default: continue
            }
        }
        return format
    }

    /// The language of the cell's strings with their closing quote; nil when there is none.
    private mutating func stringLexeme(_ cell: Cell) throws(GrammarError) -> Lexeme? {
        if let format = onlyFormat(cell) {
            return try CommonParts.lexeme(.format(format)) { () throws(GrammarError) in try madeStringLexeme(cell) }
        }
        return try madeStringLexeme(cell)
    }

    private mutating func madeStringLexeme(_ cell: Cell) throws(GrammarError) -> Lexeme? {
        let (term, minimum, maximum) = try stringConstraint(cell)
        return try lexeme(term, .string, minimum: minimum, maximum: maximum)
    }

    mutating func string(_ cell: Cell) throws(GrammarError) -> [NodeID] {
        let lexeme: Lexeme?
        do throws(GrammarError) {
            lexeme = try stringLexeme(cell)
        } catch {
            guard case .tooLarge(_, _, let pointer) = error, pointer.tokens.isEmpty else { throw error }
            let (_, minimum, maximum) = try stringConstraint(cell)
            if minimum == 0, maximum == nil, let node = try counted(cell) { return [node] }
            throw .tooLarge(what: "automaton states", limit: limits.automatonStates, pointer: patternPointer(cell))
        }
        guard let lexeme else {
            note(cell, "no string satisfies pattern, format and length together")
            return []
        }
        return [try graph.literal("\"", next: try graph.lexeme(lexeme, next: Graph.end))]
    }

    private func patternPointer(_ cell: Cell) -> JSONPointer {
        for fact in cell.facts {
            switch fact {
            case .own(let place) where document[place.id].object?["pattern"] != nil, .breaks(let place, "pattern"):
                return document[place.id].pointer.appending("pattern")
            default: continue
            }
        }
        return JSONPointer()
    }

    /// A single pattern whose automaton is too large, as a graph with counters.
    private mutating func counted(_ cell: Cell) throws(GrammarError) -> NodeID? {
        var sources: [String] = []
        for fact in cell.facts {
            switch fact {
            case .own(let place):
                if let source = document[place.id].object?["pattern"]?.stringValue { sources.append(source) }
                if try ownFormat(place.id) != nil { return nil }
            case .breaks, .excludes: return nil
            default: continue
            }
        }
        guard sources.count == 1 else { return nil }
        let any = RegexSyntax.repeated(.characters(.all), minimum: 0, maximum: nil)
        let pattern = try RegexParser.parse(
            sources[0], maximumDepth: limits.depth, maximumBytes: limits.patternBytes, allowsLookAhead: true)
        if pattern.looksAhead { return nil }
        let tree = try Terms.withoutAssertions(.sequence([any, pattern, any]))
        let close = try graph.literal("\"", next: Graph.end)
        return try graph.literal("\"", next: try tree.build(in: &graph, spelling: .inside, next: close))
    }
}
