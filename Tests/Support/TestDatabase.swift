import Absurd
import AbsurdCluster
import AbsurdStore
import Synchronization

/// A database of one test's own.
public struct TestDatabase: Sendable {
    public let name: String
    public let cluster: EmbeddedCluster

    public var settings: ConnectionSettings { cluster.settings(database: name) }

    /// With the rights of a role of the schema, such as `absurd_client`.
    public func settings(role: String) -> ConnectionSettings {
        var settings = settings
        settings.role = role
        return settings
    }

    /// For other programs: `ABSURD_DATABASE_URL`.
    public var url: String { cluster.url.replacing("/absurd?host=", with: "/\(name)?host=") }

    /// A new blocking session.
    public func session() throws -> PostgresSession { try PostgresSession(settings) }

    fileprivate static func create(migrated: Bool) throws -> TestDatabase {
        let cluster = try TestCluster.shared()
        let template = migrated ? try TestCluster.template() : "template0"
        let number = counter.withLock { value in
            value += 1
            return value
        }
        let name = "test_\(number)"
        try PostgresSession(cluster.settings(database: "postgres"))
            .script("CREATE DATABASE \(name) TEMPLATE \(template)")
        return TestDatabase(name: name, cluster: cluster)
    }

    fileprivate func drop() throws {
        try PostgresSession(cluster.settings(database: "postgres")).script("DROP DATABASE \(name) WITH (FORCE)")
    }

    private static let counter = Mutex(0)
}

/// Gives `body` a database with this build's schema (or an empty one) and drops it afterwards.
public func withDatabase<Result>(
    migrated: Bool = true, _ body: (TestDatabase) async throws -> Result
) async throws -> Result {
    await Turnstile.databases.enter()
    defer { Turnstile.databases.leave() }
    let database = try TestDatabase.create(migrated: migrated)
    let result: Result
    do {
        result = try await body(database)
    } catch {
        try? database.drop()
        throw error
    }
    try database.drop()
    return result
}

/// The same for a body that only blocks.
public func withDatabase<Result>(
    migrated: Bool = true, _ body: (TestDatabase) throws -> Result
) throws -> Result {
    let database = try TestDatabase.create(migrated: migrated)
    let result: Result
    do {
        result = try body(database)
    } catch {
        try? database.drop()
        throw error
    }
    try database.drop()
    return result
}

/// Lets a bounded number of tests in at once: Swift Testing starts them all together, the server has connections for some.
final class Turnstile: Sendable {
    static let databases = Turnstile(places: 8)

    private struct State {
        var places: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(places: Int) { state = Mutex(State(places: places)) }

    func enter() async {
        await withCheckedContinuation { continuation in
            let free = state.withLock { state in
                if state.places == 0 {
                    state.waiting.append(continuation)
                    return false
                }
                state.places -= 1
                return true
            }
            if free { continuation.resume() }
        }
    }

    func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            if state.waiting.isEmpty {
                state.places += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
