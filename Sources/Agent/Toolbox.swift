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
    /// What the model reads.
    public var text: String
    /// Whether the call failed.
    public var isError: Bool

    /// An output; see the members.
    public init(_ text: String, isError: Bool = false) {
        self.text = text
        self.isError = isError
    }
}

/// Tools that are functions of this process.
public struct FunctionToolbox: Toolbox {
    private let functions: [(spec: ToolSpec, body: @Sendable (ToolCall) async throws -> String)]

    /// Tools by what they are and what they do; a body that throws gives an error output.
    public init(_ functions: [(spec: ToolSpec, body: @Sendable (ToolCall) async throws -> String)]) { self.functions = functions }

    /// The tools in the order given.
    public func tools() async throws(AgentError) -> [ToolSpec] { functions.map(\.spec) }

    /// Runs the function of this name.
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
