// The formats of the specification, each checked by hand as its RFC says.

enum FormatChecks {
    /// Formats that are asserted; of the specification's others, `StringFormats.refused` are refused; the rest are annotations.
    static let checks: [String: @Sendable (String) -> Bool] = [
        "date": { isDate($0[...]) }, "time": { isTime($0[...]) }, "date-time": isDateTime, "duration": isDuration,
        "email": { isEmail($0, isInternational: false) },
        "idn-email": { isEmail($0, isInternational: true) },
        "hostname": isHostname, "ipv4": { isIPv4($0[...]) }, "ipv6": isIPv6, "uri": { isURI($0, isReference: false) },
        "uri-reference": { isURI($0, isReference: true) }, "iri": { isURI($0, isReference: false, isInternational: true) },
        "iri-reference": { isURI($0, isReference: true, isInternational: true) }, "uri-template": isTemplate, "uuid": isUUID,
        "json-pointer": isPointer,
        "relative-json-pointer": isRelativePointer,
    ]

    private static func number(_ text: Substring, digits: Int) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int(text)
    }

    static func isDate(_ text: Substring) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let year = number(parts[0], digits: 4), let month = number(parts[1], digits: 2),
            let day = number(parts[2], digits: 2), (1...12).contains(month)
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return day >= 1 && day <= lengths[month - 1]
    }

    static func isTime(_ text: Substring) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= 9, let hour = number(text.prefix(2), digits: 2), bytes[2] == 0x3A,
            let minute = number(text.dropFirst(3).prefix(2), digits: 2), bytes[5] == 0x3A,
            let second = number(text.dropFirst(6).prefix(2), digits: 2), hour < 24, minute < 60, second <= 60
        else { return false }
        var rest = text.dropFirst(8)
        if rest.first == "." {
            let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
            if digits.isEmpty { return false }
            rest = rest.dropFirst(1 + digits.count)
        }
        var offset = 0
        if rest != "Z" && rest != "z" {
            guard let sign = rest.first, sign == "+" || sign == "-", rest.utf8.count == 6, rest.dropFirst(3).first == ":",
                let hours = number(rest.dropFirst().prefix(2), digits: 2), let minutes = number(rest.dropFirst(4), digits: 2), hours < 24,
                minutes < 60
            else { return false }
            offset = (sign == "-" ? -1 : 1) * (hours * 60 + minutes)
        }
        return second < 60 || (hour * 60 + minute - offset + 2880) % 1440 == 23 * 60 + 59
    }

    static func isDateTime(_ text: String) -> Bool {
        guard text.utf8.count > 11, let mark = text.index(text.startIndex, offsetBy: 10, limitedBy: text.endIndex) else { return false }
        return (text[mark] == "T" || text[mark] == "t") && isDate(text[..<mark]) && isTime(text[text.index(after: mark)...])
    }

    static func isDuration(_ text: String) -> Bool {
        guard text.first == "P" else { return false }
        let halves = text.dropFirst().split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        func units(_ half: Substring, _ order: [Character]) -> [Int]? {
            var found: [Int] = []
            var digits = 0
            for character in half {
                if character.isASCII && character.isNumber {
                    digits += 1
                } else {
                    guard digits > 0, let place = order.firstIndex(of: character) else { return nil }
                    // Units in order and without a gap.
                    if let last = found.last, place != last + 1 { return nil }
                    found.append(place)
                    digits = 0
                }
            }
            return digits == 0 ? found : nil
        }
        if halves.count == 1, let weeks = units(halves[0], ["W"]), weeks.count == 1 { return true }
        guard let date = units(halves[0], ["Y", "M", "D"]) else { return false }
        if halves.count == 1 { return !date.isEmpty }
        guard let time = units(halves[1], ["H", "M", "S"]) else { return false }
        return !time.isEmpty
    }

    /// A mailbox of RFC 5321, or of RFC 6531 with characters beyond ASCII in its local part and its labels.
    static func isEmail(_ text: String, isInternational: Bool) -> Bool {
        func isExtra(_ scalar: Unicode.Scalar) -> Bool { isInternational && scalar.value >= 0x80 }
        guard let at = text.unicodeScalars.lastIndex(of: "@") else { return false }
        let local = text.unicodeScalars[..<at]
        let domain = String(text.unicodeScalars[text.unicodeScalars.index(after: at)...])
        if local.first == "\"" {
            guard isQuoted(Array(local), isExtra) else { return false }
        } else {
            let symbols = "!#$%&'*+-/=?^_`{|}~".unicodeScalars
            let atoms = local.split(separator: ".", omittingEmptySubsequences: false)
            guard atoms.allSatisfy({ atom in !atom.isEmpty && atom.allSatisfy { isAlphanumeric($0) || symbols.contains($0) || isExtra($0) } })
            else { return false }
        }
        if domain.hasPrefix("["), domain.hasSuffix("]") {
            let address = domain.dropFirst().dropLast()
            return address.lowercased().hasPrefix("ipv6:") ? isIPv6(String(address.dropFirst(5))) : isIPv4(address)
        }
        guard isInternational else { return areLabels(domain) }
        return domain.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.allSatisfy { isAlphanumeric($0) || $0 == "-" || isExtra($0) }
        }
    }

    private static func isQuoted(_ local: [Unicode.Scalar], _ isExtra: (Unicode.Scalar) -> Bool) -> Bool {
        guard local.count >= 2, local[local.count - 1] == "\"" else { return false }
        var rest = local[1..<(local.count - 1)]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return false
            case "\\":
                guard let escaped = rest.popFirst(), (" "..."~").contains(escaped) else { return false }
            default: guard (" "..."~").contains(scalar) || isExtra(scalar) else { return false }
            }
        }
        return true
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "0"..."9", "A"..."Z", "a"..."z": true
        default: false
        }
    }

    static func isHostname(_ text: String) -> Bool {
        text.utf8.count <= 253 && areLabels(text)
    }

    private static func areLabels(_ text: String) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.unicodeScalars.allSatisfy { isAlphanumeric($0) || $0 == "-" }
        }
    }

    static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && number(part, digits: part.utf8.count).map { $0 <= 255 } == true
                    && (part.utf8.count == 1 || !part.hasPrefix("0"))
            }
    }

    static func isIPv6(_ text: String) -> Bool {
        func groups(_ half: Substring, mayEndInIPv4: Bool) -> Int? {
            if half.isEmpty { return 0 }
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            var count = 0
            for (index, part) in parts.enumerated() {
                if index == parts.count - 1, mayEndInIPv4, part.contains(".") {
                    guard isIPv4(part) else { return nil }
                    count += 2
                } else {
                    guard (1...4).contains(part.utf8.count), part.unicodeScalars.allSatisfy({ $0.hexadecimalDigit != nil }) else {
                        return nil
                    }
                    count += 1
                }
            }
            return count
        }
        let scalars = Array(text.utf8)
        guard let gap = scalars.indices.dropLast().first(where: { scalars[$0] == 0x3A && scalars[$0 + 1] == 0x3A }) else {
            return !text.isEmpty && groups(text[...], mayEndInIPv4: true) == 8
        }
        let before = text[..<text.utf8.index(text.startIndex, offsetBy: gap)]
        let after = text[text.utf8.index(text.startIndex, offsetBy: gap + 2)...]
        guard let first = groups(before, mayEndInIPv4: false), let second = groups(after, mayEndInIPv4: true) else { return false }
        return first + second <= 7
    }

    static func isUUID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.utf8.count) == [8, 4, 4, 4, 12] && parts.joined().unicodeScalars.allSatisfy { $0.hexadecimalDigit != nil }
    }

    /// The characters that IRIs have more (`ucschar` of RFC 3987), and those of their queries (`iprivate`).
    private static func isInternationalCharacter(_ scalar: Unicode.Scalar, inQuery: Bool = false) -> Bool {
        switch scalar.value {
        case 0xA0...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFEF: true
        case 0xE000...0xF8FF, 0xF0000...0xFFFFD, 0x100000...0x10FFFD: inQuery
        case 0xE0000...0xE0FFF: false
        case 0x10000...0xEFFFD: scalar.value & 0xFFFF <= 0xFFFD
        default: false
        }
    }

    /// Literals and expressions of RFC 6570, level 4.
    static func isTemplate(_ text: String) -> Bool {
        func isPercent(_ scalars: inout ArraySlice<Unicode.Scalar>) -> Bool {
            guard scalars.count >= 2 else { return false }
            return scalars.removeFirst().hexadecimalDigit != nil && scalars.removeFirst().hexadecimalDigit != nil
        }
        func isVariable(_ spec: ArraySlice<Unicode.Scalar>) -> Bool {
            var name = spec
            if name.last == "*" {
                name.removeLast()
            } else if let colon = name.firstIndex(of: ":") {
                let digits = name[name.index(after: colon)...]
                guard (1...4).contains(digits.count), digits.first != "0", digits.allSatisfy({ ("0"..."9").contains($0) }) else { return false }
                name = name[..<colon]
            }
            return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
                var rest = part
                while let scalar = rest.popFirst() {
                    if scalar == "%" ? !isPercent(&rest) : !(isAlphanumeric(scalar) || scalar == "_") { return false }
                }
                return !part.isEmpty
            }
        }
        var rest = Array(text.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "{":
                guard let close = rest.firstIndex(of: "}") else { return false }
                var body = rest[..<close]
                rest = rest[(close + 1)...]
                if let first = body.first, "+#./;?&=,!@|".unicodeScalars.contains(first) { body.removeFirst() }
                guard body.split(separator: ",", omittingEmptySubsequences: false).allSatisfy(isVariable) else { return false }
            case "%": guard isPercent(&rest) else { return false }
            case "\"", "<", ">", "\\", "^", "`", "|", "}": return false
            default: guard ("!"..."~").contains(scalar) || isInternationalCharacter(scalar, inQuery: true) else { return false }
            }
        }
        return true
    }

    static func isURI(_ text: String, isReference: Bool, isInternational: Bool = false) -> Bool {
        func isText(_ part: Substring, _ extra: String, inQuery: Bool = false) -> Bool {
            var scalars = Array(part.unicodeScalars)[...]
            while let scalar = scalars.popFirst() {
                if scalar == "%" {
                    guard scalars.count >= 2, scalars.removeFirst().hexadecimalDigit != nil, scalars.removeFirst().hexadecimalDigit != nil
                    else { return false }
                } else if !isAlphanumeric(scalar), !("-._~!$&'()*+,;=" + extra).unicodeScalars.contains(scalar),
                    !(isInternational && isInternationalCharacter(scalar, inQuery: inQuery))
                {
                    return false
                }
            }
            return true
        }
        var rest = text[...]
        if let hash = rest.firstIndex(of: "#") {
            guard isText(rest[rest.index(after: hash)...], ":@/?") else { return false }
            rest = rest[..<hash]
        }
        if let mark = rest.firstIndex(of: "?") {
            guard isText(rest[rest.index(after: mark)...], ":@/?", inQuery: true) else { return false }
            rest = rest[..<mark]
        }
        let firstSlash = rest.firstIndex(of: "/") ?? rest.endIndex
        if let colon = rest.firstIndex(of: ":"), colon < firstSlash {
            let scheme = rest[..<colon].unicodeScalars
            guard let first = scheme.first, isAlphanumeric(first), !("0"..."9").contains(first),
                scheme.allSatisfy({ isAlphanumeric($0) || "+-.".unicodeScalars.contains($0) })
            else { return false }
            rest = rest[rest.index(after: colon)...]
        } else if !isReference {
            return false
        }
        guard rest.hasPrefix("//") else { return isText(rest, ":@/") }
        rest = rest.dropFirst(2)
        let authorityEnd = rest.firstIndex(of: "/") ?? rest.endIndex
        guard isText(rest[authorityEnd...], ":@/") else { return false }
        var host = rest[..<authorityEnd]
        if let at = host.firstIndex(of: "@") {
            guard isText(host[..<at], ":") else { return false }
            host = host[host.index(after: at)...]
        }
        if host.hasPrefix("[") {
            guard let close = host.firstIndex(of: "]") else { return false }
            let literal = host[host.index(after: host.startIndex)..<close]
            let port = host[host.index(after: close)...]
            let isFuture = (literal.hasPrefix("v") || literal.hasPrefix("V")) && isFutureAddress(literal.dropFirst())
            guard isFuture || isIPv6(String(literal)) else { return false }
            return port.isEmpty || port.first == ":" && port.dropFirst().allSatisfy { $0.isASCII && $0.isNumber }
        }
        if let colon = host.lastIndex(of: ":") {
            guard host[host.index(after: colon)...].allSatisfy({ $0.isASCII && $0.isNumber }) else { return false }
            host = host[..<colon]
        }
        return isText(host, "")
    }

    private static func isFutureAddress(_ text: Substring) -> Bool {
        guard let point = text.firstIndex(of: "."), point > text.startIndex else { return false }
        let tail = text[text.index(after: point)...].unicodeScalars
        return text[..<point].unicodeScalars.allSatisfy { $0.hexadecimalDigit != nil } && !tail.isEmpty
            && tail.allSatisfy { isAlphanumeric($0) || "-._~!$&'()*+,;=:".unicodeScalars.contains($0) }
    }

    static func isPointer(_ text: String) -> Bool {
        if text.isEmpty { return true }
        guard text.unicodeScalars.first == "/" else { return false }
        var scalars = Array(text.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            if scalar == "~", scalars.first != "0", scalars.first != "1" { return false }
        }
        return true
    }

    static func isRelativePointer(_ text: String) -> Bool {
        let digits = text.unicodeScalars.prefix { ("0"..."9").contains($0) }
        guard !digits.isEmpty, digits.count == 1 || digits.first != "0" else { return false }
        let rest = String(text.unicodeScalars.dropFirst(digits.count))
        return rest == "#" || isPointer(rest)
    }
}
