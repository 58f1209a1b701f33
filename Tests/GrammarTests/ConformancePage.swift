// The tables of docs/grammar.md: made by the tests, compared with the page, and written into it with GRAMMAR_WRITE_DOCS=1.
import Foundation
import Synchronization
import TestSupport
import Testing

/// What became of the tests of one keyword or format.
struct ConformanceRow {
    var right = 0
    var refused = 0
    /// Valid texts that are deliberately never generated.
    var neverGenerated = 0
    var wrong = 0
    /// Why whatever is refused is refused.
    var reasons: Set<String> = []

    static func + (a: ConformanceRow, b: ConformanceRow) -> ConformanceRow {
        ConformanceRow(
            right: a.right + b.right, refused: a.refused + b.refused, neverGenerated: a.neverGenerated + b.neverGenerated,
            wrong: a.wrong + b.wrong, reasons: a.reasons.union(b.reasons))
    }
}

/// The page, whose generated parts stand between `<!-- name: … -->` and `<!-- end of name -->`.
enum ConformancePage {
    private static let page = "docs/grammar.md"
    private static let lock = Mutex(())

    /// A table of rows by the names of the suite's files, with their sum.
    static func table(_ rows: [String: ConformanceRow], first: String, hasNeverGenerated: Bool) -> String {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        func cells(_ name: String, _ row: ConformanceRow, _ reasons: String) -> [String] {
            [name, String(row.right), String(row.refused)] + (hasNeverGenerated ? [String(row.neverGenerated)] : []) + [String(row.wrong), reasons]
        }
        let head = [first, "right", "refused"] + (hasNeverGenerated ? ["never generated"] : []) + ["wrong", "why refused"]
        let lines = rows.sorted { $0.key < $1.key }.map { file, row in
            cells("`\(file.dropLast(".json".count))`", row, row.reasons.sorted().map { "`\($0)`" }.joined(separator: ", "))
        }
        let sum = cells("together", rows.values.reduce(ConformanceRow(), +), "")
        let rule = "|---|" + String(repeating: "---:|", count: head.count - 2) + "---|"
        return ([line(head), rule] + lines.map(line) + [line(sum)]).joined(separator: "\n")
    }

    /// The limits with their values and meanings, as the source declares them.
    static func limits() throws -> String {
        let source = String(decoding: try Fixtures.readFile(Fixtures.root + "/Sources/Grammar/SchemaOptions.swift"), as: UTF8.self)
        var lines = ["| limit | standard | what it bounds |", "|---|---:|---|"]
        var comment: [String] = []
        for line in source.split(separator: "\n").map({ $0.drop { $0 == " " } }) {
            if line == "public init() {}" { break }
            if line.hasPrefix("/// ") {
                comment.append(String(line.dropFirst(4)))
            } else if line.hasPrefix("public var "), let equals = line.firstRange(of: " = ") {
                lines.append(
                    "| `\(line[..<equals.lowerBound].dropFirst(11))` | `\(line[equals.upperBound...])` | \(comment.joined(separator: " ")) |")
                comment = []
            } else {
                comment = []
            }
        }
        return lines.joined(separator: "\n")
    }

    /// Compares a generated part of the page with what it should be; with GRAMMAR_WRITE_DOCS=1 the page is made so.
    static func check(_ name: String, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try lock.withLock { _ in
            let path = Fixtures.root + "/" + page
            var document = String(decoding: try Fixtures.readFile(path), as: UTF8.self)
            let head = "<!-- \(name): made by the tests of Grammar with GRAMMAR_WRITE_DOCS=1 -->\n"
            guard let start = document.firstRange(of: head), let end = document.firstRange(of: "<!-- end of \(name) -->"),
                start.upperBound <= end.lowerBound
            else {
                Issue.record("\(page) has no place for \(name)", sourceLocation: sourceLocation)
                return
            }
            let wanted = "\n" + text + "\n\n"
            if ProcessEnvironment.writesDocuments {
                document.replaceSubrange(start.upperBound..<end.lowerBound, with: wanted)
                try Data(document.utf8).write(to: URL(fileURLWithPath: path))
            } else {
                #expect(
                    document[start.upperBound..<end.lowerBound] == wanted,
                    "\(page) differs from this run: GRAMMAR_WRITE_DOCS=1 swift test --filter GrammarTests writes it anew",
                    sourceLocation: sourceLocation)
            }
        }
    }
}
