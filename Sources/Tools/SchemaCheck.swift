// A caller's schema, checked before anything is computed, and its answers, checked before anything is sent.
import Grammar
import JSON

/// A schema that can be enforced: its grammar exists, its signature is short enough for a prompt, and answers can be validated against it.
struct EnforceableSchema: Sendable {
    let schema: JSONValue
    let signature: String
    let exactness: SchemaOptions.Exactness
    /// The first members that constrain nothing though they may have been meant to.
    let surprises: [Annotation]
    private let validator: InstanceValidator

    /// Fails, with the keyword's JSON Pointer, where the schema is not valid or holds what the grammar does not support. With `relax` a keyword that
    /// has no exact grammar is left to the validator.
    init(_ schema: JSONValue, argument: String, relax: Bool = false, limits: ToolLimits) throws(ToolFailure) {
        let bytes = schema.text().utf8.count
        guard bytes <= limits.schemaBytes else { throw .tooLarge(argument: argument, bytes: bytes, limit: limits.schemaBytes) }
        let exactness = relax ? SchemaOptions.Exactness.relax : .exact
        do {
            _ = try Rules(jsonSchema: schema, options: SchemaOptions(exactness: exactness))
            validator = try InstanceValidator(schema: schema)
        } catch {
            throw .unsupportedSchema(argument: argument, reason: "\(error)")
        }
        let signature = TypeSignature(of: schema, maximumBytes: limits.signatureBytes)
        guard !signature.isAbridged else {
            throw .unsupportedSchema(
                argument: argument,
                reason: "its type signature would be longer than \(limits.signatureBytes) bytes or nested deeper than 64 levels")
        }
        self.schema = schema
        self.signature = signature.text
        self.exactness = exactness
        surprises = Array(SchemaVocabulary.surprises(in: schema).prefix(limits.ignoredKeywords))
    }

    /// Adds to a result what of the schema constrained nothing.
    func tellSurprises(in result: inout JSONObject) {
        if !surprises.isEmpty { result["ignored"] = .array(surprises.map(\.json)) }
    }

    /// The answer as JSON. The grammar has promised that it conforms; what does not is never passed on.
    func data(from text: String, tool: String, limits: ToolLimits) throws(ToolFailure) -> JSONValue {
        let data: JSONValue
        do { data = try JSONValue(parsing: text) } catch {
            throw .brokenPromise(tool: tool, faults: ["the model's answer is not JSON: \(error)"])
        }
        let faults = describe(validator.validate(data), limits: limits)
        guard faults.isEmpty else { throw .brokenPromise(tool: tool, faults: faults) }
        return data
    }
}

/// Failures of validation as short sentences that name the place, a few of them.
func describe(_ failures: [ValidationFailure], limits: ToolLimits) -> [String] {
    var sentences = failures.prefix(limits.faults).map { "\($0)" }
    if failures.count > limits.faults { sentences.append("and \(failures.count - limits.faults) more") }
    return sentences
}

extension ToolLimits {
    /// Refuses a text argument above its limit.
    func check(_ text: String, as argument: String) throws(ToolFailure) {
        let bytes = text.utf8.count
        guard bytes <= textBytes else { throw .tooLarge(argument: argument, bytes: bytes, limit: textBytes) }
    }
}
