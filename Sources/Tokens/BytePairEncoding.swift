// Byte-pair encoding: a word's symbols are merged two by two, best rank first (Sennrich et al., 2016).

/// A byte-pair encoding model over bytes (byte-level vocabularies) or over characters.
struct BytePairEncoding: Sendable {
    /// The tokens of symbols before any merge, and of whole words: by their bytes (the byte-level alphabet undone).
    var table: TokenTable
    var merges: MergeTable
    /// Symbols are single bytes, otherwise characters.
    var isByteLevel: Bool
    /// A word that is a token as a whole is that token, whatever the merges say.
    var ignoresMerges = false
    /// The token of characters that have none.
    var unknown: TokenID?
    /// Neighbouring unknown characters become one token.
    var fusesUnknown = false
    /// The tokens of bytes, for characters that have none.
    var byteTokens: [TokenID]?
    /// What a symbol is spelled with behind a word's first.
    var continuingPrefix: [UInt8] = []
    /// What a word's last symbol is spelled with.
    var endSuffix: [UInt8] = []
    /// From this number on, symbols are not tokens but characters that only occur inside tokens.
    var firstVirtual = TokenID.max

    private var byteSymbols: [TokenID] = []

    init(
        table: TokenTable, merges: MergeTable, isByteLevel: Bool, continuingPrefix: [UInt8] = [], endSuffix: [UInt8] = []
    ) {
        self.table = table
        self.merges = merges
        self.isByteLevel = isByteLevel
        self.continuingPrefix = continuingPrefix
        self.endSuffix = endSuffix
        guard isByteLevel else { return }
        // The token of each byte, for each of: inside a word, first, last, alone.
        for place in 0..<4 {
            for byte in 0..<256 {
                var key: [UInt8] = place & 1 == 1 ? [] : continuingPrefix
                key.append(UInt8(byte))
                if place & 2 == 2 { key += endSuffix }
                byteSymbols.append(table[key[...]] ?? -1)
            }
        }
    }

    /// The bytes without a token, which encoding leaves out where there is no unknown token either.
    var missingBytes: [UInt8] {
        guard isByteLevel, unknown == nil else { return [] }
        return (UInt8(0)...255).filter { byte in (0..<4).contains { byteSymbols[$0 * 256 + Int(byte)] < 0 } }
    }

    /// Appends the tokens of a word that is not empty.
    func appendTokens(of text: [UInt8], _ range: Range<Int>, to output: inout [TokenID], scratch: inout MergeScratch) {
        if ignoresMerges, let token = table[text[range]] {
            output.append(token)
            return
        }
        scratch.symbols.removeAll(keepingCapacity: true)
        scratch.sources.removeAll(keepingCapacity: true)
        if isByteLevel { appendByteSymbols(text, range, &scratch) } else { appendCharacterSymbols(text, range, &scratch) }
        if scratch.symbols.count > 1 { scratch.merge(with: merges) }
        guard firstVirtual != .max else {
            scratch.forEach { symbol, _ in output.append(symbol) }
            return
        }
        scratch.forEach { symbol, index in
            if symbol < firstVirtual {
                output.append(symbol)
            } else {
                let start = Int(scratch.sources[index])
                let length = UTF8Text.length(startingWith: text[start])
                appendFallback(text[start..<min(start + length, range.upperBound)], to: &output)
            }
        }
    }

    private func appendByteSymbols(_ text: [UInt8], _ range: Range<Int>, _ scratch: inout MergeScratch) {
        let isPlain = continuingPrefix.isEmpty && endSuffix.isEmpty
        var lastWasUnknown = false
        for index in range {
            var place = 3
            if !isPlain { place = (index == range.lowerBound ? 1 : 0) | (index == range.upperBound - 1 ? 2 : 0) }
            let symbol = byteSymbols[place * 256 + Int(text[index])]
            if symbol >= 0 {
                scratch.symbols.append(symbol)
            } else if let unknown, !(lastWasUnknown && fusesUnknown) {
                scratch.symbols.append(unknown)
            }
            lastWasUnknown = symbol < 0
        }
    }

