// What an object or array in the making remembers of what it has so far: immutable, shared by all who come from the same past.
import JSON

/// How far an object or array has come, as far as its plan can tell. Counts above all bounds are equal.
struct PlanPosition: Hashable, Sendable {
    /// Bit set of the members read, of those that may come in any order; arrays: of the listed values that they have.
    var seen: [UInt64] = []
    /// The first declared member that may still come, where these keep their order.
    var next: Int32 = 0
    /// Members or items read.
    var count: Int32 = 0
    /// By counter: how many of them bore its bit.
    var counters: [Int32] = []
    /// By group of members: how many may still come; `Int32.max` without end.
    var left: [Int32] = []
}

/// The memory of one object or array. A rule has at most one; a call saves it in its frame.
final class Scope: Sendable {
    /// −1: an object without a plan, which only has names.
    let plan: Int32
    let position: PlanPosition
    /// The undeclared names that the object has.
    let names: Names?
    /// The values that an array has, where its items must differ.
    let values: UsedValues?
    /// Hash of all of it.
    let hash: Int
    /// Hash of what masks are kept by: all but names and values.
    let sharedHash: Int

    init(plan: Int32, position: PlanPosition, names: Names?, values: UsedValues? = nil) {
        self.plan = plan
        self.position = position
        self.names = names
        self.values = values
        var hasher = Hasher()
        hasher.combine(plan)
        hasher.combine(position)
        sharedHash = plan < 0 ? 0 : hasher.finalize()
        var all = Hasher()
        all.combine(sharedHash)
        all.combine(names?.hash)
        all.combine(values?.hash)
        hash = all.finalize()
    }

    /// The scope with one more undeclared name.
    static func adding(_ name: [UInt8], to scope: Scope?) -> Scope {
        Scope(plan: scope?.plan ?? -1, position: scope?.position ?? PlanPosition(), names: Names(name, after: scope?.names))
    }

    /// Exact equality.
    static func areSame(_ a: Scope?, _ b: Scope?) -> Bool {
        if a === b { return true }
        guard let a, let b else { return false }
        return a.hash == b.hash && a.plan == b.plan && a.position == b.position && Names.areSame(a.names, b.names)
            && UsedValues.areSame(a.values, b.values)
    }

    /// Equality in what masks are kept by.
    static func areSharedSame(_ a: Scope?, _ b: Scope?) -> Bool {
        if a === b || (a?.plan ?? -1) < 0 && (b?.plan ?? -1) < 0 { return true }
        guard let a, let b else { return false }
        return a.sharedHash == b.sharedHash && a.plan == b.plan && a.position == b.position
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
