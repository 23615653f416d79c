import Absurd
import AbsurdStore

extension TaskClient {
    /// Returns the task when it has ended (completed, failed for good, or cancelled).
    ///
    /// It is woken by the database and looks once a second besides. Throws a `Refusal` when there is no such task, or
    /// with exit `.tryAgain` after `timeoutSeconds`; the task itself goes on then.
    public func wait(_ id: TaskID, timeoutSeconds: Double? = nil) async throws -> TaskRecord {
        try await wait([id], timeoutSeconds: timeoutSeconds)[0]
    }

    /// Returns when all have ended, in the order given.
    public func wait(_ ids: [TaskID], timeoutSeconds: Double? = nil) async throws -> [TaskRecord] {
        try await withThrowingTaskGroup(of: [TaskRecord].self) { group in
            group.addTask { try await self.untilEnded(ids) }
            if let timeoutSeconds {
                group.addTask {
                    try await Task.sleep(for: .seconds(timeoutSeconds))
                    throw Refusal(
                        ids.count == 1 ? "task \(ids[0])" : "\(ids.count) tasks",
                        why: "not at an end after \(timeoutSeconds) s", remedy: "wait again, or cancel", exit: .tryAgain
                    )
                }
            }
            defer { group.cancelAll() }
            guard let records = try await group.next() else { throw CancellationError() }
            return records
        }
    }

    private func untilEnded(_ ids: [TaskID]) async throws -> [TaskRecord] {
        var open = Set(ids)
        var registration = Registration()
        for await _ in wakeUps() {
            try Task.checkCancellation()
            // Registering comes before looking: what ends between the two rings.
            try await registration.renew(self)
            var missing = open
            for row in try await query("states", "wait", [.uuids(Array(open))]) {
                let id: TaskID = try row.get(0)
                missing.remove(id)
                if TaskState(rawValue: try row.get(1))?.isTerminal == true { open.remove(id) }
            }
            if let lost = missing.first {
                throw Refusal(
                    "task \(lost)", why: "there is none, or it has been archived", remedy: "list tasks to find it",
                    exit: .no)
            }
            if open.isEmpty { break }
        }
        try Task.checkCancellation()
        let records = Dictionary(try await tasks(ids).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return try ids.map { id in
            guard let record = records[id] else {
                throw Refusal("task \(id)", why: "it has just been archived", remedy: "", exit: .no)
            }
            return record
        }
    }

    /// An element now, whenever something may have ended, and once a second.
    private func wakeUps() -> AsyncStream<Void> {
        let (stream, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        bell.yield()
        let bells = finishes.bells()
        let ringing = Task {
            for await _ in bells { bell.yield() }
            bell.finish()
        }
        let polling = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(Limits.waitPollSeconds))
                bell.yield()
            }
        }
        bell.onTermination = { _ in
            ringing.cancel()
            polling.cancel()
        }
        return stream
    }

    /// Tasks as they end, from now on, each at least once: after a lost connection some may come again.
    public func events(queue: String? = nil) -> AsyncThrowingStream<TaskRecord, any Error> {
        let (stream, sink) = AsyncThrowingStream.makeStream(of: TaskRecord.self)
        let following = Task {
            do {
                try await follow(queue, sink)
            } catch { sink.finish(throwing: error) }
        }
        sink.onTermination = { _ in following.cancel() }
        return stream
    }

    private func follow(
        _ queue: String?, _ sink: AsyncThrowingStream<TaskRecord, any Error>.Continuation
    ) async throws {
        let start: Timestamp = try await query("now", "clock", [])[0].get(0)
        // A transaction stamps its rows before it commits, so each look goes back over what a slow one may have brought
        // and leaves out what has been told.
        var told: [TaskID: Timestamp] = [:]
        var mark = start
        var registration = Registration()
        for await _ in wakeUps() {
            try Task.checkCancellation()
            try await registration.renew(self)
            let since = max(start, mark.advanced(bySeconds: -Limits.followOverlapSeconds))
            var behind = (since, TaskID(high: 0, low: 0))
            while true {
                let rows = try await query(
                    "finished_since", "follow",
                    [.timestamptz(behind.0), .text(orNull: queue), .int8(Limits.followRowsMax), .uuid(behind.1)])
                for row in rows {
                    let record = try TaskRecord(row)
                    guard let completed = record.completedAt else { continue }
                    behind = (completed, record.id)
                    mark = max(mark, completed)
                    if told.updateValue(completed, forKey: record.id) != completed { sink.yield(record) }
                }
                if rows.count < Limits.followRowsMax { break }
            }
            told = told.filter { $0.value >= since }
            // Many finishes a second are told in a few looks.
            try await Task.sleep(for: .milliseconds(Limits.followPauseMilliseconds))
        }
        sink.finish()
    }
}

/// That the database shall ring for us, renewed well before it ends.
private struct Registration {
    private var renewAtSeconds = -Double.infinity

    mutating func renew(_ client: TaskClient) async throws {
        let now = monotonicSeconds()
        guard now >= renewAtSeconds else { return }
        _ = try await client.query("wait_for_finish", "wait", [.float8(Limits.waiterSeconds)])
        renewAtSeconds = now + Limits.waiterSeconds / 2
    }
}
