// Where the parse stands: a set of threads, each a place in the program with its stack.

/// One way of reading what came so far.
struct Thread: Sendable {
    var node: NodeID
    /// Offset in a literal, state of a lexeme, trie or text.
    var local: Int32
    /// The rule's register (counts characters or runs).
    var register: Int32
    var stack: Frames
    /// What the object or array being read remembers.
    var scope: Scope?
    /// Inside such a name: its bytes so far.
    var spelling: [UInt8] = []
    /// The innermost item that is being read of an array whose items must differ.
    var item: Item?

    /// The undeclared names of the object being read.
    var names: Names? { scope?.names }
}

/// A parse in progress: an immutable value. All its threads can still be finished.
struct Configuration: Sendable {
    var threads: [Thread]
    /// Whether the text so far is complete.
    var canStop: Bool
    /// Whether an item of an array whose items must differ began or ended with the last byte.
    var passedItem = false

    var isFinished: Bool { threads.isEmpty && canStop }

    /// Whether some object in the making has undeclared names.
    var hasNames: Bool { threads.contains { $0.names != nil || $0.stack.holdsNames } }

    /// The undeclared names of all objects in the making.
    var allNames: [Names] {
        var found = threads.compactMap(\.names)
        var seen: Set<ObjectIdentifier> = []
        var open = threads.map(\.stack).filter(\.holdsNames)
        while let stack = open.popLast() {
            guard seen.insert(ObjectIdentifier(stack)).inserted else { continue }
            for link in stack.links {
                if let names = link.scope?.names { found.append(names) }
                if link.parent.holdsNames { open.append(link.parent) }
            }
        }
        return found
    }

    /// The configuration before the first byte.
    static func start(_ program: Program) -> Configuration {
        var closure = Closure(program)
        closure.arrive(program.entry, register: 0, stack: .bottom)
        return closure.finish()
    }

    /// What the thread's lexeme leads to when it is over: the rest of the grammar, before the next byte.
    static func after(_ thread: Thread, _ program: Program) -> Configuration {
        var closure = Closure(program, tracksNames: false)
        closure.arrive(program.nodes[Int(thread.node)].next, register: thread.register, stack: thread.stack, scope: thread.scope)
        return closure.finish()
    }

    /// After one more byte; nil when nothing can be read that way.
    /// - Parameters:
    ///   - tracksNames: whether names and items that must differ are compared; without, more may be read.
    ///   - itemDepth: of items within each other only those deeper than this are seen to an end that differs.
    func stepping(_ byte: UInt8, _ program: Program, tracksNames: Bool = true, itemDepth: Int32 = 0) -> Configuration? {
        var closure = Closure(program, tracksNames: tracksNames, itemDepth: itemDepth)
        for thread in threads { closure.step(thread, byte) }
        let result = closure.finish()
        return result.threads.isEmpty && !result.canStop ? nil : result
    }
}

/// Follows everything that reads nothing: choices, calls, loops, ends.
struct Closure {
    private struct Arrival {
        var node: NodeID
        var register: Int32
        var stack: Frames
        var scope: Scope?
        var item: Item?
    }

    private let program: Program
    private var threads: [Thread] = []
    private var places = PlaceIndex()
    private var canStop = false
    private var open: [Arrival] = []
    private var visited: [Arrival] = []
    private var visitedPlaces = PlaceIndex()
    /// Frames pushed in this closure by loops whose body may read nothing: returning to them means a run that read nothing.
    private var fresh: [Frames] = []

    private let tracksNames: Bool
    private let itemDepth: Int32
    private var passedItem = false
    /// The last item that read the byte, and what became of it.
    private var lastRead: (before: Item, after: Item)?

    init(_ program: Program, tracksNames: Bool = true, itemDepth: Int32 = 0) {
        self.program = program
        self.tracksNames = tracksNames
        self.itemDepth = itemDepth
    }

    /// What was reached, less the threads that can only end in an item which its array has.
    func finish() -> Configuration {
        var live = threads
        if tracksNames && threads.contains(where: { $0.item?.isWatched ?? false }) {
            let novelty = Novelty(program)
            live = threads.filter { novelty.isLive($0, below: itemDepth) }
        }
        return Configuration(threads: live, canStop: canStop, passedItem: passedItem)
    }

    private mutating func reading(_ item: Item?, _ byte: UInt8) -> Item? {
        guard let item, tracksNames else { return nil }
        if let lastRead, lastRead.before === item { return lastRead.after }
        let after = item.reading(byte)
        lastRead = (item, after)
        return after
    }

