// A hash table from byte strings to token numbers, without an allocation a string.

/// An open-addressing table: all strings lie in one buffer, a slot holds the number of an entry.
struct TokenTable: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int32] = []
    private var ids: [TokenID] = []
    private var slots: [Int32]
    private var mask: Int

    /// An empty table with room for `capacity` strings.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        mask = size - 1
        ends.reserveCapacity(capacity)
        ids.reserveCapacity(capacity)
    }

    var count: Int { ids.count }

    /// The number stored for a string.
    subscript(_ key: ArraySlice<UInt8>) -> TokenID? {
        let slot = unsafe key.withUnsafeBufferPointer { unsafe find(UnsafeRawBufferPointer($0)) }
        return slots[slot] < 0 ? nil : ids[Int(slots[slot])]
    }

    /// The number stored for a string's UTF-8.
    subscript(_ key: String) -> TokenID? {
        var key = key
        return key.withUTF8 {
            let slot = unsafe find(UnsafeRawBufferPointer($0))
            return slots[slot] < 0 ? nil : ids[Int(slots[slot])]
        }
    }

    /// Stores a number for a string unless one is stored already; the stored number is returned.
    @discardableResult
    mutating func insert(_ key: [UInt8], _ id: TokenID) -> TokenID {
        unsafe key.withUnsafeBufferPointer { unsafe insert(UnsafeRawBufferPointer($0), id) }
    }

    /// Stores a number for a string's UTF-8 unless one is stored already; the stored number is returned.
    @discardableResult
    mutating func insert(_ key: String, _ id: TokenID) -> TokenID {
        var key = key
        return key.withUTF8 { unsafe insert(UnsafeRawBufferPointer($0), id) }
    }

    private mutating func insert(_ key: UnsafeRawBufferPointer, _ id: TokenID) -> TokenID {
        if (ids.count + 1) * 2 > slots.count { grow() }
        let slot = unsafe find(key)
        if slots[slot] >= 0 { return ids[Int(slots[slot])] }
        slots[slot] = Int32(ids.count)
        unsafe bytes.append(contentsOf: key)
        ends.append(Int32(bytes.count))
        ids.append(id)
        return id
    }

    private func find(_ key: UnsafeRawBufferPointer) -> Int {
        var slot = unsafe Int(truncatingIfNeeded: byteHash(key)) & mask
        while slots[slot] >= 0 {
            let entry = Int(slots[slot])
            let start = entry == 0 ? 0 : Int(ends[entry - 1])
            let end = Int(ends[entry])
            if end - start == key.count,
                unsafe bytes.withUnsafeBytes({ unsafe equalBytes($0, at: start, key) })
            {
                return slot
            }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private mutating func grow() {
        let size = slots.count * 2
        slots = [Int32](repeating: -1, count: size)
        mask = size - 1
        for entry in 0..<ids.count {
            let start = entry == 0 ? 0 : Int(ends[entry - 1])
            let end = Int(ends[entry])
            var slot = unsafe bytes.withUnsafeBytes {
                unsafe Int(truncatingIfNeeded: byteHash(UnsafeRawBufferPointer(rebasing: $0[start..<end]))) & mask
            }
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(entry)
        }
    }
}

/// Whether `key` equals the bytes of `storage` from `start`; there are at least `key.count` of them.
private func equalBytes(_ storage: UnsafeRawBufferPointer, at start: Int, _ key: UnsafeRawBufferPointer) -> Bool {
    for index in 0..<key.count where unsafe storage[start + index] != key[index] { return false }
    return true
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
