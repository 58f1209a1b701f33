// A user's own tool, written as one JSON file, of the same standing as ours.
import Chat
import Engine
import Grammar
public import JSON
public import MCP

/// A tool declared by a `*.tool.json` file:
///
/// - `name`, `title`?, `description`: how assistants see it; the description says when to use it;
/// - `inputSchema`: the arguments, a JSON Schema of an object; every property has its place in the prompt;
/// - `prompt`: the user's message, with a place `{{argument}}` for each argument (`\{{` for the braces themselves);
/// - `instructions`?: the system message above the output's type signature; "Extract from the text, as JSON:" when left out;
/// - `outputSchema`: the answer, a JSON Schema of an object; the grammar made from it is enforced token by token, and the answer is the
///   tool's structured content as it is;
/// - `relax`? (false): keywords of the outputSchema that cannot be enforced are validated afterwards instead of refused; which, is logged;
/// - `temperature`? (0, so that the same call gives the same answer) and `max_output_tokens`?.
public struct ToolFile: WorkTool {
    /// As the file declares it.
    public let definition: ToolDefinition
    /// The file that it came from, for people.
    public let file: String
    let prompt: PromptTemplate
    let instructions: String?
    let temperature: Double
    let maxOutputTokens: Int?
    let output: EnforceableSchema
    /// What of its schemas constrains nothing though it may have been meant to, as sentences with the file and the place.
    public let remarks: [String]

    /// Reads a tool from the text of a file; everything wrong with it is named with its place.
    public init(parsing bytes: [UInt8], file: String, limits: ToolLimits = .standard) throws(ToolFileError) {
        guard bytes.count <= limits.toolFileBytes else {
            throw ToolFileError(file: file, reason: "has \(bytes.count) bytes; at most \(limits.toolFileBytes) are read")
        }
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes) } catch { throw ToolFileError(file: file, reason: "is not JSON: \(error)") }
        let members = try Members(value, file: file)
        let name = try members.text("name")
        guard HostRules.accepts(name: name) else {
            throw members.fault("name", "1 to 64 characters of A-Z a-z 0-9 _ are needed: some hosts refuse a whole server for any other")
        }
        let inputSchema = try members.schema("inputSchema", faults: HostRules.faults(inputSchema:))
        let outputSchema = try members.schema("outputSchema", faults: HostRules.faults(outputSchema:))
        do { _ = try InstanceValidator(schema: inputSchema) } catch { throw members.fault("inputSchema", "\(error)") }
        let relax = try members.flag("relax") ?? false
        do { output = try EnforceableSchema(outputSchema, argument: "outputSchema", relax: relax, limits: limits) } catch {
            throw members.fault("outputSchema", "\(error)")
        }
        prompt = try Self.template(members, inputSchema: inputSchema)
        instructions = try members.optionalText("instructions")
        temperature = try members.number("temperature", in: 0...2) ?? 0
        maxOutputTokens = try members.number("max_output_tokens", in: 1...32768, whole: true).map { Int($0) }
        definition = ToolDefinition(
            name: name, title: try members.optionalText("title"), description: try members.text("description"), inputSchema: inputSchema,
            outputSchema: outputSchema,
            annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: temperature == 0, openWorld: false))
        self.file = file
        remarks = [("inputSchema", inputSchema), ("outputSchema", outputSchema)].flatMap { member, schema in
            SchemaVocabulary.surprises(in: schema).prefix(limits.ignoredKeywords).map { "\(file): /\(member)\($0)" }
        }
    }

    /// The prompt, whose places and the input schema's properties are the same set: no argument is accepted and ignored.
    private static func template(_ members: Members, inputSchema: JSONValue) throws(ToolFileError) -> PromptTemplate {
        let template: PromptTemplate
        do { template = try PromptTemplate(members.text("prompt")) } catch let fault as PromptTemplate.Fault {
            throw members.fault("prompt", fault.description)
        } catch let error as ToolFileError { throw error } catch { throw members.fault("prompt", "\(error)") }
        let properties = inputSchema["properties"]?.objectValue?.keys ?? []
        for name in template.arguments.sorted() where !properties.contains(name) {
            throw members.fault("prompt", "{{\(name)}} is no property of inputSchema")
        }
        for name in properties where !template.arguments.contains(name) {
            throw ToolFileError(
                file: members.file, pointer: JSONPointer(["inputSchema", "properties", name]),
                reason: "has no place {{\(name)}} in the prompt, so the argument would be ignored")
        }
        return template
    }

    /// Fills the prompt and has the model answer under the output schema.
    public func run(_ arguments: JSONObject, context: ToolContext) async throws(ToolFailure) -> JSONValue {
        let known = definition.inputSchema["properties"]?.objectValue ?? [:]
        let unknown = arguments.keys.filter { known[$0] == nil }
        guard unknown.isEmpty else {
            throw .invalidArguments(
                tool: definition.name, faults: unknown.map { "\(JSONPointer([$0])): there is no such argument" })
        }
        let text = prompt.filled(with: arguments)
        try context.limits.check(text, as: "the filled prompt")
        var request = ChatRequest(messages: Prompts.work(signature: output.signature, instructions: instructions, prompt: text))
        (request.output, request.exactness) = (.json(schema: output.schema), output.exactness)
        request.sampling.temperature = Float(temperature)
        if temperature > 0 { request.sampling.seed = UInt64.random(in: 0...UInt64.max) }
        request.maxTokens = maxOutputTokens ?? context.limits.defaultOutputTokens
        let answer = try await context.answer(to: request, seconds: nil)
        if !answer.relaxations.isEmpty {
            let relaxed = answer.relaxations.map(\.description).joined(separator: "; ")
            context.note("valid after \(answer.attempts) answers; \(relaxed)")
        }
        return try output.data(from: answer.text, tool: definition.name, limits: context.limits)
    }
}

