// The syntax of URIs (RFC 3986), IRIs (RFC 3987) and URI templates (RFC 6570) as regular expressions.

/// Resource identifiers over ASCII, or with the characters that IRIs have more.
struct ResourceSyntax {
    static let uri = ResourceSyntax(unreserved: "", query: "")
    static let iri = ResourceSyntax(unreserved: international, query: privateUse)

    /// `ucschar` of RFC 3987.
    private static let international: String = {
        let planes = (1...14).map { plane in
            let first = UInt32(plane) << 16 + (plane == 14 ? 0x1000 : 0)
            return "\(Unicode.Scalar(first)!)-\(Unicode.Scalar(UInt32(plane) << 16 + 0xFFFD)!)"
        }
        return "\u{A0}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFEF}" + planes.joined()
    }()
    /// `iprivate`.
    private static let privateUse = "\u{E000}-\u{F8FF}\u{F0000}-\u{FFFFD}\u{100000}-\u{10FFFD}"
    private static let percent = "%[0-9A-Fa-f]{2}"
    private static let delimiters = "!$&'()*+,;="

    /// With a scheme, and with or without one.
    let absolute: String
    let reference: String

    private init(unreserved extra: String, query: String) {
        let (percent, delimiters) = (Self.percent, Self.delimiters)
        let unreserved = "A-Za-z0-9._~\\-" + extra
        let character = "(?:[\(unreserved)\(delimiters):@]|\(percent))"
        let user = "(?:(?:[\(unreserved)\(delimiters):]|\(percent))*@)?"
        let future = "[vV][0-9A-Fa-f]+\\.[A-Za-z0-9._~\\-\(delimiters):]+"
        let host = "(?:\\[(?:\(StringFormats.ipv6Address)|\(future))\\]|(?:[\(unreserved)\(delimiters)]|\(percent))*)"
        let hierarchy = "//\(user)\(host)(?::\\d*)?(?:/\(character)*)*"
        let path = "/(?:\(character)+(?:/\(character)*)*)?"
        let tail = "(?:\\?(?:\(character)|[/?\(query)])*)?(?:#(?:\(character)|[/?])*)?"
        absolute = "[A-Za-z][A-Za-z0-9+.-]*:(?:\(hierarchy)|\(path)|\(character)+(?:/\(character)*)*|)\(tail)"
        let noColon = "(?:[\(unreserved)\(delimiters)@]|\(percent))+(?:/\(character)*)*"
        reference = "(?:\(absolute)|(?:\(hierarchy)|\(path)|\(noColon)|)\(tail))"
    }

    /// Literals and expressions of level 4, with the apostrophe that erratum 6937 gives back to literals.
    static let template: String = {
        let literal = "(?:[!#$&-;=?-\\[\\]_a-z~\(international)\(privateUse)]|\(percent))"
        let character = "(?:[A-Za-z0-9_]|\(percent))"
        let name = "\(character)+(?:\\.\(character)+)*"
        let variable = "\(name)(?::[1-9]\\d{0,3}|\\*)?"
        return "(?:\(literal)|\\{[+#./;?&=,!@|]?\(variable)(?:,\(variable))*\\})*"
    }()
}
