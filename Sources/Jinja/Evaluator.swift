// Walks the tree: statements. Expressions, operators, filters and methods are in the files beside this one.

/// The state of one rendering.
final class Evaluator {
    let limits: JinjaLimits
    let now: CalendarTime
    let root = Scope(parent: nil)
    /// The line of the statement or expression in hand, for messages.
    var line = 1
    private var steps = 0
    private var depth = 0
    /// Everything that can close a cycle of references, so that it can be opened again at the end.
    private var scopes: [Scope] = []
    private var lists: [ListBox] = []
    private var dictionaries: [DictionaryBox] = []

    enum Flow { case next, leaveLoop, nextRound }

    init(limits: JinjaLimits, now: CalendarTime) {
        self.limits = limits
        self.now = now
    }

    func render(_ statements: [Statement]) throws(JinjaError) -> Text {
        var output = Text()
        _ = try run(statements, in: root, to: &output)
        return output
    }

    /// Opens the cycles that macros and changed containers may have closed.
    func releaseCycles() {
        root.variables = [:]
        for scope in scopes { scope.variables = [:] }
        for list in lists { list.items = [] }
        for dictionary in dictionaries { dictionary.removeAll() }
    }

    func noteChange(_ list: ListBox) { lists.append(list) }
    func noteChange(_ dictionary: DictionaryBox) { dictionaries.append(dictionary) }

    // MARK: Limits

    func charge(_ count: Int) throws(JinjaError) {
        steps += count
        guard steps <= limits.steps else { throw .limit("more than \(limits.steps) steps", line: line) }
    }

    /// Before `count` code points are copied.
    func charge(text count: Int) throws(JinjaError) {
        try check(length: count)
        try charge(1 + count / 4)
    }

    /// Before `text` is searched for `part`: the plain search takes their product in the worst case.
    func charge(searching text: Text, for part: Text) throws(JinjaError) {
        try charge(1 + text.count / 4 + text.count * part.count / 64)
    }

    func check(length: Int) throws(JinjaError) {
        guard length <= limits.textLength else { throw .limit("a text longer than \(limits.textLength)", line: line) }
    }

    /// Before a value is kept beyond its expression: what nests without end is released by recursion, which the stack does not hold.
    func checkNesting(_ value: Value, depth: Int = 0) throws(JinjaError) {
        guard depth < limits.depth else { throw .limit("a value nested deeper than \(limits.depth)", line: line) }
        let inner: [Value]
        switch value {
        case .list(let box): inner = box.items
        case .tuple(let items): inner = items
        case .dictionary(let box), .namespace(let box): inner = box.keys + box.values
        case .cycler(let cycler): inner = cycler.items
        case .loop(let loop): inner = loop.items
        case .function(let function): inner = function.receiver.map { [$0] } ?? []
        default: return
        }
        try charge(1 + inner.count / 4)
        for item in inner { try checkNesting(item, depth: depth + 1) }
    }

    func enter() throws(JinjaError) {
        depth += 1
        guard depth <= limits.depth else { throw .limit("nested deeper than \(limits.depth)", line: line) }
    }

    func leave() { depth -= 1 }

    private func append(_ text: Text, to output: inout Text) throws(JinjaError) {
        try charge(text: text.count)
        output.append(text)
        try check(length: output.count)
    }

    // MARK: Statements

    func run(_ statements: [Statement], in scope: Scope, to output: inout Text) throws(JinjaError) -> Flow {
        try enter()
        defer { leave() }
        for statement in statements {
            let flow = try run(statement, in: scope, to: &output)
            if flow != .next { return flow }
        }
        return .next
    }

    private func run(_ statement: Statement, in scope: Scope, to output: inout Text) throws(JinjaError) -> Flow {
        try charge(1)
        switch statement {
        case .data(let text): try append(text, to: &output)
        case .output(let expression, let line):
            self.line = line
            try append(try text(of: try evaluate(expression, in: scope)), to: &output)
        case .conditional(let branches, let otherwise):
            for (condition, body) in branches where try evaluate(condition, in: scope).isTrue {
                return try run(body, in: scope, to: &output)
            }
            return try run(otherwise, in: scope, to: &output)
        case .loop(let loop):
            line = loop.line
            try runLoop(loop, over: nil, depth: 1, in: scope, to: &output)
        case .breakLoop: return .leaveLoop
        case .continueLoop: return .nextRound
        case .scoped(let body): return try run(body, in: Scope(parent: scope), to: &output)
        default: try runDefinition(statement, in: scope, to: &output)
        }
        return .next
    }

    private func runDefinition(_ statement: Statement, in scope: Scope, to output: inout Text) throws(JinjaError) {
        switch statement {
        case .assignment(let target, let expression, let line):
            self.line = line
            try assign(try evaluate(expression, in: scope), to: target, in: scope)
        case .blockAssignment(let target, let filter, let body, let line):
            let text = try capture(body, in: Scope(parent: scope))
            self.line = line
            var value = Value.text(text)
            if let filter { value = try evaluate(filter, in: blockScope(text, parent: scope)) }
            try assign(value, to: target, in: scope)
        case .macro(let definition):
            scopes.append(scope)
            scope.variables[definition.name] = .macro(Macro(definition: definition, scope: scope))
        case .callBlock(let call, let caller, let line):
            self.line = line
            guard case .call(let callee, let arguments, _) = call else { return }
            var values = try evaluate(arguments, in: scope)
            values.named.append(("caller", .macro(Macro(definition: caller, scope: scope))))
            scopes.append(scope)
            try append(try text(of: try self.call(callee, with: values, in: scope)), to: &output)
        case .filterBlock(let filter, let body, let line):
            let text = try capture(body, in: Scope(parent: scope))
            self.line = line
            try append(try self.text(of: try evaluate(filter, in: blockScope(text, parent: scope))), to: &output)
        case .with(let assignments, let body, let line):
            self.line = line
            let inner = Scope(parent: scope)
            for (target, expression) in assignments { try assign(try evaluate(expression, in: scope), to: target, in: inner) }
            _ = try run(body, in: inner, to: &output)
        default: break
        }
    }

