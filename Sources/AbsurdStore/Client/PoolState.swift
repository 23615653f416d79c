/// What a pool of connections decides: a pure value, tested without a database.
///
/// Numbers name connections and waiters; the shell maps them to threads and continuations.
struct PoolState {
    enum Action: Equatable {
        case use(connection: Int)
        /// Open this one; it belongs to the caller already.
        case open(connection: Int)
        case wait(waiter: Int)
        case hand(connection: Int, waiter: Int)
        case openFor(connection: Int, waiter: Int)
        case refuse(waiters: [Int])
        case none
    }

    let sizeMin: Int
    let sizeMax: Int
    /// Last used last, so that the least used ones go idle and retire.
    private(set) var idle: [Int] = []
    private(set) var connections: Set<Int> = []
    private(set) var waiters: [Int] = []
    private var number = 0

    init(sizeMin: Int, sizeMax: Int) {
        precondition(sizeMin >= 0 && sizeMax >= max(1, sizeMin), "a pool needs 0 ≤ min ≤ max and max ≥ 1")
        self.sizeMin = sizeMin
        self.sizeMax = sizeMax
    }

    mutating func lease() -> Action {
        if let connection = idle.popLast() { return .use(connection: connection) }
        if connections.count < sizeMax { return .open(connection: open()) }
        number += 1
        waiters.append(number)
        return .wait(waiter: number)
    }

    mutating func release(_ connection: Int) -> Action {
        // It was lost while in use, and its end has been dealt with.
        guard connections.contains(connection) else { return .none }
        guard waiters.isEmpty else { return .hand(connection: connection, waiter: waiters.removeFirst()) }
        idle.append(connection)
        return .none
    }

    /// The connection is gone: a waiter gets a new one, which finds out whether the server is there.
    mutating func ended(_ connection: Int) -> Action {
        guard connections.remove(connection) != nil else { return .none }
        idle.removeAll { $0 == connection }
        guard !waiters.isEmpty else { return .none }
        let waiter = waiters.removeFirst()
        return .openFor(connection: open(), waiter: waiter)
    }

    /// An idle connection asks whether it may close.
    mutating func retire(_ connection: Int) -> Bool {
        guard connections.count > sizeMin, idle.contains(connection) else { return false }
        idle.removeAll { $0 == connection }
        connections.remove(connection)
        return true
    }

    /// True when the waiter was still waiting, so that nobody else will wake it.
    mutating func giveUp(_ waiter: Int) -> Bool {
        guard let place = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: place)
        return true
    }

    mutating func close() -> Action { .refuse(waiters: waiters.take()) }

    private mutating func open() -> Int {
        number += 1
        connections.insert(number)
        return number
    }
}
