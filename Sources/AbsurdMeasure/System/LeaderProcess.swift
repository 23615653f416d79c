import Absurd
import AbsurdHost
import AbsurdStore
import Glibc

/// `absurd leader` as a process of its own, so that what it uses can be told from what the measuring uses.
public final class LeaderProcess {
    public let process: SpawnedProcess
    private var isOver = false

    /// - Parameters:
    ///   - executable: the program `absurd`, absolute.
    ///   - diesWithThread: it is killed when the calling thread ends, however that comes about.
    /// - Throws: `Refusal`, `PostgresError`. Returns when the leader serves its queue.
    public init(
        executable: String, databaseURL: String, stateDirectory: String, queue: String, workers: Int,
        concurrency: Int, diesWithThread: Bool, environment: [String: String] = ConnectionSettings.processEnvironment
    ) throws {
        mkdir(stateDirectory, 0o755)
        let log = open(stateDirectory + "/leader.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else {
            throw Refusal(
                stateDirectory, why: String(cString: strerror(errno)), remedy: "check it", exit: .cannotCreate)
        }
        defer { close(log) }
        var order = SpawnOrder(
            executable,
            [
                "leader", "--queue-name", queue, "--workers", "\(workers)", "--concurrency", "\(concurrency)",
                "--node-id", "measured-\(getpid())", "--state-dir", stateDirectory,
            ],
            environment: environment.filter { !$0.key.hasPrefix("ABSURD_") || $0.key == "ABSURD_LIBEXEC" }
                .merging(["ABSURD_DATABASE_URL": databaseURL]) { _, ours in ours })
        order.descriptors = [-1, log, log]
        order.deathSignal = diesWithThread ? SIGKILL : nil
        process = try order.start()
        do {
            let session = try PostgresSession(ConnectionSettings(url: databaseURL))
            let deadline = monotonicSeconds() + Double(Limits.measuredStartSeconds)
            while (try? LoadRun.requireLeader(of: queue, session)) == nil {
                guard process.reap() == nil, monotonicSeconds() < deadline else {
                    throw Refusal(
                        "leader", why: "it did not start: \(Self.lastLine(of: stateDirectory + "/leader.log"))",
                        remedy: "run `absurd leader` by hand to see why", exit: .unavailable)
                }
                usleep(20_000)
            }
        } catch {
            stop()
            throw error
        }
    }

    deinit { stop() }

    /// Ends it: a first request drains, a second one ends the waiting.
    public func stop() {
        guard !isOver else { return }
        isOver = true
        process.signal(SIGTERM)
        process.signal(SIGTERM)
        _ = process.waitForEnd()
        process.close()
    }

    private static func lastLine(of path: String) -> String {
        guard let file = fopen(path, "re") else { return "no log" }
        defer { fclose(file) }
        var last = ""
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), file) != nil {
            last = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        }
        return last.isEmpty ? "it said nothing" : last
    }
}
