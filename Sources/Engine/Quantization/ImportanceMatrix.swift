// What each input column of each matrix matters: the mean of its squared activations over a text, and the files that hold such means.

/// Importance by a tensor's name in GGUF ("blk.3.ffn_down.weight"): one number a column, not negative.
public struct ImportanceMatrix: Sendable, Hashable {
    /// The numbers of each tensor.
    public let columns: [String: [Float]]
    /// Where it came from, for messages.
    public let name: String

    /// An importance matrix; negative and non-finite numbers are refused.
    public init(name: String, columns: [String: [Float]]) throws(LoadError) {
        self.name = name
        self.columns = columns
        for (tensor, values) in columns {
            guard let bad = values.first(where: { !($0.isFinite && $0 >= 0) }) else { continue }
            throw .outOfRange(file: name, key: tensor, value: "\(bad)", range: "finite and not negative")
        }
    }

    /// The numbers of a slot's matrix; nil where the file has none.
    func values(of slot: WeightSlot, columns count: Int) throws(LoadError) -> [Float]? {
        let tensor = TensorNames.gguf.name(slot)
        guard let values = columns[tensor] else { return nil }
        guard values.count == count else {
            throw .contradiction(file: name, what: "\(tensor) has \(values.count) numbers, the model's tensor \(count) columns")
        }
        return values
    }
}
