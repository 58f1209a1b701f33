// How a model's weights are quantized on their way in: the options of every command that loads one.
import ArgumentParser
import Engine

struct QuantizationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Quantize matrices while they load: q8_0, q6_k, q5_k_m, q4_k_m, q4_0, iq4_xs, mxfp4, … or auto (the most bits within half of memory).",
            valueName: "type"))
    var isq: String?

    @Option(
        help: ArgumentHelp(
            "Quantize the tensors whose GGUF names match a POSIX extended regular expression to a type of their own; repeatable, the first that matches counts.",
            valueName: "REGEX=TYPE"))
    var isqTensor: [String] = []

    @Option(
        help: ArgumentHelp("What each column matters to the quantizers: an importance matrix of llama.cpp or `sirocco imatrix`.", valueName: "file"))
    var imatrix: String?

    @Flag(help: "Quantize matrices anew that are already quantized.")
    var requantize = false

    func validate() throws {
        do {
            if let isq { _ = try Self.choice(isq) }
            _ = try exceptions()
        } catch {
            throw ValidationError("\(error)")
        }
        if isq == nil, isqTensor.isEmpty, imatrix != nil || requantize {
            throw ValidationError("\(imatrix != nil ? "--imatrix" : "--requantize") says how to quantize, but nothing says to what: use --isq.")
        }
    }

    /// What to quantize to; nil without --isq and --isq-tensor.
    func quantization() throws -> Quantization? {
        if isq == nil, isqTensor.isEmpty { return nil }
        return Quantization(
            try isq.map { try Self.choice($0) } ?? .unchanged, exceptions: try exceptions(),
            importance: try imatrix.map { try ImportanceMatrix(path: $0) },
            requantizes: requantize)
    }

    /// A scheme by name, or "auto".
    static func choice(_ name: String) throws -> Quantization.Choice {
        if name.lowercased() == "auto" { return .automatic }
        if let scheme = QuantizationScheme(named: name) { return .scheme(scheme) }
        if let type = ElementType(named: name) { throw LoadError.noQuantizer(type: type.name) }
        throw CommandError("there is no type \(name) to quantize to (there are: auto, \(QuantizationScheme.all.map(\.name).joined(separator: ", ")))")
    }

    private func exceptions() throws -> [TensorException] { try Self.exceptions(isqTensor, option: "--isq-tensor") }

    /// REGEX=TYPE, each.
    static func exceptions(_ texts: [String], option: String) throws -> [TensorException] {
        try texts.map { text in
            guard let equals = text.lastIndex(of: "=") else { throw CommandError("\(option) takes REGEX=TYPE, not \(text)") }
            let name = String(text[text.index(after: equals)...])
            guard let type = ElementType(named: name) else { throw CommandError("\(option) \(text): there is no type \(name)") }
            return try TensorException(pattern: String(text[..<equals]), type: type)
        }
    }
}
