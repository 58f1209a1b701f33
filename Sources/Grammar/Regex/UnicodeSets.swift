// The sets behind `\p{…}`, taken from the standard library's character database.
import Synchronization

enum UnicodeSets {
    private static let cache = Mutex<[String: CodePointSet]>([:])

    /// The name under which Rust's `\w` is kept.
    static let wordName = "word"

    /// The set of `\p{name}` or `\p{name=value}`; nil when the property is not known here (scripts are not).
    static func named(_ name: String) -> CodePointSet? {
        if let known = cache.withLock({ $0[name] }) { return known }
        guard let set = make(name) else { return nil }
        cache.withLock { $0[name] = set }
        return set
    }

    private static func make(_ name: String) -> CodePointSet? {
        var key = name
        for prefix in ["General_Category=", "gc="] where key.hasPrefix(prefix) { key.removeFirst(prefix.count) }
        if let wanted = categories(key) {
            let bits = wanted
            return collect { bits & (1 << $0.generalCategory.position) != 0 }
        }
        guard key == name else { return nil }
        switch name {
        case wordName:
            let marks: [Unicode.GeneralCategory] = [.nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation]
            return collect { $0.isAlphabetic || $0.isJoinControl || marks.contains($0.generalCategory) }
        case "Any": return .all
        case "ASCII": return CodePointSet(0, 0x7F)
        case "Assigned": return collect { $0.generalCategory != .unassigned }
        case "Alphabetic", "Alpha": return collect { $0.isAlphabetic }
        case "Uppercase", "Upper": return collect { $0.isUppercase }
        case "Lowercase", "Lower": return collect { $0.isLowercase }
        case "White_Space", "space": return collect { $0.isWhitespace }
        case "ID_Start", "IDS": return collect { $0.isIDStart }
        case "ID_Continue", "IDC": return collect { $0.isIDContinue }
        case "XID_Start", "XIDS": return collect { $0.isXIDStart }
        case "XID_Continue", "XIDC": return collect { $0.isXIDContinue }
        case "Emoji": return collect { $0.isEmoji }
        case "Emoji_Presentation", "EPres": return collect { $0.isEmojiPresentation }
        case "Hex_Digit", "Hex": return collect { $0.isHexDigit }
        case "ASCII_Hex_Digit", "AHex": return collect { $0.isASCIIHexDigit }
        case "Ideographic", "Ideo": return collect { $0.isIdeographic }
        default: return nil
        }
    }

    private static func collect(_ matches: (Unicode.Scalar.Properties) -> Bool) -> CodePointSet {
        var ranges: [CodePointSet.Range] = []
        var start: UInt32?
        func close(_ end: UInt32) {
            if let low = start { ranges.append(.init(low: low, high: end)) }
            start = nil
        }
        func visit(_ value: UInt32, as example: UInt32) {
            if let scalar = Unicode.Scalar(example), matches(scalar.properties) {
                if start == nil { start = value }
            } else if start != nil {
                close(value - 1)
            }
        }
        for value in 0...CodePointSet.maximum {
            // Nothing is assigned in the planes between, and the private planes are alike throughout: one look at each is enough.
            switch value {
            case 0x34001...0xDFFFF, 0xE1001...0xEFFFF: continue
            case 0xF0001...0xFFFFD, 0x100001...0x10FFFD: continue
            default: visit(value, as: value)
            }
        }
        close(CodePointSet.maximum)
        return CodePointSet(ranges)
    }

    private static func categories(_ name: String) -> UInt64? {
        let table: [(String, String, [Unicode.GeneralCategory])] = [
            ("Lu", "Uppercase_Letter", [.uppercaseLetter]), ("Ll", "Lowercase_Letter", [.lowercaseLetter]),
            ("Lt", "Titlecase_Letter", [.titlecaseLetter]), ("Lm", "Modifier_Letter", [.modifierLetter]),
            ("Lo", "Other_Letter", [.otherLetter]), ("LC", "Cased_Letter", [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter]),
            ("L", "Letter", [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter]),
            ("Mn", "Nonspacing_Mark", [.nonspacingMark]), ("Mc", "Spacing_Mark", [.spacingMark]),
            ("Me", "Enclosing_Mark", [.enclosingMark]),
            ("M", "Mark", [.nonspacingMark, .spacingMark, .enclosingMark]),
            ("Nd", "Decimal_Number", [.decimalNumber]), ("Nl", "Letter_Number", [.letterNumber]), ("No", "Other_Number", [.otherNumber]),
            ("N", "Number", [.decimalNumber, .letterNumber, .otherNumber]),
            ("Pc", "Connector_Punctuation", [.connectorPunctuation]), ("Pd", "Dash_Punctuation", [.dashPunctuation]),
            ("Ps", "Open_Punctuation", [.openPunctuation]), ("Pe", "Close_Punctuation", [.closePunctuation]),
            ("Pi", "Initial_Punctuation", [.initialPunctuation]), ("Pf", "Final_Punctuation", [.finalPunctuation]),
            ("Po", "Other_Punctuation", [.otherPunctuation]),
            (
                "P", "Punctuation",
                [
                    .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
                    .otherPunctuation,
                ]
            ),
            ("Sm", "Math_Symbol", [.mathSymbol]), ("Sc", "Currency_Symbol", [.currencySymbol]),
            ("Sk", "Modifier_Symbol", [.modifierSymbol]),
            ("So", "Other_Symbol", [.otherSymbol]), ("S", "Symbol", [.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol]),
            ("Zs", "Space_Separator", [.spaceSeparator]), ("Zl", "Line_Separator", [.lineSeparator]),
            ("Zp", "Paragraph_Separator", [.paragraphSeparator]),
            ("Z", "Separator", [.spaceSeparator, .lineSeparator, .paragraphSeparator]),
            ("Cc", "Control", [.control]), ("Cf", "Format", [.format]), ("Cn", "Unassigned", [.unassigned]),
            ("Co", "Private_Use", [.privateUse]), ("C", "Other", [.control, .format, .unassigned, .privateUse]),
        ]
        let aliases = ["digit": "Nd", "cntrl": "Cc", "punct": "P", "Combining_Mark": "M"]
        let wanted = aliases[name] ?? name
        guard let row = table.first(where: { $0.0 == wanted || $0.1 == wanted }) else { return nil }
        return row.2.reduce(0) { $0 | 1 << $1.position }
    }
}

extension Unicode.GeneralCategory {
    fileprivate var position: UInt64 {
        switch self {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }
}
