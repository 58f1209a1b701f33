// sirocco inspect: what a model file holds and what loading it would take.
import ArgumentParser
import Engine
import JSON

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show a model's metadata, architecture, tensors, load plan and memory estimate; no weight is read.",
        discussion: "A model that this program cannot load is shown as far as it is understood, and the status is 1.")

    @Argument(help: "A GGUF file or a model directory.")
    var file: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let inspection = try ModelInspection(path: file)
        printLine(json ? inspection.json.text(.pretty) : inspection.text)
        _ = try inspection.plan.get()
    }
}
