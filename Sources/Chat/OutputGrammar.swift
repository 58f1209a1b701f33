// What a request asks of the answer's form, as one grammar.
import Grammar
import JSON

/// Turns a request's output format, tools and thoughts into rules.
struct OutputGrammar {
    let request: ChatRequest
    /// The model's tool-call format; nil when the request has no tools.
    let format: ToolCallFormat?
    let thinking: ReasoningTags.Mode
    let tags: ReasoningTags?

    /// The rules of the whole reply; nil: no constraint.
    func replyRules() throws(ChatError) -> Rules? {
        guard let answer = try answerRules() else { return nil }
        guard !answer.allowsThought, let tags else { return answer.rules }
        let spaces = try rules { () throws(GrammarError) in try Rules(regex: "[ \\n]{0,4}") }
        let rest = Rules.sequence([spaces, answer.rules])
        func thought() throws(ChatError) -> Rules {
            try rules { () throws(GrammarError) in
                try Rules.anyText(until: [Trigger(tags.close, rest)], atLeastOne: true, stopAfterFirst: true)
            }
        }
        switch thinking {
        case .never: return answer.rules
        case .opened: return try thought()
        case .optional: return .alternatives([answer.rules, .sequence([.literal(tags.open), try thought()])])
        }
    }

    /// The answer without thoughts; `allowsThought`: it is free text, in which a thought may stand anyway.
    private func answerRules() throws(ChatError) -> (rules: Rules, allowsThought: Bool)? {
        let output = try outputRules()
        guard let format else { return output.map { ($0, false) } }
        let grammar = ToolGrammar(format: format, tools: request.tools, exactness: request.exactness)
        switch request.toolChoice {
        case .required: return (try grammar.calls(), false)
        case .named(let name): return (try grammar.calls(named: name), false)
        case .none:
            if let output { return (output, false) }
            return (try grammar.textOnly(), !format.marker.isEmpty)
        case .auto:
            guard let output else { return (try grammar.auto(), !format.marker.isEmpty) }
            guard !format.marker.isEmpty else {
                throw .invalidRequest(
                    field: "output",
                    reason: "this model's tool calls have no marker, so that an answer of fixed form cannot be told from a call")
            }
            return (.alternatives([try grammar.calls(), output]), false)
        }
    }

    private func outputRules() throws(ChatError) -> Rules? {
        switch request.output {
        case .text: nil
        case .json(let schema):
            try rules { () throws(GrammarError) in try Rules(jsonSchema: schema, options: SchemaOptions(exactness: request.exactness)) }
        case .regex(let pattern): try rules { () throws(GrammarError) in try Rules(regex: pattern) }
        case .grammar(let text, let syntax): try rules { () throws(GrammarError) in try Rules(text, syntax: syntax) }
        case .choice(let texts): texts.isEmpty ? try refuseEmptyChoice() : .choices(texts)
        }
    }

    private func refuseEmptyChoice() throws(ChatError) -> Rules {
        throw .invalidRequest(field: "output", reason: "a choice of nothing")
    }
}
