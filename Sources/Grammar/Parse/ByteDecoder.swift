// From bytes to classes of code points: UTF-8, and inside JSON strings the escapes too.

/// The byte automaton of one partition of the code points: state 0 lies between characters; a path from it ends in the class of the character read.
/// Only valid UTF-8 (and only whole surrogate pairs) can be read to an end.
struct ByteDecoder: Sendable {
    static let dead: Int32 = -1
    /// The closing quote of a JSON string, at state 0 only.
    static let quote = Int32.min

    /// `table[state * 256 + byte]`: a state, `dead`, `quote`, or −2 − class.
    let table: [Int32]
    /// For each state, a bit set (of `words` words) of the classes that may end it.
    let reach: [UInt64]
    let words: Int

    var stateCount: Int { table.count / 256 }

    /// - Parameter isJSON: whether characters are spelled as in a JSON string.
    init(starts: [UInt32], classOf: [Int32], classCount: Int, isJSON: Bool) {
        var builder = Builder(starts: starts, classOf: classOf)
        builder.rows.append([])
        var idle = builder.unicodeRow()
        if isJSON {
            for byte in 0..<0x20 { idle[byte] = Self.dead }
            idle[0x22] = Self.quote
            idle[0x5C] = builder.escapes()
        }
        builder.rows[0] = idle
        table = builder.rows.flatMap { $0 }
        let words = (classCount + 63) / 64
        self.words = words
        let rows = builder.rows
        var sets = [[UInt64]?](repeating: nil, count: rows.count)
        func fill(_ state: Int) -> [UInt64] {
            if let known = sets[state] { return known }
            var set = [UInt64](repeating: 0, count: words)
            for value in rows[state] {
                if value > 0 {
                    for (word, bits) in fill(Int(value)).enumerated() { set[word] |= bits }
                } else if value < Self.dead && value != Self.quote {
                    let number = Int(-2 - value)
                    set[number >> 6] |= 1 << UInt64(number & 63)
                }
            }
            sets[state] = set
            return set
        }
        for state in rows.indices { _ = fill(state) }
        reach = sets.flatMap { $0! }
    }
}

/// Makes the rows; equal rows are one state.
private struct Builder {
    let starts: [UInt32]
    let classOf: [Int32]
    var rows: [[Int32]] = []
    var numbers: [[Int32]: Int32] = [:]
    /// States for ranges within one class, by shape and class.
    var uniform: [[Int32]: Int32] = [:]

    init(starts: [UInt32], classOf: [Int32]) {
        self.starts = starts
        self.classOf = classOf
    }

