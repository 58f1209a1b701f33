// The tool loop: a turn, its calls, their results, until the model answers or a limit is met.
public import Chat
public import Engine
public import Grammar
import JSON

/// An agent: a model, its tools, and the bounds within which it may use them.
public struct AgentLoop: Sendable {
    private let model: any ChatModel
    private let toolboxes: [any Toolbox]
    private let limits: AgentLimits
    private let sampling: SamplingParameters
    private let output: OutputFormat
    private let exactness: SchemaOptions.Exactness
    private let permit: Permit

    /// - Parameters:
    ///   - output: the form of the answer; calls have their tools'.
    ///   - exactness: what becomes of keywords, of tools' schemas and the output's, that have no exact grammar.
    ///   - permit: asked before every call; nothing runs without it.
    public init(
        model: any ChatModel, toolboxes: [any Toolbox], limits: AgentLimits = AgentLimits(), sampling: SamplingParameters = SamplingParameters(),
        output: OutputFormat = .text, exactness: SchemaOptions.Exactness = .exact, permit: @escaping Permit
    ) {
        self.model = model
        self.toolboxes = toolboxes
        self.limits = limits
        self.sampling = sampling
        self.output = output
        self.exactness = exactness
        self.permit = permit
    }

    /// Runs until the model answers without a call, or a limit is met. Events are observed in order, one at a time.
    public func run(
        _ messages: [Message], observe: @escaping @Sendable (AgentEvent) async -> Void = { _ in }
    ) async throws(AgentError) -> AgentOutcome {
        let tools = try await ToolTable(toolboxes)
        var outcome = AgentOutcome(ending: .answered, messages: messages, usage: Usage(), turns: 0)
        var calls: [CallKey: Int] = [:]
        let clock = ContinuousClock()
        let deadline = clock.now + limits.duration
        while true {
            if let limit = limitMet(outcome, clock.now < deadline) { return await stop(&outcome, limit, observe) }
            outcome.turns += 1
            let allowedTokens = limits.tokens - outcome.usage.generatedTokens
            await observe(.turnStarted(outcome.turns))
            guard let completion = try await turn(outcome, tools.specs, until: deadline, observe) else {
                return await stop(&outcome, .duration(limits.duration), observe)
            }
            outcome.messages.append(completion.message)
            outcome.usage.add(completion.usage)
            let requested = completion.message.toolCalls
            if requested.isEmpty {
                // An answer that was cut off is no answer.
                if completion.finish == .length {
                    let hasTokensLeft = completion.usage.generatedTokens < allowedTokens
                    return await stop(&outcome, hasTokensLeft ? .context : .tokens(limits.tokens), observe)
                }
                await observe(.answered(completion.message))
                return outcome
            }
            for call in requested {
                calls[CallKey(call), default: 0] += 1
                if calls[CallKey(call)]! > limits.sameCalls {
                    return await stop(&outcome, .sameCall(name: call.name, times: limits.sameCalls), observe)
                }
            }
            let remaining = min(limits.callDuration, clock.now.duration(to: deadline))
            for (call, output) in zip(requested, await run(requested, with: tools, within: remaining, observe)) {
                outcome.messages.append(.tool(output.text, callID: call.id, name: call.name))
            }
            if Task.isCancelled { throw .cancelled }
        }
    }

    private func limitMet(_ outcome: AgentOutcome, _ isInTime: Bool) -> AgentLimit? {
        if !isInTime { return .duration(limits.duration) }
        if outcome.turns >= limits.turns { return .turns(limits.turns) }
        return outcome.usage.generatedTokens >= limits.tokens ? .tokens(limits.tokens) : nil
    }

    private func stop(
        _ outcome: inout AgentOutcome, _ limit: AgentLimit, _ observe: @Sendable (AgentEvent) async -> Void
    ) async -> AgentOutcome {
        outcome.ending = .stopped(limit)
        await observe(.stopped(limit))
        return outcome
    }

    /// One turn of the model; nil when the run's time was up first.
    private func turn(
        _ outcome: AgentOutcome, _ tools: [ToolSpec], until deadline: ContinuousClock.Instant,
        _ observe: @escaping @Sendable (AgentEvent) async -> Void
    ) async throws(AgentError) -> Completion? {
        let request = ChatRequest(
            messages: outcome.messages, tools: tools, output: output, exactness: exactness, sampling: sampling,
            maxTokens: limits.tokens - outcome.usage.generatedTokens)
        let model = model
        let result = await withDeadline(ContinuousClock.now.duration(to: deadline)) { () async -> Result<Completion, AgentError> in
            do {
                return .success(try await Self.completion(model.reply(to: request), observe))
            } catch let error as AgentError {
                return .failure(error)
            } catch {
                return .failure(Task.isCancelled ? .cancelled : .model("\(error)"))
            }
        }
        if Task.isCancelled { throw .cancelled }
        return try result?.get()
    }

