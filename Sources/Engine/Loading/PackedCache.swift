// A file beside a model that keeps its quantized weights as the products read them, so that the next load maps them instead of packing them.
internal import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Packed weights on disk. The file is a header and the tiles of all matrices:
///
///     "SIROPACK", version, bytes of the key, bytes of the tiles      8 bytes each, little-endian
///     the key: which files, when they changed, and what lies where
///     a checksum for each piece of the tiles, and one of all the above
///     zeros up to a multiple of `alignment`, the tiles
///
/// A file whose key or length differs belongs to another model or layout and is made anew; so is one whose checksums differ, as after a power
/// failure. It appears under its name when it is whole, and one process at a time writes it.
struct PackedCache {
    let path: String
    private let key: [UInt8]
    private let tileBytes: Int
    private let pieceBytes: Int

    /// Of the layout in packed.h and of this file.
    private static let version: UInt64 = 1
    /// Tiles begin at a huge page, so that systems that cache files in such pages can map them as they are.
    private static let alignment = 2 << 20
    private static let fixedBytes = 32

    /// The cache of the model whose first file is at `modelPath`, written and checked in pieces.
    init(besides modelPath: String, key: String, tileBytes: Int, pieceBytes: Int) {
        path = modelPath + ".sirocco-packed"
        self.key = Array("\(key)pieces of \(pieceBytes) bytes\n".utf8)
        self.pieceBytes = pieceBytes
        self.tileBytes = tileBytes
    }

    /// Where the tiles begin.
    var tilesAt: Int { (headerBytes + Self.alignment - 1) / Self.alignment * Self.alignment }

    private var pieces: Int { (tileBytes + pieceBytes - 1) / pieceBytes }
    private var headerBytes: Int { Self.fixedBytes + key.count + (pieces + 1) * 8 }
    private func piece(_ index: Int) -> Range<Int> { index * pieceBytes..<min((index + 1) * pieceBytes, tileBytes) }

    private func header(_ checksums: [UInt64]) -> [UInt8] {
        func bytes(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        var header = Array("SIROPACK".utf8) + bytes(Self.version) + bytes(UInt64(key.count)) + bytes(UInt64(tileBytes)) + key
        for checksum in checksums { header += bytes(checksum) }
        return header + bytes(header.withUnsafeBytes { Self.checksum($0) })
    }

    // MARK: - Reading

    /// The file, mapped and checked; nil when there is none for this model, or a damaged one.
    func map(threads: Int?) -> MappedFile? {
        guard let file = try? MappedFile(path: path, inHugePages: true), file.count == tilesAt + tileBytes else { return nil }
        let checksumsAt = Self.fixedBytes + key.count
        let checksums = (0..<pieces).map {
            UInt64(littleEndian: file.bytes.loadUnaligned(fromByteOffset: checksumsAt + 8 * $0, as: UInt64.self))
        }
        guard file.bytes.prefix(headerBytes).elementsEqual(header(checksums)) else { return nil }
        let isWhole = Atomic(true)
        ParallelWork.run(count: pieces, threads: threads, report: { _ in }) { index in
            let range = piece(index)
            let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[tilesAt + range.lowerBound..<tilesAt + range.upperBound])
            if Self.checksum(bytes) != checksums[index] { isWhole.store(false, ordering: .relaxed) }
        }
        return isWhole.load(ordering: .relaxed) ? file : nil
    }

