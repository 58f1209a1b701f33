// Integer programming in the small: how often each way may be taken so that all sums lie within their bounds.

/// Whole numbers x ≥ 0, one for each variable, so that every amount (the sum of the variables that add to it) lies within its bounds.
struct AmountSearch {
    /// By variable: the amounts that it adds to.
    private let variables: [[Int]]
    /// By variable: the amounts that it or a later one adds to.
    private let later: [[Int]]
    /// By variable and amount: what the variables from there on can add at most.
    private var potential: [[Int]] = []
    /// From where nothing was found: the variable, and what was missing then.
    private var failed: Set<[Int]> = []
    /// How many states were found to lead nowhere.
    var failures: Int { failed.count }

    init(_ variables: [[Int]]) {
        self.variables = variables
        var touched = Set<Int>()
        var later: [[Int]] = [[]]
        for variable in variables.reversed() {
            touched.formUnion(variable)
            later.append(touched.sorted())
        }
        self.later = later.reversed()
    }

    /// Whether there are such numbers for these bounds: at least, and at most (`Int.max` for no bound).
    mutating func run(_ low: [Int], _ high: [Int]) -> Bool {
        potential = [[Int]](repeating: [Int](repeating: 0, count: low.count), count: variables.count + 1)
        for index in variables.indices.reversed() {
            potential[index] = potential[index + 1]
            let bound = variables[index].map { high[$0] }.min() ?? 0
            for amount in variables[index] {
                let (sum, overflow) = potential[index][amount].addingReportingOverflow(bound)
                potential[index][amount] = overflow ? .max : sum
            }
        }
        return choose(0, low, high)
    }

    /// Chooses the variables from `index` on; `low` may be negative (already enough).
    private mutating func choose(_ index: Int, _ low: [Int], _ high: [Int]) -> Bool {
        for amount in low.indices where low[amount] > potential[index][amount] { return false }
        guard index < variables.count else { return true }
        let state = [index] + later[index].flatMap { [max(low[$0], 0), high[$0]] }
        if failed.contains(state) { return false }
        let touched = variables[index]
        var least = 0
        var most = Int.max
        for amount in touched {
            let after = potential[index + 1][amount]
            if after != .max { least = max(least, low[amount] - after) }
            most = min(most, high[amount])
        }
        // Without an upper bound, more than what is missing helps nobody.
        if most == .max { most = max(least, touched.map { low[$0] }.max() ?? 0) }
        var x = least
        while x <= most {
            var (nextLow, nextHigh) = (low, high)
            for amount in touched {
                nextLow[amount] -= x
                if high[amount] != .max { nextHigh[amount] -= x }
            }
            if choose(index + 1, nextLow, nextHigh) { return true }
            x += 1
        }
        failed.insert(state)
        return false
    }

    /// What an amount can be: counted from what it is to what it may be at most or, where it has no bound, until it is enough.
    struct Range {
        let values: Double
        let isBounded: Bool

        init(_ minimum: Int32, _ maximum: Int32) {
            values = Double(maximum == .max ? minimum : maximum) + 1
            isBounded = maximum != .max
        }
    }

    /// At least as many choices as are looked at, whatever is asked.
    static func mostSteps(_ variables: [[Int]], _ ranges: [Range]) -> Double {
        var first: [Int: Int] = [:]
        var last: [Int: Int] = [:]
        for (index, variable) in variables.enumerated() {
            for amount in variable {
                first[amount] = first[amount] ?? index
                last[amount] = index
            }
        }
        var steps = 1.0
        var choices = 1.0
        for (index, variable) in variables.enumerated() {
            // Only what was added to before, and will be again, makes one state differ from another; no state comes but by a choice.
            let open = ranges.indices.filter { first[$0] ?? index < index && last[$0]! >= index }
            choices = min(choices, open.reduce(1) { $0 * ranges[$1].values })
            // The last number follows from the others.
            if index == variables.count - 1 { break }
            choices *= variable.filter { ranges[$0].isBounded }.map { ranges[$0].values }.min() ?? variable.map { ranges[$0].values }.max() ?? 1
            steps += choices
        }
        return steps
    }
}
