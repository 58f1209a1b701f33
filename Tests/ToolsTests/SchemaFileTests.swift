// The schema files of our own tools: valid, embedded as they are, and within what hosts accept.
import Grammar
import JSON
import MCP
import TestSupport
import Testing

@testable import Tools

@Suite struct SchemaFileTests {
    static let names = ["extract", "classify", "generate", "models"]

    @Test(arguments: names) func schemasObeyHostRules(name: String) throws {
        let input = ToolSchemas.schema("\(name).input.json")
        let output = ToolSchemas.schema("\(name).output.json")
        #expect(HostRules.faults(inputSchema: input) == [])
        #expect(HostRules.faults(outputSchema: output) == [])
        #expect(HostRules.faults(inputSchema: output) == [], "the stricter rules of inputs hold for our outputs too")
        _ = try InstanceValidator(schema: input)
        _ = try InstanceValidator(schema: output)
    }

    @Test func filesAndEmbeddedSchemasAreTheSame() throws {
        #expect(Set(ToolSchemas.files.keys) == Set(Self.names.flatMap { ["\($0).input.json", "\($0).output.json"] }))
        for (file, schema) in ToolSchemas.files {
            #expect(try JSONValue(parsing: Fixtures.readFile(Fixtures.root + "/schemas/tools/" + file)) == schema)
        }
    }

    /// Unknown arguments are refused by name, so every input schema is closed; every argument says what it is for.
    @Test(arguments: names) func inputSchemasAreClosedAndDescribed(name: String) {
        let input = ToolSchemas.schema("\(name).input.json")
        #expect(input["additionalProperties"]?.boolValue == false)
        for (key, property) in input["properties"]?.objectValue ?? [:] {
            #expect(property["type"]?.stringValue != nil, "\(key) has one type")
            #expect(property["description"]?.stringValue?.isEmpty == false, "\(key) is described")
        }
    }

    @Test func definitionsAreComplete() throws {
        let definitions = try tools(over: nil).tools()
        #expect(definitions.map(\.name) == Self.names)
        #expect(Set(Self.names) == WorkTools.reservedNames)
        for definition in definitions {
            #expect(HostRules.accepts(name: definition.name) && definition.name.utf8.count <= 30)
            #expect(definition.title != nil && (definition.description ?? "").utf8.count < 2048)
            #expect(definition.annotations.readOnly == true && definition.annotations.openWorld == false)
            #expect(definition.inputSchema == ToolSchemas.schema("\(definition.name).input.json"))
            #expect(definition.outputSchema == ToolSchemas.schema("\(definition.name).output.json"))
        }
    }

    @Test(arguments: [
        (#"{"type": "array"}"#, ["/type"]),
        (#"true"#, [""]),
        (#"{"type": "object", "anyOf": []}"#, ["/anyOf"]),
        (##"{"type": "object", "$ref": "#/$defs/a"}"##, ["/$ref"]),
        (##"{"type": "object", "properties": {"a": {"items": {"$ref": "#"}}}}"##, ["/properties/a/items/$ref"]),
        (#"{"type": "object", "properties": {"a b": {}}}"#, ["/properties/a b"]),
        (#"{"type": "object", "properties": {"$ref": {}}}"#, ["/properties/$ref"]),
        (#"{"type": "object", "properties": {"a": {"enum": [{"$ref": 1}]}, "b": {"anyOf": [{"type": "string"}]}}}"#, []),
        (#"{"type": "object", "properties": {"a": {"anyOf": [{"not": {"$ref": "x"}}]}}}"#, ["/properties/a/anyOf/0/not/$ref"]),
    ])
    func hostRules(schema: String, places: [String]) throws {
        #expect(HostRules.faults(inputSchema: try JSONValue(parsing: schema)).map { $0.pointer.description } == places)
    }
}