    /// The name under which a block's text stands while its filter runs; no template can write it.
    static let blockTextName = "\u{0}block"

    private func blockScope(_ text: Text, parent: Scope) -> Scope {
        let scope = Scope(parent: parent)
        scope.variables[Evaluator.blockTextName] = .text(text)
        return scope
    }

    func capture(_ body: [Statement], in scope: Scope) throws(JinjaError) -> Text {
        var text = Text()
        _ = try run(body, in: scope, to: &text)
        return text
    }

    func assign(_ value: Value, to target: Target, in scope: Scope) throws(JinjaError) {
        switch target {
        case .name(let name):
            try checkNesting(value)
            scope.variables[name] = value
        case .namespaceMember(let name, let member):
            guard case .namespace(let box)? = scope.lookup(name) else {
                throw .evaluation("cannot assign an attribute of \"\(name)\", which is no namespace", line: line)
            }
            noteChange(box)
            try checkNesting(value)
            box.set(value, named: member)
        case .tuple(let targets):
            let items = try self.items(of: value)
            guard items.count == targets.count else {
                throw .evaluation("cannot unpack \(items.count) values into \(targets.count) names", line: line)
            }
            for (target, item) in zip(targets, items) { try assign(item, to: target, in: scope) }
        }
    }

    // MARK: Loops

    /// Runs a loop over `sequence`, or over its own sequence when nil.
    func runLoop(_ loop: ForLoop, over sequence: Value?, depth: Int, in scope: Scope, to output: inout Text) throws(JinjaError) {
        var items: [Value]
        if let sequence {
            items = try self.items(of: sequence)
        } else {
            items = try self.items(of: try evaluate(loop.sequence, in: scope))
        }
        if let condition = loop.condition {
            var kept: [Value] = []
            for item in items {
                let inner = Scope(parent: scope)
                try assign(item, to: loop.target, in: inner)
                if try evaluate(condition, in: inner).isTrue { kept.append(item) }
            }
            items = kept
        }
        if items.isEmpty {
            _ = try run(loop.otherwise, in: Scope(parent: scope), to: &output)
            return
        }
        let state = LoopState(items: items, depth: depth, statement: loop, scope: scope)
        for (index, item) in items.enumerated() {
            try charge(1)
            state.index = index
            let inner = Scope(parent: scope)
            inner.variables["loop"] = .loop(state)
            try assign(item, to: loop.target, in: inner)
            if try run(loop.body, in: inner, to: &output) == .leaveLoop { return }
        }
    }

    func loopAttribute(_ loop: LoopState, _ name: String) -> Value {
        let count = loop.items.count
        switch name {
        case "index": return .integer(loop.index + 1)
        case "index0": return .integer(loop.index)
        case "revindex": return .integer(count - loop.index)
        case "revindex0": return .integer(count - loop.index - 1)
        case "first": return .bool(loop.index == 0)
        case "last": return .bool(loop.index == count - 1)
        case "length": return .integer(count)
        case "depth": return .integer(loop.depth)
        case "depth0": return .integer(loop.depth - 1)
        case "previtem": return loop.index > 0 ? loop.items[loop.index - 1] : .undefined("previtem")
        case "nextitem": return loop.index + 1 < count ? loop.items[loop.index + 1] : .undefined("nextitem")
        case "cycle", "changed": return .function(Function(name: name, receiver: .loop(loop)))
        default: return .undefined(name)
        }
    }

    // MARK: Macros

    func call(_ macro: Macro, with arguments: Arguments) throws(JinjaError) -> Value {
        try enter()
        defer { leave() }
        let definition = macro.definition
        let scope = Scope(parent: macro.scope)
        var named = arguments.named
        for (index, parameter) in definition.parameters.enumerated() {
            if index < arguments.positional.count {
                scope.variables[parameter.name] = arguments.positional[index]
                guard !named.contains(where: { $0.name == parameter.name }) else {
                    throw .evaluation("macro \"\(definition.name)\" got \"\(parameter.name)\" twice", line: line)
                }
            } else if let place = named.firstIndex(where: { $0.name == parameter.name }) {
                scope.variables[parameter.name] = named.remove(at: place).value
            } else if let fallback = parameter.fallback {
                scope.variables[parameter.name] = try evaluate(fallback, in: scope)
            } else {
                scope.variables[parameter.name] = .undefined(parameter.name)
            }
        }
        if let place = named.firstIndex(where: { $0.name == "caller" }) {
            scope.variables["caller"] = named.remove(at: place).value
        } else {
            scope.variables["caller"] = .undefined("caller")
        }
        let surplus = Array(arguments.positional.dropFirst(definition.parameters.count))
        if definition.usesVariablePositional {
            scope.variables["varargs"] = .tuple(surplus)
        } else if !surplus.isEmpty {
            throw .evaluation("macro \"\(definition.name)\" takes at most \(definition.parameters.count) arguments", line: line)
        }
        if definition.usesVariableNamed {
            let box = DictionaryBox()
            for (name, value) in named { box.set(value, named: name) }
            scope.variables["kwargs"] = .dictionary(box)
        } else if let extra = named.first {
            throw .evaluation("macro \"\(definition.name)\" has no parameter \"\(extra.name)\"", line: line)
        }
        return .text(try capture(definition.body, in: scope))
    }
}
