// States of a lexeme or of free text as rows of a table, as far as one walk meets them: a step is one look-up.

/// Characters that may come in any number and order from a row: every text of at most `run` characters of these groups can be read.
struct Openness {
    var groups: ByteGroups
    /// At least; `Int32.max` without end.
    var run: Int32

    static let none = Openness(groups: 0, run: 0)
}

/// What a walk over the vocabulary reads by.
protocol RowTable {
    /// The row after one byte; `deadRow`, `finishedRow`, or −3 − trigger where a trigger of free text takes over.
    mutating func next(_ row: Int32, _ byte: UInt8) -> Int32
    /// What every text of may be read.
    mutating func openness(_ row: Int32) -> Openness
    /// Whether the row lies between two characters.
    func isBetween(_ row: Int32) -> Bool
    /// Whether the rest of the grammar may read on from here.
    func canEnd(_ row: Int32) -> Bool
    /// Whether rows may be ends of their own accord, not by a byte that closes.
    var mayEndInside: Bool { get }
}

extension RowTable {
    static var deadRow: Int32 { -1 }
    static var finishedRow: Int32 { -2 }
}

/// The states of a lexeme (with their registers, where it counts).
struct LexemeTable: RowTable {
    private static let unknown: Int32 = .min
    /// Rows looked at to see how far characters stay allowed.
    private static let searchLimit = 256

    private let lexeme: Lexeme
    private let groupClasses: [(group: ByteGroups, classes: [Int])]
    private var states: [(local: Int32, register: Int32)] = []
    private var numbers = FlatMap()
    private var cells: [Int32] = []
    private var ends: [Bool] = []
    private var between: [Bool] = []
    private var known: [Openness?] = []
    private var live: [ByteGroups?] = []

    init(_ lexeme: Lexeme) {
        self.lexeme = lexeme
        groupClasses = lexeme.groupClasses()
    }

    /// Groups of which some character may come somewhere.
    var usable: ByteGroups { groupClasses.reduce(0) { $1.classes.contains { lexeme.isUsable($0) } ? $0 | $1.group : $0 } }

    mutating func row(_ local: Int32, _ register: Int32) -> Int32 {
        let key = UInt64(UInt32(bitPattern: register)) << 32 | UInt64(UInt32(bitPattern: local))
        let number = numbers[key]
        if number >= 0 { return number }
        let new = Int32(states.count)
        numbers.set(key, new)
        states.append((local, register))
        cells.append(contentsOf: repeatElement(Self.unknown, count: 256))
        ends.append(lexeme.canEnd(local, register))
        between.append(lexeme.isBetweenCharacters(local))
        known.append(nil)
        live.append(nil)
        return new
    }

    func isBetween(_ row: Int32) -> Bool { between[Int(row)] }
    func canEnd(_ row: Int32) -> Bool { ends[Int(row)] }

    var mayEndInside: Bool { lexeme.spelling == .plain }

    /// Whether the quote may come here.
    mutating func canClose(_ row: Int32) -> Bool { next(row, 0x22) == Self.finishedRow }

    @inline(__always)
    mutating func next(_ row: Int32, _ byte: UInt8) -> Int32 {
        let cell = cells[Int(row) << 8 | Int(byte)]
        return cell == Self.unknown ? find(row, byte) : cell
    }

    private mutating func find(_ row: Int32, _ byte: UInt8) -> Int32 {
        let target: Int32
        let (local, register) = states[Int(row)]
        switch lexeme.step(local, register, byte) {
        case .dead: target = Self.deadRow
        case .finished: target = Self.finishedRow
        case .stay(let local, let register): target = self.row(local, register)
        }
        cells[Int(row) << 8 | Int(byte)] = target
        return target
    }

