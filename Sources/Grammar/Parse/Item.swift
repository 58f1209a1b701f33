// An item in the making of an array whose items must differ.

/// The text of the item so far, and the values that it may still become although it must not. Immutable.
final class Item: Sendable {
    /// The item of an outer such array in which this one's array stands.
    let outer: Item?
    /// How many items stand within each other.
    let depth: Int32
    let text: [UInt8]
    let traces: [ValueTrace]
    /// Whether this item or an outer one may still become a value that it must not.
    let isWatched: Bool

    private init(outer: Item?, text: [UInt8], traces: [ValueTrace]) {
        self.outer = outer
        self.text = text
        self.traces = traces
        depth = (outer?.depth ?? 0) + 1
        isWatched = !traces.isEmpty || outer?.isWatched ?? false
    }

    /// An item that begins, none of whose values must be one of these.
    init(in outer: Item?, without values: [ValueTree]) {
        self.outer = outer
        text = []
        traces = values.map { ValueTrace($0) }
        depth = (outer?.depth ?? 0) + 1
        isWatched = !values.isEmpty || outer?.isWatched ?? false
    }

    /// The item with one more byte, and the outer ones too.
    func reading(_ byte: UInt8) -> Item {
        var left: [ValueTrace] = []
        for var trace in traces where trace.read(byte) { left.append(trace) }
        return Item(outer: outer?.reading(byte), text: text + [byte], traces: left)
    }

    /// Whether the text so far is one of the values that it must not be.
    var isForbidden: Bool { traces.contains(where: \.isComplete) }

    /// This item or an outer one, by depth.
    func item(at depth: Int32) -> Item? {
        var current: Item? = self
        while let item = current, item.depth > depth { current = item.outer }
        return current?.depth == depth ? current : nil
    }

    /// Exact equality.
    static func areSame(_ a: Item?, _ b: Item?) -> Bool {
        if a === b { return true }
        guard let a, let b else { return false }
        return a.depth == b.depth && a.traces == b.traces && a.text == b.text && areSame(a.outer, b.outer)
    }

    /// Equality of what the items must not become.
    static func areAlike(_ a: Item?, _ b: Item?) -> Bool {
        if a === b { return true }
        guard let a, let b else { return false }
        return a.depth == b.depth && a.traces == b.traces && areAlike(a.outer, b.outer)
    }

    /// Adds the bytes by which a watched item may come closer to what it must not be.
    func insertNext(into found: inout Set<UInt8>) {
        var current: Item? = self
        while let item = current {
            for trace in item.traces { trace.insertNext(into: &found) }
            current = item.outer
        }
    }
}
