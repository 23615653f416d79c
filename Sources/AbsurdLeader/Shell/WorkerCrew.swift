import Absurd
import AbsurdHost
import AbsurdRing
import Glibc
import Logging

/// The worker processes and the leader's side of their lanes.
///
/// Owned by the leader's thread, which spawns the workers because they die with the thread that spawned them. Beginnings,
/// results and deaths are turned into events of the state machine; nothing is decided here.
final class WorkerCrew {
    struct Worker {
        var process: SpawnedProcess
        var startedAt: Moment
        var completed: UInt64 = 0
        var failed: UInt64 = 0
    }

    private struct Place {
        var seat: SeatID
        /// nil: it waits here for room in the lane.
        var position: UInt64?
    }

    private let configuration: LeaderConfiguration
    private let segment: SharedSegment
    private let poller: Poller
    private var lanes: [[Lane]] = []
    private(set) var workers: [Int: Worker] = [:]
    private var deaths: [Int: Int] = [:]
    private var places: [Fence: Place] = [:]
    private var waiting: [SeatID: [(ClaimedTask, GrantBook.Grant?)]] = [:]
    private var spilled: [Fence: String] = [:]
    /// Seats to be woken, and which those are.
    private var dirty: [SeatID] = []
    private var isDirty: [[Bool]] = []
    private var reported: [Fence: Lane.Progress] = [:]
    private var buffer: [UInt8] = []

    init(_ configuration: LeaderConfiguration, segment: SharedSegment, poller: Poller) {
        self.configuration = configuration
        self.segment = segment
        self.poller = poller
        for worker in 0..<segment.shape.workers {
            lanes.append((0..<segment.shape.seatsPerWorker).map { segment.lane(worker: worker, seat: $0) })
            isDirty.append(Array(repeating: false, count: segment.shape.seatsPerWorker))
        }
    }

    private func lane(_ seat: SeatID) -> Lane { lanes[seat.worker][seat.seat] }

    // MARK: Processes

    /// - Returns: `workerUp`, or `workerDied` when it could not be started.
    func spawn(_ index: Int, at now: Moment) -> LeaderEvent {
        let launch = WorkerLaunch(
            segment: 3, bell: 4, worker: index, incarnation: segment.openWorkerRow(index),
            stateDirectory: configuration.stateDirectory, scratchRoot: configuration.scratchRoot,
            stageExecutable: configuration.stageExecutable, stageNames: Set(configuration.stageNames))
        var order = SpawnOrder(
            configuration.workerExecutable, launch.arguments, environment: configuration.environment)
        order.descriptors = [-1, 2, 2, segment.descriptor, segment.bell]
        order.deathSignal = SIGKILL
        order.isolation = .session
        order.directory = configuration.stateDirectory
        if let place = placement(of: index) {
            order.cpus = place.cpus
            order.memoryNodes = place.memoryNodes
        }
        do {
            let process = try order.start()
            workers[index] = Worker(process: process, startedAt: now)
            poller.watch(process.descriptor, tag: ReadyTag.workers | UInt64(index))
            if let warning = process.placementWarning {
                configuration.logger.warning(
                    "worker runs unpinned", metadata: ["worker": "\(index)", "why": "\(warning)"])
            }
            return .workerUp(worker: index, seats: segment.shape.seatsPerWorker)
        } catch {
            return .workerDied(worker: index, cause: error.description)
        }
    }

    func placement(of index: Int) -> Placement.Worker? {
        let workers = configuration.placement.workers
        return workers.isEmpty ? nil : workers[index % workers.count]
    }

    func kill(_ index: Int) { workers[index]?.process.signal(SIGKILL) }

    /// A worker whose pidfd is readable. Its results come first, then what it had begun, then its death.
    func buryIfDead(_ index: Int) -> [LeaderEvent] {
        guard let worker = workers[index], let end = worker.process.reap() else { return [] }
        poller.forget(worker.process.descriptor)
        worker.process.close()
        workers[index] = nil
        deaths[index, default: 0] += 1
        segment.closeWorkerRow(index)
        var events = collect(worker: index)
        events += walk(index)
        events.append(.workerDied(worker: index, cause: Self.sentence(end.cause)))
        return events
    }

    static func sentence(_ cause: SpawnedProcess.End.Cause) -> String {
        switch cause {
        case .exited(let code): "ended with exit code \(code)"
        case .killed(let signal): "killed by signal \(signal) (\(String(cString: strsignal(signal))))"
        case .unknown: "ended"
        }
    }

