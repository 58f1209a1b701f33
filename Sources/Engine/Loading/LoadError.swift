// Everything that can be wrong with a model's files, said by name.
public import JSON

/// Why a model could not be opened or loaded. Every case names the file; offsets are bytes from its start.
public enum LoadError: Error, Sendable, Hashable {
    // The files.
    /// The system refuses an operation on the file; `code` is its errno.
    case unreadable(file: String, operation: String, code: Int32)
    /// A device, a socket or the like.
    case notARegularFile(file: String)
    /// The file is no longer as long as it was when it was opened.
    case fileChanged(file: String, expectedBytes: Int, foundBytes: Int)
    /// Nothing that is known as a model.
    case unrecognised(file: String, found: String)
    /// A PyTorch pickle: reading it would run code.
    case pickleRefused(file: String)
    /// A file that a folder must have.
    case missingFile(file: String, folder: String)
    /// A folder with more than one model.
    case ambiguous(folder: String, files: [String])
    /// A file name in an index that would leave the folder.
    case unsafeFileName(file: String, name: String)

    // The containers.
    /// The file ends within a section.
    case truncated(file: String, section: String, offset: Int, neededBytes: UInt64, availableBytes: Int)
    /// Something larger than `LoadLimits` allows.
    case limitExceeded(file: String, what: String, value: UInt64, limit: UInt64)
    /// Neither GGUF 2 nor 3.
    case unsupportedVersion(file: String, version: UInt32)
    /// A GGUF file for machines of the other byte order.
    case bigEndian(file: String)
    /// A text that is not UTF-8.
    case invalidUTF8(file: String, what: String, offset: Int)
    /// A metadata key that came before.
    case duplicateKey(file: String, key: String)
    /// A tensor name that came before.
    case duplicateTensor(file: String, tensor: String)
    /// A metadata type that GGUF does not have.
    case unknownValueType(file: String, key: String, type: UInt32)
    /// A boolean that is neither 0 nor 1.
    case invalidBool(file: String, key: String, value: UInt8)
    /// An alignment that is no power of two within the limit.
    case invalidAlignment(file: String, value: UInt64)
    /// A key or tensor without a name.
    case emptyName(file: String, offset: Int)
    /// More dimensions than the limit.
    case tooManyDimensions(file: String, tensor: String, count: Int)
    /// A type that the format does not have.
    case unknownTensorType(file: String, tensor: String, type: String)
    /// A shape whose size does not fit an integer.
    case sizeOverflow(file: String, tensor: String, shape: [UInt64])
    /// Rows that are not whole blocks of their type.
    case partialBlocks(file: String, tensor: String, columns: Int, type: String, blockElements: Int)
    /// Bytes that lie beyond the file.
    case tensorOutsideFile(file: String, tensor: String, offset: UInt64, bytes: UInt64, availableBytes: Int)
    /// An offset that is no multiple of the alignment.
    case tensorMisaligned(file: String, tensor: String, offset: UInt64, alignment: Int)
    /// Two tensors that share bytes.
    case tensorsOverlap(file: String, first: String, second: String)
    /// Bytes of the data section that no tensor has.
    case unclaimedBytes(file: String, offset: Int, bytes: Int)
    /// Offsets that give a tensor another size than its shape.
    case byteCountMismatch(file: String, tensor: String, expectedBytes: Int, foundBytes: UInt64)
    /// A safetensors header that breaks the format.
    case malformedHeader(file: String, tensor: String?, reason: String)
    /// A weight index that breaks the format.
    case malformedIndex(file: String, reason: String)
    /// A configuration that is not JSON.
    case malformedJSON(file: String, error: JSONError)

    // What the metadata says.
    /// An architecture that is not known here.
    case unsupported(architecture: String, file: String)
    /// A key that is needed.
    case missingKey(file: String, key: String)
    /// A key with a value of another type.
    case wrongType(file: String, key: String, expected: String, found: String)
    /// A value that cannot be.
    case outOfRange(file: String, key: String, value: String, range: String)
    /// A key that may change what the model computes and is not known here.
    case unsupportedKey(file: String, key: String, value: String)
    /// Statements that cannot be true together.
    case contradiction(file: String, what: String)

    // The plan.
    /// Tensors that the architecture needs.
    case missingTensors(name: String, tensors: [String])
    /// Tensors that the architecture does not have.
    case unexpectedTensors(name: String, tensors: [String])
    /// A tensor of another shape than the architecture's.
    case wrongShape(file: String, tensor: String, expected: [Int], found: [Int])
    /// A stored type that cannot be computed with here.
    case unsupportedTensorType(file: String, tensor: String, type: String)
    /// A size that no address reaches.
    case sizeTooLarge(name: String, what: String)
    /// The system grants no memory.
    case outOfMemory(bytes: Int)

