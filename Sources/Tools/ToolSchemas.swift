// The files of schemas/tools, read from the binary itself.
import Embedded
import JSON

/// The input and output schemas of our own tools, as they lie in `schemas/tools/` and, embedded, in the binary.
enum ToolSchemas {
    /// The schema of this file, for example `extract.input.json`. Naming a file that is not embedded is a fault in this program.
    static func schema(_ file: String) -> JSONValue {
        guard let schema = files[file] else { preconditionFailure("schemas/tools/\(file) is not embedded") }
        return schema
    }

    /// Every embedded schema by its file's name.
    static let files: [String: JSONValue] = {
        var files: [String: JSONValue] = [:]
        guard var entry = unsafe sirocco_embedded_schemas() else { return files }
        while let name = unsafe entry.pointee.name {
            let bytes = unsafe [UInt8](UnsafeBufferPointer(start: entry.pointee.bytes, count: entry.pointee.count))
            let file = unsafe String(cString: name)
            do { files[file] = try JSONValue(parsing: bytes) } catch { preconditionFailure("schemas/tools/\(file): \(error)") }
            unsafe entry += 1
        }
        return files
    }()
}
