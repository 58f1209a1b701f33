// sirocco: the command line. Reads like a table of contents.
import ArgumentParser
import Grammar

struct Sirocco: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sirocco",
        abstract: "A local LLM engine that plugs into AI assistants: what is declared structured comes out structured.",
        discussion:
            "Without --model, the small embedded model is used. Documents and answers go to standard output, everything else to standard error.",
        version: siroccoVersion,
        groupedSubcommands: [
            CommandGroup(name: "For assistants:", subcommands: [MCPCommand.self]),
            CommandGroup(
                name: "For people and scripts:",
                subcommands: [AgentCommand.self, ExtractCommand.self, ClassifyCommand.self, RunCommand.self]),
            CommandGroup(
                name: "Instruments:",
                subcommands: [
                    BenchCommand.self, GrammarCommand.self, InspectCommand.self, QuantizeCommand.self, ImatrixCommand.self, LogitsCommand.self,
                    TokenizeCommand.self,
                    DetokenizeCommand.self,
                    RenderCommand.self,
                ]),
        ])
}

/// The complaint about a command's name that is nearly one; nil where the arguments begin with a command, or with something else altogether.
func mistypedCommand(_ arguments: some Sequence<String>) -> ValidationError? {
    var command: any ParsableCommand.Type = Sirocco.self
    for argument in arguments {
        let known = command.configuration.subcommands
        if let next = known.first(where: { $0.configuration.commandName == argument }) {
            command = next
            continue
        }
        if argument.hasPrefix("-") || argument == "help" { return nil }
        return nearestName(to: argument, among: known.compactMap { $0.configuration.commandName }).map {
            ValidationError("There is no command \(argument). Did you mean \($0)?")
        }
    }
    return nil
}

/// The version of the program and of the MCP server it is.
let siroccoVersion = "0.1.0"
