// What is asked of a chat model.
public import Engine
public import Grammar
public import JSON

/// Whether, and which, tools may or must be called.
public enum ToolChoice: Sendable, Hashable {
    /// The model chooses between text and calls.
    case auto
    /// No calls: the tools are shown, the grammar forbids calling them.
    case none
    /// At least one call of some declared tool, from the first token.
    case required
    /// A call of this declared tool, from the first token.
    case named(String)
}

/// What the answer has to look like; enforced token by token.
public enum OutputFormat: Sendable, Hashable {
    /// Free text.
    case text
    /// A JSON value that is valid under this schema.
    case json(schema: JSONValue)
    /// A text that this regular expression matches whole.
    case regex(String)
    /// One of these texts, exactly.
    case choice([String])
    /// A text that a grammar allows, written in this syntax.
    case grammar(String, GrammarSyntax)
}

/// One request to a chat model.
public struct ChatRequest: Sendable, Hashable {
    /// The conversation so far.
    public var messages: [Message]
    /// The tools that the model is told of.
    public var tools: [ToolSpec]
    /// Whether it may or must call them.
    public var toolChoice: ToolChoice
    /// The form of the answer.
    public var output: OutputFormat
    /// What becomes of a schema's keyword (of the output's, or of a tool's) that has no exact grammar: the request is refused, or the keyword is left
    /// to a validator, `ChatModel.reply(to:)`.
    public var exactness: SchemaOptions.Exactness
    /// How tokens are sampled.
    public var sampling: SamplingParameters
    /// The most tokens to generate; nil: what the context leaves.
    public var maxTokens: Int?
    /// Texts that end the answer; they are not part of it.
    public var stop: [String]
    /// Log-probabilities: nil none, 0 the chosen token's, n also the n best.
    public var logprobs: Int?
    /// Further variables for the chat template (for example `enable_thinking`).
    public var templateVariables: JSONObject

    /// A request; see the members.
    public init(
        messages: [Message], tools: [ToolSpec] = [], toolChoice: ToolChoice = .auto, output: OutputFormat = .text,
        exactness: SchemaOptions.Exactness = .exact, sampling: SamplingParameters = SamplingParameters(), maxTokens: Int? = nil, stop: [String] = [],
        logprobs: Int? = nil,
        templateVariables: JSONObject = JSONObject()
    ) {
        self.messages = messages
        self.tools = tools
        self.toolChoice = toolChoice
        self.output = output
        self.exactness = exactness
        self.sampling = sampling
        self.maxTokens = maxTokens
        self.stop = stop
        self.logprobs = logprobs
        self.templateVariables = templateVariables
    }
}
