// The prompt of a user's tool: text with {{argument}} places.
import JSON

/// A prompt with places for arguments: `{{name}}`, spaces inside the braces allowed; `\{{` stands for the two braces themselves. A string
/// argument fills its place as it is, any other as JSON, one that was left out as nothing. What fills a place is never read for places again.
struct PromptTemplate: Sendable, Hashable {
    enum Piece: Sendable, Hashable {
        case text(String)
        case argument(String)
    }

    /// A fault in the template's text.
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    let pieces: [Piece]

    init(_ source: String) throws(Fault) {
        var pieces: [Piece] = []
        var text = ""
        var rest = source.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "\\", rest.starts(with: "{{".unicodeScalars) {
                text += "{{"
                rest = rest.dropFirst(2)
            } else if scalar == "{", rest.first == "{" {
                rest = rest.dropFirst()
                let name = try Self.name(&rest)
                if !text.isEmpty { pieces.append(.text(text)) }
                text = ""
                pieces.append(.argument(name))
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        self.pieces = pieces
    }

    /// Reads up to and past the closing braces.
    private static func name(_ rest: inout String.UnicodeScalarView.SubSequence) throws(Fault) -> String {
        var name = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            if scalar == "}" {
                guard rest.popFirst() == "}" else { break }
                let isSpace: (UnicodeScalar) -> Bool = { $0 == " " }
                let trimmed = name.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
                guard !trimmed.isEmpty else { throw Fault(description: "a place {{}} without a name") }
                return String(String.UnicodeScalarView(trimmed))
            }
            name.append(scalar)
        }
        throw Fault(description: "a place {{\(String(name).prefix(40)) is not closed by }} (for the braces themselves write \\{{)")
    }

    /// The names of the arguments that have a place.
    var arguments: Set<String> {
        Set(pieces.compactMap { if case .argument(let name) = $0 { name } else { nil } })
    }

    /// The prompt with these arguments.
    func filled(with arguments: JSONObject) -> String {
        var prompt = ""
        for piece in pieces {
            switch piece {
            case .text(let text): prompt += text
            case .argument(let name):
                switch arguments[name] {
                case .string(let text)?: prompt += text
                case let value?: prompt += value.text(.spaced)
                case nil: break
                }
            }
        }
        return prompt
    }
}
