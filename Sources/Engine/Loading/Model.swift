// A model in memory, ready to compute.

/// An architecture with its weights. Immutable; many engines may share one.
public final class Model: Sendable {
    /// The file's or folder's name, for people.
    public let name: String
    /// What is computed.
    public let architecture: Architecture
    /// With which weights.
    public let weights: ModelWeights
    /// What loading has to say to people: sentences, mostly none.
    public let loadingNotes: [String]

    /// A model from weights that are already in memory (`load` makes one from a source; tests make tiny ones from a seed).
    public init(name: String, architecture: Architecture, weights: ModelWeights, loadingNotes: [String] = []) {
        precondition(architecture.layers.count == weights.layers.count, "a layer without weights")
        self.name = name
        self.architecture = architecture
        self.weights = weights
        self.loadingNotes = loadingNotes
    }
}
