// sirocco bench grammar: what masks cost here and in the engines that are installed, over the same tokens.
import ArgumentParser
import Embedded
import Glibc
import Grammar
import JSON
import Tokens

struct BenchGrammar: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grammar", abstract: "Measure masks over {schema, tests} lines, beside llguidance and XGrammar where Python has them.",
        discussion: """
            All times are CPU time of one thread, with nothing known beforehand but the vocabulary. The peers run one after the other, each in a \
            Python process of its own, over the same tokens; an instance that a peer rejects in its own order of members is tried in declared \
            order too, untimed. Ratios are the better peer's figure over ours: above 1, ours is ahead.
            """)

    @Argument(help: "Files of {schema, tests} lines, or folders of *.jsonl files.")
    var files: [String]

    @Option(help: "A byte-level tokenizer.json.")
    var tokenizer: String

    @Option(help: "Every so many lines.")
    var step = 1

    @Option(help: "The Python whose packages llguidance and xgrammar are the peers.")
    var python = "python3"

    @Flag(inversion: .prefixedNo, help: "Run the peers that are installed.")
    var peers = true

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if !(1...1_000_000).contains(step) { throw ValidationError("--step takes a number from 1 to 1,000,000.") }
    }

    func run() throws {
        try GrammarStatus.reporting {
            let path = tokenizer.hasSuffix(".json") ? tokenizer : tokenizer + "/tokenizer.json"
            let opened = try openTokenizer(path)
            guard let stop = opened.vocabulary.kinds.firstIndex(of: .control) else { throw CommandError("\(path) has no control token") }
            let run = LineRun(tokenizer: opened, options: SchemaOptions(anyOrder: true), isJSON: false, showsEach: false)
            let rows = try TemporaryFile("rows")
            var summary = LineSummary()
            var costs = MaskCosts()
            // The vocabulary's own structures belong to loading.
            _ = try CompiledGrammar(Rules(jsonSchema: true), vocabulary: opened.vocabulary)
            summary.residentBefore = ResidentMemory.begin()
            try LineRow.each(in: files, step: step) { row in
                let outcome = run.measure(row, &costs)
                summary.add(outcome)
                try rows.append(PeerRow(row, outcome, opened).line)
            }
            summary.residentAfter = ResidentMemory.peak()
            var columns = [EngineFigures(summary, costs)]
            if peers {
                for engine in ["llguidance", "xgrammar"] {
                    let figures = try EngineFigures(engine: engine, python: python, tokenizer: path, stop: stop, rows: rows.path)
                    if let figures { columns.append(figures) } else { note("\(engine) is not installed in \(python): left out") }
                }
            }
            let table = BenchTable(columns: columns)
            printLine(json ? table.json.text(.pretty) : table.text)
        }
    }
}

/// A row as the peers get it.
private struct PeerRow {
    let line: String

    init(_ row: LineRow, _ outcome: LineOutcome, _ tokenizer: Tokenizer) {
        let order = DeclaredOrder(row.schema)
        let tests = row.tests.map { test in
            let text = test.data.text(.spaced)
            let declared = order.sorted(test.data).text(.spaced)
            func ids(_ text: String) -> JSONValue { .array(tokenizer.encode(text).map { JSONValue(Int($0)) }) }
            var object: JSONObject = ["valid": .bool(test.isValid), "tokens": ids(text)]
            if declared != text { object["declared"] = ids(declared) }
            return JSONValue.object(object)
        }
        line = JSONValue.object(["name": .string(row.name), "schema": .string(row.schema.text()), "tests": .array(tests)]).text()
    }
}

/// Members in the order in which their names first stand in a schema.
private struct DeclaredOrder {
    private var places: [[UInt8]: Int] = [:]

    init(_ schema: JSONValue) { collect(schema) }

    private mutating func collect(_ value: JSONValue) {
        switch value {
        case .object(let members):
            for name in members["properties"]?.objectValue?.keys ?? [] where places[Array(name.utf8)] == nil {
                places[Array(name.utf8)] = places.count
            }
            for (_, child) in members { collect(child) }
        case .array(let items): for item in items { collect(item) }
        default: break
        }
    }

    func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let items): return .array(items.map(sorted))
        case .object(let members):
            let pairs = members.enumerated().map { (place: places[Array($1.key.utf8)] ?? .max, offset: $0, pair: ($1.key, sorted($1.value))) }
            return .object(JSONObject(pairs.sorted { ($0.place, $0.offset) < ($1.place, $1.offset) }.map(\.pair)))
        default: return value
        }
    }
}

/// A file that is removed with the value that names it.
private final class TemporaryFile {
    let path: String
    private let descriptor: Int32

