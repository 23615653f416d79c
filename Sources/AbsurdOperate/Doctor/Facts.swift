public import Absurd
public import AbsurdHost

/// Everything that the checks judge. A part that could not be read is nil, and `unread` says why.
public struct Facts: Sendable {
    public var host = HostFacts()
    public var database: DatabaseFacts?
    /// By the name of the part.
    public var unread: [String: String] = [:]

    public init() {}
}

/// What the database says about itself, the queue and its nodes.
public struct DatabaseFacts: Sendable {
    public struct Connections: Sendable, Hashable {
        public var used: Int
        public var ofAbsurd: Int
        public var max: Int
        public var reserved: Int

        public init(used: Int, ofAbsurd: Int, max: Int, reserved: Int) {
            self.used = used
            self.ofAbsurd = ofAbsurd
            self.max = max
            self.reserved = reserved
        }
    }

    public struct Queue: Sendable, Hashable {
        public var name: String
        public var pending: Int64
        public var claimed: Int64
        public var oldestPendingSeconds: Double?
        public var isPaused: Bool

        public init(
            name: String, pending: Int64, claimed: Int64, oldestPendingSeconds: Double? = nil, isPaused: Bool = false
        ) {
            self.name = name
            self.pending = pending
            self.claimed = claimed
            self.oldestPendingSeconds = oldestPendingSeconds
            self.isPaused = isPaused
        }
    }

    /// A kind of task, with what its attempts took during the last day.
    public struct TaskKind: Sendable, Hashable {
        public var name: String
        public var timeoutSeconds: Int
        public var ended: Int64
        public var timedOut: Int64
        public var p50: Double?
        public var p95: Double?
        public var p99: Double?
        public var longest: Double?

        public init(
            name: String, timeoutSeconds: Int, ended: Int64, timedOut: Int64 = 0, p50: Double? = nil,
            p95: Double? = nil, p99: Double? = nil, longest: Double? = nil
        ) {
            self.name = name
            self.timeoutSeconds = timeoutSeconds
            self.ended = ended
            self.timedOut = timedOut
            self.p50 = p50
            self.p95 = p95
            self.p99 = p99
            self.longest = longest
        }
    }

    public struct Index: Sendable, Hashable {
        public var name: String
        public var table: String
        public var isValid: Bool
        public var isConstraint: Bool
        public var scans: Int64
        public var bytes: Int64

        public init(name: String, table: String, isValid: Bool, isConstraint: Bool, scans: Int64, bytes: Int64) {
            self.name = name
            self.table = table
            self.isValid = isValid
            self.isConstraint = isConstraint
            self.scans = scans
            self.bytes = bytes
        }
    }

    public struct Table: Sendable, Hashable {
        public var name: String
        public var liveRows: Int64
        public var deadRows: Int64
        public var bytes: Int64
        public var secondsSinceVacuum: Double?

        public init(
            name: String, liveRows: Int64, deadRows: Int64, bytes: Int64, secondsSinceVacuum: Double? = nil
        ) {
            self.name = name
            self.liveRows = liveRows
            self.deadRows = deadRows
            self.bytes = bytes
            self.secondsSinceVacuum = secondsSinceVacuum
        }
    }

    /// Somebody who keeps old row versions alive.
    public struct Snapshot: Sendable, Hashable {
        public var holder: String
        /// 0 where it is not a session.
        public var process: Int
        public var ageSeconds: Double
        public var doing: String

        public init(holder: String, process: Int, ageSeconds: Double, doing: String) {
            self.holder = holder
            self.process = process
            self.ageSeconds = ageSeconds
            self.doing = doing
        }
    }

    public struct Statement: Sendable, Hashable {
        public var text: String
        public var calls: Int64
        public var meanSeconds: Double
        public var totalSeconds: Double

        public init(text: String, calls: Int64, meanSeconds: Double, totalSeconds: Double) {
            self.text = text
            self.calls = calls
            self.meanSeconds = meanSeconds
            self.totalSeconds = totalSeconds
        }
    }

    public var latencySeconds: [Double] = []
    /// By name; times in seconds or milliseconds and sizes in the unit of `pg_settings`, as `SHOW` prints them.
    public var settings: [String: String]?
    public var connections: Connections?
    public var queues: [Queue]?
    public var nodes: [NodeFacts]?
    public var kinds: [TaskKind]?
    public var indexes: [Index]?
    /// The plan of a statement that must use an index, as EXPLAIN's JSON, by what the statement does.
    public var plans: [String: JSONValue]?
    public var tables: [Table]?
    public var transactionAge: Int64?
    public var snapshots: [Snapshot]?
    public var isStatementsInstalled: Bool?
    public var statements: [Statement]?
    public var checkpointsTimed: Int64?
    public var checkpointsRequested: Int64?
    /// Where the newest conversions read from.
    public var incomingDirectory: String?

    public init() {}
}

/// A node as it last told of itself.
public struct NodeFacts: Sendable, Hashable {
    public struct Worker: Sendable, Hashable {
        public var index: Int
        public var process: Int?
        public var state: String
        public var cpus: String?
        public var numaNode: Int?
        public var tasks: [Task]
        public var respawns: Int
        public var completed: Int
        public var failed: Int
        public var uptimeSeconds: Double?

