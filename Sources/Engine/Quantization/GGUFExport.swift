// A model as one GGUF file that llama.cpp loads: its matrices quantized on the way, its metadata and tokenizer carried over or translated.
internal import JSON
internal import Tokens

extension ModelSource {
    /// Writes the model to `path`, quantized as `options` say; returns the file's length in bytes.
    ///
    /// A GGUF source keeps its metadata and the order of its rows. A folder in Hugging Face's layout becomes what llama.cpp's converter would make of
    /// it; what GGUF cannot say is refused by name. The file appears when it is whole.
    public func writeGGUF(
        to path: String, options: LoadOptions, progress: (@Sendable (LoadProgress) -> Void)? = nil
    ) throws(LoadError) -> Int {
        let plan = try plan(options: options)
        var output = GGUFOutput()
        output.entries = try metadataEntries(plan)
        let importance = try plan.importances()
        for (index, step) in plan.steps.enumerated() { output.tensors.append(tensor(step, importance: importance[index])) }
        output.tensors += try extraTensors(plan)
        try weights.checkLengths()
        let count = try output.write(to: path, threads: options.threads, progress: progress)
        try weights.checkLengths()
        return count
    }

    /// llama.cpp's name for the architecture, and whether its files have interleaved Q and K rows.
    private var written: (name: String, interleaved: Bool) {
        switch ggufFile {
        case let file?: (file.value("general.architecture")?.stringValue ?? architecture.family, storesInterleavedRope)
        // llama.cpp knows Mistral's models as Llamas.
        case nil: architecture.family == "llama" || architecture.family == "mistral" ? ("llama", true) : (architecture.family, false)
        }
    }

    // ---- Tensors ----

