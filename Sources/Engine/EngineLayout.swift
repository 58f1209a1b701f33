// What an engine needs for a model under given options, worked out before anything is allocated.
import Kernels

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Sizes of an engine's parts. Making one checks options, kernels and the model's shapes.
struct EngineLayout {
    let kernels: UnsafePointer<sirocco_kernels>
    let threads: Int
    let contextLength: Int
    let blocks: Int
    let cacheShapes: [PagedKVCache.LayerShape]
    let scheduler: Scheduler.Limits
    let workspace: Workspace.Shape

    /// Rows of logits computed at once.
    private static let logitRows = 32

    init(model: Model, options: EngineOptions) throws(EngineError) {
        try options.validate()
        try Self.check(model)
        kernels = try Self.kernels(named: options.kernels)
        threads = try ProcessorCount.threads(option: options.threads, environment: getenv("SIROCCO_THREADS").map { String(cString: $0) })

        let architecture = model.architecture
        let attentions = architecture.layers.map(\.attention)
        cacheShapes = attentions.map { .init(keyValueHeads: $0.keyValueHeads, headSize: $0.headSize) }
        blocks = Self.blocks(options, architecture)
        let capacity = blocks * options.blockLength
        let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        let (bytes, overflowed) = capacity.multipliedReportingOverflow(by: architecture.keyValueBytesPerPosition(options.cacheType))
        if overflowed || bytes > memory {
            throw .invalidOption(
                name: "cacheTokens",
                reason: "a cache of \(capacity) positions takes \(overflowed ? "more than any" : "\(bytes)") bytes; this machine has \(memory)")
        }
        if let wanted = options.contextLength, wanted > capacity {
            throw .invalidOption(name: "contextLength", reason: "\(wanted) positions do not fit a cache of \(capacity)")
        }
        contextLength = min(options.contextLength ?? architecture.contextLength, capacity)

        let maxSequences = options.maxSequences ?? min(32, options.maxBatchTokens)
        let hasDense = model.weights.layers.contains { layer in
            [layer.q, layer.k, layer.v, layer.o, layer.gate, layer.up, layer.down].contains { !$0.type.isQuantized }
        }
        let usesBLAS = options.usesBLAS && hasDense && options.maxBatchTokens >= LLMEngine.denseChunk + maxSequences
        scheduler = Scheduler.Limits(
            maxBatchTokens: options.maxBatchTokens, maxSequences: maxSequences, blockLength: options.blockLength,
            denseChunk: usesBLAS ? LLMEngine.denseChunk : 0)
        let queries = attentions.map { $0.heads * $0.headSize }.max() ?? 0
        let feedForward = architecture.layers.map(\.feedForward.size).max() ?? 0
        workspace = Workspace.Shape(
            rows: options.maxBatchTokens, logitRows: min(Self.logitRows, options.maxBatchTokens), hidden: architecture.hiddenSize,
            vocabulary: architecture.vocabularySize, queries: queries,
            keys: attentions.map { $0.keyValueHeads * $0.headSize }.max() ?? 0,
            feedForward: feedForward,
            ropePairs: architecture.ropes.map { $0.rotaryDimensions / 2 },
            attention: attentions.map { Int(sirocco_attention_workspace(Int64($0.headSize))) }.max() ?? 0,
            partials: threads == 1 ? 0 : Self.partials(attentions, contextLength), threads: threads,
            denseColumns: usesBLAS ? max(architecture.hiddenSize, queries, feedForward) : 0)
    }

    /// Four contexts, within 2 GiB, but at least one sequence of 4,096, and what the options ask for.
    private static func cacheTokens(_ options: EngineOptions, _ architecture: Architecture, bytesPerPosition: Int) -> Int {
        if let cacheTokens = options.cacheTokens { return cacheTokens }
        let context = options.contextLength ?? architecture.contextLength
        let affordable = (2 << 30) / max(bytesPerPosition, 1)
        return max(min(4 * context, affordable), options.contextLength ?? min(context, 4096), 1)
    }

    /// Whole blocks for the tokens that the cache is to hold.
    fileprivate static func blocks(_ options: EngineOptions, _ architecture: Architecture) -> Int {
        let tokens = cacheTokens(options, architecture, bytesPerPosition: architecture.keyValueBytesPerPosition(options.cacheType))
        return (tokens + options.blockLength - 1) / options.blockLength
    }

    /// Room for the results of every chunk of the longest sequence, so that one row can be shared out over its positions.
    private static func partials(_ attentions: [Architecture.Attention], _ contextLength: Int) -> Int {
        let chunks = contextLength / Int(SIROCCO_CHUNK) + 1
        return chunks * (attentions.map { $0.heads * Int(sirocco_partial_length(Int64($0.headSize))) }.max() ?? 0)
    }

