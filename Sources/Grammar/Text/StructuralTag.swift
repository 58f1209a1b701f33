// Structural tags of XGrammar: free text, and in it what begins with a trigger.
import JSON

/// Reads one structural tag. What speaks of tokens instead of text is refused by name, with its JSON Pointer.
struct StructuralTag {
    private let options: SchemaOptions

    static func read(_ text: String, _ options: SchemaOptions) throws(GrammarError) -> RuleSet {
        let root = JSONPointer()
        let value = try Rules.json(text)
        guard let members = value.objectValue, value["type"]?.stringValue == "structural_tag" else {
            throw .invalidSchema(pointer: root, reason: "a structural tag is an object whose \"type\" is \"structural_tag\"")
        }
        let reader = StructuralTag(options: options)
        let body: RuleBody
        if let format = value["format"] {
            try reader.check(members, root, allowed: ["type", "format"])
            body = try reader.format(format, JSONPointer(["format"]), ends: nil, depth: 0)
        } else {
            // The form of the first versions: triggers, and structures with a schema each.
            try reader.check(members, root, allowed: ["type", "structures", "triggers"])
            body = try reader.structures(value, root)
        }
        return RuleSet(rules: [RuleSet.Rule(name: "structural tag", body: body, isDefined: true)])
    }

    private func check(_ members: JSONObject, _ pointer: JSONPointer, allowed: Set<String>) throws(GrammarError) {
        for (name, _) in members where !allowed.contains(name) {
            throw .unsupported(keyword: name, pointer: pointer.appending(name), reason: "it is not known here")
        }
    }

    /// A format; `ends`: the texts of which one must follow, where the enclosing tag has not read them yet.
    private func format(_ value: JSONValue, _ pointer: JSONPointer, ends: [String]?, depth: Int) throws(GrammarError) -> RuleBody {
        guard depth <= options.limits.depth else { throw .tooLarge(what: "levels of formats", limit: options.limits.depth, pointer: pointer) }
        guard let members = value.objectValue, let type = value["type"]?.stringValue else {
            throw .invalidSchema(pointer: pointer, reason: "a format is an object with a \"type\"")
        }
        guard let known = Self.members[type] else {
            throw .unsupported(keyword: type, pointer: pointer.appending("type"), reason: "grammars speak of text, and know no such format")
        }
        try check(members, pointer, allowed: known.union(["type"]))
        func inner(_ name: String, _ ends: [String]?) throws(GrammarError) -> RuleBody {
            guard let content = value[name] else { throw .invalidSchema(pointer: pointer, reason: "\"\(name)\" is missing") }
            return try format(content, pointer.appending(name), ends: ends, depth: depth + 1)
        }
        switch type {
        case "const_string": return closed(.text(Array(try text(value, "value", pointer).utf8)), ends)
        case "json_schema": return closed(try schema(value, pointer), ends)
        case "grammar": return closed(try grammar(value, pointer), ends)
        case "regex": return closed(try regex(value, pointer), ends)
        case "any_text": return try anyText(value, pointer, ends)
        case "sequence", "or": return try elements(value, pointer, ends, isSequence: type == "sequence", depth: depth)
        case "optional":
            let content = try inner("content", ends)
            return .alternatives([content, closed(.empty, ends)])
        case "star": return closed(.counted(try inner("content", nil), 0, nil), ends)
        case "plus": return closed(.counted(try inner("content", nil), 1, nil), ends)
        case "repeat":
            let minimum = try count(value, "min", pointer)
            let maximum = value["max"]?.intValue == -1 ? nil : try count(value, "max", pointer)
            if let maximum, maximum < minimum { throw .invalidSchema(pointer: pointer, reason: "\"max\" is below \"min\"") }
            return closed(.counted(try inner("content", nil), minimum, maximum), ends)
        case "tag": return closed(try tag(value, pointer, after: "", depth: depth), ends)
        case "triggered_tags": return try triggeredTags(value, pointer, ends, depth: depth)
        case "tags_with_separator": return closed(try separatedTags(value, pointer, depth: depth), ends)
        default: return closed(try dispatch(value, pointer, depth: depth), ends)
        }
    }

    private static let members: [String: Set<String>] = [
        "const_string": ["value"], "json_schema": ["json_schema", "style", "any_order"], "grammar": ["grammar"], "regex": ["pattern"],
        "any_text": ["excludes", "max_chars"], "sequence": ["elements"], "or": ["elements"], "optional": ["content"], "star": ["content"],
        "plus": ["content"], "repeat": ["min", "max", "content"], "tag": ["begin", "content", "end"],
        "triggered_tags": ["triggers", "tags", "at_least_one", "stop_after_first", "excludes"],
        "tags_with_separator": ["tags", "separator", "at_least_one", "stop_after_first"], "dispatch": ["rules", "loop", "excludes"],
    ]

