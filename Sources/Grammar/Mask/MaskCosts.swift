// An instrument: what masks cost, in CPU time of one thread, schema by schema with nothing known beforehand but the vocabulary.
public import Tokens

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Costs of masks, gathered over schemas and their instances. Times are CPU time of the calling thread in microseconds, less what reading the
/// clock itself takes.
public struct MaskCosts: Sendable {
    /// One mask that took long.
    public struct Slow: Sendable {
        /// Microseconds.
        public let cost: Double
        /// Which grammar.
        public let name: String
        /// Which instance.
        public let instance: Int
        /// How many of its tokens came before.
        public let position: Int
    }

    /// Of each grammar: rules, compilation and the first mask together.
    public private(set) var firstMasks: [Double] = []
    /// Of each grammar: rules and compilation.
    public private(set) var compilations: [Double] = []
    /// Of each mask but the first of a grammar.
    public private(set) var masks: [Double] = []
    /// Of each token taken.
    public private(set) var accepted: [Double] = []
    /// Of each grammar after its instances: bytes held, roughly.
    public private(set) var bytes: [Int] = []
    /// The masks that took longest, longest first.
    public private(set) var slowest: [Slow] = []
    private let overhead: Double

    /// An empty record.
    public init() {
        var costs: [Double] = []
        for _ in 0..<1_000 {
            let start = Self.now()
            costs.append(Self.now() - start)
        }
        overhead = costs.sorted()[500]
    }

    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    private func since(_ start: Double) -> Double { max(Self.now() - start - overhead, 0) }

    /// Compiles the rules and walks the instances token by token, each until it ends or its next token is forbidden.
    ///
    /// What other grammars left behind in the process is dropped first, so that every grammar is met as by a process that just started.
    /// - Returns: for each instance whether all of it was accepted and may stop there.
    /// - Throws: what `rules` or compiling throws; nothing is recorded then.
    public mutating func measure(
        _ name: String, vocabulary: Vocabulary, instances: [[TokenID]], rules: () throws(GrammarError) -> Rules
    ) throws(GrammarError) -> [Bool] {
        TokenTrie.of(vocabulary).forgetMasks()
        var mask = TokenMask(count: vocabulary.count)
        let start = Self.now()
        let grammar = try CompiledGrammar(try rules(), vocabulary: vocabulary)
        let compiled = since(start)
        var matcher = grammar.makeMatcher()
        matcher.fill(&mask)
        firstMasks.append(since(start))
        compilations.append(compiled)
        var verdicts: [Bool] = []
        for (number, tokens) in instances.enumerated() {
            matcher = grammar.makeMatcher()
            verdicts.append(walk(tokens, &matcher, &mask, name, number))
        }
        bytes.append(grammar.byteCount)
        return verdicts
    }

    private mutating func walk(
        _ tokens: [TokenID], _ matcher: inout Matcher, _ mask: inout TokenMask, _ name: String, _ number: Int
    ) -> Bool {
        for (position, token) in tokens.enumerated() {
            let start = Self.now()
            matcher.fill(&mask)
            let cost = since(start)
            masks.append(cost)
            note(Slow(cost: cost, name: name, instance: number, position: position))
            guard mask.allows(token) else { return false }
            let middle = Self.now()
            let isAccepted = matcher.accept(token)
            accepted.append(since(middle))
            precondition(isAccepted, "the mask allows what the matcher refuses")
        }
        return matcher.canStop
    }

    private mutating func note(_ slow: Slow) {
        guard slowest.count < 30 || slow.cost > slowest[slowest.count - 1].cost else { return }
        slowest.insert(slow, at: slowest.firstIndex { $0.cost < slow.cost } ?? slowest.count)
        if slowest.count > 30 { slowest.removeLast() }
    }

    /// Mean, percentiles and maximum of one kind of figure.
    public static func summary(_ values: [Double]) -> (mean: Double, percentiles: [(share: Double, value: Double)], maximum: Double) {
        guard !values.isEmpty else { return (0, [], 0) }
        let sorted = values.sorted()
        let percentiles = [0.5, 0.9, 0.99, 0.999].map { ($0, sorted[min(sorted.count - 1, Int(Double(sorted.count) * $0))]) }
        return (values.reduce(0, +) / Double(values.count), percentiles, sorted[sorted.count - 1])
    }

    /// The figures as a table, times in microseconds, memory in kilobytes.
    public var report: String {
        func row(_ title: String, _ values: [Double]) -> String {
            let (mean, percentiles, maximum) = Self.summary(values)
            let cells = [mean] + percentiles.map(\.value) + [maximum]
            return ([Self.padded(title, 14), Self.padded("\(values.count)", -9)] + cells.map { Self.padded(Self.decimal($0), -11) }).joined()
        }
        let head = ["figure", "count", "mean", "p50", "p90", "p99", "p99.9", "max"].enumerated().map { index, title in
            Self.padded(title, index == 0 ? 14 : index == 1 ? -9 : -11)
        }
        return [
            head.joined(), row("mask, µs", masks), row("token, µs", accepted), row("compile, µs", compilations),
            row("first mask, µs", firstMasks), row("memory, kB", bytes.map { Double($0) / 1e3 }),
        ].joined(separator: "\n")
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        let blanks = String(repeating: " ", count: max(abs(width) - text.count, 1))
        return width < 0 ? blanks + text : text + blanks
    }

    private static func decimal(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
