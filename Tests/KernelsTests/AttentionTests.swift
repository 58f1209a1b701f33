// The block cache and attention over it: every table against the definition, over random shapes and all types of cache.
import Glibc
import Kernels
import TestSupport
import Testing

@Suite struct AttentionTests {
    static let types: [sirocco_type] = [SIROCCO_F32, SIROCCO_F16, SIROCCO_Q8_0, SIROCCO_Q4_0]

    /// A case: shapes, random queries, keys and values, and what the cache should have made of the latter two.
    private struct Case {
        var type: sirocco_type
        var headSize: Int
        var heads: Int
        var rows: Int
        var position: Int
        var window: Int
        var scale: Float
        /// [rows, heads, headSize].
        var q: [Float]
        /// [position + rows, headSize].
        var keys: [Float]
        var values: [Float]

        init(_ type: sirocco_type, _ generator: inout SeededGenerator) {
            self.type = type
            headSize = [1, 7, 8, 16, 24, 32, 40, 64, 80, 96, 128, 256].randomElement(using: &generator)!
            heads = Int.random(in: 1...9, using: &generator)
            // Large heads with few rows, so that the definition stays quick.
            rows = (headSize > 64 ? [1, 2] : [1, 1, 2, 5, 19]).randomElement(using: &generator)!
            position = [0, 1, 15, 16, 100, 127, 128, 129, 300].randomElement(using: &generator)!
            window = [Int.max, Int.max, 1, 7, 50, 140].randomElement(using: &generator)!
            scale = [0.3, 1, 4].randomElement(using: &generator)! / Float(headSize).squareRoot()
            q = randomFloats(rows * heads * headSize, &generator)
            keys = randomFloats((position + rows) * headSize, &generator)
            values = randomFloats((position + rows) * headSize, &generator)
        }

        /// Sums in `Double`, [rows, heads, headSize], over what the cache keeps of keys and values.
        var definition: [Double] {
            let (keys, values) = (keptByCache(keys), keptByCache(values))
            var out: [Double] = []
            for row in 0..<rows {
                let seen = max(0, position + row + 1 - window)...position + row
                for head in 0..<heads {
                    let query = q[(row * heads + head) * headSize..<(row * heads + head + 1) * headSize].map(Double.init)
                    let scores = seen.map { p in (0..<headSize).reduce(0) { $0 + query[$1] * Double(keys[p * headSize + $1]) } * Double(scale) }
                    let weights = scores.map { exp($0 - scores.max()!) }
                    let total = weights.reduce(0, +)
                    out += (0..<headSize).map { d in zip(seen, weights).reduce(0) { $0 + $1.1 / total * Double(values[$1.0 * headSize + d]) } }
                }
            }
            return out
        }

        /// Values as a cache of the type rounds them, block by block of a position.
        func keptByCache(_ x: [Float]) -> [Float] {
            switch type {
            case SIROCCO_F16: return x.map { Float(Float16($0)) }
            case SIROCCO_Q8_0, SIROCCO_Q4_0:
                var kept = x
                for start in stride(from: 0, to: x.count, by: headSize) {
                    for first in stride(from: start, to: start + headSize, by: 32) {
                        let block = first..<min(first + 32, start + headSize)
                        let extreme = x[block].max { abs($0) < abs($1) }!
                        let isWide = type == SIROCCO_Q8_0
                        let step = isWide ? abs(extreme) / 127 : extreme / -8
                        for i in block {
                            let level =
                                isWide ? (x[i] * (1 / step)).rounded(.toNearestOrEven) : min(max((x[i] * (1 / step) + 8.5).rounded(.down), 0), 15) - 8
                            kept[i] = level * Float(Float16(step))
                        }
                    }
                }
                return kept
            default: return x
            }
        }
    }

    /// The cache of a case: blocks in disorder, with NaNs wherever nothing was stored.
    private final class Cache {
        let blockLength: Int
        let tileBytes: Int
        let keys: UnsafeMutableRawPointer
        let values: UnsafeMutableRawPointer
        let blocks: UnsafeMutablePointer<Int32>

        init(_ item: Case, blockLength: Int, _ kernels: sirocco_kernels, _ generator: inout SeededGenerator) {
            self.blockLength = blockLength
            tileBytes = Int(sirocco_tile_bytes(item.type, Int64(item.headSize)))
            let count = (item.position + item.rows + blockLength - 1) / blockLength
            let bytes = count * blockLength / 16 * tileBytes
            keys = .allocate(byteCount: bytes, alignment: 64)
            values = .allocate(byteCount: bytes, alignment: 64)
            keys.initializeMemory(as: UInt8.self, repeating: 0xff, count: bytes)
            values.initializeMemory(as: UInt8.self, repeating: 0xff, count: bytes)
            blocks = .allocate(capacity: count)
            blocks.initialize(from: (0..<Int32(count)).shuffled(using: &generator), count: count)
            for p in 0..<item.position + item.rows {
                let offset = (Int(blocks[p / blockLength]) * blockLength / 16 + p % blockLength / 16) * tileBytes
                let range = p * item.headSize..<(p + 1) * item.headSize
                kernels.store_key(item.type, Array(item.keys[range]), Int64(item.headSize), keys + offset, Int64(p % 16))
                kernels.store_value(item.type, Array(item.values[range]), Int64(item.headSize), values + offset, Int64(p % 16))
            }
        }

