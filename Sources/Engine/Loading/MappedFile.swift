// Bytes of a model: a file mapped into memory, a copy, or bytes that live in the binary.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Read-only bytes with an owner.
///
/// A mapped file that another process shortens would end this process with SIGBUS at the next read behind its new end (the executable
/// says so in a sentence); `checkLength` reports it before a load begins and after it ends. `LoadOptions.copiesWeights` avoids mapped weights altogether.
public final class MappedFile: @unchecked Sendable {
    // Safe: the bytes are only read, and are unmapped when the last reference is gone.

    private enum Owner {
        case mapping(descriptor: Int32)
        case buffer
        case none
    }

    /// What tells a file from another that bears its name, or from itself when it was changed. Times are in nanoseconds.
    struct Identity: Sendable, Hashable {
        var inode: UInt64
        var modified: Int64
        var changed: Int64

        init(_ status: stat) {
            func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) }
            inode = UInt64(status.st_ino)
            #if canImport(Glibc)
                (modified, changed) = (nanoseconds(status.st_mtim), nanoseconds(status.st_ctim))
            #else
                (modified, changed) = (nanoseconds(status.st_mtimespec), nanoseconds(status.st_ctimespec))
            #endif
        }
    }

    /// The path or name, for messages.
    public let name: String
    /// When the file was opened; nil for bytes that are none.
    let identity: Identity?
    /// The whole content; valid while this object lives.
    let bytes: UnsafeRawBufferPointer
    private let owner: Owner

    /// Maps the file at `path`.
    public convenience init(path: String) throws(LoadError) { try self.init(path: path, inHugePages: false) }

    /// Maps the file at `path`, at the border of a huge page and with the wish for such pages where that is asked.
    init(path: String, inHugePages: Bool) throws(LoadError) {
        name = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(file: path, operation: "open", code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw .unreadable(file: path, operation: "examine", code: code)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .notARegularFile(file: path)
        }
        identity = Identity(status)
        let count = Int(status.st_size)
        if count == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            owner = .mapping(descriptor: descriptor)
            return
        }
        guard let start = inHugePages ? Self.mapInHugePages(descriptor, count) : mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
            start != MAP_FAILED
        else {
            let code = errno
            close(descriptor)
            throw .unreadable(file: path, operation: "map", code: code)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
        owner = .mapping(descriptor: descriptor)
    }

    /// Holds a copy of `content`.
    public init(name: String, copying content: [UInt8]) {
        self.name = name
        identity = nil
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(content.count, 1), alignment: 64)
        buffer.copyBytes(from: content)
        bytes = UnsafeRawBufferPointer(start: buffer.baseAddress, count: content.count)
        owner = .buffer
    }

    /// Refers to bytes that live as long as the process.
    public init(name: String, immortal content: UnsafeRawBufferPointer) {
        self.name = name
        identity = nil
        bytes = content
        owner = .none
    }

    /// Maps a file at the border of a huge page.
    private static func mapInHugePages(_ descriptor: Int32, _ count: Int) -> UnsafeMutableRawPointer? {
        let hugePage = WeightBuffer.hugePage
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let whole = (count + page - 1) / page * page
        // Room for the file behind any border; what is not needed of it is given back.
        guard let room = mmap(nil, whole + hugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), room != MAP_FAILED else { return nil }
        let before = (hugePage - Int(bitPattern: room) % hugePage) % hugePage
        let start = room + before
        guard mmap(start, count, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor, 0) == start else {
            let code = errno
            munmap(room, whole + hugePage)
            errno = code
            return nil
        }
        if before > 0 { munmap(room, before) }
        if before < hugePage { munmap(start + whole, hugePage - before) }
        #if os(Linux)
            // Advice: a refusal changes nothing but speed.
            _ = madvise(start, count, MADV_HUGEPAGE)
        #endif
        return start
    }

    deinit {
        switch owner {
        case .mapping(let descriptor):
            if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
            close(descriptor)
        case .buffer:
            bytes.baseAddress?.deallocate()
        case .none: break
        }
    }

    /// Bytes in the file.
    public var count: Int { bytes.count }

    /// Whether the bytes are a file's pages, read when first touched.
    var isMapped: Bool {
        if case .mapping = owner { true } else { false }
    }

    /// Throws `.fileChanged` when the file is no longer as long as when it was mapped.
    public func checkLength() throws(LoadError) {
        guard case .mapping(let descriptor) = owner else { return }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(file: name, operation: "examine", code: errno) }
        guard Int(status.st_size) == count else {
            throw .fileChanged(file: name, expectedBytes: count, foundBytes: Int(status.st_size))
        }
    }

    /// A copy of the content, for small files; `limit` bounds it.
    func content(limit: Int) throws(LoadError) -> [UInt8] {
        guard count <= limit else {
            throw .limitExceeded(file: name, what: "its length in bytes", value: UInt64(count), limit: UInt64(limit))
        }
        try checkLength()
        return Array(bytes)
    }

    /// The content as text.
    func text(limit: Int) throws(LoadError) -> String {
        guard let text = String(validating: try content(limit: limit), as: UTF8.self) else {
            throw .invalidUTF8(file: name, what: "the text", offset: 0)
        }
        return text
    }

    /// Asks the system to read a range ahead of its use.
    func willNeed(_ range: Range<Int>) { advise(range, MADV_WILLNEED) }

    /// Gives back the pages that lie within a range; they are read again when they are touched again.
    func isDone(with range: Range<Int>) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (range.lowerBound + page - 1) / page * page
        advise(first..<max(first, range.upperBound / page * page), MADV_DONTNEED)
    }

    private func advise(_ range: Range<Int>, _ advice: Int32) {
        guard isMapped, let start = bytes.baseAddress, !range.isEmpty else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = range.lowerBound / page * page
        // Advice: a refusal changes nothing but speed.
        _ = madvise(UnsafeMutableRawPointer(mutating: start + first), range.upperBound - first, advice)
    }
}

/// The system's words for an error number.
func systemErrorText(_ code: Int32) -> String {
    // strerror's buffer may be shared between threads; the copy is made at once.
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
}
