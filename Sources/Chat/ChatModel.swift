// Whatever answers chat requests: the local engine, a scripted model in tests, later a remote one.
public import Engine

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
    /// The answer as it is made. Failures are `ChatError`s; ending the iteration early cancels the generation.
    func reply(to request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error>
    /// How probable each choice is as the whole answer, in the order of `choices`.
    func score(_ request: ChatRequest, choices: [String]) async throws -> [ChoiceScore]
}

extension ChatModel {
    /// The whole answer: the stream, folded.
    public func complete(_ request: ChatRequest) async throws -> Completion {
        for try await event in reply(to: request) {
            if case .finished(let finish, let usage, let message) = event {
                return Completion(message: message, finish: finish, usage: usage)
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
    /// What it cost.
    public var usage: Usage

    /// A completion; see the members.
    public init(message: Message, finish: ChatFinish, usage: Usage) {
        self.message = message
        self.finish = finish
        self.usage = usage
    }
}
