// The folder of a user's tools: every *.tool.json in it, in the order of their names.
import JSON
import MCP

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension ToolFile {
    /// Reads every `*.tool.json` of a folder. The first fault ends it: a tool that the user counts on must not be missing silently.
    public static func load(folder: String, limits: ToolLimits = .standard) throws(ToolFileError) -> [ToolFile] {
        let names = try toolFileNames(in: folder)
        guard names.count <= limits.toolFiles else {
            throw ToolFileError(file: folder, reason: "has \(names.count) tools; at most \(limits.toolFiles) are offered")
        }
        var tools: [ToolFile] = []
        for name in names {
            let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
            let tool = try ToolFile(parsing: try contents(of: path, limit: limits.toolFileBytes), file: path, limits: limits)
            try check(tool, against: tools)
            tools.append(tool)
        }
        return tools
    }

    /// Refuses a name that is ours or already taken.
    static func check(_ tool: ToolFile, against others: [ToolFile]) throws(ToolFileError) {
        let name = tool.definition.name
        if WorkTools.reservedNames.contains(name) {
            throw ToolFileError(file: tool.file, pointer: .init(["name"]), reason: "\"\(name)\" is the name of a built-in tool")
        }
        if let other = others.first(where: { $0.definition.name == name }) {
            throw ToolFileError(file: tool.file, pointer: .init(["name"]), reason: "\"\(name)\" is also the name of \(other.file)")
        }
    }

    private static func toolFileNames(in folder: String) throws(ToolFileError) -> [String] {
        guard let directory = unsafe opendir(folder) else {
            throw ToolFileError(file: folder, reason: "the folder cannot be read: \(lastSystemError())")
        }
        defer { _ = unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".tool.json"), !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// The bytes of a regular file; one byte above the limit is enough to know that it is too long.
    private static func contents(of path: String, limit: Int) throws(ToolFileError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ToolFileError(file: path, reason: "cannot be read: \(lastSystemError())") }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ToolFileError(file: path, reason: "is not a regular file")
        }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var filled = 0
        while filled < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ToolFileError(file: path, reason: "cannot be read: \(lastSystemError())") }
            if count == 0 { break }
            filled += count
        }
        return Array(bytes.prefix(filled))
    }

    private static func lastSystemError() -> String { unsafe String(cString: strerror(errno)) }
}
