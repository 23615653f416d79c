public import Absurd

/// Why a task is pending, slow, failed or whatever it is: facts in, sentences out. Pure.
public struct Explanation: Sendable {
    public struct Parent: Sendable, Hashable {
        public var id: TaskID
        public var name: String
        public var state: TaskState

        public init(id: TaskID, name: String, state: TaskState) {
            self.id = id
            self.name = name
            self.state = state
        }
    }

    /// What completed tasks of the same name took.
    public struct Usual: Sendable, Hashable {
        public var count: Int64
        public var p50: Double
        public var p95: Double
        public var p99: Double

        public init(count: Int64, p50: Double, p95: Double, p99: Double) {
            self.count = count
            self.p50 = p50
            self.p95 = p95
            self.p99 = p99
        }
    }

    public var id: TaskID
    public var name: String
    public var queue: String
    public var state: TaskState
    public var now: Timestamp
    public var attempt: Int = 0
    public var retriesMax: Int = 0
    public var error: String?
    public var outcome: String?
    public var claimedAt: Timestamp?
    public var completedAt: Timestamp?
    public var dueAt: Timestamp?
    public var waitSeconds: Double?
    public var runSeconds: Double?
    public var progress: Double?
    public var message: String?
    public var place: String?
    public var timeoutSeconds: Int?
    public var isPaused = false
    public var runningMax: Int?
    public var runningNow: Int64 = 0
    public var key: String?
    public var keyMax: Int?
    public var keyNow: Int64 = 0
    public var ahead: Int64 = 0
    public var nodes: [NodeFacts] = []
    public var parents: [Parent] = []
    /// Parents that are not there any more.
    public var parentsGone = 0
    public var usual: Usual?

    public init(id: TaskID, name: String, queue: String, state: TaskState, now: Timestamp) {
        self.id = id
        self.name = name
        self.queue = queue
        self.state = state
        self.now = now
    }

    public var reasons: [String] {
        switch state {
        case .pending: whyPending
        case .blocked: whyBlocked
        case .scheduled: whyLater("is to run at")
        case .retrying:
            whyLater("attempt \(attempt) failed (\(error ?? "no reason given")); attempt \(attempt + 1) is to run at")
        case .claimed: whyRunning
        case .completed:
            ["waited \(Brief.seconds(waitSeconds)), ran \(Brief.seconds(runSeconds))"] + compared(runSeconds, "took")
        case .failed: whyFailed
        case .cancelled: ["was cancelled at \(completedAt.map { "\($0)" } ?? "-"): \(error ?? "no reason was given")"]
        }
    }

    private var serving: [NodeFacts] { nodes.filter { $0.isAlive && $0.queues.contains(queue) } }

    private var whyPending: [String] {
        var lines: [String] = []
        if isPaused { lines.append("queue \(queue) is paused in the database: nothing is taken from it") }
        let alive = nodes.filter(\.isAlive)
        if alive.isEmpty {
            lines.append("no node is alive; start one: absurd leader --queue-name \(queue)")
        } else if serving.isEmpty {
            let served = Set(alive.flatMap(\.queues)).sorted().joined(separator: ", ")
            lines.append(
                "no living node serves queue \(queue) (they serve \(served)); start one: absurd leader --queue-name \(queue)"
            )
        } else {
            lines += whyNotTaken
        }
        if let runningMax, runningNow >= Int64(runningMax) {
            lines.append("queue \(queue) may run \(runningMax) tasks at a time over all nodes, and runs \(runningNow)")
        }
        if let keyMax, let key, keyNow >= Int64(keyMax) {
            lines.append("\(keyMax) tasks with the concurrency key \(key) may run at a time, and \(keyNow) do")
        }
        lines.append(
            ahead == 0 ? "is the next of its queue" : "\(ahead) tasks of its queue are before it, by priority and age")
        return lines
    }

    /// Nodes serve the queue: do they know the task, do they take tasks, have they room?
    private var whyNotTaken: [String] {
        let knowing = serving.filter { $0.taskNames?.contains(name) ?? true }
        guard !knowing.isEmpty else {
            return [
                "no node of queue \(queue) knows a task named \(name); it waits for one that does (a newer release, or a "
                    + "Python worker)"
            ]
        }
        var lines: [String] = []
        for node in knowing {
            if node.pausedQueues.contains(queue) {
                lines.append("queue \(queue) is paused on node \(node.name): absurdctl unpause \(queue) there")
            } else if let mode = node.mode, mode != "serving" {
                lines.append("node \(node.name) is \(mode) and takes no tasks: absurdctl resume there")
            }
        }
        let open = knowing.filter { !$0.pausedQueues.contains(queue) && ($0.mode ?? "serving") == "serving" }
        let seats = open.reduce(0) { $0 + $1.seats }
        let running = open.reduce(0) { $0 + $1.running }
        if seats > 0, running >= seats {
            lines.append("all \(seats) seats of the nodes that may run it are busy")
        } else if lines.count < knowing.count, ahead == 0, !isPaused {
            lines.append(
                "\(open.map(\.name).joined(separator: ", ")) may run it (\(running) of \(seats) seats busy): it is about to be "
                    + "taken, or waits for cores or memory")
        }
        return lines
    }

