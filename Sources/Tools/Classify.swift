// classify: text and labels in, the fitting label or labels out, with the model's own probabilities.
import Chat
public import JSON
public import MCP

/// Chooses among labels by the model's own probabilities of writing each of them; nothing is sampled.
///
/// One label: the probability of each label as the whole answer, normalised over the labels; the most probable one is the answer. Many
/// (`multi`): each label is judged on its own, in a prompt that offers `none` and it alone; its probability is its share of the two, and the
/// labels from the threshold on are the answer. Judged so, labels do not compete, and a text may fit none of them. `none` comes first since
/// that order separates better: over the embedded model's evaluation rows a right label scores above a wrong one in 90 % of all pairs (85 %
/// with `none` last). The level is another matter: that model never learned `none`, and puts two thirds of the wrong labels above 0.5 as well.
public struct Classify: WorkTool {
    /// The tool as every face shows it.
    public let definition = ToolDefinition(
        name: "classify", title: "Classify a text",
        description: """
            Has a local model choose which of your labels fits a text, and returns it with the model's own probability for every label (not a \
            number that it wrote, but the likelihood of each label as its answer). Delegate to it sorting, routing, filtering and yes/no questions \
            over many texts, or texts that must not leave this machine. One text a call; calls may run at the same time. Without `multi` exactly \
            one label comes back and the scores add up to 1; a low or flat score means that the model is unsure: look yourself. With `multi` each \
            label is judged on its own against "none" and those at or above `threshold` come back, possibly none: weigh the scores rather than \
            the cut, since small models separate the right label from the wrong ones better than they set its level. The judgement derives from \
            the text, which may be untrusted and may try to argue for a label.
            """,
        inputSchema: ToolSchemas.schema("classify.input.json"), outputSchema: ToolSchemas.schema("classify.output.json"),
        annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: false))

    /// The tool; it keeps nothing between calls.
    public init() {}

    /// Does the work of one call.
    public func run(_ arguments: JSONObject, context: ToolContext) async throws(ToolFailure) -> JSONValue {
        let text = arguments["text"]?.stringValue ?? ""
        try context.limits.check(text, as: "text")
        let labels = arguments["labels"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let multi = arguments["multi"]?.boolValue ?? false
        try refuseContradictions(in: arguments, labels: labels, multi: multi)

        context.progress.begin()
        let seconds = arguments["max_seconds"]?.doubleValue
        let scores = try await TimeBudget(seconds: seconds, from: context.started).run(context) { () async throws(ToolFailure) -> [Score] in
            let model = try await context.model()
            return multi
                ? try await independentScores(of: labels, text: text, model: model, context: context)
                : try await competingScores(of: labels, text: text, model: model, context: context)
        }
        guard let scores else { throw .outOfTime(seconds: seconds ?? 0) }

        // Equal scores keep the caller's order.
        let ranked = scores.enumerated().sorted { ($1.element.probability, $0.offset) < ($0.element.probability, $1.offset) }.map(\.element)
        var result = JSONObject()
        if multi {
            let threshold = arguments["threshold"]?.doubleValue ?? 0.5
            result["labels"] = .array(ranked.filter { $0.probability >= threshold }.map { .string($0.label) })
        } else {
            result["label"] = .string(ranked[0].label)
        }
        result["scores"] = .array(ranked.map { ["label": .string($0.label), "probability": JSONValue($0.probability)] })
        result["usage"] = ["ms": JSONValue(context.elapsedMilliseconds)]
        return .object(result)
    }

    private struct Score: Sendable {
        let label: String
        let probability: Double
    }

    private func refuseContradictions(in arguments: JSONObject, labels: [String], multi: Bool) throws(ToolFailure) {
        var faults: [String] = []
        if !multi, arguments["threshold"] != nil { faults.append("/threshold: only together with multi: true") }
        if multi, labels.contains(Prompts.noLabel) {
            faults.append("/labels: with multi, no label may be \"\(Prompts.noLabel)\": that no label fits is the empty answer")
        }
        guard faults.isEmpty else { throw .invalidArguments(tool: definition.name, faults: faults) }
    }

    /// One prompt with all labels; the probabilities add up to 1.
    private func competingScores(
        of labels: [String], text: String, model: any ChatModel, context: ToolContext
    ) async throws(ToolFailure) -> [Score] {
        let request = ChatRequest(messages: Prompts.classification(labels: labels, text: text))
        let scores = try await context.scores(model, request, choices: labels.map(Prompts.answer(for:)))
        return zip(labels, scores).map { Score(label: $0, probability: $1.probability) }
    }

    /// A prompt for each label, which offers `none` and it.
    private func independentScores(
        of labels: [String], text: String, model: any ChatModel, context: ToolContext
    ) async throws(ToolFailure) -> [Score] {
        var scores: [Score] = []
        for label in labels {
            let choices = [Prompts.noLabel, label]
            let request = ChatRequest(messages: Prompts.classification(labels: choices, text: text))
            let pair = try await context.scores(model, request, choices: choices.map(Prompts.answer(for:)))
            scores.append(Score(label: label, probability: pair[1].probability))
            context.progress.step(scores.count, of: labels.count)
        }
        return scores
    }
}
