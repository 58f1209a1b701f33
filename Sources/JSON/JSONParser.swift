// JSON text to JSON value: checked by JSONScanner, parsed by json-c, converted once.
internal import CJSONC

extension JSONValue {
    /// Parses a JSON text. What json-c would change silently (see `JSONScanner`) is kept, or is an error that says where.
    public init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
        self = try unsafe bytes.withUnsafeBufferPointer { bytes throws(JSONError) in
            try unsafe JSONValue(parsing: bytes, limits: limits)
        }
    }

    /// Parses a JSON text that lies in memory.
    public init(parsing bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits = .standard) throws(JSONError) {
        var scanner = unsafe JSONScanner(bytes, limits: limits)
        try scanner.document()
        var reader = unsafe TreeReader(bytes: bytes, numbers: scanner.numbers, objects: scanner.objects)
        if scanner.pairs.isEmpty {
            self = try unsafe JSONTree(bytes, depth: limits.depth).value(read: &reader)
        } else {
            let text = unsafe Self.replacing(scanner.pairs, in: bytes)
            self = try unsafe text.withUnsafeBufferPointer { text throws(JSONError) in
                try unsafe JSONTree(text, depth: limits.depth).value(read: &reader)
            }
        }
    }

    /// The text with its escaped surrogate pairs written as UTF-8: json-c takes those whose character ends in D800–DBFF for lone surrogates.
    private static func replacing(_ pairs: [(offset: Int, scalar: Unicode.Scalar)], in bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var copied = 0
        for (offset, scalar) in pairs {
            unsafe result.append(contentsOf: bytes[copied..<offset])
            result.append(contentsOf: UTF8.encode(scalar)!)
            copied = offset + 12
        }
        unsafe result.append(contentsOf: bytes[copied...])
        return result
    }

    /// Parses a JSON text.
    public init(parsing text: String, limits: JSONLimits = .standard) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// The owner of a json-c tree.
@safe private struct JSONTree: ~Copyable {
    private let root: OpaquePointer?

    init(_ bytes: UnsafeBufferPointer<UInt8>, depth: Int) throws(JSONError) {
        // json-c counts the scalar inside the deepest container as a level.
        guard let tokener = unsafe json_tokener_new_ex(Int32(depth + 2)) else {
            throw JSONError(fault: .rejected("out of memory"), offset: 0)
        }
        defer { unsafe json_tokener_free(tokener) }
        unsafe json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8)
        let start = unsafe UnsafeRawPointer(bytes.baseAddress!).assumingMemoryBound(to: CChar.self)
        var tree = unsafe json_tokener_parse_ex(tokener, start, Int32(bytes.count))
        // A number at the very end is complete only once json-c is told that nothing follows.
        if unsafe json_tokener_get_error(tokener) == json_tokener_continue {
            unsafe tree = unsafe json_tokener_parse_ex(tokener, "\0", 1)
        }
        let error = unsafe json_tokener_get_error(tokener)
        guard error == json_tokener_success else {
            let reason = unsafe String(cString: json_tokener_error_desc(error))
            throw unsafe JSONError(fault: .rejected(reason), offset: Int(json_tokener_get_parse_end(tokener)))
        }
        unsafe root = unsafe tree
    }

    deinit { unsafe json_object_put(root) }

    /// Converts the tree; it lives until that is done.
    borrowing func value(read reader: inout TreeReader) throws(JSONError) -> JSONValue { try unsafe reader.value(root) }
}

/// Walks a json-c tree in document order beside the scanner's notes: the n-th number has the n-th text, the n-th object the n-th size.
@safe private struct TreeReader {
    let bytes: UnsafeBufferPointer<UInt8>
    let numbers: [Range<Int>]
    let objects: [JSONScanner.ObjectNote]
    var nextNumber = 0
    var nextObject = 0

    init(bytes: UnsafeBufferPointer<UInt8>, numbers: [Range<Int>], objects: [JSONScanner.ObjectNote]) {
        unsafe self.bytes = unsafe bytes
        self.numbers = numbers
        self.objects = objects
    }

    mutating func value(_ node: OpaquePointer?) throws(JSONError) -> JSONValue {
        switch unsafe json_object_get_type(node) {
        case json_type_null: return .null
        case json_type_boolean: return unsafe .bool(json_object_get_boolean(node) != 0)
        case json_type_string:
            return unsafe .string(
                text(json_object_get_string(node), count: Int(json_object_get_string_len(node))))
        case json_type_double, json_type_int:
            let range = numbers[nextNumber]
            nextNumber += 1
            return .number(JSONNumber(scanned: unsafe String(decoding: bytes[range], as: UTF8.self)))
        case json_type_array:
            let count = unsafe json_object_array_length(node)
            var elements: [JSONValue] = []
            elements.reserveCapacity(count)
            for i in 0..<count { elements.append(try unsafe value(json_object_array_get_idx(node, i))) }
            return .array(elements)
        default: return try unsafe .object(object(node))
        }
    }

    private mutating func object(_ node: OpaquePointer?) throws(JSONError) -> JSONObject {
        let note = objects[nextObject]
        nextObject += 1
        guard unsafe Int(json_object_object_length(node)) == note.members else { throw duplicate(in: note) }
        var object = JSONObject()
        var iterator = unsafe json_object_iter_begin(node)
        var end = unsafe json_object_iter_end(node)
        while unsafe json_object_iter_equal(&iterator, &end) == 0 {
            let key = unsafe String(cString: json_object_iter_peek_name(&iterator))
            let member = try unsafe value(json_object_iter_peek_value(&iterator))
            guard object.appendIfNew(key, member) else { throw JSONError(fault: .duplicateKey(key), offset: note.offset) }
            unsafe json_object_iter_next(&iterator)
        }
        return object
    }

    /// The error for an object of which json-c kept fewer members than were written. The key is looked for among the raw keys; two spellings of one key
    /// (`"a"`, `"\u0061"`) are told by the object alone.
    private func duplicate(in note: JSONScanner.ObjectNote) -> JSONError {
        var seen = Set<[UInt8]>()
        var depth = 0
        var offset = note.offset
        var previous: UInt8 = 0
        while unsafe offset < bytes.count {
            let byte = unsafe bytes[offset]
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""):
                let start = offset + 1
                offset = start
                while unsafe bytes[offset] != UInt8(ascii: "\"") { offset += unsafe bytes[offset] == UInt8(ascii: "\\") ? 2 : 1 }
                let isKey = depth == 1 && (previous == UInt8(ascii: "{") || previous == UInt8(ascii: ","))
                if isKey, unsafe !seen.insert(Array(bytes[start..<offset])).inserted {
                    let key = unsafe String(decoding: bytes[start..<offset], as: UTF8.self)
                    return JSONError(fault: .duplicateKey(key), offset: start - 1)
                }
            default: break
            }
            if depth == 0 { break }
            if byte > 0x20 { previous = byte }
            offset += 1
        }
        return JSONError(fault: .duplicateKey("…"), offset: note.offset)
    }

    private func text(_ start: UnsafePointer<CChar>?, count: Int) -> String {
        unsafe UnsafeRawBufferPointer(start: start, count: count).withMemoryRebound(to: UInt8.self) {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }
}
