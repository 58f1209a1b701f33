// A plan at work: which members or items may come, and in which ways, so that the object or array can still be finished.
import JSON
import Synchronization

/// A plan without the ways that lead nowhere. Every question is answered exactly, from every position: a plan of which that might take more steps
/// than the limits allow is refused when it is made.
final class PlanRun: Sendable {
    let plan: Plan
    let initial: PlanPosition
    /// Whether the object or array can be finished at all.
    let isFeasible: Bool
    /// Arrays whose items must differ: what is known of their values.
    let distinct: Distinctness?
    private let bounds: PlanBounds
    /// By element: its group, −1 where it must not appear.
    private let groupOf: [Int32]
    /// What was found out about positions (only where there are counters).
    private let known = Mutex<[PlanPosition: Bool]>([:])
    private static let maximumKnown = 65_536

    init(_ graphPlan: Plan, limits: GrammarLimits, isProductive: (NodeID) -> Bool) throws(GrammarError) {
        var plan = graphPlan
        let never = plan.counters.enumerated().reduce(UInt32(0)) { $1.element.maximum == 0 ? $0 | 1 << UInt32($1.offset) : $0 }
        for index in plan.elements.indices {
            var ways: [Way] = []
            for way in plan.elements[index].ways where way.counters & never == 0 && isProductive(way.value) && !ways.contains(way) {
                ways.append(way)
            }
            plan.elements[index].ways = ways
        }
        self.plan = plan
        let (bounds, groupOf, left) = try PlanBounds.make(plan, limits)
        self.bounds = bounds
        self.groupOf = groupOf
        let bits = plan.isArray ? 0 : plan.singles - (plan.isOrdered ? plan.declared : 0)
        initial = PlanPosition(
            seen: [UInt64](repeating: 0, count: (bits + 63) / 64), counters: [Int32](repeating: 0, count: plan.counters.count), left: left)
        let isHopeless = plan.elements.contains { $0.isRequired && $0.ways.isEmpty }
        isFeasible = !isHopeless && bounds.canFinish(initial)
        distinct = nil
    }

    /// The plan with what is known of the values of its items, in the ways that were known then.
    init(_ run: PlanRun, _ distinct: Distinctness, limits: GrammarLimits) throws(GrammarError) {
        var plan = run.plan
        for index in plan.elements.indices { plan.elements[index].ways = distinct.elements[index] }
        self.plan = plan
        bounds = try PlanBounds.make(plan, limits).0
        groupOf = run.groupOf
        self.distinct = distinct
        var initial = run.initial
        initial.seen = [UInt64](repeating: 0, count: distinct.words)
        self.initial = initial
        try distinct.check(plan, bounds, limits)
        isFeasible = run.isFeasible && distinct.canFinish(initial, plan, bounds)
    }

    /// Whether all that is required is there.
    func mayClose(_ position: PlanPosition) -> Bool { bounds.isEnough(position) }

    /// Whether another member or item may come.
    func mayGoOn(_ position: PlanPosition) -> Bool {
        if plan.isArray { return !ways(element(at: position), position).isEmpty }
        return plan.elements.indices.contains { !ways($0, position).isEmpty }
    }

    /// The members that may come next.
    func candidates(_ position: PlanPosition) -> [Int] { plan.elements.indices.filter { !ways($0, position).isEmpty } }

    /// Arrays: the element of the next item.
    func element(at position: PlanPosition) -> Int { min(Int(position.count), plan.declared) }

    /// The ways in which the element may be read now, each with the position after it.
    func ways(_ element: Int, _ position: PlanPosition) -> [(value: NodeID, after: PlanPosition)] {
        guard var after = taking(element, position) else { return [] }
        guard bounds.count(one: &after) else { return [] }
        var found: [(NodeID, PlanPosition)] = []
        for (index, way) in plan.elements[element].ways.enumerated() {
            var next = after
            if bounds.raise(way.counters, &next), canTake(distinct?.ways[element][index], next) { found.append((way.value, next)) }
        }
        return found
    }

