// Keys and values of every layer in blocks of fixed length: where a position of a sequence lies in memory.
import Kernels

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The cache's memory. A block holds its positions for all layers: of each the keys of every head, then the values, in the tiles of attention.h. So a
/// sequence's memory grows block by block, and a head's positions within a block are contiguous. Memory is reserved at once, in huge pages where the
/// system grants them, and taken when first written.
final class PagedKVCache {
    /// The shape of one layer's entries.
    struct LayerShape: Hashable {
        var keyValueHeads: Int
        var headSize: Int
    }

    /// Positions in a tile.
    static let tileLength = Int(SIROCCO_TILE)

    let type: CacheType
    let blockLength: Int
    let blockCount: Int
    /// Bytes of a block, all layers together.
    let blockBytes: Int
    /// Bytes reserved.
    let byteCount: Int
    private let start: UnsafeMutableRawPointer
    /// For each layer: bytes from a block's start to its keys, to its values, and of one head.
    private let places: [(keys: Int, values: Int, head: Int, tile: Int)]

    /// A cache of `blockCount` blocks; `blockLength` is a whole number of tiles.
    init(layers: [LayerShape], type: CacheType, blockLength: Int, blockCount: Int) throws(EngineError) {
        precondition(blockLength % Self.tileLength == 0)
        self.type = type
        self.blockLength = blockLength
        self.blockCount = blockCount
        var end = 0
        places = layers.map { shape in
            let tile = type.tileBytes(headSize: shape.headSize)
            let head = blockLength / Self.tileLength * tile
            let keys = end
            end += 2 * shape.keyValueHeads * head
            return (keys, keys + shape.keyValueHeads * head, head, tile)
        }
        blockBytes = end
        byteCount = max(blockCount * end, 1)
        let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let memory, memory != MAP_FAILED else {
            throw .invalidOption(name: "cacheTokens", reason: "the system does not give \(byteCount) bytes for the cache")
        }
        start = memory
        #if canImport(Glibc)
            madvise(start, byteCount, MADV_HUGEPAGE)
        #endif
    }

    deinit { munmap(start, byteCount) }

    /// The keys and the values of one head in block 0; those in block b lie `b · blockBytes` behind.
    func head(_ head: Int, layer: Int) -> (keys: UnsafeMutableRawPointer, values: UnsafeMutableRawPointer) {
        let place = places[layer]
        return (start + place.keys + head * place.head, start + place.values + head * place.head)
    }

    /// Bytes from a head's keys in block 0 to the tile that holds a position of a block.
    func offset(layer: Int, block: Int32, position: Int) -> Int {
        Int(block) * blockBytes + position % blockLength / Self.tileLength * places[layer].tile
    }
}

/// Uninitialised memory for `count` floats at a cache line's boundary.
func alignedFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
        .bindMemory(to: Float.self, capacity: max(count, 1))
}
