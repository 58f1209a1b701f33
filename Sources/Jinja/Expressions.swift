// Evaluates expressions: names, members, slices, calls.

/// The values of a call's arguments.
struct Arguments {
    var positional: [Value] = []
    var named: [(name: String, value: Value)] = []

    /// The argument at `index`, or the one named `name`.
    func value(_ index: Int, _ name: String) -> Value? {
        index < positional.count ? positional[index] : named.first { $0.name == name }?.value
    }
}

extension Evaluator {
    func evaluate(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        try charge(1)
        switch expression {
        case .text(let text): return .text(text)
        case .integer(let value): return .integer(value)
        case .float(let value): return .float(value)
        case .bool(let value): return .bool(value)
        case .none: return .none
        case .name(let name, _): return lookup(name, in: scope)
        case .blockText: return scope.lookup(Evaluator.blockTextName) ?? .undefined("block")
        default:
            try enter()
            defer { leave() }
            return try evaluateCompound(expression, in: scope)
        }
    }

    private func lookup(_ name: String, in scope: Scope) -> Value {
        if let value = scope.lookup(name) { return value }
        return Evaluator.globals.contains(name) ? .function(Function(name: name)) : .undefined(name)
    }

    private func evaluateCompound(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        switch expression {
        case .list(let items): return .list(try evaluate(items, in: scope))
        case .tuple(let items): return .tuple(try evaluate(items, in: scope))
        case .dictionary(let pairs): return try evaluateDictionary(pairs, in: scope)
        case .attribute(let object, let name, let line):
            let value = try evaluate(object, in: scope)
            self.line = line
            return try attribute(of: value, name)
        case .element(let object, let index, let line):
            let value = try evaluate(object, in: scope)
            let key = try evaluate(index, in: scope)
            self.line = line
            return try element(of: value, key)
        case .slice: return try evaluateSlice(expression, in: scope)
        case .call(let callee, let arguments, let line):
            let values = try evaluate(arguments, in: scope)
            self.line = line
            return try call(callee, with: values, in: scope)
        case .filter(let operand, let name, let arguments, let line):
            let value = try evaluate(operand, in: scope)
            let values = try evaluate(arguments, in: scope)
            self.line = line
            return try applyFilter(name, to: value, values)
        case .test(let operand, let name, let arguments, let negated, let line):
            let value = try evaluate(operand, in: scope)
            let values = try evaluate(arguments, in: scope)
            self.line = line
            return .bool(try applyTest(name, to: value, values) != negated)
        default: return try evaluateOperation(expression, in: scope)
        }
    }

    private func evaluateOperation(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        switch expression {
        case .negative(let operand, let line):
            let value = try evaluate(operand, in: scope)
            self.line = line
            return try negate(value)
        case .positive(let operand, let line):
            let value = try evaluate(operand, in: scope)
            self.line = line
            guard value.asDouble != nil else { throw mismatch("+", value) }
            return value.asInteger.map { .integer($0) } ?? value
        case .not(let operand): return .bool(!(try evaluate(operand, in: scope).isTrue))
        case .and(let left, let right):
            let value = try evaluate(left, in: scope)
            return value.isTrue ? try evaluate(right, in: scope) : value
        case .or(let left, let right):
            let value = try evaluate(left, in: scope)
            return value.isTrue ? value : try evaluate(right, in: scope)
        case .arithmetic(let operation, let left, let right, let line):
            let first = try evaluate(left, in: scope)
            let second = try evaluate(right, in: scope)
            self.line = line
            return try reckon(operation, first, second)
        case .concatenation(let items):
            var result = Text()
            for item in items {
                let part = try text(of: try evaluate(item, in: scope))
                try charge(text: result.count + part.count)
                result.append(part)
            }
            return .text(result)
        case .comparison(let first, let rest, let line): return try evaluateComparison(first, rest, line: line, in: scope)
        case .conditional(let condition, let then, let otherwise):
            if try evaluate(condition, in: scope).isTrue { return try evaluate(then, in: scope) }
            guard let otherwise else { return .undefined("the missing else of an inline if") }
            return try evaluate(otherwise, in: scope)
        default: throw .evaluation("an expression that cannot be evaluated", line: line)
        }
    }

