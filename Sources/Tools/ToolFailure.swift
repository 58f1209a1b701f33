// Why a tool's work was refused or failed: sentences that a calling assistant can act on.

/// Why a tool's work was refused or failed.
public enum ToolFailure: Error, Sendable, Hashable {
    /// No tool has this name.
    case unknownTool(String)
    /// The arguments do not fit the tool's input schema; each fault names its place.
    case invalidArguments(tool: String, faults: [String])
    /// An argument is larger than its limit.
    case tooLarge(argument: String, bytes: Int, limit: Int)
    /// A schema (or regular expression) of the caller that cannot be enforced; nothing was computed.
    case unsupportedSchema(argument: String, reason: String)
    /// Fewer tokens are allowed than the shortest answer of the promised form takes (nil: none was found); nothing was computed. `limit` is what
    /// `max_output_tokens` says or, where `isContext`, what the prompt leaves of the model's context.
    case budgetTooSmall(minimum: Int?, limit: Int, isContext: Bool)
    /// The same, where the shortest answer has about so many bytes, in not fewer tokens than these.
    case answerTooLong(bytes: Int, tokens: Int, limit: Int, isContext: Bool)
    /// None of so many answers was valid under the keywords that `relax` left to the validator; the faults are the last one's.
    case violation(faults: [String], relaxations: [String], attempts: Int)
    /// The tokens ended before a structure was whole.
    case outOfTokens(written: Int, limit: Int?)
    /// The time ended before the work was done.
    case outOfTime(seconds: Double)
    /// The caller has cancelled the work.
    case cancelled
    /// The model cannot be loaded, or cannot answer this request.
    case model(String)
    /// A result that does not keep its own contract: a fault in this program, or in a model backend.
    case brokenPromise(tool: String, faults: [String])
}

extension ToolFailure: CustomStringConvertible {
    /// The failure as a sentence for the calling assistant.
    public var description: String {
        switch self {
        case .unknownTool(let name): "There is no tool named \"\(name)\"."
        case .invalidArguments(let tool, let faults):
            "The arguments do not fit the input schema of \"\(tool)\": " + faults.joined(separator: "; ") + "."
        case .tooLarge(let argument, let bytes, let limit):
            "\(argument) has \(bytes) bytes; at most \(limit) are accepted. Split it, or send less."
        case .unsupportedSchema(let argument, let reason): "\(argument) cannot be enforced, so nothing was generated: \(reason)"
        case .budgetTooSmall(let minimum, let limit, let isContext):
            (minimum.map { "The shortest answer of this form takes \($0) tokens, and " } ?? "No answer of this form was found that is short enough: ")
                + Self.room(limit, isContext)
        case .answerTooLong(let bytes, let tokens, let limit, let isContext):
            "The shortest answer of this form has about \(bytes) bytes or more, at least \(tokens) tokens, and " + Self.room(limit, isContext)
        case .violation(let faults, let relaxations, let attempts):
            "None of \(attempts) answers was valid, so nothing is returned. With `relax`, the validator alone keeps: "
                + relaxations.joined(separator: "; ") + ". The last answer's faults: " + faults.prefix(5).joined(separator: "; ") + "."
        case .outOfTokens(let written, let limit):
            if let limit, written >= limit {
                "The answer was not complete after \(written) tokens, the limit of max_output_tokens (\(limit)). "
                    + "Nothing is returned, since half of it would not conform. Raise max_output_tokens, ask for less, or split the text."
            } else {
                "The answer was not complete after \(written) tokens, where the model's context was full. "
                    + "Nothing is returned, since half of it would not conform. Send a shorter text, or ask for less."
            }
        case .outOfTime(let seconds):
            "The work was not done within max_seconds (\(Self.shown(seconds))). Nothing is returned. Raise max_seconds, send less, or ask for less."
        case .cancelled: "The call was cancelled."
        case .model(let reason): "The model cannot do this: \(reason)"
        case .brokenPromise(let tool, let faults):
            "Internal error: the result of \"\(tool)\" does not keep its contract, so it is withheld: " + faults.joined(separator: "; ")
                + "."
        }
    }

    private static func room(_ limit: Int, _ isContext: Bool) -> String {
        isContext
            ? "the prompt leaves \(limit) of the model's context. Nothing was generated. Send a shorter text, or ask for less."
            : "max_output_tokens allows \(limit). Nothing was generated. Raise max_output_tokens, or ask for less."
    }

    private static func shown(_ seconds: Double) -> String {
        seconds == seconds.rounded() && seconds < 1e15 ? String(Int(seconds)) : String(seconds)
    }
}
