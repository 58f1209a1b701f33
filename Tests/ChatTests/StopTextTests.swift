// Stop texts: the winner is the one that ends first, however the text arrives; a search for every text at every place is the slow twin.
import TestSupport
import Testing

@testable import Chat

@Suite struct StopTextTests {
    /// What is shown and what is found when the text comes in pieces of these sizes.
    static func cut(_ text: String, _ stops: [String], size: () -> Int) -> (shown: String, found: String?) {
        var search = StopTexts(stops)
        var shown = ""
        var rest = Substring(text)
        while !rest.isEmpty {
            let count = size()
            shown += search.push(String(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return (shown + search.finish(), search.found)
    }

    /// The same, slowly: at every end, longest first.
    static func cutSlowly(_ text: String, _ stops: [String]) -> (shown: String, found: String?) {
        for end in text.indices {
            let read = text[...end]
            if let stop = stops.filter({ read.hasSuffix($0) }).max(by: { $0.count < $1.count }) {
                return (String(read.dropLast(stop.count)), stop)
            }
        }
        return (text, nil)
    }

    @Test(arguments: 1...8) func theWinnerDoesNotDependOnChunking(_ size: Int) {
        let result = Self.cut("..xabcdef", ["xabcdef", "bc"]) { size }
        #expect(result == ("..xa", "bc"))
    }

    @Test func agreesWithTheSlowSearch() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            func text(_ lengths: ClosedRange<Int>) -> String {
                String((0..<Int.random(in: lengths, using: &random)).map { _ in "abé".randomElement(using: &random)! })
            }
            let stops = (0..<Int.random(in: 1...3, using: &random)).map { _ in text(1...5) }
            let read = text(0...16)
            let expected = Self.cutSlowly(read, stops)
            let result = Self.cut(read, stops) { Int.random(in: 1...4, using: &random) }
            #expect(result == expected, "seed \(seed): \(read) with \(stops)")
        }
    }

    /// Nothing is held back longer than it may still become a stop text, and long ones that almost come cost no more than their bytes.
    @Test func longStopsAreHeldBriefly() {
        let stop = String(repeating: "a", count: 50_000) + "b"
        var search = StopTexts([stop])
        var shown = 0
        for _ in 0..<200_000 { shown += search.push("a").utf8.count }
        #expect(shown == 150_000)
        #expect(search.push("c").utf8.count == 50_001)
    }
}
