import Absurd
import AbsurdStore

/// What became of the tasks that the database had acknowledged, by its own records.
///
/// A task is whole when it has exactly one record over all tables, archive included, and that a terminal one.
public struct LoadCheck: Sendable, Hashable {
    public var acknowledged = 0
    public var completed = 0
    public var failed = 0
    public var cancelled = 0
    /// No record anywhere.
    public var lost = 0
    /// One record, but the task has not come to an end.
    public var unfinished = 0
    /// More than one record, or two acknowledgements of one id.
    public var doubled = 0
    /// Tasks that needed more than one attempt; that is allowed.
    public var attemptedAgain = 0
    /// A few of the lost, unfinished and doubled ones, to look at.
    public var suspects: [TaskID] = []

    public init() {}

    public var isWhole: Bool { lost == 0 && unfinished == 0 && doubled == 0 }
    public var successRatio: Double { acknowledged == 0 ? 0 : Double(completed) / Double(acknowledged) }

    public init(_ ids: [TaskID], _ session: PostgresSession) throws {
        acknowledged = ids.count
        doubled = ids.count - Set(ids).count
        var start = 0
        while start < ids.count {
            let end = min(start + Self.idsPerStatement, ids.count)
            for row in try session.query(.measure("load_check"), [.uuids(Array(ids[start..<end]))]) {
                try add(row.get(0), count: Int(row.get(1, as: Int64.self)), again: row.get(2), ids: row.get(3))
            }
            start = end
        }
    }

    private mutating func add(_ verdict: String, count: Int, again: Int64, ids: [TaskID]) {
        attemptedAgain += Int(again)
        switch verdict {
        case "completed": completed += count
        case "failed": failed += count
        case "cancelled": cancelled += count
        case "lost": lost += count
        case "doubled": doubled += count
        default: unfinished += count
        }
        if !["completed", "failed", "cancelled"].contains(verdict) {
            suspects += ids.prefix(max(0, Self.suspectsMax - suspects.count))
        }
    }

    private static let idsPerStatement = 10_000
    private static let suspectsMax = 10
}