    // Quantization.
    /// A type that values cannot be quantized to.
    case noQuantizer(type: String)
    /// A regular expression for tensors' names that does not compile.
    case invalidPattern(pattern: String, reason: String)
    /// A matrix that is already quantized and would be quantized anew.
    case alreadyQuantized(file: String, tensor: String, type: String)
    /// A row with NaN, infinity, or numbers too large for the type.
    case notQuantizable(file: String, tensor: String, row: Int, type: String)
    /// Something that the format to be written cannot say.
    case notExpressible(file: String, what: String)

    // The tokenizer.
    /// The tokenizer cannot be made.
    case tokenizer(file: String, reason: String)
}

extension LoadError: CustomStringConvertible {
    /// The error as a sentence that names the file.
    public var description: String {
        fileDescription ?? containerDescription ?? metadataDescription ?? planDescription
    }

    private var fileDescription: String? {
        switch self {
        case .unreadable(let file, let operation, let code):
            "\(file): cannot \(operation) it: \(systemErrorText(code))"
        case .notARegularFile(let file):
            "\(file) is neither a file nor a folder"
        case .fileChanged(let file, let expected, let found):
            "\(file) changed while it was in use: it had \(expected) bytes and now has \(found)"
        case .unrecognised(let file, let found):
            "\(file) is not a model: found \(found), expected a GGUF file, or a folder with config.json and *.safetensors or with one GGUF file"
        case .pickleRefused(let file):
            "\(file) is a PyTorch pickle, which can run any code when it is read; convert it to safetensors or GGUF"
        case .missingFile(let file, let folder):
            "\(folder) has no \(file)"
        case .ambiguous(let folder, let files):
            "\(folder) holds several models (\(listed(files))): name one of them"
        case .unsafeFileName(let file, let name):
            "\(file) refers to \(quoted(name)), which is not a plain file name"
        default: nil
        }
    }

    private var containerDescription: String? {
        switch self {
        case .truncated(let file, let section, let offset, let needed, let available):
            "\(file) is truncated: \(section) at byte \(offset) needs \(needed) bytes, \(available) are left"
        case .limitExceeded(let file, let what, let value, let limit):
            "\(file): \(what) is \(value), the limit is \(limit)"
        case .unsupportedVersion(let file, let version):
            "\(file) is GGUF version \(version); versions 2 and 3 are supported"
        case .bigEndian(let file):
            "\(file) is a big-endian GGUF file; only little-endian ones are supported"
        case .invalidUTF8(let file, let what, let offset):
            "\(file): \(what) at byte \(offset) is not UTF-8"
        case .duplicateKey(let file, let key):
            "\(file) has the key \(quoted(key)) twice"
        case .duplicateTensor(let file, let tensor):
            "\(file) has the tensor \(quoted(tensor)) twice"
        case .unknownValueType(let file, let key, let type):
            "\(file): the value of \(quoted(key)) has the unknown type \(type)"
        case .invalidBool(let file, let key, let value):
            "\(file): the boolean \(quoted(key)) is stored as \(value), not 0 or 1"
        case .invalidAlignment(let file, let value):
            "\(file): general.alignment is \(value), not a power of two from 1 to \(LoadLimits.alignment)"
        case .emptyName(let file, let offset):
            "\(file): an empty name at byte \(offset)"
        case .tooManyDimensions(let file, let tensor, let count):
            "\(file): tensor \(quoted(tensor)) has \(count) dimensions, at most \(LoadLimits.dimensions) are allowed"
        case .malformedHeader(let file, let tensor, let reason):
            "\(file): " + (tensor.map { "tensor \(quoted($0)): " } ?? "") + reason
        case .malformedIndex(let file, let reason):
            "\(file): \(reason)"
        case .malformedJSON(let file, let error):
            "\(file): \(error)"
        default: tensorDescription
        }
    }

