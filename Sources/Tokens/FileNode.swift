// A value of tokenizer.json and where it is, read with errors that say what was expected.
import JSON

/// A JSON value together with its place in the file.
struct FileNode {
    let value: JSONValue
    let pointer: JSONPointer

    /// The member with this name; nil when it is missing or null.
    func optional(_ key: String) -> FileNode? {
        guard let member = value[key], !member.isNull else { return nil }
        return FileNode(value: member, pointer: pointer.appending(key))
    }

    /// The member with this name.
    func required(_ key: String) throws(TokenizerError) -> FileNode {
        guard let node = optional(key) else {
            _ = try object()
            throw TokenizerError.malformed(at: pointer.appending(key), expected: "a value")
        }
        return node
    }

    func object() throws(TokenizerError) -> JSONObject {
        guard let object = value.objectValue else { throw TokenizerError.malformed(at: pointer, expected: "an object") }
        return object
    }

    func elements() throws(TokenizerError) -> [JSONValue] {
        guard let elements = value.arrayValue else { throw TokenizerError.malformed(at: pointer, expected: "an array") }
        return elements
    }

    /// The elements of an array with their places.
    func nodes() throws(TokenizerError) -> [FileNode] {
        let pointer = pointer
        return try elements().enumerated().map { FileNode(value: $1, pointer: pointer.appending($0)) }
    }

    func string() throws(TokenizerError) -> String {
        guard let string = value.stringValue else { throw TokenizerError.malformed(at: pointer, expected: "a string") }
        return string
    }

    func string(_ key: String) throws(TokenizerError) -> String { try required(key).string() }

    func bool(_ key: String, default missing: Bool) throws(TokenizerError) -> Bool {
        guard let node = optional(key) else { return missing }
        guard let bool = node.value.boolValue else { throw TokenizerError.malformed(at: node.pointer, expected: "true or false") }
        return bool
    }

    /// A token's number, within the limit.
    func tokenID() throws(TokenizerError) -> TokenID {
        guard let id = Self.tokenID(value) else {
            throw TokenizerError.malformed(at: pointer, expected: "a token number from 0 to \(TokenizerLimits.tokens - 1)")
        }
        return id
    }

    static func tokenID(_ value: JSONValue) -> TokenID? {
        guard case .number(let number) = value else { return nil }
        var result = 0
        for digit in number.text.utf8 {
            guard digit >= 0x30, digit <= 0x39, result < TokenizerLimits.tokens else { return nil }
            result = result * 10 + Int(digit - 0x30)
        }
        return result < TokenizerLimits.tokens ? TokenID(result) : nil
    }

    func int(_ key: String, default missing: Int) throws(TokenizerError) -> Int {
        guard let node = optional(key) else { return missing }
        guard let int = node.value.intValue, int >= 0 else {
            throw TokenizerError.malformed(at: node.pointer, expected: "a number that is not negative")
        }
        return int
    }

    /// The error that says this component is not supported.
    func unsupported(_ component: String) -> TokenizerError { .unsupported(component: component, at: pointer) }

    /// The error that says this value contradicts the rest.
    func invalid(_ reason: String) -> TokenizerError { .invalid(at: pointer, reason: reason) }

    /// The steps of a component that may be a `Sequence` of others (under `key`), in order, null ones left out.
    func steps(_ key: String) throws(TokenizerError) -> [FileNode] {
        var result: [FileNode] = []
        var open = [self]
        while let node = open.popLast() {
            guard result.count + open.count <= TokenizerLimits.steps else {
                throw TokenizerError.tooLarge(what: "steps at \(pointer)", count: result.count + open.count, limit: TokenizerLimits.steps)
            }
            if node.value.isNull { continue }
            if try node.string("type") == "Sequence" {
                open += try node.required(key).nodes().reversed()
            } else {
                result.append(node)
            }
        }
        return result
    }

    /// The splitter of a `pattern` member: `{"String": …}` or `{"Regex": …}`.
    func splitter() throws(TokenizerError) -> Splitter {
        let pattern = try required("pattern")
        if let node = pattern.optional("String") { return .literal(Array(try node.string().utf8)) }
        guard let node = pattern.optional("Regex") else {
            throw TokenizerError.malformed(at: pattern.pointer, expected: "{\"String\": …} or {\"Regex\": …}")
        }
        let text = try node.string()
        if let scanner = PatternScanner(pattern: text) { return .scanner(scanner) }
        guard text.utf8.count <= TokenizerLimits.patternBytes else {
            throw TokenizerError.tooLarge(what: "bytes in a pattern", count: text.utf8.count, limit: TokenizerLimits.patternBytes)
        }
        do {
            return .pattern(try RegularExpression(PatternSyntax.translated(text)))
        } catch {
            throw TokenizerError.pattern(text, at: node.pointer, reason: error.reason)
        }
    }
}
