// The formats of the specification as regular expressions.

/// The formats that are asserted, by name, and those of the specification that are refused.
///
/// Where a format is no regular language, or one with too many states, what is generated lies within it and what is denied lies around it:
/// leap seconds (23:59:60 UTC) are generated with offsets of whole quarters of an hour, and labels of host names that begin with `xn--`, whose
/// rest must be valid punycode of a valid label (RFC 5891), are not generated.
enum StringFormats {
    /// Formats of the specification that neither the grammar nor the validator knows: the one list of both.
    static let refused: Set<String> = ["idn-hostname", "regex"]

    private static let date: String = {
        let leap = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
        return
            "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|\(leap)-02-29)"
    }()

    private static let ordinaryTime = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)"

    private static let time: String = {
        func clock(_ minutes: Int) -> String {
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
            return "\(two(minutes / 60)):\(two(minutes % 60))"
        }
        let day = 24 * 60
        var leaps = ["23:59:60(?:\\.\\d+)?(?:[Zz]|[+-]00:00)"]
        for offset in stride(from: 15, to: day, by: 15) {
            let local = (day - 1 + offset) % day
            // The same local time belongs to an offset east and to one west.
            leaps.append("\(clock(local)):60(?:\\.\\d+)?(?:\\+\(clock(offset))|-\(clock(day - offset)))")
        }
        return "(?:\(ordinaryTime)|\(leaps.joined(separator: "|")))"
    }()

    /// Second 60 at any time of the day: more than there are leap seconds.
    private static let looseTime = "(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d+)?(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)"

    private static let duration: String = {
        let time = "T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S)"
        let date = "(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)"
        return "P(?:\(date)(?:\(time))?|\(time)|\\d+W)"
    }()

    private static let anyLabel = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    /// A label that does not begin with `xn--`.
    private static let label: String = {
        let end = "[A-Za-z0-9]"
        let inner = "[A-Za-z0-9-]"
        let second = "[xX](?:\(end)|[A-MO-Za-mo-z0-9-]\(inner){0,60}\(end))?"
        let third = "[xX][nN](?:\(end)|\(end)\(inner){0,59}\(end)|-\(end)(?:\(inner){0,58}\(end))?)"
        return "(?:[A-WYZa-wyz0-9](?:\(inner){0,61}\(end))?|\(second)|\(third))"
    }()
    private static func dotted(_ part: String) -> String { "\(part)(?:\\.\(part))*" }
    private static let hostname = dotted(label)
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

    /// The names of the formats that are asserted.
    static let names = [
        "date", "time", "date-time", "duration", "email", "idn-email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference",
        "uri-template", "uuid", "json-pointer", "relative-json-pointer",
    ]

    private static let beyondASCII = "\u{80}-\u{10FFFF}"
    private static let printable = " !#-\\[\\]-~"

    /// A mailbox of RFC 5321, or of RFC 6531 where characters beyond ASCII are `extra`.
    private static func mailbox(_ label: String, extra: String = "") -> String {
        let atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-\(extra)]+"
        let quoted = "\"(?:[\(printable)\(extra)]|\\\\[ -~])*\""
        return "(?:\(dotted(atom))|\(quoted))@(?:\(dotted(label))|\\[(?:\(ipv4)|[Ii][Pp][Vv]6:\(ipv6))\\])"
    }

    private static let internationalLabel = "[A-Za-z0-9\(beyondASCII)](?:[A-Za-z0-9\\-\(beyondASCII)]*[A-Za-z0-9\(beyondASCII)])?"

    /// The expression of a format (to be matched as a whole) and the greatest length; nil for a format that is not asserted.
    ///
    /// - Parameter isDenied: the strings are those that must not be: the expression holds at least the format's, else at most.
    static func expression(_ name: String, isDenied: Bool = false) -> (pattern: String, maximum: Int?)? {
        let time = isDenied ? looseTime : time
        return switch name {
        case "date": (date, nil)
        case "time": (time, nil)
        case "date-time": ("\(date)[Tt]\(time)", nil)
        case "duration": (duration, nil)
        case "email": (mailbox(isDenied ? anyLabel : label), nil)
        case "idn-email": (mailbox(internationalLabel, extra: beyondASCII), nil)
        case "hostname": (isDenied ? dotted(anyLabel) : hostname, 253)
        case "ipv4": (ipv4, nil)
        case "ipv6": (ipv6, nil)
        case "uri": (ResourceSyntax.uri.absolute, nil)
        case "uri-reference": (ResourceSyntax.uri.reference, nil)
        case "iri": (ResourceSyntax.iri.absolute, nil)
        case "iri-reference": (ResourceSyntax.iri.reference, nil)
        case "uri-template": (ResourceSyntax.template, nil)
        case "uuid": ("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", nil)
        case "json-pointer": ("(?:/(?:[^~/]|~[01])*)*", nil)
        case "relative-json-pointer": ("(?:0|[1-9]\\d*)(?:#|(?:/(?:[^~/]|~[01])*)*)", nil)
        default: nil
        }
    }

    /// For the hosts of resource identifiers.
    static var ipv6Address: String { ipv6 }
}
