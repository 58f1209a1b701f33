// How tokens are chosen: the options that every generating command shares.
import ArgumentParser
import Engine

struct SamplingOptions: ParsableArguments {
    @Option(help: "0: always the most probable token; above: the more, the more various.")
    var temperature: Float?

    @Option(help: "Only the so many most probable tokens; 0: all.")
    var topK: Int?

    @Option(help: "Only the most probable tokens that together reach this probability.")
    var topP: Float?

    @Option(help: "Only tokens at least this times as probable as the most probable one.")
    var minP: Float?

    @Option(help: "Above 1: tokens of the last positions become less probable.")
    var repetitionPenalty: Float?

    @Option(help: "The same seed gives the same tokens.")
    var seed: UInt64?

    @Option(help: "At most so many tokens. Default: what the context leaves.")
    var maxTokens: Int?

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