/// A fault in a user's tool file.
public struct ToolFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, or the folder.
    public let file: String
    /// The place within it; the whole file where empty.
    public let pointer: JSONPointer
    /// What is wrong.
    public let reason: String

    init(file: String, pointer: JSONPointer = JSONPointer(), reason: String) {
        self.file = file
        self.pointer = pointer
        self.reason = reason
    }

    /// File, place and reason.
    public var description: String { pointer.tokens.isEmpty ? "\(file): \(reason)" : "\(file): \(pointer): \(reason)" }
}

/// The members of a tool file, read strictly.
private struct Members {
    let file: String
    private let object: JSONObject

    private static let known = [
        "name", "title", "description", "prompt", "inputSchema", "outputSchema", "instructions", "temperature", "max_output_tokens",
        "relax",
    ]

    init(_ value: JSONValue, file: String) throws(ToolFileError) {
        guard let object = value.objectValue else {
            throw ToolFileError(file: file, reason: "a JSON object is needed, not \(value.typeName)")
        }
        self.file = file
        self.object = object
        for (key, _) in object where !Self.known.contains(key) {
            throw fault(key, "unknown member; known are \(Self.known.joined(separator: ", "))")
        }
    }

    func fault(_ member: String, _ reason: String) -> ToolFileError {
        ToolFileError(file: file, pointer: JSONPointer([member]), reason: reason)
    }

    func text(_ member: String) throws(ToolFileError) -> String {
        guard let text = try optionalText(member) else { throw fault(member, "missing") }
        return text
    }

    func optionalText(_ member: String) throws(ToolFileError) -> String? {
        guard let value = object[member] else { return nil }
        guard let text = value.stringValue else { throw fault(member, "must be a string, not \(value.typeName)") }
        guard !text.isEmpty else { throw fault(member, "must not be empty") }
        return text
    }

    func number(_ member: String, in range: ClosedRange<Double>, whole: Bool = false) throws(ToolFileError) -> Double? {
        guard let value = object[member] else { return nil }
        guard let number = value.numberValue else { throw fault(member, "must be a number, not \(value.typeName)") }
        guard range.contains(number.doubleValue), !whole || number.intValue != nil else {
            throw fault(member, "must be \(whole ? "an integer" : "a number") from \(Int(range.lowerBound)) to \(Int(range.upperBound))")
        }
        return number.doubleValue
    }

    func flag(_ member: String) throws(ToolFileError) -> Bool? {
        guard let value = object[member] else { return nil }
        guard let flag = value.boolValue else { throw fault(member, "must be true or false, not \(value.typeName)") }
        return flag
    }

    func schema(_ member: String, faults: (JSONValue) -> [HostFault]) throws(ToolFileError) -> JSONValue {
        guard let schema = object[member] else { throw fault(member, "missing") }
        if let first = faults(schema).first {
            throw ToolFileError(file: file, pointer: JSONPointer([member] + first.pointer.tokens), reason: first.reason)
        }
        return schema
    }
}
