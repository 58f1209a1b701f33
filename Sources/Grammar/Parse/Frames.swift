// The parser's stack: immutable, shared between all who come from the same past.
import JSON

/// What to do when the running rules are over: any of the links. Two pasts that meet in one place share one `Frames` with two links
/// (a graph-structured stack), so that ambiguity costs no more than the number of places.
final class Frames: Sendable {
    struct Link: Sendable {
        /// Where to go on.
        let node: NodeID
        /// The register of the rule gone back to.
        let register: Int32
        /// The names that the object gone back to has so far.
        let names: Names?
        let parent: Frames
    }

    /// Empty for the bottom.
    let links: [Link]
    let depth: Int32
    /// Whether some link, here or below, has names.
    let holdsNames: Bool
    /// Hash of the exact contents.
    let exactHash: Int
    /// Hash in which names do not count, and counts too far from their bounds to matter within one token are equal.
    let clampedHash: Int

    static let bottom = Frames(links: [], clamps: [])

    /// Deeper nesting than this is not entered (the chain of frames is freed recursively).
    static let maximumDepth: Int32 = 2_000

    private init(links: [Link], clamps: [Int32]) {
        self.links = links
        holdsNames = links.contains { $0.names != nil || $0.parent.holdsNames }
        depth = 1 + (links.map(\.parent.depth).max() ?? 0)
        var exact = 17
        var clamped = 23
        for (link, clamp) in zip(links, clamps) {
            var hasher = Hasher()
            hasher.combine(link.node)
            hasher.combine(link.register)
            hasher.combine(link.names?.hash)
            hasher.combine(link.parent.exactHash)
            exact &+= hasher.finalize()
            var other = Hasher()
            other.combine(link.node)
            other.combine(clamp)
            other.combine(link.parent.clampedHash)
            clamped &+= other.finalize()
        }
        exactHash = exact
        clampedHash = clamped
    }

    /// A stack with one more frame on top.
    static func pushing(_ node: NodeID, register: Int32, names: Names?, on parent: Frames, clamp: Int32) -> Frames {
        Frames(links: [Link(node: node, register: register, names: names, parent: parent)], clamps: [clamp])
    }

    /// The stack of both pasts.
    static func merging(_ a: Frames, _ b: Frames, clamp: (Link) -> Int32) -> Frames {
        var links = a.links
        for link in b.links
        where !links.contains(where: {
            $0.node == link.node && $0.register == link.register && Names.areSame($0.names, link.names) && $0.parent.isSame(as: link.parent)
        }) {
            links.append(link)
        }
        return Frames(links: links, clamps: links.map(clamp))
    }

    /// Exact equality of all that may follow.
    func isSame(as other: Frames) -> Bool {
        if self === other { return true }
        guard exactHash == other.exactHash, depth == other.depth, links.count == other.links.count else { return false }
        return matches(other) { $0.register == $1.register && Names.areSame($0.names, $1.names) && $0.parent.isSame(as: $1.parent) }
    }

    /// Equality as far as one token can tell, names aside.
    func isClampedSame(as other: Frames, clamp: (Link) -> Int32) -> Bool {
        if self === other { return true }
        guard clampedHash == other.clampedHash, depth == other.depth, links.count == other.links.count else { return false }
        return matches(other) { clamp($0) == clamp($1) && $0.parent.isClampedSame(as: $1.parent, clamp: clamp) }
    }

    private func matches(_ other: Frames, _ same: (Link, Link) -> Bool) -> Bool {
        links.allSatisfy { link in other.links.contains { $0.node == link.node && same(link, $0) } }
    }
}

/// The undeclared names that an object has so far: an immutable list, newest first.
final class Names: Sendable {
    private let name: [UInt8]
    private let previous: Names?
    let hash: Int

    init(_ name: [UInt8], after previous: Names?) {
        self.name = name
        self.previous = previous
        var hasher = Hasher()
        hasher.combine(name)
        hasher.combine(previous?.hash)
        hash = hasher.finalize()
    }

    static func contains(_ names: Names?, _ name: [UInt8]) -> Bool {
        var current = names
        while let list = current {
            if list.name == name { return true }
            current = list.previous
        }
        return false
    }

    /// All names of the list.
    static func list(_ names: Names?) -> [[UInt8]] {
        var all: [[UInt8]] = []
        var current = names
        while let list = current {
            all.append(list.name)
            current = list.previous
        }
        return all
    }

    /// Whether the spelling so far may be the start of one of the names.
    static func mayComplete(_ names: Names?, _ spelling: [UInt8]) -> Bool {
        if spelling.contains(0x5C) { return true }
        var current = names
        while let list = current {
            if list.name.starts(with: spelling) { return true }
            current = list.previous
        }
        return false
    }

    static func areSame(_ a: Names?, _ b: Names?) -> Bool {
        var (x, y) = (a, b)
        while let p = x, let q = y {
            if p === q { return true }
            guard p.hash == q.hash, p.name == q.name else { return false }
            (x, y) = (p.previous, q.previous)
        }
        return x == nil && y == nil
    }

    /// The characters of a spelling inside quotes, which is known to be well formed.
    static func unescaped(_ spelling: [UInt8]) -> [UInt8] {
        guard spelling.contains(0x5C) else { return spelling }
        guard case .string(let text)? = try? JSONValue(parsing: [0x22] + spelling + [0x22]) else { return spelling }
        return Array(text.utf8)
    }
}
