// The parser's stack: immutable, shared between all who come from the same past.
import Synchronization

/// What to do when the running rules are over: any of the links. Two pasts that meet in one place share one `Frames` with two links
/// (a graph-structured stack), so that ambiguity costs no more than the number of places.
final class Frames: Sendable {
    struct Link: Sendable {
        /// Where to go on.
        let node: NodeID
        /// The register of the rule gone back to.
        let register: Int32
        /// What the object or array gone back to remembers.
        let scope: Scope?
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

    /// The bytes that the ending needs from here on; −1: not asked for yet.
    let endCost = Atomic<Int32>(-1)

    static let bottom = Frames(links: [], clamps: [])

    /// Deeper nesting than this is not entered (the chain of frames is freed recursively).
    static let maximumDepth: Int32 = 2_000

    private init(links: [Link], clamps: [Int32]) {
        self.links = links
        holdsNames = links.contains { $0.scope?.names != nil || $0.parent.holdsNames }
        depth = 1 + (links.map(\.parent.depth).max() ?? 0)
        var exact = 17
        var clamped = 23
        for (link, clamp) in zip(links, clamps) {
            var hasher = Hasher()
            hasher.combine(link.node)
            hasher.combine(link.register)
            hasher.combine(link.scope?.hash)
            hasher.combine(link.parent.exactHash)
            exact &+= hasher.finalize()
            var other = Hasher()
            other.combine(link.node)
            other.combine(clamp)
            other.combine(link.scope?.sharedHash ?? 0)
            other.combine(link.parent.clampedHash)
            clamped &+= other.finalize()
        }
        exactHash = exact
        clampedHash = clamped
    }

    /// A stack with one more frame on top.
    static func pushing(_ node: NodeID, register: Int32, scope: Scope?, on parent: Frames, clamp: Int32) -> Frames {
        Frames(links: [Link(node: node, register: register, scope: scope, parent: parent)], clamps: [clamp])
    }

    /// The stack of both pasts.
    static func merging(_ a: Frames, _ b: Frames, clamp: (Link) -> Int32) -> Frames {
        var links = a.links
        for link in b.links
        where !links.contains(where: {
            $0.node == link.node && $0.register == link.register && Scope.areSame($0.scope, link.scope) && $0.parent.isSame(as: link.parent)
        }) {
            links.append(link)
        }
        return Frames(links: links, clamps: links.map(clamp))
    }

    /// Exact equality of all that may follow.
    func isSame(as other: Frames) -> Bool {
        if self === other { return true }
        guard exactHash == other.exactHash, depth == other.depth, links.count == other.links.count else { return false }
        return matches(other) { $0.register == $1.register && Scope.areSame($0.scope, $1.scope) && $0.parent.isSame(as: $1.parent) }
    }

    /// Equality as far as one token can tell, names aside.
    func isClampedSame(as other: Frames, clamp: (Link) -> Int32) -> Bool {
        if self === other { return true }
        guard clampedHash == other.clampedHash, depth == other.depth, links.count == other.links.count else { return false }
        return matches(other) {
            clamp($0) == clamp($1) && Scope.areSharedSame($0.scope, $1.scope) && $0.parent.isClampedSame(as: $1.parent, clamp: clamp)
        }
    }

    private func matches(_ other: Frames, _ same: (Link, Link) -> Bool) -> Bool {
        links.allSatisfy { link in other.links.contains { $0.node == link.node && same(link, $0) } }
    }
}
