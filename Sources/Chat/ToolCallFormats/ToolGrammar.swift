// The grammar of a reply that may or must call tools.
import Grammar
import JSON

/// Builds the rules of replies in one tool-call format.
struct ToolGrammar {
    /// The most calls of one turn.
    static let maxCalls = 32

    let format: ToolCallFormat
    let tools: [ToolSpec]
    var exactness = SchemaOptions.Exactness.exact

    /// One or several calls, from the first token; `named`: exactly one, of this tool.
    func calls(named: String? = nil) throws(ChatError) -> Rules {
        let chosen = named.map { name in tools.filter { $0.name == name } } ?? tools
        return try calls(of: chosen, opening: format.opening, mayRepeat: named == nil)
    }

    /// Free text and then perhaps calls; without a marker, calls or else text.
    func auto() throws(ChatError) -> Rules {
        guard !format.marker.isEmpty else {
            return .alternatives([try calls(), try Self.text(notStartingWith: format.opening)])
        }
        let rest = try calls(of: tools, opening: String(format.opening.dropFirst(format.marker.count)), mayRepeat: true)
        return try rules { () throws(GrammarError) in
            try Rules.anyText(until: [Trigger(format.marker, rest)], stopAfterFirst: true)
        }
    }

    /// Text that cannot be a call.
    func textOnly() throws(ChatError) -> Rules {
        guard !format.marker.isEmpty else { return try Self.text(notStartingWith: format.opening) }
        return try rules { () throws(GrammarError) in try Rules.anyText(until: [], excluding: [format.marker]) }
    }

    private func calls(of tools: [ToolSpec], opening: String, mayRepeat: Bool) throws(ChatError) -> Rules {
        var bodies: [Rules] = []
        for tool in tools {
            let arguments: Rules
            do throws(GrammarError) {
                arguments = try Rules(jsonSchema: try Self.argumentsSchema(of: tool), options: SchemaOptions(exactness: exactness))
            } catch {
                throw .toolSchema(tool: tool.name, error)
            }
            bodies.append(.sequence([.literal(tool.name + format.middle), arguments, .literal(format.ending)]))
        }
        let body = Rules.alternatives(bodies)
        let first = Rules.sequence([.literal(opening), body])
        guard mayRepeat, let separator = format.separator else { return first }
        let next = Rules.sequence([.literal(separator + format.opening), body])
        return .sequence([first, .repeated(next, max: Self.maxCalls - 1)])
    }

    /// The input schema, which must be one of objects: that is what both formats put there.
    static func argumentsSchema(of tool: ToolSpec) throws(GrammarError) -> JSONValue {
        guard var schema = tool.inputSchema.objectValue else {
            throw .invalidSchema(pointer: JSONPointer(), reason: "a tool's input schema is an object")
        }
        switch schema["type"] {
        case nil: schema["type"] = .string("object")
        case .string("object")?: break
        default: throw .invalidSchema(pointer: JSONPointer(["type"]), reason: "a tool's arguments are an object")
        }
        return .object(schema)
    }

    /// Any text but one that starts with `prefix` (ASCII).
    private static func text(notStartingWith prefix: String) throws(ChatError) -> Rules {
        var pattern = ""
        for (index, character) in prefix.reversed().enumerated() {
            let escaped =
                character.isLetter || character == " " || character == "\"" || character == ":" ? "\(character)" : "\\\(character)"
            pattern = "(?:[^\(escaped)][\\s\\S]*" + (index == 0 ? "" : "|\(escaped)\(pattern)") + ")?"
        }
        let complete = pattern
        return try rules { () throws(GrammarError) in try Rules(regex: complete) }
    }
}

/// Rules of ours that Grammar refuses are refused as an output format.
func rules(_ make: () throws(GrammarError) -> Rules) throws(ChatError) -> Rules {
    do throws(GrammarError) {
        return try make()
    } catch {
        throw ChatError.output(error)
    }
}
