// GGUF files that are wrong, each in one way, and the error that names it.
import Engine
import Foundation
import JSON
import TestSupport
import Testing

@Suite struct LoadingMalformedGGUFTests {
    static let name = "GGUF bytes"

    /// A valid file with every kind of value and two tensors.
    static func valid() -> GGUFWriter {
        GGUFWriter(
            metadata: [
                ("general.architecture", .string("llama")), ("u8", .uint8(1)), ("i8", .int8(-1)), ("u16", .uint16(2)), ("i16", .int16(-2)),
                ("u32", .uint32(3)), ("i32", .int32(-3)), ("u64", .uint64(.max)), ("i64", .int64(.min)), ("f32", .float32(0.5)),
                ("f64", .float64(.nan)), ("b", .bool(true)), ("s", .string("é")), ("a", .array([.uint16(1), .uint16(2)])),
                ("as", .array([.string("x"), .string("")])), ("ab", .array([.bool(true), .bool(false)])),
                ("aa", .array([.array([.int8(1)]), .array([.string("deep")])])), ("af", .array([.float32(1), .float32(2)])),
            ],
            tensors: [
                .init(name: "one", shape: [2, 3], bytes: [UInt8](repeating: 1, count: 24)),
                .init(name: "two", shape: [32], type: 8, bytes: [UInt8](repeating: 2, count: 34)),
            ])
    }

    private func error(_ bytes: [UInt8]) -> LoadError? { loadError { () throws(LoadError) in try GGUFFile(bytes: bytes) } }

    private func error(_ change: (inout GGUFWriter) -> Void) -> LoadError? {
        var writer = Self.valid()
        change(&writer)
        return error(writer.bytes())
    }

    @Test func theValidFileIsRead() throws {
        for version: UInt32 in [2, 3] {
            for alignment in [1, 8, 32, 4096] {
                var writer = Self.valid()
                writer.version = version
                writer.alignment = alignment
                let file = try GGUFFile(bytes: writer.bytes())
                #expect(file.version == version && file.alignment == alignment)
                #expect(file.value("u64")?.intValue == nil && file.value("i64")?.intValue == .min)
                #expect(file.value("i8")?.intValue == -1 && file.value("f32")?.doubleValue == 0.5)
                #expect(file.value("s")?.stringValue == "é" && file.value("b")?.boolValue == true)
                #expect(try file.value("a")?.arrayValue?.integers() == [1, 2])
                #expect(try file.value("as")?.arrayValue?.strings() == ["x", ""])
                #expect(try file.value("ab")?.arrayValue?.booleans() == [true, false])
                #expect(try file.value("af")?.arrayValue?.floats() == [1, 2])
                #expect(try file.value("aa")?.json() == [[1], ["deep"]])
                #expect(file.tensors.map(\.name) == ["one", "two"])
                #expect(file.tensors.map(\.shape) == [[2, 3], [32]])
                #expect(file.tensors.map(\.type.name) == ["F32", "Q8_0"])
                #expect(file.tensors.allSatisfy { $0.range.lowerBound % alignment == 0 })
            }
        }
    }

    @Test func everyTruncationIsAnError() {
        let (bytes, ends) = Self.valid().sections()
        #expect(ends.map(\.section).contains("tensor two"))
        for length in 0..<bytes.count {
            switch error(Array(bytes[..<length])) {
            case .truncated, .tensorOutsideFile: break
            case let other: Issue.record("\(length) bytes: \(String(describing: other))")
            }
        }
        // At each section's end the next section is what is missing.
        for (section, end) in ends.dropLast(3) {
            guard case .truncated(_, _, let offset, _, 0) = error(Array(bytes[..<end])) else {
                Issue.record("cut after \(section)")
                continue
            }
            #expect(offset == end)
        }
    }

