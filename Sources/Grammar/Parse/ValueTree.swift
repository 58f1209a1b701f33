// One JSON value as a text spelled it, laid out flat: for telling whether another text says the same.
import JSON

/// A value with a key that is equal for equal values: numbers by their amount, strings by their characters, objects whatever their order.
final class ValueTree: Sendable {
    enum Node: Sendable {
        /// `true`, `false` or `null`.
        case word([UInt8])
        case number(Decimal)
        /// The characters as UTF-8.
        case string([UInt8])
        case array([Int32])
        case object([(name: [UInt8], value: Int32)])
    }
    let nodes: [Node]
    let root: Int32
    let key: [UInt8]

    /// The value of a well-formed text, white space around it allowed.
    init(_ text: [UInt8]) {
        var reader = Reader(text)
        (root, key) = reader.value()
        nodes = reader.nodes
    }

    private init(nodes: [Node], root: Int32, key: [UInt8]) {
        self.nodes = nodes
        self.root = root
        self.key = key
    }
}

extension ValueTree {
    /// Reads a text that a grammar accepted, so that nothing needs to be checked. Without recursion: values may be nested deeply.
    private struct Reader {
        private struct Open {
            let isArray: Bool
            var items: [Int32] = []
            var names: [[UInt8]] = []
            var keys: [[UInt8]] = []
        }
        private let text: [UInt8]
        private var place = 0
        var nodes: [Node] = []

        init(_ text: [UInt8]) { self.text = text }

        private mutating func add(_ node: Node) -> Int32 {
            nodes.append(node)
            return Int32(nodes.count - 1)
        }

        mutating func value() -> (Int32, [UInt8]) {
            var open: [Open] = []
            var last: (Int32, [UInt8]) = (0, [])
            while place < text.count {
                var isWhole = true
                switch text[place] {
                case 0x5B, 0x7B:
                    open.append(Open(isArray: text[place] == 0x5B))
                    place += 1
                    isWhole = false
                case 0x5D, 0x7D:
                    place += 1
                    last = closed(open.removeLast())
                case 0x22:
                    let string = string()
                    if let top = open.last, !top.isArray, top.names.count == top.items.count {
                        open[open.count - 1].names.append(string)
                        isWhole = false
                    } else {
                        last = (add(.string(string)), Self.counted(0x22, string))
                    }
                case 0x74, 0x66, 0x6E:
                    let word = Array(text[place..<(place + (text[place] == 0x66 ? 5 : 4))])
                    place += word.count
                    last = (add(.word(word)), word)
                case 0x2D, 0x30...0x39:
                    let parts = number()
                    last = (add(.number(parts)), parts.key)
                default:
                    place += 1
                    isWhole = false
                }
                guard isWhole, !open.isEmpty else { continue }
                open[open.count - 1].items.append(last.0)
                open[open.count - 1].keys.append(last.1)
            }
            return last
        }

        private static func counted(_ mark: UInt8, _ bytes: [UInt8]) -> [UInt8] { [mark] + Array(String(bytes.count).utf8) + [0x3A] + bytes }

        private mutating func closed(_ open: Open) -> (Int32, [UInt8]) {
            if open.isArray { return (add(.array(open.items)), [0x5B] + open.keys.flatMap { $0 + [0x2C] } + [0x5D]) }
            let pairs = zip(open.names, open.keys).map { Self.counted(0x22, $0) + [0x3A] + $1 + [0x2C] }
            let members = zip(open.names, open.items).map { (name: $0, value: $1) }
            return (add(.object(members)), [0x7B] + pairs.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 } + [0x7D])
        }

        private mutating func number() -> Decimal {
            let start = place
            while place < text.count, Decimal.isSpelling(text[place]) { place += 1 }
            return Decimal(text: text[start..<place])!
        }

        private mutating func string() -> [UInt8] {
            let start = place + 1
            place = start
            while text[place] != 0x22 { place += text[place] == 0x5C ? 2 : 1 }
            place += 1
            return Names.unescaped(Array(text[start..<(place - 1)]))
        }
    }
}

/// The values that an array has so far: an immutable list, newest first.
final class UsedValues: Sendable {
    let tree: ValueTree
    let count: Int
    /// Of all together, spelled in one way.
    let bytes: Int
    let hash: Int
    private let previous: UsedValues?

    init(_ tree: ValueTree, after previous: UsedValues?) {
        self.tree = tree
        self.previous = previous
        count = (previous?.count ?? 0) + 1
        bytes = (previous?.bytes ?? 0) + tree.key.count
        var hasher = Hasher()
        hasher.combine(tree.key)
        hasher.combine(previous?.hash)
        hash = hasher.finalize()
    }

    static func list(_ values: UsedValues?) -> [ValueTree] {
        var all: [ValueTree] = []
        all.reserveCapacity(values?.count ?? 0)
        var current = values
        while let list = current {
            all.append(list.tree)
            current = list.previous
        }
        return all
    }

    static func areSame(_ a: UsedValues?, _ b: UsedValues?) -> Bool {
        var (x, y) = (a, b)
        while let p = x, let q = y {
            if p === q { return true }
            guard p.hash == q.hash, p.count == q.count, p.tree.key == q.tree.key else { return false }
            (x, y) = (p.previous, q.previous)
        }
        return x == nil && y == nil
    }
}
