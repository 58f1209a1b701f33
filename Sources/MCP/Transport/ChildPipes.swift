// The pipes between us and a child, and the process groups that must not outlive us.
import CProcess
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The descriptors of a child: ours (`input`, `output`, `error`), its own, which are closed once it runs, and two for ourselves. All close with this object.
final class ChildPipes: Sendable {
    let input: Int32
    let output: Int32
    let error: Int32
    let childInput: Int32
    let childOutput: Int32
    let childError: Int32
    let wakeReading: Int32
    let wakeWriting: Int32
    private let startReading: Int32
    private let startWriting: Int32
    private let closed = Mutex((child: false, input: false))

    init() throws(TransportError) {
        var opened: [Int32] = []
        do throws(TransportError) {
            for _ in 0..<5 {
                let pipe = try Descriptors.pipe()
                opened += [pipe.reading, pipe.writing]
            }
        } catch {
            for descriptor in opened { Descriptors.close(descriptor) }
            throw error
        }
        (childInput, input) = (opened[0], opened[1])
        (output, childOutput) = (opened[2], opened[3])
        (error, childError) = (opened[4], opened[5])
        (wakeReading, wakeWriting) = (opened[6], opened[7])
        (startReading, startWriting) = (opened[8], opened[9])
    }

    deinit {
        closeChildEnds()
        closeInput()
        Descriptors.close(output, error, wakeReading, wakeWriting, startReading, startWriting)
    }

    /// The child has its own copies now, or never will: ends of its pipes must be seen.
    func childHasStarted() {
        closeChildEnds()
        _ = Descriptors.writeSome(startWriting, [0], from: 0)
    }

    func waitUntilStarted() {
        var byte: UInt8 = 0
        while unsafe read(startReading, &byte, 1) < 0 && errno == EINTR {}
    }

    private func closeChildEnds() {
        let isFirst = closed.withLock { closed in
            defer { closed.child = true }
            return !closed.child
        }
        if isFirst { Descriptors.close(childInput, childOutput, childError) }
    }

    /// End of input for the child. No writer may use the descriptor any more.
    func closeInput() {
        let isFirst = closed.withLock { closed in
            defer { closed.input = true }
            return !closed.input
        }
        if isFirst { Descriptors.close(input) }
    }
}

/// The children that run, for an end of this process that has no time for closing them one by one.
public enum LivingChildren {
    private static let groups = Mutex<Set<Int32>>([])

    static func add(_ group: pid_t) { groups.withLock { _ = $0.insert(group) } }
    static func remove(_ group: pid_t) { groups.withLock { _ = $0.remove(group) } }

    /// Kills the process group of every child that still runs. For the moment before `_exit`.
    public static func killAll() {
        groups.withLock { groups in
            for group in groups { kill(-group, SIGKILL) }
        }
    }
}
