// How an engine uses the machine: every knob, its default and its range.

/// The size and habits of an engine. Every limit is refused by name when it cannot be honoured.
public struct EngineOptions: Sendable, Hashable {
    /// Threads that compute, the engine's own included; nil: `$SIROCCO_THREADS`, else what the affinity mask and the cgroup quota allow.
    public var threads: Int?
    /// Whether each thread stays on a CPU of its own: steadier on a machine with nothing else to do, slower on a shared one. Linux only.
    public var pinsThreads: Bool
    /// The kernel table's name ("reference", "avx2", …); nil: `$SIROCCO_KERNELS`, else the best one for this CPU.
    public var kernels: String?
    /// How the KV cache keeps its values.
    public var cacheType: CacheType
    /// Positions in a block of the KV cache: a multiple of 16.
    public var blockLength: Int
    /// Positions the whole KV cache holds, over all sequences; nil: four contexts, within 2 GiB, and at least one sequence of 4,096.
    public var cacheTokens: Int?
    /// The longest sequence, prompt and reply together; nil: the model's own limit, or what the cache holds if that is less.
    public var contextLength: Int?
    /// Tokens in one step, over all sequences: bounds the time of a step, and so how soon a cancellation takes effect.
    public var maxBatchTokens: Int
    /// Sequences that run at once; nil: 32, or `maxBatchTokens` if that is less.
    public var maxSequences: Int?
    /// Requests that may wait; more are refused.
    public var maxQueuedRequests: Int
    /// Whether OpenBLAS multiplies whole prefill chunks of unquantized weights. It is used for chunks of `LLMEngine.denseChunk` positions,
    /// so it needs `maxBatchTokens` ≥ `denseChunk` + `maxSequences`, and stays off without it.
    public var usesBLAS: Bool

    /// Options; what is left out is chosen for the machine and the model.
    public init(
        threads: Int? = nil, pinsThreads: Bool = false, kernels: String? = nil, cacheType: CacheType = .f32, blockLength: Int = 16,
        cacheTokens: Int? = nil,
        contextLength: Int? = nil,
        maxBatchTokens: Int = 256, maxSequences: Int? = nil, maxQueuedRequests: Int = 4096, usesBLAS: Bool = true
    ) {
        self.threads = threads
        self.pinsThreads = pinsThreads
        self.kernels = kernels
        self.cacheType = cacheType
        self.blockLength = blockLength
        self.cacheTokens = cacheTokens
        self.contextLength = contextLength
        self.maxBatchTokens = maxBatchTokens
        self.maxSequences = maxSequences
        self.maxQueuedRequests = maxQueuedRequests
        self.usesBLAS = usesBLAS
    }

    /// Refuses values outside their ranges.
    public func validate() throws(EngineError) {
        let ranges: [(String, Int?, ClosedRange<Int>)] = [
            ("threads", threads, 1...ThreadPool.maxThreads),
            ("blockLength", blockLength, 1...1024),
            ("cacheTokens", cacheTokens, 1...(1 << 28)),
            ("contextLength", contextLength, 1...(1 << 28)),
            ("maxBatchTokens", maxBatchTokens, 1...(1 << 14)),
            ("maxSequences", maxSequences, 1...1024),
            ("maxQueuedRequests", maxQueuedRequests, 1...(1 << 20)),
        ]
        for (name, value, range) in ranges {
            if let value, !range.contains(value) {
                throw .invalidOption(name: name, reason: "\(value) is not within \(range.lowerBound) to \(range.upperBound)")
            }
        }
        if blockLength % PagedKVCache.tileLength != 0 {
            throw .invalidOption(name: "blockLength", reason: "\(blockLength) is not a multiple of \(PagedKVCache.tileLength)")
        }
        if let maxSequences, maxSequences > maxBatchTokens {
            throw .invalidOption(name: "maxSequences", reason: "\(maxSequences) is more than maxBatchTokens (\(maxBatchTokens))")
        }
    }
}
