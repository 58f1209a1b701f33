// The grammar as a graph: literal bytes, lexemes, choices, calls and counted loops, joined by "what comes next".
import JSON

/// A node's place in its graph.
typealias NodeID = Int32

/// One node. What the fields mean depends on the kind; unused ones are −1.
struct GraphNode: Sendable, Hashable {
    enum Kind: UInt8, Sendable {
        /// The rule is over: go on after the call.
        case end
        /// The bytes of `literals[index]`, at least one.
        case literal
        /// The regular language `lexemes[index]`.
        case lexeme
        /// One of the byte strings `tries[index]`.
        case words
        /// Free text `texts[index]`; at trigger i go on at `targets[first + i]`; at the end of the text at `next` (−1: it must not end).
        case text
        /// Go on at any of `targets[first..<first + count]`.
        case choice
        /// Run the rule that starts at `first`, then go on at `next`.
        case call
        /// Run `first` (once) and then `rest` so often that together they make `minimum`…`maximum` runs, then go on at `next`.
        case loop
        /// The object or array of `plans[index]` begins.
        case planStart
        /// Another member or item of `plans[index]` begins: any that still may.
        case planPick
        /// The value of element `count` of `plans[index]` begins, in any of the ways that lead to an end (arrays: of the next item).
        case planBegin
        /// A value of `plans[index]` is over: close, or go on.
        case planAfter
    }
    var kind: Kind
    var index: Int32 = -1
    var next: NodeID = -1
    var first: NodeID = -1
    var rest: NodeID = -1
    var count: Int32 = 0
    var minimum: Int32 = 0
    var maximum: Int32 = 0
    /// Loops only: a run may read nothing.
    var isBodyNullable = false
    /// Lexemes only: the string is a member's name, which must not stand twice in its object.
    var isName = false
}

/// A grammar under construction, and afterwards the immutable program that configurations run.
struct Graph: Sendable {
    private(set) var nodes: [GraphNode] = []
    private(set) var targets: [NodeID] = []
    private(set) var literals: [[UInt8]] = []
    private(set) var lexemes: [Lexeme] = []
    /// The places of lexemes by their hashes.
    private var lexemeNumbers: [Int: [Int32]] = [:]
    private(set) var tries: [LiteralTrie] = []
    private(set) var texts: [TextAutomaton] = []
    private(set) var plans: [Plan] = []
    private(set) var literalBytes = 0
    let limits: GrammarLimits
    /// Node 0, where every rule ends.
    static let end: NodeID = 0

    init(limits: GrammarLimits = GrammarLimits()) {
        self.limits = limits
        nodes.append(GraphNode(kind: .end))
    }

    mutating func add(_ node: GraphNode) throws(GrammarError) -> NodeID {
        guard nodes.count < limits.nodes else { throw .tooLarge(what: "grammar nodes", limit: limits.nodes, pointer: JSONPointer()) }
        nodes.append(node)
        return NodeID(nodes.count - 1)
    }

    mutating func literal(_ bytes: [UInt8], next: NodeID) throws(GrammarError) -> NodeID {
        if bytes.isEmpty { return next }
        literalBytes += bytes.count
        guard literalBytes <= limits.literalBytes else {
            throw .tooLarge(what: "bytes of literal text", limit: limits.literalBytes, pointer: JSONPointer())
        }
        literals.append(bytes)
        return try add(GraphNode(kind: .literal, index: Int32(literals.count - 1), next: next))
    }

    mutating func literal(_ text: String, next: NodeID) throws(GrammarError) -> NodeID { try literal(Array(text.utf8), next: next) }

    mutating func words(_ strings: [[UInt8]], next: NodeID) throws(GrammarError) -> NodeID {
        if strings.count == 1 { return try literal(strings[0], next: next) }
        literalBytes += strings.reduce(0) { $0 + $1.count }
        guard literalBytes <= limits.literalBytes else {
            throw .tooLarge(what: "bytes of literal text", limit: limits.literalBytes, pointer: JSONPointer())
        }
        tries.append(LiteralTrie(strings))
        return try add(GraphNode(kind: .words, index: Int32(tries.count - 1), next: next))
    }

    /// A counted lexeme uses its rule's register, so it is a rule of its own (but a name belongs to its object).
    mutating func lexeme(_ lexeme: Lexeme, isName: Bool = false, next: NodeID) throws(GrammarError) -> NodeID {
        let index = number(of: lexeme)
        guard lexeme.isCounted && next != Graph.end && !isName else {
            return try add(GraphNode(kind: .lexeme, index: index, next: next, isName: isName))
        }
        let body = try add(GraphNode(kind: .lexeme, index: index, next: Graph.end))
        return try call(body, next: next)
    }

