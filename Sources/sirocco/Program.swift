// Where the process begins: the command runs in a task, the main thread waits for signals.
import ArgumentParser
import CProcess
import Glibc

@main
enum Program {
    static func main() {
        // Before anything is opened.
        _ = StandardStreams.closed
        // Before any other thread is made, so that all of them inherit it.
        SignalWatch.block()
        // A refusal leaves the system's own answer to a lost page, which is as final and only says less.
        _ = cprocess_explain_lost_pages()
        Task.detached {  // Safe: nothing is shared; the process ends with it.
            await run()
        }
        SignalWatch.shared.wait()
    }

    private static func run() async -> Never {
        do {
            if let error = mistypedCommand(CommandLine.arguments.dropFirst()) { throw error }
            var command = try Sirocco.parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            endProcess(EXIT_SUCCESS)
        } catch let interrupted as Interrupted {
            endProcess(128 + interrupted.signal)
        } catch {
            Sirocco.exit(withError: error)
        }
    }
}
