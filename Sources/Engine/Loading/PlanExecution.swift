// Carries out a plan: rows are copied or read ahead in parallel, then every slot gets its matrix or vector.
internal import Synchronization

extension LoadPlan {
    /// Bytes of one unit of work.
    private static let chunkBytes = 1 << 20

    /// A run of rows of one step.
    private struct Chunk: Sendable {
        var step: Int
        var rows: Range<Int>
    }

    /// Fills the slots from `source`, which must be the one the plan was made from. `progress` is called on the calling thread; what is worth
    /// knowing afterwards goes to `notes`.
    func execute(
        _ source: WeightSource, options: LoadOptions, progress: (@Sendable (LoadProgress) -> Void)?, notes: inout [String]
    ) throws(LoadError) -> ModelWeights {
        try source.checkLengths()
        var buffers: [Int: WeightBuffer] = [:]
        for (index, step) in steps.enumerated() where step.placement == .copied {
            guard let buffer = WeightBuffer(reserving: step.byteCount) else { throw .outOfMemory(bytes: step.byteCount) }
            buffers[index] = buffer
        }
        let tiles = try tiles(source, options: options, progress: progress, notes: &notes)
        let hasTiles = tiles?.isFilled ?? false
        if options.readsAhead {
            for step in steps where step.placement == .mapped || (step.placement == .packed && !hasTiles) {
                source.files[step.tensor.file].willNeed(sourceRange(step))
            }
        }
        let chunks = chunks(readingAhead: options.readsAhead, packing: !hasTiles)
        let total = steps.reduce(0) { $0 + $1.sourceBytes }
        // completed[n]: bytes that need no work, and those of the first n pieces.
        var completed = [total - chunks.reduce(0) { $0 + $1.rows.count * steps[$1.step].storedRowBytes }]
        for chunk in chunks { completed.append(completed[completed.count - 1] + chunk.rows.count * steps[chunk.step].storedRowBytes) }
        let shared = buffers
        let importance = try importances()
        let failure = Mutex<LoadError?>(nil)
        ParallelWork.run(
            count: chunks.count, threads: options.threads,
            report: { done in
                progress?(LoadProgress(completedBytes: completed[done], totalBytes: total))
            },
            body: { index in
                let chunk = chunks[index]
                let step = steps[chunk.step]
                if step.isConverted {
                    let out = step.placement == .packed ? tiles!.pointer + tiles!.offsets[chunk.step]! : shared[chunk.step]!.pointer
                    if let error = convert(step, chunk.rows, importance[chunk.step], from: source, into: out) {
                        failure.withLock { $0 = $0 ?? error }
                    }
                    return
                }
                switch step.placement {
                case .packed:
                    let place = tiles!.pointer + tiles!.offsets[chunk.step]! + chunk.rows.lowerBound * step.rowBytes
                    pack(step, chunk.rows, from: source, into: place)
                case .copied: copy(step, chunk.rows, from: source, into: shared[chunk.step]!)
                case .mapped, .widened: touch(step, chunk.rows, in: source)
                }
            })
        if let error = failure.withLock({ $0 }) { throw error }
        let weights = try assemble(source, buffers: buffers, tiles: tiles)
        try source.checkLengths()
        progress?(LoadProgress(completedBytes: total, totalBytes: total))
        return weights
    }

    private func chunks(readingAhead: Bool, packing: Bool) -> [Chunk] {
        var chunks: [Chunk] = []
        for (index, step) in steps.enumerated() {
            switch step.placement {
            case .copied: break
            case .packed: if !packing { continue }
            case .mapped: if !readingAhead { continue }
            case .widened: continue
            }
            let rows = max(1, Self.chunkBytes / max(step.storedRowBytes, 1))
            let stride = step.placement == .packed ? WeightMatrix.wholeTiles(rows) : rows
            var row = 0
            while row < step.rows.count {
                let end = min(row + stride, step.rows.count)
                chunks.append(Chunk(step: index, rows: row..<end))
                row = end
            }
        }
        return chunks
    }

    /// A step's bytes in its file.
    func sourceRange(_ step: Step) -> Range<Int> {
        let start = step.tensor.range.lowerBound + step.rows.lowerBound * step.storedRowBytes
        return start..<start + step.sourceBytes
    }

    /// The importance of the columns of every converted step.
    func importances() throws(LoadError) -> [Int: [Float]] {
        var result: [Int: [Float]] = [:]
        guard let importance else { return result }
        for (index, step) in steps.enumerated() where step.isConverted {
            result[index] = try importance.values(of: step.slot, columns: step.columns)
        }
        return result
    }

    /// Quantizes rows that begin with a tile into a slot's tiles or rows, which begin at `out`; the pages that held them are given back. Returns what
    /// went wrong.
    private func convert(
        _ step: Step, _ rows: Range<Int>, _ importance: [Float]?, from source: WeightSource, into out: UnsafeMutableRawPointer
    ) -> LoadError? {
        var converter = RowConverter(from: step.storedType, to: step.type, columns: step.columns, importance: importance)
        let file = source.files[step.tensor.file]
        let range = sourceRange(step)
        let first = UnsafeRawPointer(UnsafeRawBufferPointer(rebasing: file.bytes[range]).baseAddress!)
        let place = out + rows.lowerBound * step.rowBytes
        func convert(into converted: UnsafeMutableRawPointer) -> LoadError? {
            for row in rows {
                let from = step.transform.sourceRow(of: row, rows: step.rows.count)
                guard converter.convert(first + from * step.storedRowBytes, into: converted + (row - rows.lowerBound) * step.rowBytes) else {
                    return .notQuantizable(
                        file: file.name, tensor: step.tensor.name, row: step.rows.lowerBound + from, type: step.type.name)
                }
            }
            return nil
        }
        defer {
            file.isDone(
                with: range.lowerBound + rows.lowerBound * step.storedRowBytes..<range.lowerBound + rows.upperBound * step.storedRowBytes)
        }
        guard step.placement == .packed else { return convert(into: place) }
        return withUnsafeTemporaryAllocation(byteCount: rows.count * step.rowBytes, alignment: 64) { converted in
            if let error = convert(into: converted.baseAddress!) { return error }
            WeightMatrix.pack(step.type, columns: step.columns, rows: rows, into: place) { row in
                UnsafeRawPointer(converted.baseAddress! + (row - rows.lowerBound) * step.rowBytes)
            }
            return nil
        }
    }

