// Lines out of chunks: any chunking gives the same lines.
import Testing

@testable import MCP

@Suite struct LineSplitterTests {
    static func split(_ chunks: [[UInt8]], limit: Int = 1000) -> [TransportEvent] {
        var splitter = LineSplitter(limit: limit)
        var events: [TransportEvent] = []
        for chunk in chunks { chunk.withUnsafeBufferPointer { splitter.push($0) { events.append($0) } } }
        splitter.finish { events.append($0) }
        return events
    }

    @Test(
        arguments: [
            ("", []), ("a\n", ["a"]), ("a", ["a"]), ("a\nb\n", ["a", "b"]), ("a\r\n\r\n\n  \t\r\nb\r\n", ["a", "b"]), ("a\rb\n", ["a\rb"]),
            ("a\u{2028}b\u{85}c\u{0B}\n", ["a\u{2028}b\u{85}c\u{0B}"]), ("\n\n\n", []), ("\0\n", ["\0"]),
        ] as [(String, [String])])
    func splits(text: String, lines: [String]) {
        #expect(LineSplitterTests.split([Array(text.utf8)]) == lines.map { .line(Array($0.utf8)) })
    }

    @Test func skipsWhatIsTooLong() {
        let long = [UInt8](repeating: 0x61, count: 5000)
        for count in [1, 7, 4096, 6000] {
            let bytes = Array("x\n".utf8) + long + Array("\ny\n".utf8)
            let chunks = stride(from: 0, to: bytes.count, by: count).map { Array(bytes[$0..<min($0 + count, bytes.count)]) }
            let events = LineSplitterTests.split(chunks)
            #expect(events.count == 3)
            #expect(events.first == .line([0x78]) && events.last == .line([0x79]))
            guard case .oversizedLine(let prefix, 1000) = events[1] else {
                Issue.record("not skipped: \(events[1])")
                continue
            }
            #expect(prefix.allSatisfy { $0 == 0x61 } && prefix.count == 1000)
        }
        #expect(LineSplitterTests.split([[UInt8](repeating: 0x61, count: 1000) + [0x0A]]).count == 1)
    }

    @Test func anyChunkingGivesTheSameLines() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SplitMix(seed: seed)
        for round in 0..<300 {
            let bytes = (0..<Int.random(in: 0...400, using: &generator)).map { _ in
                [0x0A, 0x0D, 0x61, 0xE2, 0x80, 0xA8, 0x20, 0x00].randomElement(using: &generator)! as UInt8
            }
            var chunks: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...20, using: &generator)
                chunks.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let limit = Int.random(in: 5...100, using: &generator)
            let whole = LineSplitterTests.split([bytes], limit: limit)
            let pieces = LineSplitterTests.split(chunks, limit: limit)
            #expect(whole == pieces, "seed \(seed), round \(round)")
        }
    }
}

/// A small generator whose seed can be printed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
