// The filters over sequences and dictionaries.

extension Evaluator {
    func sequenceFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value? {
        switch name {
        case "default", "d":
            let fallback = arguments.value(0, "default_value") ?? .text("")
            if case .undefined = value { return fallback }
            return (arguments.value(1, "boolean")?.isTrue ?? false) && !value.isTrue ? fallback : value
        case "length", "count": return .integer(try length(of: value))
        case "list": return .list(try items(of: value))
        case "first":
            if case .text(let text) = value { return text.isEmpty ? .undefined("first") : .text(text.slice(0..<1)) }
            return try items(of: value).first ?? .undefined("first")
        case "last":
            if case .text(let text) = value { return text.isEmpty ? .undefined("last") : .text(text.slice(text.count - 1..<text.count)) }
            return try items(of: value).last ?? .undefined("last")
        case "reverse":
            if case .text(let text) = value { return .text(Text(units: text.units.reversed())) }
            return .list(try items(of: value).reversed())
        case "join": return .text(try join(value, arguments))
        case "items":
            if case .undefined = value { return .list([]) }
            guard case .dictionary(let box) = value else { throw .evaluation("items needs a dictionary", line: line) }
            return .list(zip(box.keys, box.values).map { .tuple([$0, $1]) })
        case "dictsort": return try sortDictionary(value, arguments)
        case "attr":
            let name = try textArgument(arguments.value(0, "name"), "the attribute's name").string
            if case .dictionary = value { return .undefined(name) }
            return try attribute(of: value, name)
        case "sum": return try sum(value, arguments)
        case "batch", "slice": return try cut(name, value, arguments)
        default: return nil
        }
    }

    func length(of value: Value) throws(JinjaError) -> Int {
        switch value {
        case .text(let text): return text.count
        case .list(let box): return box.items.count
        case .tuple(let items): return items.count
        case .dictionary(let box): return box.count
        case .undefined: return 0
        default: throw .evaluation("a value of type \(value.typeName) has no length", line: line)
        }
    }

