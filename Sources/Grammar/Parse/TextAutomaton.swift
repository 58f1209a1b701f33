// Free text that watches for triggers (Aho and Corasick, CACM 1975), over valid UTF-8 only.

/// The automaton of text in which none of the excluded strings occurs and in which a trigger, once complete, takes over.
struct TextAutomaton: Sendable {
    /// `table[state * 256 + byte]`: a state, −1 where nothing can follow, or −2 − trigger.
    let table: [Int32]
    /// Whether the state lies between two characters.
    let isBoundary: [Bool]

    /// The trigger strings must not be empty, nor hold an excluded string.
    init(triggers: [[UInt8]], excluded: [[UInt8]]) {
        let nodes = Self.searchNodes(triggers, excluded)
        // UTF-8 states: 0 boundary, 1–3 continuation bytes missing, 4…7 the restricted first continuation after E0, ED, F0, F4.
        let classes = 8
        var table = [Int32](repeating: -1, count: nodes.count * classes * 256)
        for node in nodes.indices {
            for utf8 in 0..<classes {
                for byte in 0..<256 {
                    guard let after = Self.decode(utf8, UInt8(byte)) else { continue }
                    let target = Int(nodes[node].next[byte])
                    let value: Int32
                    if nodes[target].isExcluded {
                        value = -1
                    } else if nodes[target].trigger >= 0 {
                        value = -2 - nodes[target].trigger
                    } else {
                        value = Int32(target * classes + after)
                    }
                    table[(node * classes + utf8) * 256 + byte] = value
                }
            }
        }
        Self.prune(&table)
        self.table = table
        isBoundary = (0..<nodes.count * classes).map { $0 % classes == 0 }
    }

    private struct Node {
        var next = [Int32](repeating: -1, count: 256)
        var fail: Int32 = 0
        var trigger: Int32 = -1
        var isExcluded = false
    }

    private static func searchNodes(_ triggers: [[UInt8]], _ excluded: [[UInt8]]) -> [Node] {
        var nodes = [Node()]
        func insert(_ text: [UInt8]) -> Int {
            var node = 0
            for byte in text {
                if nodes[node].next[Int(byte)] < 0 {
                    nodes[node].next[Int(byte)] = Int32(nodes.count)
                    nodes.append(Node())
                }
                node = Int(nodes[node].next[Int(byte)])
            }
            return node
        }
        for (index, text) in triggers.enumerated() {
            let node = insert(text)
            if nodes[node].trigger < 0 { nodes[node].trigger = Int32(index) }
        }
        for text in excluded { nodes[insert(text)].isExcluded = true }
        var queue: [Int] = []
        for byte in 0..<256 {
            if nodes[0].next[byte] < 0 { nodes[0].next[byte] = 0 } else { queue.append(Int(nodes[0].next[byte])) }
        }
        var head = 0
        while head < queue.count {
            let node = queue[head]
            head += 1
            let fail = Int(nodes[node].fail)
            // Of several triggers that end here the longest is the one that was begun first.
            if nodes[node].trigger < 0 { nodes[node].trigger = nodes[fail].trigger }
            if nodes[fail].isExcluded { nodes[node].isExcluded = true }
            for byte in 0..<256 {
                let child = nodes[node].next[byte]
                if child < 0 {
                    nodes[node].next[byte] = nodes[fail].next[byte]
                } else {
                    nodes[Int(child)].fail = nodes[fail].next[byte]
                    queue.append(Int(child))
                }
            }
        }
        return nodes
    }

    /// One byte of UTF-8 from a state of the decoder (0 lies between characters); nil where it must not come.
    static func decode(_ state: Int, _ byte: UInt8) -> Int? {
        let isContinuation = byte & 0xC0 == 0x80
        switch state {
        case 0:
            switch byte {
            case 0x00...0x7F: return 0
            case 0xC2...0xDF: return 1
            case 0xE0: return 4
            case 0xED: return 5
            case 0xE1...0xEF: return 2
            case 0xF0: return 6
            case 0xF4: return 7
            case 0xF1...0xF3: return 3
            default: return nil
            }
        case 1, 2, 3: return isContinuation ? state - 1 : nil
        case 4: return isContinuation && byte >= 0xA0 ? 1 : nil
        case 5: return isContinuation && byte < 0xA0 ? 1 : nil
        case 6: return isContinuation && byte >= 0x90 ? 2 : nil
        default: return isContinuation && byte < 0x90 ? 2 : nil
        }
    }

    /// Cuts the ways into states from which no boundary and no trigger can be reached.
    private static func prune(_ table: inout [Int32]) {
        let count = table.count / 256
        var live = (0..<count).map { $0 % 8 == 0 }
        var changed = true
        while changed {
            changed = false
            for state in 0..<count where !live[state] {
                if (0..<256).contains(where: {
                    table[state * 256 + $0] < -1 || table[state * 256 + $0] >= 0 && live[Int(table[state * 256 + $0])]
                }) {
                    live[state] = true
                    changed = true
                }
            }
        }
        for index in table.indices where table[index] >= 0 && !live[Int(table[index])] { table[index] = -1 }
    }
}
