// The mcpServers file: what is read, what is refused, and that one entry's fault is no other's.
import Agent
import JSON
import Testing

@Suite struct MCPConfigurationTests {
    static func read(_ text: String) throws -> MCPConfiguration {
        try MCPConfiguration(JSONValue(parsing: text)) { ["HOME": "/h", "EMPTY": ""][$0] }
    }

    @Test func readsTheUsualShape() throws {
        let configuration = try MCPConfigurationTests.read(
            #"""
            {"$schema": "x", "mcpServers": {
                "b": {"command": "${HOME}/run", "args": ["-x", "${MISSING:-d}", "${EMPTY}", "$HOME ${"], "env": {"K": "v${HOME}w"}, "cwd": "/c", "timeout": 5000,
                      "type": "stdio", "autoApprove": [], "trust": true},
                "a": {"command": "a", "args": null, "disabled": false}, "off": {"command": "x", "disabled": true}}}
            """#)
        #expect(
            configuration.servers == [
                MCPConfiguration.Server(
                    name: "b", command: "/h/run", arguments: ["-x", "d", "", "$HOME ${"], environment: ["K": "v/hw"], directory: "/c",
                    timeout: 5000),
                MCPConfiguration.Server(name: "a", command: "a"),
            ])
        #expect(configuration.refused.isEmpty)
        #expect(try MCPConfigurationTests.read(#"{"servers": {"v": {"type": "stdio", "command": "x"}}}"#).servers.count == 1)
    }

    /// Entries that are refused, with a word that names the fault.
    @Test(arguments: [
        (#"{"url": "https://x"}"#, "url"), (#"{"command": "x", "url": "https://x"}"#, "url"), (#"{"serverUrl": "https://x"}"#, "serverUrl"),
        (#"{"type": "sse", "command": "x"}"#, "/mcpServers/bad/type"), (#"{}"#, "command"), (#"{"command": ""}"#, "command"),
        (#"{"command": 5}"#, "command"), (#"{"command": "x", "args": "y"}"#, "args"), (#"{"command": "x", "args": [1]}"#, "args"),
        (#"{"command": "x", "env": {"A": 1}}"#, "\"A\""), (#"{"command": "x", "env": {"A=B": "c"}}"#, "A=B"),
        (#"{"command": "x", "env": []}"#, "env"),
        (#"{"command": "x", "envFile": ".env"}"#, "envFile"), (#"{"command": "${NOPE}"}"#, "${NOPE}"),
        (#"{"command": "x\u0000y"}"#, "zero byte"),
        (#"{"command": "x", "timeout": 0}"#, "timeout"), (#"{"command": "x", "timeout": "5"}"#, "timeout"),
        (#"{"command": "x", "cwd": 5}"#, "cwd"),
        (#"5"#, "object"),
    ])
    func refusesByName(entry: String, word: String) throws {
        let configuration = try MCPConfigurationTests.read(#"{"mcpServers": {"bad": \#(entry), "good": {"command": "y"}}}"#)
        #expect(configuration.servers.map(\.name) == ["good"])
        #expect(configuration.refused.map(\.name) == ["bad"])
        #expect(configuration.refused[0].reason.contains(word), "\(configuration.refused[0])")
    }

    @Test(arguments: [#"{}"#, #"[]"#, #"{"mcpServers": []}"#, #"{"mcpServers": 5, "servers": {}}"#, "{", ""])
    func refusesOtherFiles(text: String) {
        #expect(throws: AgentError.self) { try MCPConfiguration(parsing: Array(text.utf8), file: "f.json") }
    }
}
