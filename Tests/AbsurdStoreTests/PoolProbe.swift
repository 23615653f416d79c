@testable import AbsurdStore

/// The pool's decisions as short texts.
final class PoolProbe {
    private var state: PoolState

    init(sizeMin: Int, sizeMax: Int) { state = PoolState(sizeMin: sizeMin, sizeMax: sizeMax) }

    var connectionCount: Int { state.connections.count }

    func lease() -> String { text(state.lease()) }
    func release(_ connection: Int) -> String { text(state.release(connection)) }
    func ended(_ connection: Int) -> String { text(state.ended(connection)) }
    func retire(_ connection: Int) -> Bool { state.retire(connection) }
    func giveUp(_ waiter: Int) -> Bool { state.giveUp(waiter) }

    private func text(_ action: PoolState.Action) -> String {
        switch action {
        case .use(let connection): "use \(connection)"
        case .open(let connection): "open \(connection)"
        case .wait(let waiter): "wait \(waiter)"
        case .hand(let connection, let waiter): "hand \(connection) to \(waiter)"
        case .openFor(let connection, let waiter): "open \(connection) for \(waiter)"
        case .refuse(let waiters): "refuse \(waiters)"
        case .none: "none"
        }
    }
}
