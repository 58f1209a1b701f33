// What a bench run measures: lengths, depths and batches, checked against each other and against the model before anything is loaded.
import ArgumentParser
import Engine

/// Numbers separated by commas, or "none".
struct NumberList: ExpressibleByArgument {
    var numbers: [Int]

    init?(argument: String) {
        if argument == "none" {
            numbers = []
            return
        }
        numbers = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Int(part), number >= 0, !numbers.contains(number) else { return nil }
            numbers.append(number)
        }
    }
}

/// The figures that one run takes, for each thread count.
struct BenchPlan: Equatable {
    /// Prompt lengths whose prefill is timed.
    var prefill: [Int]
    /// Positions in the cache before decoding is timed; verification is timed at the same depths.
    var depths: [Int]
    /// Sequences that decode together.
    var batches: [Int]
    /// Positions that each sequence of a batch has before.
    var batchDepth: Int
    /// Tokens decoded in one sample.
    var generate: Int
    /// Drafted tokens that are verified at once; 0: none.
    var verify: Int
    /// Samples of each figure.
    var runs: Int

    static let defaultPrefill = [128, 512, 2048]
    static let defaultDepths = [0, 512, 2048]
    static let defaultBatches = [1, 4, 8, 16]

    /// Steps that a batch decodes at most while its last sequences still enter.
    func entrySteps(_ batch: Int) -> Int { batch * batchDepth / 64 + 8 }

    /// Positions that one sequence needs.
    func prefillPositions(_ length: Int) -> Int { length + 1 }
    func decodePositions(_ depth: Int) -> Int { max(depth, 1) + max(runs * generate, verify) + 2 }
    func batchPositions(_ batch: Int) -> Int { max(batchDepth, 1) + runs * generate + entrySteps(batch) + 2 }

    /// Positions that the cache must hold, in whole blocks of any length up to 64.
    var cacheTokens: Int {
        let single = (prefill.map(prefillPositions) + depths.map(decodePositions)).max() ?? 1
        return max(single + 64, batches.map { ($0 * (batchPositions($0) + 64)) }.max() ?? 1)
    }

    /// Leaves out what does not fit a context where `chosen` says that it is a default; refuses it by the flag's name otherwise.
    func fitted(to context: Int, chosen: (prefill: Bool, depths: Bool, batches: Bool)) throws -> BenchPlan {
        func fit(_ flag: String, _ values: [Int], _ isChosen: Bool, _ need: (Int) -> Int) throws -> [Int] {
            try values.filter { value in
                let fits = need(value) <= context
                if !fits && isChosen {
                    throw CommandError(
                        "\(flag) \(value) takes \(need(value)) positions; the model's context has \(context) (fewer --runs or --generate take less)")
                }
                return fits
            }
        }
        var plan = self
        plan.prefill = try fit("--prefill", prefill, chosen.prefill, prefillPositions)
        plan.depths = try fit("--depth", depths, chosen.depths, decodePositions)
        plan.batches = try fit("--batch", batches, chosen.batches, batchPositions)
        return plan
    }
}
