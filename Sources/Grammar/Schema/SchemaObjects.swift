// Objects: declared members in order, then the others by what their names match.
import JSON

/// A member whose name is not declared: the names it may have and the rule of its value.
struct MemberCell {
    let key: Lexeme
    let value: NodeID
}

/// A declared member.
struct DeclaredMember {
    let name: String
    let value: NodeID
    let isRequired: Bool
}

extension SchemaBuilder {
    private static let maximumPatterns = 6

    private func hasKey(_ list: [String], _ name: String) -> Bool { list.contains { $0.utf8.elementsEqual(name.utf8) } }

    /// What must hold of the value of a member with this name.
    mutating func memberRequirements(_ own: Alternative, _ name: String) throws(GrammarError) -> [Requirement] {
        var requirements: [Requirement] = []
        for id in own {
            guard let object = document[id].object else { continue }
            var isEvaluated = false
            if object["properties"]?.objectValue?[name] != nil {
                requirements.append(.whole(document.child(id, "properties", name)!))
                isEvaluated = true
            }
            for (source, _) in object["patternProperties"]?.objectValue ?? JSONObject() {
                let pointer = document[id].pointer.appending("patternProperties").appending(source)
                guard try pattern(source, "patternProperties", pointer).automaton?.accepts(name.unicodeScalars) ?? false else { continue }
                requirements.append(.whole(document.child(id, "patternProperties", source)!))
                isEvaluated = true
            }
            if !isEvaluated, let others = others(id) { requirements.append(.whole(others)) }
            if object["propertyNames"] != nil, try !holds(.string(name), [.whole(document.child(id, "propertyNames")!)]) {
                requirements.append(.whole(try forbidden(id)))
            }
        }
        return requirements
    }

    /// The schema of members that are not declared.
    private func others(_ id: SchemaID) -> SchemaID? {
        guard let object = document[id].object else { return nil }
        if object["additionalProperties"] != nil { return document.child(id, "additionalProperties") }
        return isAlone(id) && object["unevaluatedProperties"] != nil ? document.child(id, "unevaluatedProperties") : nil
    }

    /// A subschema that nothing satisfies, if the document has one; a name that is not allowed cannot be declared away otherwise.
    private func forbidden(_ id: SchemaID) throws(GrammarError) -> SchemaID {
        throw .unsupported(
            keyword: "propertyNames", pointer: document[id].pointer.appending("propertyNames"), reason: "it excludes a declared property")
    }

    mutating func object(_ own: Alternative) throws(GrammarError) -> [NodeID] {
        var names: [String] = []
        var known: Set<[UInt8]> = []
        var required: [String] = []
        var requiredKeys: Set<[UInt8]> = []
        for id in own {
            for name in document[id].object?["properties"]?.objectValue?.keys ?? [] where known.insert(Array(name.utf8)).inserted {
                names.append(name)
            }
            for name in try document.names(id, "required") where requiredKeys.insert(Array(name.utf8)).inserted { required.append(name) }
        }
        // What is required without being declared comes after the declared.
        for name in required where known.insert(Array(name.utf8)).inserted { names.append(name) }
        var members: [DeclaredMember] = []
        for name in names {
            let requirements = try memberRequirements(own, name)
            let isRequired = requiredKeys.contains(Array(name.utf8))
            let value = requirements.isEmpty ? try anyValue() : try rule(requirements)
            members.append(DeclaredMember(name: name, value: value, isRequired: isRequired))
        }
        let cells = try cells(own, except: names)
        let mayBeEmpty = try checkCounts(own, members, cells)
        return [try objectNodes(members: members, cells: cells, mayBeEmpty: mayBeEmpty)]
    }

    /// `minProperties` and `maxProperties` where they follow from the rest, or say only "not empty"; the answer is whether `{}` is allowed.
    private func checkCounts(_ own: Alternative, _ members: [DeclaredMember], _ cells: [MemberCell]) throws(GrammarError) -> Bool {
        let required = members.count { $0.isRequired }
        var mayBeEmpty = true
        for id in own {
            if let minimum = try document.count(id, "minProperties"), minimum > required {
                guard minimum == 1 else {
                    throw .unsupported(
                        keyword: "minProperties", pointer: document[id].pointer.appending("minProperties"),
                        reason: "only 1 can be kept beside optional properties")
                }
                mayBeEmpty = false
            }
            if let maximum = try document.count(id, "maxProperties"), !cells.isEmpty || maximum < members.count {
                throw .unsupported(
                    keyword: "maxProperties", pointer: document[id].pointer.appending("maxProperties"),
                    reason: "members cannot be counted yet")
            }
        }
        return mayBeEmpty
    }

