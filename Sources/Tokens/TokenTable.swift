// A hash table from byte strings to token numbers, without an allocation a string.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An open-addressing table: all strings lie in one buffer, a slot holds half a hash and the number of an entry.
struct TokenTable: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int32] = []
    private var ids: [TokenID] = []
    private var slots: [UInt64]
    private var mask: Int

    private static let empty = UInt64.max

    /// An empty table with room for `capacity` strings.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [UInt64](repeating: Self.empty, count: size)
        mask = size - 1
        ends.reserveCapacity(capacity)
        ids.reserveCapacity(capacity)
    }

    var count: Int { ids.count }

    /// The number stored for a string.
    subscript(_ key: ArraySlice<UInt8>) -> TokenID? {
        unsafe key.withUnsafeBytes { unsafe id(of: $0) }
    }

    /// The number stored for a string's UTF-8.
    subscript(_ key: String) -> TokenID? {
        var key = key
        return key.withUTF8 { unsafe id(of: UnsafeRawBufferPointer($0)) }
    }

    /// The number stored for a part of a string's UTF-8, by offsets in bytes.
    subscript(_ text: String, _ part: some RangeExpression<Int>) -> TokenID? {
        var text = text
        return text.withUTF8 { bytes in
            let range = unsafe part.relative(to: bytes)
            return unsafe id(of: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[range]))
        }
    }

    /// Stores a number for a string unless one is stored already; the stored number is returned.
    @discardableResult
    mutating func insert(_ key: [UInt8], _ id: TokenID) -> TokenID {
        unsafe key.withUnsafeBytes { unsafe insert($0, id) }
    }

    /// Stores a number for a string's UTF-8 unless one is stored already; the stored number is returned.
    @discardableResult
    mutating func insert(_ key: String, _ id: TokenID) -> TokenID {
        var key = key
        return key.withUTF8 { unsafe insert(UnsafeRawBufferPointer($0), id) }
    }

    private func id(of key: UnsafeRawBufferPointer) -> TokenID? {
        let entry = unsafe slots[find(key, byteHash(key))]
        return entry == Self.empty ? nil : ids[Int(entry & 0xffff_ffff)]
    }

    private mutating func insert(_ key: UnsafeRawBufferPointer, _ id: TokenID) -> TokenID {
        if (ids.count + 1) * 2 > slots.count { grow() }
        let hash = unsafe byteHash(key)
        let slot = unsafe find(key, hash)
        if slots[slot] != Self.empty { return ids[Int(slots[slot] & 0xffff_ffff)] }
        slots[slot] = hash & ~0xffff_ffff | UInt64(ids.count)
        unsafe bytes.append(contentsOf: key)
        ends.append(Int32(bytes.count))
        ids.append(id)
        return id
    }

    private func find(_ key: UnsafeRawBufferPointer, _ hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != Self.empty {
            if (slots[slot] ^ hash) >> 32 == 0 {
                let entry = Int(slots[slot] & 0xffff_ffff)
                let start = entry == 0 ? 0 : Int(ends[entry - 1])
                let end = Int(ends[entry])
                if end - start == key.count, unsafe bytes.withUnsafeBytes({ unsafe equalBytes($0, at: start, key) }) { return slot }
            }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private mutating func grow() {
        slots = [UInt64](repeating: Self.empty, count: slots.count * 2)
        mask = slots.count - 1
        for entry in 0..<ids.count {
            let start = entry == 0 ? 0 : Int(ends[entry - 1])
            let end = Int(ends[entry])
            let hash = unsafe bytes[start..<end].withUnsafeBytes { unsafe byteHash($0) }
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != Self.empty { slot = (slot + 1) & mask }
            slots[slot] = hash & ~0xffff_ffff | UInt64(entry)
        }
    }
}

/// Whether `key` equals the bytes of `storage` from `start`; there are at least `key.count` of them.
private func equalBytes(_ storage: UnsafeRawBufferPointer, at start: Int, _ key: UnsafeRawBufferPointer) -> Bool {
    guard unsafe !key.isEmpty else { return true }
    return unsafe memcmp(storage.baseAddress! + start, key.baseAddress!, key.count) == 0
}

/// A quick hash of a byte string, eight bytes at a time; not stable across machines of another byte order.
func byteHash(_ key: UnsafeRawBufferPointer) -> UInt64 {
    var hash = 0x9e37_79b9_7f4a_7c15 ^ UInt64(truncatingIfNeeded: key.count)
    var index = 0
    while index + 8 <= key.count {
        hash = unsafe mixed(hash ^ key.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        index += 8
    }
    var rest: UInt64 = 0
    while index < key.count {
        rest = unsafe rest << 8 | UInt64(key[index])
        index += 1
    }
    return mixed(hash ^ rest)
}

/// A 64-bit finaliser: every bit of the input changes about half of the output's bits.
func mixed(_ value: UInt64) -> UInt64 {
    let x = value &* 0xbf58_476d_1ce4_e5b9
    let y = (x ^ (x >> 32)) &* 0x94d0_49bb_1331_11eb
    return y ^ (y >> 29)
}
