// What the engine knows of one sequence: its tokens, and what its requester wants of them.
import Grammar
import Tokens

/// One sequence in the engine.
final class SequenceState: @unchecked Sendable {
    // Safe: made by the requester, handed over once through the inbox, and from then on touched by the engine's thread alone, and by the pool's
    // threads only between the begin and the end of a job that the engine's thread waits for.

    /// What is wanted.
    enum Purpose {
        case generation(GenerationState)
        case score(ScoreState)
        case logits(LogitsState)
    }

    let id: SequenceID
    /// How many of the tokens came with the request.
    let promptCount: Int
    /// All tokens that are known.
    var tokens: [TokenID]
    let purpose: Purpose

    init(id: SequenceID, prompt: [TokenID], purpose: Purpose) {
        self.id = id
        promptCount = prompt.count
        tokens = prompt
        self.purpose = purpose
    }
}

/// A reply in the making.
final class GenerationState {
    let request: GenerationRequest
    let events: Generation.Stream.Continuation
    let arrival = monotonicSeconds()
    var matcher: Matcher?
    var mask: TokenMask
    var usage = Usage()
    /// When the first token was sampled.
    var firstToken: Double?
    /// Positions that progress was reported for.
    var prefilled = 0
    /// Tokens that were known when it entered the queue.
    var initialCount = 0
    /// Tokens that may still be generated when the next one is sampled, that one included.
    var remaining = 0
    /// What the sampler said in this step.
    var outcome: Result<GeneratedToken, EngineError>?
    /// The parse after the sampled token, where it was tried already.
    private(set) var following: Matcher?
    /// No ending within the budget was found any more, so that the reply may be cut.
    private(set) var hasLostItsEnd = false

    init(request: GenerationRequest, events: Generation.Stream.Continuation, vocabularySize: Int) {
        self.request = request
        self.events = events
        matcher = request.constraint
        mask = TokenMask(count: request.constraint == nil ? 0 : vocabularySize)
        usage.promptTokens = request.prompt.count
    }

    /// Writes the tokens that may come next into the mask: the grammar's, and the stop tokens where it can stop.
    func fillMask() {
        guard matcher != nil else { return }
        matcher!.fill(&mask)
        addStops()
    }

    /// Chooses the token that follows from its row of logits; the outcome is kept for the engine's thread.
    func sample(_ logits: UnsafeBufferPointer<Float>, tokens: [TokenID], scratch: SamplerScratch) {
        request.logitsObserver?(Array(logits))
        let known = UnsafeBufferPointer(rebasing: logits.prefix(request.vocabularyLimit ?? logits.count))
        let sampler = Sampler(raw: known, scratch: scratch)
        do throws(EngineError) {
            var token = try choose(sampler, tokens)
            if !leavesRoom(token.id), leadToEnd() {
                token = try choose(sampler, tokens)
                usage.ledTokens += 1
                // The mask is a little too wide within names.
                for _ in 0..<Self.ledTries where !leavesRoom(token.id) {
                    mask.clear(token.id)
                    if mask.allowedCount == 0 { matcher!.fillEnding(&mask, remainingTokens: remaining) }
                    token = try choose(sampler, tokens)
                }
                if !leavesRoom(token.id) {
                    matcher!.fillEnding(&mask, remainingTokens: remaining)
                    token = try choose(sampler, tokens)
                }
            }
            outcome = .success(token)
        } catch {
            outcome = .failure(error)
        }
    }

    private func choose(_ sampler: Sampler, _ tokens: [TokenID]) throws(EngineError) -> GeneratedToken {
        try sampler.sample(
            request.sampling, tokens: tokens, promptCount: request.prompt.count, mask: matcher == nil ? nil : mask.words, logprobs: request.logprobs)
    }

    // MARK: - The budget

    /// Tokens of a mask for the budget that are tried before the shortest ending's own.
    private static let ledTries = 4

    /// Whether the reply can be finished within its budget after this token.
    private func leavesRoom(_ token: TokenID) -> Bool {
        guard var next = matcher, !hasLostItsEnd, !(next.canStop && request.stopTokens.contains(token)) else { return true }
        guard next.accept(token, remainingTokens: remaining) else { return false }
        following = next
        return true
    }

