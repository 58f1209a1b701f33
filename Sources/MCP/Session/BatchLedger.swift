// The replies of batches that are not complete yet (revision 2025-03-26): a batch is answered by one array.
import JSON

struct BatchLedger: Sendable {
    private struct Batch {
        var missing: Int
        var replies: [Frame] = []
    }

    private var batches: [Int: Batch] = [:]
    private var last = 0

    /// True for a message that gets a reply: a request, or one that is malformed.
    static func isAnswered(_ json: JSONValue) -> Bool {
        guard let message = try? RPCMessage(json) else { return true }
        if case .request = message { return true }
        return false
    }

    /// Opens a batch that `count` replies complete.
    mutating func open(expecting count: Int) -> Int {
        last += 1
        if count > 0 { batches[last] = Batch(missing: count) }
        return last
    }

    /// Adds a reply; the whole array when it was the last one.
    mutating func add(_ reply: Frame, to batch: Int) -> Frame? {
        batches[batch]?.replies.append(reply)
        return drop(from: batch)
    }

    /// One reply less is expected (its request was cancelled); the whole array when nothing else is missing and there is something to say.
    mutating func drop(from batch: Int) -> Frame? {
        batches[batch]?.missing -= 1
        guard let complete = batches[batch], complete.missing <= 0 else { return nil }
        batches[batch] = nil
        return complete.replies.isEmpty ? nil : .batch(complete.replies)
    }
}