    /// 64 bits of some bytes that tell torn and shifted pages: sums and sums of sums of their words, in lanes (Fletcher 1982).
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var sums = SIMD16<UInt32>(repeating: 1)
        var sumsOfSums = SIMD16<UInt32>()
        var offset = 0
        while offset + 64 <= bytes.count {
            sums &+= bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt32>.self)
            sumsOfSums &+= sums
            offset += 64
        }
        var result = UInt64(bytes.count)
        func mix(_ value: UInt64) {
            result = (result ^ value) &* 0x9E37_79B9_7F4A_7C15
            result ^= result >> 29
        }
        for lane in 0..<16 { mix(UInt64(sums[lane]) | UInt64(sumsOfSums[lane]) << 32) }
        for byte in bytes[offset...] { mix(UInt64(byte)) }
        return result
    }

    // MARK: - Writing

    /// Why a file was not written.
    struct Failure: Error {
        let path: String
        let operation: String
        let code: Int32

        var description: String {
            "packed weights are not kept for the next load: cannot \(operation) \(path): \(systemErrorText(code))"
        }
    }

    /// Writes the file: `fill` puts the bytes of a range of the tiles into memory, on several threads at a time. Throws `Failure`; nothing is left of
    /// the file then. Returns false when another process is writing it.
    func write(
        threads: Int?, report: (_ completedBytes: Int) -> Void, fill: @escaping @Sendable (Range<Int>, UnsafeMutableRawPointer) -> Void
    ) throws(Failure) -> Bool {
        let partial = path + ".partial"
        let descriptor = open(partial, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure(path: partial, operation: "create", code: errno) }
        defer { close(descriptor) }
        guard Self.own(descriptor, partial) else { return false }
        do throws(Failure) {
            try write(descriptor, partial, threads: threads, report: report, fill: fill)
            guard rename(partial, path) == 0 else { throw Failure(path: path, operation: "create", code: errno) }
        } catch {
            unlink(partial)
            throw error
        }
        return true
    }

    /// Whether this process alone writes to the file: it holds its lock, and the file has not been renamed before that.
    private static func own(_ descriptor: Int32, _ path: String) -> Bool {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return false }
        var (mine, named) = (stat(), stat())
        return fstat(descriptor, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev
    }

    private func write(
        _ descriptor: Int32, _ partial: String, threads: Int?, report: (Int) -> Void,
        fill: @escaping @Sendable (Range<Int>, UnsafeMutableRawPointer) -> Void
    ) throws(Failure) {
        // Nothing of an earlier attempt stays, and what the disk cannot hold is known before the work.
        guard ftruncate(descriptor, 0) == 0, ftruncate(descriptor, off_t(tilesAt + tileBytes)) == 0 else {
            throw Failure(path: partial, operation: "write", code: errno)
        }
        #if canImport(Glibc)
            let refusal = posix_fallocate(descriptor, off_t(tilesAt), off_t(tileBytes))
            if refusal != 0, refusal != EOPNOTSUPP, refusal != EINVAL { throw Failure(path: partial, operation: "write", code: refusal) }
        #endif
        let checksums = Mutex([UInt64](repeating: 0, count: pieces))
        let buffers = Mutex<[WeightBuffer]>([])
        let problem = Mutex<Int32?>(nil)
        ParallelWork.run(count: pieces, threads: threads, report: { report(min($0 * pieceBytes, tileBytes)) }) { index in
            if problem.withLock({ $0 != nil }) { return }
            guard let buffer = buffers.withLock({ $0.popLast() }) ?? WeightBuffer(reserving: pieceBytes) else {
                problem.withLock { $0 = ENOMEM }
                return
            }
            let range = piece(index)
            fill(range, buffer.pointer)
            let bytes = UnsafeRawBufferPointer(start: buffer.pointer, count: range.count)
            let checksum = Self.checksum(bytes)
            checksums.withLock { $0[index] = checksum }
            if let code = Self.put(bytes, at: tilesAt + range.lowerBound, descriptor) { problem.withLock { $0 = code } }
            buffers.withLock { $0.append(buffer) }
        }
        let failure = problem.withLock { $0 } ?? header(checksums.withLock { $0 }).withUnsafeBytes { Self.put($0, at: 0, descriptor) }
        if let failure { throw Failure(path: partial, operation: "write", code: failure) }
    }

    /// Writes bytes at a place; what went wrong, if anything.
    private static func put(_ bytes: UnsafeRawBufferPointer, at place: Int, _ descriptor: Int32) -> Int32? {
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(place + done))
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                return count == 0 ? ENOSPC : errno
            }
        }
        return nil
    }
}
