// A text on its way to say what an earlier text said: byte by byte, whether it may still become equal to a value.
import JSON

/// How far a text has come in spelling one value; any spelling, members in any order, white space between tokens.
struct ValueTrace: Sendable, Hashable {
    /// An array or object of the value, begun.
    private struct Open: Hashable {
        let node: Int32
        /// Arrays: the items begun; objects: the members begun.
        var count: Int32 = 0
        /// Objects: bit set of the members begun.
        var seen: [UInt64] = []
    }
    private enum Phase: Hashable {
        case value(Int32)
        case word(Int32, Int32)
        case number(Int32, [UInt8])
        /// A string: bytes matched, and the bytes of the escape begun.
        case string(Int32, Int32, [UInt8])
        /// A name: its characters so far, and the bytes of the escape begun.
        case name([UInt8], [UInt8])
        case colon(Int32)
        /// Behind `[` or `{`.
        case first
        /// Behind a comma in an object.
        case comma
        case after
    }
    let tree: ValueTree
    private var open: [Open] = []
    private var phase: Phase

    init(_ tree: ValueTree) {
        self.tree = tree
        phase = .value(tree.root)
    }

    static func == (a: ValueTrace, b: ValueTrace) -> Bool { a.tree === b.tree && a.phase == b.phase && a.open == b.open }

