// The tags between which a model thinks before it answers.

/// The tags between which a model thinks before it answers.
struct ReasoningTags: Sendable, Hashable {
    let open: String
    let close: String

    static let think = ReasoningTags(open: "<think>", close: "</think>")

    /// How a reply to a certain prompt may think.
    enum Mode: Sendable, Hashable {
        /// Not at all: the model has no tags, or the prompt has closed an empty thought.
        case never
        /// The reply may open a thought.
        case optional
        /// The prompt has opened one: the reply begins inside.
        case opened
    }

    /// The mode in which a prompt leaves the reply.
    static func mode(_ tags: ReasoningTags?, prompt: String, isDisabled: Bool) -> Mode {
        guard let tags else { return .never }
        var text = Substring(prompt)
        while let last = text.last, last.isWhitespace { text.removeLast() }
        if text.hasSuffix(tags.open) { return .opened }
        return isDisabled || text.hasSuffix(tags.close) ? .never : .optional
    }
}
