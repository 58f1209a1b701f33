// All weights of a decoder, each in the slot the forward pass reads it from.

/// The weights of a whole decoder. Matrices are [outputs × inputs]; norms and biases are widened to F32.
public struct ModelWeights: Sendable {
    /// [vocabulary × hidden], a row per token.
    public var embedding: WeightMatrix
    /// The layers in order.
    public var layers: [LayerWeights]
    /// [hidden].
    public var finalNorm: [Float]
    /// [vocabulary × hidden]; the embedding itself when tied.
    public var output: WeightMatrix

    /// The weights; see the members.
    public init(embedding: WeightMatrix, layers: [LayerWeights], finalNorm: [Float], output: WeightMatrix) {
        self.embedding = embedding
        self.layers = layers
        self.finalNorm = finalNorm
        self.output = output
    }
}

/// The weights of one layer. Q and K rows are in the order of the rotate-half rope, whatever the file's order was.
public struct LayerWeights: Sendable {
    /// [hidden].
    public var attentionNorm: [Float]
    /// [heads · headSize × hidden].
    public var q: WeightMatrix
    /// [keyValueHeads · headSize × hidden].
    public var k: WeightMatrix
    /// [keyValueHeads · headSize × hidden].
    public var v: WeightMatrix
    /// [hidden × heads · headSize].
    public var o: WeightMatrix
    /// [heads · headSize].
    public var qBias: [Float]?
    /// [keyValueHeads · headSize].
    public var kBias: [Float]?
    /// [keyValueHeads · headSize].
    public var vBias: [Float]?
    /// [hidden].
    public var oBias: [Float]?
    /// [headSize], applied to every query head before the rotation.
    public var qNorm: [Float]?
    /// [headSize], applied to every key head before the rotation.
    public var kNorm: [Float]?
    /// [hidden].
    public var feedForwardNorm: [Float]
    /// [size × hidden].
    public var gate: WeightMatrix
    /// [size × hidden].
    public var up: WeightMatrix
    /// [hidden × size].
    public var down: WeightMatrix
    /// [size].
    public var gateBias: [Float]?
    /// [size].
    public var upBias: [Float]?
    /// [hidden].
    public var downBias: [Float]?

    /// The weights of a layer; see the members.
    public init(
        attentionNorm: [Float], q: WeightMatrix, k: WeightMatrix, v: WeightMatrix, o: WeightMatrix, qBias: [Float]? = nil,
        kBias: [Float]? = nil, vBias: [Float]? = nil, oBias: [Float]? = nil, qNorm: [Float]? = nil, kNorm: [Float]? = nil,
        feedForwardNorm: [Float], gate: WeightMatrix, up: WeightMatrix, down: WeightMatrix, gateBias: [Float]? = nil,
        upBias: [Float]? = nil, downBias: [Float]? = nil
    ) {
        self.attentionNorm = attentionNorm
        self.q = q
        self.k = k
        self.v = v
        self.o = o
        self.qBias = qBias
        self.kBias = kBias
        self.vBias = vBias
        self.oBias = oBias
        self.qNorm = qNorm
        self.kNorm = kNorm
        self.feedForwardNorm = feedForwardNorm
        self.gate = gate
        self.up = up
        self.down = down
        self.gateBias = gateBias
        self.upBias = upBias
        self.downBias = downBias
    }
}
