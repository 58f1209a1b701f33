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

    /// The instance's own order, whole numbers also without fraction.
    func ownOrder(_ instance: JSONValue) -> [String] { [instance.text(.spaced), normalized(instance, sorting: false).text(.spaced)] }

    /// The declared order as well.
    func texts(_ instance: JSONValue) -> [String] { ownOrder(instance) + [normalized(instance, sorting: true).text(.spaced)] }
}
