// Servers as a toolbox: names, isolation, what the model reads.
import Chat
import Foundation
import JSON
import MCP
import Testing

@testable import Agent

@Suite struct MCPToolboxTests {
    struct Tools: ToolProvider {
        let names: [String]
        let server: String
        func tools() -> [ToolDefinition] {
            names.map { name in
                let output: JSONValue? =
                    switch name {
                    case "promise", "fail": ["type": "object", "properties": ["n": ["type": "integer"]], "required": ["n"]]
                    case "dialect": ["$schema": "https://example.com/other"]
                    default: nil
                    }
                return ToolDefinition(
                    name: name, description: "\(name) of \(server)", inputSchema: ["type": "object"], outputSchema: output)
            }
        }
        func call(_ name: String, arguments: JSONValue, context: CallContext) async throws(RPCError) -> ToolResult {
            if name == "promise", arguments["none"] != nil { return ToolResult(text: "no structure") }
            if ["structured", "promise", "dialect"].contains(name) { return ToolResult(structured: arguments) }
            if name == "refuse" { throw .invalidParams("never") }
            return name == "fail" ? ToolResult(error: "it failed") : ToolResult(text: "\(server).\(name)")
        }
    }

    static func toolbox(_ servers: [(String, [String])], _ naming: MCPToolbox.Naming = .prefixOnCollision) -> MCPToolbox {
        MCPToolbox(
            clients: servers.map { name, tools in
                let client = MCPClient(ClientDescription(name: "t", version: "1")) { () throws(TransportError) in
                    if tools.isEmpty { throw .commandNotFound(name) }
                    let (near, far) = InMemoryTransport.pair()
                    let server = MCPServer(
                        description: ServerDescription(name: "same", version: "1"), provider: Tools(names: tools, server: name))
                    Task { _ = try? await server.serve(over: far) }
                    return near
                }
                return (name, client)
            }, naming: naming)
    }

    @Test func namesAreUniqueAndStable() async throws {
        let rows: [([(String, [String])], MCPToolbox.Naming, [String])] = [
            ([("a", ["x", "y"]), ("b", ["z"])], .prefixOnCollision, ["x", "y", "z"]),
            ([("a", ["x", "y"]), ("b", ["x"])], .prefixOnCollision, ["a_x", "y", "b_x"]),
            ([("a", ["x", "b_x"]), ("b", ["x"])], .prefixOnCollision, ["a_x", "b_x", "b_x_2"]),
            ([("a", ["x"]), ("b", ["y"])], .alwaysPrefix, ["a_x", "b_y"]),
            ([("my server", ["get.it/now"])], .alwaysPrefix, ["my_server_get_it_now"]),
            ([("a", [String(repeating: "n", count: 100)])], .prefixOnCollision, [String(repeating: "n", count: 64)]),
        ]
        for (servers, naming, names) in rows {
            let toolbox = MCPToolboxTests.toolbox(servers, naming)
            #expect(try await toolbox.tools().map(\.name) == names)
            #expect(try await toolbox.tools().map(\.name) == names)
            await toolbox.close()
        }
    }

