// Which lengths of text lead from a state to acceptance: unary, hence ultimately periodic (Chrobak 1986).
import JSON

/// For every state of an automaton, the lengths (in characters) of the texts that it still accepts.
struct LengthTable: Sendable, Hashable {
    /// Lengths below `horizon` are tabled; from `cycleStart` on they repeat.
    private let horizon: Int
    let cycleStart: Int32
    /// After how many characters the lengths repeat.
    var period: Int32 { Int32(horizon) - cycleStart }
    /// Where some length of at least k is acceptable, one is below k + `span`.
    var span: Int32 { Int32(horizon) + period }
    /// `next[state * horizon + k]`: the least acceptable length ≥ k; Int32.max for none.
    private let next: [Int32]

    static let maximumEntries = 4_000_000

    /// - Parameter maximum: lengths above it do not matter; nil when all do.
    init(_ automaton: Automaton, maximum: Int?) throws(GrammarError) {
        let count = automaton.stateCount
        let limit = max(Self.maximumEntries / max(count, 1), 1)
        let following = Self.following(automaton)
        var sets: [[UInt8]] = [automaton.accepting.map { $0 ? 1 : 0 }]
        var positions: [[UInt8]: Int] = [sets[0]: 0]
        var start = 0
        while true {
            if let maximum, sets.count > maximum {
                sets.append([UInt8](repeating: 0, count: count))
                start = sets.count - 1
                break
            }
            let last = sets[sets.count - 1]
            var set = [UInt8](repeating: 0, count: count)
            for state in 0..<count { for target in following[state] where last[Int(target)] == 1 { set[state] = 1 } }
            if let known = positions[set] {
                start = known
                break
            }
            guard sets.count < limit else {
                throw .tooLarge(what: "lengths of a pattern's texts", limit: limit, pointer: JSONPointer())
            }
            positions[set] = sets.count
            sets.append(set)
        }
        horizon = sets.count
        cycleStart = Int32(start)
        var next = [Int32](repeating: .max, count: count * sets.count)
        for state in 0..<count {
            let wrapped = (start..<sets.count).first { sets[$0][state] == 1 }.map { Int32(sets.count + $0 - start) } ?? .max
            for length in sets.indices.reversed() {
                let after = length + 1 < sets.count ? next[state * sets.count + length + 1] : wrapped
                next[state * sets.count + length] = sets[length][state] == 1 ? Int32(length) : after
            }
        }
        self.next = next
    }

    /// For each state the states one character on, each once.
    private static func following(_ automaton: Automaton) -> [[Int32]] {
        var last = [Int32](repeating: -1, count: automaton.stateCount)
        return (0..<automaton.stateCount).map { state in
            var targets: [Int32] = []
            for target in automaton.transitions[state * automaton.classCount..<(state + 1) * automaton.classCount]
            where target >= 0 && last[Int(target)] != Int32(state) {
                last[Int(target)] = Int32(state)
                targets.append(target)
            }
            return targets
        }
    }

    /// Whether from the state some text of `minimum` to `maximum` characters is accepted.
    func isAccepting(from state: Int, minimum: Int32, maximum: Int32) -> Bool {
        guard minimum <= maximum else { return false }
        let wanted = Int(minimum)
        let start = Int(cycleStart)
        let index = wanted < horizon ? wanted : start + (wanted - start) % (horizon - start)
        let length = next[state * horizon + index]
        return length != .max && Int(length) + (wanted - index) <= Int(maximum)
    }
}
