// The server's side of a connection as a pure state machine: messages and results in, actions out. No I/O, no clock, no concurrency.
public import JSON

/// One connection. Each request chooses its era by its own `_meta`; both may be mixed freely.
public struct Session: Sendable {
    private struct Running {
        let id: RequestID
        let era: Era
        let token: ProgressToken?
        let logLevel: LogLevel?
        let batch: Int?
        let bytes: Int
        var gate = ProgressGate()
    }

    private let server: ServerDescription
    private let tools: [String: ToolDefinition]
    private let limits: SessionLimits
    private let discovery: JSONValue
    private let modernList: JSONValue
    private let legacyList: JSONValue

    /// What `initialize` agreed on; nil before.
    private(set) var negotiated: ProtocolVersion?
    private var logLevel: LogLevel?
    private var running: [CallKey: Running] = [:]
    private var keys: [RequestID: CallKey] = [:]
    private var runningBytes = 0
    private var lastSerial: UInt64 = 0
    private var batches = BatchLedger()

    /// A connection that has said nothing yet.
    public init(server: ServerDescription, tools: [ToolDefinition], limits: SessionLimits = SessionLimits()) {
        self.server = server
        self.tools = Dictionary(tools.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.limits = limits
        var discovery = Discover.result(server)
        discovery.completeModern(server)
        self.discovery = .object(discovery)
        var list = ToolList.result(tools)
        legacyList = .object(list)
        list.setCaching(server)
        list.completeModern(server)
        modernList = .object(list)
    }

    // MARK: What comes in

    /// One line from the client.
    public mutating func receive(_ incoming: Incoming) -> [SessionAction] {
        switch incoming {
        case .unreadable(let id, let error): return [.send(.refusal(id, error))]
        case .message(.array(let messages), let bytes): return receive(batch: messages, bytes: bytes)
        case .message(let json, let bytes): return receive(json, bytes: bytes, batch: nil)
        }
    }

    /// A tool has ended. Only a call that is still running is answered: cancellation and completion race for one removal.
    public mutating func finished(_ key: CallKey, with reply: Frame) -> [SessionAction] {
        guard let call = remove(key) else { return [] }
        return answer(reply, batch: call.batch)
    }

    /// A tool reports progress, at `now` nanoseconds of a monotonic clock.
    public mutating func progress(
        _ key: CallKey, _ value: Double, total: Double?, message: String?, now: UInt64
    ) -> [SessionAction] {
        guard let token = running[key]?.token, running[key]?.gate.admits(value, now: now) == true else { return [] }
        return [.send(ProgressGate.frame(token, value, total: total, message: message))]
    }

    /// A tool logs. A modern request hears it if it asked in its `_meta`, a legacy connection after `logging/setLevel`.
    public mutating func log(_ key: CallKey, _ level: LogLevel, logger: String?, data: JSONValue) -> [SessionAction] {
        guard let call = running[key], let least = call.era == .modern ? call.logLevel : logLevel, level >= least else {
            return []
        }
        return [.send(Logging.message(level, logger: logger, data: data))]
    }

    /// The peer has gone: every call is stopped, none is answered.
    public mutating func disconnected() -> [SessionAction] {
        let calls = running.keys.sorted { $0.serial < $1.serial }
        running = [:]
        keys = [:]
        batches = BatchLedger()
        return calls.map(SessionAction.cancel)
    }

    /// True until the call is finished or cancelled.
    public func isRunning(_ key: CallKey) -> Bool { running[key] != nil }

    // MARK: Messages

    private mutating func receive(_ json: JSONValue, bytes: Int, batch: Int?) -> [SessionAction] {
        let message: RPCMessage
        do throws(MalformedMessage) {
            message = try RPCMessage(json)
        } catch {
            return answer(.refusal(error.id, error.error), batch: batch)
        }
        switch message {
        case .response: return []  // we ask nothing of clients
        case .notification(Cancellation.method, let params): return cancel(Cancellation.requestID(params))
        case .notification: return []
        case .request(let id, let method, let params):
            do throws(RPCError) {
                return try request(id, method, params, bytes: bytes, batch: batch)
            } catch {
                return answer(.refusal(id, error), batch: batch)
            }
        }
    }

    private mutating func request(
        _ id: RequestID, _ method: String, _ params: JSONObject, bytes: Int, batch: Int?
    ) throws(RPCError) -> [SessionAction] {
        guard keys[id] == nil else { throw .invalidRequest("a request with the id \(id) is still running") }
        let meta = try RequestMeta(params)
        if method == ToolCall.method, meta.era == .modern || negotiated != nil {
            return try call(id, params, meta, bytes: bytes, batch: batch)
        }
        let result =
            meta.era == .modern
            ? try modernResult(method, params) : try legacyResult(method, params, inBatch: batch != nil)
        return answer(.reply(id, result: result), batch: batch)
    }

    private func modernResult(_ method: String, _ params: JSONObject) throws(RPCError) -> JSONValue {
        switch method {
        case Discover.method: return discovery
        case ToolList.method:
            try ToolList.checkCursor(params)
            return modernList
        default: throw .methodNotFound(method)
        }
    }

    private mutating func legacyResult(_ method: String, _ params: JSONObject, inBatch: Bool) throws(RPCError) -> JSONValue {
        switch method {
        case Ping.method: return [:]
        case Initialize.method:
            if inBatch { throw .invalidRequest("initialize must not be part of a batch") }
            let version = try Initialize.negotiate(params)
            negotiated = version
            return Initialize.result(server, version)
        case _ where negotiated == nil:
            throw .invalidParams("initialize first, or send \"\(MetaKey.protocolVersion)\" in \"_meta\"")
        case ToolList.method:
            try ToolList.checkCursor(params)
            return legacyList
        case Logging.setLevel:
            logLevel = try Logging.level(params)
            return [:]
        default: throw .methodNotFound(method)
        }
    }

    // MARK: Calls

    private mutating func call(
        _ id: RequestID, _ params: JSONObject, _ meta: RequestMeta, bytes: Int, batch: Int?
    ) throws(RPCError) -> [SessionAction] {
        let (name, arguments) = try ToolCall.read(params, tools: tools)
        guard running.count < limits.calls else {
            throw .internalError("\(limits.calls) calls are already running on this connection")
        }
        guard runningBytes + bytes <= limits.bytes else {
            throw .internalError("the calls that are running already hold \(runningBytes) bytes of arguments")
        }
        lastSerial += 1
        let key = CallKey(serial: lastSerial)
        keys[id] = key
        running[key] = Running(
            id: id, era: meta.era, token: meta.progressToken, logLevel: meta.logLevel, batch: batch, bytes: bytes)
        runningBytes += bytes
        return [.call(ToolInvocation(key: key, id: id, era: meta.era, name: name, arguments: arguments))]
    }

    private mutating func cancel(_ id: RequestID?) -> [SessionAction] {
        guard let id, let key = keys[id], let call = remove(key) else { return [] }
        return [.cancel(key)] + (call.batch.flatMap { batches.drop(from: $0) }.map { [.send($0)] } ?? [])
    }

    private mutating func remove(_ key: CallKey) -> Running? {
        guard let call = running.removeValue(forKey: key) else { return nil }
        keys[call.id] = nil
        runningBytes -= call.bytes
        return call
    }

    // MARK: Batches (2025-03-26)

    private mutating func receive(batch messages: [JSONValue], bytes: Int) -> [SessionAction] {
        guard negotiated?.acceptsBatches == true else {
            return [.send(.refusal(nil, .invalidRequest("batches are accepted only in a session of revision 2025-03-26")))]
        }
        guard !messages.isEmpty else { return [.send(.refusal(nil, .invalidRequest("a batch must not be empty")))] }
        let batch = batches.open(expecting: messages.count { BatchLedger.isAnswered($0) })
        return messages.flatMap { receive($0, bytes: bytes / messages.count, batch: batch) }
    }

    private mutating func answer(_ reply: Frame, batch: Int?) -> [SessionAction] {
        guard let batch else { return [.send(reply)] }
        return batches.add(reply, to: batch).map { [.send($0)] } ?? []
    }
}
