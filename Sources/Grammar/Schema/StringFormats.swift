// The formats of the specification as regular expressions.

/// The formats that are asserted, by name, and those of the specification that are refused.
///
/// Leap seconds: second 60 is allowed at 23:59 UTC, with offsets of whole hours. Hostnames: labels of letters, digits and hyphens (63 at most,
/// 253 in all); `xn--` labels are not looked into. E-mail: dot-atom at hostname.
enum StringFormats {
    /// Formats of the specification that neither the grammar nor the validator knows: the one list of both.
    static let refused: Set<String> = ["idn-email", "idn-hostname", "iri", "iri-reference", "uri-template", "regex"]

    private static let date: String = {
        let leap = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
        return
            "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|\(leap)-02-29)"
    }()

    private static let time: String = {
        let ordinary = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)"
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
        var leaps = ["23:59:60(?:\\.\\d+)?(?:[Zz]|[+-]00:00)"]
        for hour in 1..<24 {
            leaps.append("\(two((23 + hour) % 24)):59:60(?:\\.\\d+)?\\+\(two(hour)):00")
            leaps.append("\(two(23 - hour)):59:60(?:\\.\\d+)?-\(two(hour)):00")
        }
        return "(?:\(ordinary)|\(leaps.joined(separator: "|")))"
    }()

    private static let duration: String = {
        let time = "T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S)"
        let date = "(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)"
        return "P(?:\(date)(?:\(time))?|\(time)|\\d+W)"
    }()

    private static let label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    private static let hostname = "\(label)(?:\\.\(label))*"
    private static let octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
    private static let ipv4 = "\(octet)(?:\\.\(octet)){3}"

    private static let ipv6: String = {
        let group = "[0-9A-Fa-f]{1,4}"
        let tail = "(?:\(group):\(group)|\(ipv4))"
        var branches = ["(?:\(group):){6}\(tail)", "::(?:\(group):){0,5}\(tail)", "::(?:\(group))?"]
        // k groups before the gap, at most 7 − k after it.
        for before in 1...7 {
            let head = "\(group)(?::\(group)){\(before - 1)}::"
            branches.append(before == 7 ? head : "\(head)(?:\(group)(?::\(group)){0,\(6 - before)})?")
            if before <= 5 { branches.append("\(head)(?:\(group):){0,\(5 - before)}\(ipv4)") }
        }
        return "(?:\(branches.joined(separator: "|")))"
    }()

    private static let unreserved = "A-Za-z0-9._~\\-"
    private static let delimiters = "!$&'()*+,;="
    private static let percent = "%[0-9A-Fa-f]{2}"
    private static let pathCharacter = "(?:[\(unreserved)\(delimiters):@]|\(percent))"

    private static let hierarchy: String = {
        let user = "(?:(?:[\(unreserved)\(delimiters):]|\(percent))*@)?"
        let future = "[vV][0-9A-Fa-f]+\\.[\(unreserved)\(delimiters):]+"
        let host = "(?:\\[(?:\(ipv6)|\(future))\\]|(?:[\(unreserved)\(delimiters)]|\(percent))*)"
        return "//\(user)\(host)(?::\\d*)?(?:/\(pathCharacter)*)*"
    }()

    private static let tail = "(?:\\?(?:\(pathCharacter)|[/?])*)?(?:#(?:\(pathCharacter)|[/?])*)?"
    private static let absolutePath = "/(?:\(pathCharacter)+(?:/\(pathCharacter)*)*)?"

    private static let uri =
        "[A-Za-z][A-Za-z0-9+.-]*:(?:\(hierarchy)|\(absolutePath)|\(pathCharacter)+(?:/\(pathCharacter)*)*|)\(tail)"

    private static let uriReference: String = {
        let noColon = "(?:[\(unreserved)\(delimiters)@]|\(percent))+(?:/\(pathCharacter)*)*"
        return "(?:\(uri)|(?:\(hierarchy)|\(absolutePath)|\(noColon)|)\(tail))"
    }()

    private static let email: String = {
        let atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
        return "\(atom)(?:\\.\(atom))*@\(hostname)"
    }()

    /// The expression of a format (to be matched as a whole) and the greatest length; nil for a format that is not asserted.
    static func expression(_ name: String) -> (pattern: String, maximum: Int?)? {
        switch name {
        case "date": (date, nil)
        case "time": (time, nil)
        case "date-time": ("\(date)[Tt]\(time)", nil)
        case "duration": (duration, nil)
        case "email": (email, nil)
        case "hostname": (hostname, 253)
        case "ipv4": (ipv4, nil)
        case "ipv6": (ipv6, nil)
        case "uri": (uri, nil)
        case "uri-reference": (uriReference, nil)
        case "uuid": ("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", nil)
        case "json-pointer": ("(?:/(?:[^~/]|~[01])*)*", nil)
        case "relative-json-pointer": ("(?:0|[1-9]\\d*)(?:#|(?:/(?:[^~/]|~[01])*)*)", nil)
        default: nil
        }
    }
}
