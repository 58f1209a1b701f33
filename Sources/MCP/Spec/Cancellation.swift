// `notifications/cancelled`: the only way to stop a call over stdio; never answered.
import JSON

enum Cancellation {
    static let method = "notifications/cancelled"

    /// The request that is no longer wanted; nil when the notification does not say.
    static func requestID(_ params: JSONObject) -> RequestID? { RequestID(params["requestId"]) }

    static func frame(_ id: RequestID, reason: String) -> Frame {
        .notification(method, params: JSONObject([("requestId", id.json), ("reason", .string(reason))]))
    }
}
