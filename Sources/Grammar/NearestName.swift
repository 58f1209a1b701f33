// What a mistyped name may have meant.

/// The name that differs from a mistyped one in the fewest letters (one put in, left out, changed, or swapped with its neighbour), case aside, if in at
/// most a third of them and, where it has three, in one; the first of several. Nil for a name of more than 64 bytes.
public func nearestName(to typed: String, among names: [String]) -> String? {
    let letters = Array(typed.lowercased().utf8)
    guard letters.count <= 64 else { return nil }
    let allowed = letters.count < 3 ? 0 : max(1, letters.count / 3)
    let best = names.map { (name: $0, distance: editDistance(letters, Array($0.lowercased().utf8))) }.min { $0.distance < $1.distance }
    return best.flatMap { $0.distance <= allowed ? $0.name : nil }
}

/// Damerau's distance, no letter moved twice.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var row = Array(0...b.count)
    for i in a.indices {
        var next = [i + 1]
        for j in b.indices {
            var least = min(row[j] + (a[i] == b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, before[j - 1] + 1) }
            next.append(least)
        }
        (before, row) = (row, next)
    }
    return row[b.count]
}
