import Absurd
import AbsurdStore
import Synchronization

/// Turns the database's bells into events, while there are readers.
///
/// A bell, or the slow heartbeat, makes it look once for tasks that have changed since it last looked and for the queues'
/// counts; looks are at least a pause apart, and as rare as they are slow. Only its own task runs `run`; bells are rung
/// from any thread into a stream that keeps one.
final class EventPump: Sendable {
    private let hub: EventHub
    private let bells: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation
    /// Gives what has changed since a cursor, and the next cursor.
    private let changes: @Sendable (_ cursor: String?) async throws -> JSONValue

    init(hub: EventHub, changes: @escaping @Sendable (_ cursor: String?) async throws -> JSONValue) {
        self.hub = hub
        self.changes = changes
        (bells, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func ring() { bell.yield() }

    func stop() { bell.finish() }

    /// Until `stop`.
    func run() async {
        var cursor: String?
        var known = KnownChanges()
        var stats: [String: JSONValue] = [:]
        let heart = Task { [bell, hub] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(Limits.eventHeartbeatSeconds / 3))
                guard hub.count > 0 else { continue }
                hub.heartbeat()
                bell.yield()
            }
        }
        defer { heart.cancel() }
        for await _ in bells {
            guard hub.count > 0 else {
                cursor = nil
                continue
            }
            let began = monotonicSeconds()
            if let found = try? await changes(cursor) {
                cursor = found["cursor"]?.text ?? cursor
                for task in known.fresh(found["tasks"]?.items ?? []) {
                    hub.publish(
                        "task_update",
                        [
                            "type": "task_update", "queue_name": task["queue_name"] ?? .null,
                            "task_id": task["task_id"] ?? .null, "update": task,
                        ])
                }
                for queue in found["queues"]?.items ?? [] {
                    // Ages grow by themselves: they are sent along, but are no news.
                    let news = JSONValue.object((queue.members ?? [:]).filter { !$0.key.hasSuffix("_sec") })
                    guard let name = queue["queue_name"]?.text, stats[name] != news else { continue }
                    stats[name] = news
                    hub.publish(
                        "queue_stats_update",
                        ["type": "queue_stats_update", "queue_name": .string(name), "stats": queue])
                }
            }
            let took = monotonicSeconds() - began
            let pause = max(Double(Limits.eventPauseMilliseconds) / 1000, took * Limits.observerPace / 2)
            try? await Task.sleep(for: .seconds(pause))
        }
    }
}

/// Which changes were sent already: the looks overlap, for what commits late.
struct KnownChanges {
    private var sent: [String: JSONValue] = [:]
    private var order: [String] = []

    mutating func fresh(_ tasks: [JSONValue]) -> [JSONValue] {
        tasks.filter { task in
            guard let id = task["task_id"]?.text, sent[id] != task else { return false }
            if sent.updateValue(task, forKey: id) == nil { order.append(id) }
            if order.count > 4000 {
                for old in order.prefix(2000) { sent[old] = nil }
                order.removeFirst(2000)
            }
            return true
        }
    }
}
