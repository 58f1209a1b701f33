// A reply's text, piece by piece, to events: thoughts, text and tool calls, the same at any chunking.
import JSON

/// What a reply's text turned out to be.
enum ReplyEvent: Hashable {
    case text(String)
    case reasoning(String)
    case callStarted(index: Int, id: String, name: String)
    case callArguments(index: Int, String)
    case callFinished(index: Int, ToolCall)
}

/// Splits a reply as it comes. Never emits part of a marker: the longest tail that may still become one is held back. The model's own
/// characters pass through unchanged.
struct ReplyParser {
    private enum State {
        /// Before anything but white space: a thought or, without a marker, a call may begin.
        case start(mayThink: Bool)
        case reasoning
        case text
        case callHeader
        case arguments
        case afterArguments
        case betweenCalls
    }

    private let format: ToolCallFormat?
    private let toolNames: Set<String>
    private let tags: ReasoningTags?
    /// The number of the conversation's calls before this reply, so that ids stay unique.
    private let firstCallNumber: Int
    private var state: State
    private var pending: [UInt8] = []
    /// Leading white space of a thought, or of the text after one, is layout.
    private var dropsLeadingSpace: Bool
    /// The white space before the last marker, in case that marker turns out to be text.
    private var heldSpace: [UInt8] = []
    private var callIndex = 0
    private var callName = ""
    private var arguments: [UInt8] = []
    private var scanner = JSONValueScanner()
    private let marker: [UInt8]
    private let closer: [UInt8]
    private let open: [UInt8]
    private let close: [UInt8]

    /// `format` and `toolNames`: calls are looked for only when tools were given. `isThinking`: the prompt has opened a thought.
    init(format: ToolCallFormat?, toolNames: [String], tags: ReasoningTags?, isThinking: Bool, firstCallNumber: Int) {
        self.format = toolNames.isEmpty ? nil : format
        self.toolNames = Set(toolNames)
        self.tags = tags
        self.firstCallNumber = firstCallNumber
        state = isThinking ? .reasoning : .start(mayThink: tags != nil)
        dropsLeadingSpace = isThinking
        marker = Array((self.format?.marker ?? "").utf8)
        closer = Array((self.format?.closer ?? "").utf8)
        open = Array((tags?.open ?? "").utf8)
        close = Array((tags?.close ?? "").utf8)
    }

    /// Whether a call has begun and is not whole.
    var isWithinCall: Bool {
        switch state {
        case .callHeader, .arguments, .afterArguments: true
        default: false
        }
    }

    /// The events of a further piece of the reply.
    mutating func push(_ text: String) throws(ChatError) -> [ReplyEvent] {
        pending += text.utf8
        var events: [ReplyEvent] = []
        while try step(&events, isLast: false) {}
        return events
    }

    /// The events of what was held back. A call that is not whole by now leaves none.
    mutating func finish() throws(ChatError) -> [ReplyEvent] {
        var events: [ReplyEvent] = []
        while try step(&events, isLast: true) {}
        return events
    }

    /// One step; false when more text is needed.
    private mutating func step(_ events: inout [ReplyEvent], isLast: Bool) throws(ChatError) -> Bool {
        guard !pending.isEmpty else { return false }
        switch state {
        case .start(let mayThink): return stepStart(mayThink, isLast: isLast)
        case .reasoning: return stepReasoning(&events, isLast: isLast)
        case .text: return stepText(&events, isLast: isLast)
        case .callHeader: return stepHeader(&events, isLast: isLast)
        case .arguments: return stepArguments(&events)
        case .afterArguments: return try stepAfterArguments(&events)
        case .betweenCalls: return stepBetweenCalls(isLast: isLast)
        }
    }

    // MARK: Text and thoughts

    private mutating func stepStart(_ mayThink: Bool, isLast: Bool) -> Bool {
        let first = pending.firstIndex { !isSpace($0) } ?? pending.count
        let rest = pending[first...]
        if mayThink {
            if rest.starts(with: open) {
                pending.removeFirst(first + open.count)
                dropsLeadingSpace = true
                state = .reasoning
                return true
            }
            if !isLast, open.starts(with: rest) { return false }
        }
        if let format, marker.isEmpty {
            let opening = Array(format.opening.utf8)
            if rest.starts(with: opening) {
                heldSpace = Array(pending[..<first])
                pending.removeFirst(first)
                state = .callHeader
                return true
            }
            if !isLast, opening.starts(with: rest) { return false }
        }
        state = .text
        return true
    }

    private mutating func stepReasoning(_ events: inout [ReplyEvent], isLast: Bool) -> Bool {
        guard !skipLeadingSpace(isLast: isLast) else { return false }
        var live = [close]
        if !marker.isEmpty { live.append(marker) }
        guard let (place, found) = firstOccurrence(of: live) else {
            return emit(upTo: isLast ? pending.count : safeCount(live, holdingSpaces: true), &events, ReplyEvent.reasoning)
        }
        emitTrimmed(upTo: place, &events, ReplyEvent.reasoning)
        pending.removeFirst(found.count)
        if found == close {
            dropsLeadingSpace = true
            state = format != nil && marker.isEmpty ? .start(mayThink: false) : .text
        } else {
            state = .callHeader
        }
        return true
    }