    private mutating func number(of lexeme: Lexeme) -> Int32 {
        let alike = lexemeNumbers[lexeme.hashValueForSharing] ?? []
        if let known = alike.first(where: { lexemes[Int($0)].isSame(as: lexeme) }) { return known }
        lexemes.append(lexeme)
        lexemeNumbers[lexeme.hashValueForSharing] = alike + [Int32(lexemes.count - 1)]
        return Int32(lexemes.count - 1)
    }

    mutating func text(_ automaton: TextAutomaton, targets list: [NodeID], next: NodeID) throws(GrammarError) -> NodeID {
        texts.append(automaton)
        let first = Int32(targets.count)
        targets += list
        return try add(GraphNode(kind: .text, index: Int32(texts.count - 1), next: next, first: first, count: Int32(list.count)))
    }

    mutating func choice(_ list: [NodeID]) throws(GrammarError) -> NodeID {
        if list.count == 1 { return list[0] }
        let first = Int32(targets.count)
        targets += list
        return try add(GraphNode(kind: .choice, first: first, count: Int32(list.count)))
    }

    mutating func call(_ rule: NodeID, next: NodeID) throws(GrammarError) -> NodeID {
        if next == Graph.end { return rule }
        return try add(GraphNode(kind: .call, next: next, first: rule))
    }

    /// A loop counts in its rule's register, so it is a rule of its own.
    mutating func loop(first: NodeID, rest: NodeID, minimum: Int, maximum: Int?, isBodyNullable: Bool, next: NodeID) throws(GrammarError)
        -> NodeID
    {
        let node = GraphNode(
            kind: .loop, next: Graph.end, first: first, rest: rest, minimum: isBodyNullable ? 0 : Int32(clamping: minimum),
            maximum: maximum.map { Int32(clamping: $0) } ?? .max, isBodyNullable: isBodyNullable)
        return try call(try add(node), next: next)
    }

    /// Adds a plan; the nodes that work for it refer to it by its number.
    mutating func add(_ plan: Plan) throws(GrammarError) -> Int32 {
        guard plan.elements.count <= limits.nodes else { throw .tooLarge(what: "members", limit: limits.nodes, pointer: JSONPointer()) }
        plans.append(plan)
        return Int32(plans.count - 1)
    }

    mutating func setPlan(_ index: Int32, _ plan: Plan) { plans[Int(index)] = plan }

    /// A place to be filled later, for recursion.
    mutating func reserve() throws(GrammarError) -> NodeID { try add(GraphNode(kind: .choice, first: 0, count: 0)) }

    mutating func fill(_ place: NodeID, with list: [NodeID]) {
        nodes[Int(place)].first = Int32(targets.count)
        nodes[Int(place)].count = Int32(list.count)
        targets += list
    }

    mutating func setNext(_ node: NodeID, _ next: NodeID) { nodes[Int(node)].next = next }

    /// Takes in another graph and returns where its entry now lies.
    mutating func append(_ other: Graph, entry: NodeID) throws(GrammarError) -> NodeID {
        let base = NodeID(nodes.count) - 1
        func moved(_ node: NodeID) -> NodeID { node <= 0 ? node : node + base }
        let (targetBase, literalBase, trieBase, textBase, planBase) = (
            Int32(targets.count), Int32(literals.count), Int32(tries.count), Int32(texts.count), Int32(plans.count)
        )
        guard nodes.count + other.nodes.count <= limits.nodes else {
            throw .tooLarge(what: "grammar nodes", limit: limits.nodes, pointer: JSONPointer())
        }
        let numbers = other.lexemes.map { number(of: $0) }
        for node in other.nodes.dropFirst() {
            var copy = node
            copy.next = moved(node.next)
            switch node.kind {
            case .literal: copy.index += literalBase
            case .lexeme: copy.index = numbers[Int(node.index)]
            case .words: copy.index += trieBase
            case .text:
                copy.index += textBase
                copy.first += targetBase
            case .choice: copy.first += targetBase
            case .call: copy.first = moved(node.first)
            case .loop:
                copy.first = moved(node.first)
                copy.rest = moved(node.rest)
            case .planStart, .planPick, .planBegin, .planAfter: copy.index += planBase
            case .end: break
            }
            nodes.append(copy)
        }
        targets += other.targets.map(moved)
        plans += other.plans.map { $0.moved(moved) }
        literals += other.literals
        tries += other.tries
        texts += other.texts
        literalBytes += other.literalBytes
        return moved(entry)
    }
}
