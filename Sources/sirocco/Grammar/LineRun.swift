// Files of {schema, tests} lines, token by token through the real mask: verdicts, and what masks cost.
import Glibc
import Grammar
import JSON
import Tokens

/// One run over any number of files.
struct LineRun {
    let tokenizer: Tokenizer
    let options: SchemaOptions
    let isJSON: Bool
    let showsEach: Bool
    /// States a schema at which the mask is compared with brute force over the vocabulary.
    var twinStates = 0

    /// Prints a line a schema and a summary at the end.
    /// - Returns: whether no verdict was wrong.
    func run(_ paths: [String]) throws -> Bool {
        var summary = LineSummary()
        var costs = MaskCosts()
        summary.residentBefore = ResidentMemory.begin()
        try LineRow.each(in: paths) { row in
            let outcome = measure(row, &costs)
            summary.add(outcome)
            printLine(isJSON ? outcome.json(showsEach).text(.spaced) : outcome.text)
        }
        summary.residentAfter = ResidentMemory.peak()
        printLine(isJSON ? summary.json(costs).text(.spaced) : summary.text(costs))
        return summary.wrong.isEmpty
    }

    func measure(_ row: LineRow, _ costs: inout MaskCosts) -> LineOutcome {
        var outcome = LineOutcome(name: row.name)
        let texts = row.tests.map { Self.spellings($0.data) }
        var tokens = texts.map { tokenizer.encode($0[0]) }
        let seen = (masks: costs.masks.count, first: costs.firstMasks.count)
        var rules: Rules?
        do throws(GrammarError) {
            let verdicts = try costs.measure(row.name, vocabulary: tokenizer.vocabulary, instances: tokens) { () throws(GrammarError) -> Rules in
                let made = try Rules(jsonSchema: row.schema, options: options)
                rules = made
                return made
            }
            outcome.relaxations = rules?.relaxations ?? []
            outcome.status = outcome.relaxations.isEmpty ? .exact : .relaxed
            let grammar = try CompiledGrammar(rules!, vocabulary: tokenizer.vocabulary)
            if twinStates > 0 { outcome.twin = MaskTwin.compare(grammar, tokenizer.vocabulary, states: twinStates, seed: row.name) }
            let validator = outcome.relaxations.isEmpty ? nil : try InstanceValidator(schema: row.schema, assertsFormat: options.assertsFormat)
            for (index, test) in row.tests.enumerated() {
                var isAccepted = verdicts[index]
                if !isAccepted, texts[index].count > 1 {
                    let other = tokenizer.encode(texts[index][1])
                    isAccepted = Self.accepts(grammar, other)
                    if isAccepted { tokens[index] = other }
                }
                let died = isAccepted ? nil : Self.death(of: Array(texts[index][0].utf8), grammar)
                let isValidated = validator.map { $0.validate(test.data).isEmpty }
                outcome.instances.append(
                    LineOutcome.Instance(
                        isValid: test.isValid, isAccepted: isAccepted && isValidated ?? true, died: died, tokens: tokens[index]))
            }
        } catch {
            if case .unsatisfiable = error {
                outcome.status = .unsatisfiable
                outcome.instances = row.tests.enumerated().map {
                    LineOutcome.Instance(isValid: $1.isValid, isAccepted: false, died: 0, tokens: tokens[$0])
                }
            } else {
                outcome.status = .refused
                outcome.instances = []
            }
            outcome.error = error
            return outcome
        }
        outcome.compilation = costs.compilations[seen.first]
        outcome.firstMask = costs.firstMasks[seen.first]
        outcome.bytes = costs.bytes[costs.bytes.count - 1]
        outcome.masks = Array(costs.masks[seen.masks...])
        return outcome
    }

    private static func accepts(_ grammar: CompiledGrammar, _ tokens: [TokenID]) -> Bool {
        var matcher = grammar.makeMatcher()
        return tokens.allSatisfy { matcher.accept($0) } && matcher.canStop
    }

    private static func death(of bytes: [UInt8], _ grammar: CompiledGrammar) -> Int { grammar.makeMatcher().acceptedPrefix(of: bytes) }

    /// The instance as the policy may spell it: as it stands, and with whole numbers written without a fraction.
    static func spellings(_ value: JSONValue) -> [String] {
        func whole(_ value: JSONValue) -> JSONValue {
            switch value {
            case .number(let number):
                if number.isInteger, let integer = number.intValue { return JSONValue(integer) }
                return value
            case .array(let items): return .array(items.map(whole))
            case .object(let members): return .object(JSONObject(members.map { ($0.key, whole($0.value)) }))
            default: return value
            }
        }
        let (first, second) = (value.text(.spaced), whole(value).text(.spaced))
        return first == second ? [first] : [first, second]
    }
}

