// The rules of dispatch, calls, cancellation, progress and logging, each as a row.
import JSON
import MCP
import Testing

@Suite struct SessionTests {
    /// Lines that get one error; the code, and the id it goes under (nil: none).
    @Test(
        arguments: [
            ("{nope", -32700, nil),
            (#"{"id":5,"jsonrpc":"2.0","params":{"x":"\ud800"}}"#, -32700, "5"),
            (#"{"jsonrpc":"2.0","id":"k","method":"m","params":"# + String(repeating: #"{"a":"#, count: 1000), -32700, #""k""#),
            (#"{"jsonrpc":"2.0","method":"m","params":{"id":9,"#, -32700, nil),
            ("7", -32600, nil),
            ("[]", -32600, nil),
            (#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600, nil),
            (#"{"id":1,"method":"ping"}"#, -32600, "1"),
            (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600, "1"),
            (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, nil),
            (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, nil),
            (#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32600, nil),
            (#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, -32600, nil),
            (#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32600, "1"),
            (#"{"jsonrpc":"2.0","id":1}"#, -32600, "1"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, -32602, "1"),
            (Table.legacy("1", "tools/list"), -32602, "1"),
            (Table.legacy("1", "tools/call", Table.echo), -32602, "1"),
            (Table.legacy("1", "server/discover"), -32602, "1"),
            (Table.legacy("1", "initialize"), -32602, "1"),
            (Table.legacy("1", "initialize", #""protocolVersion":5"#), -32602, "1"),
            (Table.legacy("1", "ping", #""_meta":7"#), -32602, "1"),
            (Table.modern("1", "initialize", #""protocolVersion":"2025-11-25""#), -32601, "1"),
            (Table.modern("1", "ping"), -32601, "1"),
            (Table.modern("1", "logging/setLevel", #""level":"info""#), -32601, "1"),
            (Table.modern("1", "subscriptions/listen", #""notifications":{}"#), -32601, "1"),
            (Table.modern("1", "no/such"), -32601, "1"),
            (Table.modern("1", "tools/list", #""cursor":"zzz""#), -32602, "1"),
            (Table.modern("1", "tools/list", #""cursor":5"#), -32602, "1"),
            (Table.modern("1", "tools/call"), -32602, "1"),
            (Table.modern("1", "tools/call", #""name":5"#), -32602, "1"),
            (Table.modern("1", "tools/call", #""name":"nope""#), -32602, "1"),
            (Table.modern("1", "tools/call", #""name":"echo","arguments":[]"#), -32602, "1"),
            (Table.modern("1", "tools/call", #""name":"echo","arguments":"text""#), -32602, "1"),
            (Table.modern("1", "tools/call", Table.echo, meta: #","progressToken":1.5"#), -32602, "1"),
            (Table.modern("1", "tools/call", Table.echo, meta: #","progressToken":null"#), -32602, "1"),
            (Table.modern("1", "tools/call", Table.echo, meta: #","io.modelcontextprotocol/logLevel":"loud""#), -32602, "1"),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
                -32602, "1"
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}}"#, -32602,
                "1"
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}}"#,
                -32022, "1"
            ),
        ] as [(String, Int, String?)])
    func refuses(line: String, code: Int, id: String?) throws {
        var table = Table()
        let answers = table.feed(line)
        try #require(answers.count == 1, "\(answers)")
        let answer = try JSONValue(parsing: answers[0])
        #expect(answer["error"]?["code"]?.intValue == code)
        #expect(answer["id"]?.text() == id)
        #expect(answer["result"] == nil)
        #expect(table.feed(Table.legacy("99", "ping")) == [#"{"jsonrpc":"2.0","id":99,"result":{}}"#])
    }

    /// Lines that get no answer at all.
    @Test(arguments: [
        #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        #"{"jsonrpc":"2.0","method":"notifications/zzz","params":{}}"#,
        #"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"nope"}}"#,
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":[]}"#,
        #"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
        Table.cancelled("999"), Table.cancelled("null"),
        #"{"jsonrpc":"2.0","id":4,"result":{}}"#,
        #"{"jsonrpc":"2.0","id":4,"error":{"code":-1,"message":"m"}}"#,
        #"{"jsonrpc":"2.0","error":{"code":-1,"message":"m"}}"#,
    ])
    func staysSilent(line: String) {
        var table = Table()
        #expect(table.feed(line) == [])
    }

    @Test func discovers() {
        var table = Table()
        #expect(
            table.feed(Table.modern(#""d""#, "server/discover")) == [
                #"{"jsonrpc":"2.0","id":"d","result":{"supportedVersions":["2026-07-28"],"capabilities":{"logging":{},"tools":{}},"#
                    + #""ttlMs":60000,"cacheScope":"public",\#(Table.stamp)}}"#
            ])
    }

    @Test(arguments: [
        ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"), ("2026-07-28", "2025-11-25"),
    ])
    func negotiates(asked: String, given: String) {
        var table = Table()
        #expect(
            table.feed(Table.legacy("0", "initialize", #""protocolVersion":"\#(asked)","capabilities":{"experimental":{"x":[1]}}"#)) == [
                #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"\#(given)","capabilities":{"logging":{},"tools":{}},"#
                    + #""serverInfo":{"name":"s","version":"1"}}}"#
            ])
    }

    @Test func listsInBothEras() {
        var table = Table("2025-11-25")
        let tools =
            #"{"tools":[{"name":"echo","description":"Says it again.","inputSchema":{"type":"object","properties":{"text":{"type":"string"},"#
            + #""items":{"type":"array"}}},"annotations":{"readOnlyHint":true}},{"name":"shape","title":"Shape","inputSchema":{"type":"object","#
            + #""properties":{"schema":{"type":"object"}}},"outputSchema":{"type":"object"}}]"#
        #expect(table.feed(Table.legacy("1", "tools/list")) == [#"{"jsonrpc":"2.0","id":1,"result":\#(tools)}}"#])
        #expect(
            table.feed(Table.modern("2", "tools/list", #""cursor":null"#)) == [
                #"{"jsonrpc":"2.0","id":2,"result":\#(tools),"ttlMs":60000,"cacheScope":"public",\#(Table.stamp)}}"#
            ])
    }

    @Test(arguments: ["9007199254740993", #""é\u2028😀""#, "-7", #""""#, "123456789012345678901234567890"])
    func echoesIdentifiers(id: String) throws {
        var table = Table()
        let answer = try #require(table.feed(Table.legacy(id, "ping")).first)
        #expect(try JSONValue(parsing: answer)["id"] == JSONValue(parsing: id))
        #expect(!answer.unicodeScalars.contains("\u{2028}"))
    }

    @Test func answersCallsInTheirEra() {
        var table = Table("2025-06-18")
        #expect(table.feed(Table.legacy("1", "tools/call", Table.echo)) == [#"call 0 echo {"text":"a"}"#])
        #expect(table.feed(Table.modern("2", "tools/call", Table.echo)) == [#"call 1 echo {"text":"a"}"#])
        let structured = ToolResult(structured: ["n": 1])
        let body = #""content":[{"type":"text","text":"{\"n\":1}"}],"structuredContent":{"n":1}"#
        #expect(table.finish(1, .success(structured)) == [#"{"jsonrpc":"2.0","id":2,"result":{\#(body),\#(Table.stamp)}}"#])
        #expect(table.finish(0, .success(structured)) == [#"{"jsonrpc":"2.0","id":1,"result":{\#(body)}}"#])
    }

    @Test func resultsKeepTheirShape() {
        var table = Table("2025-11-25")
        let rows: [(Result<ToolResult, RPCError>, String)] = [
            (.success(ToolResult(error: "no")), #""result":{"content":[{"type":"text","text":"no"}],"isError":true}"#),
            (.success(ToolResult(content: [], structuredContent: ["a": 1], isError: true)), #""result":{"content":[],"isError":true}"#),
            (.success(ToolResult(structured: [1])), #""result":{"content":[{"type":"text","text":"[1]"}]}"#),
            (.failure(.invalidParams("p")), #""error":{"code":-32602,"message":"p"}"#),
            (.success(ToolResult(text: "a\u{2028}\u{1}\n")), #""result":{"content":[{"type":"text","text":"a\u2028\u0001\n"}]}"#),
        ]
        for (index, row) in rows.enumerated() {
            _ = table.feed(Table.legacy("\(index)", "tools/call", Table.echo))
            #expect(table.finish(index, row.0) == [#"{"jsonrpc":"2.0","id":\#(index),\#(row.1)}"#])
        }
        _ = table.feed(Table.modern("9", "tools/call", Table.echo))
        #expect(
            table.finish(rows.count, .success(ToolResult(structured: [1]))) == [
                #"{"jsonrpc":"2.0","id":9,"result":{"content":[{"type":"text","text":"[1]"}],"structuredContent":[1],\#(Table.stamp)}}"#
            ])
    }

    /// Arguments as hosts send them, and as the tool sees them.
    @Test(arguments: [
        (#""name":"echo""#, "echo {}"),
        (#""name":"echo","arguments":"{\"text\":\"a\"}""#, #"echo {"text":"a"}"#),
        (#""name":"echo","arguments":{"items":" [1, 2]"}"#, #"echo {"items":[1,2]}"#),
        (#""name":"echo","arguments":{"items":"{}"}"#, #"echo {"items":"{}"}"#),
        (#""name":"echo","arguments":{"items":"[1"}"#, #"echo {"items":"[1"}"#),
        (#""name":"echo","arguments":{"text":"{}","other":"[]"}"#, #"echo {"text":"{}","other":"[]"}"#),
        (#""name":"shape","arguments":{"schema":"{\"type\":\"object\"}"}"#, #"shape {"schema":{"type":"object"}}"#),
    ])
    func unwrapsArguments(params: String, call: String) {
        var table = Table()
        #expect(table.feed(Table.modern("1", "tools/call", params)) == ["call 0 \(call)"])
    }

    @Test func cancelsOnce() {
        var table = Table("2025-11-25")
        _ = table.feed(Table.legacy("5", "tools/call", Table.echo))
        #expect(table.feed(Table.cancelled(#""5""#)) == [])  // a string is another id than an integer
        #expect(table.feed(Table.cancelled("5")) == ["cancel 0"])
        #expect(table.feed(Table.cancelled("5")) == [])
        #expect(table.progress(0, 1) == [])
        #expect(table.finish(0) == [])
        // The id is free again, and its new call is not the old one.
        #expect(table.feed(Table.legacy("5", "tools/call", Table.echo)) == [#"call 1 echo {"text":"a"}"#])
        #expect(table.finish(0) == [])
        #expect(table.finish(1).count == 1)
        #expect(table.feed(Table.cancelled("5")) == [])
    }

    @Test func refusesWhatRunsAlready() {
        var table = Table(limits: SessionLimits(calls: 2, bytes: 1000))
        _ = table.feed(Table.modern("1", "tools/call", Table.echo))
        #expect(table.feed(Table.modern("1", "tools/call", Table.echo))[0].contains("-32600"))
        #expect(table.feed(Table.modern("1", "tools/list"))[0].contains("-32600"))
        _ = table.feed(Table.modern("2", "tools/call", Table.echo))
        #expect(table.feed(Table.modern("3", "tools/call", Table.echo))[0].contains("2 calls are already running"))
        _ = table.finish(0)
        let long = #""name":"echo","arguments":{"text":"\#(String(repeating: "x", count: 1000))"}"#
        #expect(table.feed(Table.modern("4", "tools/call", long))[0].contains("bytes of arguments"))
        #expect(table.feed(Table.modern("5", "tools/call", Table.echo)) == [#"call 2 echo {"text":"a"}"#])
    }

    @Test func stopsEverythingAtTheEnd() {
        var table = Table()
        for id in 1...3 { _ = table.feed(Table.modern("\(id)", "tools/call", Table.echo)) }
        _ = table.finish(1)
        #expect(table.show(table.session.disconnected()) == ["cancel 0", "cancel 2"])
        #expect(table.finish(0) == [])
    }

    @Test func progressRisesAndIsRare() {
        var table = Table()
        _ = table.feed(Table.modern("1", "tools/call", Table.echo, meta: #","progressToken":"t""#))
        _ = table.feed(Table.modern("2", "tools/call", Table.echo))
        func line(_ value: String) -> [String] {
            [#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":\#(value),"total":2}}"#]
        }
        let rows: [(Double, Double, [String])] = [
            (0, 0, line("0")), (0.5, 0.1, []), (0.5, 0.6, line("0.5")), (0.5, 2, []), (0.25, 3, []), (.nan, 4, []), (.infinity, 5, []),
            (2, 6, line("2")),
        ]
        for (value, time, expected) in rows { #expect(table.progress(0, value, at: time) == expected) }
        #expect(table.progress(1, 1) == [])  // no token, no progress
        _ = table.finish(0)
        #expect(table.progress(0, 3, at: 10) == [])
    }

    @Test func logsToThoseWhoAsked() {
        var table = Table("2025-11-25")
        _ = table.feed(Table.legacy("1", "tools/call", Table.echo))
        _ = table.feed(Table.modern("2", "tools/call", Table.echo))
        _ = table.feed(Table.modern("3", "tools/call", Table.echo, meta: #","io.modelcontextprotocol/logLevel":"warning""#))
        let line = #"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}"#
        #expect((0...2).map { table.log($0, .error) } == [[], [], [line]])
        #expect(table.log(2, .info) == [])
        #expect(table.feed(Table.legacy("4", "logging/setLevel", #""level":"loud""#))[0].contains("-32602"))
        #expect(table.feed(Table.legacy("5", "logging/setLevel", #""level":"error""#)) == [#"{"jsonrpc":"2.0","id":5,"result":{}}"#])
        #expect((0...2).map { table.log($0, .error) } == [[line], [], [line]])
        #expect(table.log(0, .warning) == [])
    }

    @Test func batchesBelongToOneRevision() {
        for version in ["2024-11-05", "2025-06-18", "2025-11-25"] {
            var table = Table(version)
            #expect(table.feed(#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#)[0].contains("-32600"))
        }
        var table = Table("2025-03-26")
        func ping(_ id: String) -> String { #"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"# }
        func pong(_ id: String) -> String { #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"# }
        let call = Table.legacy("7", "tools/call", Table.echo)
        let note = #"{"jsonrpc":"2.0","method":"notifications/zzz"}"#
        #expect(table.feed("[]")[0].contains("-32600"))
        #expect(table.feed("[\(note)]") == [])
        #expect(table.feed("[\(ping("1")),\(note),\(ping("2"))]") == ["[\(pong("1")),\(pong("2"))]"])
        #expect(table.feed("[\(ping("1")),\(call)]") == [#"call 0 echo {"text":"a"}"#])
        #expect(
            table.finish(0) == [#"[\#(pong("1")),{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"ok"}]}}]"#])
        #expect(table.feed("[\(ping("1")),\(call)]") == [#"call 1 echo {"text":"a"}"#])
        #expect(table.feed(Table.cancelled("7")) == ["cancel 1", "[\(pong("1"))]"])
        #expect(table.feed("[\(call)]") == [#"call 2 echo {"text":"a"}"#])
        #expect(table.feed(Table.cancelled("7")) == ["cancel 2"])
        #expect(table.feed("[5,\(Table.legacy("8", "initialize", #""protocolVersion":"2025-03-26""#))]")[0].hasPrefix("[{"))
    }
}
