// A trie over byte strings, for finding the tokens that begin at a place in a text.

/// An immutable trie; the children of a node lie side by side, sorted by byte.
struct ByteTrie: Sendable {
    private var firstChild: [Int32] = [0]
    private var childCount: [UInt16] = [0]
    private var label: [UInt8] = [0]
    private var value: [TokenID] = [-1]
    private var roots = [Int32](repeating: -1, count: 256)

    /// A trie of strings and their tokens; of equal strings the first counts, empty ones are left out.
    init(_ entries: [(bytes: [UInt8], token: TokenID)]) {
        let order = entries.indices.filter { !entries[$0].bytes.isEmpty }.sorted {
            let (a, b) = (entries[$0].bytes, entries[$1].bytes)
            return a == b ? $0 < $1 : a.lexicographicallyPrecedes(b)
        }
        // Each entry of the queue is a node and the sorted strings below it, which share its bytes so far.
        var queue: [(node: Int, range: Range<Int>, depth: Int)] = [(0, 0..<order.count, 0)]
        var head = 0
        while head < queue.count {
            let (node, range, depth) = queue[head]
            head += 1
            var index = range.lowerBound
            while index < range.upperBound, entries[order[index]].bytes.count == depth {
                if value[node] < 0 { value[node] = entries[order[index]].token }
                index += 1
            }
            firstChild[node] = Int32(label.count)
            while index < range.upperBound {
                let byte = entries[order[index]].bytes[depth]
                let start = index
                while index < range.upperBound, entries[order[index]].bytes[depth] == byte { index += 1 }
                if node == 0 { roots[Int(byte)] = Int32(label.count) }
                queue.append((label.count, start..<index, depth + 1))
                childCount[node] += 1
                label.append(byte)
                value.append(-1)
                firstChild.append(0)
                childCount.append(0)
            }
        }
    }

    var isEmpty: Bool { label.count == 1 }

    /// Whether any string begins with this byte.
    @inline(__always)
    func begins(with byte: UInt8) -> Bool { roots[Int(byte)] >= 0 }

    /// Calls `visit` with every string of the trie that begins at `start`, shortest first, as its end and token.
    @inline(__always)
    func forEachMatch(in text: [UInt8], from start: Int, to end: Int, _ visit: (_ end: Int, _ token: TokenID) -> Void) {
        guard start < end else { return }
        var node = Int(roots[Int(text[start])])
        var index = start + 1
        while node >= 0 {
            if value[node] >= 0 { visit(index, value[node]) }
            guard index < end else { return }
            node = child(of: node, text[index])
            index += 1
        }
    }

    /// The longest string of the trie that begins at `start`.
    func longestMatch(in text: [UInt8], from start: Int, to end: Int) -> (end: Int, token: TokenID)? {
        var longest: (Int, TokenID)?
        forEachMatch(in: text, from: start, to: end) { longest = ($0, $1) }
        return longest
    }

    private func child(of node: Int, _ byte: UInt8) -> Int {
        var low = Int(firstChild[node])
        var high = low + Int(childCount[node])
        while low < high {
            let middle = (low + high) / 2
            if label[middle] == byte { return middle }
            if label[middle] < byte { low = middle + 1 } else { high = middle }
        }
        return -1
    }
}