        deinit {
            keys.deallocate()
            values.deallocate()
            blocks.deallocate()
        }

        func question(_ item: Case, q: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>) -> sirocco_attention {
            sirocco_attention(
                type: item.type, head_size: Int64(item.headSize), block_length: Int64(blockLength), keys: keys, values: values,
                block_bytes: Int64(blockLength / 16 * tileBytes), blocks: blocks, heads: Int64(item.heads), rows: Int64(item.rows),
                position: Int64(item.position), window: Int64(item.window), scale: item.scale, q: q, out: out,
                stride: Int64(item.heads * item.headSize))
        }

        /// All queries at once.
        func attend(_ item: Case, _ kernels: sirocco_kernels) -> [Float] {
            var out = [Float](repeating: .nan, count: item.q.count)
            var workspace = [Float](repeating: .nan, count: Int(sirocco_attention_workspace(Int64(item.headSize))))
            var asked = question(item, q: item.q, out: &out)
            kernels.attend(&asked, &workspace)
            return out
        }

        /// Chunk by chunk, the last first, then the fold.
        func attendInChunks(_ item: Case, _ kernels: sirocco_kernels) -> [Float] {
            var out = [Float](repeating: .nan, count: item.q.count)
            var workspace = [Float](repeating: .nan, count: Int(sirocco_attention_workspace(Int64(item.headSize))))
            var asked = question(item, q: item.q, out: &out)
            let first = max(0, item.position + 1 - item.window) / 128, last = (item.position + item.rows - 1) / 128
            let length = item.rows * item.heads * Int(sirocco_partial_length(Int64(item.headSize)))
            var partials = [Float](repeating: .nan, count: (last - first + 1) * length)
            partials.withUnsafeMutableBufferPointer { partials in
                for chunk in (first...last).reversed() {
                    kernels.attend_chunk(&asked, Int64(chunk), partials.baseAddress! + (chunk - first) * length)
                }
            }
            kernels.attend_fold(&asked, partials, &workspace)
            return out
        }

        /// Row by row and head by head.
        func attendAlone(_ item: Case, _ kernels: sirocco_kernels) -> [Float] {
            var out: [Float] = []
            for query in 0..<item.rows * item.heads {
                var one = item
                (one.rows, one.heads) = (1, 1)
                one.position += query / item.heads
                one.q = Array(item.q[query * item.headSize..<(query + 1) * item.headSize])
                out += attend(one, kernels)
            }
            return out
        }
    }

    @Test(arguments: types) func agreesWithTheDefinition(_ type: sirocco_type) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<15 {
            let item = Case(type, &generator)
            let expected = item.definition
            for kernels in tables() {
                let out = Cache(item, blockLength: [16, 32, 48].randomElement(using: &generator)!, kernels, &generator).attend(item, kernels)
                let worst = zip(out, expected).map { abs(Double($0) - $1) }.max()!
                #expect(worst < 5e-5, "\(String(cString: kernels.name)) seed \(seed): \(worst) \(item.headSize) \(item.heads) \(item.rows)")
                #expect(out.allSatisfy { $0.isFinite })
            }
        }
    }

    @Test(arguments: types) func noCutChangesABit(_ type: sirocco_type) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<15 {
            let item = Case(type, &generator)
            for kernels in tables() {
                let cache = Cache(item, blockLength: 16, kernels, &generator)
                let together = cache.attend(item, kernels).map(\.bitPattern)
                let shape =
                    "\(String(cString: kernels.name)) seed \(seed): \(item.headSize) \(item.heads) \(item.rows) \(item.position) \(item.window)"
                #expect(cache.attendAlone(item, kernels).map(\.bitPattern) == together, "alone, \(shape)")
                #expect(cache.attendInChunks(item, kernels).map(\.bitPattern) == together, "in chunks, \(shape)")
                #expect(Cache(item, blockLength: 48, kernels, &generator).attend(item, kernels).map(\.bitPattern) == together, "blocks, \(shape)")
            }
        }
    }

    /// What is not a number shows, in keys and in values, and only where it is seen.
    @Test(arguments: types) func faultsShow(_ type: sirocco_type) {
        var generator = SeededGenerator(seed: 5)
        var item = Case(type, &generator)
        (item.headSize, item.heads, item.rows, item.position, item.window) = (64, 2, 20, 130, .max)
        item.q = randomFloats(20 * 2 * 64, &generator)
        let (keys, values) = (randomFloats(150 * 64, &generator), randomFloats(150 * 64, &generator))
        for kernels in tables() {
            for isKey in [true, false] {
                (item.keys, item.values) = (keys, values)
                if isKey { item.keys[140 * 64 + 3] = .nan } else { item.values[140 * 64 + 3] = .nan }
                let out = Cache(item, blockLength: 16, kernels, &generator).attend(item, kernels)
                for row in 0..<20 {
                    let here = out[row * 128..<(row + 1) * 128]
                    #expect(here.contains { $0.isNaN } == (row >= 10), "\(String(cString: kernels.name)) row \(row), key \(isKey)")
                }
            }
        }
    }
}
