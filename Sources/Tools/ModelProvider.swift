// Where the tools get their model: loaded at the first call that needs it, described before.
public import Chat

/// What is known of a model, loaded or not.
public struct ModelDescription: Sendable, Hashable {
    /// Whether the model can answer at once.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Known, and loaded at the first call that needs it.
        case available
        /// Being loaded.
        case loading
        /// In memory.
        case loaded
        /// It could not be loaded; `problem` says why.
        case failed
    }

    /// By which people know it.
    public var name: String
    /// Whether it can answer.
    public var state: State
    /// Where it comes from, for people.
    public var source: String?
    /// Its family, for example "llama".
    public var architecture: String?
    /// Most tokens of prompt and answer together.
    public var contextLength: Int?
    /// Number of weights.
    public var parameters: Int?
    /// Bytes of weights and cache: in use when loaded, estimated before.
    public var memoryBytes: Int?
    /// What it is good for, and what it is not.
    public var summary: String?
    /// Why it could not be loaded.
    public var problem: String?

    /// A description; see the members.
    public init(
        name: String, state: State, source: String? = nil, architecture: String? = nil, contextLength: Int? = nil, parameters: Int? = nil,
        memoryBytes: Int? = nil, summary: String? = nil, problem: String? = nil
    ) {
        self.name = name
        self.state = state
        self.source = source
        self.architecture = architecture
        self.contextLength = contextLength
        self.parameters = parameters
        self.memoryBytes = memoryBytes
        self.summary = summary
        self.problem = problem
    }
}

/// Gives the tools their model. The executable implements it; tests give a scripted one.
public protocol ModelProvider: Sendable {
    /// What is there now. Quick, and loads nothing: it is asked before any weight is read.
    func models() -> [ModelDescription]

    /// The same, where it can be said without opening a file or waiting; nil otherwise.
    func knownModels() -> [ModelDescription]?

    /// The model to work with. The first call loads it and reports the fraction done, 0 to 1; concurrent calls wait for the same load. A
    /// caller that is cancelled leaves the load to the others. The error's description is shown to the calling assistant.
    func model(progress: @escaping @Sendable (Double) -> Void) async throws -> any ChatModel
}

extension ModelProvider {
    /// Nothing is known beforehand.
    public func knownModels() -> [ModelDescription]? { nil }
}