    private mutating func stepText(_ events: inout [ReplyEvent], isLast: Bool) -> Bool {
        guard !skipLeadingSpace(isLast: isLast) else { return false }
        guard !marker.isEmpty else { return emit(upTo: pending.count, &events, ReplyEvent.text) }
        guard let (place, _) = firstOccurrence(of: [marker]) else {
            return emit(upTo: isLast ? pending.count : safeCount([marker], holdingSpaces: true), &events, ReplyEvent.text)
        }
        emitTrimmed(upTo: place, &events, ReplyEvent.text)
        pending.removeFirst(marker.count)
        state = .callHeader
        return true
    }

    /// Drops leading white space where it is layout; true when nothing else has come yet.
    private mutating func skipLeadingSpace(isLast: Bool) -> Bool {
        guard dropsLeadingSpace else { return false }
        pending.removeFirst(pending.firstIndex { !isSpace($0) } ?? pending.count)
        if pending.isEmpty { return true }
        dropsLeadingSpace = false
        return false
    }

    /// Emits the first `count` bytes; false when there are none.
    private mutating func emit(upTo count: Int, _ events: inout [ReplyEvent], _ event: (String) -> ReplyEvent) -> Bool {
        guard count > 0 else { return false }
        events.append(event(String(decoding: pending[..<count], as: UTF8.self)))
        pending.removeFirst(count)
        return true
    }

    /// Emits what precedes a marker at `place`, without the white space before it, which is layout.
    private mutating func emitTrimmed(upTo place: Int, _ events: inout [ReplyEvent], _ event: (String) -> ReplyEvent) {
        var end = place
        while end > 0, isSpace(pending[end - 1]) { end -= 1 }
        _ = emit(upTo: end, &events, event)
        heldSpace = Array(pending[..<(place - end)])
        pending.removeFirst(place - end)
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    private func firstOccurrence(of markers: [[UInt8]]) -> (Int, [UInt8])? {
        for index in pending.indices {
            for marker in markers where pending[index] == marker[0] && pending[index...].starts(with: marker) { return (index, marker) }
        }
        return nil
    }

    /// How many bytes can be emitted: all but the longest tail that begins a marker, and the white space before it.
    private func safeCount(_ markers: [[UInt8]], holdingSpaces: Bool) -> Int {
        var count = pending.count
        for marker in markers {
            for length in stride(from: min(marker.count - 1, pending.count), to: 0, by: -1)
            where marker.starts(with: pending.suffix(length)) {
                count = min(count, pending.count - length)
                break
            }
        }
        while holdingSpaces, count > 0, isSpace(pending[count - 1]) { count -= 1 }
        return count
    }

    // MARK: Calls

    private mutating func stepHeader(_ events: inout [ReplyEvent], isLast: Bool) -> Bool {
        var reader = CallHeaderReader(pending)
        switch reader.read() {
        case .incomplete:
            // The call is broken off: what is left of it is markup, not text.
            if isLast { pending = [] }
            return false
        case .header(let name, let count) where toolNames.contains(name):
            callName = name
            pending.removeFirst(count)
            arguments = []
            scanner = JSONValueScanner()
            events.append(.callStarted(index: callIndex, id: callID, name: name))
            state = .arguments
        default:
            // No call of ours: the marker was text.
            events.append(.text(String(decoding: heldSpace + marker, as: UTF8.self)))
            state = .text
        }
        return true
    }

    private var callID: String {
        let number = String(firstCallNumber + callIndex + 1)
        return "call" + String(repeating: "0", count: max(0, 5 - number.count)) + number
    }

    private mutating func stepArguments(_ events: inout [ReplyEvent]) -> Bool {
        let used = scanner.scan(pending)
        arguments += pending[..<used]
        pending.removeFirst(used)
        // Held back: half an escape, which a reader of the pieces could not decode.
        let ready = arguments.count - scanner.openEscapeCount - scanner.emitted
        if ready > 0 {
            let piece = arguments[scanner.emitted..<scanner.emitted + ready]
            events.append(.callArguments(index: callIndex, String(decoding: piece, as: UTF8.self)))
            scanner.emitted += ready
        }
        guard scanner.isDone else { return false }
        state = .afterArguments
        return true
    }

    private mutating func stepAfterArguments(_ events: inout [ReplyEvent]) throws(ChatError) -> Bool {
        guard let brace = pending.firstIndex(where: { !isSpace($0) }) else { return false }
        guard pending[brace] == UInt8(ascii: "}") else { throw .malformedReply("a call of \(callName) goes on after its arguments") }
        pending.removeFirst(brace + 1)
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: arguments)
        } catch {
            throw ChatError.malformedReply("the arguments of \(callName) are no JSON: \(error)")
        }
        events.append(.callFinished(index: callIndex, ToolCall(id: callID, name: callName, arguments: value)))
        callIndex += 1
        state = .betweenCalls
        return true
    }

    private mutating func stepBetweenCalls(isLast: Bool) -> Bool {
        let first = pending.firstIndex { !isSpace($0) } ?? pending.count
        pending.removeFirst(first)
        if pending.isEmpty { return false }
        if !closer.isEmpty {
            if pending.starts(with: closer) {
                pending.removeFirst(closer.count)
                return true
            }
            if closer.starts(with: pending), !isLast { return false }
        }
        state = .text
        return true
    }
}
