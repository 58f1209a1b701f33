// The alphabet with which byte-level vocabularies spell bytes as visible characters (GPT-2's bytes_to_unicode).

enum ByteAlphabet {
    /// The scalar that spells each byte: itself where it is visible in Latin-1, else one from U+0100 on.
    static let scalars: [UInt32] = {
        var scalars = [UInt32](repeating: 0, count: 256)
        var next: UInt32 = 0x100
        for byte in 0..<UInt32(256) {
            switch byte {
            case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: scalars[Int(byte)] = byte
            default:
                scalars[Int(byte)] = next
                next += 1
            }
        }
        return scalars
    }()

    /// The byte of each scalar below U+0144, -1 where there is none.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    /// The byte that a scalar spells, if it is in the alphabet.
    static func byte(of scalar: UInt32) -> UInt8? {
        guard scalar < 0x144, bytes[Int(scalar)] >= 0 else { return nil }
        return UInt8(bytes[Int(scalar)])
    }

    /// The bytes that a text spells, or nil when one of its characters is not in the alphabet.
    static func bytes(of text: String) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard let byte = byte(of: scalar.value) else { return nil }
            result.append(byte)
        }
        return result
    }

    /// The bytes spelled in the alphabet.
    static func spelled(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count * 2)
        for byte in bytes { UTF8Text.append(scalars[Int(byte)], to: &result) }
        return result
    }

    /// The bytes that a range of a spelled text stands for.
    static func unspelled(_ text: [UInt8], _ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        var index = range.lowerBound
        while index < range.upperBound {
            let (value, length) = UTF8Text.scalar(in: text, at: index, end: range.upperBound)
            if let byte = byte(of: value) { result.append(byte) }
            index += length
        }
        return result
    }
}
