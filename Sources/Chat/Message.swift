// One message of a conversation, and the tool calls it may carry.
public import JSON
public import Tokens

/// Who speaks.
public enum Role: String, Sendable, Hashable, CaseIterable {
    /// As chat templates know them.
    case system, user, assistant, tool
}

/// A tool as the model is told of it.
public struct ToolSpec: Sendable, Hashable {
    /// The name by which the model calls it.
    public var name: String
    /// What it does, in a sentence for the model.
    public var description: String?
    /// The JSON Schema of its arguments (an object schema).
    public var inputSchema: JSONValue

    /// A tool; see the members.
    public init(name: String, description: String? = nil, inputSchema: JSONValue) {
        self.name = name
        self.description = description
        self.inputSchema = inputSchema
    }
}

/// One call that the model made.
public struct ToolCall: Sendable, Hashable {
    /// Ties the tool's result to the call; made by us where the format has none on the wire.
    public var id: String
    /// The name of a declared tool.
    public var name: String
    /// The arguments, parsed.
    public var arguments: JSONValue

    /// A call; see the members.
    public init(id: String, name: String, arguments: JSONValue) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }
}

/// The exact tokens that made an assistant turn: a later request goes on from these, and not from a second rendering of their text.
public struct GeneratedTurn: Sendable, Hashable {
    /// The prompt's tokens, then the turn's own, without the stop token.
    public var tokens: [TokenID]
    /// How many of `tokens` were the prompt.
    public var promptCount: Int
    /// The text of which the prompt was the encoding; a later rendering must begin with it.
    public var promptText: String
    /// The turn's own text as it was generated, markers included, without the stop token.
    public var text: String
    /// `Vocabulary.identity` of the tokenizer that the tokens belong to.
    public var vocabulary: UInt64
    /// The message's content as it was generated: a message that says something else is no longer this turn.
    public var content: String
    /// The message's reasoning as it was generated.
    public var reasoning: String?
    /// The message's calls as they were generated.
    public var toolCalls: [ToolCall]

    /// The tokens of a turn, and what the message that they make says; see the members.
    public init(
        tokens: [TokenID], promptCount: Int, promptText: String, text: String, vocabulary: UInt64, content: String,
        reasoning: String? = nil, toolCalls: [ToolCall] = []
    ) {
        self.tokens = tokens
        self.promptCount = promptCount
        self.promptText = promptText
        self.text = text
        self.vocabulary = vocabulary
        self.content = content
        self.reasoning = reasoning
        self.toolCalls = toolCalls
    }

    /// Whether `message` still says what was generated.
    func isTold(by message: Message) -> Bool {
        content == message.content && reasoning == message.reasoning && toolCalls == message.toolCalls
    }
}

/// One message of a conversation.
public struct Message: Sendable, Hashable {
    /// Who speaks.
    public var role: Role
    /// What is said; empty beside tool calls alone.
    public var content: String
    /// What an assistant thought before it spoke, where the model marks its thoughts.
    public var reasoning: String?
    /// The calls that an assistant makes.
    public var toolCalls: [ToolCall]
    /// For a tool's message: the call that it answers.
    public var toolCallID: String?
    /// For a tool's message: the tool's name.
    public var name: String?
    /// For an assistant's message that this process generated: its exact tokens.
    public var generated: GeneratedTurn?

    /// A message; see the members.
    public init(
        role: Role, content: String, reasoning: String? = nil, toolCalls: [ToolCall] = [], toolCallID: String? = nil, name: String? = nil,
        generated: GeneratedTurn? = nil
    ) {
        self.role = role
        self.content = content
        self.reasoning = reasoning
        self.toolCalls = toolCalls
        self.toolCallID = toolCallID
        self.name = name
        self.generated = generated
    }

    /// A system message.
    public static func system(_ content: String) -> Message { Message(role: .system, content: content) }
    /// A user's message.
    public static func user(_ content: String) -> Message { Message(role: .user, content: content) }
    /// An assistant's message.
    public static func assistant(_ content: String, toolCalls: [ToolCall] = []) -> Message {
        Message(role: .assistant, content: content, toolCalls: toolCalls)
    }
    /// A tool's result.
    public static func tool(_ content: String, callID: String? = nil, name: String? = nil) -> Message {
        Message(role: .tool, content: content, toolCallID: callID, name: name)
    }
}
