// What `sirocco bench` computes around its measurements: plans that fit, limits, shares, the table.
import Engine
import JSON
import Testing

@testable import sirocco

@Suite struct BenchTests {
    private let plan = BenchPlan(prefill: [128, 512], depths: [0, 900], batches: [1, 8], batchDepth: 64, generate: 16, verify: 4, runs: 2)

    @Test(arguments: [("1,2,3", [1, 2, 3]), ("0", [0]), ("none", [])] as [(String, [Int])]) func lists(text: String, numbers: [Int]) {
        #expect(NumberList(argument: text)?.numbers == numbers)
    }

    @Test(arguments: ["", "1,", "a", "-1", "1,1", "99999999999999999999", "1 2"]) func noLists(text: String) {
        #expect(NumberList(argument: text) == nil)
    }

    @Test func defaultsThatDoNotFitAreLeftOut() throws {
        let fitted = try plan.fitted(to: 600, chosen: (false, false, false))
        #expect(fitted.prefill == [128, 512] && fitted.depths == [0] && fitted.batches == [1, 8])
        #expect(try plan.fitted(to: 100, chosen: (false, false, false)).prefill.isEmpty)
        #expect(fitted.cacheTokens >= 8 * (64 + 32))
    }

    @Test func whatWasAskedForIsRefused() {
        for (chosen, word) in [((true, false, false), "--prefill 512"), ((false, true, false), "--depth 900"), ((false, false, true), "--batch 8")] {
            let error = #expect(throws: CommandError.self) { try plan.fitted(to: 110, chosen: chosen) }
            #expect(error?.description.hasPrefix(word) == true || (word == "--prefill 512" && error?.description.hasPrefix("--prefill 128") == true))
        }
    }

    @Test func limits() {
        let limits = MachineLimits(bandwidth: 100, int8: 1000, bfloat: 0, float: 10)
        var work = StepWork()
        work.bytes = 500
        #expect(limits.least(work).map { $0.seconds == 5 && $0.bound == .memory } == true)
        work.quantized = 6000
        #expect(limits.least(work).map { $0.seconds == 6 && $0.bound == .int8 } == true)
        work.half = 100
        #expect(limits.least(work).map { $0.seconds == 16 && $0.bound == .f32 } == true)
        #expect(MachineLimits(bandwidth: 0, int8: 1, bfloat: 1, float: 1).least(work) == nil)
    }

    @Test func memoryIsRead() {
        let memory = ProcessMemory(status: "Name:\tx\nVmHWM:\t    2048 kB\nRssAnon:\t 1024 kB\nRssFile:\t  512 kB\n")
        #expect(memory.map { $0.peak == 2 << 20 && $0.own == 1 << 20 && $0.files == 512 << 10 } == true)
        #expect(ProcessMemory(status: "VmHWM: many") == nil)
    }

    @Test func theTableSaysWhatWasFound() {
        var work = StepWork()
        work.bytes = 1_000_000
        var report = BenchReport(model: "m", kernels: "avx2", weightBytes: 1 << 40, load: .init())
        report.series = [
            .init(
                threads: 2, limits: MachineLimits(bandwidth: 1e7, int8: 1, bfloat: 0, float: 1),
                figures: [
                    Figure(kind: .decode(depth: 7), tokens: 1, seconds: [0.25, 0.2, 0.5], work: work),
                    Figure(kind: .verify(tokens: 4, depth: 7), tokens: 4, seconds: [0.5], work: work, cost: [1.25]),
                ])
        ]
        let lines = report.text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(lines.contains("decode at 7 4.0 5.0 10.0 40.0 % memory"))
        #expect(lines.contains("verify 4 at 7 8.0 8.0 1.25 × one token 40.0 20.0 % memory"))
        let figure = report.json["series"]?[0]?["figures"]?[0]
        #expect(figure?["fraction_of_limit"] == 0.4 && figure?["bound_by"] == "memory" && figure?["depth"] == 7)
    }

    @Test func medians() { #expect(median([3, 1, 2]) == 2 && median([4, 1, 2, 3]) == 2.5) }
}
