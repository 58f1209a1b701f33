// Safetensors files made and read in tests, independently of the engine's own reader.
import JSON

/// A tensor as a safetensors file has it.
public struct RawTensor: Sendable, Hashable {
    public var name: String
    /// "F32", "BF16", ….
    public var type: String
    /// Outermost dimension first.
    public var shape: [Int]
    public var bytes: [UInt8]

    public init(name: String, type: String, shape: [Int], bytes: [UInt8]) {
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }

    /// An F32 tensor.
    public init(name: String, shape: [Int], values: [Float]) {
        self.init(name: name, type: "F32", shape: shape, bytes: values.withUnsafeBytes { Array($0) })
    }

    /// The values of an F32 or BF16 tensor.
    public var floats: [Float] {
        switch type {
        case "F32":
            return stride(from: 0, to: bytes.count, by: 4).map { at in
                Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * $1) })
            }
        case "BF16":
            return stride(from: 0, to: bytes.count, by: 2).map { at in
                Float(bitPattern: UInt32(bytes[at]) << 16 | UInt32(bytes[at + 1]) << 24)
            }
        default: preconditionFailure("no floats in \(type)")
        }
    }
}

/// Writes and reads whole safetensors files.
public struct SafetensorsWriter: Sendable {
    public var tensors: [RawTensor]
    public var metadata: [(String, String)]

    public init(_ tensors: [RawTensor] = [], metadata: [(String, String)] = []) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// The file: header length, header padded to 8 bytes, data.
    public func bytes() -> [UInt8] {
        var header = JSONObject()
        if !metadata.isEmpty { header["__metadata__"] = .object(JSONObject(metadata.map { ($0.0, .string($0.1)) })) }
        var data: [UInt8] = []
        for tensor in tensors {
            header[tensor.name] = .object(
                JSONObject([
                    ("dtype", .string(tensor.type)), ("shape", .array(tensor.shape.map { JSONValue($0) })),
                    ("data_offsets", .array([JSONValue(data.count), JSONValue(data.count + tensor.bytes.count)])),
                ]))
            data += tensor.bytes
        }
        return Self.file(header: JSONValue.object(header).text(), data: data)
    }

    /// A file with this header text, right or wrong.
    public static func file(header: String, data: [UInt8] = []) -> [UInt8] {
        var text = Array(header.utf8)
        while text.count % 8 != 0 { text.append(0x20) }
        return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + data
    }

    /// The tensors of a valid file, in the header's order.
    public static func read(_ bytes: [UInt8]) throws -> [RawTensor] {
        let length = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        let header = try JSONValue(parsing: Array(bytes[8..<8 + length])).objectValue ?? JSONObject()
        return header.filter { $0.key != "__metadata__" }.map { name, value in
            let begin = 8 + length + (value["data_offsets"]?[0]?.intValue ?? 0)
            let end = 8 + length + (value["data_offsets"]?[1]?.intValue ?? 0)
            return RawTensor(
                name: name, type: value["dtype"]?.stringValue ?? "",
                shape: (value["shape"]?.arrayValue ?? []).compactMap(\.intValue), bytes: Array(bytes[begin..<end]))
        }
    }
}
