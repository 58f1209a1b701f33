// The regular pieces of a grammar: what a JSON string may hold, a number, an enumeration.
import Synchronization

/// One regular language over bytes, run by tables made beforehand. Immutable, so that every thread reads it without a lock.
final class Lexeme: Sendable {
    /// How the language is spelled in bytes.
    enum Spelling: Sendable, Hashable {
        /// As UTF-8.
        case plain
        /// As the inside of a JSON string, escapes allowed, and its closing quote.
        case string
        /// As the inside of a JSON string, without its closing quote: a part of a text that goes on.
        case inside
    }

    /// The result of one byte.
    enum Step {
        case dead
        case stay(local: Int32, register: Int32)
        /// The lexeme is over (the closing quote was read).
        case finished
    }

    let spelling: Spelling
    let automaton: Automaton
    /// Bounds on the number of characters; `Int32.max` for none.
    let minimum: Int32
    let maximum: Int32
    /// Whether the register counts characters.
    let isCounted: Bool
    private let lengths: LengthTable?
    private let decoder: ByteDecoder
    /// For each state, the bit set of classes that lead on.
    private let live: [UInt64]
    /// The bit set of classes that lead on from some state.
    private let usable: [UInt64]
    /// Whether every character leads on from every state.
    let isTotal: Bool
    let hashValueForSharing: Int
    /// By state of the automaton: whether infinitely many texts may follow; made when first asked for.
    private let endless = Mutex<[Bool]?>(nil)
    /// The shortest ways to the end that were asked for.
    let tails = Mutex<[Int64: Tail]>([:])

    /// Nil when no text has an allowed length.
    init?(_ automaton: Automaton, spelling: Spelling, minimum: Int = 0, maximum: Int? = nil) throws(GrammarError) {
        self.automaton = automaton
        self.spelling = spelling
        self.minimum = Int32(clamping: minimum)
        self.maximum = maximum.map { Int32(clamping: $0) } ?? .max
        isCounted = minimum > 0 || maximum != nil
        lengths = isCounted && !automaton.isAny ? try LengthTable(automaton, maximum: maximum) : nil
        decoder = ByteDecoder(
            starts: automaton.starts, classOf: automaton.classOf, classCount: automaton.classCount, isJSON: spelling != .plain,
            closes: spelling == .string)
        let words = decoder.words
        var live = [UInt64](repeating: 0, count: automaton.stateCount * words)
        var usable = [UInt64](repeating: 0, count: words)
        var always = [UInt64](repeating: .max, count: words)
        for state in 0..<automaton.stateCount {
            for index in 0..<automaton.classCount where automaton.transitions[state * automaton.classCount + index] >= 0 {
                live[state * words + index >> 6] |= 1 << UInt64(index & 63)
            }
            for word in 0..<words {
                usable[word] |= live[state * words + word]
                always[word] &= live[state * words + word]
            }
        }
        self.live = live
        self.usable = usable
        isTotal = !isCounted && automaton.characterClasses(words).enumerated().allSatisfy { $1 & ~always[$0] == 0 }
        var hash = Mixing.mix(UInt64(automaton.classCount) << 1 | (spelling == .string ? 1 : 0))
        for start in automaton.starts { hash = Mixing.combine(hash, UInt64(start)) }
        for target in automaton.transitions { hash = Mixing.combine(hash, UInt64(UInt32(bitPattern: target))) }
        hash = Mixing.combine(hash, UInt64(UInt32(self.minimum)) << 32 | UInt64(UInt32(self.maximum)))
        hashValueForSharing = Int(truncatingIfNeeded: hash)
        if isCounted && !hasCompletion(0, count: 0) { return nil }
    }

    /// Whether both read the same language the same way, so that masks may be shared.
    func isSame(as other: Lexeme) -> Bool {
        self === other
            || hashValueForSharing == other.hashValueForSharing && spelling == other.spelling && minimum == other.minimum
                && maximum == other.maximum && automaton == other.automaton
    }

    /// Whether, at a state after `count` characters, some ending has an allowed length.
    private func hasCompletion(_ state: Int, count: Int32) -> Bool {
        guard count <= maximum else { return false }
        guard let lengths else { return true }
        return lengths.isAccepting(from: state, minimum: max(minimum - count, 0), maximum: maximum == .max ? .max : maximum - count)
    }

    /// One byte from a local state (automaton state × decoder state) with `register` characters read so far.
    @inline(__always)
    func step(_ local: Int32, _ register: Int32, _ byte: UInt8) -> Step {
        let decoderStates = decoder.stateCount
        let state = Int(local) / decoderStates
        let value = decoder.table[(Int(local) - state * decoderStates) << 8 | Int(byte)]
        if value >= 0 {
            return canEnd(state, within: Int(value), register)
                ? .stay(local: Int32(state * decoderStates) + value, register: register) : .dead
        }
        if value == ByteDecoder.dead { return .dead }
        if value == ByteDecoder.quote { return automaton.accepting[state] && register >= minimum ? .finished : .dead }
        let target = automaton.transitions[state * automaton.classCount + Int(-2 - value)]
        if target < 0 { return .dead }
        var count = register
        if isCounted {
            count = maximum == .max ? min(register + 1, minimum) : register + 1
            if !hasCompletion(Int(target), count: count) { return .dead }
        }
        return .stay(local: target * Int32(decoderStates), register: count)
    }

