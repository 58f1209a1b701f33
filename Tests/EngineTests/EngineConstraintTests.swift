// Replies under a grammar: masks, stops, forced tokens.
import Grammar
import TestSupport
import Testing
import Tokens

@testable import Engine

@Suite struct EngineConstraintTests {
    private static let stop: TokenID = 95

    private func text(_ reply: Reply) -> String {
        String(decoding: reply.tokens.filter { !$0.isStop }.map { UInt8($0.id) + 32 }, as: UTF8.self)
    }

    private func generate(
        _ rules: Rules, prompt: [TokenID] = randomTokens(9, seed: 2), maxTokens: Int = 60, seed: UInt64 = 1, temperature: Float = 1,
        options: EngineOptions = EngineOptions(threads: 2)
    ) async throws -> Reply {
        let engine = try LLMEngine(model: TinyModel.make(), options: options)
        let reply = try await engine.generate(
            GenerationRequest(
                prompt: prompt, sampling: .init(temperature: temperature, seed: seed), constraint: TinyModel.matcher(rules),
                stopTokens: [Self.stop], maxTokens: maxTokens)
        ).collect()
        await engine.shutdown()
        return reply
    }

    @Test func aLiteralIsForcedWhole() async throws {
        let reply = try await generate(.literal("{\"name\": 1}"))
        #expect(text(reply) == "{\"name\": 1}" && reply.reason == .stop)
        #expect(!reply.tokens.contains { !$0.isForced })
        #expect(reply.usage?.forcedTokens == 11 && reply.usage?.generatedTokens == 11)
    }

    @Test func everySampleObeysTheGrammar() async throws {
        let rules = try Rules(regex: "x[0-9]{2,4}(yes|no)!")
        for seed in UInt64(0)..<20 {
            let reply = try await generate(rules, seed: seed, temperature: 3)
            #expect(reply.reason == .stop, "seed \(seed)")
            let text = text(reply)
            #expect(text.wholeMatch(of: /x[0-9]{2,4}(yes|no)!/) != nil, "seed \(seed): \(text)")
            #expect(reply.tokens.first?.isForced == true && reply.tokens.last?.isForced == true)
        }
    }

    @Test func stopTokensAreAllowedWhereTheGrammarCanStop() async throws {
        var ended = 0
        for seed in UInt64(0)..<20 {
            let reply = try await generate(try Rules(regex: "a[bc]*"), maxTokens: 40, seed: seed, temperature: 3)
            #expect(text(reply).wholeMatch(of: /a[bc]*/) != nil)
            if reply.reason == .stop {
                ended += 1
                #expect(reply.tokens.last?.isStop == true && reply.tokens.last?.id == Self.stop)
            }
        }
        #expect(ended > 0)
    }

    @Test func forcedTokensCountAgainstTheLimit() async throws {
        let exact = try await generate(.literal("abcde"), maxTokens: 5)
        #expect(exact.reason == .stop && exact.usage?.isLed == false)
    }

