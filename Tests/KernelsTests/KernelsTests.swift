// Every table against the reference, the reference against the definition, and both against golden blocks.
import Glibc
import JSON
import Kernels
import TestSupport
import Testing

let dense: [sirocco_type] = [SIROCCO_F32, SIROCCO_F16, SIROCCO_BF16]
let quantized = quantizedTypes.map(\.type)

/// The quantized types: GGML's names, and where in a block binary16 scales lie.
let quantizedTypes: [(name: String, type: sirocco_type, halves: [Int])] = [
    ("Q4_0", SIROCCO_Q4_0, [0]), ("Q4_1", SIROCCO_Q4_1, [0, 2]), ("Q5_0", SIROCCO_Q5_0, [0]), ("Q5_1", SIROCCO_Q5_1, [0, 2]),
    ("Q8_0", SIROCCO_Q8_0, [0]), ("IQ4_NL", SIROCCO_IQ4_NL, [0]), ("MXFP4", SIROCCO_MXFP4, []), ("Q2_K", SIROCCO_Q2_K, [80, 82]),
    ("Q3_K", SIROCCO_Q3_K, [108]), ("Q4_K", SIROCCO_Q4_K, [0, 2]), ("Q5_K", SIROCCO_Q5_K, [0, 2]), ("Q6_K", SIROCCO_Q6_K, [208]),
    ("Q8_K", SIROCCO_Q8_K, []), ("TQ1_0", SIROCCO_TQ1_0, [52]), ("TQ2_0", SIROCCO_TQ2_0, [64]), ("IQ1_S", SIROCCO_IQ1_S, [0]),
    ("IQ1_M", SIROCCO_IQ1_M, []), ("IQ2_XXS", SIROCCO_IQ2_XXS, [0]), ("IQ2_XS", SIROCCO_IQ2_XS, [0]), ("IQ2_S", SIROCCO_IQ2_S, [0]),
    ("IQ3_XXS", SIROCCO_IQ3_XXS, [0]), ("IQ3_S", SIROCCO_IQ3_S, [0]), ("IQ4_XS", SIROCCO_IQ4_XS, [0]),
]

/// Gives a block the scale `half` wherever it keeps one.
func putScale(_ half: UInt16, type: sirocco_type, block: Int, in bytes: inout [UInt8]) {
    func put(_ bits: UInt32, count: Int, at offset: Int) {
        for byte in 0..<count { bytes[block + offset + byte] = UInt8(truncatingIfNeeded: bits >> (8 * UInt32(byte))) }
    }
    switch type {
    case SIROCCO_MXFP4: bytes[block] = UInt8(112 + half % 32)
    case SIROCCO_Q8_K: put((Float(half & 0x3ff) * 0x1p-10 + 0.25).bitPattern, count: 4, at: 0)
    case SIROCCO_IQ1_M:
        // A nibble of the half above each twelve bits of scales.
        for part in 0..<4 { bytes[block + 49 + 2 * part] = bytes[block + 49 + 2 * part] & 15 | UInt8(half >> (4 * part) & 15) << 4 }
    default: for offset in quantizedTypes.first(where: { $0.type == type })!.halves { put(UInt32(half), count: 2, at: offset) }
    }
}

/// The tables that this machine runs.
func tables() -> [sirocco_kernels] {
    var names = [UnsafePointer<CChar>?](repeating: nil, count: 8)
    let count = Int(sirocco_kernels_available(&names, 8))
    return (0..<count).map { sirocco_kernels_select(names[$0]).pointee }
}

func table(_ name: String) -> sirocco_kernels { sirocco_kernels_select(name).pointee }

