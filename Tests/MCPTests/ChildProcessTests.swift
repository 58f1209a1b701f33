// Children: how they start, speak, and end, whatever they do; and the stdio server as such a child.
import Foundation
import JSON
import Testing

@testable import MCP

@Suite struct ChildProcessTests {
    static func shell(_ script: String, grace: Int = 2000) throws -> (child: ChildProcess, recorder: Recorder) {
        let child = try ChildProcess(.init(program: "sh", arguments: ["-c", script]), grace: grace)
        let recorder = Recorder()
        try child.start { recorder.add($0) }
        return (child, recorder)
    }

    static func fixture(_ arguments: [String] = []) throws -> (child: ChildProcess, recorder: Recorder) {
        let child = try ChildProcess(.init(program: fixturePath, arguments: arguments))
        let recorder = Recorder()
        try child.start { recorder.add($0) }
        return (child, recorder)
    }

    static func say(_ child: ChildProcess, _ method: String, id: Int, _ params: JSONObject = JSONObject()) {
        var params = params
        params["_meta"] = [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": [:],
        ]
        child.send(.request(RequestID(id), method: method, params: params))
    }

    /// True unless the process is gone, or dead and merely not reaped by whoever inherited it.
    static func isAlive(_ pid: Int32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return kill(pid, 0) == 0 }
        let state = text.split(separator: ")").last?.first { $0 != " " }
        return state != "Z" && state != "X"
    }

    @Test func speaksAndListens() async throws {
        let (child, recorder) = try ChildProcessTests.shell("cat")
        child.send(.notification("a", params: ["text": "\u{2028}é"]))
        #expect(await recorder.waitForLines(1) == [#"{"jsonrpc":"2.0","method":"a","params":{"text":"\u2028é"}}"#])
        await child.close()
        #expect(recorder.end == .closed)
    }

    @Test func tellsHowItEnded() async throws {
        let rows: [(String, Disconnection)] = [
            ("exit 0", .exited(status: 0)), ("exit 7", .exited(status: 7)), ("kill -9 $$", .exited(status: 137)),
            ("echo x; exec >&-; sleep 0.05; exit 3", .exited(status: 3)),
        ]
        for (script, end) in rows {
            let (child, recorder) = try ChildProcessTests.shell(script)
            #expect(await recorder.waitForEnd() == end, "\(script)")
            await child.close()
        }
    }

    @Test func refusesWhatCannotStart() async throws {
        #expect(throws: TransportError.commandNotFound("no-such-program-here")) {
            _ = try ChildProcess(.init(program: "no-such-program-here"))
        }
        for command in [
            ChildProcess.Command(program: "/no/such/file"), ChildProcess.Command(program: "/dev/null"),
            ChildProcess.Command(program: "sh", directory: "/no/such/folder"),
        ] {
            let child = try ChildProcess(command)
            #expect(throws: TransportError.self) { try child.start { _ in } }
            await child.close()
        }
    }

    @Test func getsOnlyWhatItIsGiven() async throws {
        setenv("SIROCCO_TEST_SECRET", "leaked", 1)
        let folder = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path
        let child = try ChildProcess(
            .init(
                program: "sh",
                arguments: [
                    "-c", "pwd -P; echo \"$GIVEN $SIROCCO_TEST_SECRET.\"; echo \"$1\"; ls /proc/self/fd | wc -l", "sh", "a b; $(c) 'd'",
                ],
                environment: ["GIVEN": "yes"], directory: folder))
        let recorder = Recorder()
        let leak = open("/dev/null", O_RDONLY)  // without close-on-exec
        try child.start { recorder.add($0) }
        let lines = await recorder.waitForLines(4)
        close(leak)
        #expect(lines.prefix(3) == [folder, "yes .", "a b; $(c) 'd'"])
        #expect(lines.last.flatMap { Int($0.trimmingCharacters(in: .whitespaces)) } == 4)  // 0, 1, 2, and the folder that `ls` reads
        await child.close()
    }

    @Test func stubbornGroupsAreKilled() async throws {
        let (child, recorder) = try ChildProcessTests.shell(
            "trap '' TERM INT HUP; sh -c \"trap '' TERM; echo \\$\\$; while :; do sleep 0.1; done\" & echo $$; while :; do sleep 0.1; done",
            grace: 150)
        let pids = await recorder.waitForLines(2).compactMap { Int32($0) }
        #expect(pids.count == 2)
        await child.close()
        #expect(await eventually { !pids.contains { ChildProcessTests.isAlive($0) } })
    }

    @Test func grandchildrenEndWithTheChild() async throws {
        let (child, recorder) = try ChildProcessTests.shell("sleep 300 & echo $!; exit 0")
        let end = await recorder.waitForEnd()
        #expect(end == .exited(status: 0))
        let pid = try #require(recorder.lines.first.flatMap { Int32($0) })
        await child.close()
        #expect(await eventually { !ChildProcessTests.isAlive(pid) })
    }

    @Test func aFloodOfWordsIsDrained() async throws {
        let (child, recorder) = try ChildProcessTests.shell("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo end >&2; echo ready; cat")
        #expect(await recorder.waitForLines(1) == ["ready"])
        #expect(await eventually { child.diagnostics.hasSuffix("end\n") })
        #expect(child.diagnostics.utf8.count <= 2 * ChildProcess.keptWords)
        await child.close()
    }

    @Test func aFloodAtTheEndDoesNotBlock() async throws {
        let (child, recorder) = try ChildProcessTests.shell("echo $$; cat > /dev/null; head -c 1000000 /dev/zero; exit 0", grace: 20_000)
        let pid = try #require(await recorder.waitForLines(1).first.flatMap { Int32($0) })
        await child.close()  // returns because the child's output is read to its end
        #expect(!ChildProcessTests.isAlive(pid))
    }

    // MARK: The fixture server

    @Test func whatToolsPrintGoesToStandardError() async throws {
        let (child, recorder) = try ChildProcessTests.fixture()
        ChildProcessTests.say(child, "tools/call", id: 1, ["name": "print_tool", "arguments": ["text": "stray words"]])
        #expect(await recorder.waitForLines(1).count == 1)
        #expect(try recorder.lines.allSatisfy { try JSONValue(parsing: $0)["jsonrpc"] == "2.0" })
        #expect(child.diagnostics.contains("stray words"))
        await child.close()
    }

    /// The server ends by itself: the shell around it lives to say so. What had to be ended would take the shell along and leave no word.
    @Test func theServerEndsWithItsInputEvenMidCall() async throws {
        for tool in ["slow_tool", "stubborn_tool"] {
            let (child, recorder) = try ChildProcessTests.shell("'\(fixturePath)'; echo ended >&2", grace: 40_000)
            ChildProcessTests.say(child, "tools/call", id: 1, ["name": .string(tool), "arguments": ["steps": 10000]])
            ChildProcessTests.say(child, "server/discover", id: 2)
            #expect(await recorder.waitForLines(1).count == 1)
            await child.close()  // end of input; the tools would take a minute, and SIGTERM comes before
            #expect(child.diagnostics.hasSuffix("ended\n"), "\(tool): \(child.diagnostics)")
            #expect(recorder.lines.count == 1)
        }
    }

    @Test func manyMessagesInAnyOrder() async throws {
        let (child, recorder) = try ChildProcessTests.fixture()
        let long = String(repeating: "né\u{2028}", count: 50_000)
        for id in 0..<50 {
            let text = id == 25 ? long : "t\(id)"
            ChildProcessTests.say(child, "tools/call", id: id, ["name": "echo_tool", "arguments": ["text": .string(text)]])
        }
        let lines = await recorder.waitForLines(50)
        let texts = try lines.map { try JSONValue(parsing: $0) }.reduce(into: [Int: String]()) {
            $0[$1["id"]?.intValue ?? -1] = $1["result"]?["structuredContent"]?["result"]?.stringValue
        }
        #expect((0..<50).allSatisfy { texts[$0] == ($0 == 25 ? long : "t\($0)") })
        await child.close()
    }

    /// Killed, we can end nobody: the kernel ends our child, and the group's guardian what the child has started.
    @Test func childrenAndGrandchildrenDieWithUs() async throws {
        let (host, recorder) = try ChildProcessTests.fixture(["host"])
        let pids = await recorder.waitForLines(1).first?.split(separator: " ").compactMap { Int32($0) } ?? []
        try #require(pids.count == 3)
        let group = getpgid(pids[1])
        #expect(ChildProcessTests.isAlive(pids[1]) && getpgid(pids[2]) == group && group != getpgid(pids[0]))
        // A signal to the group is no end of its guardian.
        kill(group, SIGTERM)
        kill(pids[0], SIGKILL)
        #expect(await recorder.waitForEnd() == .exited(status: 137))
        #expect(await eventually { !(pids + [group]).contains { ChildProcessTests.isAlive($0) } })
        await host.close()
    }
}