    /// A budget that cannot suffice is refused before anything is computed, with what would suffice; the context is a budget too.
    @Test(arguments: [(9, 5), (509, 60)]) func aBudgetBelowTheMinimumIsRefused(promptCount: Int, maxTokens: Int) async throws {
        await #expect {
            _ = try await generate(.literal("abcdefgh"), prompt: randomTokens(promptCount, seed: 2), maxTokens: maxTokens)
        } throws: {
            guard case .budgetTooSmall(8, let limit)? = $0 as? EngineError else { return false }
            return limit == min(maxTokens, 512 - promptCount)
        }
    }

    /// Whatever the model wants, within any budget that suffices at all the reply is complete; one that needs no leading is not touched.
    @Test func repliesEndWithinTheirBudget() async throws {
        let tree = ##"{"type":"object","properties":{"v":{"type":"integer"},"c":{"type":"array","items":{"$ref":"#"}}},"required":["v"]}"##
        let lark = "start: sum\nsum: term (\"+\" term)*\nterm: /[0-9]+/ | \"(\" sum \")\"\n"
        let table: [(name: String, rules: Rules)] = [
            ("tree", try Rules(tree, syntax: .jsonSchema)), ("string", try Rules(#"{"type":"string","minLength":4}"#, syntax: .jsonSchema)),
            ("numbers", try Rules(#"{"type":"array","items":{"type":"number","minimum":10},"minItems":2}"#, syntax: .jsonSchema)),
            ("expression", try Rules(lark, syntax: .lark)), ("regex", try Rules(regex: "(ab)*c{3}|x[^y]*y{4}")),
            ("text", try .anyText(until: [Trigger("<", .literal("tag>"))], atLeastOne: true)),
        ]
        let engine = try LLMEngine(model: TinyModel.make(), options: EngineOptions(threads: 2))
        var led = 0
        for (name, rules) in table {
            let matcher = try TinyModel.matcher(rules)
            let least = try #require(matcher.tokensToEnd)
            for (index, budget) in [least, least + 1, least + 2, least + 5, least + 12, 40].enumerated() where budget >= least {
                let (seed, atContext) = (UInt64(index), index % 2 == 1)
                let reply = try await self.reply(
                    to: matcher, seed: seed, promptCount: atContext ? 512 - budget : 9, maxTokens: atContext ? 400 : budget, engine)
                let place = "\(name), budget \(budget)\(atContext ? " of context" : ""), seed \(seed): \(text(reply))"
                var copy = matcher
                for token in reply.tokens where !token.isStop && !copy.accept(token.id) { Issue.record("\(place): not of the grammar") }
                #expect(copy.canStop && reply.tokens.count <= budget && (reply.reason == .stop || reply.reason == .budget), "\(place)")
                led += reply.usage?.isLed == true ? 1 : 0
                guard !atContext else { continue }
                let ample = try await self.reply(to: matcher, seed: seed, promptCount: 9, maxTokens: 500, engine)
                let isEqual = ample.ids == reply.ids
                #expect(isEqual == (reply.usage?.isLed == false), "\(place)")
            }
        }
        #expect(led > 10, "\(led)")
        await engine.shutdown()
    }

    private func reply(to matcher: Matcher, seed: UInt64, promptCount: Int, maxTokens: Int, _ engine: LLMEngine) async throws -> Reply {
        try await engine.generate(
            GenerationRequest(
                prompt: randomTokens(promptCount, seed: 2), sampling: .init(temperature: 3, seed: seed), constraint: matcher, stopTokens: [Self.stop],
                maxTokens: maxTokens)
        ).collect()
    }

    /// Forced tokens go through the model like any other: what follows them is what teacher forcing would sample.
    @Test func forcedTokensFillTheCache() async throws {
        let middle = String(repeating: "the quick brown fox ", count: 8)
        let rules = Rules.sequence([try Rules(regex: "[a-z]"), .literal(middle), try Rules(regex: "[a-z]{3}")])
        for options in [
            EngineOptions(threads: 2), EngineOptions(threads: 1, maxBatchTokens: 5), EngineOptions(threads: 3, usesBLAS: false),
        ] {
            let prompt = randomTokens(140, seed: 4)
            let reply = try await generate(rules, prompt: prompt, maxTokens: 300, temperature: 0, options: options)
            let engine = try LLMEngine(model: TinyModel.make(), options: options)
            // The same choices with the forced text sampled one token at a time.
            var sequence = prompt
            var chosen: [TokenID] = []
            for token in reply.tokens {
                if !token.isForced {
                    let next = try await engine.generate(
                        GenerationRequest(
                            prompt: prompt + chosen, constraint: TinyModel.matcher(try Rules(regex: "[a-z]")), maxTokens: 1)
                    ).collect()
                    #expect(next.ids == [token.id])
                }
                chosen.append(token.id)
                sequence.append(token.id)
            }
            #expect(reply.usage?.forcedTokens == middle.count)
            await engine.shutdown()
        }
    }

    @Test func aGrammarThatTheVocabularyCannotSpeakIsAnError() async throws {
        let engine = try LLMEngine(model: TinyModel.make(), options: EngineOptions(threads: 1))
        let matcher = try? TinyModel.matcher(.literal("é"))
        if let matcher {
            await #expect(throws: EngineError.self) {
                try await engine.generate(GenerationRequest(prompt: [1], constraint: matcher, maxTokens: 4)).collect()
            }
        }
        await engine.shutdown()
    }

    @Test func constrainedAndFreeRepliesShareABatch() async throws {
        let engine = try LLMEngine(model: TinyModel.make(), options: EngineOptions(threads: 3))
        let rules = try Rules(regex: "[a-f]{4}-[0-9]{4}")
        func request(_ seed: UInt64, constrained: Bool) throws -> GenerationRequest {
            GenerationRequest(
                prompt: randomTokens(30, seed: seed), sampling: .init(temperature: 1, seed: seed),
                constraint: constrained ? try TinyModel.matcher(rules) : nil, maxTokens: 20)
        }
        let alone = try await engine.generate(request(3, constrained: true)).collect().ids
        let generations = try (0..<8).map { engine.generate(try request(UInt64($0), constrained: $0 % 2 == 1)) }
        var replies: [Reply] = []
        for generation in generations { replies.append(try await generation.collect()) }
        #expect(replies[3].ids == alone)
        for (index, reply) in replies.enumerated() {
            #expect(index % 2 == 0 ? reply.ids.count == 20 : text(reply).wholeMatch(of: /[a-f]{4}-[0-9]{4}/) != nil)
        }
        await engine.shutdown()
    }
}