    /// Groups of which every character may come next.
    private mutating func liveGroups(_ row: Int32) -> ByteGroups {
        if let groups = live[Int(row)] { return groups }
        let (local, register) = states[Int(row)]
        var groups: ByteGroups = 0
        for (group, classes) in groupClasses where classes.allSatisfy({ lexeme.advance(local, register, by: $0) != nil }) { groups |= group }
        live[Int(row)] = groups
        return groups
    }

    private mutating func targets(_ row: Int32, _ groups: ByteGroups) -> [Int32] {
        let (local, register) = states[Int(row)]
        var rows: [Int32] = []
        for (group, classes) in groupClasses where group & groups != 0 {
            for index in classes {
                guard let next = lexeme.advance(local, register, by: index) else { continue }
                let number = self.row(next.local, next.register)
                if !rows.contains(number) { rows.append(number) }
            }
        }
        return rows
    }

    mutating func openness(_ row: Int32) -> Openness {
        if let known = known[Int(row)] { return known }
        var groups = liveGroups(row)
        // Groups after which less may come than before are left out.
        for (group, _) in groupClasses where groups & group != 0 {
            for target in targets(row, group) where groups & ~liveGroups(target) != 0 { groups &= ~group }
        }
        let openness = Openness(groups: groups, run: groups == 0 ? 0 : run(from: row, groups))
        known[Int(row)] = openness
        return openness
    }

    private mutating func run(from row: Int32, _ groups: ByteGroups) -> Int32 {
        var seen: [Bool] = []
        var level = [row]
        var count = 0
        var length: Int32 = 0
        while !level.isEmpty {
            var next: [Int32] = []
            for row in level {
                if groups & ~liveGroups(row) != 0 { return length }
                for target in targets(row, groups) {
                    while seen.count <= Int(target) { seen.append(false) }
                    if seen[Int(target)] { continue }
                    seen[Int(target)] = true
                    next.append(target)
                }
            }
            length += 1
            count += next.count
            if count > Self.searchLimit { return length }
            level = next
        }
        return .max
    }
}

/// The states of free text.
struct TextTable: RowTable {
    private let text: TextAutomaton
    private let mayEnd: Bool
    private let open: ByteGroups

    init(_ text: TextAutomaton, from row: Int32, mayEnd: Bool) {
        self.text = text
        self.mayEnd = mayEnd
        open = text.openGroups(from: row)
    }

    func isBetween(_ row: Int32) -> Bool { text.isBoundary[Int(row)] }
    func canEnd(_ row: Int32) -> Bool { mayEnd && text.isBoundary[Int(row)] }

    var mayEndInside: Bool { mayEnd }

    @inline(__always)
    func next(_ row: Int32, _ byte: UInt8) -> Int32 {
        let value = text.table[Int(row) << 8 | Int(byte)]
        return value < -1 ? value - 1 : value
    }

    /// Back at the start the same groups are open as at the beginning of the walk.
    func openness(_ row: Int32) -> Openness { row == 0 ? Openness(groups: open, run: .max) : .none }
    func startOpenness() -> Openness { Openness(groups: open, run: .max) }
}

extension TextAutomaton {
    /// Groups of characters that lead from a state, and from the start, back to the start, where nothing is watched for.
    func openGroups(from row: Int32) -> ByteGroups {
        var closed: ByteGroups = 0
        for byte in 0..<0x80 where table[Int(row) << 8 | byte] != 0 || table[byte] != 0 { closed |= ByteGrouping.ofByte[byte] }
        func isPlain(_ state: Int, _ class8: Int) -> Bool {
            (0x80..<0x100).allSatisfy { byte in
                guard let after = Self.decode(class8, UInt8(byte)) else { return true }
                return table[state << 8 | byte] == Int32(after)
            }
        }
        if !isPlain(Int(row), 0) || !(0..<8).allSatisfy({ isPlain($0, $0) }) { closed |= ByteGrouping.nonASCII }
        return isBoundary[Int(row)] ? ~closed & ~ByteGrouping.irregular : 0
    }
}
