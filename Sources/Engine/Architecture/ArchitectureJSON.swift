// An Architecture as JSON, for people who want to see what was understood. Runs of equal layers are written once.
public import JSON

extension Architecture {
    /// The architecture as JSON, for `inspect`.
    public var json: JSONValue {
        var runs: [JSONValue] = []
        var first = 0
        for index in layers.indices where index + 1 == layers.count || layers[index + 1] != layers[index] {
            var object = JSONObject([("layers", JSONValue(first == index ? "\(index)" : "\(first)-\(index)"))])
            for (key, value) in layers[index].json { object[key] = value }
            runs.append(.object(object))
            first = index + 1
        }
        return .object(
            JSONObject([
                ("family", .string(family)), ("hiddenSize", JSONValue(hiddenSize)), ("vocabularySize", JSONValue(vocabularySize)),
                ("contextLength", JSONValue(contextLength)), ("layerCount", JSONValue(layers.count)), ("layers", .array(runs)),
                ("normEpsilon", decimal(normEpsilon)), ("ropes", .array(ropes.map(\.json))), ("tiedOutput", .bool(tiedOutput)),
            ]))
    }
}

extension Architecture.Layer {
    var json: JSONObject {
        var attentionObject = JSONObject([
            ("heads", JSONValue(attention.heads)), ("keyValueHeads", JSONValue(attention.keyValueHeads)),
            ("headSize", JSONValue(attention.headSize)), ("scale", decimal(attention.scale)), ("qkNorm", .bool(attention.qkNorm)),
            ("inputBias", .bool(attention.inputBias)), ("outputBias", .bool(attention.outputBias)), ("rope", JSONValue(attention.rope)),
        ])
        attentionObject["window"] = attention.window.map { JSONValue($0) } ?? .null
        let feedForwardObject: JSONValue
        switch feedForward {
        case .gated(let size, let activation, let bias):
            feedForwardObject = .object(
                JSONObject([
                    ("kind", "gated"), ("size", JSONValue(size)), ("activation", .string(activation.rawValue)), ("bias", .bool(bias)),
                ]))
        }
        return JSONObject([("attention", .object(attentionObject)), ("feedForward", feedForwardObject)])
    }
}

extension Rope {
    var json: JSONValue {
        var object = JSONObject([
            ("theta", JSONValue(theta)), ("rotaryDimensions", JSONValue(rotaryDimensions)), ("interleaved", .bool(interleaved)),
            ("scaling", .string(scaling.name)),
        ])
        switch scaling {
        case .none: break
        case .linear(let factor): object["factor"] = JSONValue(factor)
        case .dynamic(let factor, let originalLength):
            object["factor"] = JSONValue(factor)
            object["originalLength"] = JSONValue(originalLength)
        case .llama3(let scaling):
            object["factor"] = JSONValue(scaling.factor)
            object["lowFrequencyFactor"] = JSONValue(scaling.lowFrequencyFactor)
            object["highFrequencyFactor"] = JSONValue(scaling.highFrequencyFactor)
            object["originalLength"] = JSONValue(scaling.originalLength)
        case .yarn(let scaling):
            object["factor"] = JSONValue(scaling.factor)
            object["originalLength"] = JSONValue(scaling.originalLength)
            object["betaFast"] = JSONValue(scaling.betaFast)
            object["betaSlow"] = JSONValue(scaling.betaSlow)
            object["truncate"] = .bool(scaling.truncate)
            object["attentionFactor"] = decimal(scaling.attentionFactor)
        case .factors(let values): object["factors"] = .array(values.map { decimal($0) })
        }
        return .object(object)
    }
}

/// A Float with its own shortest digits, not those of the Double it widens to.
func decimal(_ value: Float) -> JSONValue { JSONNumber("\(value)").map(JSONValue.number) ?? JSONValue(Double(value)) }