    @Test func headers() {
        #expect(error([UInt8]()) == .truncated(file: Self.name, section: "the magic number", offset: 0, neededBytes: 4, availableBytes: 0))
        #expect(error { $0.magic = Array("GGUX".utf8) } == .unrecognised(file: Self.name, found: "a file that does not begin with GGUF"))
        for version: UInt32 in [0, 1, 4, .max] {
            #expect(error { $0.version = version } == .unsupportedVersion(file: Self.name, version: version))
        }
        #expect(error { $0.version = UInt32(3).byteSwapped } == .bigEndian(file: Self.name))
        #expect(error { $0.version = UInt32(2).byteSwapped } == .bigEndian(file: Self.name))
        for count: UInt64 in [1 << 20, 1 << 32, 1 << 63, .max] {
            #expect(
                error { $0.declaredTensorCount = count }
                    == .limitExceeded(file: Self.name, what: "the tensor count", value: count, limit: LoadLimits.tensors))
            #expect(
                error { $0.declaredMetadataCount = count }
                    == .limitExceeded(file: Self.name, what: "the metadata count", value: count, limit: LoadLimits.metadataEntries))
        }
    }

    @Test func metadata() {
        #expect(error { $0.metadata.append(("u8", .bool(true))) } == .duplicateKey(file: Self.name, key: "u8"))
        #expect(error { $0.metadata = [("", .bool(true))] } == .emptyName(file: Self.name, offset: 24))
        for type: UInt32 in [13, 255, .max] {
            #expect(
                error { $0.metadata = [("k", .raw(type: type, bytes: []))] } == .unknownValueType(file: Self.name, key: "k", type: type))
            #expect(
                error { $0.metadata = [("k", .raw(type: 9, bytes: littleEndian(type) + littleEndian(UInt64(0))))] }
                    == .unknownValueType(file: Self.name, key: "k", type: type))
        }
        #expect(error { $0.metadata = [("k", .raw(type: 7, bytes: [2]))] } == .invalidBool(file: Self.name, key: "k", value: 2))
        #expect(
            error { $0.metadata = [("k", .raw(type: 9, bytes: littleEndian(UInt32(7)) + littleEndian(UInt64(2)) + [1, 3]))] }
                == .invalidBool(file: Self.name, key: "k", value: 3))
        #expect(
            error { $0.metadata = [("k", .raw(type: 8, bytes: GGUFWriter.string([0x61, 0xff])))] }
                == .invalidUTF8(file: Self.name, what: "the value of 'k'", offset: 45))
        // A key of invalid UTF-8: put in by hand behind the header.
        var bytes = GGUFWriter(metadata: [("k", .bool(true))]).bytes()
        bytes[32] = 0xc0
        #expect(error(bytes) == .invalidUTF8(file: Self.name, what: "metadata key 0", offset: 32))
        bytes.replaceSubrange(24..<32, with: littleEndian(UInt64.max))
        #expect(
            error(bytes)
                == .limitExceeded(file: Self.name, what: "the length of metadata key 0", value: .max, limit: LoadLimits.keyBytes))
        bytes.replaceSubrange(24..<32, with: littleEndian(UInt64(60000)))
        #expect(
            error(bytes)
                == .truncated(file: Self.name, section: "metadata key 0", offset: 32, neededBytes: 60000, availableBytes: 6))
    }

    @Test func arrays() throws {
        func array(_ type: UInt32, _ count: UInt64, _ rest: [UInt8] = []) -> LoadError? {
            error { $0.metadata = [("k", .raw(type: 9, bytes: littleEndian(type) + littleEndian(count) + rest))] }
        }
        for count: UInt64 in [1 << 40, .max, .max / 8 + 1] {
            #expect(
                array(11, count) == .limitExceeded(file: Self.name, what: "the count of 'k'", value: count, limit: LoadLimits.arrayElements)
            )
        }
        guard case .truncated(_, "the elements of 'k'", 49, 8_000_000, _) = array(10, 1_000_000) else {
            Issue.record("a million numbers in no bytes")
            return
        }
        guard case .limitExceeded(_, "the length of an element of 'k'", .max, _) = array(8, 1, littleEndian(UInt64.max)) else {
            Issue.record("a string of 2^64 bytes")
            return
        }
        // Four levels are read, a fifth is not.
        func nested(_ levels: Int) -> GGUFWriter.Value { levels == 0 ? .uint8(1) : .array([nested(levels - 1)]) }
        #expect(try GGUFFile(bytes: GGUFWriter(metadata: [("k", nested(4))]).bytes()).value("k")?.json() == [[[[1]]]])
        #expect(
            error { $0.metadata = [("k", nested(5))] }
                == .limitExceeded(file: Self.name, what: "the nesting of arrays in 'k'", value: 5, limit: 4))
        let deep = (0..<100_000).flatMap { _ in littleEndian(UInt32(9)) + littleEndian(UInt64(1)) }
        guard case .limitExceeded(_, "the nesting of arrays in 'k'", 5, 4) = error({ $0.metadata = [("k", .raw(type: 9, bytes: deep))] })
        else {
            Issue.record("100,000 levels of arrays")
            return
        }
        // A bomb in breadth: 12 bytes an array, more arrays than the limit.
        let empty = littleEndian(UInt32(0)) + littleEndian(UInt64(0))
        let count = LoadLimits.nestedArrays + 1
        var wide = littleEndian(UInt32(9)) + littleEndian(UInt64(count))
        wide.reserveCapacity(wide.count + count * empty.count)
        for _ in 0..<count { wide += empty }
        #expect(
            error { $0.metadata = [("k", .raw(type: 9, bytes: wide))] }
                == .limitExceeded(
                    file: Self.name, what: "the number of arrays in 'k'", value: UInt64(LoadLimits.nestedArrays) + 1,
                    limit: UInt64(LoadLimits.nestedArrays)))
        // Invalid UTF-8 in an array is found when it is decoded.
        let file = try GGUFFile(
            bytes: GGUFWriter(metadata: [
                ("k", .raw(type: 9, bytes: littleEndian(UInt32(8)) + littleEndian(UInt64(1)) + GGUFWriter.string([0xff])))
            ]).bytes())
        guard case .invalidUTF8 = loadError({ () throws(LoadError) in try file.value("k")?.arrayValue?.strings() }) else {
            Issue.record("invalid UTF-8 became a string")
            return
        }
    }

    @Test func alignments() {
        for value: UInt32 in [0, 3, 48, 1 << 31, .max] {
            #expect(
                error { $0.metadata.append(("general.alignment", .uint32(value))) }
                    == .invalidAlignment(file: Self.name, value: UInt64(value)))
        }
        #expect(
            error { $0.metadata.append(("general.alignment", .uint64(1 << 63))) } == .invalidAlignment(file: Self.name, value: 1 << 63))
        for value: GGUFWriter.Value in [.int32(-32), .string("32"), .float32(32)] {
            guard case .wrongType(_, "general.alignment", _, _) = error({ $0.metadata.append(("general.alignment", value)) }) else {
                Issue.record("an alignment of \(value)")
                continue
            }
        }
    }

    @Test func tensors() {
        #expect(error { $0.tensors[1].name = "one" } == .duplicateTensor(file: Self.name, tensor: "one"))
        #expect(error { $0.tensors[0].name = "" } != nil)
        #expect(
            error { $0.tensors[0].shape = [1, 1, 1, 2, 3] } == .tooManyDimensions(file: Self.name, tensor: "one", count: 5))
        for type: UInt32 in [4, 5, 31, 36, 42, .max] {
            #expect(
                error { $0.tensors[0].type = type } == .unknownTensorType(file: Self.name, tensor: "one", type: "\(type)"))
        }
        #expect(
            error { $0.tensors[1].shape = [33] }
                == .partialBlocks(file: Self.name, tensor: "two", columns: 33, type: "Q8_0", blockElements: 32))
        for shape: [UInt64] in [[.max], [1 << 63], [1 << 32, 1 << 32], [1 << 62], [1 << 31, 1 << 31, 1 << 31, 2]] {
            #expect(error { $0.tensors[0].shape = shape } == .sizeOverflow(file: Self.name, tensor: "one", shape: shape.reversed()))
        }
        let available = 32 + 34
        for offset: UInt64 in [1 << 20, 64, UInt64.max - 31] {
            #expect(
                error { $0.tensors[0].declaredOffset = offset }
                    == .tensorOutsideFile(file: Self.name, tensor: "one", offset: offset, bytes: 24, availableBytes: available))
        }
        #expect(
            error { $0.tensors[0].declaredOffset = 4 } == .tensorMisaligned(file: Self.name, tensor: "one", offset: 4, alignment: 32))
        #expect(
            error { $0.tensors[1].declaredOffset = 0 } == .tensorsOverlap(file: Self.name, first: "one", second: "two")
                || error { $0.tensors[1].declaredOffset = 0 } == .tensorsOverlap(file: Self.name, first: "two", second: "one"))
        #expect(
            error { $0.tensors[0].shape = [1 << 20] }
                == .tensorOutsideFile(file: Self.name, tensor: "one", offset: 0, bytes: 4 << 20, availableBytes: available))
    }

    /// Known types that the kernels do not read open, and are refused by name when a model needs them.
    @Test func typesThatAreOnlyKnown() throws {
        var writer = GGUFModel(architecture: "llama", config: LoadingPlanTests.config, tensors: LoadingPlanTests.tensors()).writer()
        let index = writer.tensors.firstIndex { $0.name == "blk.0.ffn_up.weight" }!
        writer.tensors[index].type = 40
        writer.tensors[index].bytes = [UInt8](repeating: 0, count: 256 * 4 * 36)
        let folder = try TemporaryFolder()
        let path = try folder.write("m.gguf", writer.bytes())
        let source = try ModelSource(path: path)
        #expect(
            loadError { () throws(LoadError) in try source.plan() }
                == .unsupportedTensorType(file: path, tensor: "blk.0.ffn_up.weight", type: "NVFP4"))
    }
}
