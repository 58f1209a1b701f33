// Matches an architecture's slots with a source's tensors: every one present, of the right shape, of a type the kernels read.

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension LoadPlan {
    /// Plans how `architecture`'s weights come from `source`; `interleaved` says that Q and K rows are stored for the interleaved rope.
    init(
        name: String, architecture: Architecture, source: WeightSource, interleaved: Bool, options: LoadOptions = .init()
    ) throws(LoadError) {
        func plan(_ scheme: QuantizationScheme?) throws(LoadError) -> LoadPlan {
            var types: TypeChooser?
            if let quantization = options.quantization {
                types = try TypeChooser(quantization, scheme: scheme, architecture: architecture)
            }
            var maker = PlanMaker(
                name: name, architecture: architecture, source: source, interleaved: interleaved, options: options,
                names: .of(source.convention), types: types)
            try maker.fill()
            guard maker.missing.isEmpty else { throw .missingTensors(name: name, tensors: maker.missing) }
            let ignored = try maker.leftovers()
            return LoadPlan(
                name: name, architecture: architecture, steps: maker.steps, ignored: ignored, memory: try maker.memory(), scheme: scheme,
                importance: options.quantization?.importance)
        }
        switch options.quantization?.choice {
        case nil, .unchanged: self = try plan(nil)
        case .scheme(let scheme): self = try plan(scheme)
        case .automatic:
            let budget = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE))) / 2
            var candidates = Quantization.automaticSchemes
            var chosen = try plan(candidates.removeFirst())
            while chosen.memory.weights > budget, !candidates.isEmpty { chosen = try plan(candidates.removeFirst()) }
            self = chosen
        }
    }
}

private struct PlanMaker {
    let name: String
    let architecture: Architecture
    let source: WeightSource
    let interleaved: Bool
    let options: LoadOptions
    let names: TensorNames
    let types: TypeChooser?
    var steps: [LoadPlan.Step] = []
    var missing: [String] = []
    var used = Set<String>()

    mutating func fill() throws(LoadError) {
        let hidden = architecture.hiddenSize
        try matrix(.embedding, rows: architecture.vocabularySize, columns: hidden)
        for (index, layer) in architecture.layers.enumerated() { try fill(layer, index: index) }
        try vector(.finalNorm, count: hidden)
        if !architecture.tiedOutput { try matrix(.output, rows: architecture.vocabularySize, columns: hidden) }
    }

    private mutating func fill(_ layer: Architecture.Layer, index: Int) throws(LoadError) {
        let hidden = architecture.hiddenSize
        let attention = layer.attention
        guard let q = checkedProduct([attention.heads, attention.headSize]), let size = checkedProduct([layer.feedForward.size]) else {
            throw .sizeTooLarge(name: name, what: "an attention head")
        }
        let kv = attention.keyValueHeads * attention.headSize
        let rotary = architecture.ropes[attention.rope].rotaryDimensions
        let qOrder = interleaved ? LoadPlan.Transform.unpermuteRope(heads: attention.heads, rotary: rotary) : .none
        let kOrder = interleaved ? LoadPlan.Transform.unpermuteRope(heads: attention.keyValueHeads, rotary: rotary) : .none
        let rows: [LayerSlot: Int] = [
            .q: q, .k: kv, .v: kv, .qBias: q, .kBias: kv, .vBias: kv, .gate: size, .up: size, .gateBias: size, .upBias: size,
        ]
        func slot(_ slot: LayerSlot) -> WeightSlot { .layer(index, slot) }
        try vector(slot(.attentionNorm), count: hidden)
        try matrix(slot(.q), rows: q, columns: hidden, transform: qOrder, fusedRows: rows)
        try matrix(slot(.k), rows: kv, columns: hidden, transform: kOrder, fusedRows: rows)
        try matrix(slot(.v), rows: kv, columns: hidden, fusedRows: rows)
        try matrix(slot(.o), rows: hidden, columns: q)
        if attention.inputBias {
            try vector(slot(.qBias), count: q, transform: qOrder, fusedRows: rows)
            try vector(slot(.kBias), count: kv, transform: kOrder, fusedRows: rows)
            try vector(slot(.vBias), count: kv, fusedRows: rows)
        }
        if attention.outputBias { try vector(slot(.oBias), count: hidden) }
        if attention.qkNorm {
            try vector(slot(.qNorm), count: attention.headSize)
            try vector(slot(.kNorm), count: attention.headSize)
        }
        try vector(slot(.feedForwardNorm), count: hidden)
        try matrix(slot(.gate), rows: size, columns: hidden, fusedRows: rows)
        try matrix(slot(.up), rows: size, columns: hidden, fusedRows: rows)
        try matrix(slot(.down), rows: hidden, columns: size)
        if layer.feedForward.hasBias {
            try vector(slot(.gateBias), count: size, fusedRows: rows)
            try vector(slot(.upBias), count: size, fusedRows: rows)
            try vector(slot(.downBias), count: hidden)
        }
    }