    private func appendCharacterSymbols(_ text: [UInt8], _ range: Range<Int>, _ scratch: inout MergeScratch) {
        let isPlain = continuingPrefix.isEmpty && endSuffix.isEmpty
        var index = range.lowerBound
        // An unknown symbol waits until the next known one, as in the tokenizers library.
        var unknownWaits = false
        while index < range.upperBound {
            let end = min(range.upperBound, index + UTF8Text.length(startingWith: text[index]))
            let symbol: TokenID?
            var spelled: [UInt8]?
            if isPlain {
                symbol = table[text[index..<end]]
            } else {
                var key: [UInt8] = index == range.lowerBound ? [] : continuingPrefix
                key += text[index..<end]
                if end == range.upperBound { key += endSuffix }
                symbol = table[key[...]]
                spelled = key
            }
            if let symbol {
                if unknownWaits, let unknown { scratch.append(unknown, from: index) }
                unknownWaits = false
                scratch.append(symbol, from: index)
            } else if let bytes = fallback(spelled?[...] ?? text[index..<end]) {
                for byte in bytes { scratch.append(byte, from: index) }
            } else if let unknown {
                if unknownWaits, !fusesUnknown { scratch.append(unknown, from: index) }
                unknownWaits = true
            }
            index = end
        }
        if unknownWaits, let unknown { scratch.append(unknown, from: range.upperBound) }
    }

    /// The byte tokens of a symbol without a token of its own, when every byte has one.
    private func fallback(_ bytes: ArraySlice<UInt8>) -> [TokenID]? {
        guard let byteTokens else { return nil }
        let tokens = bytes.map { byteTokens[Int($0)] }
        return tokens.contains(-1) ? nil : tokens
    }

    private func appendFallback(_ bytes: ArraySlice<UInt8>, to output: inout [TokenID]) {
        if let tokens = fallback(bytes) {
            output += tokens
        } else if let unknown {
            output.append(unknown)
        }
    }
}

/// Room to merge words in, kept between words.
struct MergeScratch {
    /// The word's symbols.
    fileprivate(set) var symbols: [TokenID] = []
    /// Where in the text each symbol began (only for characters).
    fileprivate var sources: [Int32] = []
    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var ranks: [UInt32] = []
    private var merged: [TokenID] = []
    private var heap = MinHeap()

    init() {}

    fileprivate mutating func append(_ symbol: TokenID, from index: Int) {
        symbols.append(symbol)
        sources.append(Int32(truncatingIfNeeded: index))
    }

    /// Visits what the merges left, in order, with the index of its first symbol.
    fileprivate func forEach(_ visit: (TokenID, Int) -> Void) {
        for (index, symbol) in symbols.enumerated() where symbol >= 0 { visit(symbol, index) }
    }

    /// Merges until no pair has a merge: always the best rank, of equals the leftmost. O(n log n).
    fileprivate mutating func merge(with merges: MergeTable) {
        let count = symbols.count
        next.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        ranks.removeAll(keepingCapacity: true)
        merged.removeAll(keepingCapacity: true)
        heap.removeAll()
        for index in 0..<count {
            next.append(Int32(index + 1))
            previous.append(Int32(index - 1))
            ranks.append(.max)
            merged.append(-1)
        }
        for index in 0..<count - 1 { consider(index, index + 1, merges) }
        while let (rank, index) = heap.popMin() {
            // A pair that has changed since has another rank by now, or its left symbol is gone.
            guard ranks[index] == rank else { continue }
            let right = Int(next[index])
            symbols[index] = merged[index]
            symbols[right] = -1
            ranks[right] = .max
            let after = Int(next[right])
            next[index] = Int32(after)
            if after < count { previous[after] = Int32(index) }
            ranks[index] = .max
            if after < count { consider(index, after, merges) }
            let before = Int(previous[index])
            if before >= 0 {
                ranks[before] = .max
                consider(before, index, merges)
            }
        }
    }

    @inline(__always)
    private mutating func consider(_ left: Int, _ right: Int, _ merges: MergeTable) {
        guard let merge = merges.merge(symbols[left], symbols[right]) else { return }
        ranks[left] = merge.rank
        merged[left] = merge.merged
        heap.push(merge.rank, left)
    }
}

/// A binary heap of ranks and places, the least rank and then the leftmost place on top.
private struct MinHeap {
    private var keys: [UInt64] = []

    mutating func removeAll() { keys.removeAll(keepingCapacity: true) }

    mutating func push(_ rank: UInt32, _ index: Int) {
        let key = UInt64(rank) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
        var hole = keys.count
        keys.append(key)
        while hole > 0 {
            let parent = (hole - 1) / 2
            guard keys[parent] > key else { break }
            keys[hole] = keys[parent]
            hole = parent
        }
        keys[hole] = key
    }

    mutating func popMin() -> (rank: UInt32, index: Int)? {
        guard let top = keys.first, let last = keys.popLast() else { return nil }
        let count = keys.count
        if count > 0 {
            var hole = 0
            while true {
                var child = hole * 2 + 1
                guard child < count else { break }
                if child + 1 < count, keys[child + 1] < keys[child] { child += 1 }
                guard keys[child] < last else { break }
                keys[hole] = keys[child]
                hole = child
            }
            keys[hole] = last
        }
        return (UInt32(top >> 32), Int(top & 0xffff_ffff))
    }
}