    /// Empties a dead worker's lanes of what it did not finish; says which of that it had begun.
    private func walk(_ index: Int) -> [LeaderEvent] {
        var starts: [SeatStart] = []
        for (number, lane) in lanes[index].enumerated() {
            let seat = SeatID(worker: index, seat: number)
            lane.reclaim { view, fate in
                places[view.fence] = nil
                guard fate == .lost else { return }
                sweep(view.fence)
                starts.append(SeatStart(seat: seat, fence: view.fence))
            }
            waiting[seat] = nil
        }
        return starts.isEmpty ? [] : [.taken(starts)]
    }

    /// What a dead leader's workers left in the segment: whole results, attempts that had begun, others that had not.
    func inherit() -> [FinishedAttempt] {
        var inherited: [FinishedAttempt] = []
        for (index, seats) in lanes.enumerated() {
            let row = segment.workerRow(index)
            if row.state == .ready, row.processID > 0,
                let old = SpawnedProcess.find(
                    ProcessIdentity(processID: row.processID, startTicks: row.startTicks))
            {
                old.signal(SIGKILL)
                _ = old.waitForEnd()
                old.close()
            }
            for lane in seats {
                while case .result(let view) = lane.poll() {
                    if let result = read(view) {
                        inherited.append(
                            FinishedAttempt(
                                fence: view.fence, outcome: result.outcome, result: result.result, error: result.error))
                    }
                    lane.free(view.position)
                }
                lane.reclaim { view, fate in
                    if fate == .lost { killProcesses(view.fence) }
                    inherited.append(
                        FinishedAttempt(
                            fence: view.fence, outcome: fate == .lost ? .crashed : .released,
                            error: fate == .lost ? "its leader died, and its worker with it" : nil))
                }
                lane.repair()
            }
        }
        return inherited
    }

    // MARK: Lanes

    /// What an attempt that died with its worker left behind.
    private func sweep(_ fence: Fence) {
        Sweeper.sweep(
            AttemptDirectories(
                state: configuration.stateDirectory, scratchRoot: configuration.scratchRoot, taskName: "", fence: fence)
        )
    }

    func offer(_ seat: SeatID, _ task: ClaimedTask, _ grant: GrantBook.Grant?) {
        if waiting.isEmpty || waiting[seat] == nil, place(seat, task, grant) { return }
        places[task.fence] = Place(seat: seat, position: nil)
        waiting[seat, default: []].append((task, grant))
    }

    private func place(_ seat: SeatID, _ task: ClaimedTask, _ grant: GrantBook.Grant?) -> Bool {
        buffer.removeAll(keepingCapacity: true)
        let order = WorkOrder(
            name: task.name, params: task.params, timeoutSeconds: task.timeoutSeconds,
            grant: grant.map {
                WorkOrder.Grant(cpus: $0.cpus.members, numaNode: $0.node, memoryBytes: $0.memoryBytes)
            })
        order.encode(into: &buffer)
        var offer = buffer.withUnsafeBytes { lane(seat).offer(task.fence, $0) }
        if offer == .tooLarge || offer == .noRoom {
            let directory = configuration.stateDirectory + "/work"
            let name = "order-\(task.fence.task)-\(task.fence.attempt)"
            guard let path = try? buffer.withUnsafeBytes({ try Spill.write($0, directory: directory, name: name) })
            else { return false }
            buffer = Array(path.utf8)
            offer = buffer.withUnsafeBytes { lane(seat).offer(task.fence, $0, spilled: true) }
            if case .offered = offer {} else { unlink(path) }
        }
        guard case .offered(let position) = offer else { return false }
        places[task.fence] = Place(seat: seat, position: position)
        if !isDirty[seat.worker][seat.seat] {
            isDirty[seat.worker][seat.seat] = true
            dirty.append(seat)
        }
        return true
    }

    /// After slots were freed: what waited goes in, in order.
    private func placeWaiting(_ seat: SeatID) {
        while let (task, grant) = waiting[seat]?.first {
            guard place(seat, task, grant) else { return }
            waiting[seat]?.removeFirst()
        }
        waiting[seat] = nil
    }

    /// One wake-up a seat for all that was offered to it.
    func wakeSeats() {
        for seat in dirty {
            lane(seat).wake()
            isDirty[seat.worker][seat.seat] = false
        }
        dirty.removeAll(keepingCapacity: true)
    }

    func revoke(_ seat: SeatID, _ fence: Fence) -> LeaderEvent? {
        guard let place = places[fence], place.seat == seat else { return nil }
        guard let position = place.position else {
            waiting[seat]?.removeAll { $0.0.fence == fence }
            if waiting[seat]?.isEmpty == true { waiting[seat] = nil }
            places[fence] = nil
            return .revoked(fence)
        }
        if lane(seat).revoke(position) {
            lane(seat).free(position)
            places[fence] = nil
            return .revoked(fence)
        }
        return lane(seat).state(position) == .running ? .taken([SeatStart(seat: seat, fence: fence)]) : nil
    }

