// How a cache keeps its keys and values.
import Kernels

/// The numeric type of cached keys and values. Smaller ones take less memory and are read faster; `f32` alone changes nothing, `f16` moved the
/// logits of the small golden models by up to 0.011, `q8_0` by 0.31, `q4_0` by 4.4.
public enum CacheType: String, Sendable, Hashable, CaseIterable {
    /// 32 bits: what the model computed.
    case f32
    /// 16 bits, 11 of them significant.
    case f16
    /// 8.5 bits: blocks of 32 values with a scale.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q8_0
    /// 4.5 bits: blocks of 32 values with a scale.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q4_0

    /// The kernels' number for it.
    var kernelType: sirocco_type {
        switch self {
        case .f32: SIROCCO_F32
        case .f16: SIROCCO_F16
        case .q8_0: SIROCCO_Q8_0
        case .q4_0: SIROCCO_Q4_0
        }
    }

    /// Bytes of the keys, or the values, of one head at `SIROCCO_TILE` positions.
    func tileBytes(headSize: Int) -> Int { Int(sirocco_tile_bytes(kernelType, Int64(headSize))) }
}

extension Architecture {
    /// Bytes that one cached position takes in all layers.
    public func keyValueBytesPerPosition(_ type: CacheType) -> Int {
        layers.reduce(0) { $0 + 2 * $1.attention.keyValueHeads * type.tileBytes(headSize: $1.attention.headSize) / Int(SIROCCO_TILE) }
    }
}
