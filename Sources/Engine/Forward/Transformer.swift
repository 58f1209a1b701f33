// The forward pass: one decoder for every architecture, from token ids to logits.
import Kernels

/// A decoder-only transformer over the rows of a batch. All state is in the cache and the workspace.
///
/// H: hidden, T rows (positions of all sequences in the batch), V vocabulary; per layer: Hq query heads and Hk key/value heads of D values,
/// F values inside the feed-forward. A row's results depend on the row, its sequence's cache and the weights; never on other rows.
final class Transformer {
    /// A layer's matrices with their inputs and outputs, ready to multiply.
    private struct LayerProducts {
        var qkv: MatrixGroup
        var output: MatrixGroup
        var gateUp: MatrixGroup
        var down: MatrixGroup
    }

    private let model: Model
    private let architecture: Architecture
    private let kernels: UnsafePointer<sirocco_kernels>
    private let pool: ThreadPool
    private let cacheAttention: CacheAttention
    private let workspace: Workspace
    private let products: MatrixProducts
    private let layers: [LayerProducts]
    private let logitsProduct: MatrixGroup
    /// Told of every layer's inputs, where there is one.
    private let statistics: InputStatistics?
    private var ropes: [RotaryTable]

    /// Biases and norm weights at addresses that stay.
    private let constants = ConstantArena()
    private let norms: [(attention: UnsafePointer<Float>, feedForward: UnsafePointer<Float>)]
    private let headNorms: [(q: UnsafePointer<Float>?, k: UnsafePointer<Float>?)]
    private let finalNorm: UnsafePointer<Float>

    init(
        model: Model, kernels: UnsafePointer<sirocco_kernels>, pool: ThreadPool, cache: PagedKVCache, workspace: Workspace, usesBLAS: Bool,
        statistics: InputStatistics? = nil
    ) {
        self.model = model
        self.statistics = statistics
        architecture = model.architecture
        self.kernels = kernels
        self.pool = pool
        cacheAttention = CacheAttention(kernels: kernels, pool: pool, cache: cache, workspace: workspace)
        self.workspace = workspace
        products = MatrixProducts(kernels: kernels, pool: pool, workspace: workspace, usesBLAS: usesBLAS)
        ropes = architecture.ropes.map(RotaryTable.init)
        let (weights, w, constants) = (model.weights, workspace, constants)
        layers = weights.layers.map { layer in
            LayerProducts(
                qkv: MatrixGroup(
                    [
                        (layer.q, constants.keep(layer.qBias), w.q), (layer.k, constants.keep(layer.kBias), w.k),
                        (layer.v, constants.keep(layer.vBias), w.v),
                    ], input: w.normed),
                output: MatrixGroup([(layer.o, constants.keep(layer.oBias), w.projected)], input: w.attended),
                gateUp: MatrixGroup(
                    [(layer.gate, constants.keep(layer.gateBias), w.gate), (layer.up, constants.keep(layer.upBias), w.up)],
                    input: w.normed),
                down: MatrixGroup([(layer.down, constants.keep(layer.downBias), w.projected)], input: w.inner))
        }
        logitsProduct = MatrixGroup([(weights.output, nil, w.logits)], input: w.final)
        norms = weights.layers.map { (constants.keep($0.attentionNorm), constants.keep($0.feedForwardNorm)) }
        headNorms = weights.layers.map { (constants.keep($0.qNorm), constants.keep($0.kNorm)) }
        finalNorm = constants.keep(weights.finalNorm)
    }

    /// Computes all rows of the batch and writes their keys and values into the cache. What remains is the residual stream in the workspace,
    /// from which `logits` is taken.
    func forward(_ batch: borrowing ForwardBatch) {
        let (w, hidden) = (workspace, architecture.hiddenSize)
        let rows = batch.count
        for index in ropes.indices { ropes[index].fill(batch, cosines: w.cosines[index], sines: w.sines[index]) }

        // x = E[token]                                                                  (T, H)
        let tokens = batch.tokens
        eachRow(rows, cost: hidden) { row in self.embed(Int(tokens[row]), into: w.x + row * hidden) }

        for index in architecture.layers.indices {
            let layer = layers[index]
            let attention = architecture.layers[index].attention
            let inner = architecture.layers[index].feedForward.size

            // normed = rms_norm(x + what the layer before adds)                         (T, H)
            eachRow(rows, cost: 4 * hidden) { row in
                if index > 0 { self.kernels.pointee.add(w.projected + row * hidden, Int64(hidden), w.x + row * hidden) }
                self.normalize(row, self.norms[index].attention)
                self.products.encode(layer.qkv, row: row)
            }

            // q = Wq normed, k = Wk normed, v = Wv normed                               (T, Hq·D), (T, Hk·D), (T, Hk·D)
            multiply(layer.qkv, batch, of: index, [.q, .k, .v])

            // q, k heads: norm, then rotation by their position; k, v to the cache
            rotateAndStore(index, attention, batch)

            // attended = softmax(scale · q Kᵀ) V per head, over the sequence's cache    (T, Hq·D)
            cacheAttention.attend(layer: index, attention, batch)
            eachRow(rows, cost: hidden) { row in self.products.encode(layer.output, row: row) }

            // projected = Wo attended                                                   (T, H)
            multiply(layer.output, batch, of: index, [.o])

            // x += projected; normed = rms_norm(x)                                      (T, H)
            eachRow(rows, cost: 4 * hidden) { row in
                self.kernels.pointee.add(w.projected + row * hidden, Int64(hidden), w.x + row * hidden)
                self.normalize(row, self.norms[index].feedForward)
                self.products.encode(layer.gateUp, row: row)
            }

            // gate = Wg normed, up = Wu normed                                          (T, F), (T, F)
            multiply(layer.gateUp, batch, of: index, [.gate, .up])

            // inner = silu(gate) · up                                                   (T, F)
            eachRow(rows, cost: 16 * inner) { row in
                self.kernels.pointee.gated_silu(w.gate + row * inner, w.up + row * inner, Int64(inner), w.inner + row * inner)
                self.products.encode(layer.down, row: row)
            }

            // projected = Wd inner                                                      (T, H)
            multiply(layer.down, batch, of: index, [.down])
        }
        if layers.isEmpty { return }
        eachRow(rows, cost: hidden) { row in self.kernels.pointee.add(w.projected + row * hidden, Int64(hidden), w.x + row * hidden) }
    }

