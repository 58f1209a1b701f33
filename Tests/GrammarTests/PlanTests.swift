// Plans of objects and arrays: order, counts and counters, against a slow twin that tries every choice of ways.
import JSON
import TestSupport
import Testing
import Tokens

@testable import Grammar

/// A plan's graph under construction, with values that are single digits.
struct PlanGraph {
    var graph = Graph()
    var options = SchemaOptions(separators: .compact)

    /// A way to read one of the digits.
    mutating func way(_ digits: [Int], _ counters: Int...) throws -> Way {
        let value = try graph.words(digits.map { Array("\($0)".utf8) }, next: Graph.end)
        return Way(value: value, counters: counters.reduce(0) { $0 | 1 << UInt32($1) })
    }

    mutating func key(_ pattern: String) throws -> Lexeme {
        var terms = Terms()
        let term = try terms.matching(try RegexParser.parse(pattern))
        return try Lexeme(try terms.automaton(term, stateLimit: 1_000)!, spelling: .string)!
    }

    func compiled(_ entry: NodeID, _ vocabulary: Vocabulary = byteVocabulary) throws -> CompiledGrammar {
        try CompiledGrammar(.literal("plan"), graph, entry: entry, vocabulary: vocabulary)
    }
}

@Suite struct PlanTests {
    private func check(_ grammar: CompiledGrammar, _ good: [String], _ bad: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        for text in good where !accepts(grammar, text) {
            let read = grammar.makeMatcher().acceptedPrefix(of: Array(text.utf8))
            Issue.record("should accept \(text), died at byte \(read)", sourceLocation: sourceLocation)
        }
        for text in bad where accepts(grammar, text) { Issue.record("should reject \(text)", sourceLocation: sourceLocation) }
    }