    @Test func callsReachTheirServer() async throws {
        let toolbox = MCPToolboxTests.toolbox([("a", ["x", "structured", "fail", "refuse"]), ("b", ["x"])])
        _ = try await toolbox.tools()
        func call(_ name: String, _ arguments: JSONValue = [:]) async -> ToolOutput {
            await toolbox.call(ToolCall(id: "1", name: name, arguments: arguments))
        }
        #expect(await call("a_x") == ToolOutput("a.x"))
        #expect(await call("b_x") == ToolOutput("b.x"))
        #expect(await call("structured", ["k": [1, 2]]) == ToolOutput(#"{"k": [1, 2]}"#))
        #expect(await call("fail") == ToolOutput("it failed", isError: true))
        for output in [await call("refuse"), await call("x"), await call("a_x", [1])] { #expect(output.isError) }
        await toolbox.close()
        #expect(await call("a_x").isError)
    }

    @Test func resultsKeepTheirToolsPromise() async throws {
        let toolbox = MCPToolboxTests.toolbox([("a", ["promise", "dialect", "fail"])])
        _ = try await toolbox.tools()
        let problems = await toolbox.problems
        #expect(problems.count == 1 && problems[0].hasPrefix("a: the output schema of \"dialect\" cannot be checked: "))
        func call(_ name: String, _ arguments: JSONValue) async -> ToolOutput {
            await toolbox.call(ToolCall(id: "1", name: name, arguments: arguments))
        }
        #expect(await call("promise", ["n": 1]) == ToolOutput(#"{"n": 1}"#))
        let broken = await call("promise", ["n": "one"])
        #expect(broken.isError && broken.text.contains("withheld") && broken.text.contains("/n"))
        let missing = await call("promise", ["none": true])
        #expect(missing.isError && missing.text.contains("structuredContent is missing"))
        #expect(await call("dialect", ["anything": 1]) == ToolOutput(#"{"anything": 1}"#))
        #expect(await call("fail", [:]) == ToolOutput("it failed", isError: true))
        await toolbox.close()
    }

    @Test func oneFailingServerIsReported() async throws {
        let toolbox = MCPToolboxTests.toolbox([("broken", []), ("b", ["z"])])
        #expect(try await toolbox.tools().map(\.name) == ["z"])
        #expect(await toolbox.problems == ["broken: command not found: broken"])
        await toolbox.close()
    }

    @Test func toolsWithoutANameAreReported() async throws {
        let toolbox = MCPToolboxTests.toolbox([("a", ["x", "", "y"]), ("b", ["z"])])
        #expect(try await toolbox.tools().map(\.name) == ["x", "y", "z"])
        #expect(await toolbox.problems == ["a: tools without a name, left out: 1"])
        await toolbox.close()
    }

    @Test func startsWhatTheConfigurationNames() async throws {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        let fixture = folder.appendingPathComponent("MCPFixture").path
        let configuration = MCPConfiguration(servers: [
            MCPConfiguration.Server(name: "ghost", command: "no-such-program-here"),
            MCPConfiguration.Server(name: "dying", command: "sh", arguments: ["-c", "echo no licence >&2; exit 4"]),
            MCPConfiguration.Server(name: "real", command: fixture, timeout: 2000),
        ])
        let toolbox = MCPToolbox(configuration, limits: ClientLimits(restart: 60_000))
        _ = try await toolbox.tools()
        let problems = await toolbox.problems
        #expect(problems.count == 2)
        #expect(problems.first?.contains("command not found") == true && problems.last?.contains("no licence") == true)
        let echo = ToolCall(id: "1", name: "echo_tool", arguments: ["text": "hé"])
        #expect(await toolbox.call(echo) == ToolOutput(#"{"result": "hé"}"#))
        let slow = await toolbox.call(ToolCall(id: "2", name: "slow_tool", arguments: ["steps": 1000]))
        #expect(slow.isError && slow.text.contains("not answered within 2000 ms"), "\(slow.text)")
        #expect(await toolbox.call(echo).isError == false)  // the server lives on after a deadline
        await toolbox.close()
    }

    /// What the model reads of a result.
    @Test(arguments: [
        (ToolResult(text: "plain"), "plain"), (ToolResult(content: [.text("a"), .text(""), .text("b")]), "a\nb"),
        (ToolResult(text: "{\n  \"a\": [\n    1\n  ]\n}"), #"{"a": [1]}"#), (ToolResult(text: "{not json"), "{not json"),
        (ToolResult(content: [.text("Found 2."), .text("{ }")], structuredContent: ["n": 2]), "Found 2.\n{ }"),
        (ToolResult(content: [], structuredContent: ["a": 1]), #"{"a": 1}"#),
        (
            ToolResult(content: [.image(data: "AAAA", mimeType: "image/png")], structuredContent: ["a": 1]),
            "{\"a\": 1}\n[image image/png, about 3 bytes, not shown]"
        ),
        (
            ToolResult(content: [
                .audio(data: "AAAAAAAA", mimeType: "audio/wav"), .resourceLink(uri: "f:a", name: "A", mimeType: nil),
                .resource(uri: "f:b", mimeType: nil, text: "inside", blob: nil),
                .resource(uri: "f:c", mimeType: nil, text: nil, blob: "AA"),
                .other(["type": "new"]),
            ]),
            "[audio audio/wav, about 6 bytes, not shown]\n[resource A: f:a]\ninside\n[resource f:c, not text]\n[content of type \"new\", not shown]"
        ),
        (ToolResult(content: []), ""),
    ])
    func showsResults(result: ToolResult, text: String) {
        #expect(MCPToolbox.text(of: result) == text)
    }
}
