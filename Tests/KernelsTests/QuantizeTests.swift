// Quantizers: their error beside llama.cpp's on the same values, the same bytes in every table, and values from hostile models.
import Glibc
import JSON
import Kernels
import TestSupport
import Testing

/// The types with a quantizer and the error (root mean square) of llama.cpp's, without and with importance, on `errorRows`: ggml_quantize_chunk of the
/// llama.cpp 0c1e57098 in llama-cpp-python 0.3.36, called by ctypes on the same numbers.
let quantizers: [(name: String, type: sirocco_type, plain: Double, weighted: Double)] = [
    ("F16", SIROCCO_F16, 1.42462e-05, 1.42411e-05), ("BF16", SIROCCO_BF16, 1.14569e-04, 1.16144e-04),
    ("Q4_0", SIROCCO_Q4_0, 6.98230e-03, 6.20772e-03), ("Q4_1", SIROCCO_Q4_1, 5.75865e-03, 4.48256e-03),
    ("Q5_0", SIROCCO_Q5_0, 3.46539e-03, 3.09537e-03), ("Q5_1", SIROCCO_Q5_1, 2.76776e-03, 2.17094e-03),
    ("Q8_0", SIROCCO_Q8_0, 4.38198e-04, 4.34715e-04), ("IQ4_NL", SIROCCO_IQ4_NL, 5.84804e-03, 5.23166e-03),
    ("MXFP4", SIROCCO_MXFP4, 8.39918e-03, 8.54830e-03), ("Q2_K", SIROCCO_Q2_K, 2.12133e-02, 1.53517e-02),
    ("Q3_K", SIROCCO_Q3_K, 1.14130e-02, 9.55722e-03), ("Q4_K", SIROCCO_Q4_K, 5.27087e-03, 4.59083e-03),
    ("Q5_K", SIROCCO_Q5_K, 2.66717e-03, 2.39221e-03), ("Q6_K", SIROCCO_Q6_K, 1.37014e-03, 1.18232e-03),
    ("IQ4_XS", SIROCCO_IQ4_XS, 5.89827e-03, 5.31978e-03), ("TQ1_0", SIROCCO_TQ1_0, 6.11698e-02, 6.08771e-02),
    ("TQ2_0", SIROCCO_TQ2_0, 6.11698e-02, 6.08771e-02),
]

@Suite struct QuantizeTests {
    private static let (rows, columns) = (16, 1024)

    /// From -1/2 to 1/2, in steps of 2^-24.
    private static func uniform(_ generator: inout SeededGenerator) -> Float { Float(generator.next() >> 40) * 0x1p-24 - 0.5 }

    /// Sums of three uniform numbers, every 37th column three times as large.
    private static func errorRows() -> (x: [Float], importance: [Float]) {
        var generator = SeededGenerator(seed: 42)
        let x = (0..<rows * columns).map { index in
            let (a, b, c) = (uniform(&generator), uniform(&generator), uniform(&generator))
            return (a + b + c) * 0.125 * (index % columns % 37 == 0 ? 3 : 1)
        }
        generator = SeededGenerator(seed: 43)
        let importance = (0..<columns).map { _ in
            let w = uniform(&generator) + 0.5
            return (w * w) * (w * w) + 0x1p-10
        }
        return (x, importance)
    }

    /// One row's bytes, or the kernel's number for why there are none.
    private func quantize(
        _ type: sirocco_type, _ x: [Float], _ importance: [Float]? = nil, _ kernels: sirocco_kernels = table("reference")
    ) -> (bytes: [UInt8], result: Int32) {
        var bytes = [UInt8](repeating: 0xaa, count: Int(sirocco_row_bytes(type, Int64(x.count))))
        let result = bytes.withUnsafeMutableBytes { kernels.quantize(type, x, Int64(x.count), importance, $0.baseAddress) }
        return (bytes, result)
    }

