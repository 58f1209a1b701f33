// States of a lexeme or of free text as rows of a table, as far as one walk meets them: a step is one look-up.

/// What may come in any order from a row.
struct Openness {
    /// Every text of at most `run` characters of these groups can be read.
    var groups: ByteGroups
    /// At least; `Int32.max` without end.
    var run: Int32
    /// Every text of characters of these groups can be read, and leads back to the row.
    var loops: ByteGroups

    static let none = Openness(groups: 0, run: 0, loops: 0)

    /// Whether every text of so many bytes of these groups can be read.
    @inline(__always)
    func covers(_ made: ByteGroups, _ length: Int) -> Bool { made & ~loops == 0 || made & ~groups == 0 && length <= Int(run) }
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
    /// States looked at to see how far characters stay allowed.
    private static let searchLimit = 128

    private let lexeme: Lexeme
    private let classGroups: [ByteGroups]
    private let allGroups: ByteGroups
    private var states: [(local: Int32, register: Int32)] = []
    private var numbers = FlatMap()
    private var cells: [Int32] = []
    private var ends: [Bool] = []
    private var between: [Bool] = []
    private var known: [Openness?] = []
    private var characters = CharacterStates()

    init(_ lexeme: Lexeme) {
        self.lexeme = lexeme
        classGroups = lexeme.classGroups()
        allGroups = classGroups.reduce(0, |)
    }

    /// Groups of which some character may come somewhere.
    var usable: ByteGroups { classGroups.indices.reduce(0) { lexeme.isUsable($1) ? $0 | classGroups[$1] : $0 } }

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
        return new
    }

    func isBetween(_ row: Int32) -> Bool { between[Int(row)] }
    func canEnd(_ row: Int32) -> Bool { ends[Int(row)] }

    var mayEndInside: Bool { lexeme.spelling != .string }

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

    mutating func openness(_ row: Int32) -> Openness {
        if let known = known[Int(row)] { return known }
        let start = characters.number(states[Int(row)])
        explore(start)
        let live = characters.live[start]
        var (groups, loops) = (live, live)
        for (index, made) in classGroups.enumerated() where made & live != 0 {
            let target = Int(characters.targets[start * classGroups.count + index])
            if target < 0 { continue }
            explore(target)
            // Groups after which less may come than before are left out.
            if groups & ~characters.live[target] != 0 { groups &= ~made }
            if target != start { loops &= ~made }
        }
        let openness = Openness(groups: groups, run: groups == 0 ? 0 : run(from: start, groups), loops: loops)
        known[Int(row)] = openness
        return openness
    }

    /// Finds out what each class of characters makes of a state.
    private mutating func explore(_ number: Int) {
        if characters.isExplored(number) { return }
        // States are explored in the order of their numbers.
        while !characters.isExplored(number) {
            let next = characters.live.count
            let (local, register) = characters.states[next]
            var live = allGroups
            for (index, made) in classGroups.enumerated() {
                guard made != 0, let target = lexeme.advance(local, register, by: index) else {
                    characters.targets.append(-1)
                    live &= ~made
                    continue
                }
                characters.targets.append(Int32(characters.number(target)))
            }
            characters.live.append(live)
        }
    }

    /// How many characters of the groups can be read whatever they are.
    private mutating func run(from start: Int, _ groups: ByteGroups) -> Int32 {
        let classes = classGroups.indices.filter { classGroups[$0] & groups != 0 }
        var seen: [Bool] = []
        var level = [start]
        var count = 0
        var length: Int32 = 0
        while !level.isEmpty {
            var next: [Int] = []
            for number in level {
                explore(number)
                if groups & ~characters.live[number] != 0 { return length }
                for index in classes {
                    let target = Int(characters.targets[number * classGroups.count + index])
                    while seen.count <= target { seen.append(false) }
                    if target < 0 || seen[target] { continue }
                    seen[target] = true
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

/// The states of a lexeme between characters, as far as they were met.
private struct CharacterStates {
    private(set) var states: [(local: Int32, register: Int32)] = []
    private var numbers = FlatMap()
    /// By state: groups of which every character may come next; of the first states only, as far as they were explored.
    var live: [ByteGroups] = []
    /// By state and class: the state after it, −1 for none.
    var targets: [Int32] = []

    mutating func number(_ state: (local: Int32, register: Int32)) -> Int {
        let key = UInt64(UInt32(bitPattern: state.register)) << 32 | UInt64(UInt32(bitPattern: state.local))
        let known = numbers[key]
        if known >= 0 { return Int(known) }
        numbers.set(key, Int32(states.count))
        states.append(state)
        return states.count - 1
    }

    func isExplored(_ number: Int) -> Bool { number < live.count }
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
    func openness(_ row: Int32) -> Openness { row == 0 ? startOpenness : .none }
    var startOpenness: Openness { Openness(groups: open, run: .max, loops: open) }
}

extension TextAutomaton {
    /// Groups of characters that lead from a state, and from the start, back to the start, where nothing is watched for.
    func openGroups(from row: Int32) -> ByteGroups {
        var closed: ByteGroups = 0
        for byte in 0..<0x80 where table[Int(row) << 8 | byte] != 0 || table[byte] != 0 { closed |= ByteGrouping.ofByte[byte] }
        for lead in 0xC2...0xF4 {
            guard let after = Self.decode(0, UInt8(lead)) else { continue }
            if table[Int(row) << 8 | lead] != Int32(after) || table[lead] != Int32(after) { closed |= ByteGrouping.ofByte[lead] }
        }
        for state in 1..<8 {
            for byte in 0x80..<0xC0 {
                if let after = Self.decode(state, UInt8(byte)), table[state << 8 | byte] != Int32(after) { closed |= ByteGrouping.nonASCII }
            }
        }
        return isBoundary[Int(row)] ? ~closed & ~ByteGrouping.irregular : 0
    }
}
