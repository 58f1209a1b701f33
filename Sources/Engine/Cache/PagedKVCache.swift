// Keys and values of every layer in blocks of fixed length: where a position of a sequence lies in memory.

/// The cache's memory, F32. A block of a layer holds, for keys and again for values, [kvHeads][blockLength][headSize], so that one head's
/// positions within a block are contiguous. Memory is reserved at once and touched when first written.
final class PagedKVCache {
    /// The shape of one layer's entries.
    struct LayerShape: Hashable {
        var keyValueHeads: Int
        var headSize: Int
    }

    let blockLength: Int
    let blockCount: Int
    private let shapes: [LayerShape]
    private let keys: [UnsafeMutablePointer<Float>]
    private let values: [UnsafeMutablePointer<Float>]

    init(layers: [LayerShape], blockLength: Int, blockCount: Int) {
        self.blockLength = blockLength
        self.blockCount = blockCount
        shapes = layers
        func memory(_ shape: LayerShape) -> UnsafeMutablePointer<Float> {
            alignedFloats(shape.keyValueHeads * shape.headSize * blockLength * blockCount)
        }
        keys = layers.map(memory)
        values = layers.map(memory)
    }

    deinit {
        keys.forEach { $0.deallocate() }
        values.forEach { $0.deallocate() }
    }

    /// Bytes that one position takes over all layers.
    static func bytesPerPosition(_ layers: [LayerShape]) -> Int {
        layers.reduce(0) { $0 + 2 * MemoryLayout<Float>.size * $1.keyValueHeads * $1.headSize }
    }

    /// The keys of one head in a block, [blockLength][headSize].
    func keys(layer: Int, block: Int32, head: Int) -> UnsafeMutablePointer<Float> { keys[layer] + offset(layer, block, head) }

    /// The values of one head in a block, [blockLength][headSize].
    func values(layer: Int, block: Int32, head: Int) -> UnsafeMutablePointer<Float> { values[layer] + offset(layer, block, head) }

    private func offset(_ layer: Int, _ block: Int32, _ head: Int) -> Int {
        let shape = shapes[layer]
        return (Int(block) * shape.keyValueHeads + head) * blockLength * shape.headSize
    }
}

/// Uninitialised memory for `count` floats at a cache line's boundary.
func alignedFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
        .bindMemory(to: Float.self, capacity: max(count, 1))
}
