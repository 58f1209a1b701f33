public import JSON

// Where the tests find their golden data: the folder `shared` beside the checkout.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A fixture that could not be read; the test that asked for it fails.
public struct MissingFixture: Error, CustomStringConvertible {
    public let path: String
    public var description: String { "fixture missing or unreadable: \(path)" }
}

/// The golden data that lies in `../shared`, beside the checkout.
public enum Fixtures {
    /// The checkout's root folder.
    public static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    /// `../shared` beside the checkout.
    public static let shared: String = {
        var parts = root.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast()
        return parts.joined(separator: "/") + "/shared"
    }()

    /// The bytes of a file below `../shared`.
    public static func bytes(_ path: String) throws -> [UInt8] { try readFile(shared + "/" + path) }

    /// The text of a file below `../shared`.
    public static func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }

    /// The JSON value of a file below `../shared`.
    public static func json(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: bytes(path), limits: JSONLimits(bytes: 1 << 30, depth: 256))
    }

    /// The names in a folder below `../shared`, sorted.
    public static func list(_ path: String) throws -> [String] {
        guard let directory = opendir(shared + "/" + path) else { throw MissingFixture(path: shared + "/" + path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// The bytes of any file.
    public static func readFile(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw MissingFixture(path: path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw MissingFixture(path: path) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let n = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
            guard n > 0 else { throw MissingFixture(path: path) }
            filled += n
        }
        return bytes
    }
}
