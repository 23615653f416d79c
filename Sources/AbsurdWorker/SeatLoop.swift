import Absurd
import AbsurdHost
import AbsurdRing
import Glibc

/// One thread: takes a task from its lane, runs it, hands the result over, and sleeps on the lane's futex in between.
///
/// A handler that throws or misbehaves fails its own attempt; a crash takes the process, and the leader sees to it.
struct SeatLoop: Sendable {
    let seat: Seat
    let launch: WorkerLaunch
    let handlers: [String: any TaskHandler]

    init(seat: Seat, launch: WorkerLaunch, environment: [String: String]) {
        self.seat = seat
        self.launch = launch
        let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        var handlers: [String: any TaskHandler] = [
            "test-task": TestTaskHandler(), "echo": EchoHandler(), "sleep": SleepHandler(), "fail": FailHandler(),
            "command": CommandHandler(executablePath: path),
        ]
        let runner = StageRunner(executable: launch.stageExecutable, environment: environment)
        for name in launch.stageNames { handlers[name] = runner }
        self.handlers = handlers
    }

    func run() {
        var buffer: [UInt8] = []
        while true {
            switch seat.take(spins: 0, timeoutNanoseconds: -1) {
            case .nothing: if seat.isAskedToLeave { return }
            case .task(let view): perform(view, &buffer)
            case .corrupt:
                let error = "the task's bytes did not arrive whole in shared memory"
                hand(over: WorkResult(outcome: .failed, result: [], error: error), &buffer)
            }
        }
    }

    private func perform(_ view: SlotView, _ buffer: inout [UInt8]) {
        let meter = ResourceMeter()
        guard let order = order(view) else {
            let error = "the order is not one that this worker understands"
            return hand(over: WorkResult(outcome: .failed, result: [], error: error), &buffer)
        }
        let directories = AttemptDirectories(
            state: launch.stateDirectory, scratchRoot: launch.scratchRoot, taskName: order.name, fence: view.fence)
        let context = AttemptContext(
            fence: view.fence, stop: SeatStop(seat: seat), directories: directories, resources: meter
        ) { [seat] fraction, message in seat.report(fraction: fraction, message: message) }
        let result: HandlerResult
        if let handler = handlers[order.name] {
            result = handler.run(order, in: context)
        } else {
            result = .failure(error: "no handler for \(order.name) on this node", isPermanent: false)
        }
        hand(over: Self.verdict(result, meter), &buffer)
    }

    private func order(_ view: SlotView) -> WorkOrder? {
        guard view.isSpilled else { return WorkOrder(decoding: view.bytes) }
        let path = String(decoding: view.bytes, as: UTF8.self)
        defer { unlink(path) }
        guard let bytes = try? Spill.read(path) else { return nil }
        return bytes.withUnsafeBytes { WorkOrder(decoding: $0) }
    }

    static func verdict(_ result: HandlerResult, _ meter: ResourceMeter) -> WorkResult {
        let microseconds = UInt32(clamping: meter.wallNanoseconds / 1000)
        func whole(_ outcome: AttemptOutcome, _ json: [UInt8], _ error: String? = nil) -> WorkResult {
            guard json.count <= Limits.resultBytesMax else {
                let why = "its result has \(json.count) bytes; at most \(Limits.resultBytesMax) are kept"
                return WorkResult(outcome: .failedPermanent, result: [], error: why, durationMicroseconds: microseconds)
            }
            return WorkResult(outcome: outcome, result: json, error: error, durationMicroseconds: microseconds)
        }
        switch result {
        case .successText(let outputs):
            let head = Array(#"{"status":"success","message":"","errors":[],"outputs":"#.utf8)
            return whole(
                .completed, head + outputs + Array(#","resources":"#.utf8) + meter.json.jsonBytes + [UInt8(ascii: "}")])
        case .success(let outputs, let message):
            let json: JSONValue = [
                "status": "success", "outputs": outputs, "message": .string(message), "errors": [],
                "resources": meter.json,
            ]
            return whole(.completed, json.jsonBytes)
        case .failure(let error, let isPermanent):
            return whole(isPermanent ? .failedPermanent : .failed, failed(error, meter), error)
        case .stopped(let reason):
            let error = reason == .timedOut ? "ran out of time and was stopped" : "stopped: \(reason)"
            return whole(reason.outcome, failed(error, meter), error)
        case .crashed(let error): return whole(.crashed, failed(error, meter), error)
        case .whole(let json, let outcome, let error):
            var members = json.members ?? [:]
            members["resources"] = meter.json
            return whole(outcome, JSONValue.object(members).jsonBytes, error)
        }
    }

    private static func failed(_ error: String, _ meter: ResourceMeter) -> [UInt8] {
        let json: JSONValue = [
            "status": "error", "outputs": [:], "message": .string(error), "errors": [.string(error)],
            "resources": meter.json,
        ]
        return json.jsonBytes
    }

    /// Completes the slot. A result that does not fit the lane goes into a file; when nothing fits, the leader is about
    /// to free something.
    private func hand(over result: WorkResult, _ buffer: inout [UInt8]) {
        buffer.removeAll(keepingCapacity: true)
        result.encode(into: &buffer)
        let code = UInt32(result.outcome.rawValue)
        if buffer.withUnsafeBytes({ seat.complete(code, $0) }) == .completed { return }
        let directory = "\(launch.stateDirectory)/work"
        try? FileTree.makeDirectory(directory)
        let name = "result-\(getpid())-\(UInt64.random(in: .min ... .max))"
        if let path = try? buffer.withUnsafeBytes({ try Spill.write($0, directory: directory, name: name) }) {
            buffer = Array(path.utf8)
            while buffer.withUnsafeBytes({ seat.complete(code, $0, spilled: true) }) != .completed { usleep(1000) }
        } else {
            let error = "the result was lost: no room in shared memory and the disk refuses a file in \(directory)"
            buffer.removeAll()
            WorkResult(outcome: .failed, result: [], error: error).encode(into: &buffer)
            while buffer.withUnsafeBytes({ seat.complete(2, $0) }) != .completed { usleep(1000) }
        }
    }
}

/// The stop flag of the slot that the seat runs.
struct SeatStop: StopSource {
    let seat: Seat

    var reason: StopReason? { Self.reason(seat.cancelReason) }

    func wait(nanoseconds: Int64) -> StopReason? { Self.reason(seat.waitForCancel(timeoutNanoseconds: nanoseconds)) }

    private static func reason(_ code: UInt32) -> StopReason? {
        code == 0 ? nil : StopReason(rawValue: UInt8(truncatingIfNeeded: code)) ?? .cancelled
    }
}
