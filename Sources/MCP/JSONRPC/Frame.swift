// One line for the wire: a whole message, serialised once, with its newline.
public import JSON

/// A serialised message. Bytes hold no newline but the last one; U+2028, U+2029 and control characters are escaped.
public struct Frame: Sendable, Hashable {
    /// Whether a stalled writer may drop the frame.
    public enum Kind: Sendable, Hashable {
        /// A request, a reply or a notification that must arrive.
        case essential
        /// Progress and log messages: dropped first when the peer does not read.
        case droppable
    }

    /// The message as it goes onto the wire, its line end included.
    public let bytes: [UInt8]
    /// What may happen to it when the reader is slow.
    public let kind: Kind

    /// The text without its newline.
    public var text: String { String(decoding: bytes.dropLast(), as: UTF8.self) }

    private static let style = JSONStyle.wire

    private init(_ bytes: [UInt8], kind: Kind = .essential) {
        self.bytes = bytes
        self.kind = kind
    }

    /// A request of ours.
    public static func request(_ id: RequestID, method: String, params: JSONObject) -> Frame {
        var bytes = head(capacity: 256)
        bytes += #","id":"#.utf8
        id.json.write(to: &bytes, style: style)
        appendCall(method, params, to: &bytes)
        return Frame(bytes)
    }

    /// A notification of ours.
    public static func notification(_ method: String, params: JSONObject, kind: Kind = .essential) -> Frame {
        var bytes = head(capacity: 256)
        appendCall(method, params, to: &bytes)
        return Frame(bytes, kind: kind)
    }

    /// The reply to a request.
    public static func reply(_ id: RequestID, result: JSONValue) -> Frame {
        var bytes = head(capacity: 512)
        bytes += #","id":"#.utf8
        id.json.write(to: &bytes, style: style)
        bytes += #","result":"#.utf8
        result.write(to: &bytes, style: style)
        bytes += "}\n".utf8
        return Frame(bytes)
    }

    /// The refusal of a request; without an identifier when the request's was unreadable (never `null`: clients drop the connection).
    public static func refusal(_ id: RequestID?, _ error: RPCError) -> Frame {
        var bytes = head(capacity: 256)
        if let id {
            bytes += #","id":"#.utf8
            id.json.write(to: &bytes, style: style)
        }
        bytes += #","error":"#.utf8
        error.json.write(to: &bytes, style: style)
        bytes += "}\n".utf8
        return Frame(bytes)
    }

    /// Several replies as one JSON array: the answer to a batch (revision 2025-03-26 only).
    static func batch(_ replies: [Frame]) -> Frame {
        var bytes: [UInt8] = [UInt8(ascii: "[")]
        for (index, reply) in replies.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += reply.bytes.dropLast()
        }
        bytes += "]\n".utf8
        return Frame(bytes)
    }

    private static func head(capacity: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(capacity)
        bytes += #"{"jsonrpc":"2.0""#.utf8
        return bytes
    }

    private static func appendCall(_ method: String, _ params: JSONObject, to bytes: inout [UInt8]) {
        bytes += #","method":"#.utf8
        JSONValue.string(method).write(to: &bytes, style: style)
        if !params.isEmpty {
            bytes += #","params":"#.utf8
            JSONValue.object(params).write(to: &bytes, style: style)
        }
        bytes += "}\n".utf8
    }
}
