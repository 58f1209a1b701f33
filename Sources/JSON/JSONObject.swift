// The ordered JSON object.

/// The members of a JSON object in their order. Keys are compared byte by byte; no key stands twice.
///
/// Lookup is linear for up to 16 members and hashed above, so that a vocabulary of 150,000 members is as usable as a request of three.
public struct JSONObject: Sendable {
    private var members: [(key: String, value: JSONValue)] = []
    /// An open-addressing table of positions in `members` plus one (0: empty); empty while there are few members.
    private var table: [Int32] = []

    private static let linearLimit = 16

    /// An empty object.
    public init() {}

    /// The object with these members, in order. A later duplicate replaces the value of the earlier one.
    public init(_ pairs: [(String, JSONValue)]) {
        members.reserveCapacity(pairs.count)
        for (key, value) in pairs { self[key] = value }
    }

    /// The keys, in order.
    public var keys: [String] { members.map(\.key) }

    /// The values, in order.
    public var values: [JSONValue] { members.map(\.value) }

    /// The value of a key. Setting keeps the place of a key that is there and appends one that is not; setting nil removes it.
    public subscript(_ key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            switch (position(of: key), newValue) {
            case (let place?, let value?): members[place].value = value
            case (let place?, nil):
                members.remove(at: place)
                rebuildTable()
            case (nil, let value?): append(key, value)
            case (nil, nil): break
            }
        }
    }

    /// Appends a member whose key is known not to be there yet. False, and nothing changed, where it is.
    mutating func appendIfNew(_ key: String, _ value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        append(key, value)
        return true
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        members.append((key, value))
        if table.isEmpty {
            if members.count > Self.linearLimit { rebuildTable() }
        } else if members.count * 2 > table.count {
            rebuildTable()
        } else {
            insertIntoTable(members.count - 1)
        }
    }

    private func position(of key: String) -> Int? {
        guard !table.isEmpty else { return members.firstIndex { sameBytes($0.key, key) } }
        var slot = Self.hash(key) & (table.count - 1)
        while table[slot] != 0 {
            let place = Int(table[slot]) - 1
            if sameBytes(members[place].key, key) { return place }
            slot = (slot + 1) & (table.count - 1)
        }
        return nil
    }

    private mutating func rebuildTable() {
        guard members.count > Self.linearLimit else {
            table = []
            return
        }
        var size = 64
        while size < members.count * 4 { size *= 2 }
        table = [Int32](repeating: 0, count: size)
        for place in members.indices { insertIntoTable(place) }
    }

    private mutating func insertIntoTable(_ place: Int) {
        var slot = Self.hash(members[place].key) & (table.count - 1)
        while table[slot] != 0 { slot = (slot + 1) & (table.count - 1) }
        table[slot] = Int32(place + 1)
    }

    /// Seeded per process, so that nobody can choose keys that collide.
    private static func hash(_ key: String) -> Int {
        var hasher = Hasher()
        var key = key
        key.withUTF8 { bytes in unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes)) }
        return hasher.finalize() & Int.max
    }
}

extension JSONObject: RandomAccessCollection {
    /// 0.
    public var startIndex: Int { 0 }
    /// The number of members.
    public var endIndex: Int { members.count }
    /// The member at a position, in order.
    public subscript(position: Int) -> (key: String, value: JSONValue) { members[position] }
}

extension JSONObject: Hashable {
    /// Equal members in the same order.
    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.count == b.count && zip(a.members, b.members).allSatisfy { sameBytes($0.key, $1.key) && $0.value == $1.value }
    }

    /// Agrees with `==`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        for (key, value) in members {
            for byte in key.utf8 { hasher.combine(byte) }
            hasher.combine(value)
        }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// The members in order.
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
