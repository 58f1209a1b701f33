// Text as the interpreter holds it: code points, each remembering whether it came from the template or from its variables.

/// A string of code points. The top bit of each unit says that it came from a variable (a message's content, say) and not from the
/// template, through every slice, join and filter; it takes no part in comparisons. A tokenizer can thus be told which control tokens
/// the template wrote and which a user merely typed.
struct Text: Sendable {
    static let variableBit: UInt32 = 0x8000_0000
    static let scalarMask: UInt32 = 0x7fff_ffff

    var units: [UInt32]

    init() { units = [] }

    init(units: [UInt32]) { self.units = units }

    init(_ string: String, fromVariable: Bool = false) {
        let bit = fromVariable ? Text.variableBit : 0
        units = []
        units.reserveCapacity(string.utf8.count)
        for scalar in string.unicodeScalars { units.append(scalar.value | bit) }
    }

    var count: Int { units.count }
    var isEmpty: Bool { units.isEmpty }

    /// The code point at `index`, without its origin.
    subscript(_ index: Int) -> UInt32 { units[index] & Text.scalarMask }

    var string: String { Text.string(units[...]) }

    static func string(_ units: ArraySlice<UInt32>) -> String {
        var result = String.UnicodeScalarView()
        for unit in units { result.append(Unicode.Scalar(unit & scalarMask) ?? "\u{fffd}") }
        return String(result)
    }

    /// Whether any unit came from a variable.
    var hasVariablePart: Bool { units.contains { $0 & Text.variableBit != 0 } }

    /// The same text with every unit marked as coming from a variable, if `flag`.
    func marked(_ flag: Bool) -> Text { flag ? Text(units: units.map { $0 | Text.variableBit }) : self }

    func slice(_ range: Range<Int>) -> Text { Text(units: Array(units[range])) }

    mutating func append(_ other: Text) { units.append(contentsOf: other.units) }

    mutating func append(_ string: String) {
        for scalar in string.unicodeScalars { units.append(scalar.value) }
    }

    static func + (left: Text, right: Text) -> Text { Text(units: left.units + right.units) }
}

extension Text: Hashable, Comparable {
    static func == (left: Text, right: Text) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count where left[index] != right[index] { return false }
        return true
    }

    static func < (left: Text, right: Text) -> Bool {
        for index in 0..<min(left.count, right.count) where left[index] != right[index] { return left[index] < right[index] }
        return left.count < right.count
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        for unit in units { hasher.combine(unit & Text.scalarMask) }
    }
}

