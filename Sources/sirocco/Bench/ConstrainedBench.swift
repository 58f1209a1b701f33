// sirocco bench constrained: does a grammar change what the model would say anyway, and what does it cost.
import ArgumentParser
import Chat
import Engine
import Grammar
import JSON
import Tokens
import Tools

struct ConstrainedBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "constrained", abstract: "Compare free greedy answers with those under a grammar: the same tokens, and at which speed.",
        discussion: """
            Rows are those of the embedded model's eval.jsonl. Every request is answered free, under its grammar token by token, and under its grammar \
            with forced tokens. Where the free answer is valid, all three must be the same, token for token; speeds are compared over these answers, \
            each the best of the runs, which alternate. Exit status 1: some answer differs.
            """)

    @OptionGroup var model: ModelOptions

    @Argument(help: "A file of evaluation rows.")
    var rows: String

    @Option(help: "Runs of each answer; the best one counts.")
    var runs = 3

    @Option(help: "Only every so manyth row.")
    var every = 1

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        for (name, value) in [("--runs", runs), ("--every", every)] where !(1...100_000).contains(value) {
            throw ValidationError("\(name) takes a number from 1 to 100,000.")
        }
    }

    func run() async throws {
        let rows = try Self.rows(readFile(rows), name: rows, every: every)
        let host = ModelHost(model)
        let runs = runs
        let result = await Result {
            try await cancelledBySignals {
                let line = ProgressLine()
                defer { line.clear() }
                var comparison = ConstrainedComparison(model: try await loadedModel(host), runs: runs)
                for (index, row) in rows.enumerated() {
                    line.show("row \(index + 1) of \(rows.count)")
                    try await comparison.add(row)
                }
                return comparison
            }
        }
        await host.shutdown()
        let comparison = try result.get()
        printLine(json ? comparison.json.text(.spaced) : comparison.text)
        for difference in comparison.differences.prefix(20) { note(plain(difference)) }
        if !comparison.differences.isEmpty { throw ExitCode.failure }
    }

    /// The rows of a file.
    static func rows(_ bytes: [UInt8], name: String, every: Int) throws -> [EvaluationRow] {
        let lines = bytes.split(separator: 0x0A).enumerated().filter { $0.offset % every == 0 }
        return try lines.map { index, line in
            guard let row = EvaluationRow(try JSONValue(parsing: Array(line))) else {
                throw CommandError("\(name):\(index + 1): no row of kind extract, classify, tool or agent")
            }
            return row
        }
    }
}

/// Answers with and without grammar, side by side.
struct ConstrainedComparison {
    /// How an answer is made.
    private enum Mode: Int, CaseIterable {
        case free, constrained, forced
    }

    private struct Answer {
        var tokens: [TokenID] = []
        var usage = Usage()
        var isStopped = false
    }

    let model: LocalChatModel
    let runs: Int
    private(set) var requests = 0
    private(set) var valid = 0
    /// Of the valid free answers, those that are the same token for token under the grammar.
    private(set) var sameConstrained = 0
    private(set) var sameForced = 0
    private(set) var forcedTokens = 0
    /// What differs, in words.
    private(set) var differences: [String] = []
    /// Tokens after the first of the answers that are the same, and the seconds that they took after the prompt.
    private var tokens = 0
    private var seconds = [Double](repeating: 0, count: Mode.allCases.count)
    private var decodeTokens = [Int](repeating: 0, count: Mode.allCases.count)

    init(model: LocalChatModel, runs: Int) {
        self.model = model
        self.runs = runs
    }

    /// Answers the row's requests in all ways.
    mutating func add(_ row: EvaluationRow) async throws {
        for request in row.requests { try await add(request, kind: row.kind) }
    }

