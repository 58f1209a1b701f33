// Arithmetic, comparison and order, with Python's meanings.
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension Evaluator {
    func mismatch(_ operation: String, _ values: Value...) -> JinjaError {
        for value in values {
            if case .undefined(let name) = value { return .evaluation("\"\(name)\" is undefined", line: line) }
        }
        let types = values.map(\.typeName).joined(separator: " and ")
        return .evaluation("the operator \(operation) does not take \(types)", line: line)
    }

    private var overflow: JinjaError { .limit("an integer beyond 64 bits", line: line) }

    private func checked(_ result: (partialValue: Int, overflow: Bool)) throws(JinjaError) -> Value {
        guard !result.overflow else { throw overflow }
        return .integer(result.partialValue)
    }

    func negate(_ value: Value) throws(JinjaError) -> Value {
        if let integer = value.asInteger { return try checked((0).subtractingReportingOverflow(integer)) }
        if case .float(let number) = value { return .float(-number) }
        throw mismatch("-", value)
    }

    func reckon(_ operation: Arithmetic, _ left: Value, _ right: Value) throws(JinjaError) -> Value {
        switch operation {
        case .add: return try add(left, right)
        case .multiply: return try multiply(left, right)
        case .subtract:
            if let a = left.asInteger, let b = right.asInteger { return try checked(a.subtractingReportingOverflow(b)) }
            guard let a = left.asDouble, let b = right.asDouble else { throw mismatch("-", left, right) }
            return .float(a - b)
        case .divide:
            guard let a = left.asDouble, let b = right.asDouble else { throw mismatch("/", left, right) }
            guard b != 0 else { throw .evaluation("division by zero", line: line) }
            return .float(a / b)
        case .floorDivide, .remainder:
            if operation == .remainder, case .text(let format) = left { return .text(try self.format(format, with: right)) }
            return try divide(operation, left, right)
        case .power: return try power(left, right)
        }
    }

    private func add(_ left: Value, _ right: Value) throws(JinjaError) -> Value {
        if let a = left.asInteger, let b = right.asInteger { return try checked(a.addingReportingOverflow(b)) }
        if let a = left.asDouble, let b = right.asDouble { return .float(a + b) }
        switch (left, right) {
        case (.text(let a), .text(let b)):
            try charge(text: a.count + b.count)
            return .text(a + b)
        case (.list(let a), .list(let b)):
            try charge(a.items.count + b.items.count)
            return .list(a.items + b.items)
        case (.tuple(let a), .tuple(let b)):
            try charge(a.count + b.count)
            return .tuple(a + b)
        default: throw mismatch("+", left, right)
        }
    }

    private func multiply(_ left: Value, _ right: Value) throws(JinjaError) -> Value {
        if let a = left.asInteger, let b = right.asInteger { return try checked(a.multipliedReportingOverflow(by: b)) }
        if let a = left.asDouble, let b = right.asDouble { return .float(a * b) }
        let (sequence, count) = left.asInteger == nil ? (left, right.asInteger) : (right, left.asInteger)
        guard let count else { throw mismatch("*", left, right) }
        func total(_ length: Int) throws(JinjaError) -> Int {
            let (total, overflowed) = max(0, count).multipliedReportingOverflow(by: length)
            guard !overflowed else { throw .limit("a sequence multiplied by \(count)", line: line) }
            return total
        }
        switch sequence {
        case .text(let text):
            let length = try total(text.count)
            try charge(text: length)
            return .text(Text(units: length == 0 ? [] : Array(repeatElement(text.units, count: count).joined())))
        case .list(let box):
            let length = try total(box.items.count)
            try charge(length)
            return .list(length == 0 ? [] : Array(repeatElement(box.items, count: count).joined()))
        default: throw mismatch("*", left, right)
        }
    }

    private func divide(_ operation: Arithmetic, _ left: Value, _ right: Value) throws(JinjaError) -> Value {
        let sign = operation == .remainder ? "%" : "//"
        guard let x = left.asDouble, let y = right.asDouble else { throw mismatch(sign, left, right) }
        guard y != 0 else { throw .evaluation("division by zero", line: line) }
        if let a = left.asInteger, let b = right.asInteger {
            let (quotient, overflowed) = a.dividedReportingOverflow(by: b)
            guard !overflowed else { throw overflow }
            let remainder = a % b
            let isShort = remainder != 0 && (remainder < 0) != (b < 0)
            return .integer(operation == .remainder ? (isShort ? remainder + b : remainder) : (isShort ? quotient - 1 : quotient))
        }
        let floored = (x / y).rounded(.down)
        if operation == .floorDivide { return .float(floored) }
        let remainder = x.truncatingRemainder(dividingBy: y)
        return .float(remainder != 0 && (remainder < 0) != (y < 0) ? remainder + y : remainder)
    }

    private func power(_ left: Value, _ right: Value) throws(JinjaError) -> Value {
        if let base = left.asInteger, let exponent = right.asInteger, exponent >= 0 {
            var result = 1
            var factor = base
            var rest = exponent
            while rest > 0 {
                if rest & 1 == 1 {
                    let (product, overflowed) = result.multipliedReportingOverflow(by: factor)
                    guard !overflowed else { throw overflow }
                    result = product
                }
                rest >>= 1
                if rest > 0 {
                    let (square, overflowed) = factor.multipliedReportingOverflow(by: factor)
                    guard !overflowed else { throw overflow }
                    factor = square
                }
            }
            return .integer(result)
        }
        guard let base = left.asDouble, let exponent = right.asDouble else { throw mismatch("**", left, right) }
        let result = pow(base, exponent)
        guard !result.isNaN, result.isFinite || !base.isFinite else { throw .evaluation("a power out of range", line: line) }
        return .float(result)
    }

    // MARK: Equality and order

    func isEqual(_ left: Value, _ right: Value, depth: Int = 0) throws(JinjaError) -> Bool {
        guard depth < limits.depth else { throw .limit("a value nested deeper than \(limits.depth)", line: line) }
        try charge(1)
        if let a = left.asInteger, let b = right.asInteger { return a == b }
        if let a = left.asDouble, let b = right.asDouble { return a == b }
        switch (left, right) {
        case (.none, .none), (.undefined, .undefined): return true
        case (.text(let a), .text(let b)): return a == b
        case (.list(let a), .list(let b)): return a === b ? true : try isEqual(a.items, b.items, depth: depth)
        case (.tuple(let a), .tuple(let b)): return try isEqual(a, b, depth: depth)
        case (.dictionary(let a), .dictionary(let b)):
            if a === b { return true }
            guard a.count == b.count else { return false }
            for (keyValue, value) in zip(a.keys, a.values) {
                guard let other = b.value(for: try key(of: keyValue)), try isEqual(value, other, depth: depth + 1) else { return false }
            }
            return true
        case (.namespace(let a), .namespace(let b)): return a === b
        case (.function(let a), .function(let b)): return a === b
        case (.macro(let a), .macro(let b)): return a === b
        case (.loop(let a), .loop(let b)): return a === b
        default: return false
        }
    }

    private func isEqual(_ left: [Value], _ right: [Value], depth: Int) throws(JinjaError) -> Bool {
        guard left.count == right.count else { return false }
        for (a, b) in zip(left, right) where !(try isEqual(a, b, depth: depth + 1)) { return false }
        return true
    }

    func isLess(_ left: Value, _ right: Value, depth: Int = 0) throws(JinjaError) -> Bool {
        guard depth < limits.depth else { throw .limit("a value nested deeper than \(limits.depth)", line: line) }
        try charge(1)
        if let a = left.asInteger, let b = right.asInteger { return a < b }
        if let a = left.asDouble, let b = right.asDouble { return a < b }
        switch (left, right) {
        case (.text(let a), .text(let b)): return a < b
        case (.list(let a), .list(let b)): return try isLess(a.items, b.items, depth: depth)
        case (.tuple(let a), .tuple(let b)): return try isLess(a, b, depth: depth)
        default: throw mismatch("<", left, right)
        }
    }

    private func isLess(_ left: [Value], _ right: [Value], depth: Int) throws(JinjaError) -> Bool {
        for (a, b) in zip(left, right) where !(try isEqual(a, b, depth: depth + 1)) { return try isLess(a, b, depth: depth + 1) }
        return left.count < right.count
    }

    func compare(_ comparison: Comparison, _ left: Value, _ right: Value) throws(JinjaError) -> Bool {
        switch comparison {
        case .equal: return try isEqual(left, right)
        case .notEqual: return !(try isEqual(left, right))
        case .less: return try isLess(left, right)
        case .greater: return try isLess(right, left)
        case .lessOrEqual:
            if try isLess(left, right) { return true }
            return try isEqual(left, right)
        case .greaterOrEqual:
            if try isLess(right, left) { return true }
            return try isEqual(left, right)
        case .contained: return try contains(right, left)
        case .notContained: return !(try contains(right, left))
        }
    }

    func contains(_ container: Value, _ item: Value) throws(JinjaError) -> Bool {
        switch container {
        case .text(let text):
            guard case .text(let part) = item else { throw mismatch("in", item, container) }
            try charge(searching: text, for: part)
            return text.firstIndex(of: part) != nil
        case .dictionary(let box): return box.value(for: try key(of: item)) != nil
        default:
            for other in try items(of: container) where try isEqual(other, item) { return true }
            return false
        }
    }

    /// A stable sort.
    func sorted<Element>(
        _ items: [Element], by isLess: (Element, Element) throws(JinjaError) -> Bool
    ) throws(JinjaError) -> [Element] {
        guard items.count > 1 else { return items }
        try charge(items.count)
        let middle = items.count / 2
        let left = try sorted(Array(items[..<middle]), by: isLess)
        let right = try sorted(Array(items[middle...]), by: isLess)
        var merged: [Element] = []
        merged.reserveCapacity(items.count)
        var (i, j) = (0, 0)
        while i < left.count, j < right.count {
            if try isLess(right[j], left[i]) {
                merged.append(right[j])
                j += 1
            } else {
                merged.append(left[i])
                i += 1
            }
        }
        merged += left[i...]
        merged += right[j...]
        return merged
    }
}
