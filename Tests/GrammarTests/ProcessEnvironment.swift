// Switches for longer runs of the same tests.
import Foundation

enum ProcessEnvironment {
    /// Every how many schemas of JSONSchemaBench are tried (GRAMMAR_BENCH_STEP=1 for all).
    static var benchStep: Int { ProcessInfo.processInfo.environment["GRAMMAR_BENCH_STEP"].flatMap(Int.init) ?? 24 }
    /// GRAMMAR_VERBOSE prints what policy rejects.
    static var isVerbose: Bool { ProcessInfo.processInfo.environment["GRAMMAR_VERBOSE"] != nil }
    /// GRAMMAR_WRITE_DOCS=1 writes the tables of docs/grammar.md anew.
    static var writesDocuments: Bool { ProcessInfo.processInfo.environment["GRAMMAR_WRITE_DOCS"] != nil }
}