        public var running: Int { tasks.count }

        public struct Task: Sendable, Hashable {
            public var id: String
            public var name: String
            public var progress: Double?
            public var message: String?
        }
    }

    public var name: String
    public var isAlive: Bool
    public var leaseSeconds: Double
    public var secondsSinceRenewal: Double?
    public var queues: [String]
    public var host: String?
    public var process: Int?
    public var userID: Int?
    public var stateDirectory: String?
    public var pollSeconds: Double?
    public var taskNames: [String]?
    /// serving, draining and so on.
    public var mode: String?
    /// By absurdctl, on this node only.
    public var pausedQueues: [String]
    public var workers: [Worker]
    public var seats: Int
    public var running: Int

    /// - Parameter info: the `info` column of absurd.nodes.
    public init(name: String, isAlive: Bool, leaseSeconds: Double, queues: [String], info: JSONValue) {
        func whole(_ value: JSONValue?) -> Int? { value?.int.map { Int($0) } }
        self.name = name
        self.isAlive = isAlive
        self.leaseSeconds = leaseSeconds
        self.queues = queues
        host = info["host"]?.text
        process = whole(info["pid"])
        userID = whole(info["user_id"])
        stateDirectory = info["state_directory"]?.text
        pollSeconds = info["poll_interval_seconds"]?.double
        taskNames = info["task_names"]?.items?.compactMap(\.text)
        mode = info["status"]?["state"]?.text
        pausedQueues = (info["status"]?["paused"]?.items ?? []).compactMap(\.text)
        workers = (info["workers"]?.items ?? []).map { row in
            Worker(
                index: whole(row["worker"]) ?? 0, process: whole(row["pid"]), state: row["state"]?.text ?? "",
                cpus: row["cpus"]?.text, numaNode: whole(row["numa_node"]),
                tasks: (row["running"]?.items ?? []).map { task in
                    Worker.Task(
                        id: task["task_id"]?.text ?? "", name: task["task_name"]?.text ?? "",
                        progress: task["progress"]?.double, message: task["message"]?.text)
                },
                respawns: whole(row["respawns"]) ?? 0, completed: whole(row["completed"]) ?? 0,
                failed: whole(row["failed"]) ?? 0, uptimeSeconds: row["uptime_seconds"]?.double)
        }
        seats = whole(info["status"]?["seats"]) ?? 0
        running = whole(info["status"]?["running"]) ?? 0
    }
}

/// What this machine says about itself.
public struct HostFacts: Sendable {
    public struct Space: Sendable, Hashable {
        public var totalBytes: Int64
        public var freeBytes: Int64

        public init(totalBytes: Int64, freeBytes: Int64) {
            self.totalBytes = totalBytes
            self.freeBytes = freeBytes
        }
    }

    public struct Process: Sendable, Hashable {
        /// The kernel's letter: R, S, D, T …
        public var state: Character
        public var name: String
        public var cpus: CPUSet?
        /// Pages of its memory by NUMA node.
        public var pages: [Int: Int64]

        public init(state: Character, name: String, cpus: CPUSet? = nil, pages: [Int: Int64] = [:]) {
            self.state = state
            self.name = name
            self.cpus = cpus
            self.pages = pages
        }
    }

    /// A place that the pipeline reads from or writes to.
    public struct Tier: Sendable, Hashable {
        public enum Role: String, Sendable, Hashable { case incoming, stage, tmpfs }

        public var role: Role
        public var path: String
        public var exists: Bool
        public var isWritable: Bool
        public var space: Space?
        /// Such as ext4 or tmpfs.
        public var fileSystem: String?

        public init(
            role: Role, path: String, exists: Bool, isWritable: Bool, space: Space? = nil, fileSystem: String? = nil
        ) {
            self.role = role
            self.path = path
            self.exists = exists
            self.isWritable = isWritable
            self.space = space
            self.fileSystem = fileSystem
        }
    }

    public var name = ""
    public var topology = Topology(nodes: [], cores: [])
    public var limits = HostLimits()
    /// Over 1, 5 and 15 minutes.
    public var loadAverages: [Double] = []
    /// Share of the last minute in which some task waited for a CPU; nil where the kernel does not count it.
    public var cpuPressurePercent: Double?
    public var memoryBytes: Int64 = 0
    public var memoryAvailableBytes: Int64 = 0
    /// Nil: /dev/shm is not mounted.
    public var sharedMemory: Space?
    public var processes: [Int: Process] = [:]
    /// Whether systemd-logind removes the shared memory of users who log out; nil where there is no logind.
    public var removesIPC: Bool?
    public var lingeringUsers: Set<String> = []
    public var userNames: [Int: String] = [:]
    /// Paths by program name; nil when it is not installed.
    public var programs: [String: String] = [:]
    public var casacoreLibrary: String?
    public var casacoreData: String?
    public var tiers: [Tier] = []

    public init() {}

    /// CPUs' worth of work that this machine may do.
    public var usableCPUs: Double {
        let cpus = Double((limits.cpus?.intersection(topology.cpus) ?? topology.cpus).count)
        return max(1, min(cpus, limits.cpuQuota ?? cpus))
    }
}
