// `notifications/progress`: only for a token that the caller gave, strictly rising, at most two a second, the first at once.
import JSON

/// The progress of one call: decides what may be sent.
struct ProgressGate: Sendable, Hashable {
    static let method = "notifications/progress"
    /// The least time between two notifications of one call, in nanoseconds.
    static let interval: UInt64 = 500_000_000

    private var lastValue = -Double.infinity
    private var lastTime: UInt64?

    /// True if a notification of this value may go out now, at `now` nanoseconds of a monotonic clock; it is then counted as sent.
    mutating func admits(_ value: Double, now: UInt64) -> Bool {
        guard value.isFinite, value > lastValue else { return false }
        if let lastTime, now &- lastTime < ProgressGate.interval { return false }
        lastValue = value
        lastTime = now
        return true
    }

    static func frame(_ token: ProgressToken, _ value: Double, total: Double?, message: String?) -> Frame {
        var params = JSONObject([("progressToken", token.json), ("progress", number(value))])
        if let total, total.isFinite { params["total"] = number(total) }
        if let message { params["message"] = .string(message) }
        return .notification(method, params: params, kind: .droppable)
    }

    /// Whole numbers are written without a fraction.
    private static func number(_ value: Double) -> JSONValue {
        if let whole = Int(exactly: value) { return .number(JSONNumber(whole)) }
        return JSONNumber(value).map(JSONValue.number) ?? .null
    }
}