    private func evaluate(_ items: [Expression], in scope: Scope) throws(JinjaError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(items.count)
        for item in items { values.append(try evaluate(item, in: scope)) }
        return values
    }

    func evaluate(_ arguments: CallArguments, in scope: Scope) throws(JinjaError) -> Arguments {
        var values = Arguments(positional: try evaluate(arguments.positional, in: scope))
        for (name, expression) in arguments.named { values.named.append((name, try evaluate(expression, in: scope))) }
        if let spread = arguments.spread { values.positional += try items(of: try evaluate(spread, in: scope)) }
        if let spread = arguments.namedSpread {
            guard case .dictionary(let box) = try evaluate(spread, in: scope) else {
                throw .evaluation("the argument after ** is no dictionary", line: line)
            }
            for (key, value) in zip(box.keys, box.values) { values.named.append((try text(of: key).string, value)) }
        }
        return values
    }

    private func evaluateDictionary(_ pairs: [(key: Expression, value: Expression)], in scope: Scope) throws(JinjaError) -> Value {
        let box = DictionaryBox()
        for (keyExpression, valueExpression) in pairs {
            let keyValue = try evaluate(keyExpression, in: scope)
            box.set(try evaluate(valueExpression, in: scope), for: keyValue, key: try key(of: keyValue))
        }
        return .dictionary(box)
    }

    func key(of value: Value) throws(JinjaError) -> Key {
        guard let key = value.key else { throw .evaluation("a value of type \(value.typeName) cannot be a key", line: line) }
        return key
    }

