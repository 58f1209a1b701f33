// The instruments answer where they can and say 0 where they cannot; how fast a machine is, no test says.
import Kernels
import Testing

@Suite struct InstrumentTests {
    @Test func bandwidth() {
        #expect(sirocco_read_bandwidth(1, 1 << 20) > 0 && sirocco_read_bandwidth(3, 1 << 20) > 0)
        for (threads, bytes) in [(0, 1 << 20), (-1, 1 << 20), (257, 1 << 20), (1, 0), (1, -5), (2, Int64.max)] as [(Int32, Int64)] {
            #expect(sirocco_read_bandwidth(threads, bytes) == 0, "\(threads) \(bytes)")
        }
    }

    @Test func peaks() {
        var names = [UnsafePointer<CChar>?](repeating: nil, count: 16)
        let count = Int(sirocco_kernels_available(&names, Int32(names.count)))
        for name in names.prefix(count).compactMap({ $0 }).map({ String(cString: $0) }) {
            let peak = sirocco_arithmetic_peak(name, SIROCCO_ARITHMETIC_F32, 1)
            #expect(name == "reference" ? peak == 0 : peak > 0, "\(name)")
        }
        #expect((sirocco_arithmetic_peak(nil, SIROCCO_ARITHMETIC_F32, 1) > 0) == (count > 1))
        #expect(sirocco_arithmetic_peak("no such table", SIROCCO_ARITHMETIC_INT8, 1) == 0)
        #expect(sirocco_arithmetic_peak(nil, SIROCCO_ARITHMETIC_INT8, 0) == 0)
    }
}
