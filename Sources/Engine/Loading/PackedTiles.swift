// Where packed matrices lie: in memory, or in a file that an earlier load has left beside the model.

extension LoadPlan {
    /// The memory of all packed matrices, and where each step's begins.
    struct Tiles: Sendable {
        nonisolated(unsafe) var pointer: UnsafeMutableRawPointer  // Safe: written by the loader alone, never where `isFilled`.
        var owner: any AnyObject & Sendable
        /// By step.
        var offsets: [Int: Int]
        /// Whether the weights are there already.
        var isFilled: Bool
    }

    /// Where the packed matrices lie within their memory, in ascending order, and its length.
    private var tilesLayout: (places: [(step: Int, range: Range<Int>)], count: Int) {
        var places: [(step: Int, range: Range<Int>)] = []
        var count = 0
        for (index, step) in steps.enumerated() where step.placement == .packed {
            places.append((index, count..<count + step.packedBytes))
            count += (step.packedBytes + 63) / 64 * 64
        }
        return (places, count)
    }

    /// The memory of the packed matrices, filled if the options say that it may come from a file beside the model; nil when there are none. What is
    /// worth knowing goes to `notes`.
    func tiles(
        _ source: WeightSource, options: LoadOptions, progress: (@Sendable (LoadProgress) -> Void)?, notes: inout [String]
    ) throws(LoadError) -> Tiles? {
        let (places, count) = tilesLayout
        if places.isEmpty { return nil }
        let offsets = Dictionary(uniqueKeysWithValues: places.map { ($0.step, $0.range.lowerBound) })
        if let cache = cache(of: places, count: count, source, options) {
            if let file = try filled(cache, places, source, options: options, progress: progress, notes: &notes) {
                let start = UnsafeMutableRawPointer(mutating: file.bytes.baseAddress! + cache.tilesAt)
                return Tiles(pointer: start, owner: file, offsets: offsets, isFilled: true)
            }
        }
        guard let buffer = WeightBuffer(reserving: count) else { throw .outOfMemory(bytes: count) }
        return Tiles(pointer: buffer.pointer, owner: buffer, offsets: offsets, isFilled: false)
    }

    /// The file that may hold these tiles; nil where it is not wanted or not worth it.
    private func cache(of places: [(step: Int, range: Range<Int>)], count: Int, _ source: WeightSource, _ options: LoadOptions) -> PackedCache? {
        guard options.keepsPackedWeights, !options.copiesWeights, count >= options.packedFile.leastBytes,
            !steps.contains(where: \.isConverted), let first = source.files.first?.name
        else { return nil }
        var key = "tiles of \(WeightMatrix.tileRows) rows\n"
        for file in source.files {
            guard let identity = file.identity else { return nil }
            key += "file \(file.count) \(identity.inode) \(identity.modified) \(identity.changed)\n"
        }
        for (index, range) in places {
            let step = steps[index]
            key += "\(step.tensor.name) \(step.type.name) \(step.tensor.file) \(step.tensor.range.lowerBound) \(step.rows) \(step.columns) "
            key += "\(step.transform) \(range.lowerBound)\n"
        }
        return PackedCache(besides: first, key: key, tileBytes: count, pieceBytes: options.packedFile.pieceBytes)
    }

    /// The file with these tiles, made if it is not there; nil when it cannot be.
    private func filled(
        _ cache: PackedCache, _ places: [(step: Int, range: Range<Int>)], _ source: WeightSource, options: LoadOptions,
        progress: (@Sendable (LoadProgress) -> Void)?, notes: inout [String]
    ) throws(LoadError) -> MappedFile? {
        if let file = cache.map(threads: options.threads) { return file }
        let total = places.reduce(0) { $0 + $1.range.count }
        do throws(PackedCache.Failure) {
            guard
                try cache.write(
                    threads: options.threads, report: { progress?(LoadProgress(completedBytes: min($0, total), totalBytes: total)) },
                    fill: { pack($0, of: places, from: source, into: $1) })
            else { return nil }
        } catch {
            notes.append(error.description)
            return nil
        }
        // What was packed from a file that has changed meanwhile is not used, and its key fits nothing any more.
        try source.checkLengths()
        return cache.map(threads: options.threads)
    }

    /// Puts the bytes of a range of the tiles into memory, zeros between matrices; the files' pages that held them are given back. A tile that the
    /// range cuts is packed apart.
    private func pack(
        _ range: Range<Int>, of places: [(step: Int, range: Range<Int>)], from source: WeightSource, into out: UnsafeMutableRawPointer
    ) {
        out.initializeMemory(as: UInt8.self, repeating: 0, count: range.count)
        for (index, place) in places where place.overlaps(range) {
            let step = steps[index]
            let tileBytes = WeightMatrix.tileRows * step.rowBytes
            let wanted = max(place.lowerBound, range.lowerBound) - place.lowerBound..<min(place.upperBound, range.upperBound) - place.lowerBound
            var tile = wanted.lowerBound / tileBytes
            while tile * tileBytes < wanted.upperBound {
                let start = tile * tileBytes
                let whole = start >= wanted.lowerBound ? (wanted.upperBound - start) / tileBytes : 0
                let rows = tile * WeightMatrix.tileRows..<min((tile + max(whole, 1)) * WeightMatrix.tileRows, step.rows.count)
                if whole > 0 {
                    pack(step, rows, from: source, into: out + (place.lowerBound + start - range.lowerBound))
                } else {
                    withUnsafeTemporaryAllocation(byteCount: tileBytes, alignment: 64) { cut in
                        pack(step, rows, from: source, into: cut.baseAddress!)
                        let part = max(start, wanted.lowerBound)..<min(start + tileBytes, wanted.upperBound)
                        (out + (place.lowerBound + part.lowerBound - range.lowerBound)).copyMemory(
                            from: cut.baseAddress! + (part.lowerBound - start), byteCount: part.count)
                    }
                }
                tile += max(whole, 1)
            }
        }
    }

    /// Packs rows that begin with a tile into the tiles that begin at `out`; the file's pages that held them are given back.
    func pack(_ step: Step, _ rows: Range<Int>, from source: WeightSource, into out: UnsafeMutableRawPointer) {
        let rowBytes = step.rowBytes
        let file = source.files[step.tensor.file]
        let bytes = file.bytes[sourceRange(step)]
        let first = UnsafeRawPointer(UnsafeRawBufferPointer(rebasing: bytes).baseAddress!)
        WeightMatrix.pack(step.type, columns: step.columns, rows: rows, into: out) {
            first + step.transform.sourceRow(of: $0, rows: step.rows.count) * rowBytes
        }
        file.isDone(with: bytes.startIndex + rows.lowerBound * rowBytes..<bytes.startIndex + rows.upperBound * rowBytes)
    }
}
