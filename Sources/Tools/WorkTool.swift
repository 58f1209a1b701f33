// What a tool of ours is, and what it is given for one call.
import Chat
public import JSON
public import MCP
import Synchronization

/// One tool: its declaration, and the work. `WorkTools` checks arguments against the input schema before `run` and the result against the
/// output schema after it, so that a tool does the work alone.
public protocol WorkTool: Sendable {
    /// Name, title, description, schemas and hints, as every face shows them.
    var definition: ToolDefinition { get }

    /// The result of a call without arguments, where it is known without waiting, files or work that grows; nil: it takes `run`.
    func known(to provider: any ModelProvider) -> JSONValue?

    /// Does the work. `arguments` conform to the input schema; the result has to conform to the output schema.
    func run(_ arguments: JSONObject, context: ToolContext) async throws(ToolFailure) -> JSONValue
}

extension WorkTool {
    /// The result has to be worked for.
    public func known(to provider: any ModelProvider) -> JSONValue? { nil }
}

/// What a tool works with during one call.
public struct ToolContext: Sendable {
    /// Where the model comes from.
    let provider: any ModelProvider
    /// Where the call logs.
    private let call: CallContext
    /// How far the call has come.
    let progress: ProgressMeter
    /// The limits in force.
    let limits: ToolLimits
    /// When the call began.
    let started: ContinuousClock.Instant

    /// The context of a call that begins now.
    public init(provider: any ModelProvider, call: CallContext, limits: ToolLimits = .standard) {
        self.provider = provider
        self.call = call
        self.progress = ProgressMeter(call)
        self.limits = limits
        self.started = .now
    }

    /// The model, loaded if need be, which is logged; a cancelled call stops waiting at once.
    func model() async throws(ToolFailure) -> any ChatModel {
        let meter = progress
        let provider = provider
        let (call, isLoading) = (call, OnceFlag())
        do {
            let model = try await abandonable {
                try await provider.model { fraction in
                    // Providers report a fraction only while they load.
                    if isLoading.raise() { call.log(.info, ["message": "loading the model"], logger: "model") }
                    meter.loading(fraction)
                }
            }
            meter.loading(1)
            return model
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .model("it could not be loaded: \(error)")
        }
    }

    /// Logs how a request was carried out, where that is not as it was asked.
    func note(_ text: String) { call.log(.notice, ["message": .string(text)], logger: "model") }

    /// Whole milliseconds since the call began.
    var elapsedMilliseconds: Int {
        let elapsed = started.duration(to: .now).components
        return Int(elapsed.seconds) * 1000 + Int(elapsed.attoseconds / 1_000_000_000_000_000)
    }
}

/// A flag that is raised once.
private final class OnceFlag: Sendable {
    private let isRaised = Atomic(false)
    /// True for the first caller alone.
    func raise() -> Bool { !isRaised.exchange(true, ordering: .relaxed) }
}

/// Reports how far a call has come, in one rising number: 1 for the loaded model, then the tokens read and the tokens written.
final class ProgressMeter: Sendable {
    private struct State {
        var value = -1.0
        var total: Double?
        var lastReport = ContinuousClock.now
        var promptTokens = 0.0
    }

    private let state = Mutex(State())
    private let call: CallContext

    init(_ call: CallContext) { self.call = call }

    /// The first report, before anything is done, so that the caller knows at once that the work has begun.
    func begin() { report(0, "started") }

    /// The model is being loaded: the fraction done.
    func loading(_ fraction: Double) { report(min(max(fraction, 0), 1), "loading the model: \(Int(min(max(fraction, 0), 1) * 100)) %") }

    /// The prompt is being read.
    func reading(done: Int, of total: Int, outputLimit: Int?) {
        state.withLock {
            $0.promptTokens = Double(total)
            $0.total = outputLimit.map { 1 + Double(total) + Double($0) }
        }
        report(1 + Double(done), "read \(done) of \(total) tokens")
    }

    /// Tokens of the answer written so far.
    func writing(tokens: Int) { report(state.withLock { 1 + $0.promptTokens } + Double(tokens), "writing") }

    /// One of several equal steps is done.
    func step(_ done: Int, of total: Int) {
        state.withLock { $0.total = 1 + Double(total) }
        report(1 + Double(done), "\(done) of \(total) done")
    }

    /// Says that the work goes on, where nothing was reported for this long.
    func heartbeat(after silence: Duration) {
        let value = state.withLock { $0.lastReport.duration(to: .now) >= silence ? $0.value : nil }
        if let value { report(value + 0.001, "still working") }
    }

    private func report(_ value: Double, _ message: String) {
        let total: Double?? = state.withLock {
            guard value > $0.value else { return nil }
            $0.value = value
            $0.lastReport = .now
            return .some($0.total)
        }
        if let total { call.progress(value, total: total.flatMap { value <= $0 ? $0 : nil }, message: message) }
    }
}
