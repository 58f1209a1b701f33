// The revisions of the protocol that are spoken here, and the two eras they belong to.

/// How a revision shapes a conversation.
public enum Era: Sendable, Hashable {
    /// Up to 2025-11-25: a connection is opened by `initialize` and remembers what was negotiated.
    case legacy
    /// From 2026-07-28: every request says its version and capabilities in `_meta`; nothing is remembered.
    case modern
}

/// A revision of the Model Context Protocol.
public enum ProtocolVersion: String, Sendable, Hashable, CaseIterable {
    /// The first revision.
    case november2024 = "2024-11-05"
    /// The revision with batches.
    case march2025 = "2025-03-26"
    /// The revision with structured results.
    case june2025 = "2025-06-18"
    /// The last revision with a handshake.
    case november2025 = "2025-11-25"
    /// The revision without a handshake.
    case july2026 = "2026-07-28"

    /// Which of the two ways of speaking the revision has.
    public var era: Era { self == .july2026 ? .modern : .legacy }

    /// What `initialize` is answered with when the client asks for a version that is not spoken here.
    public static let latestLegacy = ProtocolVersion.november2025
    /// What our own requests carry.
    public static let latestModern = ProtocolVersion.july2026

    /// JSON-RPC arrays belong to one revision alone; they came with it and were removed by the next.
    var acceptsBatches: Bool { self == .march2025 }
}