    /// One byte read by one thread.
    mutating func step(_ thread: Thread, _ byte: UInt8) {
        let node = program.nodes[Int(thread.node)]
        var next = thread
        switch node.kind {
        case .literal:
            let bytes = program.literals[Int(node.index)]
            guard bytes[Int(thread.local)] == byte else { return }
            next.local += 1
            next.item = reading(thread.item, byte)
            if Int(next.local) == bytes.count { leave(next) } else { add(next) }
        case .lexeme:
            let lexeme = program.lexemes[Int(node.index)]
            switch lexeme.step(thread.local, thread.register, byte) {
            case .dead: return
            case .finished:
                if node.isName && tracksNames {
                    let name = Names.unescaped(thread.spelling)
                    if Names.contains(thread.names, name) { return }
                    next.scope = Scope.adding(name, to: thread.scope)
                }
                next.item = reading(thread.item, byte)
                leave(next)
            case .stay(let local, let register):
                next.local = local
                next.register = register
                next.item = reading(thread.item, byte)
                if node.isName && tracksNames { next.spelling.append(byte) }
                addLexeme(node, lexeme, next)
            }
        case .words:
            let trie = program.tries[Int(node.index)]
            next.local = trie.step(thread.local, byte)
            guard next.local >= 0 else { return }
            next.item = reading(thread.item, byte)
            addWords(node, trie, next)
        case .text:
            let value = program.texts[Int(node.index)].table[Int(thread.local) << 8 | Int(byte)]
            if value != -1 { next.item = reading(thread.item, byte) }
            if value >= 0 {
                next.local = value
                addText(node, next)
            } else if value < -1 {
                let target = program.targets[Int(node.first) + Int(-2 - value)]
                if target >= 0 { arrive(target, register: thread.register, stack: thread.stack, scope: thread.scope, item: next.item) }
            }
        default: return
        }
    }

    /// Goes on behind the thread's node.
    private mutating func leave(_ thread: Thread) {
        let next = program.nodes[Int(thread.node)].next
        arrive(next, register: thread.register, stack: thread.stack, scope: thread.scope, item: thread.item)
    }

    /// Goes to a node and on through all that reads nothing.
    mutating func arrive(_ node: NodeID, register: Int32, stack: Frames, scope: Scope? = nil, item: Item? = nil) {
        open.append(Arrival(node: node, register: register, stack: stack, scope: scope, item: item))
        drain()
    }

    private mutating func follow(_ arrival: Arrival) {
        let node = program.nodes[Int(arrival.node)]
        let thread = Thread(
            node: arrival.node, local: 0, register: arrival.register, stack: arrival.stack, scope: arrival.scope, item: arrival.item)
        switch node.kind {
        case .literal: add(thread)
        case .lexeme: addLexeme(node, program.lexemes[Int(node.index)], thread)
        case .words: addWords(node, program.tries[Int(node.index)], thread)
        case .text: addText(node, thread)
        case .choice:
            guard isNew(arrival) else { return }
            for index in stride(from: Int(node.first + node.count) - 1, through: Int(node.first), by: -1) {
                var next = arrival
                next.node = program.targets[index]
                open.append(next)
            }
        case .call:
            guard isNew(arrival), arrival.stack.depth < Frames.maximumDepth else { return }
            let stack = Frames.pushing(
                node.next, register: arrival.register, scope: arrival.scope, on: arrival.stack,
                clamp: program.clamped(node.next, arrival.register))
            open.append(Arrival(node: node.first, register: 0, stack: stack, item: arrival.item))
        case .loop: followLoop(node, arrival)
        case .planStart, .planPick, .planBegin, .planAfter:
            guard isNew(arrival) else { return }
            followPlan(node, arrival)
        case .end:
            guard isNew(arrival) else { return }
            if arrival.stack.links.isEmpty { canStop = true }
            let isFresh = fresh.contains { $0 === arrival.stack }
            for link in arrival.stack.links {
                if isFresh && program.nodes[Int(link.node)].kind == .loop { continue }
                open.append(Arrival(node: link.node, register: link.register, stack: link.parent, scope: link.scope, item: arrival.item))
            }
        }
    }

    private mutating func followLoop(_ node: GraphNode, _ arrival: Arrival) {
        guard isNew(arrival) else { return }
        if arrival.register >= node.minimum {
            open.append(Arrival(node: node.next, register: 0, stack: arrival.stack, scope: arrival.scope, item: arrival.item))
        }
        guard arrival.register < node.maximum, arrival.stack.depth < Frames.maximumDepth else { return }
        // Without an upper bound only "none yet", "some" and "enough" matter.
        let count = node.maximum == .max ? min(arrival.register + 1, max(node.minimum, 1)) : arrival.register + 1
        let stack = Frames.pushing(
            arrival.node, register: count, scope: arrival.scope, on: arrival.stack, clamp: program.clamped(arrival.node, count))
        if node.isBodyNullable { fresh.append(stack) }
        open.append(Arrival(node: arrival.register == 0 ? node.first : node.rest, register: 0, stack: stack, item: arrival.item))
    }

