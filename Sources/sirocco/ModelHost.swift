// The model that a command works with: opened at once, loaded when it is first needed.
import Chat
import Engine
import JSON
import Synchronization
import Tools

/// Loads one model at the first call that needs it, once for all that wait, and describes it before.
final class ModelHost: ModelProvider {
    private enum State {
        case unloaded
        case loading(Task<LocalChatModel, any Error>)
        case loaded(LocalChatModel, LLMEngine)
        case failed(String)
    }

    private let options: ModelOptions
    private let loading: Result<LoadOptions, any Error>
    private let path: String?
    private let opened: Mutex<Result<ModelSource, any Error>?> = Mutex(nil)
    private let described = Mutex<ModelDescription?>(nil)
    private let state = Mutex(State.unloaded)
    private let listeners = Mutex<[@Sendable (Double) -> Void]>([])

    init(_ options: ModelOptions) {
        path = options.model
        self.options = options
        loading = Result { try options.loading() }
    }

    /// The model's files, opened at the first need; no weight is read.
    private func source() throws -> ModelSource {
        try opened.withLock { opened in
            if let opened { return try opened.get() }
            let result = Result { try openSource(path) }
            opened = result
            return try result.get()
        }
    }

    func models() -> [ModelDescription] {
        let description = described.withLock { known in
            if let known { return known }
            let new = describe()
            known = new
            return new
        }
        return [current(description)]
    }

    func knownModels() -> [ModelDescription]? {
        // Whoever looks into the files holds the lock while it does.
        guard let known = described.withLockIfAvailable({ $0 }), let known else { return nil }
        return [current(known)]
    }

    /// What the files say, and how far loading has come.
    private func current(_ described: ModelDescription) -> ModelDescription {
        var description = described
        switch state.withLock({ $0 }) {
        case .unloaded: break
        case .loading: description.state = .loading
        case .loaded(_, let engine): (description.state, description.contextLength) = (.loaded, engine.contextLength)
        case .failed(let problem): (description.state, description.problem) = (.failed, problem)
        }
        return description
    }

    /// What the model's files say, before any weight is read.
    private func describe() -> ModelDescription {
        do {
            let source = try source()
            let cache = try options.engine(for: source).cacheEstimate(for: source.architecture)
            return ModelDescription(
                name: source.name, state: .available, source: path ?? "embedded", architecture: source.architecture.family,
                contextLength: cache.contextLength, parameters: source.tensors.reduce(0) { $0 + $1.elementCount },
                memoryBytes: source.tensors.reduce(0) { $0 + $1.range.count } + cache.bytes,
                summary: path == nil ? "A very small model for short texts; give sirocco --model a larger one for real work." : nil)
        } catch {
            let name = path.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "breeze"
            return ModelDescription(name: name, state: .failed, source: path ?? "embedded", problem: "\(error)")
        }
    }

    func model(progress: @escaping @Sendable (Double) -> Void) async throws -> any ChatModel { try await chatModel(progress: progress) }

    func chatModel(progress: @escaping @Sendable (Double) -> Void) async throws -> LocalChatModel {
        let task = state.withLock { state -> Task<LocalChatModel, any Error>? in
            switch state {
            case .loaded: return nil
            case .loading(let task):
                listeners.withLock { $0.append(progress) }
                return task
            case .unloaded, .failed:
                listeners.withLock { $0.append(progress) }
                // Belongs to every call that waits for it, not to the first alone.
                let task = Task { try await self.load() }
                state = .loading(task)
                return task
            }
        }
        guard let task else {
            if case .loaded(let model, _) = state.withLock({ $0 }) { return model }
            throw CancellationError()
        }
        // A caller that is cancelled no longer waits.
        let results = AsyncThrowingStream<LocalChatModel, any Error> { continuation in
            let relay = Task {
                do {
                    continuation.yield(try await task.value)
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in relay.cancel() }
        }
        for try await model in results { return model }
        throw CancellationError()
    }

    /// Weights and tokenizer, each on a thread of its own.
    private func load() async throws -> LocalChatModel {
        do {
            let source = try await onOwnThread { try self.source() }
            async let tokenizer = onOwnThread { try source.makeTokenizer() }
            let engine = try await onOwnThread {
                let model = try loadModel(source, self.loading.get()) { progress in
                    for listener in self.listeners.withLock({ $0 }) { listener(progress.fraction) }
                }
                return try LLMEngine(model: model, options: self.options.engine(for: source))
            }
            let made = try await tokenizer
            let chat = try await onOwnThread { try LocalChatModel(source: source, engine: engine, tokenizer: made) }
            state.withLock { $0 = .loaded(chat, engine) }
            listeners.withLock { $0 = [] }
            return chat
        } catch {
            state.withLock { $0 = .failed("\(error)") }
            listeners.withLock { $0 = [] }
            throw error
        }
    }

    /// Ends the engine, if there is one.
    func shutdown() async {
        if case .loaded(_, let engine) = state.withLock({ $0 }) { await engine.shutdown() }
    }
}

/// Loads the model with a progress line for people.
func loadedModel(_ host: ModelHost) async throws -> LocalChatModel {
    let line = ProgressLine()
    defer { line.clear() }
    return try await host.chatModel { line.show("loading the model: \(Int($0 * 100)) %") }
}
