// Random texts of a grammar: walks under the mask that prefer what ends.
public import Tokens

/// Draws random texts that a grammar accepts, over any vocabulary.
public struct RandomText: Sendable {
    /// What came of a walk that met its limit every time.
    public struct TooLong: Error, Sendable, CustomStringConvertible {
        /// The limit, in tokens of the vocabulary.
        public let limit: Int
        /// The limit as a sentence.
        public var description: String { "no text of at most \(limit) tokens was found in \(RandomText.attempts) random walks" }
    }

    /// Where bytes are tokens: one token a byte.
    public static let byteVocabulary = Vocabulary(
        tokens: (0...255).map { [UInt8($0)] }, kinds: [TokenKind](repeating: .normal, count: 256))

    static let attempts = 24
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

    /// One random text as tokens. A longer and longer ending phase makes later attempts end sooner.
    /// - Throws: when every attempt met the limit.
    public func next(using random: inout some RandomNumberGenerator) throws(TooLong) -> [TokenID] {
        for attempt in 0..<Self.attempts {
            if let tokens = walk(endingFrom: limit / (2 << min(attempt, 12)), &random) { return tokens }
        }
        throw TooLong(limit: limit)
    }

    /// Where nothing need be said, walks stop three times in ten.
    private static let stopping = 0.3

    private func walk(endingFrom turn: Int, _ random: inout some RandomNumberGenerator) -> [TokenID]? {
        var matcher = grammar.makeMatcher()
        var mask = TokenMask(count: grammar.vocabularyCount)
        var tokens: [TokenID] = []
        while !matcher.isFinished {
            let isEnding = tokens.count >= turn
            if matcher.canStop && (isEnding || Double.random(in: 0..<1, using: &random) < Self.stopping) { break }
            guard tokens.count < limit else { return nil }
            matcher.fill(&mask)
            guard let token = pick(mask.allowedTokens, isEnding ? weights.ending : weights.growing, &random) else { break }
            guard matcher.accept(token) else { preconditionFailure("the mask allows what the matcher refuses") }
            tokens.append(token)
        }
        return matcher.canStop ? tokens : nil
    }

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
