// Templates, special tokens, stop tokens and sampling from Hugging Face's configuration files.
internal import JSON
internal import Tokens

extension HuggingFaceFiles {
    func language(vocabularySize: Int) throws(LoadError) -> ModelLanguage {
        var language = ModelLanguage()
        language.chatTemplates = try chatTemplates()
        language.specialTokens = try specialTokens()
        for (file, object) in [("generation_config.json", generation), ("config.json", configuration)] {
            for token in try endTokens(object?["eos_token_id"], file: file, vocabularySize: vocabularySize) { language.stop(at: token) }
        }
        let ends = ModelLanguage.knownStops.union(language.specialTokens.filter { $0.name == "eos_token" }.map(\.text))
        for (token, text) in tokenizer?.specialTokens ?? [] where ends.contains(text) && token < vocabularySize { language.stop(at: token) }
        language.defaultSampling = try sampling()
        return language
    }

    private func chatTemplates() throws(LoadError) -> [(name: String, text: String)] {
        if let templateFile { return [("default", templateFile)] }
        let file = name + "/tokenizer_config.json"
        switch tokenizerConfiguration?["chat_template"] {
        case nil, .null?: return []
        case .string(let text)?: return [("default", text)]
        case .array(let templates)?:
            var named: [(name: String, text: String)] = []
            for template in templates {
                guard let name = template["name"]?.stringValue, let text = template["template"]?.stringValue else {
                    throw .wrongType(file: file, key: "chat_template", expected: "named templates", found: quoted(template.text()))
                }
                named.append((name, text))
            }
            return named
        case let other?:
            throw .wrongType(file: file, key: "chat_template", expected: "a string or an array", found: other.typeName)
        }
    }

    /// Every `*_token` member of tokenizer_config.json that is a text or an added token.
    private func specialTokens() throws(LoadError) -> [(name: String, text: String)] {
        guard let object = tokenizerConfiguration?.objectValue else { return [] }
        var tokens: [(name: String, text: String)] = []
        for (key, value) in object where key.hasSuffix("_token") && !key.hasPrefix("add_") {
            if let text = value.stringValue ?? value["content"]?.stringValue { tokens.append((key, text)) }
        }
        return tokens
    }

    private func endTokens(_ value: JSONValue?, file: String, vocabularySize: Int) throws(LoadError) -> [Int] {
        guard let value, !value.isNull else { return [] }
        var tokens: [Int] = []
        for element in value.arrayValue ?? [value] {
            guard let token = element.intValue, (0..<vocabularySize).contains(token) else {
                throw .outOfRange(
                    file: name + "/" + file, key: "eos_token_id", value: element.text(), range: "tokens from 0 to \(vocabularySize - 1)")
            }
            tokens.append(token)
        }
        return tokens
    }

    private func sampling() throws(LoadError) -> DefaultSampling {
        guard let object = generation?.objectValue else { return DefaultSampling() }
        let reader = NumberReader(object: object, file: name + "/generation_config.json")
        var sampling = DefaultSampling(
            temperature: try reader.float("temperature", .temperature), topK: try reader.integer("top_k"),
            topP: try reader.float("top_p", .topP), minP: try reader.float("min_p", .minP),
            repetitionPenalty: try reader.float("repetition_penalty", .repetitionPenalty))
        // A file that gives a temperature means sampling, unless it says otherwise (transformers itself also wants `do_sample` for that).
        if object["do_sample"]?.boolValue == false { sampling.temperature = 0 }
        return sampling
    }

    /// Optional numbers within the sampler's ranges.
    private struct NumberReader {
        let object: JSONObject
        let file: String

        func float(_ key: String, _ range: SamplingParameters.Range) throws(LoadError) -> Float? {
            guard let value = object[key], !value.isNull else { return nil }
            guard let number = value.doubleValue else {
                throw .wrongType(file: file, key: key, expected: "a number", found: value.typeName)
            }
            guard range.contains(Float(number)) else {
                throw .outOfRange(file: file, key: key, value: value.text(), range: range.description)
            }
            return Float(number)
        }

        func integer(_ key: String) throws(LoadError) -> Int? {
            guard let value = object[key], !value.isNull else { return nil }
            guard let number = value.intValue, number >= 0 else {
                throw .outOfRange(file: file, key: key, value: value.text(), range: "a natural number")
            }
            return number
        }
    }

    func metadata() -> JSONValue {
        var object = JSONObject([("format", "safetensors"), ("config", configuration)])
        object["generation_config"] = generation
        object["tokenizer_config"] = tokenizerConfiguration
        if !weightMetadata.isEmpty {
            object["safetensors"] = .object(JSONObject(weightMetadata.map { ($0.key, .string($0.value)) }))
        }
        return .object(object)
    }
}
