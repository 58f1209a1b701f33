// Files by name: a folder on disk, or bytes in the binary.
internal import JSON

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Named bytes that live as long as the process, as a model inside the binary is.
public struct EmbeddedFiles: @unchecked Sendable {
    // Safe: the bytes are immortal and never written.

    /// What to call the model.
    public let name: String
    let files: [String: UnsafeRawBufferPointer]

    /// - Parameter files: names without folders, and bytes that are never freed or written. A later file replaces an earlier one of its name.
    public init(name: String, files: [(name: String, bytes: UnsafeRawBufferPointer)]) {
        self.name = name
        self.files = Dictionary(files.map { ($0.name, $0.bytes) }, uniquingKeysWith: { $1 })
    }
}

/// The files beside each other that make up a model.
enum FileSet {
    case folder(String)
    case embedded(EmbeddedFiles)

    /// The folder's name, for messages.
    var name: String {
        switch self {
        case .folder(let path): path
        case .embedded(let files): files.name
        }
    }

    /// The name of a file in it, for messages.
    func path(_ file: String) -> String { name + "/" + file }

    /// All names, sorted.
    func names() throws(LoadError) -> [String] {
        switch self {
        case .embedded(let files): return files.files.keys.sorted()
        case .folder(let path):
            guard let directory = opendir(path) else { throw .unreadable(file: path, operation: "list", code: errno) }
            defer { closedir(directory) }
            var names: [String] = []
            while let entry = readdir(directory) {
                let capacity = MemoryLayout.size(ofValue: entry.pointee.d_name)
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: capacity) { String(cString: $0) }
                }
                if !name.hasPrefix(".") { names.append(name) }
            }
            return names.sorted()
        }
    }

    /// Opens a file that must be there.
    func open(_ name: String) throws(LoadError) -> MappedFile {
        switch self {
        case .folder(let path): return try MappedFile(path: path + "/" + name)
        case .embedded(let files):
            guard let bytes = files.files[name] else { throw .missingFile(file: name, folder: files.name) }
            return MappedFile(name: path(name), immortal: bytes)
        }
    }

    /// Parses a file of JSON that must be there.
    func json(_ name: String) throws(LoadError) -> JSONValue {
        try open(name).json(limit: LoadLimits.configurationBytes)
    }
}

extension MappedFile {
    /// The content parsed as JSON.
    func json(limit: Int) throws(LoadError) -> JSONValue {
        let content = try content(limit: limit)
        do {
            return try JSONValue(parsing: content, limits: JSONLimits(bytes: limit, depth: 64))
        } catch {
            throw .malformedJSON(file: name, error: error)
        }
    }
}

/// Whether a path is a folder, a file, or neither.
func isFolder(_ path: String) throws(LoadError) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .unreadable(file: path, operation: "find", code: errno) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return true
    case S_IFREG: return false
    default: throw .notARegularFile(file: path)
    }
}
