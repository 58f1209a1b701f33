// The loop over a scripted model: what runs, what the model reads, and where it ends.
import Agent
import Chat
import Engine
import JSON
import Synchronization
import Testing

@Suite struct LoopTests {
    static let add = FunctionToolbox([
        (spec("add"), { @Sendable call in "\((call.arguments["a"]?.intValue ?? 0) + (call.arguments["b"]?.intValue ?? 0))" }),
        (spec("fail"), { @Sendable _ in throw Broken() }),
        (
            spec("hang"),
            { @Sendable _ in
                try await Task.sleep(for: .seconds(60))
                return "late"
            }
        ),
        (spec("long"), { @Sendable _ in String(repeating: "é", count: 100) }),
    ])

    struct Broken: Error, CustomStringConvertible { var description: String { "it is broken" } }

    static func spec(_ name: String) -> ToolSpec { ToolSpec(name: name, inputSchema: ["type": "object"]) }

    /// Runs a script; the texts that tools gave, and the outcome.
    static func run(
        _ turns: [ScriptedChatModel.Turn], limits: AgentLimits = AgentLimits(), toolboxes: [any Toolbox] = [add],
        permit: @escaping Permit = { _, _ in .allow }
    ) async throws -> (outputs: [String], outcome: AgentOutcome, model: ScriptedChatModel) {
        let model = ScriptedChatModel(turns)
        let outcome = try await AgentLoop(model: model, toolboxes: toolboxes, limits: limits, permit: permit).run([.user("go")])
        return (outcome.messages.filter { $0.role == .tool }.map(\.content), outcome, model)
    }

    @Test func answersWithoutTools() async throws {
        let (outputs, outcome, model) = try await LoopTests.run([.says("hello")])
        #expect(outputs.isEmpty && outcome.ending == .answered && outcome.answer == "hello" && outcome.turns == 1)
        #expect(outcome.messages == [.user("go"), .assistant("hello")])
        #expect(model.requests[0].tools.map(\.name) == ["add", "fail", "hang", "long"])
        #expect(outcome.usage.promptTokens == 100 && outcome.usage.generatedTokens == 10)
    }

    @Test func outputsGoBackInTheOrderOfTheCalls() async throws {
        let (outputs, outcome, model) = try await LoopTests.run([
            .calls([("add", ["a": 1, "b": 2]), ("nope", [:]), ("fail", [:]), ("add", ["a": 3, "b": 4])], says: "Let me see."),
            .calls([("add", ["a": 5, "b": 5])]),
            .says("10"),
        ])
        #expect(outputs.count == 5)
        #expect(outputs[0] == "3" && outputs[3] == "7" && outputs[4] == "10")
        #expect(outputs[1].contains("nope") && outputs[1].contains("add, fail, hang, long"))
        #expect(outputs[2] == "it is broken")
        #expect(outcome.answer == "10" && outcome.turns == 3)
        let tools = outcome.messages.filter { $0.role == .tool }
        #expect(tools.map(\.toolCallID) == ["c0_0", "c0_1", "c0_2", "c0_3", "c1_0"])
        #expect(tools.map(\.name) == ["add", "nope", "fail", "add", "add"])
        // Each request is the last one and what came since: the beginning of the prompt never changes.
        for (earlier, later) in zip(model.requests, model.requests.dropFirst()) {
            #expect(later.messages.starts(with: earlier.messages) && later.tools == earlier.tools)
        }
    }

    /// Two calls that wait for each other only end when both run.
    @Test func callsOfOneTurnRunTogether() async throws {
        let arrived = Mutex(0)
        let meeting = FunctionToolbox([
            (
                LoopTests.spec("meet"),
                { @Sendable _ in
                    arrived.withLock { $0 += 1 }
                    while arrived.withLock({ $0 }) < 2 { try await Task.sleep(for: .milliseconds(1)) }
                    return "met"
                }
            )
        ])
        let (outputs, _, _) = try await LoopTests.run([.calls([("meet", [1]), ("meet", [2])]), .says("")], toolboxes: [meeting])
        #expect(outputs == ["met", "met"])
    }