    /// The kinds of members that are not declared, by which patterns their names match.
    private mutating func cells(_ own: Alternative, except names: [String]) throws(GrammarError) -> [MemberCell] {
        var sources: [String] = []
        var keyTerms: [TermID] = []
        for id in own {
            for (source, _) in document[id].object?["patternProperties"]?.objectValue ?? JSONObject() where !hasKey(sources, source) {
                sources.append(source)
                guard sources.count <= Self.maximumPatterns else {
                    throw .tooLarge(
                        what: "patterns of property names at one place", limit: Self.maximumPatterns,
                        pointer: document[id].pointer.appending("patternProperties"))
                }
            }
            if document[id].object?["propertyNames"] != nil { keyTerms.append(try nameTerm(document.child(id, "propertyNames")!)) }
        }
        keyTerms.append(terms.complement(terms.words(names)))
        var cells: [MemberCell] = []
        for chosen in 0..<(1 << sources.count) {
            if let cell = try cell(own, sources, chosen, keyTerms) { cells.append(cell) }
        }
        return cells
    }

    private mutating func cell(
        _ own: Alternative, _ sources: [String], _ chosen: Int, _ keyTerms: [TermID]
    ) throws(GrammarError) -> MemberCell? {
        var parts = keyTerms
        for (index, source) in sources.enumerated() {
            let term = try pattern(source, "patternProperties", JSONPointer()).term
            parts.append(chosen >> index & 1 == 1 ? term : terms.complement(term))
        }
        var requirements: [Requirement] = []
        for id in own {
            var isEvaluated = false
            for (source, _) in document[id].object?["patternProperties"]?.objectValue ?? JSONObject() {
                let index = sources.firstIndex { $0.utf8.elementsEqual(source.utf8) }!
                guard chosen >> index & 1 == 1 else { continue }
                requirements.append(.whole(document.child(id, "patternProperties", source)!))
                isEvaluated = true
            }
            if !isEvaluated, let others = others(id) {
                if document[others].object == nil && !document[others].boolean { return nil }
                requirements.append(.whole(others))
            }
        }
        guard let key = try lexeme(terms.intersection(parts), .string) else { return nil }
        return MemberCell(key: key, value: requirements.isEmpty ? try anyValue() : try rule(requirements))
    }

    /// The names that `propertyNames` allows.
    private mutating func nameTerm(_ id: SchemaID) throws(GrammarError) -> TermID {
        if let values = try finiteValues([.whole(id)]) {
            return terms.words(values.compactMap(\.stringValue))
        }
        var branches: [TermID] = []
        for own in try alternatives([.whole(id)]) where try types(own).contains(.string) {
            try refuseUnsupported(own, .string)
            let (term, minimum, maximum) = try stringConstraint(own)
            branches.append(terms.intersection([term, terms.repetition(terms.character, minimum: minimum, maximum: maximum)]))
        }
        return terms.union(branches)
    }

    /// `{`, the declared members in order (optional ones may be left out), others, `}`.
    mutating func objectNodes(members: [DeclaredMember], cells: [MemberCell], mayBeEmpty: Bool) throws(GrammarError) -> NodeID {
        let close = try graph.literal("}", next: Graph.end)
        var later = close
        var others: [NodeID] = []
        if !cells.isEmpty {
            later = try graph.reserve()
            for cell in cells {
                let value = try graph.call(cell.value, next: try blank(later))
                let colon = try blank(try separator(":", next: value))
                others.append(try graph.literal("\"", next: try graph.lexeme(cell.key, isName: cell.key.automaton.isInfinite, next: colon)))
            }
            var following = [close]
            for other in others { following.append(try separator(",", next: other)) }
            graph.fill(later, with: following)
        }
        // `later` goes on after some member, `first` before any.
        let firstRequired = members.firstIndex { $0.isRequired } ?? members.count
        var first: NodeID?
        if firstRequired == members.count {
            let choices = (mayBeEmpty ? [close] : []) + others
            first = choices.isEmpty ? try graph.reserve() : try graph.choice(choices)
        }
        for index in members.indices.reversed() {
            let member = members[index]
            let value = try graph.call(member.value, next: try blank(later))
            let key = try key(member.name, next: value)
            let following = try separator(",", next: key)
            if index <= firstRequired { first = member.isRequired ? key : try graph.choice([key, first!]) }
            later = member.isRequired ? following : try graph.choice([following, later])
        }
        return try graph.literal("{", next: try blank(first!))
    }

    private mutating func key(_ name: String, next: NodeID) throws(GrammarError) -> NodeID {
        let text = JSONValue.string(name).text(.compact)
        switch options.separators {
        case .spaced: return try graph.literal(text + ": ", next: next)
        case .compact: return try graph.literal(text + ":", next: next)
        case .flexible: return try graph.literal(text, next: try blank(try separator(":", next: next)))
        }
    }
}
