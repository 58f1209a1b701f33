// The reading side of a pipe: one thread waits for input, for the peer's death and for our own wish to stop, all at once.
import CProcess

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads a descriptor until something ends it. Blocks in `poll`, never in `read`; nothing is woken while nothing happens.
struct DescriptorPump {
    /// Lines come from here.
    var input: Int32
    /// A descriptor that we write to; when its reader has gone, so has the peer.
    var output: Int32
    /// Readable when we shall stop.
    var wake: Int32
    /// A child's standard error.
    var diagnostics: Int32 = -1
    /// Readable when the watched process has ended; -1 when there is none, or no such descriptor on this system.
    var process: Int32 = -1
    /// Asked a few times a second, where a process is watched without a descriptor.
    var hasProcessEnded: (() -> Bool)?
    var lineLimit: Int

    /// What made the pump stop.
    enum End { case endOfInput, outputClosed, woken, processEnded, failed(errno: Int32) }

    private static let chunk = 1 << 16
    private static let pollingInterval: Int32 = 250

    /// Runs until the end. `lines` gets the events of the input, `words` the bytes of the diagnostics.
    func run(lines: (TransportEvent) -> Void, words: (UnsafeBufferPointer<UInt8>) -> Void) -> End {
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: DescriptorPump.chunk)
        defer { unsafe buffer.deallocate() }
        var splitter = LineSplitter(limit: lineLimit)
        // A negative descriptor is skipped by `poll`.
        var watched = [input, wake, output, process, diagnostics].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        watched[2].events = 0
        let timeout = process < 0 && hasProcessEnded != nil ? DescriptorPump.pollingInterval : -1
        while true {
            let count = unsafe poll(&watched, nfds_t(watched.count), timeout)
            if count < 0 {
                if errno == EINTR { continue }
                return .failed(errno: errno)
            }
            if watched[4].revents != 0, unsafe !readWords(buffer, words) { watched[4].fd = -1 }
            if watched[0].revents != 0 {
                if let end = unsafe readLines(buffer, &splitter, lines) {
                    splitter.finish(lines)
                    return end
                }
            }
            if watched[1].revents != 0 { return .woken }
            if watched[2].revents & Int16(POLLERR | POLLHUP) != 0 {
                // A child that ends closes its input first; what it said before counts.
                if hasProcessEnded != nil { unsafe drain(buffer, &splitter, lines, words) }
                return .outputClosed
            }
            if watched[3].revents != 0 || (count == 0 && hasProcessEnded?() == true) {
                unsafe drain(buffer, &splitter, lines, words)
                return .processEnded
            }
        }
    }

    /// One `read`; an end when there will be no more input.
    private func readLines(
        _ buffer: UnsafeMutableBufferPointer<UInt8>, _ splitter: inout LineSplitter, _ lines: (TransportEvent) -> Void
    ) -> End? {
        let count = unsafe read(input, buffer.baseAddress, buffer.count)
        if count == 0 { return .endOfInput }
        if count < 0 { return [EINTR, EAGAIN].contains(errno) ? nil : .failed(errno: errno) }
        unsafe splitter.push(UnsafeBufferPointer(rebasing: buffer[..<count]), lines)
        return nil
    }

    /// One `read` of the diagnostics; false when they have ended.
    private func readWords(
        _ buffer: UnsafeMutableBufferPointer<UInt8>, _ words: (UnsafeBufferPointer<UInt8>) -> Void
    ) -> Bool {
        let count = unsafe read(diagnostics, buffer.baseAddress, buffer.count)
        if count > 0 { unsafe words(UnsafeBufferPointer(rebasing: buffer[..<count])) }
        return count > 0 || (count < 0 && [EINTR, EAGAIN].contains(errno))
    }

    /// The process has ended: what it left in the pipes is read, without waiting for others that still hold them.
    private func drain(
        _ buffer: UnsafeMutableBufferPointer<UInt8>, _ splitter: inout LineSplitter, _ lines: (TransportEvent) -> Void,
        _ words: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        // Whoever writes on for ever is not listened to for ever.
        var reads = 0
        while reads < 4_096, isReadable(input), unsafe readLines(buffer, &splitter, lines) == nil { reads += 1 }
        splitter.finish(lines)
        while diagnostics >= 0, isReadable(diagnostics), unsafe readWords(buffer, words) {}
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&watched, 1, 0) > 0
    }
}