/// Random bytes that are valid blocks of a type: their scales are moderate numbers.
func randomWeights(_ type: sirocco_type, rows: Int, k: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    let count = rows * Int(sirocco_row_bytes(type, Int64(k)))
    var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    func put(_ half: UInt16, at offset: Int) {
        bytes[offset] = UInt8(half & 255)
        bytes[offset + 1] = UInt8(half >> 8)
    }
    func moderate() -> UInt16 { UInt16.random(in: 0x2000...0x3c00, using: &generator) | (Bool.random(using: &generator) ? 0x8000 : 0) }
    switch type {
    case SIROCCO_F32:
        bytes = (0..<rows * k).flatMap { _ in withUnsafeBytes(of: Float.random(in: -2...2, using: &generator)) { Array($0) } }
    case SIROCCO_F16: for i in stride(from: 0, to: count, by: 2) { put(moderate(), at: i) }
    case SIROCCO_BF16: for i in stride(from: 0, to: count, by: 2) { put(UInt16.random(in: 0x3c00...0x4000, using: &generator), at: i) }
    default:
        let block = Int(sirocco_row_bytes(type, sirocco_block_elements(type)))
        for i in stride(from: 0, to: count, by: block) { putScale(moderate(), type: type, block: i, in: &bytes) }
    }
    return bytes
}

func randomFloats(_ count: Int, _ generator: inout SeededGenerator) -> [Float] {
    (0..<count).map { _ in Float.random(in: -3...3, using: &generator) }
}

/// Activation rows as a weight type wants them.
func activations(_ x: [Float], k: Int, for type: sirocco_type, _ kernels: sirocco_kernels) -> [UInt8] {
    if dense.contains(type) { return x.withUnsafeBytes { Array($0) } }
    let stride = Int(sirocco_activation_bytes(type, Int64(k)))
    var bytes = [UInt8](repeating: 0xa5, count: x.count / k * stride)
    bytes.withUnsafeMutableBytes { out in
        x.withUnsafeBufferPointer { x in
            for row in 0..<x.count / k { kernels.quantize_activation(x.baseAddress! + row * k, Int64(k), out.baseAddress! + row * stride) }
        }
    }
    return bytes
}

/// Rows of a quantized type in tiles, as products read them.
func packed(_ type: sirocco_type, _ weights: [UInt8], rows: Int, k: Int) -> [UInt8] {
    let rowBytes = Int(sirocco_row_bytes(type, Int64(k)))
    var tiles = [UInt8](repeating: 0xa5, count: Int(sirocco_packed_bytes(type, Int64(rows), Int64(k))))
    weights.withUnsafeBytes { weights in
        tiles.withUnsafeMutableBytes { tiles in
            for first in stride(from: 0, to: rows, by: 16) {
                var lanes = (0..<16).map { first + $0 < rows ? weights.baseAddress! + (first + $0) * rowBytes : nil }
                sirocco_pack(type, &lanes, Int64(k), tiles.baseAddress! + first * rowBytes)
            }
        }
    }
    return tiles
}

/// A product with weights as files have them.
func multiply(_ kernels: sirocco_kernels, _ type: sirocco_type, _ weights: [UInt8], rows: Int, k: Int, _ x: [UInt8], m: Int) -> [Float] {
    let weights = dense.contains(type) ? weights : packed(type, weights, rows: rows, k: k)
    var y = [Float](repeating: .nan, count: rows * m)
    kernels.matmul(type, weights, Int64(rows), Int64(k), x, Int64(m), sirocco_activation_bytes(type, Int64(k)), &y, Int64(rows))
    return y
}

func dequantized(_ type: sirocco_type, _ bytes: [UInt8], k: Int, _ kernels: sirocco_kernels) -> [Float] {
    var values = [Float](repeating: .nan, count: k)
    kernels.dequantize(type, bytes, Int64(k), &values)
    return values
}