    func join(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> Text {
        let separator = try arguments.value(0, "d").map { (value: Value) throws(JinjaError) in try text(of: value) } ?? Text()
        let read = try reader(arguments.value(1, "attribute"))
        var result = Text()
        for (index, item) in try items(of: value).enumerated() {
            let part = try text(of: try read(item))
            try charge(text: part.count + separator.count)
            if index > 0 { result.append(separator) }
            result.append(part)
            try check(length: result.count)
        }
        return result
    }

    /// What an `attribute="a.b.0"` argument reads of an item; the item itself when there is none.
    private func reader(_ attribute: Value?) throws(JinjaError) -> (Value) throws(JinjaError) -> Value {
        guard let attribute else { return { $0 } }
        if case .none = attribute { return { $0 } }
        if let index = attribute.asInteger { return { (item: Value) throws(JinjaError) in try self.element(of: item, .integer(index)) } }
        let path = try textArgument(attribute, "attribute").split(Text("."), limit: -1)
        return { (item: Value) throws(JinjaError) in
            var value = item
            for step in path { value = try self.element(of: value, Int(step.string).map { .integer($0) } ?? .text(step)) }
            return value
        }
    }

    private func folded(_ value: Value, caseSensitive: Bool) -> Value {
        if !caseSensitive, case .text(let text) = value { return .text(text.lowercased) }
        return value
    }

    private func sortDictionary(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        guard case .dictionary(let box) = value else { throw .evaluation("dictsort needs a dictionary", line: line) }
        let caseSensitive = arguments.value(0, "case_sensitive")?.isTrue ?? false
        let byValue = try arguments.value(1, "by").map { (by: Value) throws(JinjaError) in try textArgument(by, "by").string } == "value"
        let reversed = arguments.value(2, "reverse")?.isTrue ?? false
        let keys = (byValue ? box.values : box.keys).map { folded($0, caseSensitive: caseSensitive) }
        let order = try sorted(Array(0..<box.count)) { (left: Int, right: Int) throws(JinjaError) in
            try reversed ? self.isLess(keys[right], keys[left]) : self.isLess(keys[left], keys[right])
        }
        return .list(order.map { .tuple([box.keys[$0], box.values[$0]]) })
    }

    private func sum(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        let read = try reader(arguments.value(0, "attribute"))
        var total = arguments.value(1, "start") ?? .integer(0)
        for item in try items(of: value) { total = try reckon(.add, total, try read(item)) }
        return total
    }

    private func cut(_ name: String, _ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        let count = try integer(arguments.value(0, name == "batch" ? "linecount" : "slices"), 0, "the number of \(name)es")
        guard count > 0, count <= limits.rangeLength else { throw .evaluation("\(name) needs a positive number", line: line) }
        let fill = arguments.value(1, "fill_with")
        let all = try items(of: value)
        var result: [Value] = []
        if name == "batch" {
            var start = 0
            while start < all.count {
                var part = Array(all[start..<min(start + count, all.count)])
                if let fill, part.count < count {
                    try charge(count)
                    part += Array(repeating: fill, count: count - part.count)
                }
                result.append(.list(part))
                start += count
            }
            return .list(result)
        }
        try charge(count)
        var offset = 0
        for number in 0..<count {
            let size = all.count / count + (number < all.count % count ? 1 : 0)
            var part = Array(all[offset..<offset + size])
            if let fill, number >= all.count % count { part.append(fill) }
            offset += size
            result.append(.list(part))
        }
        return .list(result)
    }

    // MARK: Choosing and ordering

    func selectionFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value? {
        switch name {
        case "select", "reject": return .list(try select(value, arguments, keeps: name == "select", byAttribute: false))
        case "selectattr", "rejectattr": return .list(try select(value, arguments, keeps: name == "selectattr", byAttribute: true))
        case "map": return .list(try map(value, arguments))
        case "sort":
            let read = try reader(arguments.value(2, "attribute"))
            let caseSensitive = arguments.value(1, "case_sensitive")?.isTrue ?? false
            let reversed = arguments.value(0, "reverse")?.isTrue ?? false
            return .list(try order(try items(of: value), read, caseSensitive, reversed))
        case "unique": return .list(try unique(value, arguments))
        case "min", "max":
            let read = try reader(arguments.value(1, "attribute"))
            let caseSensitive = arguments.value(0, "case_sensitive")?.isTrue ?? false
            return try order(try items(of: value), read, caseSensitive, name == "max").first ?? .undefined(name)
        case "groupby": return try group(value, arguments)
        default: return nil
        }
    }

    private func select(_ value: Value, _ arguments: Arguments, keeps: Bool, byAttribute: Bool) throws(JinjaError) -> [Value] {
        var rest = arguments
        var read: (Value) throws(JinjaError) -> Value = { $0 }
        if byAttribute {
            guard !rest.positional.isEmpty else { throw .evaluation("selectattr needs an attribute", line: line) }
            read = try reader(rest.positional.removeFirst())
        }
        let test = rest.positional.isEmpty ? nil : try textArgument(rest.positional.removeFirst(), "the test's name").string
        var kept: [Value] = []
        for item in try items(of: value) {
            let subject = try read(item)
            var holds = subject.isTrue
            if let test { holds = try applyTest(test, to: subject, rest) }
            if holds == keeps { kept.append(item) }
        }
        return kept
    }

    private func map(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> [Value] {
        var mapped: [Value] = []
        if let attribute = arguments.named.first(where: { $0.name == "attribute" })?.value {
            let read = try reader(attribute)
            let fallback = arguments.named.first { $0.name == "default" }?.value
            for item in try items(of: value) {
                var result = try read(item)
                if case .undefined = result, let fallback { result = fallback }
                mapped.append(result)
            }
            return mapped
        }
        var rest = arguments
        guard !rest.positional.isEmpty else { throw .evaluation("map needs a filter's name or an attribute", line: line) }
        let filter = try textArgument(rest.positional.removeFirst(), "the filter's name").string
        for item in try items(of: value) { mapped.append(try applyFilter(filter, to: item, rest)) }
        return mapped
    }

    private func order(
        _ items: [Value], _ read: (Value) throws(JinjaError) -> Value, _ caseSensitive: Bool, _ reversed: Bool
    ) throws(JinjaError) -> [Value] {
        var keyed: [(key: Value, item: Value)] = []
        for item in items { keyed.append((folded(try read(item), caseSensitive: caseSensitive), item)) }
        typealias Keyed = (key: Value, item: Value)
        let ordered = try sorted(keyed) { (left: Keyed, right: Keyed) throws(JinjaError) in
            try reversed ? self.isLess(right.key, left.key) : self.isLess(left.key, right.key)
        }
        return ordered.map(\.item)
    }

    private func unique(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> [Value] {
        let caseSensitive = arguments.value(0, "case_sensitive")?.isTrue ?? false
        let read = try reader(arguments.value(1, "attribute"))
        var seen = Set<Key>()
        var result: [Value] = []
        for item in try items(of: value) where seen.insert(try key(of: folded(try read(item), caseSensitive: caseSensitive))).inserted {
            result.append(item)
        }
        return result
    }

    private func group(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        let read = try reader(arguments.value(0, "attribute"))
        var groups: [(key: Value, items: [Value])] = []
        for item in try order(try items(of: value), read, false, false) {
            let key = try read(item)
            if let last = groups.last, try isEqual(folded(last.key, caseSensitive: false), folded(key, caseSensitive: false)) {
                groups[groups.count - 1].items.append(item)
            } else {
                groups.append((key, [item]))
            }
        }
        return .list(groups.map { .tuple([$0.key, .list($0.items)]) })
    }
}
