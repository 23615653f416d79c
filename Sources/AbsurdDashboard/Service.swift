import Absurd
import AbsurdLeader
import AbsurdObserve
import AbsurdStore
import Synchronization

/// What the routes work with: the database's answers, the leader's, and the events. Free of the HTTP library.
final class Service: Sendable {
    typealias AskLeader = @Sendable (AdminRequest) async -> JSONValue

    let configuration: DashboardConfiguration
    let requestGuard: RequestGuard
    let askLeader: AskLeader
    let connection: ObserverConnection
    let cache = SnapshotCache()
    let hub: EventHub
    private let pump: Mutex<EventPump?>
    private let latency = Mutex<Double?>(nil)
    private let asked = Atomic<Int>(0)
    private let pumping = Mutex<Task<Void, Never>?>(nil)

    init(_ configuration: DashboardConfiguration, port: UInt16, token: String?, askLeader: @escaping AskLeader) {
        self.configuration = configuration
        self.askLeader = askLeader
        requestGuard = RequestGuard(
            address: configuration.listen.host, port: port, names: configuration.hosts, token: token)
        let bell = BellRope()
        let connection = ObserverConnection(configuration.database) { bell.ring() }
        self.connection = connection
        hub = EventHub { connection.listen($0) }
        pump = Mutex(nil)
        let made = EventPump(hub: hub) { [weak self] cursor in try await self?.changes(since: cursor) ?? .null }
        pump.withLock { $0 = made }
        bell.tie(made)
    }

    func begin() {
        guard let pump = pump.withLock({ $0 }) else { return }
        pumping.withLock { $0 = Task { await pump.run() } }
    }

    func close() {
        hub.close()
        pump.withLock { $0?.stop() }
        connection.close()
    }

    // MARK: Answering

    func answer(_ request: Request) async -> Answer {
        do throws(Problem) {
            if let (route, parameters) = try RouteTable.find(request) {
                try requestGuard.check(request, isWrite: route.isWrite)
                return try await perform(route, request, parameters)
            }
            try requestGuard.check(request, isWrite: false)
            if let page = try await PageRoutes.answer(request, self) { return page }
            throw Problem(404, "/\(request.segments.joined(separator: "/")): there is no such route or page")
        } catch {
            return error.answer
        }
    }

    /// A route's answer, to whoever may have it.
    func perform(_ route: Route, _ request: Request, _ parameters: [String: String]) async throws(Problem) -> Answer {
        defer { if route.isWrite { cache.noteWrite() } }
        return try await route.answer(request, parameters, self)
    }

    // MARK: The database

    /// The first column of the first row, as JSON text; nil when there is no row or it is NULL.
    func json(_ name: String, _ parameters: [PostgresParameter] = []) async throws(Problem) -> [UInt8]? {
        asked.add(1, ordering: .relaxed)
        do {
            return try await connection.run { session in
                let rows = try session.query(.observe(name), parameters)
                return rows.isEmpty ? nil : try rows.get(0, 0, as: [UInt8]?.self)
            }
        } catch let error as PostgresError {
            throw Problem(error, doing: name.replacing("_", with: " "))
        } catch {
            throw Problem(500, "\(name): \(error)")
        }
    }

    /// How often the database was asked something, since the start.
    var questions: Int { asked.load(ordering: .relaxed) }

    /// The same, shared and cached.
    func snapshot(
        _ name: String, _ parameters: [PostgresParameter] = [], maxAgeSeconds: Double = 1
    ) async throws(Problem) -> SnapshotCache.Snapshot {
        try await cache.get("\(name) \(parameters)", maxAgeSeconds: maxAgeSeconds) { [self] in
            if name == "queues" { try await measureLatency() }
            guard let bytes = try await json(name, parameters) else { throw Problem(404, "there is no such thing") }
            return bytes
        }
    }

    func value(
        _ name: String, _ parameters: [PostgresParameter] = [], maxAgeSeconds: Double = 1
    ) async throws(Problem) -> (value: JSONValue, staleSeconds: Double?) {
        let found = try await snapshot(name, parameters, maxAgeSeconds: maxAgeSeconds)
        do { return (try JSONValue(parsing: found.bytes), found.staleSeconds) } catch {
            throw Problem(500, "\(name): the database's answer is not JSON")
        }
    }

    /// An answer from the cache, marked when it is old.
    func cached(
        _ name: String, _ parameters: [PostgresParameter] = [], maxAgeSeconds: Double = 1, missing: String = "it"
    ) async throws(Problem) -> Answer {
        do throws(Problem) {
            let found = try await snapshot(name, parameters, maxAgeSeconds: maxAgeSeconds)
            return Self.marked(found.bytes, staleSeconds: found.staleSeconds)
        } catch {
            if error.status == 404 { throw Problem(404, "\(missing): not found") }
            throw error
        }
    }

    static func marked(_ bytes: [UInt8], staleSeconds: Double?) -> Answer {
        var answer = Answer(body: .bytes(bytes))
        guard let staleSeconds else { return answer }
        let age = (staleSeconds * 10).rounded() / 10
        answer.headers["x-absurd-stale-seconds"] = "\(age)"
        if bytes.first == UInt8(ascii: "{"), bytes.count > 2 {
            answer.body = .bytes(Array("{\"stale\":true,\"stale_seconds\":\(age),".utf8) + bytes.dropFirst())
        }
        return answer
    }

    static func marked(_ value: JSONValue, staleSeconds: Double?) -> Answer {
        marked(value.jsonBytes, staleSeconds: staleSeconds)
    }

    private func measureLatency() async throws {
        let took = try await connection.run { session in
            let began = monotonicSeconds()
            try session.query("SELECT 1")
            return monotonicSeconds() - began
        }
        latency.withLock { $0 = took }
    }

    /// Of the last look, a round trip that asks for nothing.
    var latencySeconds: Double? { latency.withLock { $0 } }

    private func changes(since cursor: String?) async throws -> JSONValue {
        var cursor = cursor
        if cursor == nil {
            cursor = try await connection.run { try $0.query(.observe("now")).get(0, 0, as: String.self) }
        }
        guard let bytes = try await json("changes", [.text(cursor ?? "")]),
            var found = try JSONValue(parsing: bytes).members
        else { return .null }
        found["queues"] = try await value("queues", maxAgeSeconds: Double(Limits.eventPauseMilliseconds) / 1000).value
        return .object(found)
    }
}

/// Lets the connection's thread ring a pump that is made after it.
private final class BellRope: Sendable {
    private let pump = Mutex<EventPump?>(nil)
    func tie(_ made: EventPump) { pump.withLock { $0 = made } }
    func ring() { pump.withLock { $0?.ring() } }
}
