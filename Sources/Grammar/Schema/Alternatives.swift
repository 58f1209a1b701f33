// Conjunctions of subschemas unfolded: references followed, allOf joined, anyOf and oneOf split.
import JSON

/// Something that must hold of one value: a whole subschema, or only what it says itself (not its references and combinators).
enum Requirement: Hashable {
    case whole(SchemaID)
    case own(SchemaID)
    /// All that a subschema says except its `oneOf`.
    case exceptOneOf(SchemaID)
}

/// One way to satisfy a conjunction: the subschemas whose own keywords must all hold, in the order of the text.
typealias Alternative = [SchemaID]

extension SchemaBuilder {
    /// All ways to satisfy the requirements together. Empty when there is none.
    mutating func alternatives(_ requirements: [Requirement]) throws(GrammarError) -> [Alternative] {
        var found: [Alternative] = []
        try unfold(requirements[...], [], [], &found, depth: 0)
        return found
    }

    private mutating func unfold(
        _ requirements: ArraySlice<Requirement>, _ seen: Set<Requirement>, _ own: Alternative, _ found: inout [Alternative], depth: Int
    ) throws(GrammarError) {
        var open = Array(requirements.reversed())
        var seen = seen
        var own = own
        while let requirement = open.popLast() {
            guard seen.insert(requirement).inserted else { continue }
            switch requirement {
            case .own(let id): if !own.contains(id) { own.append(id) }
            case .whole(let id), .exceptOneOf(let id):
                if document[id].object == nil {
                    if !document[id].boolean { return }
                    continue
                }
                let parts = try joined(id)
                let splits = try splits(requirement, id)
                if splits.isEmpty {
                    open += parts.reversed()
                    continue
                }
                guard depth < limits.branches else {
                    throw .tooLarge(what: "combined branches", limit: limits.branches, pointer: document[id].pointer)
                }
                for choice in splits {
                    try countTrials(1, at: id)
                    let rest = parts + choice.map(Requirement.whole) + open.reversed()
                    try unfold(rest[...], seen, own, &found, depth: depth + 1)
                    guard found.count <= limits.branches else {
                        throw .tooLarge(what: "combined branches", limit: limits.branches, pointer: document[id].pointer)
                    }
                }
                return
            }
        }
        if !found.contains(own) { found.append(own) }
    }

    /// What a subschema joins to a value, in the order of the text: its own keywords stand where its `properties` stand.
    private func joined(_ id: SchemaID) throws(GrammarError) -> [Requirement] {
        guard let object = document[id].object else { return [] }
        var parts: [Requirement] = []
        let hidesSiblings = document.hidesReferenceSiblings && object["$ref"] != nil
        for (keyword, value) in object where !hidesSiblings || keyword == "$ref" {
            switch keyword {
            case "$ref": if let target = try document.target(id) { parts.append(.whole(target)) }
            case "allOf":
                for index in (value.arrayValue ?? []).indices { parts.append(.whole(document.child(id, "allOf", String(index))!)) }
            case "properties": parts.append(.own(id))
            default: break
            }
        }
        return hidesSiblings || object["properties"] != nil ? parts : parts + [.own(id)]
    }

    /// The choices of branches that `anyOf` and `oneOf` leave; empty when there is neither.
    private mutating func splits(_ requirement: Requirement, _ id: SchemaID) throws(GrammarError) -> [[SchemaID]] {
        guard let object = document[id].object, !(document.hidesReferenceSiblings && object["$ref"] != nil) else { return [] }
        var choices: [[SchemaID]] = []
        for keyword in ["anyOf", "oneOf"] {
            guard let list = object[keyword]?.arrayValue else { continue }
            if keyword == "oneOf", case .exceptOneOf = requirement { continue }
            let branches = list.indices.map { document.child(id, keyword, String($0))! }
            if keyword == "oneOf" { try requireDisjoint(branches, of: id) }
            if !choices.isEmpty { try countTrials(choices.count * branches.count, at: id) }
            choices = choices.isEmpty ? branches.map { [$0] } : choices.flatMap { choice in branches.map { choice + [$0] } }
        }
        return choices
    }

    /// Branches that come to nothing leave no alternative behind, but they took their time.
    private mutating func countTrials(_ count: Int, at id: SchemaID) throws(GrammarError) {
        branchTrials += count
        guard branchTrials <= limits.branchTrials else {
            throw .tooLarge(what: "branches tried", limit: limits.branchTrials, pointer: document[id].pointer)
        }
    }

    private mutating func requireDisjoint(_ branches: [SchemaID], of id: SchemaID) throws(GrammarError) {
        if disjointChecked.contains(id) { return }
        let pointer = document[id].pointer.appending("oneOf")
        disjointChecked.insert(id)
        for second in branches.indices {
            for first in 0..<second {
                let a = Requirement.whole(branches[first])
                let b = Requirement.whole(branches[second])
                if try areDisjoint([a], [b], depth: 0) { continue }
                // What the siblings say may tell them apart.
                if try areDisjoint([a, .exceptOneOf(id)], [b, .exceptOneOf(id)], depth: 0) { continue }
                throw .unsupported(
                    keyword: "oneOf", pointer: pointer, reason: "branches \(first) and \(second) cannot be shown to exclude each other")
            }
        }
    }
}
