// A JSON Schema as a compact type signature: what a model is shown of it, a third of the schema's own tokens.
import Grammar
public import JSON

/// The type signature of a JSON Schema, by the rules of the embedded model's card, which hold for every model:
///
/// - `enum` and `const`: the values as JSON, joined by ` | `;
/// - `anyOf`, `oneOf` and lists of types: the alternatives, joined by ` | `;
/// - `integer` is `int`, `boolean` is `bool`;
/// - an array: its item's signature and `[]`, in parentheses where it holds ` | ` and is not an object;
/// - an object with properties: `{key: T, key?: T}` in declared order, `?` where the key is not in `required`, a property's description as
///   ` /* … */` after its type;
/// - `$ref`: what it refers to, `any` where it recurs;
/// - everything else: its `type`, or `any`.
///
/// Two readings beyond the card's words: a schema without `type` that has `properties` or `items` is read as an object or an array, and the
/// properties that `allOf` adds count as the object's own. Bounds, patterns and formats are not shown: the grammar enforces them.
public func typeSignature(of schema: JSONValue) -> String {
    TypeSignature(of: schema, maximumBytes: ToolLimits.standard.signatureBytes).text
}

/// A type signature and whether it is the whole of it.
struct TypeSignature {
    let text: String
    /// Whether parts were left out (shown as `any`) since the signature would be longer than its limit.
    let isAbridged: Bool

    init(of schema: JSONValue, maximumBytes: Int) {
        var writer = SignatureWriter(root: schema, remaining: maximumBytes)
        text = writer.type(of: SignatureWriter.Place(value: schema), depth: 0).text
        isAbridged = writer.remaining <= 0
    }
}

/// Writes signatures within a budget of bytes, so that a small schema whose references multiply cannot grow without bound.
private struct SignatureWriter {
    struct Signature {
        var text: String
        /// Whether the text is one object in braces: it needs no parentheses before `[]`.
        var isObject = false
    }

    /// A subschema and where it stands in the document.
    struct Place {
        var value: JSONValue
        var pointer = JSONPointer()

        func at(_ tokens: String..., value: JSONValue) -> Place { Place(value: value, pointer: JSONPointer(pointer.tokens + tokens)) }

        func elements(_ keyword: String) -> [Place] {
            (value[keyword]?.arrayValue ?? []).enumerated().map { at(keyword, String($0), value: $1) }
        }
    }

    private let root: JSONValue
    /// Nil where the document is no schema: then no reference leads anywhere.
    private let references: SchemaReferences?
    var remaining: Int

    init(root: JSONValue, remaining: Int) {
        self.root = root
        self.remaining = remaining
        references = try? SchemaReferences(root)
    }

    /// Where the references lead that are being expanded, outermost first. The root is always open.
    private var open: [JSONPointer] = [JSONPointer()]
    static let maximumDepth = 64

    mutating func type(of place: Place, depth: Int) -> Signature {
        guard depth < Self.maximumDepth, remaining > 0 else {
            remaining = 0
            return Signature(text: "any")
        }
        guard let object = place.value.objectValue else { return atom("any") }
        if let values = object["enum"]?.arrayValue { return atom(values.map { $0.text(.spaced) }.joined(separator: " | ")) }
        if let value = object["const"] { return atom(value.text(.spaced)) }
        if object["$ref"] != nil {
            guard let target = target(of: place), !open.contains(target.pointer) else { return atom("any") }
            open.append(target.pointer)
            defer { open.removeLast() }
            return type(of: target, depth: depth + 1)
        }
        for keyword in ["anyOf", "oneOf"] {
            let alternatives = place.elements(keyword)
            if !alternatives.isEmpty { return union(alternatives.map { alternative in { $0.type(of: alternative, depth: depth + 1) } }) }
        }
        switch object["type"] {
        case .array(let names)?:
            return union(names.compactMap(\.stringValue).map { name in { $0.type(named: name, of: place, depth: depth + 1) } })
        case .string(let name)?: return type(named: name, of: place, depth: depth)
        default: return type(named: nil, of: place, depth: depth)
        }
    }

