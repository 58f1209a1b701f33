// Kernels that work on rows of activations and on logits, in every table against their definitions.
import Glibc
import Kernels
import TestSupport
import Testing

@Suite struct ElementwiseTests {
    private var generator = SeededGenerator(seed: 11)

    @Test mutating func normsGatesAndSums() {
        for n in [1, 8, 17, 48, 192, 1000] {
            let (x, weight, up) = (randomFloats(n, &generator), randomFloats(n, &generator), randomFloats(n, &generator))
            let wide = x.map { $0 * 40 }
            for kernels in tables() {
                var (normed, gated, soft, sum) = (x, wide, wide, up)
                kernels.rms_norm(x, weight, 1e-5, Int64(n), &normed)
                kernels.gated_silu(wide, up, Int64(n), &gated)
                kernels.gated_gelu(wide, up, Int64(n), &soft)
                kernels.add(x, Int64(n), &sum)
                let scale = 1 / (x.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(n) + 1e-5).squareRoot()
                for i in 0..<n {
                    let silu = Double(wide[i]) / (1 + exp(-Double(wide[i]))) * Double(up[i])
                    let g = Double(wide[i])
                    let gelu = g / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (g + 0.044715 * g * g * g))) * Double(up[i])
                    #expect(abs(Double(soft[i]) - gelu) <= abs(gelu) * 1e-4 + 1e-30)
                    #expect(abs(Double(normed[i]) - Double(x[i]) * scale * Double(weight[i])) < 1e-4)
                    #expect(abs(Double(gated[i]) - silu) <= abs(silu) * 2e-6 + 1e-30)
                    #expect(sum[i] == x[i] + up[i])
                }
                var biggest = x
                #expect(kernels.max_value(x, Int64(n)) == x.max())
                biggest[n / 2] = .nan
                #expect(kernels.max_value(biggest, Int64(n)).isNaN)
            }
        }
    }

    /// Gates at the ends of what an exponential can hold.
    @Test func gatesAtTheEnds() {
        let gate: [Float] = [0, -0.0, 0x1p-132, 88, 89, 104, 1e10, -88, -89, -104, -1e4, -3e38, 3e38, .infinity, .nan, 0.5, -0.5]
        let up = [Float](repeating: 1, count: gate.count)
        for kernels in tables() {
            var silu = up
            kernels.gated_silu(gate, up, Int64(gate.count), &silu)
            for (v, y) in zip(gate, silu) {
                let expected = Double(v) / (1 + exp(-Double(v)))
                #expect(v.isNaN ? y.isNaN : abs(Double(y) - expected) <= abs(expected) * 2e-6 + 1e-36 || Double(y) == expected)
            }
        }
    }

    @Test mutating func logits() {
        for n in [1, 2, 15, 32, 33, 1000, 4097] {
            let x = randomFloats(n, &generator).map { $0 * 10 }
            for kernels in tables() {
                var p = x
                let normaliser = Double(kernels.softmax(&p, Int64(n)))
                let largest = Double(x.max()!)
                let total = x.reduce(0.0) { $0 + exp(Double($1) - largest) }
                #expect(abs(normaliser - largest - log(total)) < 1e-4)
                for i in 0..<n { #expect(abs(Double(p[i]) - exp(Double(x[i]) - largest) / total) < 1e-5) }

                #expect(kernels.argmax(x, Int64(n)) == Int64(x.firstIndex(of: x.max()!)!))
                // The first of equals, and NaNs passed over, wherever they lie.
                for place in Set([0, n / 2, n - 1]) {
                    var y = [Float](repeating: -5, count: n)
                    y[place] = .nan
                    #expect(kernels.argmax(y, Int64(n)) == (n == 1 ? -1 : place == 0 ? 1 : 0))
                    #expect(kernels.max_value(y, Int64(n)).isNaN)
                    y[place] = 7
                    #expect(kernels.argmax(y, Int64(n)) == Int64(place) && kernels.max_value(y, Int64(n)) == 7)
                }
            }
        }
        for kernels in tables() {
            var none: [Float] = [-.infinity, -.infinity, -.infinity]
            #expect(kernels.argmax(none, 3) == 0 && kernels.argmax(none, 0) == -1 && kernels.max_value(none, 0) == -.infinity)
            #expect(kernels.softmax(&none, 3) == -.infinity && none == [0, 0, 0])
        }
    }

    @Test mutating func rotation() {
        let angles = (0..<8).map { _ in Float.random(in: -3...3, using: &generator) }
        let (cosine, sine) = (angles.map(cosf), angles.map(sinf))
        let head = randomFloats(16, &generator)
        for kernels in tables() {
            for interleaved in [false, true] {
                var turned = head
                kernels.rope(&turned, cosine, sine, 8, interleaved ? 1 : 0)
                for i in 0..<8 {
                    let (a, b) = interleaved ? (2 * i, 2 * i + 1) : (i, i + 8)
                    #expect(abs(turned[a] - (head[a] * cosine[i] - head[b] * sine[i])) < 1e-6)
                    #expect(abs(turned[b] - (head[b] * cosine[i] + head[a] * sine[i])) < 1e-6)
                }
            }
        }
    }
}