    private func evaluateComparison(
        _ first: Expression, _ rest: [(Comparison, Expression)], line: Int, in scope: Scope
    ) throws(JinjaError) -> Value {
        var left = try evaluate(first, in: scope)
        for (comparison, expression) in rest {
            let right = try evaluate(expression, in: scope)
            self.line = line
            guard try compare(comparison, left, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    // MARK: Members

    func attribute(of value: Value, _ name: String) throws(JinjaError) -> Value {
        switch value {
        case .undefined(let what): throw .evaluation("\"\(what)\" is undefined", line: line)
        case .dictionary(let box):
            if Evaluator.dictionaryMethods.contains(name) { return .function(Function(name: name, receiver: value)) }
            return box.value(named: name) ?? .undefined(name)
        case .namespace(let box): return box.value(named: name) ?? .undefined(name)
        case .text: return Evaluator.textMethods.contains(name) ? .function(Function(name: name, receiver: value)) : .undefined(name)
        case .list: return Evaluator.listMethods.contains(name) ? .function(Function(name: name, receiver: value)) : .undefined(name)
        case .tuple: return ["index", "count"].contains(name) ? .function(Function(name: name, receiver: value)) : .undefined(name)
        case .loop(let loop): return loopAttribute(loop, name)
        case .cycler(let cycler):
            switch name {
            case "next", "reset": return .function(Function(name: name, receiver: value))
            case "current": return cycler.items.isEmpty ? .undefined(name) : cycler.items[cycler.position]
            default: return .undefined(name)
            }
        case .macro(let macro):
            switch name {
            case "name": return .text(macro.definition.name)
            case "arguments": return .tuple(macro.definition.parameters.map { .text($0.name) })
            default: return .undefined(name)
            }
        default: return .undefined(name)
        }
    }

    func element(of value: Value, _ key: Value) throws(JinjaError) -> Value {
        switch (value, key) {
        case (.undefined(let what), _): throw .evaluation("\"\(what)\" is undefined", line: line)
        case (.dictionary(let box), _):
            if let key = key.key, let found = box.value(for: key) { return found }
        case (.list(let box), _):
            if let index = key.asInteger { return element(box.items, index) }
        case (.tuple(let items), _):
            if let index = key.asInteger { return element(items, index) }
        case (.text(let text), _):
            if let index = key.asInteger {
                let place = index < 0 ? text.count + index : index
                return (0..<text.count).contains(place) ? .text(text.slice(place..<place + 1)) : .undefined("index \(index)")
            }
        default: break
        }
        guard case .text(let name) = key else { return .undefined(try text(of: key).string) }
        return try attribute(of: value, name.string)
    }

    private func element(_ items: [Value], _ index: Int) -> Value {
        let place = index < 0 ? items.count + index : index
        return items.indices.contains(place) ? items[place] : .undefined("index \(index)")
    }

    private func evaluateSlice(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        guard case .slice(let object, let start, let end, let step, let line) = expression else { return .none }
        let value = try evaluate(object, in: scope)
        func bound(_ expression: Expression?) throws(JinjaError) -> Int? {
            guard let expression else { return nil }
            let value = try evaluate(expression, in: scope)
            if case .none = value { return nil }
            guard let index = value.asInteger else { throw .evaluation("a slice's bound is no integer", line: line) }
            return index
        }
        let (first, last, stride) = (try bound(start), try bound(end), try bound(step) ?? 1)
        self.line = line
        guard stride != 0 else { throw .evaluation("a slice's step is zero", line: line) }
        switch value {
        case .text(let text):
            try charge(text: text.count)
            return .text(Text(units: indices(first, last, stride, count: text.count).map { text.units[$0] }))
        case .list(let box):
            try charge(box.items.count)
            return .list(indices(first, last, stride, count: box.items.count).map { box.items[$0] })
        case .tuple(let items):
            try charge(items.count)
            return .tuple(indices(first, last, stride, count: items.count).map { items[$0] })
        case .undefined(let what): throw .evaluation("\"\(what)\" is undefined", line: line)
        default: return .undefined("slice of \(value.typeName)")
        }
    }

    /// Python's `slice.indices`.
    private func indices(_ first: Int?, _ last: Int?, _ step: Int, count: Int) -> [Int] {
        func clamp(_ bound: Int?, _ fallback: Int) -> Int {
            guard let bound else { return fallback }
            let place = bound < 0 ? max(bound, -count - 1) + count : bound
            return step > 0 ? min(max(place, 0), count) : min(max(place, -1), count - 1)
        }
        let start = clamp(first, step > 0 ? 0 : count - 1)
        let end = clamp(last, step > 0 ? count : -1)
        let step = max(-count - 1, min(count + 1, step))
        return Array(stride(from: start, to: end, by: step))
    }

    /// The elements that a loop over `value` visits.
    func items(of value: Value) throws(JinjaError) -> [Value] {
        switch value {
        case .list(let box):
            try charge(box.items.count)
            return box.items
        case .tuple(let items): return items
        case .dictionary(let box):
            try charge(box.count)
            return box.keys
        case .text(let text):
            try charge(text.count)
            return text.units.map { .text(Text(units: [$0])) }
        case .undefined: return []
        default: throw .evaluation("a value of type \(value.typeName) cannot be iterated", line: line)
        }
    }

    // MARK: Calls

    func call(_ callee: Expression, with arguments: Arguments, in scope: Scope) throws(JinjaError) -> Value {
        let function = try evaluate(callee, in: scope)
        if case .undefined(let name) = function { throw .evaluation("\"\(name)\" is undefined and cannot be called", line: line) }
        return try call(function, with: arguments)
    }

    func call(_ function: Value, with arguments: Arguments) throws(JinjaError) -> Value {
        try charge(1)
        switch function {
        case .macro(let macro): return try call(macro, with: arguments)
        case .function(let function):
            guard let receiver = function.receiver else { return try callGlobal(function.name, arguments) }
            return try callMethod(function.name, of: receiver, arguments)
        case .loop(let loop):
            guard loop.statement.isRecursive, let sequence = arguments.positional.first else {
                throw .evaluation("the loop is not recursive", line: line)
            }
            try enter()
            defer { leave() }
            var output = Text()
            try runLoop(loop.statement, over: sequence, depth: loop.depth + 1, in: loop.scope, to: &output)
            return .text(output)
        case .cycler(let cycler) where cycler.isJoiner:
            defer { cycler.position = 1 }
            return cycler.position == 0 ? .text("") : cycler.items.first ?? .text(", ")
        default: throw .evaluation("a value of type \(function.typeName) cannot be called", line: line)
        }
    }
}
