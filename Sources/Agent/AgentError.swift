// Why a run could not begin or go on. What a tool does wrong is not among it: that is text for the model.

/// A fault that ends a run.
public enum AgentError: Error, Sendable, CustomStringConvertible {
    /// Two toolboxes offer a tool of this name.
    case duplicateTool(String)
    /// A toolbox cannot be used; the sentence names it.
    case toolbox(String)
    /// A configuration file is wrong; the sentence says where.
    case configuration(String)
    /// The model failed.
    case model(String)
    /// The caller has cancelled the run.
    case cancelled

    /// The error as a sentence.
    public var description: String {
        switch self {
        case .duplicateTool(let name): "two tools are named \"\(name)\""
        case .toolbox(let sentence), .configuration(let sentence): sentence
        case .model(let sentence): "the model: \(sentence)"
        case .cancelled: "cancelled"
        }
    }
}