    func stop(_ seat: SeatID, _ fence: Fence, _ reason: StopReason) {
        guard let position = places[fence]?.position else { return }
        lane(seat).cancel(position, reason: UInt32(reason.rawValue))
    }

    func killProcesses(_ fence: Fence) {
        ProcessTree(session: 0, mark: "ABSURD_ATTEMPT=\(fence.task)/\(fence.attempt)").kill()
    }

    func free(_ seat: SeatID, _ fence: Fence) {
        if !spilled.isEmpty, let path = spilled.removeValue(forKey: fence) { unlink(path) }
        if !reported.isEmpty { reported[fence] = nil }
        guard let position = places.removeValue(forKey: fence)?.position else { return }
        lane(seat).free(position)
        if !waiting.isEmpty, waiting[seat] != nil { placeWaiting(seat) }
    }

    /// Everything that has ended since the last look.
    func collect() -> [LeaderEvent] { lanes.indices.flatMap { collect(worker: $0) } }

    private func collect(worker index: Int) -> [LeaderEvent] {
        var completions: [SeatCompletion] = []
        var completed: UInt64 = 0
        defer {
            workers[index]?.completed += completed
            workers[index]?.failed += UInt64(completions.count) - completed
        }
        for (number, lane) in lanes[index].enumerated() {
            let seat = SeatID(worker: index, seat: number)
            loop: while true {
                switch lane.poll() {
                case .nothing: break loop
                case .result(let view):
                    guard let result = read(view) else {
                        kill(index)
                        break loop
                    }
                    if result.outcome == .completed { completed += 1 }
                    completions.append(
                        SeatCompletion(
                            seat: seat,
                            attempt: FinishedAttempt(
                                fence: view.fence, outcome: result.outcome, result: result.result, error: result.error),
                            duration: Span(nanoseconds: Int64(result.durationMicroseconds) * 1000)))
                case .corrupt:
                    configuration.logger.error(
                        "lane is corrupt; its worker is replaced", metadata: ["worker": "\(index)"])
                    kill(index)
                    break loop
                }
            }
        }
        return completions.isEmpty ? [] : [.completed(completions)]
    }

    private func read(_ view: SlotView) -> WorkResult? {
        guard view.isSpilled else { return WorkResult(outcome: view.outcome, decoding: view.bytes) }
        let path = String(decoding: view.bytes, as: UTF8.self)
        guard let bytes = try? Spill.read(path) else {
            return WorkResult(outcome: .failed, result: [], error: "its result's file \(path) can't be read")
        }
        spilled[view.fence] = path
        return bytes.withUnsafeBytes { WorkResult(outcome: view.outcome, decoding: $0) }
    }

    /// The attempts that have begun though the leader has not heard of it.
    func scan() -> [LeaderEvent] {
        var starts: [SeatStart] = []
        for (worker, seats) in lanes.enumerated() {
            for (number, lane) in seats.enumerated() {
                guard let first = lane.outstanding.first(where: { lane.state($0) == .running }) else { continue }
                starts.append(
                    SeatStart(seat: SeatID(worker: worker, seat: number), fence: lane.view(first).fence))
            }
        }
        return starts.isEmpty ? [] : [.taken(starts)]
    }

    /// Progress that has changed since it was last reported.
    func progress(_ starts: [SeatStart]) -> [(fence: Fence, fraction: Double, message: String)] {
        starts.compactMap { start in
            guard let position = places[start.fence]?.position, let now = lane(start.seat).progress(position),
                reported[start.fence] != now
            else { return nil }
            reported[start.fence] = now
            return (start.fence, now.fraction, now.message)
        }
    }

    func progress(of fence: Fence) -> Lane.Progress? {
        guard let place = places[fence], let position = place.position else { return nil }
        return lane(place.seat).progress(position)
    }

    func respawns(_ index: Int) -> Int { deaths[index] ?? 0 }

    /// The lanes as `absurdctl ring` shows them.
    func ringTable() -> [JSONValue] {
        lanes.indices.flatMap { worker in
            lanes[worker].indices.map { number in
                let lane = lanes[worker][number]
                var states: [SlotState: Int] = [:]
                for position in lane.outstanding { states[lane.state(position), default: 0] += 1 }
                return [
                    "worker": .integer(Int64(worker)), "seat": .integer(Int64(number)),
                    "slots": .integer(Int64(segment.shape.slotsPerLane)),
                    "offered": .integer(Int64(states[.offered] ?? 0)),
                    "running": .integer(Int64(states[.running] ?? 0)),
                    "done": .integer(Int64(states[.done] ?? 0)), "free": .integer(Int64(lane.freeSlots)),
                ]
            }
        }
    }
}