@Suite struct ProductTests {
    @Test(arguments: dense + quantized) func agreesWithTheDefinition(type: sirocco_type) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        let block = Int(sirocco_block_elements(type))
        for k in block == 1 ? [1, 7, 31, 48, 64, 129, 896, 1031] : [block, 3 * block, 7 * block] {
            for (rows, m) in [(1, 1), (5, 3), (2, 9), (17, 4)] {
                let weights = randomWeights(type, rows: rows, k: k, &generator)
                let floats = randomFloats(m * k, &generator)
                let x = activations(floats, k: k, for: type, table("reference"))
                for kernels in tables() {
                    let y = multiply(kernels, type, weights, rows: rows, k: k, x, m: m)
                    check(y, type, weights, rows: rows, k: k, x, m: m, "\(String(cString: kernels.name)) k \(k) seed \(seed)")
                }
            }
        }
    }

    /// Compares with sums in `Double`; the bound is what F32 may lose over k additions.
    private func check(_ y: [Float], _ type: sirocco_type, _ weights: [UInt8], rows: Int, k: Int, _ x: [UInt8], m: Int, _ what: String) {
        let rowBytes = Int(sirocco_row_bytes(type, Int64(k)))
        let stride = Int(sirocco_activation_bytes(type, Int64(k)))
        for r in 0..<rows {
            let w = dequantized(type, Array(weights[r * rowBytes..<(r + 1) * rowBytes]), k: k, table("reference"))
            for i in 0..<m {
                let row = activationValues(Array(x[i * stride..<(i + 1) * stride]), type, k)
                var sum = 0.0
                var magnitude = 0.0
                for j in 0..<k {
                    sum += Double(w[j]) * Double(row[j])
                    magnitude += abs(Double(w[j]) * Double(row[j]))
                }
                // Minima are subtracted apart, so that their own magnitude bounds the error too.
                let minima = [SIROCCO_Q4_1, SIROCCO_Q5_1, SIROCCO_Q2_K, SIROCCO_Q4_K, SIROCCO_Q5_K].contains(type)
                let bound = (magnitude + abs(sum)) * Double(k + 16) * 6e-8 * (minima ? 16 : 1) + 1e-6
                #expect(abs(Double(y[i * rows + r]) - sum) <= bound, "\(what) row \(r) of \(rows), \(i) of \(m)")
            }
        }
    }

    private func activationValues(_ bytes: [UInt8], _ type: sirocco_type, _ k: Int) -> [Float] {
        bytes.withUnsafeBytes { raw in
            if dense.contains(type) { return (0..<k).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) } }
            return raw.withMemoryRebound(to: block_activation.self) { blocks in
                (0..<k).map { blocks[$0 / 256].d * Float(value($0, of: blocks)) }
            }
        }
    }

    /// Integers within blocks, then blocks in their order: there is nothing in which tables could differ.
    @Test(arguments: quantized) func quantizedProductsAreTheSameBitsInEveryTable(type: sirocco_type) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        let block = Int(sirocco_block_elements(type))
        // Rows: less and more than a tile; activations: the row path and the tile path; blocks: eights and what they leave, more than a piece.
        for (rows, blocks, m) in [(1, 1, 1), (8, 8, 2), (9, 11, 3), (33, 4, 7), (70, 9, 13), (3, block == 32 ? 300 : 9, 5), (40, 36, 9)] {
            let k = blocks * block
            let weights = randomWeights(type, rows: rows, k: k, &generator)
            let x = activations(randomFloats(m * k, &generator), k: k, for: type, table("reference"))
            let expected = multiply(table("reference"), type, weights, rows: rows, k: k, x, m: m)
            for kernels in tables() {
                let y = multiply(kernels, type, weights, rows: rows, k: k, x, m: m)
                #expect(
                    zip(y, expected).allSatisfy { $0.bitPattern == $1.bitPattern },
                    "\(String(cString: kernels.name)) rows \(rows) k \(k) m \(m) seed \(seed)")
            }
        }
    }

    /// The law that batches rest on: a row's result is the same bits whatever rows and activations stand beside it.
    @Test(arguments: dense + quantized) func aRowDependsOnNothingElse(type: sirocco_type) {
        var generator = SeededGenerator(seed: 7)
        let block = Int(sirocco_block_elements(type))
        let k = block == 1 ? 201 : 2 * block
        let (rows, m) = (11, 13)
        let rowBytes = Int(sirocco_row_bytes(type, Int64(k)))
        let weights = randomWeights(type, rows: rows, k: k, &generator)
        let x = activations(randomFloats(m * k, &generator), k: k, for: type, table("reference"))
        let stride = Int(sirocco_activation_bytes(type, Int64(k)))
        for kernels in tables() {
            let all = multiply(kernels, type, weights, rows: rows, k: k, x, m: m)
            for r in 0..<rows {
                for i in 0..<m {
                    let one = multiply(
                        kernels, type, Array(weights[r * rowBytes..<(r + 1) * rowBytes]), rows: 1, k: k,
                        Array(x[i * stride..<(i + 1) * stride]), m: 1)
                    #expect(one[0].bitPattern == all[i * rows + r].bitPattern)
                }
            }
        }
    }

    /// The extremes of every integer: no table may overflow where the reference does not.
    @Test(arguments: quantized) func extremes(type: sirocco_type) {
        let k = 256
        let rowBytes = Int(sirocco_row_bytes(type, Int64(k)))
        for fill in [0x00, 0x7f, 0x80, 0xff] as [UInt8] {
            var weights = [UInt8](repeating: fill, count: rowBytes)
            let block = Int(sirocco_row_bytes(type, sirocco_block_elements(type)))
            for offset in stride(from: 0, to: rowBytes, by: block) { putScale(0x3c00, type: type, block: offset, in: &weights) }
            for sign: Float in [1, -1] {
                let x = activations((0..<k).map { $0 % 2 == 0 ? 127 * sign : 127 }, k: k, for: type, table("reference"))
                let expected = multiply(table("reference"), type, weights, rows: 1, k: k, x, m: 1)[0]
                for kernels in tables() {
                    #expect(abs(multiply(kernels, type, weights, rows: 1, k: k, x, m: 1)[0] - expected) <= abs(expected) * 1e-5)
                }
            }
        }
    }

    @Test func aFaultInTheActivationsShows() {
        for type in quantized {
            var x = [Float](repeating: 1, count: 256)
            x[100] = .infinity
            let weights = [UInt8](repeating: 0x11, count: Int(sirocco_row_bytes(type, 256)))
            for kernels in tables() {
                #expect(multiply(kernels, type, weights, rows: 1, k: 256, activations(x, k: 256, for: type, kernels), m: 1)[0].isNaN)
            }
        }
    }

    @Test func blasAgrees() {
        var generator = SeededGenerator(seed: 3)
        let (rows, k, m) = (13, 70, 9)
        let weights = randomFloats(rows * k, &generator)
        let x = randomFloats(m * k, &generator)
        var y = [Float](repeating: 0, count: m * rows)
        #expect(sirocco_sgemm(Int64(rows), Int64(k), weights, Int64(k), x, Int64(m), Int64(k), &y, Int64(rows)) == 0)
        let expected = multiply(
            table("reference"), SIROCCO_F32, weights.withUnsafeBytes { Array($0) }, rows: rows, k: k, x.withUnsafeBytes { Array($0) }, m: m)
        for (a, b) in zip(y, expected) { #expect(abs(a - b) < 1e-4) }
    }
}

