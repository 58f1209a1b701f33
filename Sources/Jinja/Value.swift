// The values of the interpreter: Python's, as far as templates meet them.
import JSON

/// A list that is shared by reference, as in Python.
final class ListBox {
    var items: [Value]
    init(_ items: [Value]) { self.items = items }
}

/// A dictionary that is shared by reference and keeps the order of insertion.
final class DictionaryBox {
    private(set) var keys: [Value] = []
    private(set) var values: [Value] = []
    private var places: [Key: Int] = [:]

    init() {}

    var count: Int { keys.count }

    func value(for key: Key) -> Value? { places[key].map { values[$0] } }

    func value(named name: String) -> Value? { value(for: .text(Text(name))) }

    func set(_ value: Value, for keyValue: Value, key: Key) {
        if let place = places[key] {
            values[place] = value
        } else {
            places[key] = keys.count
            keys.append(keyValue)
            values.append(value)
        }
    }

    func set(_ value: Value, named name: String) { set(value, for: .text(Text(name)), key: .text(Text(name))) }

    func remove(_ key: Key) -> Value? {
        guard let place = places.removeValue(forKey: key) else { return nil }
        keys.remove(at: place)
        let value = values.remove(at: place)
        for (other, index) in places where index > place { places[other] = index - 1 }
        return value
    }

    func removeAll() {
        keys = []
        values = []
        places = [:]
    }

    func copy() -> DictionaryBox {
        let copy = DictionaryBox()
        copy.keys = keys
        copy.values = values
        copy.places = places
        return copy
    }
}

/// What may be a dictionary's key, with Python's equality (`1 == 1.0 == True`).
enum Key: Hashable {
    case none
    case integer(Int)
    case float(Double)
    case text(Text)
    case tuple([Key])
}

/// A built-in function, or a method bound to its receiver.
final class Function {
    let name: String
    let receiver: Value?
    init(name: String, receiver: Value? = nil) {
        self.name = name
        self.receiver = receiver
    }
}

/// A macro with the scope in which it was defined.
final class Macro {
    let definition: MacroDefinition
    let scope: Scope
    init(definition: MacroDefinition, scope: Scope) {
        self.definition = definition
        self.scope = scope
    }
}

/// A `cycler` or `joiner`.
final class Cycler {
    let items: [Value]
    let isJoiner: Bool
    var position = 0
    init(items: [Value], isJoiner: Bool = false) {
        self.items = items
        self.isJoiner = isJoiner
    }
}

/// Where a loop stands.
final class LoopState {
    let items: [Value]
    let depth: Int
    let statement: ForLoop
    let scope: Scope
    var index = 0
    var lastChanged: [Value]?

    init(items: [Value], depth: Int, statement: ForLoop, scope: Scope) {
        self.items = items
        self.depth = depth
        self.statement = statement
        self.scope = scope
    }
}

/// Variables by name; a lookup goes on in the parent.
final class Scope {
    var variables: [String: Value] = [:]
    let parent: Scope?

    init(parent: Scope?) { self.parent = parent }

    func lookup(_ name: String) -> Value? {
        var scope: Scope? = self
        while let here = scope {
            if let value = here.variables[name] { return value }
            scope = here.parent
        }
        return nil
    }
}

enum Value {
    /// Undefined, with the name that was looked for.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer beyond 64 bits: its digits; it can be shown, not reckoned with.
    case bigInteger(String)
    case float(Double)
    case text(Text)
    case list(ListBox)
    case tuple([Value])
    case dictionary(DictionaryBox)
    case namespace(DictionaryBox)
    case function(Function)
    case macro(Macro)
    case loop(LoopState)
    case cycler(Cycler)

    static func text(_ string: String) -> Value { .text(Text(string)) }
    static func list(_ items: [Value]) -> Value { .list(ListBox(items)) }

    /// The value of JSON. Strings are marked as coming from a variable unless they equal one of `templateTexts`.
    init(_ json: JSONValue, isVariable: Bool, templateTexts: Set<String>) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .number(let number):
            let text = number.text
            if text.utf8.contains(where: { $0 == 0x2E || $0 | 0x20 == 0x65 }) {
                self = .float(number.doubleValue)
            } else if let value = Int(text) {
                self = .integer(value)
            } else {
                self = .bigInteger(text)
            }
        case .string(let string): self = .text(Text(string, fromVariable: isVariable && !templateTexts.contains(string)))
        case .array(let items): self = .list(items.map { Value($0, isVariable: isVariable, templateTexts: templateTexts) })
        case .object(let object):
            let box = DictionaryBox()
            for (name, value) in object {
                let key = Text(name, fromVariable: isVariable && !templateTexts.contains(name))
                box.set(Value(value, isVariable: isVariable, templateTexts: templateTexts), for: .text(key), key: .text(key))
            }
            self = .dictionary(box)
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .text(let text): !text.isEmpty
        case .list(let box): !box.items.isEmpty
        case .tuple(let items): !items.isEmpty
        case .dictionary(let box): box.count > 0
        case .bigInteger, .namespace, .function, .macro, .loop, .cycler: true
        }
    }

    /// As a number for comparisons and arithmetic: Python's booleans are integers.
    var asInteger: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .integer(let value): value
        default: nil
        }
    }

    var asDouble: Double? {
        switch self {
        case .float(let value): value
        case .bigInteger(let digits): Double(digits)
        default: asInteger.map(Double.init)
        }
    }

    /// The name of the type, as Python has it.
    var typeName: String {
        switch self {
        case .undefined: "undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer, .bigInteger: "int"
        case .float: "float"
        case .text: "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .namespace: "namespace"
        case .function: "function"
        case .macro: "macro"
        case .loop: "loop"
        case .cycler: "cycler"
        }
    }

    /// As a dictionary's key; nil when the type cannot be one.
    var key: Key? {
        switch self {
        case .none: return Key.none
        case .bool(let value): return .integer(value ? 1 : 0)
        case .integer(let value): return .integer(value)
        case .float(let value):
            if let integer = Int(exactly: value) { return .integer(integer) }
            return .float(value)
        case .text(let text): return .text(text)
        case .bigInteger(let digits): return .float(Double(digits) ?? .infinity)
        case .tuple(let items):
            var keys: [Key] = []
            for item in items {
                guard let key = item.key else { return nil }
                keys.append(key)
            }
            return .tuple(keys)
        default: return nil
        }
    }
}