    /// What the schema is where an instance has this type.
    private mutating func type(named name: String?, of place: Place, depth: Int) -> Signature {
        if name == "object" || name == nil {
            var properties: [(key: String, place: Place)] = []
            var required = Set<String>()
            collect(place, &properties, &required, depth: depth)
            if !properties.isEmpty { return object(properties, required: required, depth: depth) }
            let parts = place.elements("allOf")
            if name == nil, parts.count == 1 { return type(of: parts[0], depth: depth + 1) }
        }
        if name == "array" || (name == nil && place.value["items"] != nil) {
            let item = type(of: place.at("items", value: place.value["items"] ?? true), depth: depth + 1)
            let needsParentheses = !item.isObject && item.text.contains(" | ")
            return atom(needsParentheses ? "(\(item.text))[]" : "\(item.text)[]")
        }
        return switch name {
        case "integer": atom("int")
        case "boolean": atom("bool")
        default: atom(name ?? "any")
        }
    }

    /// The properties that an object has by itself and by its `allOf`; the first to declare a key describes it.
    private mutating func collect(
        _ place: Place, _ properties: inout [(key: String, place: Place)], _ required: inout Set<String>, depth: Int
    ) {
        guard depth < Self.maximumDepth, remaining > 0 else {
            remaining = 0
            return
        }
        // Every visit counts, also one that finds nothing new: references that meet again multiply without end.
        remaining -= 1
        guard let object = place.value.objectValue else { return }
        if let target = target(of: place), !open.contains(target.pointer) {
            open.append(target.pointer)
            collect(target, &properties, &required, depth: depth + 1)
            open.removeLast()
        }
        for part in place.elements("allOf") { collect(part, &properties, &required, depth: depth + 1) }
        for (key, value) in object["properties"]?.objectValue ?? [:]
        where !properties.contains(where: { $0.key.utf8.elementsEqual(key.utf8) }) {
            properties.append((key, place.at("properties", key, value: value)))
            remaining -= key.utf8.count
        }
        for key in object["required"]?.arrayValue ?? [] {
            if let key = key.stringValue { required.insert(key) }
        }
    }

    /// Where the reference of a subschema leads.
    private func target(of place: Place) -> Place? {
        guard place.value["$ref"] != nil, let pointer = references?.target(of: place.pointer), let value = pointer.resolve(in: root) else {
            return nil
        }
        return Place(value: value, pointer: pointer)
    }

    private mutating func object(_ properties: [(key: String, place: Place)], required: Set<String>, depth: Int) -> Signature {
        var text = "{"
        for (index, (key, place)) in properties.enumerated() {
            let mark = required.contains(key) ? "" : "?"
            text += (index == 0 ? "" : ", ") + Self.shown(key: key) + mark + ": " + type(of: place, depth: depth + 1).text
            if let description = place.value["description"]?.stringValue.map(Self.harmless), !description.isEmpty {
                text += " /* \(description) */"
                remaining -= description.utf8.count
            }
            remaining -= 4
        }
        return Signature(text: text + "}", isObject: true)
    }

    private mutating func union(_ alternatives: [(inout SignatureWriter) -> Signature]) -> Signature {
        guard !alternatives.isEmpty else { return atom("any") }
        var parts: [Signature] = []
        for alternative in alternatives { parts.append(alternative(&self)) }
        return Signature(text: parts.map(\.text).joined(separator: " | "), isObject: parts.count == 1 && parts[0].isObject)
    }

    private mutating func atom(_ text: String) -> Signature {
        remaining -= text.utf8.count
        return Signature(text: text)
    }

    /// A key as it is, or as a JSON string where its characters would read as part of the signature.
    private static func shown(key: String) -> String {
        let isPlain =
            !key.isEmpty
            && key.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || $0.properties.numericType != nil || "_$-.".unicodeScalars.contains($0)
            }
        return isPlain ? key : JSONValue.string(key).text(.spaced)
    }

    /// A description on one line that cannot end its own comment.
    private static func harmless(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isSpace = scalar.properties.isWhitespace || scalar.properties.generalCategory == .control
            if isSpace, result.last == nil || result.last == " " { continue }
            if scalar == "/", result.last == "*" { result.append(" ") }
            result.append(isSpace ? " " : scalar)
        }
        if result.last == " " { result.removeLast() }
        return String(result)
    }
}