/// Value j of a row of activations.
private func value(_ j: Int, of blocks: UnsafeBufferPointer<block_activation>) -> Int8 {
    withUnsafeBytes(of: blocks[j / 256].qs) { $0.loadUnaligned(fromByteOffset: j % 256, as: Int8.self) }
}

@Suite struct BlockTests {
    /// Blocks and their values as GGML defines them.
    @Test(arguments: quantizedTypes.filter { $0.name != "Q8_K" }.map { ($0.name, $0.type) } + [("BF16", SIROCCO_BF16)])
    func golden(name: String, type: sirocco_type) throws {
        let file = try Fixtures.bytes("fixtures/quants/quants.safetensors")
        let size = file.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        let header = try JSONValue(parsing: Array(file[8..<8 + size]))
        func tensor(_ name: String) throws -> [UInt8] {
            let offsets = try #require(header[name]?["data_offsets"])
            return Array(file[8 + size + offsets[0]!.intValue!..<8 + size + offsets[1]!.intValue!])
        }
        let blocks = try tensor(name + ".blocks")
        let expected = try tensor(name + ".dequant").withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        for kernels in tables() {
            let values = dequantized(type, blocks, k: expected.count, kernels)
            #expect(zip(values, expected).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) || ($0 == 0 && $1 == 0) })
        }
    }

