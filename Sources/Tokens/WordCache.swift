// The tokens of words met lately.
import Synchronization

/// A bounded, direct-mapped cache: a word that hashes to the place of another takes it.
final class WordCache: Sendable {
    private struct Entry {
        var word: [UInt8]
        var tokens: [TokenID]
    }

    private static let places = 1 << 13
    /// Longer words are not kept.
    static let longestWord = 64

    private let entries = Mutex<[Entry?]>([Entry?](repeating: nil, count: places))

    /// Appends the tokens of a word, if they are known.
    func append(_ word: ArraySlice<UInt8>, to output: inout [TokenID]) -> Bool {
        let place = Self.place(of: word)
        guard let entry = entries.withLock({ $0[place] }), entry.word.count == word.count, entry.word.elementsEqual(word) else {
            return false
        }
        output += entry.tokens
        return true
    }

    /// Keeps the tokens of a word.
    func store(_ word: ArraySlice<UInt8>, _ tokens: ArraySlice<TokenID>) {
        let entry = Entry(word: Array(word), tokens: Array(tokens))
        let place = Self.place(of: word)
        entries.withLock { $0[place] = entry }
    }

    private static func place(of word: ArraySlice<UInt8>) -> Int {
        unsafe word.withUnsafeBytes { unsafe Int(truncatingIfNeeded: byteHash($0)) } & (places - 1)
    }
}