    func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(tree))
        hasher.combine(phase)
        hasher.combine(open)
    }

    /// Whether the text so far says the value.
    var isComplete: Bool {
        guard open.isEmpty else { return false }
        switch phase {
        case .after: return true
        case .number(let node, let text): return isEqual(node, text)
        default: return false
        }
    }

    /// One more byte of the text, which is known to be well formed; false when it cannot become the value any more.
    mutating func read(_ byte: UInt8) -> Bool {
        switch phase {
        case .value(let node): return Self.isBlank(byte) || begin(node, byte)
        case .word(let node, let offset):
            guard case .word(let bytes) = tree.nodes[Int(node)], bytes[Int(offset)] == byte else { return false }
            phase = Int(offset) + 1 == bytes.count ? .after : .word(node, offset + 1)
            return true
        case .number(let node, let text):
            if Decimal.isSpelling(byte) { return number(node, text + [byte]) }
            guard isEqual(node, text) else { return false }
            phase = .after
            return read(byte)
        case .string(let node, let offset, let escape): return string(node, offset, escape, byte)
        case .name(let name, let escape): return self.name(name, escape, byte)
        case .colon(let node):
            if byte == 0x3A { phase = .value(node) }
            return byte == 0x3A || Self.isBlank(byte)
        case .first: return Self.isBlank(byte) || first(byte)
        case .comma:
            if byte == 0x22 { phase = .name([], []) }
            return byte == 0x22 || Self.isBlank(byte)
        case .after: return Self.isBlank(byte) || after(byte)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D }

    private mutating func begin(_ node: Int32, _ byte: UInt8) -> Bool {
        switch tree.nodes[Int(node)] {
        case .word(let bytes):
            phase = .word(node, 1)
            return bytes[0] == byte
        case .number: return number(node, [byte])
        case .string:
            phase = .string(node, 0, [])
            return byte == 0x22
        case .array:
            open.append(Open(node: node))
            phase = .first
            return byte == 0x5B
        case .object(let members):
            open.append(Open(node: node, seen: [UInt64](repeating: 0, count: (members.count + 63) / 64)))
            phase = .first
            return byte == 0x7B
        }
    }

    private mutating func first(_ byte: UInt8) -> Bool {
        let top = open.count - 1
        switch tree.nodes[Int(open[top].node)] {
        case .array(let items):
            if byte == 0x5D { return items.isEmpty && close() }
            guard let item = items.first else { return false }
            open[top].count = 1
            return begin(item, byte)
        case .object(let members):
            if byte == 0x7D { return members.isEmpty && close() }
            phase = .name([], [])
            return byte == 0x22 && !members.isEmpty
        default: return false
        }
    }

    private mutating func after(_ byte: UInt8) -> Bool {
        guard let top = open.last else { return false }
        switch tree.nodes[Int(top.node)] {
        case .array(let items):
            if byte == 0x5D { return Int(top.count) == items.count && close() }
            guard byte == 0x2C, Int(top.count) < items.count else { return false }
            open[open.count - 1].count += 1
            phase = .value(items[Int(top.count)])
            return true
        case .object(let members):
            if byte == 0x7D { return Int(top.count) == members.count && close() }
            phase = .comma
            return byte == 0x2C && Int(top.count) < members.count
        default: return false
        }
    }

    private mutating func close() -> Bool {
        open.removeLast()
        phase = .after
        return true
    }

    // MARK: Strings

    private mutating func string(_ node: Int32, _ offset: Int32, _ escape: [UInt8], _ byte: UInt8) -> Bool {
        guard case .string(let bytes) = tree.nodes[Int(node)] else { return false }
        if escape.isEmpty && byte == 0x22 {
            phase = .after
            return Int(offset) == bytes.count
        }
        guard Int(offset) < bytes.count else { return false }
        if escape.isEmpty && byte != 0x5C {
            phase = .string(node, offset + 1, [])
            return bytes[Int(offset)] == byte
        }
        switch Escape.read(escape + [byte], bytes[Int(offset)...]) {
        case .none: return false
        case .some(0): phase = .string(node, offset, escape + [byte])
        case .some(let length): phase = .string(node, offset + Int32(length), [])
        }
        return true
    }

    private mutating func name(_ name: [UInt8], _ escape: [UInt8], _ byte: UInt8) -> Bool {
        let top = open.count - 1
        guard case .object(let members) = tree.nodes[Int(open[top].node)] else { return false }
        let left = members.indices.filter { open[top].seen[$0 >> 6] >> UInt64($0 & 63) & 1 == 0 && members[$0].name.starts(with: name) }
        if escape.isEmpty && byte == 0x22 {
            guard let index = left.first(where: { members[$0].name.count == name.count }) else { return false }
            open[top].seen[index >> 6] |= 1 << UInt64(index & 63)
            open[top].count += 1
            phase = .colon(members[index].value)
            return true
        }
        if escape.isEmpty && byte != 0x5C {
            phase = .name(name + [byte], [])
            return left.contains { members[$0].name.count > name.count && members[$0].name[name.count] == byte }
        }
        var isPossible = false
        for index in left where members[index].name.count > name.count {
            let rest = members[index].name[name.count...]
            guard let length = Escape.read(escape + [byte], rest) else { continue }
            isPossible = true
            if length > 0 {
                phase = .name(name + rest.prefix(length), [])
                return true
            }
        }
        phase = .name(name, escape + [byte])
        return isPossible
    }

    private enum Escape {
        private static let short: [UInt32: UInt8] = [
            0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x08: 0x62, 0x0C: 0x66, 0x0A: 0x6E, 0x0D: 0x72, 0x09: 0x74,
        ]

        /// Whether an escape that begins so spells the first character of the UTF-8 text: its bytes when whole, 0 when only begun.
        static func read(_ escape: [UInt8], _ text: ArraySlice<UInt8>) -> Int? {
            var iterator = text.makeIterator()
            var decoder = UTF8()
            guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
            let length = UTF8.width(scalar)
            if escape.count == 1 { return 0 }
            if escape[1] != 0x75 { return short[scalar.value] == escape[1] ? length : nil }
            var spelled: [UInt8] = []
            for unit in UTF16.encode(scalar)! {
                spelled += [0x5C, 0x75]
                for shift in stride(from: UInt16(12), through: 0, by: -4) {
                    let digit = UInt8(unit >> shift & 0xF)
                    spelled.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
                }
            }
            let lower = escape.map { (0x41...0x46).contains($0) ? $0 + 0x20 : $0 }
            return spelled.starts(with: lower) ? (spelled.count == lower.count ? length : 0) : nil
        }
    }

    // MARK: Numbers

    private func isEqual(_ node: Int32, _ text: [UInt8]) -> Bool {
        guard case .number(let value) = tree.nodes[Int(node)] else { return false }
        return Decimal(text: text) == value
    }

    /// Whether a number that begins so may have the value, its size aside as long as an exponent might come.
    private mutating func number(_ node: Int32, _ text: [UInt8]) -> Bool {
        guard case .number(let value) = tree.nodes[Int(node)], text[0] == 0x2D || (0x30...0x39).contains(text[0]) else { return false }
        phase = .number(node, text)
        let isZero = value.digits.isEmpty
        if !isZero && (text[0] == 0x2D) != value.isNegative { return false }
        let mark = text.firstIndex { $0 == 0x65 || $0 == 0x45 }
        var index = 0
        var hasDigit = false
        for byte in text[..<(mark ?? text.count)] where byte != 0x2D && byte != 0x2E {
            if byte != 0x30 { hasDigit = true }
            guard hasDigit else { continue }
            guard byte &- 0x30 == (index < value.digits.count ? value.digits[index] : 0) else { return false }
            index += 1
        }
        // Further zeros of a fraction change nothing, so that endless ones are one state.
        if mark == nil, text.suffix(2) == [0x30, 0x30], text.contains(0x2E), isZero || index > value.digits.count + 1 {
            phase = .number(node, text.dropLast())
        }
        guard let mark else { return true }
        if isZero {
            // Zero whatever the exponent.
            phase = .number(node, [0x30, 0x65, 0x30])
            return true
        }
        guard let mantissa = Decimal(text: text[..<mark]) else { return false }
        if mantissa.digits != value.digits { return false }
        let needed = value.exponent - mantissa.exponent
        var power = text[(mark + 1)...]
        if let sign = power.first, sign == 0x2B || sign == 0x2D {
            if needed != 0 && (sign == 0x2D) != (needed < 0) { return false }
            power = power.dropFirst()
        } else if !power.isEmpty && needed < 0 {
            return false
        }
        let digits = Array(String(needed.magnitude).utf8)
        return digits.starts(with: needed == 0 ? [] : power.drop { $0 == 0x30 }) && (needed != 0 || power.allSatisfy { $0 == 0x30 })
    }

    // MARK: Which bytes

    /// Adds the bytes that may come next if the text is to become the value (and perhaps some more), and those that end a number.
    func insertNext(into found: inout Set<UInt8>) {
        func insert(_ text: String) { found.formUnion(text.utf8) }
        switch phase {
        case .value, .first: insert(" \t\n\r\"-0123456789tfn[{]}")
        case .word(let node, let offset): if case .word(let bytes) = tree.nodes[Int(node)] { found.insert(bytes[Int(offset)]) }
        case .number: insert("0123456789.eE+-,]} \t\n\r")
        case .string(let node, let offset, let escape):
            guard case .string(let bytes) = tree.nodes[Int(node)] else { return }
            if escape.isEmpty {
                insert(Int(offset) < bytes.count ? "\\" : "\"")
                if Int(offset) < bytes.count { found.insert(bytes[Int(offset)]) }
            } else {
                insert("\\\"/bfnrtu0123456789abcdefABCDEF")
            }
        case .name(let name, let escape):
            guard escape.isEmpty, case .object(let members) = tree.nodes[Int(open[open.count - 1].node)] else {
                insert("\\\"/bfnrtu0123456789abcdefABCDEF")
                return
            }
            insert("\"\\")
            for member in members where member.name.count > name.count && member.name.starts(with: name) { found.insert(member.name[name.count]) }
        case .colon, .comma, .after: insert(" \t\n\r:,\"]}")
        }
    }
}