/// A line of such a file.
struct LineRow {
    let name: String
    let schema: JSONValue
    let tests: [(data: JSONValue, isValid: Bool)]

    /// Every `step`th row of the files, a folder standing for its *.jsonl files.
    static func each(in paths: [String], step: Int = 1, _ body: (LineRow) throws -> Void) throws {
        var number = 0
        for path in try paths.flatMap(lineFiles) {
            let bytes = try inputBytes(path)
            for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
                if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) { continue }
                defer { number += 1 }
                guard number % step == 0 else { continue }
                let place = "\(path), line \(index + 1)"
                let value: JSONValue
                do {
                    value = try JSONValue(parsing: Array(line))
                } catch {
                    throw CommandError("\(place) is not JSON: \(error)")
                }
                try body(LineRow(value, place: place))
            }
        }
    }

    private static func lineFiles(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { return [path] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name.hasSuffix(".jsonl") { names.append(path + "/" + name) }
        }
        guard !names.isEmpty else { throw CommandError("no *.jsonl file is in \(path)") }
        return names.sorted()
    }

    init(_ value: JSONValue, place: String) throws {
        guard value.objectValue != nil, let schema = value["schema"] else { throw CommandError("\(place) has no \"schema\"") }
        name = value["name"]?.stringValue ?? place
        self.schema = schema
        tests = try (value["tests"]?.arrayValue ?? []).map { test in
            guard let data = test["data"], let isValid = test["valid"]?.boolValue else {
                throw CommandError("\(place): a test needs \"data\" and \"valid\"")
            }
            return (data, isValid)
        }
    }
}

/// What became of one schema.
struct LineOutcome {
    enum Status: String { case exact, relaxed, unsatisfiable, refused }
    struct Instance {
        let isValid: Bool
        let isAccepted: Bool
        /// The byte at which its text died.
        let died: Int?
        let tokens: [TokenID]
    }

    let name: String
    var status = Status.refused
    var error: GrammarError?
    var relaxations: [Relaxation] = []
    var instances: [Instance] = []
    /// Microseconds.
    var compilation: Double?
    var firstMask: Double?
    var masks: [Double] = []
    var bytes: Int?
    /// States at which the mask was compared with brute force, and where they differed.
    var twin: (states: Int, differences: [String])?

    init(name: String) { self.name = name }

    func json(_ showsEach: Bool) -> JSONValue {
        func nanoseconds(_ microseconds: Double) -> JSONValue { JSONValue(Int((microseconds * 1_000).rounded())) }
        var object: JSONObject = ["name": .string(name), "status": .string(status.rawValue)]
        if let error {
            object["error"] = .string(error.description)
            if let (keyword, pointer) = error.place {
                object["pointer"] = .string(pointer.description)
                if let keyword { object["keyword"] = .string(keyword) }
            }
        }
        if !relaxations.isEmpty { object["relaxations"] = .array(relaxations.map(\.json)) }
        object["instances"] = .array(
            instances.map { instance in
                var verdict: JSONObject = ["valid": .bool(instance.isValid), "accepted": .bool(instance.isAccepted)]
                if let died = instance.died { verdict["died_at"] = JSONValue(died) }
                verdict["tokens"] = showsEach ? .array(instance.tokens.map { JSONValue(Int($0)) }) : JSONValue(instance.tokens.count)
                return .object(verdict)
            })
        if let twin {
            object["twin_states"] = JSONValue(twin.states)
            object["twin_differences"] = .array(twin.differences.map { .string($0) })
        }
        if let compilation, let firstMask, let bytes {
            object["compile_ns"] = nanoseconds(compilation)
            object["first_mask_ns"] = nanoseconds(firstMask)
            object["mask_ns"] = showsEach ? .array(masks.map(nanoseconds)) : LineSummary.figures(masks)
            object["bytes"] = JSONValue(bytes)
        }
        return .object(object)
    }

