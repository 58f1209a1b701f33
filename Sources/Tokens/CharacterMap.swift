// SentencePiece's compiled character map: a double-array trie of replacements (the "Precompiled" normalizer).

/// A map from character sequences to replacements; of the sequences that begin at a place the shortest counts.
struct CharacterMap: Sendable {
    /// Darts' double array: a unit is a label, a leaf flag and an offset to its children.
    private let units: [UInt32]
    /// The replacements, each ended by a zero byte.
    private let replacements: [UInt8]

    /// A map from the file's bytes: the array's size in bytes (32 bits, little-endian), the array, the replacements. Nil when cut short.
    init?(_ bytes: [UInt8]) {
        func word(_ at: Int) -> UInt32 {
            UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
        }
        guard bytes.count >= 4 else { return nil }
        let size = Int(word(0))
        guard size % 4 == 0, size >= 4, size <= bytes.count - 4 else { return nil }
        units = (0..<size / 4).map { word(4 + $0 * 4) }
        replacements = Array(bytes[(4 + size)...])
    }

    /// The text with every sequence replaced: grapheme by grapheme where one is short enough, else scalar by scalar.
    func apply(to text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        for character in String(decoding: text, as: UTF8.self) {
            let bytes = Array(character.utf8)
            if bytes.count < 6, let replacement = replacement(of: bytes[...]) {
                output += replacement
                continue
            }
            var index = 0
            while index < bytes.count {
                let end = min(bytes.count, index + UTF8Text.length(startingWith: bytes[index]))
                if let replacement = replacement(of: bytes[index..<end]) { output += replacement } else { output += bytes[index..<end] }
                index = end
            }
        }
        return output
    }

    /// The replacement of the shortest sequence in the map that begins this one (as the reference looks them up).
    private func replacement(of key: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var position = Int(offset(units[0]))
        for byte in key {
            guard byte != 0 else { return nil }
            position ^= Int(byte)
            guard position < units.count else { return nil }
            let unit = units[position]
            guard unit & 0x8000_00ff == UInt32(byte) else { return nil }
            position ^= Int(offset(unit))
            guard position < units.count else { return nil }
            if unit >> 8 & 1 == 1 {
                let start = Int(units[position] & 0x7fff_ffff)
                guard start <= replacements.count else { return nil }
                let end = replacements[start...].firstIndex(of: 0) ?? replacements.count
                return replacements[start..<end]
            }
        }
        return nil
    }

    private func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & 1 << 9) >> 6) }
}