    @Test func limitsEndTheRun() async throws {
        let call = ScriptedChatModel.Turn.calls([("add", ["a": 1])])
        func other(_ value: Int) -> ScriptedChatModel.Turn { .calls([("add", ["a": .number(JSONNumber(value))])]) }
        let rows: [([ScriptedChatModel.Turn], AgentLimits, AgentOutcome.Ending, Int)] = [
            ((1...5).map(other), AgentLimits(turns: 3), .stopped(.turns(3)), 3),
            ((1...5).map(other), AgentLimits(tokens: 25), .stopped(.tokens(25)), 3),
            ([call, call, call], AgentLimits(sameCalls: 2), .stopped(.sameCall(name: "add", times: 2)), 3),
            (
                [.calls([("add", ["a": 1, "b": 2]), ("add", ["b": 2, "a": 1])])], AgentLimits(sameCalls: 1),
                .stopped(.sameCall(name: "add", times: 1)), 1
            ),
            ([.says("cut", finish: .length)], AgentLimits(tokens: 10), .stopped(.tokens(10)), 1),
            ([.says("cut", finish: .length)], AgentLimits(tokens: 11), .stopped(.context), 1),
            ([.hangs], AgentLimits(duration: .milliseconds(30)), .stopped(.duration(.milliseconds(30))), 1),
        ]
        for (turns, limits, ending, count) in rows {
            let (_, outcome, _) = try await LoopTests.run(turns, limits: limits)
            #expect(outcome.ending == ending && outcome.turns == count && outcome.answer == nil)
        }
        let (_, _, model) = try await LoopTests.run((1...5).map(other), limits: AgentLimits(tokens: 25))
        #expect(model.requests.map(\.maxTokens) == [25, 15, 5])
    }

    @Test func aToolThatHangsIsGivenUp() async throws {
        let (outputs, outcome, _) = try await LoopTests.run(
            [.calls([("hang", [:]), ("add", ["a": 1, "b": 1])]), .says("ok")], limits: AgentLimits(callDuration: .milliseconds(30)))
        #expect(outputs[0].contains("may or may not") && outputs[1] == "2" && outcome.answer == "ok")
    }

    @Test func longOutputsAreCut() async throws {
        let (outputs, _, _) = try await LoopTests.run(
            [.calls([("long", [:])]), .says("ok")], limits: AgentLimits(outputBytes: 11))
        #expect(outputs == ["ééééé\n[cut: 11 of 200 bytes shown]"])
    }

    @Test func permissionIsAskedInOrder() async throws {
        let asked = Mutex<[String]>([])
        let (outputs, outcome, _) = try await LoopTests.run([
            .calls([("add", ["a": 1]), ("fail", [:]), ("nope", [:]), ("add", ["a": 2])]), .says("ok"),
        ]) { call, spec in
            asked.withLock { $0.append("\(spec.name) \(call.arguments.text())") }
            return call.name == "fail" ? .deny(reason: "too risky") : .allow
        }
        #expect(asked.withLock { $0 } == [#"add {"a":1}"#, "fail {}", #"add {"a":2}"#])
        #expect(outputs[0] == "1" && outputs[1].contains("too risky") && outputs[3] == "2" && outcome.answer == "ok")
    }

    @Test func faultsOfTheModelAreErrors() async throws {
        for turn in [ScriptedChatModel.Turn.fails(.noTemplate(model: "m")), .vanishes] {
            await #expect(throws: AgentError.self) { _ = try await LoopTests.run([turn]) }
        }
        do {
            _ = try await LoopTests.run([.says("")], toolboxes: [LoopTests.add, LoopTests.add])
            Issue.record("two tools of one name")
        } catch AgentError.duplicateTool(let name) {
            #expect(name == "add")
        }
    }

    @Test func cancellationEndsTheRun() async throws {
        for turns in [[ScriptedChatModel.Turn.hangs], [.calls([("hang", [:])]), .says("no")]] {
            let model = ScriptedChatModel(turns)
            let task = Task {
                try await AgentLoop(model: model, toolboxes: [LoopTests.add], permit: { _, _ in .allow }).run([.user("go")])
            }
            while model.requests.isEmpty { await Task.yield() }
            task.cancel()
            do {
                _ = try await task.value
                Issue.record("went on")
            } catch AgentError.cancelled {
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    @Test func eventsTellTheStoryInOrder() async throws {
        let story = Mutex<[String]>([])
        let model = ScriptedChatModel([.calls([("add", ["a": 1]), ("fail", [:])]), .says("done")])
        _ = try await AgentLoop(model: model, toolboxes: [LoopTests.add]) { call, _ in
            call.name == "fail" ? .deny(reason: "r") : .allow
        }.run([.user("go")]) { event in
            let line =
                switch event {
                case .turnStarted(let turn): "turn \(turn)"
                case .text(let text): "text \(text)"
                case .toolCall(let call): "call \(call.name)"
                case .toolDenied(let call, let reason): "denied \(call.name) \(reason)"
                case .toolResult(let call, let output, _): "result \(call.name) \(output.text)"
                case .answered(let message): "answered \(message.content)"
                default: "other"
                }
            story.withLock { $0.append(line) }
        }
        #expect(
            story.withLock { $0 } == [
                "turn 1", "call add", "call fail", "denied fail r", "result add 1", "turn 2", "text done", "answered done",
            ])
    }
}