    private func copy(_ step: Step, _ rows: Range<Int>, from source: WeightSource, into buffer: WeightBuffer) {
        let rowBytes = step.rowBytes
        let bytes = source.files[step.tensor.file].bytes[sourceRange(step)]
        for row in rows {
            let from = step.transform.sourceRow(of: row, rows: step.rows.count) * rowBytes
            buffer.pointer.advanced(by: row * rowBytes).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes.dropFirst(from).prefix(rowBytes)).baseAddress!, byteCount: rowBytes)
        }
    }

    /// Reads one byte of every page, so that the pages are in memory.
    private func touch(_ step: Step, _ rows: Range<Int>, in source: WeightSource) {
        let bytes = source.files[step.tensor.file].bytes
        let start = sourceRange(step).lowerBound
        var sum: UInt8 = 0
        for offset in stride(from: start + rows.lowerBound * step.rowBytes, to: start + rows.upperBound * step.rowBytes, by: 4096) {
            sum ^= bytes[offset]
        }
        keep(sum)
    }

    private func assemble(_ source: WeightSource, buffers: [Int: WeightBuffer], tiles: Tiles?) throws(LoadError) -> ModelWeights {
        var matrices: [WeightSlot: WeightMatrix] = [:]
        var vectors: [WeightSlot: [Float]] = [:]
        for (index, step) in steps.enumerated() {
            let file = source.files[step.tensor.file]
            switch step.placement {
            case .widened:
                guard let values = widened(UnsafeRawBufferPointer(rebasing: file.bytes[sourceRange(step)]), from: step.type) else {
                    throw .unsupportedTensorType(file: file.name, tensor: step.tensor.name, type: step.type.name)
                }
                vectors[step.slot] =
                    step.transform == .none
                    ? values : values.indices.map { values[step.transform.sourceRow(of: $0, rows: values.count)] }
            case .mapped:
                matrices[step.slot] = WeightMatrix(
                    type: step.type, rows: step.rows.count, columns: step.columns,
                    pointer: UnsafeRawBufferPointer(rebasing: file.bytes[sourceRange(step)]).baseAddress!, owner: file)
            case .copied:
                let buffer = buffers[index]!
                matrices[step.slot] = WeightMatrix(
                    type: step.type, rows: step.rows.count, columns: step.columns, pointer: UnsafeRawPointer(buffer.pointer),
                    owner: buffer)
            case .packed:
                let pointer = UnsafeRawPointer(tiles!.pointer + tiles!.offsets[index]!)
                matrices[step.slot] = WeightMatrix(
                    type: step.type, rows: step.rows.count, columns: step.columns, pointer: pointer, isPacked: true, owner: tiles!.owner)
            }
        }
        return weights(matrices, vectors)
    }

    /// The slots put in place. The plan's maker made a step for every slot that the architecture has.
    private func weights(_ matrices: [WeightSlot: WeightMatrix], _ vectors: [WeightSlot: [Float]]) -> ModelWeights {
        let embedding = matrices[.embedding]!
        let layers = architecture.layers.indices.map { index in
            func matrix(_ slot: LayerSlot) -> WeightMatrix { matrices[.layer(index, slot)]! }
            func vector(_ slot: LayerSlot) -> [Float]? { vectors[.layer(index, slot)] }
            return LayerWeights(
                attentionNorm: vector(.attentionNorm)!, q: matrix(.q), k: matrix(.k), v: matrix(.v), o: matrix(.o),
                qBias: vector(.qBias), kBias: vector(.kBias), vBias: vector(.vBias), oBias: vector(.oBias), qNorm: vector(.qNorm),
                kNorm: vector(.kNorm), feedForwardNorm: vector(.feedForwardNorm)!, gate: matrix(.gate), up: matrix(.up),
                down: matrix(.down), gateBias: vector(.gateBias), upBias: vector(.upBias), downBias: vector(.downBias))
        }
        return ModelWeights(
            embedding: embedding, layers: layers, finalNorm: vectors[.finalNorm]!,
            output: architecture.tiedOutput ? embedding : matrices[.output]!)
    }
}

extension LoadPlan.Transform {
    /// Which of a slot's `rows` stored rows becomes row `row`.
    func sourceRow(of row: Int, rows: Int) -> Int {
        guard case .unpermuteRope(let heads, let rotary) = self else { return row }
        let headSize = rows / heads
        let (head, within) = row.quotientAndRemainder(dividingBy: headSize)
        guard within < rotary else { return row }
        let (half, pair) = within.quotientAndRemainder(dividingBy: rotary / 2)
        return head * headSize + 2 * pair + half
    }
}

/// A value that the optimiser must believe is used.
@inline(never)
private func keep(_ value: UInt8) { withExtendedLifetime(value) {} }