    private mutating func followPlan(_ node: GraphNode, _ arrival: Arrival) {
        let plan = program.plans[Int(node.index)]
        func go(_ target: NodeID, _ scope: Scope?) {
            open.append(Arrival(node: target, register: 0, stack: arrival.stack, scope: scope, item: arrival.item))
        }
        if plan.plan.isUnique && (node.kind == .planAfter || node.kind == .planBegin) {
            passedItem = true
            if tracksNames { return followItem(node, plan, arrival) }
        }
        switch node.kind {
        case .planStart:
            let scope = Scope(plan: node.index, position: plan.initial, names: nil)
            go(plan.plan.pick, scope)
            if plan.mayClose(plan.initial) { go(plan.plan.close, scope) }
        case .planAfter:
            guard let scope = arrival.scope else { return }
            if plan.mayClose(scope.position) { go(plan.plan.close, scope) }
            if plan.mayGoOn(scope.position) { go(plan.plan.comma, scope) }
        case .planPick:
            guard let scope = arrival.scope else { return }
            for element in plan.candidates(scope.position).reversed() { go(plan.plan.keys[element], scope) }
        case .planBegin:
            guard let scope = arrival.scope, arrival.stack.depth < Frames.maximumDepth else { return }
            let element = plan.plan.isArray ? plan.element(at: scope.position) : Int(node.count)
            for (value, position) in plan.ways(element, scope.position).reversed() {
                let after = Scope(plan: scope.plan, position: position, names: scope.names)
                let back = plan.plan.back
                let stack = Frames.pushing(back, register: 0, scope: after, on: arrival.stack, clamp: program.clamped(back, 0))
                open.append(Arrival(node: value, register: 0, stack: stack, item: arrival.item))
            }
        default: return
        }
    }

    /// An item begins or is over in an array whose items must differ.
    private mutating func followItem(_ node: GraphNode, _ plan: PlanRun, _ arrival: Arrival) {
        guard let scope = arrival.scope else { return }
        if node.kind == .planBegin {
            guard arrival.stack.depth < Frames.maximumDepth else { return }
            let used = UsedValues.list(scope.values)
            let back = plan.plan.back
            for (value, position) in plan.ways(plan.element(at: scope.position), scope.position).reversed() {
                let after = Scope(plan: scope.plan, position: position, names: nil, values: scope.values)
                let stack = Frames.pushing(back, register: 0, scope: after, on: arrival.stack, clamp: program.clamped(back, 0))
                let item = Item(in: arrival.item, without: used + plan.neededLater(position))
                open.append(Arrival(node: value, register: 0, stack: stack, item: item))
            }
            return
        }
        guard let item = arrival.item, !item.isForbidden else { return }
        let value = ValueTree(item.text)
        var position = scope.position
        if let number = plan.distinct?.number(of: value) { position = Distinctness.with(number, position) }
        let after = Scope(plan: scope.plan, position: position, names: nil, values: UsedValues(value, after: scope.values))
        func go(_ target: NodeID) {
            open.append(Arrival(node: target, register: 0, stack: arrival.stack, scope: after, item: item.outer))
        }
        if plan.mayClose(position) { go(plan.plan.close) }
        if plan.mayGoOn(position), hasAnother(plan, after, arrival.stack, item.outer) { go(plan.plan.comma) }
    }

    /// Whether some item is found that the array does not have: only in doubt where many or long values are used.
    private func hasAnother(_ plan: PlanRun, _ scope: Scope, _ stack: Frames, _ item: Item?) -> Bool {
        guard let distinct = plan.distinct, let count = scope.values?.count else { return true }
        if count >= program.distinctItems { return false }
        // Short values cannot keep a search busy for long.
        if count + distinct.values.count < distinct.supply, let bytes = scope.values?.bytes, bytes < program.noveltySteps / 16 { return true }
        var closure = Closure(program, itemDepth: item?.depth ?? 0)
        closure.arrive(plan.plan.pick, register: 0, stack: stack, scope: scope, item: item)
        return !closure.finish().threads.isEmpty
    }

    private mutating func isNew(_ arrival: Arrival) -> Bool {
        func isKnown(_ index: Int) -> Bool {
            visited[index].node == arrival.node && visited[index].register == arrival.register
                && Scope.areSame(visited[index].scope, arrival.scope) && visited[index].stack.isSame(as: arrival.stack)
                && Item.areSame(visited[index].item, arrival.item)
        }
        let key = UInt64(UInt32(bitPattern: arrival.node))
        if visitedPlaces.find(key, visited.count, isKnown) != nil { return false }
        visitedPlaces.add(key, visited.count) { UInt64(UInt32(bitPattern: visited[$0].node)) }
        visited.append(arrival)
        return true
    }