    private func closed(_ body: RuleBody, _ ends: [String]?) -> RuleBody { ends.map { .sequence([body, Self.choice($0)]) } ?? body }

    private static func choice(_ texts: [String]) -> RuleBody {
        texts.count == 1 ? .text(Array(texts[0].utf8)) : .alternatives(texts.map { .text(Array($0.utf8)) })
    }

    // MARK: - Members

    private func text(_ value: JSONValue, _ name: String, _ pointer: JSONPointer) throws(GrammarError) -> String {
        guard let text = value[name]?.stringValue else {
            if value[name]?["type"]?.stringValue == "token" {
                throw .unsupported(keyword: "token", pointer: pointer.appending(name), reason: "grammars speak of text, not of tokens")
            }
            throw .invalidSchema(pointer: pointer.appending(name), reason: "\"\(name)\" must be a string")
        }
        return text
    }

    private func flag(_ value: JSONValue, _ name: String, _ pointer: JSONPointer, default standard: Bool = false) throws(GrammarError) -> Bool {
        guard let member = value[name] else { return standard }
        guard let flag = member.boolValue else {
            throw .invalidSchema(pointer: pointer.appending(name), reason: "\"\(name)\" must be true or false")
        }
        return flag
    }

    private func count(_ value: JSONValue, _ name: String, _ pointer: JSONPointer) throws(GrammarError) -> Int {
        guard let count = value[name]?.intValue, (0...EBNFParser.maximumCount).contains(count) else {
            throw .invalidSchema(pointer: pointer.appending(name), reason: "\"\(name)\" must be a number from 0 to \(EBNFParser.maximumCount)")
        }
        return count
    }

    private func list(_ value: JSONValue, _ name: String, _ pointer: JSONPointer) throws(GrammarError) -> [JSONValue] {
        guard let list = value[name]?.arrayValue else {
            throw .invalidSchema(pointer: pointer.appending(name), reason: "\"\(name)\" must be an array")
        }
        return list
    }

    /// A list of texts that are not empty; empty where it is missing.
    private func texts(_ value: JSONValue, _ name: String, _ pointer: JSONPointer) throws(GrammarError) -> [String] {
        var texts: [String] = []
        for (index, item) in (value[name] == nil ? [] : try list(value, name, pointer)).enumerated() {
            guard let text = item.stringValue, !text.isEmpty else {
                throw .invalidSchema(pointer: pointer.appending(name).appending(index), reason: "a text that is not empty was expected")
            }
            texts.append(text)
        }
        return texts
    }

    // MARK: - Formats

    private func schema(_ value: JSONValue, _ pointer: JSONPointer) throws(GrammarError) -> RuleBody {
        if let style = value["style"], style != .string("json") {
            throw .unsupported(keyword: "style", pointer: pointer.appending("style"), reason: "\(style.text()) has no grammar here")
        }
        if try flag(value, "any_order", pointer) {
            throw .unsupported(keyword: "any_order", pointer: pointer.appending("any_order"), reason: "properties come in declared order")
        }
        guard let schema = value["json_schema"] else { throw .invalidSchema(pointer: pointer, reason: "\"json_schema\" is missing") }
        let place = pointer.appending("json_schema")
        do throws(GrammarError) {
            return .nested(.schema(try SchemaGrammar(schema, options)))
        } catch {
            throw error.below(place)
        }
    }

    private func grammar(_ value: JSONValue, _ pointer: JSONPointer) throws(GrammarError) -> RuleBody {
        let grammar = try text(value, "grammar", pointer)
        do throws(GrammarError) {
            return .nested(.grammar(try TextGrammar(grammar, .ebnf, options)))
        } catch {
            throw .invalidSchema(pointer: pointer.appending("grammar"), reason: "\(error)")
        }
    }

    private func regex(_ value: JSONValue, _ pointer: JSONPointer) throws(GrammarError) -> RuleBody {
        let pattern = try text(value, "pattern", pointer)
        do throws(GrammarError) {
            var flags = RegexFlags()
            flags.dotMatchesLineEnds = true
            let tree = try RegexParser.parse(
                pattern, flags: flags, maximumDepth: options.limits.depth, maximumBytes: options.limits.patternBytes)
            return .pattern(try Terms.withoutAssertions(tree))
        } catch {
            throw .unsupported(keyword: "pattern", pointer: pointer.appending("pattern"), reason: "\(error)")
        }
    }

