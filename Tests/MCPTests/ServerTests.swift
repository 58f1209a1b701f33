// The server over a transport: structure, races, back-pressure.
import Foundation
import JSON
import Synchronization
import Testing

@testable import MCP

@Suite struct ServerTests {
    static let description = ServerDescription(name: "s", version: "1")

    static func serve(_ tools: TestTools) -> (client: InMemoryTransport, recorder: Recorder, server: Task<Disconnection?, Never>) {
        let (near, far) = InMemoryTransport.pair()
        let recorder = Recorder()
        try! near.start { recorder.add($0) }
        let server = Task { try? await MCPServer(description: description, provider: tools).serve(over: far) }
        return (near, recorder, server)
    }

    static func say(_ client: InMemoryTransport, _ line: String) { client.sendRaw(Array((line + "\n").utf8)) }

    @Test func controlMessagesAreAnsweredDuringCalls() async {
        let (client, recorder, server) = ServerTests.serve(
            TestTools { _, _, _ throws(RPCError) in
                try? await Task.sleep(for: .seconds(60))
                return ToolResult(text: "late")
            })
        for id in 1...20 { ServerTests.say(client, Table.modern("\(id)", "tools/call", #""name":"slow""#)) }
        ServerTests.say(client, Table.legacy("100", "ping"))
        ServerTests.say(client, Table.modern("101", "tools/list"))
        #expect(await recorder.waitForLines(2).count == 2)
        await client.close()
        #expect(await server.value == .endOfInput)
        #expect(recorder.lines.count == 2)
    }

    /// What is known is said at once, in the order of the questions, its log before its reply, while calls run; what is not known is called.
    @Test func knownAnswersNeedNoTask() async {
        let (client, recorder, server) = ServerTests.serve(
            TestTools(
                names: ["known", "refused", "slow"],
                body: { name, _, _ throws(RPCError) in
                    if name != "slow" { Issue.record("\(name) was called") }
                    try? await Task.sleep(for: .seconds(60))
                    return ToolResult(text: "late")
                },
                known: { name, context throws(RPCError) in
                    context.log(.debug, "asked", logger: name)
                    switch name {
                    case "known": return ToolResult(text: "yes")
                    case "refused": throw .internalError("no")
                    default: return nil
                    }
                }))
        let level = #","io.modelcontextprotocol/logLevel":"debug""#
        ServerTests.say(client, Table.modern("1", "tools/call", #""name":"slow""#))
        for id in 2...4 { ServerTests.say(client, Table.modern("\(id)", "tools/call", #""name":"known""#, meta: level)) }
        ServerTests.say(client, Table.modern("5", "tools/call", #""name":"refused""#))
        let lines = await recorder.waitForLines(7)
        #expect(lines.count == 7)
        for (place, line) in lines.prefix(6).enumerated() {
            #expect(line.contains(place.isMultiple(of: 2) ? "notifications/message" : #""id":\#(place / 2 + 2),"result""#), "\(line)")
        }
        #expect(lines.last?.contains(#""id":5,"error":{"code":-32603"#) == true)
        // The identifiers are free again: nothing is left running but the slow one.
        ServerTests.say(client, Table.modern("2", "tools/call", #""name":"known""#))
        ServerTests.say(client, Table.modern("1", "tools/call", #""name":"known""#))
        let more = await recorder.waitForLines(9).suffix(2)
        #expect(more.first?.contains(#""id":2,"result""#) == true && more.last?.contains("is still running") == true)
        await client.close()
        #expect(await server.value == .endOfInput)
        #expect(recorder.lines.count == 9)
    }

    @Test func theEndCancelsWhatRuns() async {
        let running = Atomic<Int>(0)
        let (client, _, server) = ServerTests.serve(
            TestTools { _, _, context throws(RPCError) in
                running.add(1, ordering: .relaxed)
                while !context.isCancelled || !Task.isCancelled { await Task.yield() }
                running.subtract(1, ordering: .relaxed)
                return ToolResult(text: "never read")
            })
        for id in 1...4 { ServerTests.say(client, Table.modern("\(id)", "tools/call", #""name":"slow""#)) }
        #expect(await eventually { running.load(ordering: .relaxed) >= 1 })
        await client.close()
        _ = await server.value
        #expect(running.load(ordering: .relaxed) == 0)
    }

    /// Calls that end, report and are cancelled at random moments: never two replies, no reply missing, no progress after a reply.
    @Test func racesAreHarmless() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SplitMix(seed: seed)
        for round in 0..<8 {
            let (client, recorder, server) = ServerTests.serve(
                TestTools { _, arguments, context throws(RPCError) in
                    for step in 0..<(arguments["yields"]?.intValue ?? 0) {
                        context.progress(Double(step))
                        context.log(.error, "x")
                        await Task.yield()
                    }
                    return ToolResult(text: "done")
                })
            var cancelled: Set<Int> = []
            for id in 0..<200 {
                let yields = Int.random(in: 0...20, using: &generator)
                ServerTests.say(
                    client,
                    Table.modern(
                        "\(id)", "tools/call", #""name":"slow","arguments":{"yields":\#(yields)}"#,
                        meta: #","progressToken":\#(id),"io.modelcontextprotocol/logLevel":"debug""#))
                if Bool.random(using: &generator) {
                    let victim = Int.random(in: max(0, id - 5)...id, using: &generator)
                    cancelled.insert(victim)
                    if Bool.random(using: &generator) { await Task.yield() }
                    ServerTests.say(client, Table.cancelled("\(victim)"))
                }
            }
            ServerTests.say(client, Table.legacy(#""last""#, "ping"))
            var missing = Set((0..<200).filter { !cancelled.contains($0) }.map { JSONValue($0) } + ["last"])
            var seen = 0
            #expect(
                await eventually {
                    let events = recorder.events
                    for case .line(let line) in events[seen...] {
                        guard let message = try? JSONValue(parsing: line), message["result"] != nil, let id = message["id"] else { continue }
                        missing.remove(id)
                    }
                    seen = events.count
                    return missing.isEmpty
                }, "seed \(seed), round \(round)")
            await client.close()
            _ = await server.value
            var replies: [Int: Int] = [:]
            for line in recorder.lines {
                let message = try JSONValue(parsing: line)
                if let id = message["id"]?.intValue { replies[id, default: 0] += 1 }
                if let token = message["params"]?["progressToken"]?.intValue {
                    #expect(replies[token] == nil, "progress after the reply; seed \(seed), round \(round)")
                }
            }
            for id in 0..<200 {
                let count = replies[id] ?? 0
                #expect(cancelled.contains(id) ? count <= 1 : count == 1, "id \(id); seed \(seed), round \(round)")
            }
        }
    }

    // MARK: Over pipes

    static func pipes() throws -> (transport: StdioTransport, writing: Int32, reading: Int32) {
        try pipes(PipeLimits())
    }

    static func pipes(_ limits: PipeLimits) throws -> (transport: StdioTransport, writing: Int32, reading: Int32) {
        let input = try Descriptors.pipe()
        let output = try Descriptors.pipe()
        let transport = try StdioTransport(input: input.reading, output: output.writing, limits: limits)
        return (transport, input.writing, output.reading)
    }

    static func write(_ text: String, to descriptor: Int32) {
        FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(Data(text.utf8))
    }

    @Test func linesComeThroughAPipe() async throws {
        let (transport, writing, reading) = try ServerTests.pipes(PipeLimits(line: 100))
        let recorder = Recorder()
        try transport.start { recorder.add($0) }
        ServerTests.write("one\r\n\ntw", to: writing)
        ServerTests.write("o\n" + String(repeating: "x", count: 200_000) + "\nlast", to: writing)
        Descriptors.close(writing)
        #expect(await recorder.waitForEnd() == .endOfInput)
        #expect(recorder.lines == ["one", "two", "last"])
        #expect(recorder.events.count == 5)
        await transport.close()
        Descriptors.close(reading)
    }

    @Test func framesAreWholeUnderPressure() async throws {
        let (transport, writing, reading) = try ServerTests.pipes()
        let recorder = Recorder()
        try transport.start { recorder.add($0) }
        await withDiscardingTaskGroup { group in
            for sender in 0..<4 {
                group.addTask {
                    for index in 0..<50 {
                        let text = String(repeating: "\(sender)", count: index * 997)
                        transport.send(.reply(RequestID(sender * 1000 + index), result: .string(text)))
                    }
                }
            }
            group.addTask {
                var splitter = LineSplitter(limit: 1 << 24)
                var lines: [JSONValue?] = []
                var buffer = [UInt8](repeating: 0, count: 5000)
                while lines.count < 200 {
                    let count = Foundation.read(reading, &buffer, buffer.count)
                    buffer.withUnsafeBufferPointer { bytes in
                        splitter.push(UnsafeBufferPointer(rebasing: bytes[..<count])) { event in
                            if case .line(let line) = event { lines.append(try? JSONValue(parsing: line)) }
                        }
                    }
                }
                for sender in 0..<4 {
                    let ids = lines.compactMap { $0?["id"]?.intValue }.filter { $0 / 1000 == sender }
                    #expect(ids == (0..<50).map { sender * 1000 + $0 })
                }
                for line in lines {
                    let id = line?["id"]?.intValue ?? -1
                    #expect(line?["result"]?.stringValue?.utf8.count == id % 1000 * 997)
                }
            }
        }
        await transport.close()
        Descriptors.close(writing, reading)
    }

    @Test func aPeerThatDoesNotReadIsGivenUp() async throws {
        let (transport, writing, reading) = try ServerTests.pipes(PipeLimits(writeDeadline: 200))
        let recorder = Recorder()
        try transport.start { recorder.add($0) }
        transport.send(.reply(RequestID(1), result: .string(String(repeating: "x", count: 100_000))))
        #expect(await recorder.waitForEnd() == .stalled)
        await transport.close()
        Descriptors.close(writing, reading)
    }

    @Test func progressIsDroppedFirst() async throws {
        let (transport, writing, reading) = try ServerTests.pipes(PipeLimits(queue: 1 << 20, droppingQueue: 1000))
        let recorder = Recorder()
        try transport.start { recorder.add($0) }
        let text = JSONValue.string(String(repeating: "x", count: 100_000))
        transport.send(.reply(RequestID(1), result: text))
        let progress = Frame.notification("n", params: ["x": text], kind: .droppable)
        for _ in 0..<1000 { transport.send(progress) }  // a hundred times what the queue may hold
        transport.send(.reply(RequestID(2), result: [:]))
        #expect(recorder.end == nil)
        await transport.close()
        Descriptors.close(writing, reading)
    }

    @Test func tooMuchWaitingIsGivenUp() async throws {
        let (transport, writing, reading) = try ServerTests.pipes(PipeLimits(queue: 1 << 20))
        let recorder = Recorder()
        try transport.start { recorder.add($0) }
        let text = JSONValue.string(String(repeating: "x", count: 100_000))
        for id in 0..<20 { transport.send(.reply(RequestID(id), result: text)) }
        #expect(await recorder.waitForEnd() == .stalled)
        await transport.close()
        Descriptors.close(writing, reading)
    }

    @Test func aPeerThatHasGoneIsNoticed() async throws {
        for isWriting in [false, true] {
            let (transport, writing, reading) = try ServerTests.pipes()
            let recorder = Recorder()
            try transport.start { recorder.add($0) }
            Descriptors.close(reading)  // its input stays open
            if isWriting { transport.send(.reply(RequestID(1), result: [:])) }
            #expect(await recorder.waitForEnd() == .peerStoppedReading)
            await transport.close()
            Descriptors.close(writing)
        }
    }
}
