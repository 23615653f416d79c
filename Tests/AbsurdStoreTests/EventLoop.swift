import AbsurdStore
import Glibc

/// Drives a non-blocking connection as the leader's loop does, until `done` says so about an event.
func drive(
    _ connection: PostgresConnection, until done: (PostgresConnection.Event) throws -> Bool,
    eachTurn: () throws -> Void = {}
) throws -> [PostgresConnection.Event] {
    var all: [PostgresConnection.Event] = []
    while true {
        try eachTurn()
        var entry = pollfd(
            fd: connection.socket,
            events: Int16((connection.wantsRead ? POLLIN : 0) | (connection.wantsWrite ? POLLOUT : 0)), revents: 0)
        poll(&entry, 1, -1)
        var events: [PostgresConnection.Event] = []
        connection.advance(into: &events)
        all += events
        if try events.contains(where: done) { return all }
        if events.contains(where: { if case .lost = $0 { true } else { false } }) { return all }
    }
}

/// Connects if need be, sends, and returns the first group's last result.
func settle(_ connection: PostgresConnection, _ send: () throws -> Void) throws -> PostgresRows {
    if !connection.isReady {
        _ = try drive(connection) { if case .connected = $0 { true } else { false } }
    }
    try send()
    let events = try drive(connection) {
        switch $0 {
        case .completed, .failed: true
        default: false
        }
    }
    for event in events {
        if case .completed(_, let results) = event, let rows = results.last { return rows }
        if case .failed(_, let error) = event { throw error }
    }
    throw PostgresError(sqlState: "08006", message: "no outcome")
}