    private func elements(_ value: JSONValue, _ pointer: JSONPointer, _ ends: [String]?, isSequence: Bool, depth: Int) throws(GrammarError)
        -> RuleBody
    {
        let elements = try list(value, "elements", pointer)
        guard !elements.isEmpty else { throw .invalidSchema(pointer: pointer.appending("elements"), reason: "there must be an element") }
        var bodies: [RuleBody] = []
        for (index, element) in elements.enumerated() {
            let isLast = !isSequence || index == elements.count - 1
            let place = pointer.appending("elements").appending(index)
            bodies.append(try format(element, place, ends: isLast ? ends : nil, depth: depth + 1))
        }
        return isSequence ? .sequence(bodies) : .alternatives(bodies)
    }

    /// Text up to the first of the ends, if there are any.
    private func anyText(_ value: JSONValue, _ pointer: JSONPointer, _ ends: [String]?) throws(GrammarError) -> RuleBody {
        let excluded = try texts(value, "excludes", pointer)
        let most = value["max_chars"] == nil || value["max_chars"] == .null ? nil : try count(value, "max_chars", pointer)
        let any = RuleBody.repeated(.characters(.all), minimum: 0, maximum: nil)
        func without(_ texts: [String]) -> RuleBody {
            texts.isEmpty ? any : .complement(.sequence([any, Self.choice(texts), any]))
        }
        guard let ends else {
            if excluded.isEmpty { return .repeated(.characters(.all), minimum: 0, maximum: most) }
            return most.map { .limited(without(excluded), $0) } ?? .limited(without(excluded), Int(Int32.max))
        }
        // The end itself may hold what is excluded before it.
        let first = RuleBody.shortest(.sequence([any, Self.choice(ends)]))
        let rest = without(excluded.filter { !ends.contains($0) })
        guard let most else { return .intersection([first, .sequence([rest, Self.choice(ends)])]) }
        return .alternatives(
            ends.map { .limited(.intersection([first, .sequence([rest, Self.choice([$0])])]), most + $0.unicodeScalars.count) })
    }

    /// A tag without what its trigger has read already.
    private func tag(_ value: JSONValue, _ pointer: JSONPointer, after trigger: String, depth: Int) throws(GrammarError) -> RuleBody {
        if let members = value.objectValue { try check(members, pointer, allowed: ["type", "begin", "content", "end"]) }
        if let type = value["type"], type != .string("tag") { throw .invalidSchema(pointer: pointer, reason: "a tag was expected") }
        let begin = Array(try text(value, "begin", pointer).utf8.dropFirst(trigger.utf8.count))
        guard let content = value["content"] else { throw .invalidSchema(pointer: pointer, reason: "\"content\" is missing") }
        let ends: [String]
        if let list = value["end"]?.arrayValue {
            ends = list.compactMap(\.stringValue)
            guard ends.count == list.count, !ends.isEmpty else {
                throw .invalidSchema(pointer: pointer.appending("end"), reason: "\"end\" must be a string or a list of strings")
            }
        } else {
            ends = [try text(value, "end", pointer)]
        }
        let place = pointer.appending("content")
        let rest =
            ends.contains("")
            ? closed(try format(content, place, ends: nil, depth: depth + 1), ends) : try format(content, place, ends: ends, depth: depth + 1)
        return begin.isEmpty ? rest : .sequence([.text(begin), rest])
    }

    private func triggeredTags(_ value: JSONValue, _ pointer: JSONPointer, _ ends: [String]?, depth: Int) throws(GrammarError) -> RuleBody {
        let triggers = try texts(value, "triggers", pointer)
        let stops = try flag(value, "stop_after_first", pointer)
        let tags = try list(value, "tags", pointer)
        guard !triggers.isEmpty, !tags.isEmpty else { throw .invalidSchema(pointer: pointer, reason: "there must be a trigger and a tag") }
        var bodies: [String: [RuleBody]] = [:]
        var whole: [RuleBody] = []
        for (index, item) in tags.enumerated() {
            let place = pointer.appending("tags").appending(index)
            let begin = try text(item, "begin", place)
            let fitting = Set(triggers).filter { begin.utf8.starts(with: $0.utf8) }
            guard fitting.count == 1, let trigger = fitting.first else {
                throw .invalidSchema(pointer: place.appending("begin"), reason: "\(fitting.count) triggers are its beginning, not one")
            }
            bodies[trigger, default: []].append(try tag(item, place, after: trigger, depth: depth + 1))
            whole.append(try tag(item, place, after: "", depth: depth + 1))
        }
        if let idle = triggers.first(where: { bodies[$0] == nil }) {
            throw .invalidSchema(pointer: pointer.appending("triggers"), reason: "no tag begins with \"\(idle)\"")
        }
        let entries = bodies.sorted { $0.key < $1.key }.map { trigger, bodies in
            let body = RuleBody.alternatives(bodies)
            return TextDispatch.Entry(text: Array(trigger.utf8), body: stops ? closed(body, ends) : body, isLast: stops)
        }
        let free = try freeText(entries, try texts(value, "excludes", pointer), ends, pointer)
        guard try flag(value, "at_least_one", pointer) else { return free }
        let first = RuleBody.alternatives(whole)
        return stops ? closed(first, ends) : .sequence([first, free])
    }

