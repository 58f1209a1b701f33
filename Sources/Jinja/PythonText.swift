// How Python writes values: str(), repr(), json.dumps() and number formats.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Python's `repr` of a float: the shortest digits that read back the same, exponents from 1e16 and below 1e-4.
func pythonText(of value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    // Swift prints the same shortest digits in another layout; take them apart and lay them out anew.
    var digits: [UInt8] = []
    var exponent = 0
    var fraction = 0
    var seenPoint = false
    let parts = value.magnitude.description.utf8.split(separator: 0x65)
    for byte in parts[0] {
        if byte == 0x2E {
            seenPoint = true
        } else {
            digits.append(byte)
            if seenPoint { fraction += 1 }
        }
    }
    if parts.count > 1 { exponent = Int(String(decoding: parts[1], as: UTF8.self).drop { $0 == "+" }) ?? 0 }
    while digits.count > 1, digits.first == 0x30 { digits.removeFirst() }
    var point = digits.count - fraction + exponent
    while digits.count > 1, digits.last == 0x30 { digits.removeLast() }
    if digits.first == 0x30 { point = 1 }
    let text = String(decoding: digits, as: UTF8.self)
    let sign = value < 0 ? "-" : ""
    if point > 16 || point < -3 {
        let power = point - 1
        let mantissa = text.count > 1 ? "\(text.prefix(1)).\(text.dropFirst())" : text
        return "\(sign)\(mantissa)e\(power < 0 ? "-" : "+")\(abs(power) < 10 ? "0" : "")\(abs(power))"
    }
    if point <= 0 { return "\(sign)0.\(String(repeating: "0", count: -point))\(text)" }
    if digits.count <= point { return "\(sign)\(text)\(String(repeating: "0", count: point - digits.count)).0" }
    return "\(sign)\(text.prefix(point)).\(text.dropFirst(point))"
}

/// `%.{precision}f` of C, which rounds the exact value as Python does.
func fixedText(of value: Double, precision: Int) -> String {
    formatted(value, "%.*f", precision)
}

