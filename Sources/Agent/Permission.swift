// Who may call what: asked before every call.
public import Chat

/// Whether a call may run.
public enum Permission: Sendable, Hashable {
    /// The call runs.
    case allow
    /// The call does not run; the model reads the reason.
    case deny(reason: String)
}

/// Decides about one call of a declared tool. Calls of one turn are asked about one after the other, in order, before any of them runs.
public typealias Permit = @Sendable (_ call: ToolCall, _ tool: ToolSpec) async -> Permission
