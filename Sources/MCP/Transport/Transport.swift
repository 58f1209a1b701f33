// What carries frames: lines in, lines out, and one end.

/// Carries messages over one connection.
public protocol Transport: Sendable {
    /// Begins to deliver: every event on one thread at a time, in order, ending with exactly one `.closed`. Called once.
    func start(_ receive: @escaping @Sendable (TransportEvent) -> Void) throws(TransportError)

    /// Writes a whole frame after those sent before it. Never waits for the peer; after the end nothing happens.
    func send(_ frame: Frame)

    /// Ends the connection and returns when nothing of it is left: no thread, no child.
    func close() async

    /// The last words of the other side, where it has a channel for them (a child's standard error).
    var diagnostics: String { get }
}

extension Transport {
    /// Nothing was said beside the protocol.
    public var diagnostics: String { "" }
}

/// What a transport tells.
public enum TransportEvent: Sendable, Hashable {
    /// A line without its newline; never empty.
    case line([UInt8])
    /// A line beyond the limit was skipped to its newline; its beginning.
    case oversizedLine(prefix: [UInt8], limit: Int)
    /// Nothing more comes, and why.
    case closed(Disconnection)
}

/// Why a connection ended.
public enum Disconnection: Sendable, Hashable, CustomStringConvertible {
    /// The other side ended its output.
    case endOfInput
    /// The other side closed the pipe that we write to.
    case peerStoppedReading
    /// The other side has not read for so long that the frames waiting for it passed a limit.
    case stalled
    /// The process that started us has ended.
    case parentEnded
    /// The child has ended, with its exit status or 128 + signal.
    case exited(status: Int)
    /// The system refused to read or write.
    case failed(errno: Int)
    /// By ourselves.
    case closed

    /// The end as a sentence.
    public var description: String {
        switch self {
        case .endOfInput: "the other side closed the connection"
        case .peerStoppedReading: "the other side stopped reading"
        case .stalled: "the other side has not read its messages for too long"
        case .parentEnded: "the parent process has ended"
        case .exited(let status): "the process ended with status \(status)"
        case .failed(let code): "reading failed with errno \(code)"
        case .closed: "closed"
        }
    }
}

/// A connection that could not be made.
public enum TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A standard descriptor is not open, or cannot be taken.
    case noDescriptor(Int, errno: Int)
    /// No such program.
    case commandNotFound(String)
    /// The program exists and does not start.
    case cannotStart(command: String, errno: Int, reason: String)
    /// The system grants no thread.
    case noThread(errno: Int)
    /// A transport is started once.
    case alreadyStarted

    /// The error as a sentence.
    public var description: String {
        switch self {
        case .noDescriptor(let descriptor, let code): "descriptor \(descriptor) cannot be used (errno \(code))"
        case .commandNotFound(let command): "command not found: \(command)"
        case .cannotStart(let command, _, let reason): "cannot start \(command): \(reason)"
        case .noThread(let code): "no thread could be made (errno \(code))"
        case .alreadyStarted: "the transport was started before"
        }
    }
}

/// The limits of a pipe: what a line may hold, what may wait, and how long.
public struct PipeLimits: Sendable, Hashable {
    /// Bytes of one line; a longer one is skipped to its newline.
    public var line: Int
    /// Bytes that may wait for a peer that does not read; beyond that the connection ends.
    public var queue: Int
    /// Bytes that may wait before progress and log messages are dropped.
    public var droppingQueue: Int
    /// How long a peer may read nothing while frames wait, in milliseconds.
    public var writeDeadline: Int

    /// These limits; see the members.
    public init(line: Int = 16 << 20, queue: Int = 64 << 20, droppingQueue: Int = 256 << 10, writeDeadline: Int = 30_000) {
        self.line = line
        self.queue = queue
        self.droppingQueue = droppingQueue
        self.writeDeadline = writeDeadline
    }
}
