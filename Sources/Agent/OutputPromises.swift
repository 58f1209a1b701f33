// What a server's tools promise their results to be (MCP, tools: "Clients SHOULD validate structured results against this schema").
import Grammar
import JSON
import MCP

/// The output schemas of a server's tools, ready to check results.
struct OutputPromises: Sendable {
    /// Faults named in one answer.
    private static let shownFaults = 4

    private var validators: [String: InstanceValidator] = [:]
    /// A sentence for each tool whose output schema cannot be checked, so that its results are passed on as they are.
    private(set) var uncheckable: [String] = []

    /// Reads the output schemas of these tools.
    init(_ tools: [ToolDefinition]) {
        for tool in tools {
            guard let schema = tool.outputSchema else { continue }
            do {
                validators[tool.name] = try InstanceValidator(schema: schema)
            } catch {
                uncheckable.append("the output schema of \"\(tool.name)\" cannot be checked: \(error)")
            }
        }
    }

    /// No promise was read; a sentence says why.
    init(unread reason: String) { uncheckable = [reason] }

    /// Whether results of this tool can be checked.
    func covers(_ tool: String) -> Bool { validators[tool] != nil }

    /// How a result breaks its tool's promise; nil when it keeps it. An error promises nothing.
    func breach(by result: ToolResult, of tool: String) -> String? {
        guard !result.isError, let validator = validators[tool] else { return nil }
        guard let structured = result.structuredContent else { return "structuredContent is missing" }
        let faults = validator.validate(structured)
        guard !faults.isEmpty else { return nil }
        let more = faults.count > Self.shownFaults ? ["and \(faults.count - Self.shownFaults) more"] : []
        return (faults.prefix(Self.shownFaults).map { "\($0)" } + more).joined(separator: "; ")
    }
}
