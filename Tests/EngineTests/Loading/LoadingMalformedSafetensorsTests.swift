// safetensors files that are wrong, each in one way, and the error that names it.
import Engine
import TestSupport
import Testing

@Suite struct LoadingMalformedSafetensorsTests {
    static let name = "safetensors bytes"

    private func error(_ bytes: [UInt8]) -> LoadError? { loadError { () throws(LoadError) in try SafetensorsFile(bytes: bytes) } }

    private func error(_ header: String, data: Int = 8) -> LoadError? {
        error(SafetensorsWriter.file(header: header, data: [UInt8](repeating: 0, count: data)))
    }

    private func malformed(_ tensor: String?, _ reason: String) -> LoadError {
        .malformedHeader(file: Self.name, tensor: tensor, reason: reason)
    }

    static func valid() -> [UInt8] {
        SafetensorsWriter(
            [
                .init(name: "a", shape: [2], values: [1, 2]), .init(name: "empty", shape: [0, 7], values: []),
                .init(name: "scalar", type: "I64", shape: [], bytes: [UInt8](repeating: 0, count: 8)),
            ], metadata: [("format", "pt")]
        ).bytes()
    }

    @Test func theValidFileIsRead() throws {
        let file = try SafetensorsFile(bytes: Self.valid())
        #expect(file.tensors.map(\.name) == ["a", "empty", "scalar"])
        #expect(file.tensors.map(\.shape) == [[2], [0, 7], []])
        #expect(file.metadata.map(\.value) == ["pt"])
    }

    @Test func everyTruncationIsAnError() {
        let bytes = Self.valid()
        for length in 0..<bytes.count {
            switch error(Array(bytes[..<length])) {
            case .truncated, .tensorOutsideFile: break
            case let other: Issue.record("\(length) bytes: \(String(describing: other))")
            }
        }
        #expect(error(bytes + [0]) == .unclaimedBytes(file: Self.name, offset: 16, bytes: 1))
    }

    @Test func headers() {
        for length: UInt64 in [100_000_001, 1 << 40, .max] {
            #expect(
                error(littleEndian(length) + Array("{}".utf8))
                    == .limitExceeded(file: Self.name, what: "the header's length", value: length, limit: 100_000_000))
        }
        #expect(
            error(littleEndian(UInt64(1000)) + Array("{}".utf8))
                == .truncated(file: Self.name, section: "the header", offset: 8, neededBytes: 1000, availableBytes: 2))
        #expect(error(littleEndian(UInt64(0))) == malformed(nil, "the header does not begin with '{'"))
        #expect(error(" {}", data: 0) == malformed(nil, "the header does not begin with '{'"))
        #expect(error("[]", data: 0) == malformed(nil, "the header does not begin with '{'"))
        for header in ["{", #"{"a":}"#, #"{"a":1}x"#, "{\"\u{1}\":1}"] {
            guard case .malformedJSON = error(header) else {
                Issue.record("\(header)")
                continue
            }
        }
        guard case .malformedJSON = error(littleEndian(UInt64(8)) + Array("{\"".utf8) + [0xff] + Array("\":1} ".utf8)) else {
            Issue.record("invalid UTF-8 in the header")
            return
        }
        guard case .malformedJSON = error(#"{"a":"# + String(repeating: "[", count: 100) + String(repeating: "]", count: 100) + "}") else {
            Issue.record("a deep header")
            return
        }
    }

    @Test func tensors() {
        let good = #""shape":[2],"data_offsets":[0,8]}"#
        let cases: [(String, LoadError)] = [
            (#"{"a":{"dtype":"F32",\#(good),"a":{"dtype":"F32",\#(good)}"#, .duplicateTensor(file: Self.name, tensor: "a")),
            (#"{"a":1}"#, malformed("a", "it is number, not an object")),
            (#"{"":{"dtype":"F32",\#(good)}"#, malformed("", "the name is empty")),
            (#"{"a":{"dtype":"F32","extra":1,\#(good)}"#, malformed("a", "it has the unknown member 'extra'")),
            (#"{"a":{\#(good)}"#, malformed("a", "dtype is missing or not a string")),
            (#"{"a":{"dtype":7,\#(good)}"#, malformed("a", "dtype is missing or not a string")),
            (#"{"a":{"dtype":"F31",\#(good)}"#, .unknownTensorType(file: Self.name, tensor: "a", type: "'F31'")),
            (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, malformed("a", "shape is missing or not an array")),
            (#"{"a":{"dtype":"F32","shape":[2]}}"#, malformed("a", "data_offsets is missing or not an array")),
            (#"{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}"#, malformed("a", "shape is missing or not an array")),
            (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, malformed("a", "shape holds '-2', not a natural number")),
            (#"{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}"#, malformed("a", "shape holds '2.5', not a natural number")),
            (#"{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}"#, malformed("a", #"shape holds '"2"', not a natural number"#)),
            (
                #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}}"#,
                malformed("a", "data_offsets holds '99999999999999999999', not a natural number")
            ),
            (
                #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
                malformed("a", "data_offsets is not [begin, end] with begin ≤ end")
            ),
            (
                #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
                malformed("a", "data_offsets is not [begin, end] with begin ≤ end")
            ),
            (
                #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}"#,
                .tooManyDimensions(file: Self.name, tensor: "a", count: 9)
            ),
            (
                #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#,
                .sizeOverflow(file: Self.name, tensor: "a", shape: [1 << 32, 1 << 32])
            ),
            (
                #"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]}}"#,
                .sizeOverflow(file: Self.name, tensor: "a", shape: [1 << 62])
            ),
            (
                #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
                .tensorOutsideFile(file: Self.name, tensor: "a", offset: 0, bytes: 16, availableBytes: 8)
            ),
            (
                #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775799,9223372036854775807]}}"#,
                .tensorOutsideFile(file: Self.name, tensor: "a", offset: 9_223_372_036_854_775_799, bytes: 8, availableBytes: 8)
            ),
            (
                #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
                .byteCountMismatch(file: Self.name, tensor: "a", expectedBytes: 12, foundBytes: 8)
            ),
            (
                #"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,8]}}"#,
                .partialBlocks(file: Self.name, tensor: "a", columns: 3, type: "F4", blockElements: 2)
            ),
            (
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                .unclaimedBytes(file: Self.name, offset: 0, bytes: 4)
            ),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, .unclaimedBytes(file: Self.name, offset: 4, bytes: 4)),
            (
                #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
                .unclaimedBytes(file: Self.name, offset: 3, bytes: 1)
            ),
            (
                #"{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
                .tensorsOverlap(file: Self.name, first: "a", second: "b")
            ),
            (#"{"__metadata__":[]}"#, .wrongType(file: Self.name, key: "__metadata__", expected: "an object", found: "array")),
            (
                #"{"__metadata__":{"a":1}}"#,
                .wrongType(file: Self.name, key: "__metadata__.a", expected: "a string", found: "number")
            ),
        ]
        for (header, expected) in cases { #expect(error(header) == expected, "\(header)") }
    }
}
