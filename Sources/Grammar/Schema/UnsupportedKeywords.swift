// What is refused by name, and what says nothing.
import JSON

extension SchemaBuilder {
    /// Keywords that never constrain.
    static let annotations: Set<String> = [
        "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$id", "id", "$anchor",
        "$dynamicAnchor", "$defs", "definitions", "$vocabulary", "contentEncoding", "contentMediaType", "contentSchema",
        "$ref", "allOf", "anyOf", "oneOf",
    ]

    /// Refuses the keywords that constrain values of the types left and have no exact grammar here.
    func refuseUnsupported(_ own: Alternative, _ types: InstanceTypes) throws(GrammarError) {
        for id in own {
            guard let object = document[id].object else { continue }
            for (keyword, value) in object where constrains(keyword, value, id, types) {
                throw .unsupported(
                    keyword: keyword, pointer: document[id].pointer.appending(keyword), reason: "it has no exact grammar here")
            }
        }
    }

    private func constrains(_ keyword: String, _ value: JSONValue, _ id: SchemaID, _ types: InstanceTypes) -> Bool {
        switch keyword {
        case "$dynamicRef", "$recursiveRef": return true
        case "not": return value != .bool(false)
        case "if": return document[id].object?["then"] != nil || document[id].object?["else"] != nil
        case "contains":
            return types.contains(.array)
                && !(document[id].object?["minContains"]?.intValue == 0 && document[id].object?["maxContains"] == nil)
        case "uniqueItems": return types.contains(.array) && value == .bool(true) && !hasFewItems(id)
        case "unevaluatedItems": return types.contains(.array) && !isTrue(value) && !isAlone(id)
        case "dependentRequired", "dependentSchemas", "dependencies":
            return types.contains(.object) && !(value.objectValue ?? JSONObject()).allSatisfy { isEmptyDependency($0.value) }
        case "unevaluatedProperties": return types.contains(.object) && !isTrue(value) && !isAlone(id)
        default: return false
        }
    }

    private func isTrue(_ value: JSONValue) -> Bool { value == .bool(true) || value.objectValue?.isEmpty ?? false }

    private func isEmptyDependency(_ value: JSONValue) -> Bool { value.arrayValue?.isEmpty ?? isTrue(value) }

    private func hasFewItems(_ id: SchemaID) -> Bool { (document[id].object?["maxItems"]?.intValue).map { $0 <= 1 } ?? false }
}
