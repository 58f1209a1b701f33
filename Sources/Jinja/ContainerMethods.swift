// The methods of lists and dictionaries. Some templates change their lists as they go; the values are copies, so nobody else sees it.

extension Evaluator {
    func listMethod(_ name: String, _ box: ListBox, _ arguments: Arguments) throws(JinjaError) -> Value? {
        let first = arguments.positional.first
        switch name {
        case "append", "extend", "insert", "pop", "remove", "reverse", "clear":
            noteChange(box)
            return try changeList(name, box, arguments)
        case "copy":
            try charge(box.items.count)
            return .list(box.items)
        case "index", "count":
            guard let wanted = first else { return nil }
            var count = 0
            for (index, item) in box.items.enumerated() where try isEqual(item, wanted) {
                if name == "index" { return .integer(index) }
                count += 1
            }
            if name == "index" { throw .evaluation("the value is not in the list", line: line) }
            return .integer(count)
        default: return nil
        }
    }

    private func changeList(_ name: String, _ box: ListBox, _ arguments: Arguments) throws(JinjaError) -> Value? {
        let first = arguments.positional.first
        switch name {
        case "append":
            guard let first else { return nil }
            try checkNesting(first)
            box.items.append(first)
        case "extend":
            guard let first else { return nil }
            try checkNesting(first)
            let more = try items(of: first)
            try charge(more.count)
            box.items += more
        case "insert":
            guard arguments.positional.count == 2 else { return nil }
            try charge(box.items.count)
            try checkNesting(arguments.positional[1])
            let index = try integer(first, 0, "the index")
            let place = index < 0 ? max(0, box.items.count + index) : min(index, box.items.count)
            box.items.insert(arguments.positional[1], at: place)
        case "pop":
            try charge(box.items.count)
            let index = try integer(first, -1, "the index")
            let place = index < 0 ? box.items.count + index : index
            guard box.items.indices.contains(place) else { throw .evaluation("pop index out of range", line: line) }
            return box.items.remove(at: place)
        case "remove":
            guard let first else { return nil }
            for (index, item) in box.items.enumerated() where try isEqual(item, first) {
                box.items.remove(at: index)
                return Value.none
            }
            throw .evaluation("the value is not in the list", line: line)
        case "reverse": box.items.reverse()
        default: box.items = []
        }
        return Value.none
    }

    func dictionaryMethod(_ name: String, _ box: DictionaryBox, _ arguments: Arguments) throws(JinjaError) -> Value? {
        try charge(name == "get" ? 1 : 1 + box.count)
        switch name {
        case "items": return .list(zip(box.keys, box.values).map { .tuple([$0, $1]) })
        case "keys": return .list(box.keys)
        case "values": return .list(box.values)
        case "copy": return .dictionary(box.copy())
        case "get":
            guard let key = arguments.positional.first else { return nil }
            return box.value(for: try self.key(of: key)) ?? arguments.value(1, "default") ?? Value.none
        case "setdefault":
            guard let keyValue = arguments.positional.first else { return nil }
            let key = try self.key(of: keyValue)
            if let found = box.value(for: key) { return found }
            let value = arguments.value(1, "default") ?? Value.none
            try checkNesting(value)
            noteChange(box)
            box.set(value, for: keyValue, key: key)
            return value
        case "pop":
            guard let key = arguments.positional.first else { return nil }
            noteChange(box)
            guard let removed = box.remove(try self.key(of: key)) ?? arguments.value(1, "default") else {
                throw .evaluation("pop: no such key", line: line)
            }
            return removed
        case "popitem":
            guard let keyValue = box.keys.last, let value = box.remove(try key(of: keyValue)) else {
                throw .evaluation("popitem: the dictionary is empty", line: line)
            }
            return .tuple([keyValue, value])
        case "clear":
            box.removeAll()
            return Value.none
        case "update":
            noteChange(box)
            if let other = arguments.positional.first {
                guard case .dictionary(let other) = other else { throw .evaluation("update needs a dictionary", line: line) }
                try charge(other.count)
                try checkNesting(.dictionary(other))
                for (key, value) in zip(other.keys, other.values) { box.set(value, for: key, key: try self.key(of: key)) }
            }
            for (_, value) in arguments.named { try checkNesting(value) }
            for (name, value) in arguments.named { box.set(value, named: name) }
            return Value.none
        default: return nil
        }
    }
}
