// The formats of the specification, each checked by hand as its RFC says.

enum FormatChecks {
    /// Formats that are asserted; of the specification's others, `StringFormats.refused` are refused; the rest are annotations.
    static let checks: [String: @Sendable (String) -> Bool] = [
        "date": { isDate($0[...]) }, "time": { isTime($0[...]) }, "date-time": isDateTime, "duration": isDuration, "email": isEmail,
        "hostname": isHostname, "ipv4": { isIPv4($0[...]) }, "ipv6": isIPv6, "uri": { isURI($0, isReference: false) },
        "uri-reference": { isURI($0, isReference: true) }, "uuid": isUUID, "json-pointer": isPointer,
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

    static func isEmail(_ text: String) -> Bool {
        guard let at = text.lastIndex(of: "@") else { return false }
        let symbols = "!#$%&'*+-/=?^_`{|}~"
        let atoms = text[..<at].split(separator: ".", omittingEmptySubsequences: false)
        let isLocal = atoms.allSatisfy { atom in
            !atom.isEmpty && atom.unicodeScalars.allSatisfy { isAlphanumeric($0) || symbols.unicodeScalars.contains($0) }
        }
        return isLocal && isHostname(String(text[text.index(after: at)...]))
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "0"..."9", "A"..."Z", "a"..."z": true
        default: false
        }
    }

    static func isHostname(_ text: String) -> Bool {
        guard text.utf8.count <= 253 else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
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

    static func isURI(_ text: String, isReference: Bool) -> Bool {
        func isText(_ part: Substring, _ extra: String) -> Bool {
            var scalars = Array(part.unicodeScalars)[...]
            while let scalar = scalars.popFirst() {
                if scalar == "%" {
                    guard scalars.count >= 2, scalars.removeFirst().hexadecimalDigit != nil, scalars.removeFirst().hexadecimalDigit != nil
                    else { return false }
                } else if !isAlphanumeric(scalar), !("-._~!$&'()*+,;=" + extra).unicodeScalars.contains(scalar) {
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
            guard isText(rest[rest.index(after: mark)...], ":@/?") else { return false }
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
            let isFuture = (literal.hasPrefix("v") || literal.hasPrefix("V")) && isFutureAddress(literal.dropFirst(), isText)
            guard isFuture || isIPv6(String(literal)) else { return false }
            return port.isEmpty || port.first == ":" && port.dropFirst().allSatisfy { $0.isASCII && $0.isNumber }
        }
        if let colon = host.lastIndex(of: ":") {
            guard host[host.index(after: colon)...].allSatisfy({ $0.isASCII && $0.isNumber }) else { return false }
            host = host[..<colon]
        }
        return isText(host, "")
    }

    private static func isFutureAddress(_ text: Substring, _ isText: (Substring, String) -> Bool) -> Bool {
        guard let point = text.firstIndex(of: "."), point > text.startIndex else { return false }
        let tail = text[text.index(after: point)...]
        return text[..<point].unicodeScalars.allSatisfy { $0.hexadecimalDigit != nil } && !tail.isEmpty && !tail.contains("%")
            && isText(tail, ":")
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