/// `%.{precision}e` or `%.{precision}g` of C.
func formatted(_ value: Double, _ format: String, _ precision: Int) -> String {
    var buffer = [CChar](repeating: 0, count: 400 + precision)
    let written = unsafe withVaList([Int32(precision), value]) { arguments in
        unsafe vsnprintf(&buffer, buffer.count, format, arguments)
    }
    return String(decoding: buffer.prefix(max(0, Int(written))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

extension Evaluator {
    /// Python's `str(value)`, as `{{ }}` prints it.
    func text(of value: Value) throws(JinjaError) -> Text {
        switch value {
        case .text(let text): return text
        case .undefined: return Text()
        default:
            var result = Text()
            try writeRepresentation(of: value, to: &result, depth: 0)
            return result
        }
    }

    /// Python's `repr(value)`.
    func writeRepresentation(of value: Value, to result: inout Text, depth: Int) throws(JinjaError) {
        guard depth < limits.depth else { throw .limit("a value nested deeper than \(limits.depth)", line: line) }
        try charge(1)
        switch value {
        case .undefined: result.append("Undefined")
        case .none: result.append("None")
        case .bool(let flag): result.append(flag ? "True" : "False")
        case .integer(let number): result.append(String(number))
        case .bigInteger(let digits): result.append(digits)
        case .float(let number): result.append(pythonText(of: number))
        case .text(let text):
            try charge(text: text.count)
            writeQuoted(text, to: &result)
        case .list(let box):
            result.append("[")
            try writeItems(box.items, to: &result, depth: depth)
            result.append("]")
        case .tuple(let items):
            result.append("(")
            try writeItems(items, to: &result, depth: depth)
            result.append(items.count == 1 ? ",)" : ")")
        case .dictionary(let box):
            result.append("{")
            for index in 0..<box.count {
                if index > 0 { result.append(", ") }
                try writeRepresentation(of: box.keys[index], to: &result, depth: depth + 1)
                result.append(": ")
                try writeRepresentation(of: box.values[index], to: &result, depth: depth + 1)
            }
            result.append("}")
        case .namespace, .function, .macro, .loop, .cycler: result.append("<\(value.typeName)>")
        }
        try check(length: result.count)
    }

    private func writeItems(_ items: [Value], to result: inout Text, depth: Int) throws(JinjaError) {
        for (index, item) in items.enumerated() {
            if index > 0 { result.append(", ") }
            try writeRepresentation(of: item, to: &result, depth: depth + 1)
        }
    }

    private func writeQuoted(_ text: Text, to result: inout Text) {
        let scalars = text.units.map { $0 & Text.scalarMask }
        let quote: UInt32 = scalars.contains(0x27) && !scalars.contains(0x22) ? 0x22 : 0x27
        result.units.append(quote)
        for (index, scalar) in scalars.enumerated() {
            let origin = text.units[index] & Text.variableBit
            switch scalar {
            case quote, 0x5C: result.units += [0x5C, scalar | origin]
            case 0x0A: result.append("\\n")
            case 0x0D: result.append("\\r")
            case 0x09: result.append("\\t")
            default:
                if isPrintable(scalar) {
                    result.units.append(scalar | origin)
                } else if scalar <= 0xFF {
                    result.append("\\x" + hexadecimal(scalar, digits: 2))
                } else if scalar <= 0xFFFF {
                    result.append("\\u" + hexadecimal(scalar, digits: 4))
                } else {
                    result.append("\\U" + hexadecimal(scalar, digits: 8))
                }
            }
        }
        result.units.append(quote)
    }

    private func isPrintable(_ scalar: UInt32) -> Bool {
        if scalar < 0x7F { return scalar >= 0x20 }
        guard let scalar = Unicode.Scalar(scalar) else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator: return false
        default: return true
        }
    }

    private func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

/// How `tojson` writes.
struct JSONLayout {
    var itemSeparator = Text(", ")
    var keySeparator = Text(": ")
    var indent: Text?
    var escapesNonASCII = false
    var sortsKeys = false
}

extension Evaluator {
    /// Python's `json.dumps`.
    func writeJSON(_ value: Value, layout: JSONLayout, to result: inout Text, depth: Int = 0) throws(JinjaError) {
        guard depth < limits.depth else { throw .limit("a value nested deeper than \(limits.depth)", line: line) }
        try charge(1)
        switch value {
        case .none: result.append("null")
        case .bool(let flag): result.append(flag ? "true" : "false")
        case .integer(let number): result.append(String(number))
        case .bigInteger(let digits): result.append(digits)
        case .float(let number):
            result.append(number.isNaN ? "NaN" : number.isInfinite ? (number < 0 ? "-Infinity" : "Infinity") : pythonText(of: number))
        case .text(let text): try writeJSONText(text, layout: layout, to: &result)
        case .list(let box): try writeJSONItems(box.items, layout: layout, to: &result, depth: depth)
        case .tuple(let items): try writeJSONItems(items, layout: layout, to: &result, depth: depth)
        case .dictionary(let box): try writeJSONObject(box, layout: layout, to: &result, depth: depth)
        case .undefined, .namespace, .function, .macro, .loop, .cycler:
            throw .evaluation("a value of type \(value.typeName) has no JSON form", line: line)
        }
        try check(length: result.count)
    }

    private func writeBreak(_ layout: JSONLayout, to result: inout Text, depth: Int) throws(JinjaError) {
        guard let indent = layout.indent else { return }
        // Before it is written: a wide indentation many levels deep is more than memory holds.
        let (width, overflowed) = indent.count.multipliedReportingOverflow(by: depth)
        try check(length: overflowed ? .max : width)
        result.append("\n")
        for _ in 0..<depth { result.append(indent) }
    }

    private func writeJSONItems(_ items: [Value], layout: JSONLayout, to result: inout Text, depth: Int) throws(JinjaError) {
        result.append("[")
        for (index, item) in items.enumerated() {
            if index > 0 { result.append(layout.itemSeparator) }
            try writeBreak(layout, to: &result, depth: depth + 1)
            try writeJSON(item, layout: layout, to: &result, depth: depth + 1)
        }
        if !items.isEmpty { try writeBreak(layout, to: &result, depth: depth) }
        result.append("]")
    }

    private func writeJSONObject(_ box: DictionaryBox, layout: JSONLayout, to result: inout Text, depth: Int) throws(JinjaError) {
        var order = Array(0..<box.count)
        if layout.sortsKeys {
            order = try sorted(order) { (left: Int, right: Int) throws(JinjaError) in
                try self.isLess(box.keys[left], box.keys[right])
            }
        }
        result.append("{")
        for (position, index) in order.enumerated() {
            if position > 0 { result.append(layout.itemSeparator) }
            try writeBreak(layout, to: &result, depth: depth + 1)
            switch box.keys[index] {
            case .text(let text): try writeJSONText(text, layout: layout, to: &result)
            case .tuple: throw .evaluation("a tuple cannot be a key in JSON", line: line)
            case let key:
                result.append("\"")
                try writeJSON(key, layout: layout, to: &result, depth: depth + 1)
                result.append("\"")
            }
            result.append(layout.keySeparator)
            try writeJSON(box.values[index], layout: layout, to: &result, depth: depth + 1)
        }
        if box.count > 0 { try writeBreak(layout, to: &result, depth: depth) }
        result.append("}")
    }

    private func writeJSONText(_ text: Text, layout: JSONLayout, to result: inout Text) throws(JinjaError) {
        try charge(text: text.count)
        result.append("\"")
        for unit in text.units {
            let scalar = unit & Text.scalarMask
            switch scalar {
            case 0x22, 0x5C: result.units += [0x5C, unit]
            case 0x08: result.append("\\b")
            case 0x09: result.append("\\t")
            case 0x0A: result.append("\\n")
            case 0x0C: result.append("\\f")
            case 0x0D: result.append("\\r")
            case 0..<0x20: result.append("\\u" + hexadecimal(scalar, digits: 4))
            case 0x7F... where layout.escapesNonASCII && scalar > 0x7F:
                for half in String(Unicode.Scalar(scalar) ?? "\u{fffd}").utf16 {
                    result.append("\\u" + hexadecimal(UInt32(half), digits: 4))
                }
            default: result.units.append(unit)
            }
        }
        result.append("\"")
    }
}
