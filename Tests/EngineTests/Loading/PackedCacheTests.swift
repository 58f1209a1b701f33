// The file of packed weights beside a model: the same weights, made anew when anything differs, and never in the way.
import Foundation
import TestSupport
import Testing

@testable import Engine

@Suite struct PackedCacheTests {
    private static func options(pieceBytes: Int = 10_000, threads: Int = 2) -> LoadOptions {
        var options = LoadOptions(threads: threads, keepsPackedWeights: true)
        options.packedFile = .init(leastBytes: 1, pieceBytes: pieceBytes)
        return options
    }

    private static let suffix = ".sirocco-packed"

    /// A model of two types, rows that fill no tile, and Q and K out of order, in a folder of its own.
    private static func model(_ type: ElementType = .q4_K, seed: UInt64 = 1) throws -> (folder: TemporaryFolder, path: String) {
        let folder = try TemporaryFolder()
        let model = GGUFModel(architecture: "llama", config: LoadingPlanTests.config, tensors: LoadingPlanTests.tensors()) { tensor in
            var generator = SeededGenerator(seed: seed &+ UInt64(tensor.name.utf8.count))
            let type = tensor.name.contains("down") ? ElementType.q6_K : type
            return (type.rawValue, randomBytes(tensor.shape[0] * type.rowBytes(columns: tensor.shape[1])!, using: &generator))
        }
        return (folder, try folder.write("model.gguf", model.writer().bytes()))
    }

    private func load(_ path: String, _ options: LoadOptions) throws -> (weights: [String: [UInt8]], mapped: Bool, notes: [String]) {
        let model = try Model.load(ModelSource(path: path), options: options)
        return (model.weights.byName(), model.weights.layers[0].q.owner is MappedFile, model.loadingNotes)
    }

