// The one writer of a pipe: whole frames, in order, never waiting for the peer on the caller's time.
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Writes frames to a descriptor that it does not own. While the pipe has room the caller writes directly; what does not fit is queued and written by a
/// thread that exists only as long as something waits.
final class FrameWriter: Sendable {
    private struct State {
        /// What the draining thread has not taken yet.
        var queue: [ArraySlice<UInt8>] = []
        /// Bytes that were taken from callers and are not written.
        var waiting = 0
        var isDraining = false
        var hasEnded = false
    }

    private let descriptor: Int32
    private let limits: PipeLimits
    private let onFailure: @Sendable (Disconnection) -> Void
    private let state = Mutex(State())

    /// `onFailure` is called at most once, from any thread, perhaps under the caller's own locks: it must only take note.
    init(_ descriptor: Int32, limits: PipeLimits, onFailure: @escaping @Sendable (Disconnection) -> Void) {
        self.descriptor = descriptor
        self.limits = limits
        self.onFailure = onFailure
    }

    func send(_ frame: Frame) {
        let failure = state.withLock { state -> Disconnection? in
            if state.hasEnded { return nil }
            var offset = 0
            if !state.isDraining {
                guard writeNow(frame.bytes[...], &offset) else { return end(&state, .peerStoppedReading) }
                if offset == frame.bytes.count { return nil }
            } else if frame.kind == .droppable && state.waiting > limits.droppingQueue {
                return nil
            }
            guard state.waiting + frame.bytes.count - offset <= limits.queue else { return end(&state, .stalled) }
            state.queue.append(frame.bytes[offset...])
            state.waiting += frame.bytes.count - offset
            if !state.isDraining {
                state.isDraining = true
                // Safe: the thread ends with the queue, and `finish` waits for that.
                guard Thread.start({ self.drain() }) else {
                    state.isDraining = false
                    return end(&state, .stalled)
                }
            }
            return nil
        }
        if let failure { onFailure(failure) }
    }

    /// Takes no more frames and waits until those that were taken are written, `milliseconds` at most. Afterwards no thread uses the descriptor.
    func finish(milliseconds: Int) {
        var left = milliseconds
        while state.withLock({ $0.isDraining && !$0.hasEnded }) && left > 0 {
            usleep(2000)
            left -= 2
        }
        state.withLock { $0.hasEnded = true }
        while state.withLock({ $0.isDraining }) { usleep(1000) }
    }

    /// Writes as much as the pipe takes at once; false when nobody reads.
    private func writeNow(_ bytes: ArraySlice<UInt8>, _ offset: inout Int) -> Bool {
        while offset < bytes.count {
            switch Descriptors.waitToWrite(descriptor, milliseconds: 0) {
            case 0: return true
            case 1:
                guard let written = Descriptors.writeSome(descriptor, bytes, from: offset) else { return false }
                offset += written
            default: return false
            }
        }
        return true
    }

    private func end(_ state: inout State, _ reason: Disconnection) -> Disconnection {
        state.hasEnded = true
        return reason
    }

    /// The draining thread's work: it takes what has gathered and writes it in pieces, each after the pipe has said that it has room.
    private func drain() {
        while let frames = takeQueue() {
            for frame in frames {
                if let failure = write(frame) { return stop(failure) }
            }
        }
    }

    /// Writes a frame; what went wrong, or nil. Gives up when the connection has been ended meanwhile.
    private func write(_ frame: ArraySlice<UInt8>) -> Disconnection? {
        let slice = 100
        var silent = 0
        var offset = frame.startIndex
        while offset < frame.endIndex {
            switch Descriptors.waitToWrite(descriptor, milliseconds: Int32(slice)) {
            case 1:
                guard let written = Descriptors.writeSome(descriptor, frame, from: offset) else { return .peerStoppedReading }
                offset += written
                silent = 0
                state.withLock { $0.waiting -= written }
            case 0:
                silent += slice
                if silent >= limits.writeDeadline { return .stalled }
            default: return .peerStoppedReading
            }
            if state.withLock({ $0.hasEnded }) { return .closed }
        }
        return nil
    }

    /// Everything that has gathered; nil when there is nothing, and then this thread no longer drains.
    private func takeQueue() -> [ArraySlice<UInt8>]? {
        state.withLock { state in
            if state.queue.isEmpty || state.hasEnded {
                state.isDraining = false
                return nil
            }
            defer { state.queue = [] }
            return state.queue
        }
    }

    private func stop(_ reason: Disconnection) {
        let isFirst = state.withLock { state in
            defer {
                state.hasEnded = true
                state.isDraining = false
                state.queue = []
            }
            return !state.hasEnded
        }
        if isFirst { onFailure(reason) }
    }
}
