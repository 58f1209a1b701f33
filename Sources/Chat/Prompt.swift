// The prompt of a request, continued from generated tokens where there are some.
import Jinja
import Tokens

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// e to the x.
func exponential(_ x: Double) -> Double { exp(x) }

/// A prompt as text and tokens.
struct Prompt {
    var text: String
    var tokens: [TokenID]
    /// What the caller should know about how it was made.
    var note: String?
}

/// Makes prompts.
struct PromptMaker {
    let template: ChatTemplate
    let encoder: PromptEncoder
    let vocabulary: UInt64
    /// The texts of the tokens that end a turn.
    let stopTexts: [String]

    func prompt(for request: ChatRequest) throws(ChatError) -> Prompt {
        let now = CalendarTime.now()
        let parts = try render(request, request.messages, opens: true, now)
        let text = parts.text
        guard let index = request.messages.lastIndex(where: { $0.role == .assistant && $0.generated != nil }),
            let turn = request.messages[index].generated
        else { return Prompt(text: text, tokens: encoder.encode(parts)) }
        let rerendered = "the conversation is rendered anew, not continued from the model's own tokens: "
        guard turn.vocabulary == vocabulary else {
            return Prompt(text: text, tokens: encoder.encode(parts), note: rerendered + "another model generated its last turn")
        }
        guard turn.isTold(by: request.messages[index]) else {
            return Prompt(text: text, tokens: encoder.encode(parts), note: rerendered + "its last turn says something else than was generated")
        }
        if let start = try continuation(of: turn, messages: request.messages[...index], request, text: text, now) {
            return Prompt(text: text, tokens: turn.tokens + encoder.encode(parts, from: start))
        }
        return Prompt(
            text: text, tokens: encoder.encode(parts),
            note: rerendered + "the chat template writes the past differently now than when the turn was generated")
    }

    /// The byte of `text` at which goes on what follows the generated turn; nil when `text` is no continuation of it.
    private func continuation(
        of turn: GeneratedTurn, messages: ArraySlice<Message>, _ request: ChatRequest, text: String, _ now: CalendarTime
    ) throws(ChatError) -> Int? {
        let bytes = Array(text.utf8)
        let generated = Array((turn.promptText + turn.text).utf8)
        if bytes.starts(with: generated), stopTexts.contains(where: { bytes[generated.count...].starts(with: $0.utf8) }) {
            return generated.count
        }
        // The template may lay the turn itself out differently (white space, numbers); what comes before and after has to be the same.
        guard bytes.starts(with: turn.promptText.utf8) else { return nil }
        let parts = try render(request, Array(messages), opens: false, now)
        guard bytes.starts(with: parts.text.utf8) else { return nil }
        return parts.firstOccurrence(of: stopTexts, after: turn.promptText.utf8.count)?.start
    }

    private func render(
        _ request: ChatRequest, _ messages: [Message], opens: Bool, _ now: CalendarTime
    ) throws(ChatError) -> [RenderedPart] {
        try template.renderParts(
            messages: messages, tools: request.tools, addGenerationPrompt: opens, extra: request.templateVariables, now: now)
    }
}

extension ChatTemplate {
    /// Which of `stopTexts` this template writes at the end of an assistant's turn.
    func endOfTurn(_ stopTexts: [String]) -> String? {
        guard let probe = probe(.assistant("Probe.")) else { return nil }
        return probe.after.firstOccurrence(of: stopTexts, after: probe.before.text.utf8.count)?.text
    }
}

extension [RenderedPart] {
    /// Where the template itself first writes one of `texts` at or after byte `start`, and which.
    fileprivate func firstOccurrence(of texts: [String], after start: Int) -> (start: Int, text: String)? {
        var offset = 0
        for part in self {
            let bytes = Array<UInt8>(part.text.utf8)
            defer { offset += bytes.count }
            guard !part.isFromVariable, offset + bytes.count > start else { continue }
            for index in Swift.max(0, start - offset)..<bytes.count {
                for text in texts where bytes[index...].starts(with: text.utf8) { return (offset + index, text) }
            }
        }
        return nil
    }
}
