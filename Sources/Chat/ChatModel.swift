// Whatever answers chat requests: the local engine, a scripted model in tests, later a remote one.
public import Engine
public import Grammar

/// One choice of a scored set.
public struct ChoiceScore: Sendable, Hashable {
    /// The choice as it was given.
    public var label: String
    /// The sum of the natural log-probabilities of its tokens, the end of the turn included.
    public var logProbability: Double
    /// The probability among the choices given (they sum to 1).
    public var probability: Double

    /// A score; see the members.
    public init(label: String, logProbability: Double, probability: Double) {
        self.label = label
        self.logProbability = logProbability
        self.probability = probability
    }
}

/// Whatever answers chat requests.
public protocol ChatModel: Sendable {
    /// The model's name, for people.
    var name: String { get }
    /// One answer as it is made. Failures are `ChatError`s; ending the iteration early cancels the generation. Under `.relax` what the grammar
    /// leaves out is not validated: `reply(to:)` is what to ask.
    func attempt(_ request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error>
    /// How probable each choice is as the whole answer, in the order of `choices`.
    func score(_ request: ChatRequest, choices: [String]) async throws -> [ChoiceScore]
}

extension ChatModel {
    /// The answer as it is made. Failures are `ChatError`s; ending the iteration early cancels the generation.
    ///
    /// Where `.relax` leaves a keyword out of the grammar, an answer is shown when it is whole and valid, and one that violates the keyword is
    /// generated again, with another seed and a temperature of at least 0.7, up to four answers in all; then it is a `ChatError.violation`.
    public func reply(to request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error> {
        request.exactness == .exact ? attempt(request) : RelaxedReply(model: self, request: request).events()
    }

    /// The whole answer: the stream, folded.
    public func complete(_ request: ChatRequest) async throws -> Completion {
        var relaxed: (relaxations: [Relaxation], attempts: Int) = ([], 1)
        for try await event in reply(to: request) {
            switch event {
            case .relaxed(let relaxations, let attempts): relaxed = (relaxations, attempts)
            case .finished(let finish, let usage, let message):
                return Completion(
                    message: message, finish: finish, usage: usage, relaxations: relaxed.relaxations, attempts: relaxed.attempts)
            default: break
            }
        }
        try Task.checkCancellation()
        throw ChatError.endedWithoutResult
    }
}

/// A whole answer.
public struct Completion: Sendable, Hashable {
    /// The assistant's message.
    public var message: Message
    /// Why it ended.
    public var finish: ChatFinish
    /// What it cost, over all attempts.
    public var usage: Usage
    /// What the grammar left to the validator, which found nothing wrong.
    public var relaxations: [Relaxation]
    /// Answers that were generated for this one.
    public var attempts: Int

    /// A completion; see the members.
    public init(message: Message, finish: ChatFinish, usage: Usage, relaxations: [Relaxation] = [], attempts: Int = 1) {
        self.message = message
        self.finish = finish
        self.usage = usage
        self.relaxations = relaxations
        self.attempts = attempts
    }
}
