// Every chat template of the fixtures, rendered byte for byte as transformers renders it.
import JSON
import Jinja
import TestSupport
import Testing

@Suite struct TemplateFixtures {
    static let names: [String] = (try? Fixtures.list("fixtures/templates")) ?? []

    /// Cases in which this interpreter is known to differ, as `template/case`.
    static let known: Set<String> = []

    @Test func fixturesExist() { #expect(Self.names.count == 54) }

    @Test(arguments: names) func rendersAsTransformers(_ name: String) throws {
        let source = try Fixtures.text("fixtures/templates/\(name)/template.jinja")
        let file = try Fixtures.json("fixtures/templates/\(name)/cases.json")
        let template = try Template(source)
        let special = try #require(file["special_tokens"]?.objectValue)
        let cases = try #require(file["cases"]?.arrayValue)
        #expect(cases.count == 21)
        for item in cases {
            let label = item["name"]?.stringValue ?? "?"
            if Self.known.contains("\(name)/\(label)") { continue }
            var variables: [(String, JSONValue)] = special.map { ($0.key, $0.value) }
            variables.append(("messages", item["messages"] ?? .null))
            variables.append(("tools", item["tools"] ?? .null))
            variables.append(("documents", .null))
            variables.append(("add_generation_prompt", item["add_generation_prompt"] ?? .bool(false)))
            for (key, value) in item["kwargs"]?.objectValue ?? JSONObject() { variables.append((key, value)) }
            let now = CalendarTime(year: 2025, month: 7, day: 26, hour: 14, minute: 5, second: 9)
            let result = Result { () throws(JinjaError) in try template.render(variables, now: now) }
            if let wanted = item["rendered"]?.stringValue {
                switch result {
                case .success(let text):
                    #expect(Array(text.utf8) == Array(wanted.utf8), "\(name)/\(label)\n--- wanted\n\(wanted)\n--- got\n\(text)")
                case .failure(let error): Issue.record("\(name)/\(label): \(error)")
                }
            } else if item["raises_kind"]?.stringValue == "template" {
                guard case .failure(.raised) = result else {
                    Issue.record("\(name)/\(label) should refuse: \(item["raises"]?.text() ?? "")")
                    continue
                }
            }
        }
    }
}
