// Log messages to the client: `logging/setLevel` (legacy), `logLevel` in `_meta` (modern), `notifications/message`.
import JSON

/// The severities of RFC 5424, least first.
public enum LogLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The levels of RFC 5424, least severe first.
    case debug, info, notice, warning, error, critical, alert, emergency

    private var rank: Int { LogLevel.allCases.firstIndex(of: self) ?? 0 }
    /// By severity.
    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

    static let names = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
}

enum Logging {
    static let setLevel = "logging/setLevel"

    static func level(_ params: JSONObject) throws(RPCError) -> LogLevel {
        guard let level = params["level"]?.stringValue.flatMap(LogLevel.init(rawValue:)) else {
            throw .invalidParams("\"level\" must be one of \(LogLevel.names)")
        }
        return level
    }

    static func message(_ level: LogLevel, logger: String?, data: JSONValue) -> Frame {
        var params = JSONObject([("level", .string(level.rawValue))])
        if let logger { params["logger"] = .string(logger) }
        params["data"] = data
        return .notification("notifications/message", params: params, kind: .droppable)
    }
}
