// Every limit that the tools put on what comes from outside, in one table.

/// The limits of the tools. What a JSON Schema can say (numbers of labels, lengths of stop texts, …) stands in `schemas/tools/`; what it
/// cannot say, and what the tools do when a caller says nothing, stands here.
public struct ToolLimits: Sendable, Hashable {
    /// Most bytes of a text argument, as UTF-8 (`text`, `prompt`, all `messages` together, a user tool's filled prompt).
    public var textBytes = 1 << 20
    /// Most bytes of a caller's JSON Schema, written compactly.
    public var schemaBytes = 256 << 10
    /// Most bytes of a schema's type signature, since it goes into the prompt.
    public var signatureBytes = 64 << 10
    /// Most bytes of `instructions`.
    public var instructionsBytes = 16 << 10
    /// Tokens that an answer may have when the caller says nothing.
    public var defaultOutputTokens = 2048
    /// Faults named in one answer about bad arguments.
    public var faults = 8
    /// Keywords named in one result that constrain nothing.
    public var ignoredKeywords = 20
    /// Most user tools in one folder. Hosts show a model 40 to 128 tools in all.
    public var toolFiles = 64
    /// Most bytes of one `*.tool.json`.
    public var toolFileBytes = 256 << 10
    /// Milliseconds of silence after which a report says that the work goes on.
    public var heartbeatMilliseconds = 10_000

    /// The limits in force unless a test says otherwise.
    public static let standard = ToolLimits()

    /// The limits in force.
    public init() {}
}
