// URI references, as far as `$id` and `$ref` need them (RFC 3986, section 5.2).

enum Identifier {
    /// A reference without its fragment, and the fragment.
    static func split(_ reference: String) -> (uri: String, fragment: String?) {
        guard let hash = reference.firstIndex(of: "#") else { return (reference, nil) }
        return (String(reference[..<hash]), String(reference[reference.index(after: hash)...]))
    }

    private static func scheme(_ uri: Substring) -> Substring? {
        guard let colon = uri.firstIndex(of: ":") else { return nil }
        let scheme = uri[..<colon]
        guard let first = scheme.unicodeScalars.first, first.isASCII, first.properties.isAlphabetic else { return nil }
        let isValid = scheme.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "+" || $0 == "-" || $0 == ".")
        }
        return isValid ? scheme : nil
    }

    /// The reference resolved against a base, both without fragment.
    static func resolve(_ reference: String, against base: String) -> String {
        if reference.isEmpty { return base }
        if scheme(reference[...]) != nil { return reference }
        guard let scheme = scheme(base[...]) else {
            if reference.hasPrefix("/") || base.isEmpty { return reference }
            return normalized(directory(base) + reference)
        }
        let rest = base[base.index(scheme.endIndex, offsetBy: 1)...]
        if reference.hasPrefix("//") { return scheme + ":" + reference }
        guard rest.hasPrefix("//") else { return scheme + ":" + reference }
        let authorityEnd = rest.dropFirst(2).firstIndex(of: "/") ?? rest.endIndex
        let root = scheme + ":" + rest[..<authorityEnd]
        let path = reference.hasPrefix("/") ? reference : directory(String(rest[authorityEnd...])) + reference
        return root + normalized(path.hasPrefix("/") ? path : "/" + path)
    }

    private static func directory(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[...slash])
    }

    private static func normalized(_ path: String) -> String {
        var segments: [Substring] = []
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch part {
            case ".": if isLast { segments.append("") }
            case "..":
                if segments.count > 1 { segments.removeLast() }
                if isLast { segments.append("") }
            default: segments.append(part)
            }
        }
        return segments.joined(separator: "/")
    }

    /// Percent-decoding; nil when it is not UTF-8 or not well formed.
    static func decoded(_ fragment: String) -> String? {
        var bytes: [UInt8] = []
        var scalars = Array(fragment.utf8)[...]
        while let byte = scalars.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard scalars.count >= 2, let high = Unicode.Scalar(scalars.removeFirst()).hexadecimalDigit,
                let low = Unicode.Scalar(scalars.removeFirst()).hexadecimalDigit
            else { return nil }
            bytes.append(UInt8(high * 16 + low))
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