    @Test func everyHalfIsWidenedExactly() {
        for kernels in tables() {
            let halves = (0...UInt16.max).flatMap { withUnsafeBytes(of: $0) { Array($0) } }
            let values = dequantized(SIROCCO_F16, halves, k: 65536, kernels)
            for bits in 0...UInt16.max {
                let exponent = Int(bits >> 10 & 31)
                let fraction = Float(bits & 1023)
                let magnitude: Float =
                    exponent == 31
                    ? (fraction == 0 ? .infinity : .nan)
                    : exponent == 0 ? fraction * 0x1p-24 : (1 + fraction / 1024) * exp2f(Float(exponent - 15))
                let expected = bits & 0x8000 != 0 ? -magnitude : magnitude
                #expect(values[Int(bits)].bitPattern == expected.bitPattern || (expected.isNaN && values[Int(bits)].isNaN))
            }
        }
    }

    /// Rows of any length, tails and quiet and signalling NaNs included.
    @Test func wideningIsTheSameBitsInEveryTable() {
        var generator = SeededGenerator(seed: 6)
        for type in [SIROCCO_F16, SIROCCO_BF16] + quantized {
            for count in [1, 3, 17] {
                let k = count * Int(sirocco_block_elements(type))
                let bytes = (0..<Int(sirocco_row_bytes(type, Int64(k)))).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let expected = dequantized(type, bytes, k: k, table("reference")).map(\.bitPattern)
                for kernels in tables() { #expect(dequantized(type, bytes, k: k, kernels).map(\.bitPattern) == expected) }
            }
        }
        let bits: [UInt16] = [0x7c01, 0x7e00, 0xfc01, 0x7c00, 0x0001, 0x8001, 0x8000, 0x03ff, 0x7bff] + (0..<23).map { 0x3c00 + $0 }
        let bytes = bits.withUnsafeBytes { Array($0) }
        for type in [SIROCCO_F16, SIROCCO_BF16] {
            let expected = dequantized(type, bytes, k: bits.count, table("reference")).map(\.bitPattern)
            for kernels in tables() { #expect(dequantized(type, bytes, k: bits.count, kernels).map(\.bitPattern) == expected) }
        }
    }

    @Test func activationsAreTheSameBytesEverywhere() {
        var generator = SeededGenerator(seed: 5)
        var rows = ([0, .leastNonzeroMagnitude, 0x1p-130, 0x1p-100, 1e-30, 1, 1e30, 3e37] as [Float]).map { scale in
            randomFloats(512, &generator).map { $0 * scale }
        }
        // Halves between two integers, a lone value in each block, the largest number, and faults.
        rows.append((0..<512).map { $0 % 32 == 0 ? 127 : Float($0 % 9) - 4.5 })
        rows.append((0..<512).map { $0 == 77 || $0 == 511 ? -1 : 0 })
        rows.append((0..<512).map { $0 % 2 == 0 ? .greatestFiniteMagnitude : -.greatestFiniteMagnitude })
        for fault in [Float.nan, .infinity, -.infinity] { rows.append((0..<512).map { $0 == 300 ? fault : 1 }) }
        for x in rows {
            for k in [512, 480, 32] {
                let expected = activations(Array(x[..<k]), k: k, for: SIROCCO_Q8_0, table("reference"))
                for kernels in tables() { #expect(activations(Array(x[..<k]), k: k, for: SIROCCO_Q8_0, kernels) == expected) }
            }
        }
    }

    /// Each value is kept to half a step of its block's scale, and the sums are those of the values.
    @Test func activationsKeepTheirValues() {
        var generator = SeededGenerator(seed: 8)
        for scale: Float in [1e-20, 1, 1e20] {
            let k = 320
            let x = randomFloats(k, &generator).map { $0 * scale }
            let bytes = activations(x, k: k, for: SIROCCO_Q8_0, table("reference"))
            bytes.withUnsafeBytes { raw in
                raw.withMemoryRebound(to: block_activation.self) { blocks in
                    for j in 0..<k { #expect(abs(Float(value(j, of: blocks)) * blocks[j / 256].d - x[j]) <= blocks[j / 256].d * 0.5001) }
                    for g in 0..<k / 32 {
                        let sums = [0, 16].map { half in (0..<16).reduce(0) { $0 + Int(value(32 * g + half + $1, of: blocks)) } }
                        let (block, at) = g.quotientAndRemainder(dividingBy: 8)
                        withUnsafeBytes(of: blocks[block]) { raw in
                            func member<Integer: FixedWidthInteger>(_ offset: Int, _ index: Int, _: Integer.Type) -> Int {
                                Int(raw.loadUnaligned(fromByteOffset: offset + index * MemoryLayout<Integer>.size, as: Integer.self))
                            }
                            #expect([0, 1].map { member(256, 2 * at + $0, Int32.self) } == sums.map { -128 * $0 })
                            #expect(member(320, at, Int32.self) == -128 * (sums[0] + sums[1]))
                            #expect([0, 1].map { member(352, 2 * at + $0, Int16.self) } == sums)
                            #expect(member(384, at, Int16.self) == sums[0] + sums[1])
                        }
                    }
                }
            }
        }
    }

    /// Any bytes come back out of their tile, and no tile is longer than its rows.
    @Test(arguments: quantized) func packingLosesNothing(type: sirocco_type) {
        var generator = SeededGenerator(seed: 9)
        for (rows, blocks) in [(1, 1), (16, 8), (35, 11)] {
            let k = blocks * Int(sirocco_block_elements(type))
            let rowBytes = Int(sirocco_row_bytes(type, Int64(k)))
            let weights = (0..<rows * rowBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let tiles = packed(type, weights, rows: rows, k: k)
            #expect(tiles.count == (rows + 15) / 16 * 16 * rowBytes)
            for r in 0..<rows {
                var row = [UInt8](repeating: 0, count: rowBytes)
                tiles.withUnsafeBytes { sirocco_unpack(type, $0.baseAddress! + r / 16 * 16 * rowBytes, Int32(r % 16), Int64(k), &row) }
                #expect(row == Array(weights[r * rowBytes..<(r + 1) * rowBytes]))
            }
        }
    }

    @Test func sizes() {
        #expect(sirocco_row_bytes(SIROCCO_Q4_K, 257) == -1 && sirocco_row_bytes(SIROCCO_Q4_K, 512) == 288)
        #expect(sirocco_row_bytes(SIROCCO_F32, Int64.max) == -1 && sirocco_row_bytes(SIROCCO_F16, -1) == -1)
        #expect(sirocco_activation_bytes(SIROCCO_Q4_0, 288) == 832 && sirocco_activation_bytes(SIROCCO_Q8_K, 256) == 416)
        #expect(sirocco_activation_bytes(SIROCCO_Q4_0, 33) == -1 && sirocco_activation_bytes(SIROCCO_BF16, 3) == 12)
        #expect(sirocco_packed_bytes(SIROCCO_Q4_0, 17, 96) == 32 * 54 && sirocco_packed_bytes(SIROCCO_F16, 16, 32) == -1)
        #expect(sirocco_packed_bytes(SIROCCO_Q4_0, Int64.max, 32) == -1 && sirocco_packed_bytes(SIROCCO_Q4_0, 1, 33) == -1)
        #expect(sirocco_row_bytes(sirocco_type(rawValue: 99), 32) == -1 && sirocco_kernels_select("no such table") == nil)
    }
}
