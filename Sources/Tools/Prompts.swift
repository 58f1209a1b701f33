// The prompts of the tools: exactly those that the embedded model was trained on (models/breeze/README.md), used for every model.
import Chat
import JSON

/// The conversations that the tools put to a model.
enum Prompts {
    /// The sentence above a type signature.
    static let extractionHeading = "Extract from the text, as JSON:"
    /// The sentence above the labels.
    static let classificationHeading = "Classify the text:"
    /// The label that stands for "does not fit" where each label is judged on its own.
    static let noLabel = "none"

    /// Extraction: the signature in the system message, the caller's instructions on the lines after it, the text as the user's message.
    static func extraction(signature: String, instructions: String?, text: String) -> [Message] {
        let system = extractionHeading + "\n" + signature + (instructions.map { "\n" + $0 } ?? "")
        return [.system(system), .user(text)]
    }

    /// Classification: the labels as JSON strings joined by ` | `. The answer is one of them as a JSON string.
    static func classification(labels: [String], text: String) -> [Message] {
        [.system(classificationHeading + "\n" + labels.map(answer(for:)).joined(separator: " | ")), .user(text)]
    }

    /// How a model writes this label.
    static func answer(for label: String) -> String { JSONValue.string(label).text(.spaced) }

    /// A user's own tool: `instructions` take the place of the extraction heading; the signature follows.
    static func work(signature: String, instructions: String?, prompt: String) -> [Message] {
        [.system((instructions ?? extractionHeading) + "\n" + signature), .user(prompt)]
    }
}
