// Sets of Unicode code points as sorted ranges.

/// A set of code points: sorted, disjoint, non-adjacent closed ranges within 0...0x10FFFF.
struct CodePointSet: Sendable, Hashable {
    struct Range: Sendable, Hashable {
        var low: UInt32
        var high: UInt32
    }
    private(set) var ranges: [Range]

    static let maximum: UInt32 = 0x10FFFF
    static let none = CodePointSet([])
    static let all = CodePointSet([Range(low: 0, high: maximum)])

    /// Any ranges, in any order.
    init(_ unsorted: [Range]) {
        ranges = []
        for range in unsorted.sorted(by: { $0.low < $1.low }) where range.low <= range.high {
            if let last = ranges.last, range.low <= last.high &+ 1 {
                ranges[ranges.count - 1].high = max(last.high, range.high)
            } else {
                ranges.append(range)
            }
        }
    }

    init(_ low: UInt32, _ high: UInt32) { self.init([Range(low: low, high: high)]) }

    init(scalar: UInt32) { self.init(scalar, scalar) }

    init(_ characters: String) {
        self.init(characters.unicodeScalars.map { Range(low: $0.value, high: $0.value) })
    }

    var isEmpty: Bool { ranges.isEmpty }

    func contains(_ codePoint: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].high < codePoint { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].low <= codePoint
    }

    var complement: CodePointSet {
        var result: [Range] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.low > next { result.append(Range(low: next, high: range.low - 1)) }
            next = range.high + 1
        }
        if next <= Self.maximum { result.append(Range(low: next, high: Self.maximum)) }
        return CodePointSet(result)
    }

    func union(_ other: CodePointSet) -> CodePointSet { CodePointSet(ranges + other.ranges) }
    func intersection(_ other: CodePointSet) -> CodePointSet { complement.union(other.complement).complement }
    func subtracting(_ other: CodePointSet) -> CodePointSet { intersection(other.complement) }

    static let digits = CodePointSet(0x30, 0x39)
    static let word = CodePointSet([
        Range(low: 0x30, high: 0x39), Range(low: 0x41, high: 0x5A), Range(low: 0x5F, high: 0x5F), Range(low: 0x61, high: 0x7A),
    ])
    /// `\s` of ECMA-262: WhiteSpace and LineTerminator.
    static let space = CodePointSet([
        Range(low: 0x09, high: 0x0D), Range(low: 0x20, high: 0x20), Range(low: 0xA0, high: 0xA0), Range(low: 0x1680, high: 0x1680),
        Range(low: 0x2000, high: 0x200A), Range(low: 0x2028, high: 0x2029), Range(low: 0x202F, high: 0x202F),
        Range(low: 0x205F, high: 0x205F), Range(low: 0x3000, high: 0x3000), Range(low: 0xFEFF, high: 0xFEFF),
    ])
    static let lineTerminators = CodePointSet([
        Range(low: 0x0A, high: 0x0A), Range(low: 0x0D, high: 0x0D), Range(low: 0x2028, high: 0x2029),
    ])
    /// Surrogates are no characters: no valid UTF-8 or JSON string holds one.
    static let surrogates = CodePointSet(0xD800, 0xDFFF)
}
