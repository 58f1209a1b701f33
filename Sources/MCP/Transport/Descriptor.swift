// The few system calls on descriptors, with interruptions repeated.
import CProcess

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

enum Descriptors {
    /// A pipe whose ends close on exec.
    static func pipe() throws(TransportError) -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        let fault = unsafe ends.withUnsafeMutableBufferPointer { unsafe cprocess_pipe($0.baseAddress) }
        guard fault == 0 else { throw .noDescriptor(-1, errno: Int(fault)) }
        return (ends[0], ends[1])
    }

    /// Waits until the descriptor can take `PIPE_BUF` bytes without blocking. 1: it can, 0: not within the time, -1: nobody reads.
    static func waitToWrite(_ descriptor: Int32, milliseconds: Int32) -> Int {
        var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while true {
            let count = unsafe poll(&watched, 1, milliseconds)
            if count < 0 && errno == EINTR { continue }
            if count == 0 { return 0 }
            return count < 0 || watched.revents & Int16(POLLERR | POLLNVAL) != 0 ? -1 : 1
        }
    }

    /// Writes up to `PIPE_BUF` bytes from `offset` on, which does not block after `waitToWrite`; nil when nobody reads any more.
    static func writeSome(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>, from offset: Int) -> Int? {
        let count = min(bytes.endIndex - offset, Int(PIPE_BUF))
        while true {
            let written = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress! + (offset - bytes.startIndex), count) }
            if written >= 0 { return written }
            if errno == EAGAIN { return 0 }
            if errno != EINTR { return nil }
        }
    }

    /// Closes every one of them.
    static func close(_ descriptors: Int32...) {
        for descriptor in descriptors {
            #if canImport(Glibc)
                Glibc.close(descriptor)
            #else
                Darwin.close(descriptor)
            #endif
        }
    }

    /// A write to a pipe that nobody reads must be an error, not the end of the process.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}
