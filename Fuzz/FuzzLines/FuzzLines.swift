// Fuzz target: the MCP line reader and the session behind it. Every line of output is one line of JSON, however the input is cut.
import JSON

@testable import MCP

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1, let start else { return 0 }
    let stride = Int(start[0]) + 1
    let whole = events(start + 1, count - 1, chunk: count)
    precondition(whole == events(start + 1, count - 1, chunk: stride), "the cut of the input matters")
    let tool = ToolDefinition(name: "echo", description: "Echo", inputSchema: ["type": "object"])
    var session = Session(server: ServerDescription(name: "fuzz", version: "1"), tools: [tool])
    for event in whole {
        let incoming: Incoming
        switch event {
        case .line(let line): incoming = Incoming(line: line)
        case .oversizedLine(let prefix, let limit): incoming = Incoming(oversized: prefix, limit: limit)
        default: continue
        }
        for action in session.receive(incoming) {
            guard case .send(let frame) = action else { continue }
            precondition(frame.bytes.last == 0x0A && !frame.bytes.dropLast().contains(0x0A), "a frame is one line")
            guard (try? JSONValue(parsing: Array(frame.bytes))) != nil else { fatalError("a frame is JSON") }
        }
    }
    return 0
}

private func events(_ start: UnsafePointer<UInt8>, _ count: Int, chunk: Int) -> [TransportEvent] {
    var splitter = LineSplitter(limit: 4096)
    var events: [TransportEvent] = []
    var offset = 0
    while offset < count {
        let length = min(chunk, count - offset)
        splitter.push(UnsafeBufferPointer(start: start + offset, count: length)) { events.append($0) }
        offset += length
    }
    splitter.finish { events.append($0) }
    return events
}