    /// Whether the array can be finished after an item with one of these values.
    private func canTake(_ values: WayValues?, _ position: PlanPosition) -> Bool {
        guard case .listed(let numbers)? = values else { return canFinish(position) }
        return numbers.contains { !Distinctness.has($0, position) && canFinish(Distinctness.with($0, position)) }
    }

    /// The listed values that an item must not have, after which the position would be this one: without them the rest cannot be made up.
    func neededLater(_ position: PlanPosition) -> [ValueTree] {
        guard let distinct, !bounds.isEnough(position) else { return [] }
        return distinct.values.indices.filter {
            !Distinctness.has(Int32($0), position) && !canFinish(Distinctness.with(Int32($0), position))
        }.map { distinct.values[$0] }
    }

    /// The position with the element taken, apart from counts; nil when it may not come.
    private func taking(_ element: Int, _ position: PlanPosition) -> PlanPosition? {
        if plan.isArray { return position }
        let group = Int(groupOf[element])
        guard group >= 0 else { return nil }
        var after = position
        let declared = plan.isOrdered ? plan.declared : 0
        if plan.isOrdered {
            let end = min(element, declared)
            guard element >= declared || element >= Int(position.next) else { return nil }
            for skipped in min(Int(position.next), end)..<end {
                if plan.elements[skipped].isRequired { return nil }
                if groupOf[skipped] >= 0 { after.left[Int(groupOf[skipped])] -= 1 }
            }
            after.next = Int32(element < declared ? element + 1 : declared)
        }
        if element >= declared && element < plan.singles {
            let bit = element - declared
            guard after.seen[bit >> 6] >> UInt64(bit & 63) & 1 == 0 else { return nil }
            after.seen[bit >> 6] |= 1 << UInt64(bit & 63)
        }
        if after.left[group] != .max {
            guard after.left[group] > 0 else { return nil }
            after.left[group] -= 1
        }
        return after
    }

    /// Objects: whether the element may come now or later, order and counts aside.
    func isLeft(_ element: Int, _ position: PlanPosition) -> Bool {
        let group = Int(groupOf[element])
        guard group >= 0, position.left[group] > 0 else { return false }
        if plan.isOrdered && element < plan.declared { return element >= Int(position.next) }
        guard element < plan.singles else { return true }
        let bit = element - (plan.isOrdered ? plan.declared : 0)
        return position.seen[bit >> 6] >> UInt64(bit & 63) & 1 == 0
    }

    private func canFinish(_ position: PlanPosition) -> Bool {
        if plan.counters.isEmpty && distinct?.values.isEmpty ?? true { return bounds.canFinishUncounted(position) }
        if let answer = known.withLock({ $0[position] }) { return answer }
        let answer = distinct?.canFinish(position, plan, bounds) ?? bounds.canFinish(position)
        known.withLock {
            if $0.count >= Self.maximumKnown { $0 = [:] }
            $0[position] = answer
        }
        return answer
    }
}

/// The numbers of a plan: can what is missing be made up by what may still come?
struct PlanBounds: Sendable {
    /// Members alike in the counters of their ways and in whether they must come.
    struct Group: Sendable {
        let counters: [UInt32]
        let isRequired: Bool
    }
    private let minimum: Int32
    private let maximum: Int32
    private let counterMinima: [Int32]
    private let counterMaxima: [Int32]
    private let groups: [Group]
    /// Arrays: the counters of the ways of each listed item, then of the rest.
    private let items: [[UInt32]]
    private let isArray: Bool

    private static let maximumCountedPrefix = 256