    /// What comes back of a row.
    private func rounded(_ type: sirocco_type, _ x: [Float], _ importance: [Float]? = nil) -> [Float] {
        let (bytes, result) = quantize(type, x, importance)
        #expect(result == 0)
        return dequantized(type, bytes, k: x.count, table("reference"))
    }

    private func error(_ type: sirocco_type, _ x: [Float], columns: Int, _ importance: [Float]?) -> Double {
        var sum = 0.0
        var weight = 0.0
        for start in stride(from: 0, to: x.count, by: columns) {
            let row = Array(x[start..<start + columns])
            for (j, (a, b)) in zip(row, rounded(type, row, importance)).enumerated() {
                let w = importance.map { Double($0[j]) } ?? 1
                sum += w * (Double(a) - Double(b)) * (Double(a) - Double(b))
                weight += w
            }
        }
        return (sum / weight).squareRoot()
    }

    @Test func errorsAreWithinThoseOfLlamaCpp() {
        let (x, importance) = Self.errorRows()
        print("root mean square error: type, ours, llama.cpp's, then both with importance")
        for (name, type, plain, weighted) in quantizers {
            let ours = error(type, x, columns: Self.columns, nil)
            let oursWeighted = error(type, x, columns: Self.columns, importance)
            print("  \(name)  \(Float(ours)) \(Float(plain))  \(Float(oursWeighted)) \(Float(weighted))")
            #expect(ours <= plain * 1.0001 && oursWeighted <= weighted * 1.0001, "\(name)")
        }
    }

