// An instance in the spellings that the policy knows: keys in declared order, whole numbers without fraction.
import Grammar
import JSON

/// Texts of one instance, any of which a grammar may accept.
struct Spellings {
    /// Declared names by their first place in the schema.
    private var places: [[UInt8]: Int] = [:]

    init(_ schema: JSONValue) { collect(schema) }

    private mutating func collect(_ value: JSONValue) {
        switch value {
        case .object(let members):
            for name in members["properties"]?.objectValue?.keys ?? [] where places[Array(name.utf8)] == nil {
                places[Array(name.utf8)] = places.count
            }
            for (_, child) in members { collect(child) }
            for name in members["required"]?.arrayValue ?? [] {
                guard let name = name.stringValue, places[Array(name.utf8)] == nil else { continue }
                places[Array(name.utf8)] = 1 << 20 + places.count
            }
        case .array(let items): for item in items { collect(item) }
        default: break
        }
    }

    private func normalized(_ value: JSONValue, sorting: Bool) -> JSONValue {
        switch value {
        case .number(let number):
            if number.isInteger, let whole = number.intValue { return JSONValue(whole) }
            return value
        case .array(let items): return .array(items.map { normalized($0, sorting: sorting) })
        case .object(let members):
            var pairs = members.map { ($0.key, normalized($0.value, sorting: sorting)) }
            if sorting {
                pairs = pairs.enumerated().sorted { a, b in
                    let x = places[Array(a.element.0.utf8)] ?? .max
                    let y = places[Array(b.element.0.utf8)] ?? .max
                    return (x, a.offset) < (y, b.offset)
                }.map(\.element)
            }
            return .object(JSONObject(pairs))
        default: return value
        }
    }

    /// Orders of the members of the outermost objects of at most four members.
    private func permutations(_ value: JSONValue) -> [JSONValue] {
        guard let members = value.objectValue, (2...4).contains(members.count) else { return [value] }
        func orders(_ rest: [(String, JSONValue)]) -> [[(String, JSONValue)]] {
            if rest.isEmpty { return [[]] }
            return rest.indices.flatMap { index -> [[(String, JSONValue)]] in
                var others = rest
                let first = others.remove(at: index)
                return orders(others).map { [first] + $0 }
            }
        }
        return orders(members.map { ($0.key, $0.value) }).map { .object(JSONObject($0)) }
    }

    func texts(_ instance: JSONValue) -> [String] {
        var texts = [instance.text(.spaced)]
        for candidate in [normalized(instance, sorting: false), normalized(instance, sorting: true)] {
            texts += permutations(candidate).map { $0.text(.spaced) }
        }
        return texts
    }
}
