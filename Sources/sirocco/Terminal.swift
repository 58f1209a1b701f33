// Standard streams: what goes where, and how it looks on a terminal.
import Engine
import Glibc
import JSON

/// Whether a descriptor is a terminal that wants colours and progress.
func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

/// Writes all of a text to a descriptor; false when the reader is gone.
@discardableResult
func write(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if written < 0 {
            if errno == EINTR { continue }
            return false
        }
        bytes = bytes.dropFirst(written)
    }
    return true
}

/// The result of a command: a line on standard output. A reader that has gone (a closed pipe) ends the program as it ends others.
func printLine(_ text: String) { printText(text + "\n") }

/// Text of others for a terminal: its control characters, which could command the terminal, are shown instead of sent.
func plain(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x09, 0x0a: result.append(scalar)
        case ..<0x20: result.append(Unicode.Scalar(0x2400 + scalar.value)!)
        case 0x7f..<0xa0: result.append("\u{fffd}")
        default: result.append(scalar)
        }
    }
    return String(result)
}

/// Part of a result on standard output, at once.
func printText(_ text: String) {
    if !StandardStreams.closed.contains(STDOUT_FILENO), write(text, to: STDOUT_FILENO) { return }
    let code = StandardStreams.closed.contains(STDOUT_FILENO) ? EBADF : errno
    if code == EPIPE { endProcess(141) }
    note("sirocco: cannot write to standard output: \(String(cString: strerror(code)))")
    endProcess(EXIT_FAILURE)
}

/// The standard streams as the process found them.
enum StandardStreams {
    /// Those that were closed. `/dev/null` is in their places, so that no file or pipe of ours ever is; asked first of all.
    static let closed: Set<Int32> = {
        var closed: Set<Int32> = []
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one.
            _ = open("/dev/null", O_RDWR)
            closed.insert(descriptor)
        }
        return closed
    }()
}

/// What a person should know that is not the result: a line on standard error.
func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

/// Everything on standard input.
func readStandardInput(limit: Int = 64 << 20) throws -> [UInt8] { try readAll(STDIN_FILENO, name: "standard input", limit: limit) }

/// Everything in a file.
func readFile(_ path: String, limit: Int = 64 << 20) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandError("cannot read \(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    return try readAll(descriptor, name: path, limit: limit)
}

private func readAll(_ descriptor: Int32, name: String, limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 {
            if errno == EINTR { continue }
            throw CommandError("cannot read \(name): \(String(cString: strerror(errno)))")
        }
        if count == 0 { return bytes }
        bytes += chunk[..<count]
        if bytes.count > limit { throw CommandError("\(name) is larger than \(limit) bytes") }
    }
}

/// Bytes that must be UTF-8.
func text(_ bytes: [UInt8], from name: String) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw CommandError("\(name) is not UTF-8") }
    return text
}

/// Writes a file whole, or says why not and leaves what was there.
func writeFile(_ bytes: [UInt8], to path: String) throws {
    let file = try OutputFile(path)
    try file.append(bytes)
    try file.finish()
}

/// A fault whose sentence is all that a person needs.
struct CommandError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A line on standard error that is rewritten in place while something takes long; silent where standard error is no terminal.
final class ProgressLine: Sendable {
    private let isShown = isTerminal(STDERR_FILENO)

    /// Shows a new text.
    func show(_ text: String) {
        if isShown { write("\r\u{1b}[K\(text)", to: STDERR_FILENO) }
    }

    /// Removes the line.
    func clear() {
        if isShown { write("\r\u{1b}[K", to: STDERR_FILENO) }
    }
}

/// 1.5 GB, 5.5 MB: bytes for people.
func bytesText(_ bytes: Int) -> String {
    switch bytes {
    case ..<1_000: "\(bytes) B"
    case ..<1_000_000: "\(decimals(Double(bytes) / 1e3, 1)) KB"
    case ..<1_000_000_000: "\(decimals(Double(bytes) / 1e6, 1)) MB"
    default: "\(decimals(Double(bytes) / 1e9, 2)) GB"
    }
}

/// A number with so many decimals.
func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = Int((abs(value) * scale).rounded())
    let whole = String(scaled / Int(scale))
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard count > 0 else { return sign + whole }
    let fraction = String(scaled % Int(scale))
    return sign + whole + "." + String(repeating: "0", count: count - fraction.count) + fraction
}