    /// The tensor that holds a slot's rows, which of its rows, and how many it must have.
    private func locate(
        _ slot: WeightSlot, rows: Int, fusedRows: [LayerSlot: Int]
    ) -> (tensor: TensorInfo, rows: Range<Int>, all: Int)? {
        if let tensor = source.tensor(names.name(slot)) { return (tensor, 0..<rows, rows) }
        guard case .layer(let index, let part) = slot, let fusion = names.fused[part],
            let tensor = source.tensor(names.layerName(index, fusion.name))
        else { return nil }
        let before = fusion.parts.prefix { $0 != part }.reduce(0) { $0 + (fusedRows[$1] ?? 0) }
        let all = fusion.parts.reduce(0) { $0 + (fusedRows[$1] ?? 0) }
        return (tensor, before..<before + rows, all)
    }

    private mutating func matrix(
        _ slot: WeightSlot, rows: Int, columns: Int, transform: LoadPlan.Transform = .none, fusedRows: [LayerSlot: Int] = [:]
    ) throws(LoadError) {
        guard let place = locate(slot, rows: rows, fusedRows: fusedRows) else {
            missing.append(names.name(slot))
            return
        }
        let tensor = place.tensor
        used.insert(tensor.name)
        let file = source.files[tensor.file]
        guard tensor.shape == [place.all, columns] else {
            throw .wrongShape(file: file.name, tensor: tensor.name, expected: [place.all, columns], found: tensor.shape)
        }
        guard let type = tensor.type.element else {
            throw .unsupportedTensorType(file: file.name, tensor: tensor.name, type: tensor.type.name)
        }
        let target = try types?.type(of: slot, stored: type, columns: columns, file: file.name) ?? (type: type, wanted: type)
        guard let rowBytes = type.rowBytes(columns: columns) else {
            throw .partialBlocks(
                file: file.name, tensor: tensor.name, columns: columns, type: type.name, blockElements: type.blockElements)
        }
        let start = UInt(bitPattern: source.bytes(of: tensor).baseAddress) &+ UInt(place.rows.lowerBound * rowBytes)
        let inPlace = transform == .none && !options.copiesWeights && target.type == type && start % UInt(type.alignment) == 0
        // An embedding that is nothing else is read a row at a time.
        let isMultiplied = slot != .embedding || architecture.tiedOutput
        steps.append(
            .init(
                slot: slot, tensor: tensor, rows: place.rows, columns: columns, storedType: type, type: target.type,
                wantedType: target.wanted, transform: transform,
                placement: target.type.isQuantized && isMultiplied ? .packed : inPlace ? .mapped : .copied))
    }

    private mutating func vector(
        _ slot: WeightSlot, count: Int, transform: LoadPlan.Transform = .none, fusedRows: [LayerSlot: Int] = [:]
    ) throws(LoadError) {
        guard let place = locate(slot, rows: count, fusedRows: fusedRows) else {
            missing.append(names.name(slot))
            return
        }
        let tensor = place.tensor
        used.insert(tensor.name)
        let file = source.files[tensor.file]
        guard tensor.shape == [place.all] else {
            throw .wrongShape(file: file.name, tensor: tensor.name, expected: [place.all], found: tensor.shape)
        }
        guard let type = tensor.type.element, !type.isQuantized else {
            throw .unsupportedTensorType(file: file.name, tensor: tensor.name, type: tensor.type.name)
        }
        steps.append(
            .init(
                slot: slot, tensor: tensor, rows: place.rows, columns: 1, storedType: type, type: type, wantedType: type, transform: transform,
                placement: .widened))
    }

    /// Tensors that no slot took: those that may be left unread, or an error.
    func leftovers() throws(LoadError) -> [String] {
        var ignored: [String] = []
        var unexpected: [String] = []
        for tensor in source.tensors where !used.contains(tensor.name) {
            let isTiedOutput = architecture.tiedOutput && tensor.name == names.output
            if isTiedOutput || names.ignorable(tensor.name) { ignored.append(tensor.name) } else { unexpected.append(tensor.name) }
        }
        guard unexpected.isEmpty else { throw .unexpectedTensors(name: name, tensors: unexpected) }
        return ignored
    }

    func memory() throws(LoadError) -> MemoryEstimate {
        var estimate = MemoryEstimate(mapped: 0, copied: 0, packed: 0, widened: 0, keyValuePerPosition: 0, keyValueAtFullContext: nil)
        for step in steps {
            switch step.placement {
            case .mapped: estimate.mapped += step.sourceBytes
            case .copied: estimate.copied += step.byteCount
            case .packed: estimate.packed += step.packedBytes
            case .widened: estimate.widened += step.rows.count * MemoryLayout<Float>.size
            }
        }
        // Each tensor was found to lie in its file, so that these sums are far from overflowing.
        estimate.keyValuePerPosition = architecture.keyValueBytesPerPosition(EngineOptions().cacheType)
        estimate.keyValueAtFullContext = checkedProduct([estimate.keyValuePerPosition, architecture.contextLength])
        return estimate
    }
}
