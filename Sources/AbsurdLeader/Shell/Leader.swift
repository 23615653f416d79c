import Absurd
import AbsurdRing
import Glibc
import Synchronization

/// A node's leader in this process: a thread of its own, from `start` to `stop`.
///
/// Any thread may call any method. One leader a state directory: a second one is refused by the name of the first.
public final class Leader: Sendable {
    private let mailbox = Mailbox()
    private struct State {
        var isOver = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    private init() {}

    /// Takes the node's lock, makes or takes over the shared memory, and begins to lead.
    /// - Throws: `Refusal`.
    public static func start(_ configuration: LeaderConfiguration) throws -> Leader {
        for program in [configuration.workerExecutable, configuration.stageExecutable]
        where access(program, X_OK) != 0 {
            throw Refusal(
                program, why: "there is no such program",
                remedy: "install it beside absurd, or set ABSURD_LIBEXEC to its directory", exit: .configuration)
        }
        let run = try RunDirectory.take(configuration.runDirectory)
        do {
            let segment = try segment(configuration)
            for name in ["work", "products", "logs/tasks"] {
                try RunDirectory.makeDirectory("\(configuration.stateDirectory)/\(name)")
            }
            let leader = Leader()
            let loop = try LeaderLoop(configuration, run, segment, leader.mailbox)
            try leader.begin(loop)
            return leader
        } catch {
            run.release()
            throw error
        }
    }

    private static func segment(_ configuration: LeaderConfiguration) throws -> SharedSegment {
        let seats = configuration.placement.workers.map(\.seats).max() ?? 1
        // Room to grow while running: memory that is never touched costs only its reservation.
        let shape = SegmentShape(workers: max(configuration.placement.workers.count * 2, 4), seatsPerWorker: seats)
        if let old = try SharedSegment.adopt(runDirectory: configuration.runDirectory) {
            if old.shape == shape { return old }
            configuration.logger.warning("shared memory of another shape was left behind; it is made anew")
        }
        return try SharedSegment.create(runDirectory: configuration.runDirectory, shape: shape)
    }

    private final class Start {
        let loop: LeaderLoop
        let leader: Leader
        init(_ loop: LeaderLoop, _ leader: Leader) {
            self.loop = loop
            self.leader = leader
        }
    }

    private func begin(_ loop: LeaderLoop) throws {
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(loop, self)).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                let start = Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue()
                start.loop.runToEnd()
                start.leader.end()
                return nil
            }, start)
        guard code == 0 else {
            Unmanaged<Start>.fromOpaque(start).release()
            throw Refusal(
                "leader", why: "no thread: \(String(cString: strerror(code)))", remedy: "raise the process limit",
                exit: .tryAgain)
        }
        pthread_detach(thread)
    }

    private func end() {
        mailbox.close()
        let waiters = state.withLock { state in
            state.isOver = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when the leader has ended, for whatever reason.
    public func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.waiters.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }

    public var isOver: Bool { state.withLock { $0.isOver } }

    /// Drains and ends: running attempts may finish until the drain's deadline. A second call ends the waiting.
    public func stop() async {
        _ = await ask(.stop)
        await waitForEnd()
    }

    /// The same requests as `absurdctl` makes. The answer is an object; `error` in it is one line for a person.
    public func ask(_ request: AdminRequest) async -> JSONValue {
        await withCheckedContinuation { continuation in
            mailbox.send(request) { continuation.resume(returning: $0) }
        }
    }
}