    private mutating func add(_ request: ChatRequest, kind: String) async throws {
        let model = model
        let generation = try await onOwnThread { try model.generation(for: request) }
        guard let matcher = generation.constraint else { throw CommandError("the request has no grammar") }
        var answers: [Answer] = []
        var total = [Double](repeating: .infinity, count: Mode.allCases.count)
        var prefill = Double.infinity
        for run in 0..<runs {
            for mode in Mode.allCases {
                let answer = try await self.answer(generation, mode)
                if run == 0 { answers.append(answer) }
                total[mode.rawValue] = min(total[mode.rawValue], answer.usage.prefillSeconds + answer.usage.decodeSeconds)
                if mode == .free { prefill = min(prefill, answer.usage.prefillSeconds) }
            }
        }
        requests += 1
        let vocabulary = model.tokenizer.vocabulary
        func text(_ answer: Answer) -> String { String(decoding: answer.tokens.flatMap { vocabulary.tokens[Int($0)] }, as: UTF8.self) }
        let free = answers[Mode.free.rawValue]
        guard free.isStopped, matcher.matches(free.tokens.flatMap { vocabulary.tokens[Int($0)] }) else { return }
        valid += 1
        let isSame = Mode.allCases.map { answers[$0.rawValue].tokens == free.tokens }
        if isSame[Mode.constrained.rawValue] { sameConstrained += 1 }
        if isSame[Mode.forced.rawValue] { sameForced += 1 }
        for mode in [Mode.constrained, .forced] where !isSame[mode.rawValue] {
            let answer = answers[mode.rawValue]
            let place = zip(free.tokens, answer.tokens).prefix { $0 == $1 }.count
            differences.append("\(kind), \(mode), token \(place) of \(free.tokens.count): \(text(free)) but \(text(answer))")
        }
        guard isSame.allSatisfy({ $0 }), free.tokens.count > 1 else { return }
        forcedTokens += answers[Mode.forced.rawValue].usage.forcedTokens
        tokens += free.tokens.count
        for mode in Mode.allCases {
            seconds[mode.rawValue] += total[mode.rawValue] - prefill
            decodeTokens[mode.rawValue] += answers[mode.rawValue].usage.generatedTokens - 1
        }
    }

    private func answer(_ generation: GenerationRequest, _ mode: Mode) async throws -> Answer {
        var generation = generation
        if mode == .free { generation.constraint = nil }
        generation.forcesTokens = mode == .forced
        var answer = Answer()
        for try await event in model.engine.generate(generation) {
            switch event {
            case .prefilled: break
            case .tokens(let tokens): answer.tokens += tokens.filter { !$0.isStop }.map(\.id)
            case .finished(let reason, let usage): (answer.usage, answer.isStopped) = (usage, reason == .stop)
            }
        }
        return answer
    }

    private func speed(_ mode: Mode) -> Double { Double(decodeTokens[mode.rawValue]) / seconds[mode.rawValue] }

    /// What the grammar costs, as a share of the free speed; negative: it is faster.
    private func cost(_ mode: Mode) -> Double { 1 - speed(mode) / speed(.free) }

    var text: String {
        """
        requests     \(requests), of which \(valid) have a valid free answer
        the same     \(sameConstrained) under the grammar, \(sameForced) with forced tokens
        free         \(decimals(speed(.free), 1)) tokens/s   (\(tokens) tokens)
        constrained  \(decimals(speed(.constrained), 1)) tokens/s   (\(decimals(cost(.constrained) * 100, 1)) % slower)
        forced       \(decimals(speed(.forced), 1)) tokens/s   (\(decimals(speed(.forced) / speed(.free), 2)) times as fast; \(forcedTokens) of the tokens forced)
        """
    }

    var json: JSONValue {
        [
            "requests": JSONValue(requests), "valid": JSONValue(valid), "same_constrained": JSONValue(sameConstrained),
            "same_forced": JSONValue(sameForced), "tokens": JSONValue(tokens), "forced_tokens": JSONValue(forcedTokens),
            "free_tokens_per_second": JSONValue(speed(.free)), "constrained_tokens_per_second": JSONValue(speed(.constrained)),
            "forced_tokens_per_second": JSONValue(speed(.forced)), "constrained_cost": JSONValue(cost(.constrained)),
            "differences": .array(differences.map { .string($0) }),
        ]
    }
}
