// Random numbers as a function of a seed and a counter: no state to lose when a sequence is preempted.

/// A counter-based generator over SplitMix64's finalizer (Steele, Lea and Flood 2014): the n-th number depends on the seed and n alone.
struct CounterGenerator {
    let seed: UInt64

    /// The n-th 64 bits.
    func bits(_ counter: UInt64) -> UInt64 {
        Self.mix(Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15) &+ (counter &+ 1) &* 0x9E37_79B9_7F4A_7C15)
    }

    /// The n-th number, uniform in [0, 1), 53 bits.
    func uniform(_ counter: UInt64) -> Double { Double(bits(counter) >> 11) * 0x1p-53 }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
