// How tokens are chosen: the options that every generating command shares.
import ArgumentParser
import Engine

struct SamplingOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "0: always the most probable token; above: the more, the more various.")
    var temperature: Float?

    @Option(parsing: .unconditional, help: "Only the so many most probable tokens; 0: all.")
    var topK: Int?

    @Option(parsing: .unconditional, help: "Only the most probable tokens that together reach this probability.")
    var topP: Float?

    @Option(parsing: .unconditional, help: "Only tokens at least this times as probable as the most probable one.")
    var minP: Float?

    @Option(parsing: .unconditional, help: "Above 1: tokens of the last positions become less probable.")
    var repetitionPenalty: Float?

    @Option(help: "The same seed gives the same tokens.")
    var seed: UInt64?

    @Option(parsing: .unconditional, help: "At most so many tokens. Default: what the context leaves.")
    var maxTokens: Int?

    func validate() throws {
        do throws(EngineError) {
            try parameters().validate()
        } catch {
            guard case .invalidParameter(let name, let reason) = error else { throw error }
            throw ValidationError("\(optionName(name)): \(reason).")
        }
        try Self.validate(maxTokens: maxTokens)
    }

    /// Refuses a number of tokens in which no answer has room.
    static func validate(maxTokens: Int?) throws {
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens: \(maxTokens) is not at least 1.") }
    }

    /// "topP" as "--top-p".
    private func optionName(_ name: String) -> String {
        name.reduce(into: "--") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
    }

    /// The parameters, the model makers' recommendations where nothing is said.
    func parameters(defaults: SamplingParameters = SamplingParameters()) -> SamplingParameters {
        var parameters = defaults
        if let temperature { parameters.temperature = temperature }
        if let topK { parameters.topK = topK }
        if let topP { parameters.topP = topP }
        if let minP { parameters.minP = minP }
        if let repetitionPenalty { parameters.repetitionPenalty = repetitionPenalty }
        parameters.seed = seed ?? UInt64.random(in: 0...UInt64.max)
        return parameters
    }
}