    /// Text with entries, which the enclosing tag's ends finish.
    private func freeText(_ entries: [TextDispatch.Entry], _ excluded: [String], _ ends: [String]?, _ pointer: JSONPointer)
        throws(GrammarError) -> RuleBody
    {
        let last = (ends ?? []).map { TextDispatch.Entry(text: Array($0.utf8), body: .empty, isLast: true) }
        let text = TextDispatch(
            entries: entries + last, excluded: excluded.filter { !(ends ?? []).contains($0) }.map { Array($0.utf8) }, mayEnd: ends == nil)
        do throws(GrammarError) { try text.check() } catch { throw .invalidSchema(pointer: pointer, reason: "\(error)") }
        return .dispatch(text)
    }

    private func separatedTags(_ value: JSONValue, _ pointer: JSONPointer, depth: Int) throws(GrammarError) -> RuleBody {
        var bodies: [RuleBody] = []
        for (index, item) in try list(value, "tags", pointer).enumerated() {
            bodies.append(try tag(item, pointer.appending("tags").appending(index), after: "", depth: depth + 1))
        }
        guard !bodies.isEmpty else { throw .invalidSchema(pointer: pointer.appending("tags"), reason: "there must be a tag") }
        let separator = RuleBody.text(Array(try text(value, "separator", pointer).utf8))
        let one = RuleBody.alternatives(bodies)
        let all =
            try flag(value, "stop_after_first", pointer) ? one : .sequence([one, .counted(.sequence([separator, one]), 0, nil)])
        return try flag(value, "at_least_one", pointer) ? all : .counted(all, 0, 1)
    }

    private func dispatch(_ value: JSONValue, _ pointer: JSONPointer, depth: Int) throws(GrammarError) -> RuleBody {
        let loops = try flag(value, "loop", pointer, default: true)
        var entries: [TextDispatch.Entry] = []
        for (index, rule) in try list(value, "rules", pointer).enumerated() {
            let place = pointer.appending("rules").appending(index)
            guard let pair = rule.arrayValue, pair.count == 2, let text = pair[0].stringValue, !text.isEmpty else {
                throw .invalidSchema(pointer: place, reason: "a rule is a text that is not empty, and a format")
            }
            let body = try format(pair[1], place.appending(1), ends: nil, depth: depth + 1)
            entries.append(TextDispatch.Entry(text: Array(text.utf8), body: body, isLast: !loops))
        }
        return try freeText(entries, try texts(value, "excludes", pointer), nil, pointer)
    }

    private func structures(_ value: JSONValue, _ pointer: JSONPointer) throws(GrammarError) -> RuleBody {
        var tags: [JSONValue] = []
        for (index, item) in try list(value, "structures", pointer).enumerated() {
            let place = pointer.appending("structures").appending(index)
            if let members = item.objectValue { try check(members, place, allowed: ["begin", "schema", "end"]) }
            guard let schema = item["schema"] else { throw .invalidSchema(pointer: place, reason: "\"schema\" is missing") }
            tags.append([
                "begin": .string(try text(item, "begin", place)), "content": ["type": "json_schema", "json_schema": schema],
                "end": .string(try text(item, "end", place)),
            ])
        }
        let triggers = value["triggers"] ?? .array([])
        return try triggeredTags(["triggers": triggers, "tags": .array(tags)], pointer, nil, depth: 0)
    }
}

extension GrammarError {
    /// The error of a schema that stands at a place in a larger document.
    func below(_ place: JSONPointer) -> GrammarError {
        func moved(_ pointer: JSONPointer) -> JSONPointer { JSONPointer(place.tokens + pointer.tokens) }
        switch self {
        case .unsupported(let keyword, let pointer, let reason): return .unsupported(keyword: keyword, pointer: moved(pointer), reason: reason)
        case .unsatisfiable(let pointer, let reason): return .unsatisfiable(pointer: moved(pointer), reason: reason)
        case .invalidSchema(let pointer, let reason): return .invalidSchema(pointer: moved(pointer), reason: reason)
        case .tooLarge(let what, let limit, let pointer): return .tooLarge(what: what, limit: limit, pointer: moved(pointer))
        case .syntax, .malformed: return self
        }
    }
}
