// Where an agent's tools come from.
public import Chat

/// A set of tools and the way to call them.
public protocol Toolbox: Sendable {
    /// The tools, in a stable order: the prompt holds them, and prompts that begin alike are cheap.
    func tools() async throws(AgentError) -> [ToolSpec]

    /// Runs a call of one of these tools. It never throws: what went wrong is text that the model reads.
    func call(_ call: ToolCall) async -> ToolOutput
}

/// What a call gave, as the model reads it.
public struct ToolOutput: Sendable, Hashable {
    public var text: String
    public var isError: Bool

    public init(_ text: String, isError: Bool = false) {
        self.text = text
        self.isError = isError
    }
}

/// Tools that are functions of this process.
public struct FunctionToolbox: Toolbox {
    private let functions: [(spec: ToolSpec, body: @Sendable (ToolCall) async throws -> String)]

    public init(_ functions: [(spec: ToolSpec, body: @Sendable (ToolCall) async throws -> String)]) { self.functions = functions }

    public func tools() async throws(AgentError) -> [ToolSpec] { functions.map(\.spec) }

    public func call(_ call: ToolCall) async -> ToolOutput {
        guard let function = functions.first(where: { $0.spec.name == call.name }) else {
            return ToolOutput("there is no tool named \(call.name)", isError: true)
        }
        do {
            return ToolOutput(try await function.body(call))
        } catch {
            return ToolOutput("\(error)", isError: true)
        }
    }
}
