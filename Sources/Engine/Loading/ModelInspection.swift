// Everything a model's files say, for people and programs, without loading it.
public import JSON

/// A look into a model: metadata, architecture, tensors, plan and memory, or why there is no plan.
public struct ModelInspection: Sendable {
    /// Where the model is.
    public let path: String
    /// All that its files say beside the tensors.
    public let metadata: JSONValue
    /// The tensors as the files declare them.
    public let tensors: [TensorInfo]
    /// Bytes of all its files.
    public let fileBytes: Int
    /// The opened source, or why the architecture is not supported.
    public let source: Result<ModelSource, LoadError>
    /// What loading would do, or why it would fail.
    public let plan: Result<LoadPlan, LoadError>

    /// Looks into a GGUF file, a model's folder, or a lone safetensors file (which has tensors but no architecture).
    public init(path: String, options: LoadOptions = .init()) throws(LoadError) {
        self.path = path
        if try !isFolder(path) {
            let file = try MappedFile(path: path)
            if ModelFiles.isSafetensors(file) {
                let safetensors = try SafetensorsFile(file)
                let missing = LoadError.missingFile(file: "config.json", folder: "a lone safetensors file")
                metadata = .object(
                    JSONObject([
                        ("format", "safetensors"),
                        ("safetensors", .object(JSONObject(safetensors.metadata.map { ($0.key, .string($0.value)) }))),
                    ]))
                tensors = safetensors.tensors
                fileBytes = file.count
                source = .failure(missing)
                plan = .failure(missing)
                return
            }
        }
        let files = try ModelFiles(path: path)
        metadata = try files.metadata()
        tensors = files.weights.tensors
        fileBytes = files.weights.byteCount
        do {
            let opened = try ModelSource(files, name: ModelSource.name(ofPath: path))
            source = .success(opened)
            do {
                plan = .success(try opened.plan(options: options))
            } catch {
                plan = .failure(error)
            }
        } catch {
            source = .failure(error)
            plan = .failure(error)
        }
    }

    /// All of it as one JSON object.
    public var json: JSONValue {
        var object = JSONObject([
            ("path", .string(path)), ("fileBytes", JSONValue(fileBytes)), ("metadata", metadata),
            ("tensors", .array(tensors.map(\.json))),
        ])
        switch source {
        case .success(let source):
            object["name"] = .string(source.name)
            object["architecture"] = source.architecture.json
            object["stopTokens"] = .array(source.stopTokens.map { JSONValue(Int($0)) })
            object["specialTokens"] = .object(JSONObject(source.specialTokens.map { ($0.name, .string($0.text)) }))
            object["chatTemplates"] = .array(source.chatTemplates.map { .string($0.name) })
            object["defaultSampling"] = source.defaultSampling.json
        case .failure(let error): object["error"] = .string(error.description)
        }
        switch plan {
        case .success(let plan):
            object["plan"] = plan.json
            object["memory"] = plan.memory.json
        case .failure(let error): object["error"] = .string(error.description)
        }
        return .object(object)
    }

    /// All of it as lines of text.
    public var text: String {
        var lines = ["\(path): \(fileBytes) bytes, \(tensors.count) tensors", "", "metadata"]
        lines += indented(metadata.text(.pretty))
        if case .success(let source) = source {
            lines += ["", "architecture"] + indented(source.architecture.json.text(.pretty))
            lines.append("  stop tokens: \(source.stopTokens.map(String.init).joined(separator: ", "))")
        }
        switch plan {
        case .success(let plan): lines += ["", plan.description]
        case .failure(let error):
            lines += ["", "tensors"] + tensors.map { "  \($0.name)  \($0.type.name)  \($0.shape)  \($0.range)" }
            lines += ["", "no plan: \(error)"]
        }
        return lines.joined(separator: "\n")
    }

    private func indented(_ text: String) -> [String] { text.split(separator: "\n").map { "  " + $0 } }
}

extension TensorInfo {
    var json: JSONValue {
        .object(
            JSONObject([
                ("name", .string(name)), ("type", .string(type.name)), ("shape", .array(shape.map { JSONValue($0) })),
                ("file", JSONValue(file)), ("offset", JSONValue(range.lowerBound)), ("bytes", JSONValue(range.count)),
            ]))
    }
}

extension DefaultSampling {
    /// The parameters that are set, under generation_config.json's names.
    public var json: JSONValue {
        var object = JSONObject()
        for (key, value) in [
            ("temperature", temperature), ("top_p", topP), ("min_p", minP), ("repetition_penalty", repetitionPenalty),
        ] {
            if let value { object[key] = decimal(value) }
        }
        if let topK { object["top_k"] = JSONValue(topK) }
        return .object(object)
    }
}

extension MemoryEstimate {
    /// The bytes by kind, as JSON.
    public var json: JSONValue {
        var object = JSONObject([
            ("weights", JSONValue(weights)), ("mapped", JSONValue(mapped)), ("copied", JSONValue(copied)),
            ("packed", JSONValue(packed)), ("widened", JSONValue(widened)),
            ("keyValuePerPosition", JSONValue(keyValuePerPosition)),
        ])
        if let keyValueAtFullContext { object["keyValueAtFullContext"] = JSONValue(keyValueAtFullContext) }
        return .object(object)
    }
}

extension LoadPlan.Transform: CustomStringConvertible {
    /// The transform with its numbers.
    public var description: String {
        switch self {
        case .none: "none"
        case .unpermuteRope(let heads, let rotary): "unpermuteRope(heads: \(heads), rotary: \(rotary))"
        }
    }
}

extension LoadPlan: CustomStringConvertible {
    /// The plan as a table, a line per slot.
    public var description: String {
        var lines = ["plan of \(name): \(steps.count) slots"]
        for step in steps {
            let shape = step.columns == 1 ? "[\(step.rows.count)]" : "[\(step.rows.count) × \(step.columns)]"
            let rows = step.rows.lowerBound == 0 ? "" : " from row \(step.rows.lowerBound)"
            let transform = step.transform == .none ? "" : " \(step.transform)"
            lines.append(
                "  \(step.slot) ← \(step.tensor.name)\(rows) \(step.storedType.name)\(step.isConverted ? " as \(step.type.name)" : "") \(shape) \(step.placement.rawValue)\(transform)"
            )
        }
        for name in ignored { lines.append("  not read: \(name)") }
        lines.append(
            "memory: \(memory.weights) bytes of weights (\(memory.mapped) mapped, \(memory.copied) copied, \(memory.packed) packed, "
                + "\(memory.widened) widened), "
                + "\(memory.keyValuePerPosition) bytes of cache a position")
        return lines.joined(separator: "\n")
    }

    /// The plan as JSON, an entry per slot.
    public var json: JSONValue {
        .object(
            JSONObject([
                (
                    "steps",
                    .array(
                        steps.map { step in
                            .object(
                                JSONObject([
                                    ("slot", .string(step.slot.description)), ("tensor", .string(step.tensor.name)),
                                    ("firstRow", JSONValue(step.rows.lowerBound)), ("rows", JSONValue(step.rows.count)),
                                    ("columns", JSONValue(step.columns)), ("storedType", .string(step.storedType.name)),
                                    ("type", .string(step.type.name)),
                                    ("transform", .string(step.transform.description)), ("placement", .string(step.placement.rawValue)),
                                ]))
                        })
                ),
                ("ignored", .array(ignored.map { .string($0) })),
            ]))
    }
}
