// The mask against its slow twin: every token of the vocabulary tried by itself.
import Grammar
import Tokens

enum MaskTwin {
    /// A walk is begun anew after so many tokens.
    private static let walkLength = 40

    /// Compares at states of random walks, which the seed's text determines.
    /// - Returns: how many states there were, and up to three sentences about tokens of which mask and brute force say different things.
    static func compare(_ grammar: CompiledGrammar, _ vocabulary: Vocabulary, states: Int, seed: String) -> (states: Int, differences: [String]) {
        var random = SplitMix(seed: seed.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01b3 })
        var mask = TokenMask(count: vocabulary.count)
        var differences: [String] = []
        var matcher = grammar.makeMatcher()
        var text: [UInt8] = []
        var length = 0
        for state in 0..<states {
            matcher.fill(&mask)
            for token in 0..<vocabulary.count {
                var copy = matcher
                let isAccepted = copy.accept(TokenID(token))
                guard isAccepted != mask.allows(TokenID(token)), differences.count < 3 else { continue }
                differences.append(
                    "the mask \(isAccepted ? "forbids" : "allows") token \(token) \(vocabulary.tokens[token]) after "
                        + String(decoding: text, as: UTF8.self))
            }
            if !differences.isEmpty { return (state + 1, differences) }
            let allowed = mask.allowedTokens
            // One in three is the shortest of four, which closes things.
            let picks = (0..<(Int.random(in: 0..<3, using: &random) == 0 ? 4 : 1)).compactMap { _ in allowed.randomElement(using: &random) }
            let pick = picks.min { vocabulary.tokens[Int($0)].count < vocabulary.tokens[Int($1)].count }
            length += 1
            if let pick, length < walkLength, matcher.accept(pick) {
                text += vocabulary.tokens[Int(pick)]
            } else {
                matcher = grammar.makeMatcher()
                text = []
                length = 0
            }
        }
        return (states, differences)
    }
}
