// A model as data: everything the forward pass must know, and nothing about the file it came from.

/// What one decoder computes, layer by layer.
///
/// GGUF and Hugging Face metadata meet here (`init(huggingFace:)`, `init(gguf:)`); nothing below knows where a model came from.
public struct Architecture: Sendable, Hashable {
    /// The family's name in the model's own metadata: "llama", "mistral", "qwen2", "qwen3".
    public var family: String
    /// The width of the residual stream.
    public var hiddenSize: Int
    /// Rows of the embedding and of the output projection.
    public var vocabularySize: Int
    /// Positions the model was made for (`max_position_embeddings`, `context_length`).
    public var contextLength: Int
    /// The decoder's layers in order; each may differ from the others.
    public var layers: [Layer]
    /// Epsilon of every RMS norm.
    public var normEpsilon: Float
    /// The rotary embeddings that layers refer to by index.
    public var ropes: [Rope]
    /// Whether the output projection is the embedding itself.
    public var tiedOutput: Bool

    /// One decoder layer: norm, attention, residual; norm, feed-forward, residual.
    public struct Layer: Sendable, Hashable {
        /// The layer's attention.
        public var attention: Attention
        /// The layer's feed-forward network.
        public var feedForward: FeedForward

        /// A layer of these two.
        public init(attention: Attention, feedForward: FeedForward) {
            self.attention = attention
            self.feedForward = feedForward
        }
    }

    /// Grouped-query attention.
    public struct Attention: Sendable, Hashable {
        /// Query heads.
        public var heads: Int
        /// Key and value heads; divides `heads`.
        public var keyValueHeads: Int
        /// Values in a query, key or value head.
        public var headSize: Int
        /// Positions a query sees, its own included; nil sees all before it.
        public var window: Int?
        /// What q·k is multiplied by.
        public var scale: Float
        /// Whether q and k heads pass an RMS norm before the rotation.
        public var qkNorm: Bool
        /// Whether the q, k and v projections have biases.
        public var inputBias: Bool
        /// Whether the output projection has a bias.
        public var outputBias: Bool
        /// Index into `Architecture.ropes`.
        public var rope: Int

        /// An attention; see the members.
        public init(
            heads: Int, keyValueHeads: Int, headSize: Int, window: Int? = nil, scale: Float, qkNorm: Bool = false,
            inputBias: Bool = false, outputBias: Bool = false, rope: Int = 0
        ) {
            self.heads = heads
            self.keyValueHeads = keyValueHeads
            self.headSize = headSize
            self.window = window
            self.scale = scale
            self.qkNorm = qkNorm
            self.inputBias = inputBias
            self.outputBias = outputBias
            self.rope = rope
        }
    }

    /// The position-wise half of a layer.
    public enum FeedForward: Sendable, Hashable {
        /// down(activation(gate x) * up x), `size` values wide inside.
        case gated(size: Int, activation: Activation, bias: Bool)

        /// Values inside the feed-forward.
        public var size: Int {
            switch self {
            case .gated(let size, _, _): size
            }
        }

        /// Whether its projections have biases.
        public var hasBias: Bool {
            switch self {
            case .gated(_, _, let bias): bias
            }
        }
    }

    /// The non-linearity of a gated feed-forward.
    public enum Activation: String, Sendable, Hashable {
        /// x * sigmoid(x).
        case silu
    }

    /// An architecture; see the members.
    public init(
        family: String, hiddenSize: Int, vocabularySize: Int, contextLength: Int, layers: [Layer], normEpsilon: Float, ropes: [Rope],
        tiedOutput: Bool
    ) {
        self.family = family
        self.hiddenSize = hiddenSize
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.layers = layers
        self.normEpsilon = normEpsilon
        self.ropes = ropes
        self.tiedOutput = tiedOutput
    }

}
