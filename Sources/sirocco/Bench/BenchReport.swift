// What a bench run found, as a table for people and as JSON.
import Engine
import Glibc
import JSON

struct BenchReport {
    /// Seconds of each part of starting, in their order.
    struct Load {
        var open = 0.0
        var tokenizer = 0.0
        var weights = 0.0
        var engine = 0.0
        var firstToken = 0.0

        /// From opening the model's files to its first token.
        var total: Double { open + tokenizer + weights + engine + firstToken }
    }

    /// The figures of one number of threads.
    struct Series {
        var threads: Int
        var limits: MachineLimits?
        var figures: [Figure]
    }

    let model: String
    let kernels: String
    let weightBytes: Int
    let load: Load
    /// After the first series; nil where the system does not say.
    var memory: ProcessMemory?
    var series: [Series] = []

    // MARK: - For people

    var text: String {
        var lines = [
            "model    \(model), \(bytesText(weightBytes)) of weights; kernels \(kernels)",
            "load     \(decimals(load.total, 3)) s to the first token: open \(decimals(load.open, 3)), tokenizer \(decimals(load.tokenizer, 3)), "
                + "weights \(decimals(load.weights, 3)), engine \(decimals(load.engine, 3)), first token \(decimals(load.firstToken, 3))",
        ]
        if let memory {
            lines.append("memory   \(bytesText(memory.peak)) at most; now \(bytesText(memory.own)) of its own, \(bytesText(memory.files)) of files")
        }
        for series in series { lines += [""] + text(series) }
        if series.contains(where: { $0.limits != nil }), weightBytes < sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)) {
            lines.append("So small a model stays in the processor's cache: what memory limits is a lower bound here.")
        }
        return lines.joined(separator: "\n")
    }

    private func text(_ series: Series) -> [String] {
        let threads = "\(series.threads) thread\(series.threads == 1 ? "" : "s")"
        var rows = [[threads, "tokens/s", "at most", ""]]
        if series.limits != nil { rows[0] += ["limit", "reached", "bound by"] }
        for figure in series.figures {
            var row = [figure.kind.name, decimals(median(figure.rates), 1), decimals(figure.rates.max() ?? 0, 1)]
            row.append(figure.cost.isEmpty ? "" : "\(decimals(median(figure.cost), 2)) × one token")
            if let limits = series.limits {
                if let least = limits.least(figure.work) {
                    row += [
                        decimals(Double(figure.tokens) / least.seconds, 1), decimals(100 * least.seconds / median(figure.seconds), 1) + " %",
                        least.bound.rawValue,
                    ]
                } else {
                    row += ["unknown", "", ""]
                }
            }
            rows.append(row)
        }
        var lines = aligned(rows)
        if let limits = series.limits {
            lines.insert(
                "limits   \(decimals(limits.bandwidth / 1e9, 1)) GB/s read; "
                    + [("int8", limits.int8), ("BF16", limits.bfloat), ("F32", limits.float)].filter { $0.1 > 0 }
                    .map { "\($0.0) \(decimals($0.1 / 1e9, 0))" }.joined(separator: ", ") + " billion operations/s", at: 0)
        }
        return lines
    }

    /// Columns: the first and the last to the left, the rest to the right.
    private func aligned(_ rows: [[String]]) -> [String] {
        let columns = rows[0].count
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() where widths[column] > 0 {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                line += column == 0 || column == 6 ? cell + space : space + cell
                line += "  "
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    // MARK: - For programs

    var json: JSONValue {
        var object = JSONObject([
            ("model", .string(model)), ("kernels", .string(kernels)), ("weight_bytes", JSONValue(weightBytes)),
            (
                "load_seconds",
                [
                    "open": JSONValue(load.open), "tokenizer": JSONValue(load.tokenizer), "weights": JSONValue(load.weights),
                    "engine": JSONValue(load.engine), "first_token": JSONValue(load.firstToken), "total": JSONValue(load.total),
                ]
            ),
        ])
        if let memory {
            object["memory_bytes"] = ["peak": JSONValue(memory.peak), "own": JSONValue(memory.own), "files": JSONValue(memory.files)]
        }
        object["series"] = .array(series.map(json))
        return .object(object)
    }

    private func json(_ series: Series) -> JSONValue {
        var object = JSONObject([("threads", JSONValue(series.threads))])
        if let limits = series.limits {
            object["limits"] = [
                "read_bytes_per_second": JSONValue(limits.bandwidth), "int8_operations_per_second": JSONValue(limits.int8),
                "bf16_operations_per_second": JSONValue(limits.bfloat), "f32_operations_per_second": JSONValue(limits.float),
            ]
        }
        object["figures"] = .array(series.figures.map { json($0, series.limits) })
        return .object(object)
    }

    private func json(_ figure: Figure, _ limits: MachineLimits?) -> JSONValue {
        var object = JSONObject()
        switch figure.kind {
        case .prefill(let tokens): (object["kind"], object["tokens"]) = ("prefill", JSONValue(tokens))
        case .decode(let depth): (object["kind"], object["depth"]) = ("decode", JSONValue(depth))
        case .batch(let sequences, let depth):
            (object["kind"], object["sequences"], object["depth"]) = ("batch", JSONValue(sequences), JSONValue(depth))
        case .verify(let tokens, let depth):
            (object["kind"], object["tokens"], object["depth"]) = ("verify", JSONValue(tokens), JSONValue(depth))
        }
        object["tokens_per_second"] = [
            "median": JSONValue(median(figure.rates)), "max": JSONValue(figure.rates.max() ?? 0),
            "samples": .array(figure.rates.map { JSONValue($0) }),
        ]
        if !figure.cost.isEmpty { object["cost_in_single_steps"] = JSONValue(median(figure.cost)) }
        if let least = limits?.least(figure.work) {
            object["limit_tokens_per_second"] = JSONValue(Double(figure.tokens) / least.seconds)
            object["fraction_of_limit"] = JSONValue(least.seconds / median(figure.seconds))
            object["bound_by"] = .string(least.bound.rawValue)
        }
        return .object(object)
    }
}
