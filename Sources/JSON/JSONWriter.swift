// JSON value to JSON text.

/// How a JSON text is spaced and escaped.
public struct JSONStyle: Sendable, Hashable {
    /// What stands between members and elements.
    public var itemSeparator: String
    /// What stands between a key and its value.
    public var keySeparator: String
    /// Spaces a level, each member on its own line; nil: all on one line.
    public var indentation: Int?
    /// Whether U+2028, U+2029 and U+007F–U+009F are written as escapes, so that no reader takes them for line ends.
    public var escapesLineSeparators: Bool
    /// Whether everything beyond ASCII is written as escapes.
    public var escapesNonASCII: Bool
    /// Whether members are written in the order of their keys' bytes.
    public var sortsKeys: Bool

    /// A form; see the members.
    public init(
        itemSeparator: String = ",", keySeparator: String = ":", indentation: Int? = nil, escapesLineSeparators: Bool = false,
        escapesNonASCII: Bool = false, sortsKeys: Bool = false
    ) {
        self.itemSeparator = itemSeparator
        self.keySeparator = keySeparator
        self.indentation = indentation
        self.escapesLineSeparators = escapesLineSeparators
        self.escapesNonASCII = escapesNonASCII
        self.sortsKeys = sortsKeys
    }

    /// No white space: `{"a":1,"b":[2,3]}`.
    public static let compact = JSONStyle()
    /// As Python writes it and most models were trained on: `{"a": 1, "b": [2, 3]}`.
    public static let spaced = JSONStyle(itemSeparator: ", ", keySeparator: ": ")
    /// Two spaces a level.
    public static let pretty = JSONStyle(itemSeparator: ",", keySeparator: ": ", indentation: 2)
    /// One line for the wire: compact, and nothing in it that any reader takes for a line end.
    public static let wire = JSONStyle(escapesLineSeparators: true)
}

extension JSONValue {
    /// Appends the value's JSON text, UTF-8.
    public func write(to output: inout [UInt8], style: JSONStyle = .compact) {
        var writer = JSONWriter(style: style)
        swap(&writer.output, &output)
        writer.write(self, level: 0)
        swap(&writer.output, &output)
    }

    /// The value's JSON text.
    public func text(_ style: JSONStyle = .compact) -> String {
        var output: [UInt8] = []
        write(to: &output, style: style)
        return String(decoding: output, as: UTF8.self)
    }
}

private struct JSONWriter {
    let style: JSONStyle
    var output: [UInt8] = []

    init(style: JSONStyle) { self.style = style }

    mutating func write(_ value: JSONValue, level: Int) {
        switch value {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let value): output.append(contentsOf: value.text.utf8)
        case .string(let value): write(value)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (place, element) in elements.enumerated() {
                separate(place, level: level)
                write(element, level: level + 1)
            }
            if !elements.isEmpty { breakLine(level) }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            output.append(UInt8(ascii: "{"))
            if style.sortsKeys {
                let places = object.indices.sorted { object[$0].key.utf8.lexicographicallyPrecedes(object[$1].key.utf8) }
                for (place, member) in places.enumerated() { write(object[member], at: place, level: level) }
            } else {
                for place in object.indices { write(object[place], at: place, level: level) }
            }
            if !object.isEmpty { breakLine(level) }
            output.append(UInt8(ascii: "}"))
        }
    }

    private mutating func write(_ member: (key: String, value: JSONValue), at place: Int, level: Int) {
        separate(place, level: level)
        write(member.key)
        output.append(contentsOf: style.keySeparator.utf8)
        write(member.value, level: level + 1)
    }

    private mutating func separate(_ place: Int, level: Int) {
        if place > 0 { output.append(contentsOf: style.itemSeparator.utf8) }
        breakLine(level + 1)
    }

    private mutating func breakLine(_ level: Int) {
        guard let indentation = style.indentation else { return }
        output.append(0x0a)
        output.append(contentsOf: repeatElement(0x20, count: level * indentation))
    }

    private mutating func write(_ string: String) {
        output.append(UInt8(ascii: "\""))
        if style.escapesLineSeparators || style.escapesNonASCII, !string.utf8.allSatisfy({ $0 < 0x7f }) {
            for scalar in string.unicodeScalars { write(scalar) }
        } else {
            var string = string
            string.withUTF8 { bytes in unsafe write(bytes) }
        }
        output.append(UInt8(ascii: "\""))
    }

    /// Runs of bytes that stand for themselves are copied as they are.
    private mutating func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        var copied = 0
        for place in bytes.indices {
            let byte = unsafe bytes[place]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            unsafe output.append(contentsOf: bytes[copied..<place])
            write(byte)
            copied = place + 1
        }
        unsafe output.append(contentsOf: bytes[copied...])
    }

    private mutating func write(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            output.append(UInt8(ascii: "\\"))
            output.append(byte)
        case 0x08: output.append(contentsOf: #"\b"#.utf8)
        case 0x0c: output.append(contentsOf: #"\f"#.utf8)
        case 0x0a: output.append(contentsOf: #"\n"#.utf8)
        case 0x0d: output.append(contentsOf: #"\r"#.utf8)
        case 0x09: output.append(contentsOf: #"\t"#.utf8)
        case 0..<0x20: writeEscape(UInt16(byte))
        default: output.append(byte)
        }
    }

    private mutating func write(_ scalar: Unicode.Scalar) {
        if scalar.value < 0x7f { return write(UInt8(scalar.value)) }
        let breaksLines = scalar.value < 0xa0 || scalar.value == 0x2028 || scalar.value == 0x2029
        if style.escapesNonASCII || breaksLines {
            for unit in UTF16.encode(scalar)! { writeEscape(unit) }
        } else {
            output.append(contentsOf: UTF8.encode(scalar)!)
        }
    }

    private mutating func writeEscape(_ unit: UInt16) {
        output.append(contentsOf: #"\u"#.utf8)
        for shift in [12, 8, 4, 0] as [UInt16] {
            output.append(Array("0123456789abcdef".utf8)[Int(unit >> shift & 15)])
        }
    }
}
