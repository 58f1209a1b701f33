// What an agent reports while it works, and what it has done in the end.
public import Chat
public import Engine

/// A step of a run, as it happens.
public enum AgentEvent: Sendable {
    /// A turn of the model begins; the first is 1.
    case turnStarted(Int)
    /// Prompt tokens that have been read.
    case prefill(done: Int, total: Int)
    /// A piece of the model's text.
    case text(String)
    /// A piece of the model's reasoning.
    case reasoning(String)
    /// Something that a person should know.
    case note(String)
    /// The model asks for a call; nothing has run yet.
    case toolCall(ToolCall)
    /// A call was not permitted, and why.
    case toolDenied(ToolCall, reason: String)
    /// A call has ended: what the model will read, and how long it took.
    case toolResult(ToolCall, ToolOutput, Duration)
    /// The run is over: the model's last message, free of calls.
    case answered(Message)
    /// The run is over without an answer.
    case stopped(AgentLimit)
}

/// What a run came to.
public struct AgentOutcome: Sendable {
    /// How a run ended.
    public enum Ending: Sendable, Hashable {
        /// The model gave an answer.
        case answered
        /// A limit was met first.
        case stopped(AgentLimit)
    }

    /// How the run ended.
    public var ending: Ending
    /// The whole conversation: what was given, and every message since.
    public var messages: [Message]
    /// All turns together.
    public var usage: Usage
    /// Turns that the model took.
    public var turns: Int

    /// The model's last text.
    public var answer: String? {
        guard ending == .answered, let last = messages.last, last.role == .assistant else { return nil }
        return last.content
    }
}