    /// Whether the character begun can end as one that leads on.
    @inline(__always)
    private func canEnd(_ state: Int, within decoderState: Int, _ register: Int32) -> Bool {
        let words = decoder.words
        if isCounted {
            let count = maximum == .max ? min(register + 1, minimum) : register + 1
            guard count <= maximum else { return false }
            if lengths != nil { return canEndCounted(state, within: decoderState, count) }
        }
        for word in 0..<words where decoder.reach[decoderState * words + word] & live[state * words + word] != 0 { return true }
        return false
    }

    private func canEndCounted(_ state: Int, within decoderState: Int, _ count: Int32) -> Bool {
        for index in 0..<automaton.classCount
        where decoder.reach[decoderState * decoder.words + index >> 6] >> UInt64(index & 63) & 1 == 1 {
            let target = automaton.transitions[state * automaton.classCount + index]
            if target >= 0 && hasCompletion(Int(target), count: count) { return true }
        }
        return false
    }

    /// Whether the lexeme may end here without another byte (never inside a JSON string).
    func canEnd(_ local: Int32, _ register: Int32) -> Bool {
        guard spelling != .string, Int(local) % decoder.stateCount == 0 else { return false }
        return automaton.accepting[Int(local) / decoder.stateCount] && register >= minimum && register <= maximum
    }

    /// Whether some byte can follow.
    func canContinue(_ local: Int32, _ register: Int32) -> Bool {
        if spelling == .string { return true }
        return (0..<256).contains {
            if case .dead = step(local, register, UInt8($0)) { false } else { true }
        }
    }

    /// By class: the groups of bytes that its characters are spelled with where they stand for themselves.
    func classGroups() -> [ByteGroups] {
        var groups = [ByteGroups](repeating: 0, count: automaton.classCount)
        for (index, start) in automaton.starts.enumerated() {
            let end = index + 1 < automaton.starts.count ? automaton.starts[index + 1] : CodePointSet.maximum + 1
            let number = Int(automaton.classOf[index])
            for codePoint in start..<max(start, min(end, 0x80)) { groups[number] |= ByteGrouping.ofByte[Int(codePoint)] }
            if end <= 0x80 || start >= 0xD800 && end <= 0xE000 { continue }
            for (leads, characters) in ByteGrouping.characterRanges where start <= characters.upperBound && end > characters.lowerBound {
                groups[number] |= ByteGrouping.ofByte[Int(leads.lowerBound)]
            }
        }
        return spelling != .plain ? groups.map { $0 & ByteGrouping.insideString } : groups
    }

    /// Whether some state reads a character of the class.
    func isUsable(_ index: Int) -> Bool { usable[index >> 6] >> UInt64(index & 63) & 1 == 1 }

    /// One character from a local state that lies between two characters; nil where it must not come.
    @inline(__always)
    func advance(_ local: Int32, _ register: Int32, by index: Int) -> (local: Int32, register: Int32)? {
        let target = automaton.transitions[Int(local) / decoder.stateCount * automaton.classCount + index]
        if target < 0 { return nil }
        var count = register
        if isCounted {
            count = maximum == .max ? min(register + 1, minimum) : register + 1
            if !hasCompletion(Int(target), count: count) { return nil }
        }
        return (target * Int32(decoder.stateCount), count)
    }

    /// The register as far as tokens of at most `reach` characters can tell: equal for registers after which each of them reads the same.
    ///
    /// Missing characters beyond what a token can bring matter up to the period of the pattern's lengths. While some are missing, their number
    /// also tells how many may come. `left`: how many characters that may still come make a difference where there is no pattern.
    func clamped(_ register: Int32, reach: Int32, left: Int32) -> Int32 {
        guard isCounted else { return 0 }
        let (start, period, span) = lengths.map { ($0.cycleStart, $0.period, $0.span) } ?? (0, 1, 0)
        let beyond = reach + start + 1
        let missing = max(minimum - register, 0)
        if missing >= beyond { return beyond + (missing - beyond) % period }
        if missing > 0 { return missing }
        let slack = lengths == nil ? left : reach + span
        return beyond + period + (maximum == .max ? slack : min(maximum - register, slack))
    }

    /// Whether the lexeme is a string that may still become any of infinitely many.
    func isEndless(_ local: Int32) -> Bool {
        guard spelling == .string, maximum == .max else { return false }
        return endless.withLock { known in
            if known == nil { known = automaton.endlessStates }
            return known![Int(local) / decoder.stateCount]
        }
    }

    /// Whether the state lies between two characters.
    func isBetweenCharacters(_ local: Int32) -> Bool { Int(local) % decoder.stateCount == 0 }

    /// Whether the state lies between two characters of a text without any bound but its length.
    func isOpenText(_ local: Int32) -> Bool { spelling == .string && local == 0 && automaton.isAny }
}
