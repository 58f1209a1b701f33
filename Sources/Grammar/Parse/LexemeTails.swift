// The shortest way to the end of a lexeme, from any of its states.
import Synchronization

extension Lexeme {
    /// Bytes to the end, and the first of them; without one the lexeme may end here.
    struct Tail: Sendable {
        let length: Int32
        let next: UInt8?
    }

    /// States looked at in one search; beyond, the end counts as far.
    private static let maximumStates = 16_384
    /// Plain letters before all else.
    private static let order: [UInt8] =
        [0x22] + Array(0x61...0x7A) + Array(0x30...0x39) + Array(0x20...0x21) + Array(0x23...0x2F)
        + Array(0x3A...0x60) + Array(0x7B...0xFF) + Array(0x00...0x1F)

    /// The shortest way from a local state with `register` characters read; looked for once.
    func tail(_ local: Int32, _ register: Int32) -> Tail {
        if let known = known(local, register) { return known }
        let key = tailKey(local, register)
        if let known = tails.withLock({ $0[key] }) { return known }
        var states: [(local: Int32, register: Int32, parent: Int, byte: UInt8)] = [(local, register, -1, 0)]
        var seen: Set<Int64> = [key]
        var index = 0
        while index < states.count && states.count < Self.maximumStates {
            let state = states[index]
            for byte in Self.order {
                switch step(state.local, state.register, byte) {
                case .dead: continue
                case .finished: return keep(states, index, byte, 1)
                case .stay(let local, let register):
                    if let rest = self.known(local, register) { return keep(states, index, byte, rest.length + 1) }
                    guard seen.insert(tailKey(local, register)).inserted else { continue }
                    states.append((local, register, index, byte))
                }
            }
            index += 1
        }
        return Tail(length: EndingCosts.far, next: nil)
    }

    /// What needs no search.
    private func known(_ local: Int32, _ register: Int32) -> Tail? {
        if canEnd(local, register) { return Tail(length: 0, next: nil) }
        guard isOpenText(local) else { return nil }
        let missing = isCounted ? max(minimum - register, 0) : 0
        return Tail(length: missing + 1, next: missing > 0 ? 0x61 : 0x22)
    }

    private func tailKey(_ local: Int32, _ register: Int32) -> Int64 { Int64(local) << 32 | Int64(isCounted ? register : 0) }

    /// Notes the way for all states on it; the answer is the first one's.
    private func keep(_ states: [(local: Int32, register: Int32, parent: Int, byte: UInt8)], _ last: Int, _ byte: UInt8, _ length: Int32) -> Tail {
        tails.withLock { known in
            var tail = Tail(length: length, next: byte)
            var index = last
            while true {
                known[tailKey(states[index].local, states[index].register)] = tail
                if states[index].parent < 0 { return tail }
                tail = Tail(length: tail.length + 1, next: states[index].byte)
                index = states[index].parent
            }
        }
    }
}
