// Rotary frequencies against numbers computed elsewhere, and against the formulas written out again in double precision.
import Engine
import Foundation
import Testing

@Suite struct ArchitectureRopeTests {
    /// Within a few units in the last place of what numpy computes in float32 by transformers' formulas.
    private func check(
        _ rope: Rope, length: Int = 1, _ expected: [Float], attention: Float = 1, _ location: SourceLocation = #_sourceLocation
    ) {
        let (values, factor) = rope.inverseFrequencies(sequenceLength: length)
        #expect(values.count == expected.count, sourceLocation: location)
        for (value, wanted) in zip(values, expected) {
            #expect(abs(value - wanted) <= 4e-7 * wanted, "\(value), expected \(wanted)", sourceLocation: location)
        }
        #expect(abs(factor - attention) <= 1e-6, sourceLocation: location)
    }

    @Test func numbersFromNumpy() {
        check(
            Rope(theta: 10000, rotaryDimensions: 16),
            [1, 3.1622776e-01, 1e-01, 3.162278e-02, 1e-02, 3.1622779e-03, 1e-03, 3.162278e-04])
        check(
            Rope(theta: 10000, rotaryDimensions: 12, scaling: .linear(factor: 4)),
            [2.5e-01, 5.386087e-02, 1.1603971e-02, 2.5e-03, 5.386086e-04, 1.1603975e-04])
        let dynamic = Rope(theta: 10000, rotaryDimensions: 12, scaling: .dynamic(factor: 2, originalLength: 24))
        for length in [0, 1, 10, 24] {
            check(dynamic, length: length, [1, 2.1544348e-01, 4.6415884e-02, 1e-02, 2.1544343e-03, 4.64159e-04])
        }
        check(dynamic, length: 72, [1, 1.5614904e-01, 2.4382522e-02, 3.807308e-03, 5.945074e-04, 9.283179e-05])
        check(
            Rope(
                theta: 1000, rotaryDimensions: 12,
                scaling: .llama3(.init(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalLength: 32))),
            [1, 9.583998e-02, 1.25e-02, 3.9528473e-03, 1.2499999e-03, 3.9528476e-04])
        check(
            Rope(theta: 10000, rotaryDimensions: 32, scaling: .yarn(.init(factor: 4, originalLength: 1024))),
            [
                1, 5.6234133e-01, 3.1622776e-01, 1.5877494e-01, 7.857143e-02, 3.815887e-02, 1.8070158e-02, 8.256298e-03, 3.5714284e-03,
                1.4058533e-03, 7.9056947e-04, 4.4456986e-04, 2.5e-04, 1.4058533e-04, 7.905695e-05, 4.4456985e-05,
            ], attention: 1.138629436111989)
        check(
            Rope(
                theta: 1e6, rotaryDimensions: 16,
                scaling: .yarn(.init(factor: 8, originalLength: 4096, betaFast: 16, betaSlow: 2, truncate: false))),
            [1, 1.7782794e-01, 3.162278e-02, 2.1367006e-03, 1.25e-04, 2.2228493e-05, 3.952847e-06, 7.029267e-07],
            attention: 1.2079441541679836)
        check(
            Rope(theta: 10000, rotaryDimensions: 4, scaling: .factors([2, 4])), [0.5, 0.0025])
    }

    /// The formulas again, in double precision and without sharing code.
    @Test func formulasInDoublePrecision() {
        for (theta, dimensions) in [(10000.0, 64), (500_000.0, 128), (1_000_000.0, 80)] {
            let base = (0..<dimensions / 2).map { 1 / pow(theta, Double(2 * $0) / Double(dimensions)) }
            func compare(_ scaling: RopeScaling, length: Int = 1, _ expected: [Double]) {
                let values = Rope(theta: theta, rotaryDimensions: dimensions, scaling: scaling).inverseFrequencies(sequenceLength: length)
                    .values
                for (value, wanted) in zip(values, expected) { #expect(abs(Double(value) - wanted) <= 3e-6 * wanted, "\(scaling.name)") }
            }
            compare(.none, base)
            compare(.linear(factor: 8), base.map { $0 / 8 })
            let stretched = theta * pow(4.0 * 9000 / 4096 - 3, Double(dimensions) / Double(dimensions - 2))
            compare(
                .dynamic(factor: 4, originalLength: 4096), length: 9000,
                (0..<dimensions / 2).map { 1 / pow(stretched, Double(2 * $0) / Double(dimensions)) })
            compare(
                .llama3(.init(factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalLength: 8192)),
                base.map { frequency in
                    let turns = 8192 * frequency / (2 * .pi)
                    if turns > 4 { return frequency }
                    if turns < 1 { return frequency / 32 }
                    let smooth = (turns - 1) / 3
                    return (1 - smooth) * frequency / 32 + smooth * frequency
                })
            func turnsAt(_ rotations: Double) -> Double {
                Double(dimensions) * log(4096 / (rotations * 2 * .pi)) / (2 * log(theta))
            }
            let low = max(floor(turnsAt(32)), 0)
            let high = min(ceil(turnsAt(1)), Double(dimensions - 1))
            compare(
                .yarn(.init(factor: 16, originalLength: 4096)),
                base.enumerated().map { index, frequency in
                    let ramp = min(max((Double(index) - low) / (high - low), 0), 1)
                    return frequency / 16 * ramp + frequency * (1 - ramp)
                })
        }
    }

    @Test func onlyDynamicDependsOnLength() {
        #expect(Rope(theta: 1e4, rotaryDimensions: 8, scaling: .dynamic(factor: 2, originalLength: 8)).dependsOnSequenceLength)
        #expect(!Rope(theta: 1e4, rotaryDimensions: 8, scaling: .linear(factor: 2)).dependsOnSequenceLength)
    }
}
