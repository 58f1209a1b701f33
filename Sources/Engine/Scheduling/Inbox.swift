// The one door into the engine's thread: requests, cancellations, the end.

/// Commands from any thread to the engine's, in order.
final class Inbox: @unchecked Sendable {
    // Safe: every field is touched inside `monitor.locked` only.

    enum Command {
        case submit(SequenceState)
        case cancel(SequenceID)
    }

    private let monitor = Monitor()
    private var commands: [Command] = []
    private var nextID: SequenceID = 0
    /// Numbers given out whose sequences have not come yet, and whether they were cancelled meanwhile.
    private var reserved: [SequenceID: Bool] = [:]
    private var isClosed = false
    private var hasEnded = false
    private var endWaiters: [@Sendable () -> Void] = []
    private var current = EngineStatistics()

    /// A number for a sequence that will be submitted.
    func reserve() -> SequenceID {
        monitor.locked {
            nextID += 1
            reserved[nextID] = false
            return nextID
        }
    }

    /// Takes a number back whose sequence will not be submitted.
    func release(_ id: SequenceID) { monitor.locked { reserved[id] = nil } }

    /// Numbers that are out.
    var reservedCount: Int { monitor.locked { reserved.count } }

    /// Hands a sequence over; throws when it was cancelled already or the engine is shut down.
    func submit(_ sequence: SequenceState) throws(EngineError) {
        try monitor.locked { () throws(EngineError) in
            let isCancelled = reserved.removeValue(forKey: sequence.id) ?? false
            if isClosed { throw .shutDown }
            if isCancelled { throw .cancelled }
            commands.append(.submit(sequence))
            monitor.wake()
        }
    }

    /// Asks that a sequence be dropped at the next step.
    func cancel(_ id: SequenceID) {
        monitor.locked {
            if reserved[id] != nil {
                reserved[id] = true
            } else if !hasEnded {
                commands.append(.cancel(id))
                monitor.wake()
            }
        }
    }

    /// Closes the door; `then` runs when the engine's thread has ended.
    func shutDown(then: (@Sendable () -> Void)? = nil) {
        let hasEnded = monitor.locked {
            isClosed = true
            if !self.hasEnded, let then { endWaiters.append(then) }
            monitor.wake()
            return self.hasEnded
        }
        if hasEnded { then?() }
    }

    /// The commands since the last call, in order; waits for one if `waiting`. Nil when the door is closed.
    func take(waiting: Bool) -> [Command]? {
        monitor.locked {
            while waiting && commands.isEmpty && !isClosed { monitor.sleep() }
            if isClosed { return nil }
            let taken = commands
            commands.removeAll(keepingCapacity: true)
            return taken
        }
    }

    /// The engine's thread is about to end: what was submitted and not taken, and who waits for the end.
    func end() -> (commands: [Command], waiters: [@Sendable () -> Void]) {
        monitor.locked {
            hasEnded = true
            defer {
                commands = []
                endWaiters = []
            }
            return (commands, endWaiters)
        }
    }

    /// The gauges as the engine's thread last wrote them.
    var statistics: EngineStatistics {
        get { monitor.locked { current } }
        set { monitor.locked { current = newValue } }
    }
}

/// Gauges and counters of an engine, as of its last step.
public struct EngineStatistics: Sendable, Hashable {
    /// Blocks of the KV cache.
    public var blocksTotal = 0
    /// Blocks that no sequence owns.
    public var blocksFree = 0
    /// Sequences that hold blocks.
    public var running = 0
    /// Sequences that wait for blocks or for their turn.
    public var waiting = 0
    /// Steps computed.
    public var steps = 0
    /// Positions computed, over all sequences.
    public var positions = 0
    /// Tokens sampled.
    public var sampled = 0
    /// Times a sequence gave up its blocks to an older one.
    public var preemptions = 0

    /// Nothing yet.
    public init() {}
}
