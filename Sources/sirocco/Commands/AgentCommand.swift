// sirocco agent: a task, the tools of MCP servers, and a model that uses them.
import Agent
import ArgumentParser
import Chat
import Engine
import Glibc
import JSON
import MCP
import Synchronization

struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Give the model a task and the tools of MCP servers.",
        discussion: """
            Each tool call is shown, and asked about on a terminal, unless --yes or --allow says otherwise; where nobody can be asked it is refused. \
            The servers are started from the usual `mcpServers` file and end with the command.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "A JSON file with `mcpServers`: {\"NAME\": {\"command\": …, \"args\": […], \"env\": {…}}}.")
    var mcpConfig: String

    @Option(help: "The system message.")
    var system: String?

    @Flag(name: .shortAndLong, help: "Run every tool call without asking.")
    var yes = false

    @Option(name: .customLong("allow"), help: "Run calls of this tool without asking. May be repeated.")
    var allowed: [String] = []

    @Option(help: "At most so many turns of the model.")
    var maxTurns = 16

    @Option(help: "At most so many seconds for everything.")
    var maxSeconds = 600

    @Option(help: "At most so many seconds for one tool call.")
    var toolSeconds = 60

    @Flag(help: "Print one JSON event a line.")
    var json = false

    @Argument(help: "The task.")
    var task: [String]

    func validate() throws {
        for (name, value) in [("--max-turns", maxTurns), ("--max-seconds", maxSeconds), ("--tool-seconds", toolSeconds)]
        where !(1...1_000_000).contains(value) {
            throw ValidationError("\(name) takes a number from 1 to 1,000,000.")
        }
        if task.allSatisfy(\.isEmpty) { throw ValidationError("the task is empty.") }
    }

    func run() async throws {
        let format = try output.format()
        let configuration = try MCPConfiguration(parsing: readFile(mcpConfig, limit: 1 << 20), file: mcpConfig)
        let host = ModelHost(model)
        let toolbox = MCPToolbox(
            configuration, client: ClientDescription(name: "sirocco", version: siroccoVersion), callTime: toolSeconds * 1000)
        let result = await Result {
            try await cancelledBySignals {
                let tools = try await toolbox.tools()
                for problem in await toolbox.problems { note(problem) }
                for name in allowed where !tools.contains(where: { $0.name == name }) {
                    throw CommandError("--allow: no server offers a tool named \"\(name)\"")
                }
                if tools.isEmpty { throw CommandError("the servers of \(mcpConfig) offer no tool") }
                return try await work(await loadedModel(host), toolbox, format)
            }
        }
        await toolbox.close()
        await host.shutdown()
        if case .stopped = try result.get().ending { throw ExitCode.failure }
    }

    private func work(_ model: LocalChatModel, _ toolbox: MCPToolbox, _ format: OutputFormat) async throws -> AgentOutcome {
        let printer = AgentPrinter(json: json)
        var limits = AgentLimits(turns: maxTurns, duration: .seconds(maxSeconds), callDuration: .seconds(toolSeconds))
        if let tokens = sampling.maxTokens { limits.tokens = tokens }
        let (yes, allowed, json) = (yes, Set(allowed), json)
        let loop = AgentLoop(
            model: model, toolboxes: [toolbox], limits: limits, sampling: sampling.parameters(defaults: model.recommendedSampling),
            output: format, exactness: output.exactness
        ) { call, _ in
            if yes || allowed.contains(call.name) { return .allow }
            guard !json, isTerminal(STDIN_FILENO), isTerminal(STDERR_FILENO) else {
                return .deny(reason: "nobody can be asked; the user must start the agent with --yes or --allow \(call.name)")
            }
            return (try? await onOwnThread { askAboutCall(call) }) ?? .deny(reason: "the user was not asked: cancelled")
        }
        let start = system.map { [Message.system($0)] } ?? []
        return try await loop.run(start + [.user(task.joined(separator: " "))]) { event in printer.show(event) }
    }
}

/// Asks a person on the terminal.
private func askAboutCall(_ call: ToolCall) -> Permission {
    write("Run \(call.name)? [y/N] ", to: STDERR_FILENO)
    let answer = readLine()?.lowercased() ?? ""
    return answer == "y" || answer == "yes" ? .allow : .deny(reason: "the user said no")
}

/// Prints what an agent does: for people, or one JSON event a line.
private final class AgentPrinter: Sendable {
    private let json: Bool
    private let line = ProgressLine()
    private let hasOpenText = Mutex(false)

    init(json: Bool) { self.json = json }

    func show(_ event: AgentEvent) {
        if json {
            if let object = Self.object(event) { printLine(JSONValue.object(object).text(.wire)) }
        } else {
            showForPeople(event)
        }
    }

    private func showForPeople(_ event: AgentEvent) {
        switch event {
        case .turnStarted, .reasoning: break
        case .prefill(let done, let total):
            if total > 512 { line.show("reading: \(done) of \(total) tokens") }
        case .note(let text): note(text)
        case .text(let text):
            line.clear()
            hasOpenText.withLock { $0 = true }
            printText(text)
        case .toolCall(let call):
            endText()
            printLine("→ \(plain("\(call.name)(\(call.arguments.text(.spaced)))"))")
        case .toolDenied(_, let reason): printLine("✗ not allowed: \(reason)")
        case .toolResult(_, let output, _): printLine((output.isError ? "✗ " : "← ") + plain(output.text))
        case .answered: endText()
        case .stopped(let limit):
            endText()
            note("stopped: \(limit)")
        }
    }

    private func endText() {
        line.clear()
        if hasOpenText.withLock({ open in
            defer { open = false }; return open
        }) {
            printText("\n")
        }
    }

    private static func object(_ event: AgentEvent) -> JSONObject? {
        switch event {
        case .turnStarted(let turn): ["event": "turn", "turn": JSONValue(turn)]
        case .prefill: nil
        case .text(let text): ["event": "text", "text": .string(text)]
        case .reasoning(let text): ["event": "reasoning", "text": .string(text)]
        case .note(let text): ["event": "note", "text": .string(text)]
        case .toolCall(let call): ["event": "tool_call", "id": .string(call.id), "name": .string(call.name), "arguments": call.arguments]
        case .toolDenied(let call, let reason):
            ["event": "tool_denied", "id": .string(call.id), "name": .string(call.name), "reason": .string(reason)]
        case .toolResult(let call, let output, let duration):
            [
                "event": "tool_result", "id": .string(call.id), "name": .string(call.name), "text": .string(output.text),
                "is_error": .bool(output.isError), "seconds": JSONValue(duration / .seconds(1)),
            ]
        case .answered(let message): ["event": "answer", "text": .string(message.content)]
        case .stopped(let limit): ["event": "stopped", "reason": .string("\(limit)")]
        }
    }
}
