// The unigram model: the segmentation whose tokens' scores have the greatest sum (Kudo, 2018), and WordPiece's greedy one.

/// A unigram model over characters.
struct Unigram: Sendable {
    var trie: ByteTrie
    /// The score of each token (a log-probability).
    var scores: [Double]
    var unknown: TokenID?
    /// The tokens of bytes, for what has no token.
    var byteTokens: [TokenID]?
    private let unknownScore: Double

    /// A model of pieces and their scores; `unknown` is the number of one of them.
    init(trie: ByteTrie, scores: [Double], unknown: TokenID?, byteTokens: [TokenID]?) {
        self.trie = trie
        self.scores = scores
        self.unknown = unknown
        self.byteTokens = byteTokens
        unknownScore = (scores.min() ?? 0) - 10
    }

    /// Appends the tokens of a word that is not empty.
    func appendTokens(of text: [UInt8], _ range: Range<Int>, to output: inout [TokenID]) {
        let count = range.count
        var best = [Double](repeating: 0, count: count + 1)
        var start = [Int32](repeating: -1, count: count + 1)
        var token = [TokenID](repeating: -1, count: count + 1)
        var position = 0
        while position < count {
            let here = best[position]
            let length = min(count - position, UTF8Text.length(startingWith: text[range.lowerBound + position]))
            var hasSingle = false
            func consider(_ end: Int, _ id: TokenID, _ score: Double) {
                if start[end] < 0 || score > best[end] {
                    best[end] = score
                    start[end] = Int32(position)
                    token[end] = id
                }
            }
            trie.forEachMatch(in: text, from: range.lowerBound + position, to: range.upperBound) { end, id in
                let end = end - range.lowerBound
                consider(end, id, here + scores[Int(id)])
                if end - position == length { hasSingle = true }
            }
            if !hasSingle { consider(position + length, -1, here + unknownScore) }
            position += length
        }
        appendPath(of: text, range, start: start, token: token, to: &output)
    }

    private func appendPath(of text: [UInt8], _ range: Range<Int>, start: [Int32], token: [TokenID], to output: inout [TokenID]) {
        var reversed: [TokenID] = []
        var end = range.count
        while end > 0 {
            if token[end] >= 0, token[end] != unknown {
                reversed.append(token[end])
                end = Int(start[end])
                continue
            }
            // Neighbouring unknown characters become one.
            var first = end
            while first > 0, token[first] < 0 || token[first] == unknown { first = Int(start[first]) }
            let bytes = text[range.lowerBound + first..<range.lowerBound + end]
            if let byteTokens, bytes.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
                reversed += bytes.reversed().map { byteTokens[Int($0)] }
            } else if let unknown {
                reversed.append(unknown)
            }
            end = first
        }
        output += reversed.reversed()
    }
}

/// WordPiece: always the longest token that begins a word's rest.
struct WordPiece: Sendable {
    var table: TokenTable
    var unknown: TokenID
    var continuingPrefix: [UInt8]
    /// Words of more characters are unknown.
    var longestWord: Int

    /// Appends the tokens of a word that is not empty.
    func appendTokens(of text: [UInt8], _ range: Range<Int>, to output: inout [TokenID]) {
        let mark = output.count
        var characters = 0
        for index in range where text[index] & 0xc0 != 0x80 { characters += 1 }
        guard characters <= longestWord else {
            output.append(unknown)
            return
        }
        var start = range.lowerBound
        while start < range.upperBound {
            var end = range.upperBound
            var token: TokenID?
            while end > start {
                token = start == range.lowerBound ? table[text[start..<end]] : table[(continuingPrefix + text[start..<end])[...]]
                if token != nil { break }
                end = UTF8Text.start(before: end, in: text, from: start)
            }
            guard let token else {
                output.removeSubrange(mark...)
                output.append(unknown)
                return
            }
            output.append(token)
            start = end
        }
    }
}