    private var whyBlocked: [String] {
        var lines = parents.filter { $0.state != .completed }.map { parent in
            let base = "waits for \(parent.name) \(parent.id), which is \(parent.state.rawValue)"
            return parent.state == .failed || parent.state == .cancelled
                ? base + ": it stays blocked until that runs again: absurd tasks retry \(parent.id)" : base
        }
        if parentsGone > 0 { lines.append("\(parentsGone) of the tasks that it waits for are archived or deleted") }
        if lines.isEmpty { lines.append("its parents have completed: it is about to be released") }
        return lines
    }

    private func whyLater(_ what: String) -> [String] {
        guard let dueAt else { return ["\(what) a later time"] }
        let left = dueAt.seconds - now.seconds
        var lines = ["\(what) \(dueAt)" + (left > 0 ? ", in \(Brief.seconds(left))" : ", \(Brief.seconds(-left)) ago")]
        if left < -5, nodes.allSatisfy({ !$0.isAlive }) {
            lines.append("no node is alive to release it; start one: absurd leader")
        }
        if state == .retrying { lines.append("\(max(0, retriesMax - attempt + 1)) retries are left") }
        return lines
    }

    private var whyRunning: [String] {
        let elapsed = claimedAt.map { now.seconds - $0.seconds }
        var lines = ["runs on \(place ?? "a node") for \(Brief.seconds(elapsed)), attempt \(attempt)"]
        if let progress { lines.append("is at \(Int(progress * 100)) %: \(message ?? "")") }
        lines += compared(elapsed, "has run for")
        if let timeoutSeconds, let elapsed {
            let left = Double(timeoutSeconds) - elapsed
            lines.append(
                left > 0
                    ? "is stopped in \(Brief.seconds(left)) if it has not ended (time-out \(timeoutSeconds) s)"
                    : "is past its time-out of \(timeoutSeconds) s and is being stopped")
        }
        if let node = nodes.first(where: { $0.name == place?.split(separator: "/").first.map(String.init) }) {
            if !node.isAlive {
                lines.append(
                    "node \(node.name) has lost its lease: the task is given to another node at the next sweep")
            } else if node.activity != .active {
                lines.append(
                    "node \(node.name) was last heard of \(Brief.seconds(node.secondsSinceRenewal)) ago; its lease ends in "
                        + Brief.seconds(node.leaseSeconds))
            }
        }
        return lines
    }

    private var whyFailed: [String] {
        var lines = ["ended at \(completedAt.map { "\($0)" } ?? "-"): \(error ?? "no reason was given")"]
        switch outcome {
        case "timed_out":
            lines.append(
                "its last attempt ran out of \(timeoutSeconds.map { "\($0) s" } ?? "time"); absurd doctor proposes a time-out"
            )
        case "failed_permanent":
            lines.append("the handler says that trying again is of no use before its params or inputs change")
        case "crashed": lines.append("its last attempt crashed with its process or node; see absurd tasks logs \(id)")
        case "parent_lost": lines.append("a task that it needs was lost; retry that one first")
        default: lines.append("\(attempt) attempts were made; see absurd tasks logs \(id)")
        }
        lines.append("to run it again with all its retries: absurd tasks retry \(id)")
        return lines
    }

    /// Against what is usual for its kind.
    private func compared(_ seconds: Double?, _ verb: String) -> [String] {
        guard let usual, usual.count >= 10, let seconds else { return [] }
        let base =
            "the last \(usual.count) completed \(name) tasks took p50 \(Brief.seconds(usual.p50)), p95 "
            + "\(Brief.seconds(usual.p95)), p99 \(Brief.seconds(usual.p99))"
        if seconds > usual.p99 { return ["\(verb) longer than 99 of 100 of its kind: " + base] }
        if seconds > usual.p95 { return ["\(verb) longer than 95 of 100 of its kind: " + base] }
        return [base]
    }
}