    /// gguf-py's quantizers on the fixtures' values.
    @Test func errorsAreWithinTheFixtures() throws {
        let file = try Fixtures.bytes("fixtures/quants/quants.safetensors")
        let size = file.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        let header = try JSONValue(parsing: Array(file[8..<8 + size]))
        func tensor(_ name: String) throws -> [UInt8]? {
            guard let offsets = header[name]?["data_offsets"] else { return nil }
            return Array(file[8 + size + offsets[0]!.intValue!..<8 + size + offsets[1]!.intValue!])
        }
        var checked = 0
        for (name, type, _, _) in quantizers {
            guard let input = try tensor(name + ".quant_in"), let output = try tensor(name + ".quant_out") else { continue }
            let x = input.withUnsafeBytes { raw in
                (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            let theirs = dequantized(type, output, k: x.count, table("reference"))
            let error = zip(x, theirs).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
            #expect(self.error(type, x, columns: 256, nil) <= (error / Double(x.count)).squareRoot() * 1.0001, "\(name)")
            checked += 1
        }
        #expect(checked == 9)
    }

    @Test func everyTableGivesTheSameBytes() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for (name, type, _, _) in quantizers {
            let block = Int(sirocco_block_elements(type))
            for blocks in [1, 3, 8, 11] {
                let k = blocks * max(block, 5)
                let x = randomFloats(k, &generator)
                let importance = randomFloats(k, &generator).map { $0 * $0 }
                for weights in [nil, importance] {
                    let expected = quantize(type, x, weights)
                    #expect(expected.result == 0)
                    for kernels in tables() {
                        #expect(quantize(type, x, weights, kernels).bytes == expected.bytes, "\(name) \(blocks) seed \(seed)")
                    }
                }
            }
        }
    }

    /// A block's bytes depend on its own values alone, wherever in a row it stands.
    @Test func blocksDoNotSeeEachOther() {
        var generator = SeededGenerator(seed: 9)
        for (name, type, _, _) in quantizers {
            let block = Int(sirocco_block_elements(type))
            let x = randomFloats(9 * block, &generator)
            let together = quantize(type, x).bytes
            let apart = (0..<9).flatMap { quantize(type, Array(x[$0 * block..<($0 + 1) * block])).bytes }
            #expect(together == apart, "\(name)")
        }
    }

    @Test func whatATypeHoldsComesBack() {
        var generator = SeededGenerator(seed: 4)
        let ternary = (0..<512).map { _ in Float(Int.random(in: -1...1, using: &generator)) * 0.75 }
        for type in [SIROCCO_TQ1_0, SIROCCO_TQ2_0, SIROCCO_Q4_0, SIROCCO_Q8_0] {
            // Whole eighths of the type's range where it is not ternary.
            #expect(zip(rounded(type, ternary), ternary).allSatisfy { abs($0 - $1) < 1e-3 })
        }
        let powers = (0..<64).map { [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.5, -1, -1.5, -2, -3, -4, -6, 6][$0 % 16] as Float }
        #expect(rounded(SIROCCO_MXFP4, powers) == powers)
        #expect(rounded(SIROCCO_MXFP4, powers.map { $0 * 0x1p-40 }) == powers.map { $0 * 0x1p-40 })
        let halves = (0..<256).map { _ in Float(Int.random(in: -2048...2048, using: &generator)) * 0x1p-12 }
        #expect(rounded(SIROCCO_F16, halves) == halves && rounded(SIROCCO_F32, halves) == halves)
    }

    @Test func zerosAndConstants() {
        for (name, type, _, _) in quantizers {
            #expect(rounded(type, [Float](repeating: 0, count: 256)).allSatisfy { $0 == 0 }, "\(name)")
            #expect(rounded(type, [Float](repeating: 1e-30, count: 256)).allSatisfy { abs($0) < 1e-6 }, "\(name)")
            for value: Float in [1, -1, 0.02, -300] {
                // MXFP4 scales by powers of two only.
                let bound = abs(value) * (type == SIROCCO_MXFP4 ? 0.2 : 0.02)
                #expect(rounded(type, [Float](repeating: value, count: 256)).allSatisfy { abs($0 - value) <= bound }, "\(name) \(value)")
            }
            // One value among zeros, and importance that leaves it out or is nothing at all.
            var spike = [Float](repeating: 0, count: 256)
            spike[77] = -2
            #expect(abs(rounded(type, spike)[77] + 2) < 0.03, "\(name)")
            let none = [Float](repeating: 0, count: 256)
            #expect(rounded(type, spike, none) == rounded(type, spike), "\(name)")
            var one = none
            one[3] = .greatestFiniteMagnitude
            #expect(rounded(type, spike, one).allSatisfy { $0.isFinite }, "\(name)")
        }
    }

    @Test func whatCannotBeQuantizedIsRefused() {
        for kernels in tables() {
            for (name, type, _, _) in quantizers {
                for bad: Float in [.nan, .infinity, -.infinity] {
                    var x = [Float](repeating: 0.5, count: 512)
                    x[300] = bad
                    #expect(quantize(type, x, nil, kernels).result == -1, "\(name)")
                }
                let huge = [Float](repeating: 3e38, count: 256)
                // Powers of two, and bfloat16, reach as far as F32.
                #expect(quantize(type, huge, nil, kernels).result == (type == SIROCCO_BF16 || type == SIROCCO_MXFP4 ? 0 : -1), "\(name)")
                #expect(sirocco_has_quantizer(type) == 1)
            }
            for type in [SIROCCO_IQ1_S, SIROCCO_IQ2_XS, SIROCCO_IQ3_S, SIROCCO_Q8_K] {
                #expect(sirocco_has_quantizer(type) == 0)
                #expect(quantize(type, [Float](repeating: 1, count: 256), nil, kernels).result == -2)
            }
            #expect(sirocco_has_quantizer(sirocco_type(rawValue: 99)) == 0)
        }
    }

    /// Every half comes back, and numbers between two go to the nearer, ties to the even one.
    @Test func halvesAreRoundedToTheNearest() {
        for bits in UInt16(0)..<0x7c00 {
            let value = Float(Float16(bitPattern: bits))
            let next = Float(Float16(bitPattern: bits + 1))
            guard next.isFinite else { continue }
            let middle = (value + next) / 2
            let x = [value, -value, middle, middle.nextUp, middle.nextDown]
            #expect(rounded(SIROCCO_F16, x) == x.map { Float(Float16($0)) })
        }
    }
}
