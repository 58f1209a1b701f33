// The blocks of which a tool's answer is made.
public import JSON

/// One block of a tool result's `content`.
public enum ContentBlock: Sendable, Hashable {
    /// Text.
    case text(String)
    /// Base64.
    case image(data: String, mimeType: String)
    /// Base64.
    case audio(data: String, mimeType: String)
    /// A resource that can be read elsewhere.
    case resourceLink(uri: String, name: String, mimeType: String?)
    /// An embedded resource: its text, or its bytes in base64.
    case resource(uri: String, mimeType: String?, text: String?, blob: String?)
    /// A block of a kind that is not known here, or lacks what its kind needs; kept as it came.
    case other(JSONValue)

    /// Reads a block leniently: what cannot be read as its kind is `.other`.
    public init(wire value: JSONValue) {
        let mimeType = value["mimeType"]?.stringValue
        switch value["type"]?.stringValue {
        case "text":
            self = value["text"]?.stringValue.map(ContentBlock.text) ?? .other(value)
        case "image":
            self = value["data"]?.stringValue.map { .image(data: $0, mimeType: mimeType ?? "") } ?? .other(value)
        case "audio":
            self = value["data"]?.stringValue.map { .audio(data: $0, mimeType: mimeType ?? "") } ?? .other(value)
        case "resource_link":
            guard let uri = value["uri"]?.stringValue else {
                self = .other(value)
                return
            }
            self = .resourceLink(uri: uri, name: value["name"]?.stringValue ?? uri, mimeType: mimeType)
        case "resource":
            guard let resource = value["resource"], let uri = resource["uri"]?.stringValue else {
                self = .other(value)
                return
            }
            self = .resource(
                uri: uri, mimeType: resource["mimeType"]?.stringValue, text: resource["text"]?.stringValue,
                blob: resource["blob"]?.stringValue)
        default:
            self = .other(value)
        }
    }

    /// The block as it goes over the wire.
    public var json: JSONValue {
        switch self {
        case .text(let text): return ["type": "text", "text": .string(text)]
        case .image(let data, let mimeType):
            return ["type": "image", "data": .string(data), "mimeType": .string(mimeType)]
        case .audio(let data, let mimeType):
            return ["type": "audio", "data": .string(data), "mimeType": .string(mimeType)]
        case .resourceLink(let uri, let name, let mimeType):
            var object = JSONObject([("type", "resource_link"), ("uri", .string(uri)), ("name", .string(name))])
            if let mimeType { object["mimeType"] = .string(mimeType) }
            return .object(object)
        case .resource(let uri, let mimeType, let text, let blob):
            var object = JSONObject([("uri", .string(uri))])
            if let mimeType { object["mimeType"] = .string(mimeType) }
            if let text { object["text"] = .string(text) }
            if let blob { object["blob"] = .string(blob) }
            return ["type": "resource", "resource": .object(object)]
        case .other(let value): return value
        }
    }
}
