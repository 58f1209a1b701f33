// The usual `mcpServers` file: which servers to start, and how.
public import JSON

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The servers that a configuration names. An entry that cannot be used is reported beside the others and does not stop them.
public struct MCPConfiguration: Sendable, Hashable {
    /// A server to be started as a child process that speaks over its standard input and output.
    public struct Server: Sendable, Hashable {
        /// The key under which it stands.
        public var name: String
        /// The program: a path, or a name to look up in PATH.
        public var command: String
        /// The program's arguments, no shell.
        public var arguments: [String]
        /// Added to the environment that children are given.
        public var environment: [String: String]
        /// Where it runs; nil: where we are.
        public var directory: String?
        /// Milliseconds for each call of this server's tools; nil: the agent's own limit alone.
        public var timeout: Int?

        /// A server; see the members.
        public init(
            name: String, command: String, arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil,
            timeout: Int? = nil
        ) {
            self.name = name
            self.command = command
            self.arguments = arguments
            self.environment = environment
            self.directory = directory
            self.timeout = timeout
        }
    }

    /// An entry that cannot be used.
    public struct Refusal: Sendable, Hashable, CustomStringConvertible {
        /// The key of the entry.
        public var name: String
        /// Why it cannot be used.
        public var reason: String

        /// The refusal as a sentence.
        public var description: String { "\(name): \(reason)" }
    }

    /// In the file's order.
    public var servers: [Server]
    /// Entries that cannot be used.
    public var refused: [Refusal]

    /// These servers, and what was refused beside them.
    public init(servers: [Server], refused: [Refusal] = []) {
        self.servers = servers
        self.refused = refused
    }

    /// Reads `{"mcpServers": {name: {command, args, env, cwd, timeout, disabled}}}`; `servers` is accepted for `mcpServers`. `${NAME}` and `${NAME:-default}` in
    /// texts stand for variables of `environment`. Fields that are not known are ignored; those that would change what is run are refused by name.
    public init(_ json: JSONValue, environment: @escaping (String) -> String?) throws(AgentError) {
        let key = json["mcpServers"] == nil && json["servers"] != nil ? "servers" : "mcpServers"
        guard case .object(let entries)? = json[key] else {
            throw .configuration("the MCP configuration must have \"mcpServers\", an object with the servers by name")
        }
        servers = []
        refused = []
        for (name, entry) in entries {
            do throws(AgentError) {
                let reader = ServerReader(pointer: JSONPointer([key, name]), entry: entry, environment: environment)
                if let server = try reader.server(named: name) { servers.append(server) }
            } catch {
                refused.append(Refusal(name: name, reason: error.description))
            }
        }
    }

    /// Reads the bytes of a file, whose name is for the error's sentence, with this process's environment.
    public init(parsing bytes: [UInt8], file: String) throws(AgentError) {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes, limits: JSONLimits(bytes: 1 << 20, depth: 64))
        } catch {
            throw .configuration("\(file): \(error)")
        }
        do throws(AgentError) {
            try self.init(json) { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
        } catch {
            throw .configuration("\(file): \(error)")
        }
    }
}

/// Reads one entry.
private struct ServerReader {
    let pointer: JSONPointer
    let entry: JSONValue
    let environment: (String) -> String?

    /// Nil for a server that the file disables.
    func server(named name: String) throws(AgentError) -> MCPConfiguration.Server? {
        guard entry.objectValue != nil else { throw fault(nil, "an object is expected") }
        if entry["disabled"]?.boolValue == true { return nil }
        for field in ["url", "httpUrl", "serverUrl"] where entry[field] != nil {
            throw fault(field, "servers over HTTP are not supported; only those that are started with a \"command\"")
        }
        for field in ["envFile", "headers"] where entry[field] != nil { throw fault(field, "is not supported") }
        if let type = entry["type"], type != "stdio" { throw fault("type", "only \"stdio\" is supported, not \(type.text())") }
        guard let command = try text("command"), !command.isEmpty else { throw fault("command", "a program is expected") }
        return MCPConfiguration.Server(
            name: name, command: command, arguments: try arguments(), environment: try variables(), directory: try text("cwd"),
            timeout: try timeout())
    }

    private func text(_ field: String) throws(AgentError) -> String? {
        guard let value = entry[field], !value.isNull else { return nil }
        guard case .string(let text) = value else { throw fault(field, "a string is expected") }
        return try expand(text, field)
    }

    private func arguments() throws(AgentError) -> [String] {
        guard let value = entry["args"], !value.isNull else { return [] }
        guard case .array(let items) = value else { throw fault("args", "an array of strings is expected") }
        var arguments: [String] = []
        for item in items {
            guard case .string(let text) = item else { throw fault("args", "an array of strings is expected") }
            arguments.append(try expand(text, "args"))
        }
        return arguments
    }

    private func variables() throws(AgentError) -> [String: String] {
        guard let value = entry["env"], !value.isNull else { return [:] }
        guard case .object(let members) = value else { throw fault("env", "an object of strings is expected") }
        var variables: [String: String] = [:]
        for (name, value) in members {
            guard case .string(let text) = value else { throw fault("env", "\"\(name)\" must be a string") }
            guard !name.isEmpty, !name.contains("="), !name.utf8.contains(0) else { throw fault("env", "\"\(name)\" cannot be a name") }
            variables[name] = try expand(text, "env")
        }
        return variables
    }

    private func timeout() throws(AgentError) -> Int? {
        guard let value = entry["timeout"], !value.isNull else { return nil }
        guard let milliseconds = value.intValue, (1...86_400_000).contains(milliseconds) else {
            throw fault("timeout", "milliseconds from 1 to 86400000 are expected")
        }
        return milliseconds
    }

    /// Replaces `${NAME}` and `${NAME:-default}`; a variable that is not set and has no default is a fault.
    private func expand(_ text: String, _ field: String) throws(AgentError) -> String {
        if text.utf8.contains(0) { throw fault(field, "a zero byte is not possible here") }
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { break }
            result += rest[..<start.lowerBound]
            let inner = rest[start.upperBound..<end]
            let separator = inner.firstRange(of: ":-")
            let name = String(separator.map { inner[..<$0.lowerBound] } ?? inner)
            guard let value = environment(name) ?? separator.map({ String(inner[$0.upperBound...]) }) else {
                throw fault(field, "the variable ${\(name)} is not set and has no default")
            }
            result += value
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private func fault(_ field: String?, _ reason: String) -> AgentError {
        .configuration("at \((field.map { pointer.appending($0) } ?? pointer)): \(reason)")
    }
}