    /// Logits of some of the batch's rows, after `forward`: at most `Workspace.Shape.logitRows` of them. [rows.count, V], in the workspace.
    func logits(_ rows: ArraySlice<Int>) -> UnsafeMutablePointer<Float> {
        let (w, hidden) = (workspace, architecture.hiddenSize)
        precondition(rows.count <= w.shape.logitRows)
        eachRow(rows.count, cost: 4 * hidden) { index in
            self.kernels.pointee.rms_norm(
                w.x + rows[rows.startIndex + index] * hidden, self.finalNorm, self.architecture.normEpsilon, Int64(hidden),
                w.final + index * hidden)
            self.products.encode(self.logitsProduct, row: index)
        }
        let tiles = [ForwardBatch.Tile(row: 0, count: rows.count, isDense: false)]
        products.multiply(logitsProduct, rows: rows.count, plainTiles: tiles, mixedTiles: tiles)
        return w.logits
    }

    // MARK: - Parts of the pass

    /// One row of the embedding, widened.
    private func embed(_ token: Int, into row: UnsafeMutablePointer<Float>) {
        model.weights.embedding.widen(row: token, kernels: kernels, into: row)
    }

    private func normalize(_ row: Int, _ weight: UnsafePointer<Float>) {
        let hidden = architecture.hiddenSize
        kernels.pointee.rms_norm(
            workspace.x + row * hidden, weight, architecture.normEpsilon, Int64(hidden), workspace.normed + row * hidden)
    }

    /// The product of a layer's matrices, which stand in `slots`, with their input.
    private func multiply(_ group: MatrixGroup, _ batch: borrowing ForwardBatch, of layer: Int, _ slots: [LayerSlot]) {
        statistics?.add(layer: layer, slots, input: group.input, rows: batch.count, columns: group.columns)
        products.multiply(group, rows: batch.count, plainTiles: batch.plainTiles, mixedTiles: batch.mixedTiles)
    }

    /// Runs `body` for every row; `cost` is a row's work in multiply-adds.
    private func eachRow(_ rows: Int, cost: Int, _ body: (_ row: Int) -> Void) {
        let length = max(1, rows / (pool.threadCount * 8))
        pool.parallel((rows + length - 1) / length, cost: cost * rows) { piece, _ in
            for row in piece * length..<min((piece + 1) * length, rows) { body(row) }
        }
    }

    /// Normalises and rotates the query and key heads of every row, and puts keys and values where the row's block table says.
    private func rotateAndStore(_ index: Int, _ attention: Architecture.Attention, _ batch: borrowing ForwardBatch) {
        let (w, D) = (workspace, attention.headSize)
        let (Hq, Hk) = (attention.heads, attention.keyValueHeads)
        let rope = architecture.ropes[attention.rope]
        let half = rope.rotaryDimensions / 2
        let norms = headNorms[index]
        let (pieces, positions, pieceOfRow) = (batch.pieces, batch.positions, batch.pieceOfRow)
        eachRow(batch.count, cost: 4 * (Hq + 2 * Hk) * D) { row in
            let cosines = w.cosines[attention.rope] + row * half
            let sines = w.sines[attention.rope] + row * half
            func turn(_ head: UnsafeMutablePointer<Float>, norm: UnsafePointer<Float>?) {
                if let norm { self.kernels.pointee.rms_norm(head, norm, self.architecture.normEpsilon, Int64(D), head) }
                self.kernels.pointee.rope(head, cosines, sines, Int64(half), rope.interleaved ? 1 : 0)
            }
            for head in 0..<Hq { turn(w.q + (row * Hq + head) * D, norm: norms.q) }
            for head in 0..<Hk { turn(w.k + (row * Hk + head) * D, norm: norms.k) }
            self.cacheAttention.store(layer: index, attention, row: row, position: positions[row], blocks: pieces[pieceOfRow[row]].blocks)
        }
    }
}

/// Small F32 arrays of the model at addresses that do not move.
private final class ConstantArena {
    private var kept: [UnsafeMutablePointer<Float>] = []

    deinit { kept.forEach { $0.deallocate() } }

    func keep(_ values: [Float]) -> UnsafePointer<Float> {
        let pointer = alignedFloats(values.count)
        values.withUnsafeBufferPointer { if let base = $0.baseAddress { pointer.update(from: base, count: $0.count) } }
        kept.append(pointer)
        return UnsafePointer(pointer)
    }

    func keep(_ values: [Float]?) -> UnsafePointer<Float>? { values.map { keep($0) } }
}
