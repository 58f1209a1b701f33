// Arrays whose items must differ: the values that their items may have, where these are few, and whether enough of them are left.
import JSON

/// What is known of the values of one way to read an item.
enum WayValues: Sendable, Hashable {
    /// These alone, by their numbers among the listed values.
    case listed([Int32])
    /// At least so many.
    case many(Int)
}

/// The values of a plan whose items must differ. Only listed values can run short, so these are remembered by the position (`seen`).
struct Distinctness: Sendable {
    /// The listed values of all ways.
    let values: [ValueTree]
    private let numbers: [[UInt8]: Int32]
    /// By element: its ways, and what is known of each.
    let elements: [[Way]]
    let ways: [[WayValues]]
    /// Values that are in the same lists are alike: by value its class.
    private let classOf: [Int32]
    private let classCount: Int
    /// By element: each choice of counters to raise, and the classes that may be taken with it; none: some value that is not listed.
    private let options: [[(counters: UInt32, classes: [Int]?)]]
    /// With so many values in an array, some way that is not listed may have no further one.
    let supply: Int

    /// - Parameter lists: by element and way: the values, or at least how many there are.
    init(_ plan: Plan, _ lists: [[ValueList]]) {
        var values: [ValueTree] = []
        var numbers: [[UInt8]: Int32] = [:]
        var signatures: [[Int32]] = []
        var ways: [[WayValues]] = []
        var wayCount: Int32 = 0
        var supply = Int.max
        for element in lists {
            ways.append(
                element.map { list in
                    wayCount += 1
                    switch list {
                    case .many(let count):
                        supply = min(supply, count)
                        return .many(count)
                    case .listed(let trees):
                        var members: [Int32] = []
                        for tree in trees {
                            let number = numbers[tree.key] ?? Int32(values.count)
                            if Int(number) == values.count {
                                values.append(tree)
                                signatures.append([])
                                numbers[tree.key] = number
                            }
                            members.append(number)
                            signatures[Int(number)].append(wayCount)
                        }
                        return .listed(members)
                    }
                })
        }
        var classes: [[Int32]: Int32] = [:]
        var classOf: [Int32] = []
        for signature in signatures {
            let number = classes[signature] ?? Int32(classes.count)
            classes[signature] = number
            classOf.append(number)
        }
        options = zip(plan.elements, ways).map { element, ways in
            var options: [(UInt32, [Int]?)] = []
            for counters in Set(element.ways.map(\.counters)).sorted() {
                var taken: Set<Int> = []
                var isFree = false
                for (way, values) in zip(element.ways, ways) where way.counters == counters {
                    switch values {
                    case .many: isFree = true
                    case .listed(let members): taken.formUnion(members.map { Int(classOf[Int($0)]) })
                    }
                }
                // What is not listed never runs short, so nothing else is better.
                options.append((counters, isFree ? nil : taken.sorted()))
            }
            return options
        }
        elements = plan.elements.map(\.ways)
        self.values = values
        self.numbers = numbers
        self.ways = ways
        self.classOf = classOf
        self.supply = supply
        classCount = classes.count
    }

    /// Whether both know the same.
    func isSame(as other: Distinctness) -> Bool { elements == other.elements && ways == other.ways && values.map(\.key) == other.values.map(\.key) }

    /// Words of the bit set of listed values.
    var words: Int { (values.count + 63) / 64 }

    /// The number of a value among the listed ones.
    func number(of value: ValueTree) -> Int32? { numbers.isEmpty ? nil : numbers[value.key] }

    static func has(_ number: Int32, _ position: PlanPosition) -> Bool { position.seen[Int(number) >> 6] >> UInt64(number & 63) & 1 == 1 }

    /// The position once a listed value is in the array.
    static func with(_ number: Int32, _ position: PlanPosition) -> PlanPosition {
        var after = position
        after.seen[Int(number) >> 6] |= 1 << UInt64(number & 63)
        return after
    }

    private struct Place: Hashable {
        var position: PlanPosition
        var left: [Int32]
    }

    /// - Throws: `.tooLarge` where telling whether the array can be finished might take too many steps from some position.
    func check(_ plan: Plan, _ bounds: PlanBounds, _ limits: GrammarLimits) throws(GrammarError) {
        if values.isEmpty { return }
        var sizes = [Double](repeating: 0, count: classCount)
        for number in classOf { sizes[Int(number)] += 1 }
        // What is left of each class; without counters no more items are taken than are missing.
        var lefts = sizes.reduce(1) { $0 * ($1 + 1) }
        if plan.counters.isEmpty {
            var choices = 1.0
            for number in stride(from: 1, through: Double(classCount), by: 1) { choices *= (Double(plan.minimum) + number) / number }
            lefts = min(lefts, choices)
        }
        let ways = options.map { option in option.reduce(0) { $0 + ($1.classes?.count ?? 1) } }.max() ?? 0
        if lefts * bounds.mostPlaces * Double(ways) > Double(limits.planSteps) {
            throw .tooLarge(what: "steps to tell items apart", limit: limits.planSteps, pointer: plan.pointer)
        }
    }

    /// Whether the array can still become what its plan asks, with values that all differ.
    func canFinish(_ position: PlanPosition, _ plan: Plan, _ bounds: PlanBounds) -> Bool {
        if values.isEmpty { return bounds.canFinish(position) }
        var start = Place(position: position, left: [Int32](repeating: 0, count: classCount))
        for number in values.indices where !Self.has(Int32(number), position) { start.left[Int(classOf[number])] += 1 }
        start.position.seen = []
        var visited: Set<Place> = [start]
        var open = [start]
        while let place = open.popLast() {
            if bounds.isEnough(place.position) { return true }
            var after = place
            guard bounds.count(one: &after.position) else { continue }
            for (counters, classes) in options[min(Int(place.position.count), plan.declared)] {
                var next = after
                guard bounds.raise(counters, &next.position) else { continue }
                for number in classes ?? [-1] where number < 0 || next.left[number] > 0 {
                    var taken = next
                    if number >= 0 { taken.left[number] -= 1 }
                    if visited.insert(taken).inserted { open.append(taken) }
                }
            }
        }
        return false
    }
}

/// What a rule's values are, as far as they were listed.
enum ValueList: Sendable {
    case listed([ValueTree])
    /// At least so many.
    case many(Int)

    var keys: [[UInt8]]? {
        if case .listed(let trees) = self { trees.map(\.key) } else { nil }
    }
}
