// A hash table from 64-bit keys to 32-bit values in two flat arrays: what the standard dictionary is too slow for.

/// Mixing that nobody outside the process can predict.
enum Mixing {
    static let seed = UInt64.random(in: .min ... .max)

    /// A well mixed number for each number.
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        var x = value ^ seed
        x = (x ^ (x >> 32)) &* 0x9E37_79B9_7F4A_7C15
        x = (x ^ (x >> 29)) &* 0xBF58_476D_1CE4_E5B9
        return x ^ (x >> 32)
    }

    /// The hash of what was hashed before and one number more.
    @inline(__always)
    static func combine(_ hash: UInt64, _ value: UInt64) -> UInt64 {
        let product = (hash ^ value).multipliedFullWidth(by: 0x9FB2_1C65_1E98_DF25)
        return product.high ^ product.low &+ hash.byteSwapped
    }
}

/// Keys must not be `UInt64.max`, values not negative.
struct FlatMap: Sendable {
    private var keys: ContiguousArray<UInt64>
    private var values: ContiguousArray<Int32>
    private(set) var count = 0

    init(minimumCapacity: Int = 16) {
        var size = 16
        while size < minimumCapacity * 2 { size *= 2 }
        keys = ContiguousArray(repeating: .max, count: size)
        values = ContiguousArray(repeating: -1, count: size)
    }

    var byteCount: Int { keys.count * 12 }

    /// The value of the key, −1 for none.
    @inline(__always)
    subscript(key: UInt64) -> Int32 {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: Mixing.mix(key)) & mask
        while true {
            let found = keys[slot]
            if found == key { return values[slot] }
            if found == .max { return -1 }
            slot = (slot + 1) & mask
        }
    }

    /// Sets the value of a key, new or known.
    mutating func set(_ key: UInt64, _ value: Int32) {
        if (count + 1) * 2 > keys.count { grow() }
        insert(key, value)
    }

    private mutating func insert(_ key: UInt64, _ value: Int32) {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: Mixing.mix(key)) & mask
        while keys[slot] != .max && keys[slot] != key { slot = (slot + 1) & mask }
        if keys[slot] == .max { count += 1 }
        keys[slot] = key
        values[slot] = value
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = ContiguousArray(repeating: .max, count: oldKeys.count * 2)
        values = ContiguousArray(repeating: -1, count: oldKeys.count * 2)
        count = 0
        for slot in oldKeys.indices where oldKeys[slot] != .max { insert(oldKeys[slot], oldValues[slot]) }
    }

    mutating func removeAll() {
        guard count > 0 else { return }
        if keys.count > 1_024 { return self = FlatMap() }
        for slot in keys.indices { keys[slot] = .max }
        count = 0
    }
}
