// Answers whose schema the grammar keeps only in part: validated, and generated again where they violate the rest.
import Engine
import Grammar
import JSON

/// What a request leaves to a validator, and the validators.
struct Contract: Sendable {
    /// Of the output's schema, and of the tools' input schemas, with pointers from `/tools/NAME` on.
    let relaxations: [Relaxation]
    private let output: InstanceValidator?
    private let tools: [String: InstanceValidator]

    /// - Throws: what is refused even relaxed, as where no validator can check it either.
    init(_ request: ChatRequest) throws(ChatError) {
        let options = SchemaOptions(exactness: .relax)
        var relaxations: [Relaxation] = []
        var output: InstanceValidator?
        if case .json(let schema) = request.output {
            do throws(GrammarError) {
                relaxations = try Rules(jsonSchema: schema, options: options).relaxations
                if !relaxations.isEmpty { output = try InstanceValidator(schema: schema) }
            } catch {
                throw .output(error)
            }
        }
        var tools: [String: InstanceValidator] = [:]
        for tool in request.tools where request.toolChoice != .none {
            do throws(GrammarError) {
                let schema = try ToolGrammar.argumentsSchema(of: tool)
                let found = try Rules(jsonSchema: schema, options: options).relaxations
                if found.isEmpty { continue }
                tools[tool.name] = try InstanceValidator(schema: schema)
                relaxations += found.map {
                    Relaxation(keyword: $0.keyword, pointer: JSONPointer(["tools", tool.name] + $0.pointer.tokens), reason: $0.reason)
                }
            } catch {
                throw .toolSchema(tool: tool.name, error)
            }
        }
        self.relaxations = relaxations
        self.output = output
        self.tools = tools
    }

    /// In what a whole answer violates its schemas; empty for a valid one.
    func faults(of message: Message) -> [String] {
        if message.toolCalls.isEmpty {
            guard let output else { return [] }
            do {
                return output.validate(try JSONValue(parsing: message.content)).map(\.description)
            } catch {
                return ["the answer is not JSON: \(error)"]
            }
        }
        return message.toolCalls.flatMap { call in
            (tools[call.name]?.validate(call.arguments) ?? []).map { "the call of \(call.name), \($0)" }
        }
    }
}

/// One reply under `.relax`.
struct RelaxedReply: Sendable {
    /// The most answers that are generated for one that is valid: the first as the request says, the others with other seeds.
    static let maximumAttempts = 4
    /// The least temperature from the second attempt on, so that it is not the first once more.
    static let temperature: Float = 0.7

    let model: any ChatModel
    let request: ChatRequest

    /// The events of the first valid answer; nothing of an invalid one is shown but the tokens that it cost.
    func events() -> AsyncThrowingStream<ChatEvent, any Error> {
        AsyncThrowingStream { continuation in
            // Safe: not structured, for it outlives this call; it ends with the stream, whose end cancels it.
            let task = Task {
                do {
                    try await self.run { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func run(emit: (ChatEvent) -> Void) async throws {
        let contract = try await onOwnThread { try Contract(self.request) }
        guard !contract.relaxations.isEmpty else {
            for try await event in model.attempt(request) { emit(event) }
            return
        }
        var spent = Usage()
        var faults: [String] = []
        for number in 1...Self.maximumAttempts {
            var held: [ChatEvent] = []
            var last: (finish: ChatFinish, usage: Usage, message: Message)?
            for try await event in model.attempt(request(ofAttempt: number)) {
                switch event {
                case .prefill: if number == 1 { emit(event) }
                case .generated(let tokens): emit(.generated(tokens: spent.generatedTokens + tokens))
                case .finished(let finish, let usage, let message): last = (finish, usage, message)
                default: held.append(event)
                }
            }
            guard let last else {
                try Task.checkCancellation()
                throw ChatError.endedWithoutResult
            }
            spent.add(last.usage)
            // What was cut says so by its finish.
            let isWhole = last.finish != .length && last.finish != .cancelled
            faults = isWhole ? contract.faults(of: last.message) : []
            if faults.isEmpty {
                held.forEach(emit)
                if isWhole { emit(.relaxed(contract.relaxations, attempts: number)) }
                emit(.finished(last.finish, spent, last.message))
                return
            }
            emit(.note("answer \(number) of at most \(Self.maximumAttempts) violates what the grammar leaves out: \(faults[0])"))
        }
        throw ChatError.violation(faults: faults, relaxations: contract.relaxations, attempts: Self.maximumAttempts)
    }

    /// The request with which an answer is generated, from 1.
    func request(ofAttempt number: Int) -> ChatRequest {
        guard number > 1 else { return request }
        var varied = request
        varied.sampling.seed = request.sampling.seed &+ UInt64(number - 1) &* 0x9e37_79b9_7f4a_7c15
        varied.sampling.temperature = max(request.sampling.temperature, Self.temperature)
        return varied
    }
}
