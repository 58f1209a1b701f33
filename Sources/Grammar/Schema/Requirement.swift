// What must hold of one value: subschemas, affirmed or denied, put together by "and" and "or".
import JSON

/// A subschema where it is applied.
struct Place: Hashable, Sendable {
    let id: SchemaID
    /// What its dynamic references see, by number.
    var scope: Int = 0
    /// The subschemas with `unevaluated…` of which this one is a part in place, by number; 0 for none.
    var extents: Int = 0
}

/// A formula about one value.
indirect enum Requirement: Hashable, Sendable {
    /// The subschema holds.
    case holds(Place)
    /// The subschema does not hold.
    case fails(Place)
    case all([Requirement])
    case any([Requirement])
    case fact(Fact)
    /// The value is this one, or is not.
    case equals(JSONValue)
    case differs(JSONValue)

    static let always = Requirement.all([])
    static let never = Requirement.any([])

    /// The opposite; facts have none, since they only come from formulas already turned.
    var negation: Requirement {
        switch self {
        case .holds(let place): .fails(place)
        case .fails(let place): .holds(place)
        case .all(let items): .any(items.map(\.negation))
        case .any(let items): .all(items.map(\.negation))
        case .equals(let value): .differs(value)
        case .differs(let value): .equals(value)
        case .fact: preconditionFailure("a fact has no negation")
        }
    }
}

/// Something simple about a value: what is left of a formula when its "and" and "or" are resolved.
enum Fact: Hashable, Sendable {
    /// What the subschema says by itself (not its references and combinators).
    case own(Place)
    case types(InstanceTypes)
    /// A scalar other than this one.
    case excludes(JSONValue)
    /// A keyword of numbers, strings or sizes is not kept.
    case breaks(Place, String)
    /// The object has, or has not, a member of this name.
    case has(String)
    case lacks(String)
    /// The object has the member, and its value satisfies the requirement.
    case member(String, Requirement)
    /// The object lacks the member, or its value satisfies the requirement.
    case optional(String, Requirement)
    /// Some member of a kind has a value that satisfies the requirement.
    case someMember(Place, MemberKind, Requirement)
    /// One of these holds: members and some members.
    case oneMember([Fact])
    /// The array has an item at this index, and it satisfies the requirement.
    case item(Int, Requirement)
    /// Some item behind the listed ones satisfies the requirement.
    case someItem(Place, isUnevaluated: Bool, Requirement)
    /// So many items satisfy the requirement.
    case count(Requirement, minimum: Int, maximum: Int?)
    /// The sizes of arrays and objects.
    case items(minimum: Int, maximum: Int?)

    enum MemberKind: Hashable, Sendable {
        /// The name matches this pattern of the subschema.
        case pattern(String)
        /// The name is neither declared nor matched by the subschema.
        case additional
        /// Nothing in place has looked at the member.
        case unevaluated
        /// `propertyNames` forbids the name.
        case misnamed
        /// The name is none of the keys of this object.
        case otherThan(JSONObject)
    }

    /// The types that a value must have for the fact to hold; nil where the subschema has to be asked.
    var types: InstanceTypes? {
        switch self {
        case .own, .excludes, .breaks: nil
        case .types(let types): types
        case .has, .lacks, .member, .optional, .someMember, .oneMember: .object
        case .item, .someItem, .count, .items: .array
        }
    }
}

/// One way to satisfy a formula: facts that hold together, in the order of the text.
struct Cell: Hashable {
    var facts: [Fact] = []
    var types = InstanceTypes.all
}
