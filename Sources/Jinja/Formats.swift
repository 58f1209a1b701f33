// Python's two ways to fill a string: `"%s" % values` and `"{}".format(values)`.

extension Evaluator {
    /// `format % value`.
    func format(_ format: Text, with value: Value) throws(JinjaError) -> Text {
        var values = [value]
        if case .tuple(let items) = value { values = items }
        var used = 0
        var result = Text()
        var index = 0
        while index < format.count {
            guard format[index] == 0x25 else {
                result.units.append(format.units[index])
                index += 1
                continue
            }
            var directive = FormatDirective()
            index = try parseDirective(format, at: index + 1, into: &directive)
            if directive.conversion == "%" {
                result.append("%")
                continue
            }
            let argument: Value
            if let name = directive.name {
                guard case .dictionary(let box) = value, let found = box.value(for: .text(name)) else {
                    throw .evaluation("the format names \"\(name.string)\", which is not given", line: line)
                }
                argument = found
            } else {
                guard used < values.count else { throw .evaluation("not enough values for the format", line: line) }
                argument = values[used]
                used += 1
            }
            result.append(try filled(directive, argument))
            try charge(text: result.count / 8)
        }
        if used < values.count, case .tuple = value { throw .evaluation("too many values for the format", line: line) }
        return result
    }

    struct FormatDirective {
        var name: Text?
        var isLeft = false
        var isZeroPadded = false
        var showsSign = false
        var width = 0
        var precision: Int?
        var conversion: Unicode.Scalar = "s"
    }

    private func parseDirective(_ format: Text, at start: Int, into directive: inout FormatDirective) throws(JinjaError) -> Int {
        var index = start
        if index < format.count, format[index] == 0x28 {
            guard let end = format.firstIndex(of: Text(")"), from: index) else {
                throw .evaluation("the format has an open name", line: line)
            }
            directive.name = format.slice(index + 1..<end)
            index = end + 1
        }
        flags: while index < format.count {
            switch format[index] {
            case 0x2D: directive.isLeft = true
            case 0x30: directive.isZeroPadded = true
            case 0x2B: directive.showsSign = true
            case 0x20, 0x23: break
            default: break flags
            }
            index += 1
        }
        directive.width = number(format, &index) ?? 0
        if index < format.count, format[index] == 0x2E {
            index += 1
            directive.precision = number(format, &index) ?? 0
        }
        guard index < format.count, let conversion = Unicode.Scalar(format[index]) else {
            throw .evaluation("the format ends within a directive", line: line)
        }
        guard directive.width <= 10_000, directive.precision ?? 0 <= 300 else { throw .limit("the width of a format", line: line) }
        directive.conversion = conversion
        return index + 1
    }

    private func number(_ format: Text, _ index: inout Int) -> Int? {
        var value: Int?
        while index < format.count, (0x30...0x39).contains(format[index]) {
            value = min((value ?? 0) * 10 + Int(format[index] - 0x30), 1_000_000)
            index += 1
        }
        return value
    }

    private func filled(_ directive: FormatDirective, _ value: Value) throws(JinjaError) -> Text {
        var text: Text
        var isNumber = true
        switch directive.conversion {
        case "s", "r":
            isNumber = false
            text = Text()
            if directive.conversion == "s" {
                text = try self.text(of: value)
            } else {
                try writeRepresentation(of: value, to: &text, depth: 0)
            }
            if let precision = directive.precision { text = text.slice(0..<min(precision, text.count)) }
        case "d", "i", "u":
            guard let number = value.asInteger ?? value.asDouble.flatMap({ Int(exactly: $0.rounded(.towardZero)) }) else {
                throw mismatch("%d", value)
            }
            text = Text(String(number))
        case "x", "X", "o":
            guard let number = value.asInteger else { throw mismatch("%x", value) }
            text = Text(String(number, radix: directive.conversion == "o" ? 8 : 16, uppercase: directive.conversion == "X"))
        case "f", "F", "e", "E", "g", "G":
            guard let number = value.asDouble else { throw mismatch("%f", value) }
            text = Text(formatted(number, "%.*\(directive.conversion)", directive.precision ?? 6))
        case "c":
            text = try self.text(of: value)
        default: throw .evaluation("the format has an unknown directive %\(directive.conversion)", line: line)
        }
        if isNumber, directive.showsSign, text[0] != 0x2D { text = Text("+") + text }
        if isNumber, directive.isZeroPadded, !directive.isLeft, text.count < directive.width {
            let sign = text[0] == 0x2D || text[0] == 0x2B ? 1 : 0
            let zeros = Text(units: Array(repeating: 0x30, count: directive.width - text.count))
            return text.slice(0..<sign) + zeros + text.slice(sign..<text.count)
        }
        return try pad(text, to: directive.width, with: 0x20, left: !directive.isLeft, right: directive.isLeft)
    }

    /// `"{} {0} {name} {x.y} {:.2f}".format(…)`.
    func formatBraces(_ format: Text, _ arguments: Arguments) throws(JinjaError) -> Text {
        var result = Text()
        var automatic = 0
        var index = 0
        while index < format.count {
            let unit = format[index]
            guard unit == 0x7B || unit == 0x7D else {
                result.units.append(format.units[index])
                index += 1
                continue
            }
            if index + 1 < format.count, format[index + 1] == unit {
                result.units.append(format.units[index])
                index += 2
                continue
            }
            guard unit == 0x7B, let end = format.firstIndex(of: Text("}"), from: index) else {
                throw .evaluation("the format has a single brace", line: line)
            }
            result.append(try fieldText(format.slice(index + 1..<end), &automatic, arguments))
            try charge(text: result.count / 8)
            index = end + 1
        }
        return result
    }

    private func fieldText(_ field: Text, _ automatic: inout Int, _ arguments: Arguments) throws(JinjaError) -> Text {
        let parts = field.split(Text(":"), limit: 1)
        let path = parts[0].split(Text("."), limit: -1)
        var value: Value?
        if path[0].isEmpty {
            value = automatic < arguments.positional.count ? arguments.positional[automatic] : nil
            automatic += 1
        } else if let index = Int(path[0].string) {
            value = arguments.positional.indices.contains(index) ? arguments.positional[index] : nil
        } else {
            value = arguments.named.first { $0.name == path[0].string }?.value
        }
        guard var value else { throw .evaluation("the format names \"\(path[0].string)\", which is not given", line: line) }
        for step in path.dropFirst() { value = try attribute(of: value, step.string) }
        guard parts.count > 1, !parts[1].isEmpty else { return try text(of: value) }
        var directive = FormatDirective()
        var specification = parts[1]
        if specification[0] == 0x3C || specification[0] == 0x3E {
            directive.isLeft = specification[0] == 0x3C
            specification = specification.slice(1..<specification.count)
        } else if case .text = value {
            directive.isLeft = true
        }
        let last = specification.units.last.flatMap { Unicode.Scalar($0 & Text.scalarMask) }
        let hasConversion = last.map { $0.properties.isAlphabetic } ?? false
        if !hasConversion { specification.append(value.asInteger != nil ? "d" : value.asDouble != nil ? "g" : "s") }
        let isLeft = directive.isLeft
        guard try parseDirective(specification, at: 0, into: &directive) == specification.count else {
            throw .unsupported("the format specification \"\(parts[1].string)\"", line: line)
        }
        directive.isLeft = isLeft
        return try filled(directive, value)
    }
}
