// What a chat model reports while it answers.
public import Engine
public import Grammar

/// Why an answer ended.
public enum ChatFinish: Sendable, Hashable {
    /// The model ended its turn, or the grammar was complete.
    case stop
    /// One of the request's stop texts came.
    case stopText(String)
    /// The turn ended with one or more tool calls.
    case toolCalls
    /// The token limit or the context was reached: what there is may be half a structure.
    case length
    /// The generation was cancelled.
    case cancelled
}

/// A token of the answer with its log-probability.
public struct TokenLogprob: Sendable, Hashable {
    /// A token that might have stood here.
    public struct Alternative: Sendable, Hashable {
        /// The bytes that it stands for.
        public var bytes: [UInt8]
        /// Its natural log-probability.
        public var logprob: Float

        /// An alternative; see the members.
        public init(bytes: [UInt8], logprob: Float) {
            self.bytes = bytes
            self.logprob = logprob
        }
    }
    /// The bytes that the token stands for (not always whole characters).
    public var bytes: [UInt8]
    /// Its natural log-probability; nil where the grammar left no choice, so that it was never sampled.
    public var logprob: Float?
    /// The best tokens at this place, best first.
    public var top: [Alternative]

    /// A token; see the members.
    public init(bytes: [UInt8], logprob: Float?, top: [Alternative] = []) {
        self.bytes = bytes
        self.logprob = logprob
        self.top = top
    }
}

/// What a chat model reports while it answers, in order. `finished` comes once, last.
public enum ChatEvent: Sendable {
    /// Tokens of the prompt computed so far.
    case prefill(done: Int, total: Int)
    /// Tokens of the answer generated so far, forced ones included; comes before what they say.
    case generated(tokens: Int)
    /// Something that the caller should know about how the request was carried out, in a sentence.
    case note(String)
    /// A piece of the answer.
    case text(String)
    /// A piece of the thoughts before the answer.
    case reasoning(String)
    /// A call of a declared tool begins; its name is whole.
    case toolCallStarted(index: Int, id: String, name: String)
    /// A piece of the call's arguments, the model's own characters.
    case toolCallArguments(index: Int, String)
    /// The call is whole.
    case toolCallFinished(index: Int, ToolCall)
    /// Log-probabilities of the tokens since the last such event, when the request asked for them.
    case logprobs([TokenLogprob])
    /// The answer is valid, but not by the grammar alone: these keywords were left to a validator, and it took so many answers. Right before the end.
    case relaxed([Relaxation], attempts: Int)
    /// The end: why, what it cost, and the whole assistant message.
    case finished(ChatFinish, Usage, Message)
}
