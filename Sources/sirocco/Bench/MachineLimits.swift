// The roofline: what this machine can do at most with so many threads, and what that makes of a piece of work.
import Engine
import Kernels

/// Measured limits of memory and arithmetic.
struct MachineLimits: Equatable {
    /// Bytes read a second.
    var bandwidth: Double
    /// Operations a second with 8-bit integers, BF16 and F32; 0: this CPU level has no such instructions.
    var int8: Double
    var bfloat: Double
    var float: Double

    init(bandwidth: Double, int8: Double, bfloat: Double, float: Double) {
        self.bandwidth = bandwidth
        self.int8 = int8
        self.bfloat = bfloat
        self.float = float
    }

    /// Measures them with the instructions that a kernel table may use (the plain C table: any that the CPU has). It takes some seconds and 512 MiB
    /// a thread.
    init(kernels: String, threads: Int) {
        let table = kernels == "reference" ? nil : kernels
        func peak(_ arithmetic: sirocco_arithmetic) -> Double { sirocco_arithmetic_peak(table, arithmetic, Int32(threads)) }
        self.init(
            bandwidth: sirocco_read_bandwidth(Int32(threads), 512 << 20), int8: peak(SIROCCO_ARITHMETIC_INT8), bfloat: peak(SIROCCO_ARITHMETIC_BF16),
            float: peak(SIROCCO_ARITHMETIC_F32))
    }

    enum Bound: String {
        case memory, int8, bf16, f32
    }

    /// The least seconds that a piece of work takes, and what sets them; nil where a limit that it needs is not known.
    func least(_ work: StepWork) -> (seconds: Double, bound: Bound)? {
        guard bandwidth > 0, float > 0 else { return nil }
        let quantized = work.quantized / (int8 > 0 ? int8 : float)
        let half = work.half / (bfloat > 0 ? bfloat : float)
        let single = work.float / float
        let arithmetic = quantized + half + single
        let memory = Double(work.bytes) / bandwidth
        if memory >= arithmetic { return (memory, .memory) }
        if quantized >= half && quantized >= single { return (arithmetic, int8 > 0 ? .int8 : .f32) }
        return (arithmetic, half >= single && bfloat > 0 ? .bf16 : .f32)
    }
}