    /// One slot's tensor, in the order of rows that the file wants.
    private func tensor(_ step: LoadPlan.Step, importance: [Float]?) -> GGUFOutput.Tensor {
        let isVector = step.placement == .widened
        let type: ElementType = isVector ? .f32 : step.type
        let file = weights.files[step.tensor.file]
        let start = step.tensor.range.lowerBound + step.rows.lowerBound * step.storedRowBytes
        let order = storedOrder(step)
        let converts = step.storedType != type
        return GGUFOutput.Tensor(
            name: TensorNames.gguf.name(step.slot), shape: isVector ? [step.rows.count] : [step.rows.count, step.columns], type: type.rawValue,
            byteCount: step.rows.count * type.rowBytes(columns: step.columns)!, rows: step.rows.count,
            rowBytes: type.rowBytes(columns: step.columns)!, sourceRowBytes: step.storedRowBytes
        ) { rows, out in
            let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + step.sourceBytes])
            let rowBytes = type.rowBytes(columns: step.columns)!
            var converter = RowConverter(from: step.storedType, to: type, columns: step.columns, importance: importance)
            defer { file.isDone(with: start + rows.lowerBound * step.storedRowBytes..<start + rows.upperBound * step.storedRowBytes) }
            for row in rows {
                let from = bytes.baseAddress! + (order?[row] ?? row) * step.storedRowBytes
                let to = out + (row - rows.lowerBound) * rowBytes
                if !converts {
                    to.copyMemory(from: from, byteCount: rowBytes)
                } else if !converter.convert(from, into: to) {
                    return .notQuantizable(
                        file: file.name, tensor: step.tensor.name, row: step.rows.lowerBound + (order?[row] ?? row), type: type.name)
                }
            }
            return nil
        }
    }

    /// Which of the source's rows stands at each place of the file; nil: the same. A GGUF source already has its own order.
    private func storedOrder(_ step: LoadPlan.Step) -> [Int]? {
        guard ggufFile == nil, written.interleaved, case .layer(let index, let part) = step.slot else { return nil }
        let attention = architecture.layers[index].attention
        let heads: Int
        switch part {
        case .q, .qBias: heads = attention.heads
        case .k, .kBias: heads = attention.keyValueHeads
        default: return nil
        }
        let transform = LoadPlan.Transform.unpermuteRope(
            heads: heads, rotary: architecture.ropes[attention.rope].rotaryDimensions)
        var order = [Int](repeating: 0, count: step.rows.count)
        for row in order.indices { order[transform.sourceRow(of: row, rows: order.count)] = row }
        return order
    }

    /// Tensors that fill no slot but belong to the file: the divisors of the rotary frequencies.
    private func extraTensors(_ plan: LoadPlan) throws(LoadError) -> [GGUFOutput.Tensor] {
        if ggufFile != nil {
            guard let factors = weights.tensor("rope_freqs.weight") else { return [] }
            return [.floats(factors.name, shape: factors.shape, try weights.floats(of: factors))]
        }
        let rope = architecture.ropes[0]
        guard case .llama3 = rope.scaling else { return [] }
        let plain = Rope(theta: rope.theta, rotaryDimensions: rope.rotaryDimensions).inverseFrequencies(sequenceLength: 0).values
        let stretched = rope.inverseFrequencies(sequenceLength: 0).values
        let factors = zip(plain, stretched).map { $0 / $1 }
        return [.floats("rope_freqs.weight", shape: [factors.count], factors)]
    }

    // ---- Metadata ----

    private func metadataEntries(_ plan: LoadPlan) throws(LoadError) -> [(key: String, value: GGUFOutput.Value)] {
        var entries: [(key: String, value: GGUFOutput.Value)]
        if let file = ggufFile { entries = try file.carriedEntries() } else { entries = try translatedEntries() }
        let base = plan.scheme?.fileType ?? Self.fileType(of: plan)
        entries.append(("general.file_type", .integer(Int(base))))
        entries.append(("general.quantization_version", .integer(2)))
        return entries
    }

    /// llama.cpp's number for a file whose types no scheme chose: that of the most frequent type, 1024 for "guessed".
    private static func fileType(of plan: LoadPlan) -> UInt32 {
        var counts: [ElementType: Int] = [:]
        for step in plan.steps where step.placement != .widened { counts[step.type, default: 0] += 1 }
        let most = counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key
        return QuantizationScheme.all.first { $0.base == most }?.fileType ?? 1024
    }

    /// The metadata of a folder in Hugging Face's layout, under llama.cpp's keys.
    private func translatedEntries() throws(LoadError) -> [(key: String, value: GGUFOutput.Value)] {
        let name = written.name
        var entries: [(key: String, value: GGUFOutput.Value)] = [
            ("general.architecture", .string(name)), ("general.type", .string("model")), ("general.name", .string(self.name)),
        ]
        entries += try architectureEntries().map { (name + "." + $0.key, $0.value) }
        if let value = defaultSampling.temperature { entries.append(("general.sampling.temp", .float(value))) }
        if let value = defaultSampling.topK { entries.append(("general.sampling.top_k", .integer(value))) }
        if let value = defaultSampling.topP { entries.append(("general.sampling.top_p", .float(value))) }
        if let value = defaultSampling.minP { entries.append(("general.sampling.min_p", .float(value))) }
        if let value = defaultSampling.repetitionPenalty { entries.append(("general.sampling.penalty_repeat", .float(value))) }
        entries += try tokenizerEntries()
        for template in chatTemplates {
            entries.append(("tokenizer.chat_template" + (template.name == "default" ? "" : "." + template.name), .string(template.text)))
        }
        let others = chatTemplates.map(\.name).filter { $0 != "default" }
        if !others.isEmpty { entries.append(("tokenizer.chat_templates", .strings(others))) }
        return entries
    }

    private func architectureEntries() throws(LoadError) -> [(key: String, value: GGUFOutput.Value)] {
        let layers = architecture.layers
        let first = layers[0].attention
        func perLayer(_ values: [Int]) -> GGUFOutput.Value { Set(values).count == 1 ? .integer(values[0]) : .integers(values) }
        guard layers.allSatisfy({ $0.attention.headSize == first.headSize && $0.attention.rope == first.rope && $0.attention.scale == first.scale })
        else { throw .notExpressible(file: name, what: "layers whose heads or rotary embeddings differ") }
        var entries: [(key: String, value: GGUFOutput.Value)] = [
            ("block_count", .integer(layers.count)), ("context_length", .integer(architecture.contextLength)),
            ("embedding_length", .integer(architecture.hiddenSize)), ("vocab_size", .integer(architecture.vocabularySize)),
            ("feed_forward_length", perLayer(layers.map(\.feedForward.size))),
            ("attention.head_count", perLayer(layers.map(\.attention.heads))),
            ("attention.head_count_kv", perLayer(layers.map(\.attention.keyValueHeads))),
            ("attention.key_length", .integer(first.headSize)), ("attention.value_length", .integer(first.headSize)),
            ("attention.layer_norm_rms_epsilon", .float(architecture.normEpsilon)),
            ("rope.dimension_count", .integer(architecture.ropes[first.rope].rotaryDimensions)),
            ("rope.freq_base", .float(Float(architecture.ropes[first.rope].theta))),
        ]
        if first.scale != 1 / Float(first.headSize).squareRoot() { entries.append(("attention.scale", .float(first.scale))) }
        let windows = layers.map(\.attention.window)
        if let window = windows.lazy.compactMap({ $0 }).first {
            guard windows.allSatisfy({ $0 == nil || $0 == window }) else {
                throw .notExpressible(file: name, what: "sliding windows of several lengths")
            }
            entries.append(("attention.sliding_window", .integer(window)))
            if windows.contains(nil) { entries.append(("attention.sliding_window_pattern", .booleans(windows.map { $0 != nil }))) }
        }
        return entries + (try ropeEntries(architecture.ropes[first.rope].scaling))
    }

    private func ropeEntries(_ scaling: RopeScaling) throws(LoadError) -> [(key: String, value: GGUFOutput.Value)] {
        switch scaling {
        case .none, .llama3, .factors: return []
        case .linear(let factor): return [("rope.scaling.type", .string("linear")), ("rope.scaling.factor", .float(Float(factor)))]
        case .dynamic: throw .notExpressible(file: name, what: "dynamic rope scaling")
        case .yarn(let yarn):
            guard yarn.truncate else { throw .notExpressible(file: name, what: "YaRN without truncation") }
            return [
                ("rope.scaling.type", .string("yarn")), ("rope.scaling.factor", .float(Float(yarn.factor))),
                ("rope.scaling.original_context_length", .integer(yarn.originalLength)),
                ("rope.scaling.yarn_beta_fast", .float(Float(yarn.betaFast))), ("rope.scaling.yarn_beta_slow", .float(Float(yarn.betaSlow))),
                ("rope.scaling.attn_factor", .float(yarn.attentionFactor / Float(YarnScaling.magnitude(scale: yarn.factor)))),
            ]
        }
    }

    private func tokenizerEntries() throws(LoadError) -> [(key: String, value: GGUFOutput.Value)] {
        var tokenizer = try ggufTokenizer()
        tokenizer.pad(to: architecture.vocabularySize)
        func id(_ text: String) -> TokenID? { tokenizer.tokens.firstIndex(of: text).map { TokenID($0) } }
        var ids: [String: TokenID] = [:]
        for (name, key) in [("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding")] {
            if let text = specialTokens.first(where: { $0.name == name })?.text { ids[key] = id(text) }
        }
        if let beginning = tokenizer.beginningOfSequence { ids["bos"] = beginning }
        if ids["eos"] == nil { ids["eos"] = tokenizer.endOfSequence ?? stopTokens.first }
        // GGUF has three places for tokens that end a turn; those that are known by their texts need none.
        for (key, token) in zip(["eot", "eom"], stopTokens.filter { $0 != ids["eos"] }) { ids[key] = token }
        var entries: [(key: String, value: GGUFOutput.Value)] = [
            ("model", .string(tokenizer.model)), ("tokens", .strings(tokenizer.tokens)), ("token_type", .integers(tokenizer.types.map { Int($0) })),
            ("add_bos_token", .boolean(tokenizer.addsBeginningOfSequence ?? false)),
            ("add_eos_token", .boolean(tokenizer.addsEndOfSequence ?? false)),
        ]
        if let pre = tokenizer.pre { entries.append(("pre", .string(pre))) }
        if !tokenizer.merges.isEmpty { entries.append(("merges", .strings(tokenizer.merges))) }
        if !tokenizer.scores.isEmpty { entries.append(("scores", .floats(tokenizer.scores))) }
        if let adds = tokenizer.addsSpacePrefix { entries.append(("add_space_prefix", .boolean(adds))) }
        for (key, id) in ids.sorted(by: { $0.key < $1.key }) { entries.append((key + "_token_id", .integer(Int(id)))) }
        return entries.map { ("tokenizer.ggml." + $0.key, $0.value) }
    }

    private func ggufTokenizer() throws(LoadError) -> GGUFTokenizer {
        let content = try tokenizerContent()
        do {
            return try GGUFTokenizer(tokenizerJSON: content)
        } catch {
            throw .tokenizer(file: name, reason: error.description)
        }
    }
}

extension GGUFFile {
    /// The metadata as the file has them, without what the written file says anew.
    func carriedEntries() throws(LoadError) -> [(key: String, value: GGUFOutput.Value)] {
        let replaced: Set<String> = ["general.alignment", "general.file_type", "general.quantization_version"]
        return encodedMetadata.filter { !replaced.contains($0.key) && !$0.key.hasPrefix("split.") }.map { entry in
            (entry.key, GGUFOutput.Value(type: entry.type, bytes: Array(file.bytes[entry.range])))
        }
    }
}
