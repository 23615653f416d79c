import Absurd
import AbsurdStore
import Synchronization

/// Answers of the database, shared by everybody who asks the same: however many dashboards are open, a question is
/// asked at most once a second, one at a time, and less often when its answer takes long (the dashboard then takes a
/// twentieth of one of the database's cores at most). When the database can't be reached, the last answer is given with
/// its age.
///
/// Who writes what: everything under the mutex. The first who finds an answer too old starts the task that asks; the
/// others wait for it. A task ends by storing an answer or a failure; nobody cancels it.
final class SnapshotCache: Sendable {
    struct Snapshot: Sendable {
        var bytes: [UInt8]
        /// How old it is, when it could not be renewed.
        var staleSeconds: Double?
    }

    private struct Entry {
        var bytes: [UInt8]?
        var askedAtSeconds = 0.0
        var madeAtSeconds = 0.0
        var tookSeconds = 0.0
        var failure: Problem?
        var failedAtSeconds = 0.0
        var usedAtSeconds = 0.0
        var task: Task<Void, Never>?

        func freshUntilSeconds(_ maxAge: Double) -> Double {
            madeAtSeconds + max(maxAge, tookSeconds * Limits.observerPace)
        }
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let wroteAtSeconds = Mutex(0.0)

    /// Something was changed through this server: whoever changed it must see that, so what was asked before is old.
    func noteWrite() { wroteAtSeconds.withLock { $0 = monotonicSeconds() } }

    /// - Parameter make: gives the bytes of a JSON answer.
    func get(
        _ key: String, maxAgeSeconds: Double = 1, _ make: @escaping @Sendable () async throws -> [UInt8]
    ) async throws(Problem) -> Snapshot {
        let now = monotonicSeconds()
        let wroteAt = wroteAtSeconds.withLock { $0 }
        let task: Task<Void, Never>? = entries.withLock { entries in
            var entry = entries[key] ?? Entry()
            entry.usedAtSeconds = now
            let isFresh =
                entry.bytes != nil && entry.askedAtSeconds > wroteAt && now < entry.freshUntilSeconds(maxAgeSeconds)
            let hasJustFailed = entry.failure != nil && now < entry.failedAtSeconds + 1
            if !isFresh, !hasJustFailed, entry.task == nil { entry.task = ask(key, make) }
            entries[key] = entry
            if entries.count > Limits.observerSnapshotsMax { Self.forgetOldest(&entries) }
            return isFresh || hasJustFailed ? nil : entry.task
        }
        await task?.value
        let found = entries.withLock { $0[key] }
        guard let found, let bytes = found.bytes else {
            throw found?.failure ?? Problem(503, "the database was not asked")
        }
        return Snapshot(
            bytes: bytes, staleSeconds: found.failure == nil ? nil : monotonicSeconds() - found.madeAtSeconds)
    }

    private func ask(_ key: String, _ make: @escaping @Sendable () async throws -> [UInt8]) -> Task<Void, Never> {
        Task { [self] in
            let began = monotonicSeconds()
            let outcome: Result<[UInt8], Problem>
            do { outcome = .success(try await make()) } catch let problem as Problem {
                outcome = .failure(problem)
            } catch let error as PostgresError {
                outcome = .failure(Problem(error, doing: "reading"))
            } catch {
                outcome = .failure(Problem(500, "reading: \(error)"))
            }
            let now = monotonicSeconds()
            entries.withLock { entries in
                var entry = entries[key] ?? Entry()
                entry.task = nil
                switch outcome {
                case .success(let bytes):
                    entry.bytes = bytes
                    entry.askedAtSeconds = began
                    entry.madeAtSeconds = now
                    entry.tookSeconds = now - began
                    entry.failure = nil
                case .failure(let problem):
                    // Only an answer that may be had again later keeps the old one alive.
                    if problem.status != 503 { entry.bytes = nil }
                    entry.failure = problem
                    entry.failedAtSeconds = now
                }
                entries[key] = entry
            }
        }
    }

    private static func forgetOldest(_ entries: inout [String: Entry]) {
        let idle = entries.filter { $0.value.task == nil }
        if let oldest = idle.min(by: { $0.value.usedAtSeconds < $1.value.usedAtSeconds }) { entries[oldest.key] = nil }
    }
}