    static func make(_ plan: Plan, _ limits: GrammarLimits) throws(GrammarError) -> (PlanBounds, groupOf: [Int32], left: [Int32]) {
        var groups: [Group] = []
        var groupOf = [Int32](repeating: -1, count: plan.elements.count)
        var left: [Int32] = []
        var numbers: [[UInt32]: Int] = [:]
        var items: [[UInt32]] = []
        for (index, element) in plan.elements.enumerated() {
            let masks = Set(element.ways.map(\.counters)).sorted()
            if plan.isArray {
                items.append(masks)
                continue
            }
            if element.ways.isEmpty || element.supply == 0 { continue }
            let isSingle = index < plan.singles
            // Kinds of other members are used up one by one, so each is a group of its own.
            let key = masks + [element.isRequired ? 1 : 0, isSingle ? 0 : UInt32(index) + 1]
            let number = numbers[key] ?? groups.count
            if number == groups.count {
                groups.append(Group(counters: masks, isRequired: element.isRequired))
                left.append(0)
                numbers[key] = number
            }
            groupOf[index] = Int32(number)
            left[number] = element.supply == .max ? .max : Int32(clamping: Int(left[number]) + Int(element.supply))
        }
        var maximum = plan.maximum.map { Int32(clamping: $0) } ?? .max
        if plan.isArray {
            if let unusable = items.firstIndex(where: \.isEmpty) { maximum = min(maximum, Int32(unusable)) }
            if !plan.counters.isEmpty && plan.declared > maximumCountedPrefix {
                throw .tooLarge(what: "listed items beside counters", limit: maximumCountedPrefix, pointer: plan.pointer)
            }
        } else if !left.contains(.max), left.reduce(0, { $0 + Int($1) }) <= Int(maximum) {
            maximum = .max
        }
        let bounds = PlanBounds(
            minimum: Int32(clamping: plan.minimum), maximum: maximum, counterMinima: plan.counters.map { Int32(clamping: $0.minimum) },
            counterMaxima: plan.counters.map { $0.maximum.map { Int32(clamping: $0) } ?? .max }, groups: groups, items: items,
            isArray: plan.isArray)
        if !plan.counters.isEmpty, bounds.mostSteps(left) > Double(limits.planSteps) {
            throw .tooLarge(what: "steps to weigh the counters of an object or array", limit: limits.planSteps, pointer: plan.pointer)
        }
        return (bounds, groupOf, left)
    }

    /// At least as many as there are counts of items and counters, without those that go on without end.
    var mostPlaces: Double {
        let items = Double(maximum == .max ? max(minimum, Int32(items.count - 1)) : maximum) + 1
        return zip(counterMinima, counterMaxima).reduce(items) { $0 * (Double($1.1 == .max ? $1.0 : $1.1) + 1) }
    }

    /// Whether the object or array may be over here.
    func isEnough(_ position: PlanPosition) -> Bool {
        guard position.count >= minimum, zip(position.counters, counterMinima).allSatisfy({ $0 >= $1 }) else { return false }
        return !groups.indices.contains { groups[$0].isRequired && position.left[$0] > 0 }
    }

    /// Counts one member or item; false when there are too many.
    func count(one position: inout PlanPosition) -> Bool {
        guard position.count < maximum else { return false }
        position.count += 1
        if maximum == .max { position.count = min(position.count, max(minimum, isArray ? Int32(items.count - 1) : 0)) }
        return true
    }

