// What a grammar leaves to the validator, said aloud.
public import JSON

/// A keyword that the grammar does not keep: only `SchemaOptions.exactness == .relax` makes any, and what was generated must then be validated.
public struct Relaxation: Sendable, Hashable, CustomStringConvertible {
    /// The keyword.
    public let keyword: String
    /// Where it stands in the schema.
    public let pointer: JSONPointer
    /// Why the grammar cannot keep it, as a sentence without a full stop.
    public let reason: String

    /// A relaxation of one keyword at one place.
    public init(keyword: String, pointer: JSONPointer, reason: String) {
        self.keyword = keyword
        self.pointer = pointer
        self.reason = reason
    }

    /// The place, the keyword and why, as a sentence.
    public var description: String { "\(pointer): \"\(keyword)\" is left to the validator: \(reason)" }

    /// As reports show it.
    public var json: JSONValue { ["keyword": .string(keyword), "pointer": .string(pointer.description), "reason": .string(reason)] }
}

extension Rules {
    /// The keywords that are not kept by the grammar, in the order of the schemas; empty when the rules are exact.
    public var relaxations: [Relaxation] { expression.relaxations }
}

extension Expression {
    var relaxations: [Relaxation] {
        switch self {
        case .literal, .words, .regex: []
        case .schema(let schema): schema.relaxations
        case .grammar(let grammar): grammar.relaxations
        case .sequence(let items), .alternatives(let items): items.flatMap(\.relaxations)
        case .repeated(let item, _, _): item.relaxations
        case .text(let text): text.triggers.flatMap(\.expression.relaxations)
        }
    }
}