    private func modified(_ path: String) throws -> Int64 { try #require(MappedFile(path: path).identity).changed }

    /// Pieces cut tiles wherever they like.
    @Test(arguments: [1000, 4321, 10_000, 1 << 20]) func weightsAreTheSame(pieceBytes: Int) throws {
        for type in [ElementType.q4_K, .q8_0, .q4_0, .q5_K] {
            let (folder, path) = try Self.model(type)
            defer { withExtendedLifetime(folder) {} }
            let plain = try load(path, LoadOptions())
            #expect(!plain.mapped && !FileManager.default.fileExists(atPath: path + Self.suffix))
            let first = try load(path, Self.options(pieceBytes: pieceBytes, threads: 3))
            let written = try modified(path + Self.suffix)
            let second = try load(path, Self.options(pieceBytes: pieceBytes, threads: 1))
            #expect(first.mapped && second.mapped && first.notes.isEmpty && second.notes.isEmpty)
            #expect(first.weights == plain.weights && second.weights == plain.weights, "\(type) in pieces of \(pieceBytes)")
            #expect(try modified(path + Self.suffix) == written)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["model.gguf", "model.gguf" + Self.suffix])
        }
    }

    /// Any byte of header or tiles, a file cut short, another model under the name: all are made anew.
    @Test func whatDiffersIsMadeAnew() throws {
        let (folder, path) = try Self.model()
        defer { withExtendedLifetime(folder) {} }
        let plain = try load(path, LoadOptions())
        _ = try load(path, Self.options())
        let file = URL(fileURLWithPath: path + Self.suffix)
        let whole = try Data(contentsOf: file)
        var places = [0, 8, 16, 24, 40, 200, 700, whole.count - 1, 2 << 20, (2 << 20) + 12_345]
        places += [whole.count - 70_000, (2 << 20) + 10_001]
        for place in places {
            var damaged = whole
            damaged[place] ^= 0x10
            try damaged.write(to: file)
            let loaded = try load(path, Self.options())
            #expect(loaded.mapped && loaded.weights == plain.weights, "byte \(place)")
            #expect(try Data(contentsOf: file) == whole)
        }
        for length in [0, 1, 100, whole.count - 1] {
            try whole.prefix(length).write(to: file)
            #expect(try load(path, Self.options()).weights == plain.weights, "\(length) bytes")
        }
        let (other, otherPath) = try Self.model(seed: 99)
        defer { withExtendedLifetime(other) {} }
        try Data(contentsOf: URL(fileURLWithPath: otherPath)).write(to: URL(fileURLWithPath: path))
        let loaded = try load(path, Self.options())
        #expect(try loaded.mapped && loaded.weights == load(otherPath, LoadOptions()).weights && loaded.weights != plain.weights)
    }

    @Test func whatCannotBeWrittenIsSaid() throws {
        let (folder, path) = try Self.model()
        defer { withExtendedLifetime(folder) {} }
        let plain = try load(path, LoadOptions())
        try FileManager.default.createDirectory(atPath: path + Self.suffix + ".partial", withIntermediateDirectories: false)
        let loaded = try load(path, Self.options())
        #expect(!loaded.mapped && loaded.weights == plain.weights)
        #expect(loaded.notes.count == 1 && loaded.notes[0].contains("packed weights are not kept") && loaded.notes[0].contains(path))
        #expect(!FileManager.default.fileExists(atPath: path + Self.suffix))
    }

    /// While another process writes the file this one packs in memory, without a word; what it left behind when it died is taken over.
    @Test func oneProcessWrites() throws {
        let (folder, path) = try Self.model()
        defer { withExtendedLifetime(folder) {} }
        let plain = try load(path, LoadOptions())
        let partial = path + Self.suffix + ".partial"
        let other = open(partial, O_RDWR | O_CREAT, 0o600)
        #expect(other >= 0 && flock(other, LOCK_EX) == 0 && ftruncate(other, 9_000_000) == 0)
        let meanwhile = try load(path, Self.options())
        #expect(!meanwhile.mapped && meanwhile.notes.isEmpty && meanwhile.weights == plain.weights)
        close(other)
        let after = try load(path, Self.options())
        #expect(after.mapped && after.weights == plain.weights)
        #expect(!FileManager.default.fileExists(atPath: partial))
    }

    @Test func smallOrUnsuitableLoadsLeaveNoFile() throws {
        let (folder, path) = try Self.model()
        defer { withExtendedLifetime(folder) {} }
        var copied = Self.options()
        copied.copiesWeights = true
        for options in [LoadOptions(keepsPackedWeights: true), copied] {
            #expect(try !load(path, options).mapped)
            #expect(!FileManager.default.fileExists(atPath: path + Self.suffix))
        }
        let (dense, _) = try LoadingPlanTests.open(LoadingPlanTests.tensors())
        var quantized = Self.options()
        quantized.quantization = Quantization(.scheme(QuantizationScheme(named: "q8_0")!))
        #expect(try !load(dense.path, quantized).mapped)
        #expect(try FileManager.default.contentsOfDirectory(atPath: dense.path).count == 2)
    }

    /// Bits that change, pages of zeros and pages that trade places all show.
    @Test func checksumsTellDamage() {
        var generator = SeededGenerator(seed: 5)
        let bytes = randomBytes(20_037, using: &generator)
        func checksum(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { PackedCache.checksum($0) } }
        var seen: Set<UInt64> = [checksum(bytes), checksum([]), checksum([UInt8](repeating: 0, count: bytes.count))]
        for _ in 0..<300 {
            var other = bytes
            other[Int.random(in: other.indices, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            seen.insert(checksum(other))
        }
        seen.insert(checksum(Array(bytes[4096..<8192] + bytes[..<4096] + bytes[8192...])))
        seen.insert(checksum([UInt8](repeating: 0, count: 4096) + bytes[4096...]))
        seen.insert(checksum(Array(bytes.dropLast())))
        #expect(seen.count > 290)
        #expect(checksum(bytes) == checksum(Array(bytes)))
    }
}
