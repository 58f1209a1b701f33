// Whether an item can still become a value that its array does not have, found by reading it through the grammar.

/// Searches among the texts that an item may become.
struct Novelty {
    private let program: Program

    init(_ program: Program) { self.program = program }

    /// Whether every item that the thread stands in, of those deeper than `depth`, can still become a value that it may be. What takes more
    /// steps to say than `GrammarLimits.noveltySteps` counts as impossible. That leads into no dead end: what was found before a byte takes no
    /// more steps to find after it.
    func isLive(_ thread: Thread, below depth: Int32) -> Bool {
        var current = thread.item
        var watched: Item?
        while let item = current, item.depth > depth {
            if !item.traces.isEmpty { watched = item }
            current = item.outer
        }
        guard let watched, !isEndless(thread) else { return true }
        var steps = program.noveltySteps
        // An end of the outermost leads through an end of the inner ones.
        return ending(Configuration(threads: [thread], canStop: false), watched, &steps) != nil
    }

    /// Whether the thread stands in a string that may still become any of infinitely many.
    private func isEndless(_ thread: Thread) -> Bool {
        let node = program.nodes[Int(thread.node)]
        return node.kind == .lexeme && program.lexemes[Int(node.index)].isEndless(thread.local)
    }

    /// Bytes after which the item is new or can become anything that is left to it, and where they lead; nil when there are none.
    private func ending(_ start: Configuration, _ item: Item, _ steps: inout Int) -> (bytes: [UInt8], after: Configuration)? {
        var visited: [Int: [Configuration]] = [:]
        var open: [(configuration: Configuration, bytes: [UInt8])] = [(start, [])]
        // Depth first: all that is looked at spells forbidden values, so every way is as long as one of them.
        while let (configuration, bytes) = open.popLast() {
            var candidates: Set<UInt8> = []
            for thread in configuration.threads { program.insertNext(thread, into: &candidates) }
            // Bytes that lead away from all that is forbidden come first.
            var watched: Set<UInt8> = []
            for thread in configuration.threads { thread.item?.insertNext(into: &watched) }
            let order = candidates.subtracting(watched).sorted() + candidates.intersection(watched).sorted()
            for byte in order {
                steps -= 1
                if steps < 0 { return nil }
                guard let next = configuration.stepping(byte, program, itemDepth: item.depth) else { continue }
                let length = item.text.count + bytes.count + 1
                let isNew =
                    next.canStop
                    || next.threads.contains {
                        guard let same = $0.item?.item(at: item.depth), same.text.count == length else { return true }
                        return same.traces.isEmpty
                    }
                if isNew { return (bytes + [byte], next) }
                let key = next.noveltyHash
                if visited[key]?.contains(where: { $0.isAlike(next) }) ?? false { continue }
                visited[key, default: []].append(next)
                open.append((next, bytes + [byte]))
            }
        }
        return nil
    }

    /// The text of an item of the plan read in this way, other than these values; nil when there is none.
    /// - Throws: `.tooLarge` when that takes too many steps to say.
    func text(of value: NodeID, in index: Int, without values: [ValueTree], steps limit: Int) throws(GrammarError) -> [UInt8]? {
        let run = program.plans[index]
        let plan = run.plan
        func failure() -> GrammarError { .tooLarge(what: "steps to list the values of items", limit: limit, pointer: plan.pointer) }
        let scope = Scope(plan: Int32(index), position: run.initial, names: nil)
        let stack = Frames.pushing(plan.back, register: 0, scope: scope, on: .bottom, clamp: program.clamped(plan.back, 0))
        let item = Item(in: nil, without: values)
        var closure = Closure(program, itemDepth: item.depth)
        closure.arrive(value, register: 0, stack: stack, item: item)
        var steps = limit
        guard let (begun, after) = ending(closure.finish(), item, &steps) else {
            if steps < 0 { throw failure() }
            return nil
        }
        var bytes = begun
        var current = after
        let costs = program.endingCosts
        while true {
            if current.canStop || current.threads.contains(where: { $0.item?.item(at: item.depth)?.text.count != bytes.count }) { return bytes }
            var candidates: Set<UInt8> = []
            for thread in current.threads { costs.candidates(thread, isWide: false, &candidates) }
            var best: (byte: UInt8, next: Configuration, cost: Int32)?
            for byte in candidates.sorted() {
                steps -= 1
                guard let next = current.stepping(byte, program, itemDepth: item.depth) else { continue }
                let cost = costs.ofEnding(next)
                if cost < best?.cost ?? .max { best = (byte, next, cost) }
            }
            guard steps >= 0, let best else { throw failure() }
            bytes.append(best.byte)
            current = best.next
        }
    }
}

extension Program {
    /// Adds the bytes that the thread can read.
    func insertNext(_ thread: Thread, into found: inout Set<UInt8>) {
        let node = nodes[Int(thread.node)]
        switch node.kind {
        case .literal: found.insert(literals[Int(node.index)][Int(thread.local)])
        case .words: found.formUnion(tries[Int(node.index)].nextBytes(thread.local))
        case .lexeme:
            let lexeme = lexemes[Int(node.index)]
            for byte in UInt8.min...UInt8.max {
                if case .dead = lexeme.step(thread.local, thread.register, byte) { continue }
                found.insert(byte)
            }
        case .text:
            for byte in UInt8.min...UInt8.max where texts[Int(node.index)].table[Int(thread.local) << 8 | Int(byte)] != -1 { found.insert(byte) }
        default: return
        }
    }
}

extension Configuration {
    /// Hash of the places of the threads, the text of items aside.
    fileprivate var noveltyHash: Int {
        var sum = 0
        for thread in threads {
            var hasher = Hasher()
            hasher.combine(thread.node)
            hasher.combine(thread.local)
            hasher.combine(thread.register)
            hasher.combine(thread.stack.exactHash)
            sum &+= hasher.finalize()
        }
        return sum
    }

    /// Equality but for texts of items that can become the same forbidden values.
    fileprivate func isAlike(_ other: Configuration) -> Bool {
        threads.count == other.threads.count
            && zip(threads, other.threads).allSatisfy {
                $0.node == $1.node && $0.local == $1.local && $0.register == $1.register && $0.spelling == $1.spelling
                    && Scope.areSame($0.scope, $1.scope) && $0.stack.isSame(as: $1.stack) && Item.areAlike($0.item, $1.item)
            }
    }
}