    private mutating func addLexeme(_ node: GraphNode, _ lexeme: Lexeme, _ thread: Thread) {
        if lexeme.canEnd(thread.local, thread.register) {
            open.append(Arrival(node: node.next, register: thread.register, stack: thread.stack, scope: thread.scope, item: thread.item))
        }
        if lexeme.canContinue(thread.local, thread.register) { add(thread) }
        drain()
    }

    private mutating func addWords(_ node: GraphNode, _ trie: LiteralTrie, _ thread: Thread) {
        if trie.accepting[Int(thread.local)] {
            open.append(Arrival(node: node.next, register: thread.register, stack: thread.stack, scope: thread.scope, item: thread.item))
        }
        if trie.canContinue(thread.local) { add(thread) }
        drain()
    }

    private mutating func addText(_ node: GraphNode, _ thread: Thread) {
        if node.next >= 0, program.texts[Int(node.index)].isBoundary[Int(thread.local)] {
            open.append(Arrival(node: node.next, register: thread.register, stack: thread.stack, scope: thread.scope, item: thread.item))
        }
        add(thread)
        drain()
    }

    private mutating func drain() {
        while let arrival = open.popLast() { follow(arrival) }
    }

    /// Adds a thread that waits for a byte; two in the same place become one with both pasts.
    private mutating func add(_ thread: Thread) {
        func key(_ thread: Thread) -> UInt64 {
            UInt64(UInt32(bitPattern: thread.node)) << 32 ^ UInt64(UInt32(bitPattern: thread.local)) << 8
                ^ UInt64(UInt32(bitPattern: thread.register))
        }
        // The bottom stays by itself: merged, it could no longer say that the text may end.
        func isSame(_ index: Int) -> Bool {
            threads[index].isSamePlace(as: thread) && threads[index].stack.links.isEmpty == thread.stack.links.isEmpty
        }
        if let index = places.find(key(thread), threads.count, isSame) {
            if !threads[index].stack.isSame(as: thread.stack) {
                threads[index].stack = Frames.merging(threads[index].stack, thread.stack) { program.clamped($0.node, $0.register) }
            }
            return
        }
        places.add(key(thread), threads.count) { key(threads[$0]) }
        threads.append(thread)
    }
}

/// Places in a list by a key: a few are looked through, many are indexed.
private struct PlaceIndex {
    private static let few = 12

    private var last = FlatMap?.none
    private var previous: [Int32] = []

    /// The place, of the `count` there are, that has the key and satisfies the test.
    @inline(__always)
    func find(_ key: UInt64, _ count: Int, _ test: (Int) -> Bool) -> Int? {
        guard let last else { return (0..<count).first(where: test) }
        var place = last[key]
        while place >= 0 {
            if test(Int(place)) { return Int(place) }
            place = previous[Int(place)]
        }
        return nil
    }

    /// Notes that the place comes next.
    mutating func add(_ key: UInt64, _ place: Int, _ keyOf: (Int) -> UInt64) {
        if last == nil {
            if place < Self.few { return }
            last = FlatMap(minimumCapacity: 4 * Self.few)
            for known in 0..<place { note(keyOf(known), known) }
        }
        note(key, place)
    }

    private mutating func note(_ key: UInt64, _ place: Int) {
        previous.append(last![key])
        last!.set(key, Int32(place))
    }
}

extension Thread {
    /// Whether both differ in their stacks only.
    func isSamePlace(as other: Thread) -> Bool {
        node == other.node && local == other.local && register == other.register && spelling == other.spelling
            && Scope.areSame(scope, other.scope) && Item.areSame(item, other.item)
    }
}

extension Program {
    /// The longest token, in bytes, for which clamped counts are exact.
    static let clampHorizon: Int32 = 512

    /// A register as far as the next `clampHorizon` bytes can tell: counts that are equally far from their bounds, or too far, are equal.
    func clamped(_ node: NodeID, _ register: Int32) -> Int32 {
        let node = nodes[Int(node)]
        let minimum: Int32
        let maximum: Int32
        switch node.kind {
        case .loop: (minimum, maximum) = (node.minimum, node.maximum)
        case .lexeme where lexemes[Int(node.index)].isCounted:
            (minimum, maximum) = (lexemes[Int(node.index)].minimum, lexemes[Int(node.index)].maximum)
        default: return register
        }
        let needed = min(max(minimum - register, 0), Self.clampHorizon)
        let left = maximum == .max ? Self.clampHorizon : min(maximum - register, Self.clampHorizon)
        return (needed * (Self.clampHorizon + 1) + left) * 2 + (register == 0 ? 1 : 0)
    }
}
