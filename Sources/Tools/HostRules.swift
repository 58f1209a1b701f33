// What hosts accept of a tool's declaration: narrower than the protocol, and one tool that breaks it can cost them all.
import JSON

/// A fault in a declaration, and where it is.
struct HostFault: Sendable, Hashable, CustomStringConvertible {
    let pointer: JSONPointer
    let reason: String

    var description: String { "\(pointer): \(reason)" }
}

/// The rules of the hosts in the field. Model interfaces refuse, and assistants silently drop, tools whose schemas have a union at the root
/// or a `$ref`; one strict client refuses the whole list when an output schema is not an object's.
enum HostRules {
    /// A name that every host takes: 1 to 64 of `[A-Za-z0-9_]`. (Some take `-` and `.` as well; some refuse the whole server for one such name.)
    static func accepts(name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
    }

    /// A property's name that every model interface takes: 1 to 64 of `[A-Za-z0-9_.-]`.
    static func accepts(property: String) -> Bool {
        (1...64).contains(property.utf8.count)
            && property.utf8.allSatisfy { isAlphanumeric($0) || [UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-")].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    /// Keywords that may not stand at the root of a schema.
    static let rootUnions = ["anyOf", "oneOf", "allOf", "not", "if", "enum", "const"]

    /// Everything in which an input schema breaks the rules.
    static func faults(inputSchema schema: JSONValue) -> [HostFault] {
        faults(root: schema) + faults(within: schema, at: JSONPointer(), depth: 0)
    }

    /// Everything in which an output schema breaks the rules: hosts read only its root.
    static func faults(outputSchema schema: JSONValue) -> [HostFault] { faults(root: schema) }

    private static func faults(root schema: JSONValue) -> [HostFault] {
        guard let object = schema.objectValue else { return [HostFault(pointer: JSONPointer(), reason: "a schema of an object is needed")] }
        var faults: [HostFault] = []
        if object["type"]?.stringValue != "object" {
            faults.append(HostFault(pointer: JSONPointer(["type"]), reason: "the root's type must be \"object\""))
        }
        for keyword in rootUnions + ["$ref"] where object[keyword] != nil {
            faults.append(HostFault(pointer: JSONPointer([keyword]), reason: "not allowed at the root of a tool's schema"))
        }
        return faults
    }

    /// Walks subschemas alone, so that a property named `$ref` or an example that holds one is no fault.
    private static func faults(within schema: JSONValue, at place: JSONPointer, depth: Int) -> [HostFault] {
        guard depth < 64 else { return [HostFault(pointer: place, reason: "nested deeper than 64 levels")] }
        guard let object = schema.objectValue else { return [] }
        var faults: [HostFault] = []
        for (keyword, value) in object {
            let here = place.appending(keyword)
            switch keyword {
            case "$ref", "$dynamicRef":
                if !place.tokens.isEmpty {
                    faults.append(HostFault(pointer: here, reason: "references are not allowed in an input schema"))
                }
            case "properties", "patternProperties", "$defs", "dependentSchemas":
                for (name, subschema) in value.objectValue ?? [:] {
                    if keyword == "properties", !accepts(property: name) {
                        faults.append(
                            HostFault(
                                pointer: here.appending(name), reason: "a property's name has 1 to 64 characters of A-Z a-z 0-9 _ . -"))
                    }
                    faults += Self.faults(within: subschema, at: here.appending(name), depth: depth + 1)
                }
            case "anyOf", "oneOf", "allOf", "prefixItems":
                for (index, subschema) in (value.arrayValue ?? []).enumerated() {
                    faults += Self.faults(within: subschema, at: here.appending(index), depth: depth + 1)
                }
            case "items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else", "unevaluatedItems",
                "unevaluatedProperties":
                faults += Self.faults(within: value, at: here, depth: depth + 1)
            default: break
            }
        }
        return faults
    }
}
