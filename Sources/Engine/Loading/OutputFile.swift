// A file that is written whole or not at all.
import Glibc

/// A file under another name until it is whole, then renamed to its path, so that what was there stays until then. A link is followed; a device or
/// pipe is written as it comes, and stays what it is.
public final class OutputFile {
    /// Where to write.
    public let descriptor: Int32
    private let path: String
    private let partial: String?
    private var isOpen = true

    /// - Parameter needsPlaces: the caller writes at places of its own, which only a regular file has.
    /// - Throws: `.unreadable` with the system's reason.
    public init(_ path: String, needsPlaces: Bool = false) throws(LoadError) {
        var status = stat()
        var target = path
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                if status.st_mode & S_IFMT == S_IFDIR { throw .unreadable(file: path, operation: "write", code: EISDIR) }
                if needsPlaces { throw .notARegularFile(file: path) }
                descriptor = open(path, O_WRONLY | O_CLOEXEC)
                guard descriptor >= 0 else { throw .unreadable(file: path, operation: "write", code: errno) }
                (self.path, partial) = (path, nil)
                return
            }
            if let resolved = realpath(path, nil) {
                target = String(cString: resolved)
                free(resolved)
            }
        }
        let partial = target + ".partial-\(getpid())"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unreadable(file: partial, operation: "create", code: errno) }
        (self.path, self.partial) = (target, partial)
    }

    /// Writes all the bytes where the last ones ended.
    /// - Throws: `.unreadable` with the system's reason.
    public func append(_ bytes: [UInt8]) throws(LoadError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw .unreadable(file: path, operation: "write", code: errno)
            }
            rest = rest.dropFirst(written)
        }
    }

    /// The file is whole: it takes its path.
    /// - Throws: `.unreadable` with the system's reason; the path is then as it was.
    public func finish() throws(LoadError) {
        guard let partial else { return try closeOnce() }
        guard fsync(descriptor) == 0 else { throw .unreadable(file: partial, operation: "write", code: errno) }
        try closeOnce()
        guard rename(partial, path) == 0 else { throw .unreadable(file: path, operation: "replace", code: errno) }
        isFinished = true
    }

    private var isFinished = false

    private func closeOnce() throws(LoadError) {
        guard isOpen else { return }
        isOpen = false
        guard close(descriptor) == 0 else { throw .unreadable(file: path, operation: "write", code: errno) }
    }

    deinit {
        if isOpen { close(descriptor) }
        if let partial, !isFinished { unlink(partial) }
    }
}