    func interval(_ codePoint: UInt32) -> Int {
        var low = 0
        var high = starts.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= codePoint { low = middle } else { high = middle - 1 }
        }
        return low
    }

    func leaf(_ codePoint: UInt32) -> Int32 { -2 - classOf[interval(codePoint)] }

    /// The class of all code points of the range, if it is one.
    func single(_ low: UInt32, _ high: UInt32) -> Int32? {
        let index = interval(low)
        return index + 1 >= starts.count || starts[index + 1] > high ? classOf[index] : nil
    }

    mutating func state(_ row: [Int32]) -> Int32 {
        if let known = numbers[row] { return known }
        let number = Int32(rows.count)
        rows.append(row)
        numbers[row] = number
        return number
    }

    mutating func unicodeRow() -> [Int32] {
        var row = [Int32](repeating: ByteDecoder.dead, count: 256)
        for byte in UInt32(0)..<0x80 { row[Int(byte)] = leaf(byte) }
        for lead in UInt32(0xC2)...0xDF { row[Int(lead)] = continuation((lead & 0x1F) << 6, 1, 0x80, 0xBF) }
        for lead in UInt32(0xE0)...0xEF {
            row[Int(lead)] = continuation((lead & 0x0F) << 12, 2, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF)
        }
        for lead in UInt32(0xF0)...0xF4 {
            row[Int(lead)] = continuation((lead & 0x07) << 18, 3, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF)
        }
        return row
    }

    private mutating func continuation(_ base: UInt32, _ remaining: UInt32, _ first: UInt32, _ last: UInt32) -> Int32 {
        let shift = 6 * (remaining - 1)
        let low = base | (first & 0x3F) << shift
        let high = (base | (last & 0x3F) << shift) | (UInt32(1) << shift - 1)
        var key: [Int32]?
        if let number = single(low, high) {
            key = [0, Int32(remaining), Int32(first), Int32(last), number]
            if let known = uniform[key!] { return known }
        }
        var row = [Int32](repeating: ByteDecoder.dead, count: 256)
        for byte in first...last {
            let value = base | (byte & 0x3F) << shift
            row[Int(byte)] = remaining == 1 ? leaf(value) : continuation(value, remaining - 1, 0x80, 0xBF)
        }
        let number = state(row)
        if let key { uniform[key] = number }
        return number
    }

    /// The state after a backslash.
    mutating func escapes() -> Int32 {
        var row = [Int32](repeating: ByteDecoder.dead, count: 256)
        let short: [(UInt32, UInt32)] = [
            (0x22, 0x22), (0x5C, 0x5C), (0x2F, 0x2F), (0x62, 0x08), (0x66, 0x0C), (0x6E, 0x0A), (0x72, 0x0D), (0x74, 0x09),
        ]
        for (letter, codePoint) in short { row[Int(letter)] = leaf(codePoint) }
        row[0x75] = hexadecimal(0, 4)
        return state(row)
    }

    private static func spellings(_ digit: UInt32) -> [Int] {
        digit < 10 ? [Int(0x30 + digit)] : [Int(0x41 + digit - 10), Int(0x61 + digit - 10)]
    }

    private mutating func hexadecimal(_ prefix: UInt32, _ remaining: UInt32) -> Int32 {
        let low = prefix << (4 * remaining)
        let high = low | (UInt32(1) << (4 * remaining) - 1)
        var key: [Int32]?
        if high < 0xD800 || low > 0xDFFF, let number = single(low, high) {
            key = [1, Int32(remaining), number]
            if let known = uniform[key!] { return known }
        }
        var row = [Int32](repeating: ByteDecoder.dead, count: 256)
        for digit in UInt32(0)..<16 {
            let unit = prefix << 4 | digit
            let target: Int32
            if remaining > 1 {
                target = hexadecimal(unit, remaining - 1)
            } else if unit >= 0xD800 && unit < 0xDC00 {
                target = lowSurrogate(0x10000 + (unit - 0xD800) << 10)
            } else {
                target = unit >= 0xDC00 && unit < 0xE000 ? ByteDecoder.dead : leaf(unit)
            }
            for byte in Self.spellings(digit) { row[byte] = target }
        }
        let number = state(row)
        if let key { uniform[key] = number }
        return number
    }

    /// The states `\`, `u` and four digits DC00–DFFF after a high surrogate whose characters start at `base`.
    private mutating func lowSurrogate(_ base: UInt32) -> Int32 {
        let key = single(base, base + 0x3FF).map { [2, $0] as [Int32] }
        if let key, let known = uniform[key] { return known }
        var first = [Int32](repeating: ByteDecoder.dead, count: 256)
        var second = first
        for high in UInt32(0xC)...0xF {
            var third = [Int32](repeating: ByteDecoder.dead, count: 256)
            for middle in UInt32(0)..<16 {
                var fourth = [Int32](repeating: ByteDecoder.dead, count: 256)
                for low in UInt32(0)..<16 {
                    let value = leaf(base + (high - 0xC) << 8 + middle << 4 + low)
                    for byte in Self.spellings(low) { fourth[byte] = value }
                }
                let target = state(fourth)
                for byte in Self.spellings(middle) { third[byte] = target }
            }
            let target = state(third)
            for byte in Self.spellings(high) { second[byte] = target }
        }
        let target = state(second)
        for byte in Self.spellings(0xD) { first[byte] = target }
        var letter = [Int32](repeating: ByteDecoder.dead, count: 256)
        letter[0x75] = state(first)
        var backslash = [Int32](repeating: ByteDecoder.dead, count: 256)
        backslash[0x5C] = state(letter)
        let number = state(backslash)
        if let key { uniform[key] = number }
        return number
    }
}