    /// Makes the mask what leaves room to finish; false, and the mask forbids nothing on that account, where nothing does.
    private func leadToEnd() -> Bool {
        matcher!.fill(&mask, remainingTokens: remaining)
        addStops()
        hasLostItsEnd = mask.allowedCount == 0
        return !hasLostItsEnd
    }

    private func addStops() {
        if matcher!.canStop { request.stopTokens.forEach { mask.set($0) } }
    }

    /// Takes the sampled token into the parse; false when the grammar rejects it.
    func accept(_ token: TokenID) -> Bool {
        if let next = following.take() {
            matcher = next
            return true
        }
        return matcher?.accept(token) ?? true
    }

    /// What the grammar forces from here, as far as the reply can be finished within `room` tokens in all. The last tokens are left to the mask
    /// where the canonical spelling takes more than there are.
    func forcedTokens(room: Int) -> [TokenID] {
        guard let matcher, request.forcesTokens else { return [] }
        let forced = matcher.forcedTokens(limit: room)
        if forced.isEmpty || hasLostItsEnd { return forced }
        var end = matcher
        for token in forced where !end.accept(token) { return forced }
        if end.canFinish(within: room - forced.count) { return forced }
        end = matcher
        for (index, token) in forced.enumerated() where !end.accept(token, remainingTokens: room - index) { return Array(forced[..<index]) }
        return forced
    }
}

/// Log-probabilities in the making: the prompt is computed once, then each continuation is laid behind it in turn.
final class ScoreState {
    let continuations: [[TokenID]]
    let reply: @Sendable (Result<[[Float]], EngineError>) -> Void
    /// The continuation that lies behind the prompt; nil while the prompt is computed.
    var current: Int?
    /// One value for every token of every continuation, one after the other. Rows write to places of their own, from any thread.
    private let values: UnsafeMutableBufferPointer<Float>
    private let offsets: [Int]

    init(continuations: [[TokenID]], reply: @escaping @Sendable (Result<[[Float]], EngineError>) -> Void) {
        self.continuations = continuations
        self.reply = reply
        var offsets: [Int] = []
        var total = 0
        for continuation in continuations {
            offsets.append(total)
            total += continuation.count
        }
        self.offsets = offsets
        values = .allocate(capacity: total)
        values.initialize(repeating: 0)
    }

    deinit { values.deallocate() }

    /// Reads what the logits after `position` say: of every continuation's first token at the prompt's end, of the current one's next behind it.
    func take(_ logits: UnsafeBufferPointer<Float>, position: Int, promptCount: Int) {
        let isFinite = LogProbabilities.isFinite(logits)
        let probabilities = LogProbabilities(logits)
        func write(_ continuation: Int, _ index: Int) {
            values[offsets[continuation] + index] = isFinite ? probabilities.of(Int(continuations[continuation][index])) : .nan
        }
        if position == promptCount - 1 {
            for index in continuations.indices where !continuations[index].isEmpty { write(index, 0) }
        } else if let current {
            write(current, position - promptCount + 1)
        }
    }

    /// The next continuation of which something must be computed behind the prompt; nil when all are done.
    func advance() -> ArraySlice<TokenID>? {
        let next = ((current ?? -1) + 1..<continuations.count).first { continuations[$0].count > 1 }
        current = next ?? continuations.count
        return next.map { continuations[$0].dropLast() }
    }

    /// The finished table.
    func finish(promptCount: Int) {
        if values.contains(where: { $0.isNaN }) { return reply(.failure(.nonFiniteLogits(position: promptCount - 1))) }
        reply(.success(continuations.indices.map { Array(values[offsets[$0]..<offsets[$0] + continuations[$0].count]) }))
    }
}

/// Logits of all positions in the making.
final class LogitsState {
    let reply: @Sendable (Result<[Float], EngineError>) -> Void
    private let values: UnsafeMutableBufferPointer<Float>

    init(count: Int, vocabularySize: Int, reply: @escaping @Sendable (Result<[Float], EngineError>) -> Void) {
        self.reply = reply
        values = .allocate(capacity: count * vocabularySize)
        values.initialize(repeating: 0)
    }

    deinit { values.deallocate() }

    /// Keeps one position's row.
    func take(_ logits: UnsafeBufferPointer<Float>, position: Int) {
        (values.baseAddress! + position * logits.count).update(from: logits.baseAddress!, count: logits.count)
    }

    /// The finished table, [P, V].
    func finish() { reply(.success(Array(values))) }
}