    private static func kernels(named name: String?) throws(EngineError) -> UnsafePointer<sirocco_kernels> {
        if let table = sirocco_kernels_select(name) { return table }
        var names = [UnsafePointer<CChar>?](repeating: nil, count: 16)
        let count = Int(sirocco_kernels_available(&names, Int32(names.count)))
        let available = names[..<min(count, names.count)].compactMap { $0.map { String(cString: $0) } }
        let wanted = name ?? getenv("SIROCCO_KERNELS").map { String(cString: $0) } ?? ""
        throw .invalidOption(
            name: "kernels", reason: "\"\(wanted)\" is not one of this CPU's tables (\(available.joined(separator: ", ")))")
    }

    /// Refuses a model whose weights do not have the shapes that its architecture says, before any pointer is followed.
    private static func check(_ model: Model) throws(EngineError) {
        let (a, w) = (model.architecture, model.weights)
        func require(_ holds: Bool, _ what: @autoclosure () -> String) throws(EngineError) {
            if !holds { throw .unsupportedModel(reason: what()) }
        }
        func shape(_ matrix: WeightMatrix, _ rows: Int, _ columns: Int, _ name: String) throws(EngineError) {
            try require(
                matrix.rows == rows && matrix.columns == columns,
                "\(name) is \(matrix.rows) × \(matrix.columns), not \(rows) × \(columns)")
        }
        func length(_ values: [Float]?, _ count: Int, _ name: String) throws(EngineError) {
            try require(values == nil || values!.count == count, "\(name) has \(values?.count ?? 0) values, not \(count)")
        }
        try require(a.hiddenSize > 0 && a.vocabularySize > 0 && a.contextLength > 0, "a size is not positive")
        try require(a.layers.count == w.layers.count, "\(w.layers.count) layers of weights for \(a.layers.count)")
        try shape(w.embedding, a.vocabularySize, a.hiddenSize, "embedding")
        try shape(w.output, a.vocabularySize, a.hiddenSize, "output")
        try length(w.finalNorm, a.hiddenSize, "final norm")
        for rope in a.ropes { try require(rope.rotaryDimensions >= 0 && rope.rotaryDimensions % 2 == 0, "odd rotary dimensions") }
        for (index, (layer, weights)) in zip(a.layers, w.layers).enumerated() {
            let (h, at, f) = (a.hiddenSize, layer.attention, layer.feedForward.size)
            try require(
                at.heads > 0 && at.keyValueHeads > 0 && at.headSize > 0 && at.heads % at.keyValueHeads == 0 && f > 0,
                "layer \(index): \(at.heads) heads cannot share \(at.keyValueHeads)")
            try require(at.window ?? 1 >= 1, "layer \(index): a window of \(at.window ?? 0)")
            try require(
                a.ropes.indices.contains(at.rope) && a.ropes[at.rope].rotaryDimensions <= at.headSize, "layer \(index): no such rope")
            let (q, kv) = (at.heads * at.headSize, at.keyValueHeads * at.headSize)
            let name = "layer \(index): "
            try shape(weights.q, q, h, name + "q")
            try shape(weights.k, kv, h, name + "k")
            try shape(weights.v, kv, h, name + "v")
            try shape(weights.o, h, q, name + "o")
            try shape(weights.gate, f, h, name + "gate")
            try shape(weights.up, f, h, name + "up")
            try shape(weights.down, h, f, name + "down")
            let vectors: [([Float]?, Int, String)] = [
                (weights.attentionNorm, h, "attention norm"), (weights.feedForwardNorm, h, "feed-forward norm"),
                (weights.qBias, q, "q bias"),
                (weights.kBias, kv, "k bias"), (weights.vBias, kv, "v bias"), (weights.oBias, h, "o bias"),
                (weights.gateBias, f, "gate bias"),
                (weights.upBias, f, "up bias"), (weights.downBias, h, "down bias"), (weights.qNorm, at.headSize, "q norm"),
                (weights.kNorm, at.headSize, "k norm"),
            ]
            for (values, count, what) in vectors { try length(values, count, name + what) }
            try require(
                (weights.qNorm != nil && weights.kNorm != nil) == at.qkNorm, name + "query and key norms do not match the architecture")
        }
    }
}

extension EngineOptions {
    /// What the cache comes to for a model under these options, before anything is allocated: positions that one sequence may have, and bytes.
    public func cacheEstimate(for architecture: Architecture) -> (contextLength: Int, bytes: Int) {
        let positions = EngineLayout.blocks(self, architecture) * blockLength
        return (min(contextLength ?? architecture.contextLength, positions), positions * architecture.keyValueBytesPerPosition(cacheType))
    }
}
