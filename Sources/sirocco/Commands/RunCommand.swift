// sirocco run: talk to the model; once, in turns, or one JSON request a line.
import ArgumentParser
import Chat
import Engine
import Glibc
import Grammar
import JSON

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Ask the model: one prompt, a conversation on the terminal, or JSON requests.",
        discussion: """
            With a prompt, or text on standard input, the answer is printed as it is made. On a terminal without a prompt it is a conversation: Ctrl-C stops \
            an answer, Ctrl-D ends it.

            With --json, each line of standard input is a request {"messages": [{"role", "content", "tool_calls"?}], "tools"?, "tool_choice"?: \
            "auto" | "none" | "required" | {"name"}, "schema"?, "relax"?, "regex"?, "grammar"?, "grammar_syntax"?, "choices"?, "temperature"?, "seed"?, "max_tokens"?, "stop"?}, and each line of \
            standard output is its response {"message", "finish_reason", "usage"} or {"error"}.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "The system message.")
    var system: String?

    @Flag(help: "One JSON request a line in, one JSON response a line out.")
    var json = false

    @Argument(help: "The prompt.")
    var prompt: [String] = []

    func validate() throws {
        if json, !prompt.isEmpty { throw ValidationError("--json reads its requests from standard input; leave the prompt out.") }
        if json, output.isGiven || output.relax || system != nil {
            throw ValidationError("with --json, each request says its own form of the answer and system message; leave the flags out.")
        }
    }

    func run() async throws {
        let format = try output.format()
        let host = ModelHost(model)
        let result = await Result {
            if json { return try await serveLines(host) }
            if prompt.isEmpty, isTerminal(0) { return try await converse(format, host) }
            let text = try prompt.isEmpty ? givenText([]) : prompt.joined(separator: " ")
            _ = try await cancelledBySignals { try await answer(startMessages + [.user(text)], format, try await loadedModel(host)) }
        }
        await host.shutdown()
        try result.get()
    }

    private var startMessages: [Message] { system.map { [.system($0)] } ?? [] }

    private func request(_ messages: [Message], _ format: OutputFormat, _ model: LocalChatModel) -> ChatRequest {
        ChatRequest(
            messages: messages, output: format, exactness: output.exactness, sampling: sampling.parameters(defaults: model.recommendedSampling),
            maxTokens: sampling.maxTokens)
    }

    /// Prints an answer as it is made and returns the assistant's message.
    private func answer(_ messages: [Message], _ format: OutputFormat, _ model: LocalChatModel) async throws -> Message {
        let line = ProgressLine()
        defer { line.clear() }
        for try await event in model.reply(to: request(messages, format, model)) {
            switch event {
            case .prefill(let done, let total) where total > 512: line.show("reading: \(done) of \(total) tokens")
            case .note(let text): note(text)
            case .text(let text):
                line.clear()
                printText(text)
            case .relaxed(let relaxations, let attempts):
                for relaxation in relaxations { note("[checked afterwards: \(relaxation.keyword) at \(relaxation.pointer)]") }
                if attempts > 1 { note("[answer \(attempts); those before were not valid]") }
            case .reasoning(let text) where isTerminal(STDOUT_FILENO): printText("\u{1b}[2m\(text)\u{1b}[0m")
            case .finished(let finish, let usage, let message):
                printText("\n")
                if finish == .length { note("[the answer is cut off: \(usage.generatedTokens) tokens were allowed]") }
                return message
            default: break
            }
        }
        throw CancellationError()
    }

    private func converse(_ format: OutputFormat, _ host: ModelHost) async throws {
        let model = try await cancelledBySignals { try await loadedModel(host) }
        note("\(model.name). Ctrl-C stops an answer, Ctrl-D ends the conversation.")
        var messages = startMessages
        while true {
            printText("> ")
            guard let text = readLine(strippingNewline: true) else { return printText("\n") }
            if text.allSatisfy(\.isWhitespace) { continue }
            messages.append(.user(text))
            do {
                let conversation = messages
                messages.append(try await cancelledBySignals { try await answer(conversation, format, model) })
            } catch is Interrupted {
                note("\n[stopped]")
                messages.removeLast()
            } catch {
                note("\(error)")
                messages.removeLast()
            }
        }
    }

    private func serveLines(_ host: ModelHost) async throws {
        let model = try await cancelledBySignals { try await loadedModel(host) }
        while let line = readLine(strippingNewline: true) {
            if line.allSatisfy(\.isWhitespace) { continue }
            let response = await response(to: line, model)
            printLine(response.text(.wire))
        }
    }

    private func response(to line: String, _ model: LocalChatModel) async -> JSONValue {
        do {
            let request = try ChatLine(
                parsing: line, sampling: sampling.parameters(defaults: model.recommendedSampling), maxTokens: sampling.maxTokens
            ).request
            let completion = try await cancelledBySignals { try await model.complete(request) }
            return ChatLine.response(completion, to: request)
        } catch {
            return ["error": .string("\(error)")]
        }
    }
}
