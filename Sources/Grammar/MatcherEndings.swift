// Answers that end: what may come next when only so many tokens are left.
public import Tokens

extension Matcher {
    private var endings: Endings { Endings(program: grammar.program, trie: grammar.trie) }

    /// The fewest tokens after which the text is complete, as far as a search finds them (0 where it may stop here): the shortest ending in
    /// bytes, spelled in as few tokens as spell it. Nil when no ending was found, as where the vocabulary cannot spell it.
    public var tokensToEnd: Int? { endings.tokens(configuration)?.count }

    /// The bytes that the shortest ending is thought to take, without looking for it, and the fewest tokens that may spell so many. For objects and
    /// arrays whose members are counted or must differ it is a guess; 2^28 bytes stand for all that is more.
    public var roughEnding: (bytes: Int, tokens: Int) {
        let bytes = Int(grammar.program.endingCosts.ofEnding(configuration))
        let longest = max(grammar.trie.maximumDepth, 1)
        return (bytes, (bytes + longest - 1) / longest)
    }

    /// The bytes of the shortest ending; nil when none was found.
    public var shortestEnding: [UInt8]? { endings.bytes(configuration) }

    /// Whether so many tokens suffice so amply that no token need be forbidden for the ending's sake (of those that open nothing long).
    public func isComfortable(remainingTokens: Int) -> Bool { endings.isComfortable(configuration, remainingTokens) }

    /// Whether the text can be finished within so many tokens, as far as a search finds.
    public func canFinish(within tokens: Int) -> Bool { endings.fits(configuration, tokens) }

    /// Takes one token if the text can then be finished within the tokens left after it; else false, and nothing has changed.
    public mutating func accept(_ token: TokenID, remainingTokens: Int) -> Bool {
        let before = self
        guard accept(token) else { return false }
        if hasRoom(remainingTokens - 1) { return true }
        self = before
        return false
    }

    /// `canFinish(within:)` for a parse in progress. Where the costs rose no higher since an ending was found that is shorter, by a quarter and
    /// by 16 tokens, than what is left now, it is not looked for again.
    private mutating func hasRoom(_ tokens: Int) -> Bool {
        if tokens < 0 { return false }
        if endings.isComfortable(configuration, tokens) { return true }
        let cost = grammar.program.endingCosts.ofEnding(configuration)
        if let known = knownEnding, cost <= known.cost, known.tokens + max(known.tokens / 4, 16) <= tokens { return true }
        guard let ending = endings.tokens(configuration) else { return false }
        knownEnding = (cost, ending.count)
        return ending.count <= tokens
    }

    /// Whether `accept(_:remainingTokens:)` would take the token.
    public func fits(_ token: TokenID, remainingTokens: Int) -> Bool {
        var copy = self
        return copy.accept(token, remainingTokens: remainingTokens)
    }

    /// Makes the mask the first token of the shortest ending alone, where that fits into `remainingTokens`; else nothing.
    public func fillEnding(_ mask: inout TokenMask, remainingTokens: Int) {
        mask.clearAll()
        if let tokens = endings.tokens(configuration), let first = tokens.first, tokens.count <= remainingTokens, first < mask.count {
            mask.set(first)
        }
    }

    /// Makes the mask the tokens after which the text can still be finished within `remainingTokens`, this one counted.
    ///
    /// Names of members that must differ are compared when they are whole: within one, a token may be allowed after which only a longer name is
    /// left. As long as the tokens left suffice for the shortest ending, some token is allowed; one walk over the vocabulary, so a caller with
    /// plenty of tokens left uses `fill(_:)` and checks the token it chose with `accept(_:remainingTokens:)`.
    public func fill(_ mask: inout TokenMask, remainingTokens: Int) {
        let (stored, forbidden) = grammar.mask(for: configuration)
        var bits = stored.bits
        for token in forbidden { bits[Int(token) >> 6] &= ~(1 << UInt64(token & 63)) }
        endings.restrict(&bits, configuration, remainingTokens)
        // The shortest ending's own first token leads there, whatever the walk made of names that were equal so far.
        if let tokens = endings.tokens(configuration), let first = tokens.first, tokens.count <= remainingTokens {
            bits[Int(first) >> 6] |= 1 << UInt64(first & 63)
        }
        mask.assign(bits)
    }
}
