// Why a chat request is refused or fails.
public import Engine
public import Grammar
public import Jinja

/// Why a chat request is refused or fails.
public enum ChatError: Error, Sendable, CustomStringConvertible {
    /// The model brings no chat template, and none was given.
    case noTemplate(model: String)
    /// The chat template is not valid, or refuses the conversation.
    case template(JinjaError)
    /// The chat template cannot show what the request carries.
    case templateDrops(String)
    /// A field of the request that cannot be honoured.
    case invalidRequest(field: String, reason: String)
    /// Tools were given to a model whose tool-call format is not known.
    case toolsUnsupported(model: String, reason: String)
    /// A named tool choice that is not among the tools.
    case undeclaredTool(String)
    /// A tool whose input schema cannot be enforced.
    case toolSchema(tool: String, GrammarError)
    /// An output format that cannot be enforced.
    case output(GrammarError)
    /// No answer kept what the grammar leaves to the validator; the faults are the last one's.
    case violation(faults: [String], relaxations: [Relaxation], attempts: Int)
    /// The prompt does not leave room for an answer.
    case promptTooLong(promptTokens: Int, contextLength: Int)
    /// The engine failed.
    case engine(EngineError)
    /// The model's answer is not what its grammar promised (a fault in this program).
    case malformedReply(String)
    /// The stream of events ended without its last event.
    case endedWithoutResult

    /// The error as a sentence.
    public var description: String {
        switch self {
        case .noTemplate(let model): "\(model) brings no chat template"
        case .template(let error): "the chat template: \(error)"
        case .templateDrops(let what): "the model's chat template cannot show \(what)"
        case .invalidRequest(let field, let reason): "\(field): \(reason)"
        case .toolsUnsupported(let model, let reason): "tools: \(model) cannot be given tools: \(reason)"
        case .undeclaredTool(let name): "tool choice: no tool named \"\(name)\" is declared"
        case .toolSchema(let tool, let error): "the input schema of tool \"\(tool)\": \(error)"
        case .output(let error): "the output format: \(error)"
        case .violation(let faults, let relaxations, let attempts):
            "none of \(attempts) answers was valid; \(relaxations.map(\.description).joined(separator: "; ")); the last one's faults: "
                + faults.prefix(5).joined(separator: "; ")
        case .promptTooLong(let prompt, let context):
            "the prompt has \(prompt) tokens; the model's context holds \(context) tokens, prompt and answer together"
        case .engine(let error): "the engine: \(error)"
        case .malformedReply(let what): "the model's answer broke its own grammar: \(what)"
        case .endedWithoutResult: "the answer ended without a result"
        }
    }
}
