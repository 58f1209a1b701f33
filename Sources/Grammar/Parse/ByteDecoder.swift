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

    /// - Parameters:
    ///   - isJSON: whether characters are spelled as in a JSON string.
    ///   - closes: whether the string's closing quote is read too.
    init(starts: [UInt32], classOf: [Int32], classCount: Int, isJSON: Bool, closes: Bool) {
        var builder = Builder(starts: starts, classOf: classOf)
        builder.unicodeRow(into: 0)
        if isJSON {
            for byte in 0..<0x20 { builder.rows[byte] = Self.dead }
            builder.rows[0x22] = closes ? Self.quote : Self.dead
            builder.rows[0x5C] = builder.escapes()
        }
        table = builder.rows
        let words = (classCount + 63) / 64
        self.words = words
        let rows = builder.rows
        var reach = [UInt64](repeating: 0, count: rows.count / 256 * words)
        var isFilled = [Bool](repeating: false, count: rows.count / 256)
        // A few levels deep: the bytes of one character.
        func fill(_ row: Int) {
            isFilled[row] = true
            var last = Self.dead
            for index in row << 8..<(row + 1) << 8 where rows[index] != last {
                last = rows[index]
                if last > 0 {
                    if !isFilled[Int(last)] { fill(Int(last)) }
                    for word in 0..<words { reach[row * words + word] |= reach[Int(last) * words + word] }
                } else if last < Self.dead && last != Self.quote {
                    let number = Int(-2 - last)
                    reach[row * words + number >> 6] |= 1 << UInt64(number & 63)
                }
            }
        }
        fill(0)
        self.reach = reach
    }
}

/// Makes the rows. Ranges of code points within one class share their states.
private struct Builder {
    let starts: [UInt32]
    let classOf: [Int32]
    var rows: [Int32] = [Int32](repeating: ByteDecoder.dead, count: 256)
    /// States for ranges within one class, by shape and class.
    var uniform = FlatMap()

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

    /// A new state from which nothing leads on yet.
    mutating func newRow() -> Int {
        let number = rows.count / 256
        rows.append(contentsOf: repeatElement(ByteDecoder.dead, count: 256))
        return number
    }

    private func key(_ shape: UInt64, _ number: Int32) -> UInt64 { shape << 32 | UInt64(UInt32(bitPattern: number)) }

    mutating func unicodeRow(into row: Int) {
        for index in starts.indices where starts[index] < 0x80 {
            let end = index + 1 < starts.count ? min(starts[index + 1], 0x80) : 0x80
            for byte in starts[index]..<end { rows[row << 8 + Int(byte)] = -2 - classOf[index] }
        }
        for lead in UInt32(0xC2)...0xDF { rows[row << 8 + Int(lead)] = continuation((lead & 0x1F) << 6, 1, 0x80, 0xBF) }
        for lead in UInt32(0xE0)...0xEF {
            rows[row << 8 + Int(lead)] = continuation((lead & 0x0F) << 12, 2, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF)
        }
        for lead in UInt32(0xF0)...0xF4 {
            rows[row << 8 + Int(lead)] = continuation((lead & 0x07) << 18, 3, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF)
        }
    }

    private mutating func continuation(_ base: UInt32, _ remaining: UInt32, _ first: UInt32, _ last: UInt32) -> Int32 {
        let shift = 6 * (remaining - 1)
        let low = base | (first & 0x3F) << shift
        let high = (base | (last & 0x3F) << shift) | (UInt32(1) << shift - 1)
        var shared: UInt64?
        if let number = single(low, high) {
            shared = key(UInt64(remaining) << 16 | UInt64(first) << 8 | UInt64(last), number)
            let known = uniform[shared!]
            if known >= 0 { return known }
        }
        let row = newRow()
        for byte in first...last {
            let value = base | (byte & 0x3F) << shift
            rows[row << 8 + Int(byte)] = remaining == 1 ? leaf(value) : continuation(value, remaining - 1, 0x80, 0xBF)
        }
        if let shared { uniform.set(shared, Int32(row)) }
        return Int32(row)
    }

