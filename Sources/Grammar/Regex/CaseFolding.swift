// Letters that differ in case only, by Unicode's simple mappings.

enum CaseFolding {
    /// Characters by the small letter that all their cases share; only those with more than one.
    private static let classes: [UInt32: [UInt32]] = {
        var found: [UInt32: [UInt32]] = [:]
        // All letters with case lie in the first two planes.
        for value in UInt32(0)...0x1FFFF {
            guard let scalar = Unicode.Scalar(value), scalar.properties.isCased || scalar.properties.changesWhenCaseMapped else { continue }
            found[folded(scalar), default: []].append(value)
        }
        return found.filter { $0.value.count > 1 || $0.value[0] != $0.key }
    }()

    private static func folded(_ scalar: Unicode.Scalar) -> UInt32 {
        let upper = single(scalar.properties.uppercaseMapping) ?? scalar
        return (single(upper.properties.lowercaseMapping) ?? upper).value
    }

    private static func single(_ text: String) -> Unicode.Scalar? { text.unicodeScalars.count == 1 ? text.unicodeScalars.first : nil }

    /// The set and all characters that differ from one of it in case only.
    static func closure(_ set: CodePointSet) -> CodePointSet {
        var ranges = set.ranges
        for (small, members) in classes where set.contains(small) || members.contains(where: { set.contains($0) }) {
            ranges += (members + [small]).map { .init(low: $0, high: $0) }
        }
        return CodePointSet(ranges)
    }

    /// The closure by ASCII letters alone.
    static func asciiClosure(_ set: CodePointSet) -> CodePointSet {
        var ranges = set.ranges
        for small in UInt32(0x61)...0x7A where set.contains(small) || set.contains(small - 0x20) {
            ranges += [.init(low: small, high: small), .init(low: small - 0x20, high: small - 0x20)]
        }
        return CodePointSet(ranges)
    }
}
