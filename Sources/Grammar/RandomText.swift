// Random texts of a grammar: walks under the mask that prefer what ends.
public import Tokens

/// Draws random texts that a grammar accepts, over any vocabulary.
public struct RandomText: Sendable {
    /// No text of the grammar is that short.
    public struct TooLong: Error, Sendable, CustomStringConvertible {
        /// The limit, in tokens of the vocabulary.
        public let limit: Int
        /// What the shortest text takes, as far as it is known.
        public let shortest: Int?
        /// Both as a sentence.
        public var description: String {
            "no text has at most \(limit) tokens" + (shortest.map { "; the shortest has \($0)" } ?? " that could be found")
        }
    }

    /// Where bytes are tokens: one token a byte.
    public static let byteVocabulary = Vocabulary(
        tokens: (0...255).map { [UInt8($0)] }, kinds: [TokenKind](repeating: .normal, count: 256))

    private let grammar: CompiledGrammar
    private let limit: Int
    /// By token: how it weighs while the text may grow, and when it should end.
    private let weights: (growing: [Double], ending: [Double])

    /// Texts of at most `limit` tokens.
    public init(_ grammar: CompiledGrammar, limit: Int) {
        self.grammar = grammar
        self.limit = max(limit, 1)
        let vocabulary = grammar.trie.vocabulary
        weights = (vocabulary.tokens.map { Self.weight($0, isEnding: false) }, vocabulary.tokens.map { Self.weight($0, isEnding: true) })
    }

    /// Rare are escapes, characters beyond ASCII, white space and openings; frequent is what closes.
    private static func weight(_ token: [UInt8], isEnding: Bool) -> Double {
        guard let first = token.first else { return 0 }
        let isSingle = token.count == 1
        switch first {
        case UInt8(ascii: "\""): return isSingle ? (isEnding ? 4_000 : 16) : 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): return isSingle ? (isEnding ? 4_000 : 8) : 1
        case UInt8(ascii: ","): return isEnding ? 1 : 6
        case UInt8(ascii: "{"), UInt8(ascii: "["): return isEnding ? 0.01 : 2
        case UInt8(ascii: "\\"): return isEnding ? 0.01 : 0.5
        case 0x80...: return isEnding ? 0.001 : 0.05
        case ..<0x20: return 0.05
        default: return 1
        }
    }

    /// One random text as tokens: from half of the limit on it ends as soon as chance lets it, and at the limit by the shortest ending.
    /// - Throws: when the shortest text is longer than the limit.
    public func next(using random: inout some RandomNumberGenerator) throws(TooLong) -> [TokenID] {
        var matcher = grammar.makeMatcher()
        var mask = TokenMask(count: grammar.vocabularyCount)
        var tokens: [TokenID] = []
        while !matcher.isFinished {
            let isEnding = tokens.count >= limit / 2
            if matcher.canStop && (isEnding || Double.random(in: 0..<1, using: &random) < Self.stopping) { break }
            matcher.fill(&mask)
            let scale = isEnding ? weights.ending : weights.growing
            guard var token = pick(mask.allowedTokens, scale, &random) else { break }
            let left = limit - tokens.count
            if !matcher.accept(token, remainingTokens: left) {
                matcher.fill(&mask, remainingTokens: left)
                guard let other = pick(mask.allowedTokens, scale, &random) else { break }
                guard matcher.accept(other) else { preconditionFailure("the mask allows what the matcher refuses") }
                token = other
            }
            tokens.append(token)
        }
        guard matcher.canStop else { throw TooLong(limit: limit, shortest: grammar.makeMatcher().tokensToEnd) }
        return tokens
    }

    /// Where nothing need be said, walks stop three times in ten.
    private static let stopping = 0.3

    private func pick(_ tokens: [TokenID], _ weights: [Double], _ random: inout some RandomNumberGenerator) -> TokenID? {
        let sum = tokens.reduce(0) { $0 + weights[Int($1)] }
        guard sum > 0 else { return tokens.randomElement(using: &random) }
        var place = Double.random(in: 0..<sum, using: &random)
        for token in tokens {
            place -= weights[Int(token)]
            if place < 0 { return token }
        }
        return tokens.last
    }
}