    /// The state after a backslash.
    mutating func escapes() -> Int32 {
        let row = newRow()
        let short: [(UInt32, UInt32)] = [
            (0x22, 0x22), (0x5C, 0x5C), (0x2F, 0x2F), (0x62, 0x08), (0x66, 0x0C), (0x6E, 0x0A), (0x72, 0x0D), (0x74, 0x09),
        ]
        for (letter, codePoint) in short { rows[row << 8 + Int(letter)] = leaf(codePoint) }
        rows[row << 8 + 0x75] = hexadecimal(0, 4)
        return Int32(row)
    }

    /// Lets a hexadecimal digit, in either case, lead to a state.
    private mutating func set(_ row: Int, digit: UInt32, _ target: Int32) {
        if digit < 10 {
            rows[row << 8 + Int(0x30 + digit)] = target
        } else {
            rows[row << 8 + Int(0x41 + digit - 10)] = target
            rows[row << 8 + Int(0x61 + digit - 10)] = target
        }
    }

    private mutating func hexadecimal(_ prefix: UInt32, _ remaining: UInt32) -> Int32 {
        let low = prefix << (4 * remaining)
        let high = low | (UInt32(1) << (4 * remaining) - 1)
        var shared: UInt64?
        if high < 0xD800 || low > 0xDFFF, let number = single(low, high) {
            shared = key(1 << 24 | UInt64(remaining), number)
        } else if low >= 0xD800, high < 0xDC00, let number = single(Self.astral(low), Self.astral(high) + 0x3FF) {
            shared = key(2 << 24 | UInt64(remaining), number)
        } else if low >= 0xDC00, high < 0xE000 {
            return ByteDecoder.dead
        }
        if let shared {
            let known = uniform[shared]
            if known >= 0 { return known }
        }
        let row = newRow()
        for digit in UInt32(0)..<16 {
            let unit = prefix << 4 | digit
            if remaining > 1 {
                set(row, digit: digit, hexadecimal(unit, remaining - 1))
            } else if unit >= 0xD800 && unit < 0xDC00 {
                set(row, digit: digit, lowSurrogate(Self.astral(unit)))
            } else {
                set(row, digit: digit, unit >= 0xDC00 && unit < 0xE000 ? ByteDecoder.dead : leaf(unit))
            }
        }
        if let shared { uniform.set(shared, Int32(row)) }
        return Int32(row)
    }

    /// The first of the 1,024 characters that a high surrogate begins.
    private static func astral(_ unit: UInt32) -> UInt32 { 0x10000 + (unit - 0xD800) << 10 }

    /// The states `\`, `u` and four digits DC00–DFFF after a high surrogate whose characters start at `base`.
    private mutating func lowSurrogate(_ base: UInt32) -> Int32 {
        let shared = single(base, base + 0x3FF).map { key(3 << 24, $0) }
        if let shared {
            let known = uniform[shared]
            if known >= 0 { return known }
        }
        let (backslash, letter, first, second) = (newRow(), newRow(), newRow(), newRow())
        rows[backslash << 8 + 0x5C] = Int32(letter)
        rows[letter << 8 + 0x75] = Int32(first)
        set(first, digit: 0xD, Int32(second))
        for high in UInt32(0xC)...0xF {
            set(second, digit: high, lastDigits(base + (high - 0xC) << 8, 2))
        }
        if let shared { uniform.set(shared, Int32(backslash)) }
        return Int32(backslash)
    }

    /// The state of the last `remaining` digits of the code points from `base` on.
    private mutating func lastDigits(_ base: UInt32, _ remaining: UInt32) -> Int32 {
        let shared = single(base, base + UInt32(1) << (4 * remaining) - 1).map { key(4 << 24 | UInt64(remaining), $0) }
        if let shared {
            let known = uniform[shared]
            if known >= 0 { return known }
        }
        let row = newRow()
        for digit in UInt32(0)..<16 {
            set(row, digit: digit, remaining == 1 ? leaf(base + digit) : lastDigits(base + digit << 4, remaining - 1))
        }
        if let shared { uniform.set(shared, Int32(row)) }
        return Int32(row)
    }
}