    private var tensorDescription: String? {
        switch self {
        case .unknownTensorType(let file, let tensor, let type):
            "\(file): tensor \(quoted(tensor)) has the unknown type \(type)"
        case .sizeOverflow(let file, let tensor, let shape):
            "\(file): the size of tensor \(quoted(tensor)), \(shape), overflows"
        case .partialBlocks(let file, let tensor, let columns, let type, let block):
            "\(file): tensor \(quoted(tensor)) has rows of \(columns) values, which is not whole blocks of \(block) as \(type) needs"
        case .tensorOutsideFile(let file, let tensor, let offset, let bytes, let available):
            "\(file): tensor \(quoted(tensor)) lies at \(offset) with \(bytes) bytes, the data section has \(available)"
        case .tensorMisaligned(let file, let tensor, let offset, let alignment):
            "\(file): tensor \(quoted(tensor)) lies at \(offset), not at a multiple of \(alignment)"
        case .tensorsOverlap(let file, let first, let second):
            "\(file): tensors \(quoted(first)) and \(quoted(second)) overlap"
        case .unclaimedBytes(let file, let offset, let bytes):
            "\(file): \(bytes) bytes at \(offset) of the data section belong to no tensor"
        case .byteCountMismatch(let file, let tensor, let expected, let found):
            "\(file): tensor \(quoted(tensor)) needs \(expected) bytes by its shape and type, its offsets give it \(found)"
        default: nil
        }
    }

    private var metadataDescription: String? {
        switch self {
        case .unsupported(let architecture, let file):
            "\(file): the architecture \(quoted(architecture)) is not supported (supported: \(listed(Architecture.supportedFamilies)))"
        case .missingKey(let file, let key):
            "\(file) lacks \(quoted(key))"
        case .wrongType(let file, let key, let expected, let found):
            "\(file): \(quoted(key)) must be \(expected), not \(found)"
        case .outOfRange(let file, let key, let value, let range):
            "\(file): \(quoted(key)) is \(value), it must be \(range)"
        case .unsupportedKey(let file, let key, let value):
            "\(file): \(quoted(key)) = \(value) is not supported, and it may change what the model computes"
        case .contradiction(let file, let what):
            "\(file) contradicts itself: \(what)"
        default: nil
        }
    }

    private var planDescription: String {
        switch self {
        case .missingTensors(let name, let tensors):
            "\(name) lacks \(tensors.count == 1 ? "the tensor" : "\(tensors.count) tensors") \(listed(tensors))"
        case .unexpectedTensors(let name, let tensors):
            "\(name) has \(tensors.count == 1 ? "a tensor" : "\(tensors.count) tensors") that its architecture does not use: \(listed(tensors))"
        case .wrongShape(let file, let tensor, let expected, let found):
            "\(file): tensor \(quoted(tensor)) has the shape \(found), the architecture needs \(expected)"
        case .unsupportedTensorType(let file, let tensor, let type):
            "\(file): tensor \(quoted(tensor)) is stored as \(type), which is not supported here"
        case .sizeTooLarge(let name, let what):
            "\(name): \(what) is too large to address"
        case .outOfMemory(let bytes):
            "there is no memory for \(bytes) bytes of weights"
        case .tokenizer(let file, let reason):
            "\(file): \(reason)"
        default: quantizationDescription
        }
    }

    private var quantizationDescription: String {
        switch self {
        case .noQuantizer(let type):
            "there is no quantizer for \(type) (there are: \(ElementType.allCases.filter(\.hasQuantizer).map(\.name).joined(separator: ", ")))"
        case .invalidPattern(let pattern, let reason):
            "the pattern \(quoted(pattern)) is no regular expression for tensors' names: \(reason)"
        case .alreadyQuantized(let file, let tensor, let type):
            "\(file): \(tensor) is already quantized (\(type)); quantizing it anew must be asked for (--requantize)"
        case .notQuantizable(let file, let tensor, let row, let type):
            "\(file): row \(row) of tensor \(quoted(tensor)) holds NaN, infinity or numbers too large for \(type)"
        case .notExpressible(let file, let what):
            "\(file): GGUF cannot say \(what)"
        default: "the model could not be loaded"
        }
    }
}

/// A name from a file as it may be shown: control characters escaped, long ones cut.
func quoted(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(120).map {
        $0.value < 0x20 || $0.value == 0x7f ? "\\u{\(String($0.value, radix: 16))}" : String($0)
    }
    return "'" + shown.joined() + (text.unicodeScalars.count > 120 ? "…" : "") + "'"
}

/// The first few of a list of names.
func listed(_ names: [String]) -> String {
    names.prefix(6).map { String($0.unicodeScalars.prefix(120).map { $0.value < 0x20 ? " " : Character($0) }) }.joined(separator: ", ")
        + (names.count > 6 ? ", … (\(names.count) in all)" : "")
}
