// sirocco extract and classify: the tools of these names, for people and scripts.
import ArgumentParser
import JSON
import MCP
import Tools

struct ExtractCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Extract data from a text as JSON that fits a JSON Schema, guaranteed.")

    @OptionGroup var model: ModelOptions

    @Option(name: .shortAndLong, help: "The JSON Schema: a file, or the schema itself.")
    var schema: String

    @Option(help: "What the model should know besides the schema.")
    var instructions: String?

    @Option(parsing: .unconditional, help: "At most so many tokens in the answer.")
    var maxTokens: Int?

    @Flag(help: "A keyword of the schema that cannot be enforced token by token is checked afterwards, instead of refused.")
    var relax = false

    @Flag(help: "Print the tool's whole result, with usage, instead of the data alone.")
    var json = false

    @Argument(help: "The text. Default: standard input.")
    var text: [String] = []

    func validate() throws { try SamplingOptions.validate(maxTokens: maxTokens) }

    func run() async throws {
        let parsed = try parsedSchema(schema)
        noteSurprises(in: parsed)
        var arguments: JSONObject = ["text": JSONValue(try givenText(text)), "schema": parsed]
        if let instructions { arguments["instructions"] = JSONValue(instructions) }
        if relax { arguments["relax"] = true }
        if let maxTokens { arguments["max_output_tokens"] = JSONValue(maxTokens) }
        let result = try await callTool("extract", .object(arguments), model)
        for relaxed in result["relaxed"]?.arrayValue ?? [] where !json {
            note("checked afterwards: \(relaxed["keyword"]?.stringValue ?? "") at \(relaxed["pointer"]?.stringValue ?? "")")
        }
        if !json, result["shortened"] == true { note("[the answer was led to its end by the budget of tokens: it may lack something]") }
        printLine((json ? result : result["data"] ?? nil).text(.spaced))
    }
}

struct ClassifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify", abstract: "Sort a text into one of several labels, with the probability of each.")

    @OptionGroup var model: ModelOptions

    @Option(name: .shortAndLong, help: "The labels, separated by commas.")
    var labels: String

    @Flag(help: "Several labels may fit.")
    var multi = false

    @Flag(help: "Print the tool's whole result as JSON.")
    var json = false

    @Argument(help: "The text. Default: standard input.")
    var text: [String] = []

    func run() async throws {
        let names = labels.split(separator: ",").map { JSONValue($0.trimming(" ")) }
        var arguments: JSONObject = ["text": JSONValue(try givenText(text)), "labels": .array(names)]
        if multi { arguments["multi"] = true }
        let result = try await callTool("classify", .object(arguments), model)
        if json { return printLine(result.text(.spaced)) }
        for score in result["scores"]?.arrayValue ?? [] {
            printLine("\(decimals((score["probability"]?.doubleValue ?? 0) * 100, 1)) %\t\(score["label"]?.stringValue ?? "")")
        }
    }
}

/// The text on the command line, or on standard input where there is none.
func givenText(_ words: [String]) throws -> String {
    if !words.isEmpty { return words.joined(separator: " ") }
    if isTerminal(0) { note("Reading the text from the terminal; end it with Ctrl-D.") }
    return try text(readStandardInput(), from: "standard input")
}

/// Calls one of our tools, with progress for people; a failure is the tool's own sentence.
private func callTool(_ name: String, _ arguments: JSONValue, _ options: ModelOptions) async throws -> JSONValue {
    let host = ModelHost(options)
    let tools = try WorkTools(provider: host)
    let line = ProgressLine()
    let context = CallContext(onProgress: { _, _, message in line.show(message ?? "") })
    let result = await Result { try await cancelledBySignals { try await tools.run(name, arguments: arguments, context: context) } }
    line.clear()
    await host.shutdown()
    return try result.get()
}

extension Result where Failure == any Error {
    /// What asynchronous work gave, or why it failed.
    init(_ work: () async throws -> Success) async {
        do { self = .success(try await work()) } catch { self = .failure(error) }
    }
}