    @Test func anyOrder() throws {
        var plan = PlanGraph()
        let digit = try plan.way([1, 2])
        let entry = try plan.graph.object(
            ObjectPlan(
                members: [
                    .init(name: "a", ways: [digit], isRequired: true), .init(name: "b", ways: [digit], isRequired: false),
                    .init(name: "c", ways: [], isRequired: false), .init(name: "d", ways: [digit], isRequired: true),
                ],
                cells: [.init(key: try plan.key("x+"), ways: [digit])], maximum: 4, isOrdered: false), plan.options, next: Graph.end)
        check(
            try plan.compiled(entry),
            [#"{"a":1,"d":2}"#, #"{"d":1,"a":2}"#, #"{"d":1,"b":1,"a":2}"#, #"{"x":1,"d":1,"b":1,"a":2}"#, #"{"x":1,"xx":1,"d":1,"a":2}"#],
            [
                #"{"a":1}"#, #"{}"#, #"{"a":1,"a":1,"d":1}"#, #"{"c":1,"a":1,"d":2}"#, #"{"x":1,"x":1,"d":1,"a":2}"#,
                #"{"x":1,"xx":1,"d":1,"b":1,"a":2}"#, #"{"x":1,"xx":1,"xxx":1}"#, #"{"x":1,"xx":1,"xxx":1,"#, #"{"a":3,"d":1}"#,
            ])
    }

    @Test func orderedCounts() throws {
        var plan = PlanGraph()
        let digit = try plan.way([1])
        let entry = try plan.graph.object(
            ObjectPlan(
                members: ["a", "b", "c"].map { .init(name: $0, ways: [digit], isRequired: $0 == "b") },
                cells: [.init(key: try plan.key("x|y"), ways: [digit])], minimum: 2, maximum: 3), plan.options, next: Graph.end)
        check(
            try plan.compiled(entry),
            [#"{"a":1,"b":1}"#, #"{"b":1,"c":1}"#, #"{"b":1,"y":1,"x":1}"#, #"{"a":1,"b":1,"c":1}"#, #"{"b":1,"x":1}"#],
            [#"{"b":1}"#, #"{"a":1,"c":1}"#, #"{"c":1,"b":1}"#, #"{"a":1,"b":1,"c":1,"x":1}"#, #"{"b":1,"x":1,"x":1}"#, #"{"x":1,"b":1}"#])
    }

    /// contains, minContains and maxContains: each item in a way that counts or in one that does not.
    @Test func countedItems() throws {
        var plan = PlanGraph()
        let (small, large) = (try plan.way([1, 2], 0), try plan.way([3, 4]))
        let entry = try plan.graph.array(
            ArrayPlan(prefix: [[large], [small, large]], rest: [small, large], maximum: 4, counters: [PlanCounter(minimum: 1, maximum: 2)]),
            plan.options, next: Graph.end)
        check(
            try plan.compiled(entry), ["[3,1]", "[3,1,4]", "[3,3,3,1]", "[4,2,2]", "[3,3,2,2]"],
            ["[]", "[3]", "[1]", "[3,3,3,3]", "[3,3,3,3", "[3,1,1,1]", "[3,1,1,1", "[3,1,3,3,3]"])
    }

    @Test func unfeasiblePlans() throws {
        var plan = PlanGraph()
        let (digit, never) = (try plan.way([1], 0), Way(value: try plan.graph.reserve(), counters: 0))
        let plans = [
            ObjectPlan(members: [.init(name: "a", ways: [never], isRequired: true)], isOrdered: false),
            ObjectPlan(members: [.init(name: "a", ways: [digit, never], isRequired: false)], minimum: 2),
            ObjectPlan(
                members: [.init(name: "a", ways: [digit, never], isRequired: true)], counters: [PlanCounter(minimum: 0, maximum: 0)]),
            ObjectPlan(members: [], cells: [.init(key: try plan.key("a|bc"), ways: [digit])], minimum: 3, isOrdered: false),
        ]
        for object in plans {
            var copy = plan
            let entry = try copy.graph.object(object, copy.options, next: Graph.end)
            #expect(throws: GrammarError.self) { try copy.compiled(entry) }
        }
    }

    /// Random plans: the graph reads exactly what the definition of a plan says, and no byte leads into a dead end.
    @Test func plansEqualTheirDefinition() throws {
        var random = SeededGenerator(seed: 31)
        var read = 0
        for round in 0..<60 {
            var plan = PlanGraph()
            let counters = (0..<Int.random(in: 0...2, using: &random)).map { _ in
                let minimum = Int.random(in: 0...2, using: &random)
                return PlanCounter(minimum: minimum, maximum: Bool.random(using: &random) ? minimum + Int.random(in: 0...1, using: &random) : nil)
            }
            func ways(_ plan: inout PlanGraph) throws -> (ways: [Way], digits: [[Int]]) {
                var found: ([Way], [[Int]]) = ([], [])
                for _ in 0..<Int.random(in: 0...2, using: &random) {
                    let digits = [1, 2].filter { _ in Bool.random(using: &random) }
                    if digits.isEmpty { continue }
                    let bits = UInt32.random(in: 0..<4, using: &random) & (1 << UInt32(counters.count) - 1)
                    found.0.append(Way(value: try plan.way(digits).value, counters: bits))
                    found.1.append(digits)
                }
                return found
            }
            let minimum = Int.random(in: 0...3, using: &random)
            let maximum = Bool.random(using: &random) ? minimum + Int.random(in: 0...2, using: &random) : nil
            let twin: PlanTwin
            let entry: NodeID
            if round % 3 == 0 {
                let lists = try (0..<4).map { _ in try ways(&plan) }
                twin = PlanTwin(
                    elements: lists.map { zip($0.ways.map(\.counters), $0.digits).map { ($0, $1) } }, required: [], names: [], isOrdered: true,
                    minimum: minimum, maximum: maximum, counters: counters)
                entry = try plan.graph.array(
                    ArrayPlan(
                        prefix: lists[..<3].map(\.ways), rest: lists[3].ways, minimum: minimum, maximum: maximum, counters: counters),
                    plan.options, next: Graph.end)
            } else {
                let names = ["a", "b", "c", "xx"]
                let required = names.map { $0 != "xx" && Int.random(in: 0..<4, using: &random) == 0 }
                let lists = try names.map { _ in try ways(&plan) }
                let isOrdered = round % 3 == 1
                twin = PlanTwin(
                    elements: lists.map { zip($0.ways.map(\.counters), $0.digits).map { ($0, $1) } }, required: required, names: names,
                    isOrdered: isOrdered, minimum: minimum, maximum: maximum, counters: counters)
                entry = try plan.graph.object(
                    ObjectPlan(
                        members: (0..<3).map { .init(name: names[$0], ways: lists[$0].ways, isRequired: required[$0]) },
                        cells: [.init(key: try plan.key("xx"), ways: lists[3].ways)], minimum: minimum, maximum: maximum, counters: counters,
                        isOrdered: isOrdered), plan.options, next: Graph.end)
            }
            let texts = twin.texts()
            guard let grammar = try? plan.compiled(entry) else {
                let right = texts.first { $0.value }
                #expect(right == nil, "round \(round): refused, but \(right?.key ?? "") is right")
                continue
            }
            for (text, isRight) in texts {
                #expect(accepts(grammar, text) == isRight, "round \(round): \(text) \(isRight)")
                read += 1
            }
            #expect(texts.contains { $0.value }, "round \(round): compiled, but nothing is right")
            noDeadEnds(grammar, texts.keys.sorted(), round)
        }
        print("plans: \(read) texts compared")
    }

    /// Whatever is read byte by byte can be finished within a few bytes more, by trying.
    private func noDeadEnds(_ grammar: CompiledGrammar, _ texts: [String], _ round: Int) {
        let right = texts.filter { accepts(grammar, $0) }.map { Array($0.utf8) }
        for text in texts {
            let bytes = Array(text.utf8)
            let count = grammar.makeMatcher().acceptedPrefix(of: bytes)
            let prefix = bytes[..<count]
            guard count < 24 else { continue }
            #expect(
                right.contains { $0.starts(with: prefix) } || count > 12, "round \(round): dead end after \(String(decoding: prefix, as: UTF8.self))")
        }
    }
}

/// What a plan means, by trying everything: all texts of up to four digits, and whether each is right.
struct PlanTwin {
    let elements: [[(counters: UInt32, digits: [Int])]]
    let required: [Bool]
    let names: [String]
    let isOrdered: Bool
    let minimum: Int
    let maximum: Int?
    let counters: [PlanCounter]

    /// Every text over the digits 1 and 2, with its verdict.
    func texts() -> [String: Bool] {
        var found: [String: Bool] = [:]
        func visit(_ chosen: [(element: Int, digit: Int)]) {
            let inner = chosen.map { names.isEmpty ? "\($0.digit)" : "\"\(names[$0.element])\":\($0.digit)" }.joined(separator: ",")
            found[names.isEmpty ? "[\(inner)]" : "{\(inner)}"] = isRight(chosen)
            guard chosen.count < 5 else { return }
            for element in names.isEmpty ? [min(chosen.count, elements.count - 1)] : Array(elements.indices) {
                if !names.isEmpty && chosen.contains(where: { $0.element == element }) { continue }
                for digit in 1...2 { visit(chosen + [(element, digit)]) }
            }
        }
        visit([])
        return found
    }

    private func isRight(_ chosen: [(element: Int, digit: Int)]) -> Bool {
        guard chosen.count >= minimum, maximum.map({ chosen.count <= $0 }) ?? true else { return false }
        for index in required.indices where required[index] && !chosen.contains(where: { $0.element == index }) { return false }
        if isOrdered && !names.isEmpty && chosen.map(\.element) != chosen.map(\.element).sorted() { return false }
        func fits(_ rest: ArraySlice<(element: Int, digit: Int)>, _ counts: [Int]) -> Bool {
            guard let first = rest.first else {
                return zip(counters, counts).allSatisfy { $1 >= $0.minimum && $1 <= $0.maximum ?? .max }
            }
            return elements[first.element].contains { way in
                way.digits.contains(first.digit)
                    && fits(rest.dropFirst(), counts.enumerated().map { $1 + Int(way.counters >> UInt32($0) & 1) })
            }
        }
        return fits(chosen[...], counters.map { _ in 0 })
    }
}

/// How often each way may be taken: searched, and tried one by one.
@Suite struct AmountSearchTests {
    /// Whether some numbers fit, by trying all up to `most`.
    private static func twin(_ variables: [[Int]], _ low: [Int], _ high: [Int], most: Int) -> Bool {
        guard let variable = variables.first else { return zip(low, high).allSatisfy { $0 <= 0 && $1 >= 0 } }
        return (0...most).contains { x in
            var (low, high) = (low, high)
            for amount in variable {
                low[amount] -= x
                if high[amount] != .max { high[amount] -= x }
            }
            return twin(Array(variables.dropFirst()), low, high, most: most)
        }
    }

    @Test func equalsItsTwin() {
        var random = SeededGenerator(seed: 41)
        var counts = (yes: 0, no: 0)
        for round in 0..<1_500 {
            let amounts = Int.random(in: 1...4, using: &random)
            let variables = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                (0..<amounts).filter { $0 == 0 || Bool.random(using: &random) }
            }
            let low = (0..<amounts).map { _ in Int.random(in: 0...5, using: &random) }
            let high = low.map { Int.random(in: 0..<4, using: &random) == 0 ? Int.max : $0 + Int.random(in: 0...3, using: &random) }
            var search = AmountSearch(variables)
            let answer = search.run(low, high)
            #expect(answer == Self.twin(variables, low, high, most: 8), "round \(round): \(variables) \(low) \(high)")
            let ranges = zip(low, high).map { AmountSearch.Range(Int32($0), $1 == .max ? .max : Int32($1)) }
            #expect(Double(search.failures) <= AmountSearch.mostSteps(variables, ranges), "round \(round): \(variables) \(low) \(high)")
            if answer { counts.yes += 1 } else { counts.no += 1 }
        }
        #expect(counts.yes > 300 && counts.no > 300, "\(counts)")
    }

    /// What may take too many steps from some position is refused when it is compiled, with its place, whatever the first position takes.
    @Test(arguments: [
        ("/allOf/0/contains", ##"{"type":"array","allOf":[\##(contains(2, 40)),\##(contains(3, 40)),\##(contains(5, 40)),\##(contains(7, 40))]}"##),
        (
            "/uniqueItems",
            ##"{"type":"array","uniqueItems":true,"items":{"type":"integer","minimum":0,"maximum":99},"allOf":[\##(contains(2, 40)),\##(contains(3, 40)),\##(contains(5, 40))]}"##
        ),
        (nil, ##"{"type":"array","allOf":[\##(contains(2, 150)),\##(contains(3, 150))]}"##),
        (nil, ##"{"type":"array","maxItems":1000000,"allOf":[\##(contains(2, 20)),\##(contains(3, 20))]}"##),
        (nil, #"{"type":"array","contains":{"const":1},"minContains":50000,"maxContains":60000,"maxItems":1000000}"#),
        (nil, ##"{"type":"array","uniqueItems":true,"items":{"enum":[1,2,3,4,5,6,7,8]},"allOf":[\##(contains(2, 3)),\##(contains(3, 2))]}"##),
    ])
    func refusedWhereItMayTakeLong(place: String?, schema: String) throws {
        let value = try json(schema)
        guard let place else {
            _ = try Rules(jsonSchema: value)
            return
        }
        let error = #expect(throws: GrammarError.self) { try Rules(jsonSchema: value) }
        guard case .tooLarge(let what, 100_000, let pointer)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(what.hasPrefix("steps to ") && pointer.description == place)
        // One keyword that counts is left to the validator, and the rest is kept.
        let relaxed = try Rules(jsonSchema: value, options: SchemaOptions(exactness: .relax)).relaxations
        #expect(relaxed.first?.pointer.description == place)
    }

    private static func contains(_ factor: Int, _ most: Int) -> String {
        #"{"contains":{"type":"integer","multipleOf":\#(factor)},"maxContains":\#(most)}"#
    }
}