    var text: String {
        var parts = [plain(name), status.rawValue]
        if let error, status == .refused { parts.append(plain(error.description)) }
        parts += relaxations.map { plain($0.description) }
        let right = instances.filter { $0.isValid == $0.isAccepted }.count
        if !instances.isEmpty { parts.append("\(right) of \(instances.count) right") }
        if let twin { parts.append("\(twin.states) masks as by brute force" + twin.differences.map { ", but \(plain($0))" }.joined()) }
        if let firstMask {
            let (mean, _, maximum) = MaskCosts.summary(masks)
            parts.append("first mask \(decimals(firstMask / 1e3, 2)) ms, mean \(decimals(mean, 1)) µs, max \(decimals(maximum, 1)) µs")
        }
        return parts.joined(separator: "; ")
    }
}

/// All schemas together.
struct LineSummary {
    private var counts: [LineOutcome.Status: Int] = [:]
    private var twinStates = 0
    private(set) var right = 0
    private(set) var wrong: [String] = []
    private(set) var validRejected = 0
    private(set) var invalidAccepted = 0
    var residentBefore = 0
    var residentAfter = 0

    mutating func add(_ outcome: LineOutcome) {
        counts[outcome.status, default: 0] += 1
        twinStates += outcome.twin?.states ?? 0
        wrong += (outcome.twin?.differences ?? []).map { "\(outcome.name): \($0)" }
        for (index, instance) in outcome.instances.enumerated() {
            if instance.isValid == instance.isAccepted {
                right += 1
            } else {
                if instance.isValid { validRejected += 1 } else { invalidAccepted += 1 }
                wrong.append("\(outcome.name), test \(index + 1): \(instance.isValid ? "valid but rejected" : "invalid but accepted")")
            }
        }
    }

    var refused: Int { counts[.refused] ?? 0 }
    private var schemas: Int { counts.values.reduce(0, +) }

    /// Count, mean, percentiles and maximum of times, in nanoseconds.
    static func figures(_ microseconds: [Double]) -> JSONValue {
        let (mean, percentiles, maximum) = MaskCosts.summary(microseconds)
        func nanoseconds(_ value: Double) -> JSONValue { JSONValue(Int((value * 1_000).rounded())) }
        var object: JSONObject = ["count": JSONValue(microseconds.count), "mean": nanoseconds(mean)]
        for (name, percentile) in zip(["p50", "p90", "p99", "p99.9"], percentiles) { object[name] = nanoseconds(percentile.value) }
        object["max"] = nanoseconds(maximum)
        return .object(object)
    }

    func json(_ costs: MaskCosts) -> JSONValue {
        [
            "summary": [
                "schemas": JSONValue(schemas), "exact": JSONValue(counts[.exact] ?? 0), "relaxed": JSONValue(counts[.relaxed] ?? 0),
                "unsatisfiable": JSONValue(counts[.unsatisfiable] ?? 0), "refused": JSONValue(counts[.refused] ?? 0), "right": JSONValue(right),
                "twin_states": JSONValue(twinStates),
                "valid_rejected": JSONValue(validRejected), "invalid_accepted": JSONValue(invalidAccepted),
                "wrong": .array(wrong.map { .string($0) }), "mask_ns": Self.figures(costs.masks), "accept_ns": Self.figures(costs.accepted),
                "compile_ns": Self.figures(costs.compilations), "first_mask_ns": Self.figures(costs.firstMasks),
                "resident_bytes_before": JSONValue(residentBefore), "resident_bytes_peak": JSONValue(residentAfter),
            ]
        ]
    }

    func text(_ costs: MaskCosts) -> String {
        let parts = [LineOutcome.Status.exact, .relaxed, .unsatisfiable, .refused].map { "\(counts[$0] ?? 0) \($0.rawValue)" }
        return """

            \(schemas) schemas: \(parts.joined(separator: ", ")); \(right) instances right, \(validRejected) valid rejected, \
            \(invalidAccepted) invalid accepted\(twinStates > 0 ? "; \(twinStates) masks compared with brute force" : "")
            \(wrong.map { plain($0) + "\n" }.joined())\(costs.report)
            peak of resident memory: \(bytesText(residentBefore)) before the first schema, \(bytesText(residentAfter)) after the last
            """
    }
}

extension GrammarError {
    /// Keyword and place in a schema, where the error has them.
    var place: (keyword: String?, pointer: JSONPointer)? {
        switch self {
        case .unsupported(let keyword, let pointer, _): (keyword, pointer)
        case .unsatisfiable(let pointer, _), .invalidSchema(let pointer, _), .tooLarge(_, _, let pointer): (nil, pointer)
        case .syntax, .malformed: nil
        }
    }
}