// Searching and cutting, with Python's meanings.
extension Text {
    /// Python's `str.isspace` of one code point.
    static func isSpace(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 9...13, 28...32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Whether `other` stands at `index`.
    func matches(_ other: Text, at index: Int) -> Bool {
        guard index >= 0, index + other.count <= count else { return false }
        for offset in 0..<other.count where self[index + offset] != other[offset] { return false }
        return true
    }

    func firstIndex(of other: Text, from start: Int = 0, to end: Int? = nil) -> Int? {
        let last = (end ?? count) - other.count
        guard start >= 0, start <= last else { return nil }
        for index in start...last where matches(other, at: index) { return index }
        return nil
    }

    func lastIndex(of other: Text, from start: Int = 0, to end: Int? = nil) -> Int? {
        let last = (end ?? count) - other.count
        guard start >= 0, start <= last else { return nil }
        for index in stride(from: last, through: start, by: -1) where matches(other, at: index) { return index }
        return nil
    }

    func hasPrefix(_ other: Text) -> Bool { matches(other, at: 0) }
    func hasSuffix(_ other: Text) -> Bool { matches(other, at: count - other.count) }

    /// Without the leading and trailing code points of `set` (white space when nil).
    func stripped(_ set: Text?, leading: Bool = true, trailing: Bool = true) -> Text {
        let wanted: Set<UInt32>? = set.map { Set($0.units.map { $0 & Text.scalarMask }) }
        func drops(_ scalar: UInt32) -> Bool { wanted?.contains(scalar) ?? Text.isSpace(scalar) }
        var start = 0
        var end = count
        while leading, start < end, drops(self[start]) { start += 1 }
        while trailing, end > start, drops(self[end - 1]) { end -= 1 }
        return start == 0 && end == count ? self : slice(start..<end)
    }

    /// Python's `split(separator, limit)`; `limit` < 0 is none.
    func split(_ separator: Text, limit: Int) -> [Text] {
        var parts: [Text] = []
        var start = 0
        while limit < 0 || parts.count < limit, let found = firstIndex(of: separator, from: start) {
            parts.append(slice(start..<found))
            start = found + separator.count
        }
        parts.append(slice(start..<count))
        return parts
    }

    /// Python's `rsplit(separator, limit)`.
    func splitFromEnd(_ separator: Text, limit: Int) -> [Text] {
        var parts: [Text] = []
        var end = count
        while limit < 0 || parts.count < limit, let found = lastIndex(of: separator, to: end) {
            parts.append(slice(found + separator.count..<end))
            end = found
        }
        parts.append(slice(0..<end))
        return parts.reversed()
    }

    /// Python's `split()` at runs of white space.
    func splitAtSpaces(limit: Int) -> [Text] {
        var parts: [Text] = []
        var index = 0
        while true {
            while index < count, Text.isSpace(self[index]) { index += 1 }
            guard index < count else { return parts }
            if limit >= 0, parts.count == limit {
                parts.append(slice(index..<count).stripped(nil, leading: false))
                return parts
            }
            let start = index
            while index < count, !Text.isSpace(self[index]) { index += 1 }
            parts.append(slice(start..<index))
        }
    }

    func splitLines(keepingEnds: Bool) -> [Text] {
        var lines: [Text] = []
        var start = 0
        var index = 0
        while index < count {
            switch self[index] {
            case 10...13, 28...30, 0x85, 0x2028, 0x2029:
                let next = self[index] == 13 && index + 1 < count && self[index + 1] == 10 ? index + 2 : index + 1
                lines.append(slice(start..<(keepingEnds ? next : index)))
                start = next
                index = next
            default: index += 1
            }
        }
        if start < count { lines.append(slice(start..<count)) }
        return lines
    }

    /// Every (or the first `limit`) occurrence of `old` replaced; an empty `old` stands before every code point and at the end.
    func replacing(_ old: Text, with new: Text, limit: Int) -> Text {
        var result = Text()
        if old.isEmpty {
            var left = limit < 0 ? count + 1 : limit
            for unit in units {
                if left > 0 { result.append(new) }
                left -= 1
                result.units.append(unit)
            }
            if left > 0 { result.append(new) }
            return result
        }
        let parts = split(old, limit: limit)
        for (index, part) in parts.enumerated() {
            if index > 0 { result.append(new) }
            result.append(part)
        }
        return result
    }

    func occurrences(of other: Text) -> Int {
        guard !other.isEmpty else { return count + 1 }
        return split(other, limit: -1).count - 1
    }

    /// Each code point replaced by what `change` makes of it; origins stay.
    func mapped(_ change: (Unicode.Scalar) -> String) -> Text {
        var result = Text()
        result.units.reserveCapacity(count)
        for unit in units {
            guard let scalar = Unicode.Scalar(unit & Text.scalarMask) else { continue }
            for replaced in change(scalar).unicodeScalars { result.units.append(replaced.value | unit & Text.variableBit) }
        }
        return result
    }

    var lowercased: Text { mapped { $0.properties.lowercaseMapping } }
    var uppercased: Text { mapped { $0.properties.uppercaseMapping } }

    /// The first code point in upper case, the others in lower case.
    var capitalized: Text { isEmpty ? self : slice(0..<1).uppercased + slice(1..<count).lowercased }

    /// Python's `str.title`: the first letter of every run of letters in upper case.
    var titled: Text {
        var inWord = false
        return mapped { scalar in
            let isLetter = scalar.properties.isAlphabetic
            defer { inWord = isLetter }
            return isLetter && inWord ? scalar.properties.lowercaseMapping : isLetter ? scalar.properties.titlecaseMapping : String(scalar)
        }
    }
}