    /// Raises the counters of the bit set; false when one is over its maximum.
    func raise(_ counters: UInt32, _ position: inout PlanPosition) -> Bool {
        var rest = counters
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest - 1
            guard index < position.counters.count else { return false }
            position.counters[index] += 1
            if position.counters[index] > counterMaxima[index] { return false }
            if counterMaxima[index] == .max { position.counters[index] = min(position.counters[index], counterMinima[index]) }
        }
        return true
    }

    /// Whether the end can be reached, where nothing but members and items is counted.
    func canFinishUncounted(_ position: PlanPosition) -> Bool {
        if isArray { return max(minimum, position.count) <= maximum }
        var required = 0
        var optional = 0
        for (group, left) in zip(groups, position.left) { if group.isRequired { required += Int(left) } else { optional += Int(left) } }
        let count = Int(position.count)
        return count + required <= Int(maximum) && count + required + optional >= Int(minimum)
    }

    /// Whether the end can be reached.
    func canFinish(_ position: PlanPosition) -> Bool {
        if counterMinima.isEmpty { return canFinishUncounted(position) }
        return isArray ? canFinishArray(position) : canFinishObject(position)
    }

    /// The missing amounts, first of members, then of each counter: at least and at most; nil when something is too much already.
    private func missing(_ position: PlanPosition) -> (low: [Int], high: [Int])? {
        var low = [max(Int(minimum) - Int(position.count), 0)]
        var high = [maximum == .max ? Int.max : Int(maximum) - Int(position.count)]
        for (index, value) in position.counters.enumerated() {
            low.append(max(Int(counterMinima[index]) - Int(value), 0))
            high.append(counterMaxima[index] == .max ? Int.max : Int(counterMaxima[index]) - Int(value))
        }
        return zip(low, high).allSatisfy({ $0 <= $1 }) ? (low, high) : nil
    }

    private func canFinishObject(_ position: PlanPosition) -> Bool {
        guard var (low, high) = missing(position) else { return false }
        var variables: [[Int]] = []
        for (index, group) in groups.enumerated() where position.left[index] > 0 {
            let left = position.left[index] == .max ? Int.max : Int(position.left[index])
            // The group's own amount is one more thing to make up.
            let own = low.count
            low.append(group.isRequired ? left : 0)
            high.append(left)
            variables += Self.variables(group.counters, own: own)
        }
        var search = AmountSearch(variables)
        return search.run(low, high)
    }

    private func canFinishArray(_ start: PlanPosition) -> Bool {
        // All that can be reached, item by item, then the rest at once.
        var reached: Set<PlanPosition> = [start]
        while let position = reached.first, Int(position.count) < items.count - 1 {
            if reached.contains(where: isEnough) { return true }
            var next: Set<PlanPosition> = []
            for position in reached {
                var after = position
                guard count(one: &after) else { continue }
                for counters in items[Int(position.count)] {
                    var way = after
                    if raise(counters, &way) { next.insert(way) }
                }
            }
            reached = next
        }
        var search = AmountSearch(Self.variables(items[items.count - 1]))
        for position in reached {
            guard let (low, high) = missing(position) else { continue }
            if search.run(low, high) { return true }
        }
        return false
    }

    /// At least as many steps as it takes from any position to tell whether the end can be reached.
    private func mostSteps(_ left: [Int32]) -> Double {
        var ranges = [AmountSearch.Range(minimum, maximum)] + zip(counterMinima, counterMaxima).map { AmountSearch.Range($0, $1) }
        guard isArray else {
            var variables: [[Int]] = []
            for (index, group) in groups.enumerated() {
                variables += Self.variables(group.counters, own: ranges.count)
                ranges.append(AmountSearch.Range(0, left[index]))
            }
            return AmountSearch.mostSteps(variables, ranges)
        }
        let counted = ranges.dropFirst().reduce(1) { $0 * $1.values }
        var steps = 0.0
        var reached = 1.0
        for item in items.dropLast() {
            steps += reached * Double(item.count)
            reached = min(reached * Double(item.count), counted)
        }
        return steps + reached * AmountSearch.mostSteps(Self.variables(items[items.count - 1]), ranges)
    }

    /// The amounts that each of the ways adds to; what adds to the most comes first, for it leaves the fewest choices.
    private static func variables(_ ways: [UInt32], own: Int? = nil) -> [[Int]] {
        ways.reversed().map { [0] + indices($0) + (own.map { [$0] } ?? []) }
    }

    /// The amounts that one of the bit set adds to.
    private static func indices(_ counters: UInt32) -> [Int] { (0..<32).filter { counters >> UInt32($0) & 1 == 1 }.map { $0 + 1 } }
}
