// sirocco render: a chat template alone.
import ArgumentParser
import Chat
import Engine
import JSON
import Jinja

struct RenderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render", abstract: "Render a conversation through a chat template.",
        discussion: """
            The case is a JSON object with `messages` and, as needed, `tools`, `add_generation_prompt`, `kwargs` (further variables), \
            `special_tokens` (bos_token, eos_token …) and `now` (what strftime_now sees: 2025-07-26T14:05:09). Members are handed to the template as they are.
            """)

    @Argument(help: "A Jinja file, a GGUF file or a model directory. Default: the embedded model.")
    var model: String?

    @Option(help: "The case: a JSON file, or - for standard input.")
    var input: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let bytes = try input == "-" ? readStandardInput() : readFile(input)
        guard case .object(let request) = try JSONValue(parsing: bytes) else { throw CommandError("\(input) is not a JSON object") }
        guard let messages = request["messages"], messages.arrayValue != nil else { throw CommandError("\(input) has no array `messages`") }
        let (source, specials) = try template()
        var variables = JSONObject(specials.map { ($0.0, JSONValue($0.1)) })
        for (name, value) in request["special_tokens"]?.objectValue ?? JSONObject() { variables[name] = value }
        variables["messages"] = messages
        variables["tools"] = request["tools"] ?? nil
        variables["documents"] = request["documents"] ?? nil
        variables["add_generation_prompt"] = request["add_generation_prompt"] ?? false
        for (name, value) in request["kwargs"]?.objectValue ?? JSONObject() { variables[name] = value }
        let now = try request["now"]?.stringValue.map { text in
            guard let now = calendarTime(text) else { throw CommandError("`now` is not a time like 2025-07-26T14:05:09") }
            return now
        }
        let rendered = try Template(source).render(variables.map { ($0.key, $0.value) }, now: now ?? .now())
        if json { printLine(JSONValue.object(["rendered": JSONValue(rendered)]).text(.spaced)) } else { printText(rendered) }
    }

    private func template() throws -> (String, [(String, String)]) {
        if let model, model.hasSuffix(".jinja") { return (try text(readFile(model), from: model), []) }
        let source = try openSource(model)
        guard let template = source.chatTemplate else { throw CommandError("\(source.name) has no chat template") }
        return (template, source.specialTokens)
    }
}

/// The time that a text like 2025-07-26T14:05:09 names.
private func calendarTime(_ text: String) -> CalendarTime? {
    let parts = text.split(whereSeparator: { "-T:".contains($0) }).map { Int($0) }
    guard parts.count == 6, let year = parts[0], let month = parts[1], let day = parts[2], let hour = parts[3], let minute = parts[4],
        let second = parts[5], (1...12).contains(month), (1...31).contains(day), (0..<24).contains(hour), (0..<60).contains(minute),
        (0...60).contains(second)
    else { return nil }
    return CalendarTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
}