    private static func completion(
        _ events: AsyncThrowingStream<ChatEvent, any Error>, _ observe: @Sendable (AgentEvent) async -> Void
    ) async throws -> Completion {
        for try await event in events {
            switch event {
            case .prefill(let done, let total): await observe(.prefill(done: done, total: total))
            case .note(let text): await observe(.note(text))
            case .text(let text): await observe(.text(text))
            case .reasoning(let text): await observe(.reasoning(text))
            case .generated, .toolCallStarted, .toolCallArguments, .toolCallFinished, .logprobs: break
            case .relaxed(let relaxations, let attempts):
                await observe(.note("valid after \(attempts) of the model's answers; \(relaxations.map(\.description).joined(separator: "; "))"))
            case .finished(let finish, let usage, let message): return Completion(message: message, finish: finish, usage: usage)
            }
        }
        try Task.checkCancellation()
        throw AgentError.model("its answer ended without a result")
    }

    /// Runs the calls of one turn: permission is asked one by one, then what is allowed runs at the same time. Outputs in the order of the calls.
    private func run(
        _ calls: [ToolCall], with tools: ToolTable, within duration: Duration, _ observe: @escaping @Sendable (AgentEvent) async -> Void
    ) async -> [ToolOutput] {
        var outputs = [ToolOutput?](repeating: nil, count: calls.count)
        var allowed: [(index: Int, toolbox: any Toolbox)] = []
        for (index, call) in calls.enumerated() {
            await observe(.toolCall(call))
            guard let (spec, toolbox) = tools.find(call.name) else {
                let output = ToolOutput("there is no tool named \(call.name); there are: \(tools.names)", isError: true)
                await observe(.toolResult(call, output, .zero))
                outputs[index] = output
                continue
            }
            switch await permit(call, spec) {
            case .allow: allowed.append((index, toolbox))
            case .deny(let reason):
                await observe(.toolDenied(call, reason: reason))
                outputs[index] = ToolOutput("the call was not allowed: \(reason)", isError: true)
            }
        }
        let observer = EventSerializer(observe)
        await withTaskGroup(of: (Int, ToolOutput).self) { group in
            for (index, toolbox) in allowed {
                group.addTask { (index, await self.output(of: calls[index], toolbox, within: duration, observer)) }
            }
            for await (index, output) in group { outputs[index] = output }
        }
        return outputs.map { $0! }
    }

    private func output(of call: ToolCall, _ toolbox: any Toolbox, within duration: Duration, _ observer: EventSerializer) async -> ToolOutput {
        let start = ContinuousClock.now
        var output =
            await withDeadline(duration) { await toolbox.call(call) }
            ?? ToolOutput("the call did not end within \(duration); it may or may not have taken effect", isError: true)
        output.text = shortened(output.text)
        await observer.observe(.toolResult(call, output, start.duration(to: .now)))
        return output
    }

    /// The text within the limit, cut between characters, and what is missing said in its place.
    private func shortened(_ text: String) -> String {
        guard text.utf8.count > limits.outputBytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: limits.outputBytes)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return text[..<end] + "\n[cut: \(limits.outputBytes) of \(text.utf8.count) bytes shown]"
    }
}

/// All toolboxes' tools by name.
private struct ToolTable {
    private(set) var specs: [ToolSpec] = []
    private var places: [String: (spec: ToolSpec, toolbox: any Toolbox)] = [:]

    init(_ toolboxes: [any Toolbox]) async throws(AgentError) {
        for toolbox in toolboxes {
            for spec in try await toolbox.tools() {
                guard places.updateValue((spec, toolbox), forKey: spec.name) == nil else { throw .duplicateTool(spec.name) }
                specs.append(spec)
            }
        }
    }

    func find(_ name: String) -> (spec: ToolSpec, toolbox: any Toolbox)? { places[name] }

    var names: String { specs.map(\.name).joined(separator: ", ") }
}

/// Two calls are the same when name and arguments are.
private struct CallKey: Hashable {
    let name: String
    let arguments: String

    init(_ call: ToolCall) {
        name = call.name
        arguments = call.arguments.text(JSONStyle(sortsKeys: true))
    }
}

/// Lets the calls that run at the same time report one after the other.
private actor EventSerializer {
    private let sink: @Sendable (AgentEvent) async -> Void
    private var last: Task<Void, Never>?

    init(_ sink: @escaping @Sendable (AgentEvent) async -> Void) { self.sink = sink }

    func observe(_ event: AgentEvent) async {
        let (previous, sink) = (last, sink)
        let task = Task {
            await previous?.value
            await sink(event)
        }
        last = task
        await task.value
    }
}