    init(_ name: String) throws {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/sirocco-\(name)-XXXXXX".utf8CString)
        descriptor = template.withUnsafeMutableBufferPointer { mkstemp($0.baseAddress!) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard descriptor >= 0 else { throw CommandError("cannot write \(path): \(String(cString: strerror(errno)))") }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    func append(_ line: String) throws {
        guard write(line + "\n", to: descriptor) else { throw CommandError("cannot write \(path): \(String(cString: strerror(errno)))") }
    }
}

/// One engine's figures; times in nanoseconds.
private struct EngineFigures {
    let name: String
    let masks: [Double]
    let firstMasks: [Double]
    let refused: Int
    let right: Int
    let validRejected: Int
    let invalidAccepted: Int
    let memory: Int

    init(_ summary: LineSummary, _ costs: MaskCosts) {
        name = "sirocco \(siroccoVersion)"
        masks = costs.masks.map { $0 * 1e3 }
        firstMasks = costs.firstMasks.map { $0 * 1e3 }
        refused = summary.refused
        right = summary.right
        validRejected = summary.validRejected
        invalidAccepted = summary.invalidAccepted
        memory = summary.residentAfter - summary.residentBefore
    }

    /// Runs a peer; nil when it is not installed.
    init?(engine: String, python: String, tokenizer: String, stop: Int, rows: String) throws {
        let out = try TemporaryFile(engine)
        let script = String(
            decoding: UnsafeBufferPointer(
                start: sirocco_embedded_grammar_peers().pointee.bytes, count: sirocco_embedded_grammar_peers().pointee.count), as: UTF8.self)
        switch try runProcess([python, "-c", script, engine, tokenizer, String(stop), rows, out.path]) {
        case 0: break
        case 3: return nil
        case let status: throw CommandError("\(engine) ended with status \(status)")
        }
        let limits = JSONLimits(bytes: 1 << 30, depth: 16)
        let result = try JSONValue(parsing: readFile(out.path, limit: 1 << 30), limits: limits)
        func list(_ key: String) -> [Double] { (result[key]?.arrayValue ?? []).compactMap(\.doubleValue) }
        name = "\(engine) \(result["version"]?.stringValue ?? "")"
        masks = list("mask_ns")
        firstMasks = list("first_mask_ns")
        refused = result["refused"]?.objectValue?.count ?? 0
        right = result["right"]?.intValue ?? 0
        validRejected = result["valid_rejected"]?.intValue ?? 0
        invalidAccepted = result["invalid_accepted"]?.intValue ?? 0
        memory = (result["resident_bytes_peak"]?.intValue ?? 0) - (result["resident_bytes_before"]?.intValue ?? 0)
    }
}

/// Runs a program to its end with our standard error; its status, 128 + n after signal n.
private func runProcess(_ arguments: [String]) throws -> Int32 {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Signals are blocked here, for the watch; a child must be able to end by them.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child = pid_t()
    let fault = posix_spawnp(&child, arguments[0], nil, &attributes, &words, environ)
    guard fault == 0 else { throw CommandError("cannot run \(arguments[0]): \(String(cString: strerror(fault)))") }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
}

/// Row by row, ours beside theirs.
private struct BenchTable {
    let columns: [EngineFigures]

    private struct Row {
        let title: String
        let values: [Double]
        let shown: (Double) -> String
        /// Verdicts and refusals have no ratio.
        let isCost: Bool
    }

    private var rows: [Row] {
        func percentile(_ values: [Double], _ share: Double) -> Double {
            let sorted = values.sorted()
            return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
        func times(_ title: String, _ unit: Double, _ places: Int, _ figure: (EngineFigures) -> Double) -> Row {
            Row(title: title, values: columns.map(figure), shown: { decimals($0 / unit, places) }, isCost: true)
        }
        func counts(_ title: String, _ figure: (EngineFigures) -> Int) -> Row {
            Row(title: title, values: columns.map { Double(figure($0)) }, shown: { decimals($0, 0) }, isCost: false)
        }
        return [
            times("mask mean, µs", 1e3, 2) { $0.masks.isEmpty ? 0 : $0.masks.reduce(0, +) / Double($0.masks.count) },
            times("mask p50, µs", 1e3, 2) { percentile($0.masks, 0.5) }, times("mask p90, µs", 1e3, 2) { percentile($0.masks, 0.9) },
            times("mask p99, µs", 1e3, 2) { percentile($0.masks, 0.99) }, times("mask max, µs", 1e3, 1) { $0.masks.max() ?? 0 },
            times("first mask p50, ms", 1e6, 3) { percentile($0.firstMasks, 0.5) },
            times("first mask p99, ms", 1e6, 3) { percentile($0.firstMasks, 0.99) },
            times("first mask max, ms", 1e6, 2) { $0.firstMasks.max() ?? 0 }, times("memory growth, MB", 1e6, 1) { Double($0.memory) },
            counts("masks") { $0.masks.count }, counts("schemas refused", \.refused), counts("instances right", \.right),
            counts("valid rejected", \.validRejected), counts("invalid accepted", \.invalidAccepted),
        ]
    }

    /// The better peer's figure over ours.
    private func ratio(_ row: Row) -> Double? {
        guard row.isCost, row.values.count > 1, row.values[0] > 0, let best = row.values.dropFirst().min() else { return nil }
        return best / row.values[0]
    }

    var text: String {
        func padded(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(width - text.unicodeScalars.count, 1)) + text }
        func line(_ title: String, _ cells: [String]) -> String {
            title + String(repeating: " ", count: max(20 - title.unicodeScalars.count, 1)) + cells.map { padded($0, 20) }.joined()
        }
        let head = line("", columns.map(\.name) + (columns.count > 1 ? ["ratio"] : []))
        return ([head] + rows.map { row in line(row.title, row.values.map(row.shown) + (ratio(row).map { [decimals($0, 2)] } ?? [])) })
            .joined(separator: "\n")
    }

    var json: JSONValue {
        .array(
            rows.map { row in
                var object: JSONObject = ["row": .string(row.title)]
                for (column, value) in zip(columns, row.values) { object[column.name] = .string(row.shown(value)) }
                if let ratio = ratio(row) { object["ratio"] = JSONValue(ratio) }
                return .object(object)
            })
    }
}
