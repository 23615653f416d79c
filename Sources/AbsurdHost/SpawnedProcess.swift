import CHost
import Glibc

/// A process known by its pidfd: no other process can ever be mistaken for it.
///
/// The descriptor becomes readable in poll and epoll when the process ends. Call ``close()`` when done with it.
public struct SpawnedProcess: Sendable, Hashable {
    public let processID: Int32
    /// The pidfd. Close-on-exec.
    public let descriptor: Int32
    /// The CPU set or memory policy that the kernel refused: to be said once.
    public let placementWarning: String?

    /// A process that somebody else spawned, such as a dead leader's worker. Nil when it is gone.
    public static func find(_ identity: ProcessIdentity) -> SpawnedProcess? {
        let descriptor = host_pidfd_open(identity.processID)
        guard descriptor >= 0 else { return nil }
        // The start time is compared after the pidfd holds the process: a recycled number can't slip in between.
        guard ProcessIdentity.of(identity.processID) == identity else {
            Glibc.close(descriptor)
            return nil
        }
        return SpawnedProcess(processID: identity.processID, descriptor: descriptor, placementWarning: nil)
    }

    public struct End: Sendable, Hashable {
        public enum Cause: Sendable, Hashable {
            case exited(code: Int32)
            case killed(signal: Int32)
            /// It was not our child: nobody tells us.
            case unknown
        }
        public var cause: Cause
        public var usage: ResourceUse

        public init(cause: Cause, usage: ResourceUse = ResourceUse()) {
            self.cause = cause
            self.usage = usage
        }
    }

    /// Reaps it if it has ended; nil while it lives. `keepZombie` leaves its number taken until the next call.
    public func reap(keepZombie: Bool = false) -> End? { wait(block: false, keepZombie: keepZombie) }

    /// Waits for its end and reaps it.
    public func waitForEnd() -> End { wait(block: true, keepZombie: false) ?? End(cause: .unknown) }

    @discardableResult
    public func signal(_ signal: Int32) -> Bool { host_pidfd_signal(descriptor, signal) == 0 }

    public func close() { Glibc.close(descriptor) }

    private func wait(block: Bool, keepZombie: Bool) -> End? {
        var end = host_exit()
        switch host_wait(descriptor, block ? 1 : 0, keepZombie ? 1 : 0, &end) {
        case 0: return nil
        case 1:
            let exited = Int(end.code) == Int(CLD_EXITED)
            return End(
                cause: exited ? .exited(code: end.status) : .killed(signal: end.status), usage: ResourceUse(end.usage))
        default:
            // Not our child: readable means ended.
            var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&state, 1, block ? -1 : 0) > 0 ? End(cause: .unknown) : nil
        }
    }
}

/// What a process and the children that it waited for have used.
public struct ResourceUse: Sendable, Hashable {
    public var userSeconds = 0.0
    public var systemSeconds = 0.0
    public var maxResidentBytes: Int64 = 0
    /// 512-byte blocks really read from and written to storage.
    public var readBytes: Int64 = 0
    public var writeBytes: Int64 = 0

    public var cpuSeconds: Double { userSeconds + systemSeconds }

    public init() {}

    init(_ usage: rusage) {
        userSeconds = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
        systemSeconds = Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
        maxResidentBytes = Int64(usage.ru_maxrss) << 10
        readBytes = Int64(usage.ru_inblock) << 9
        writeBytes = Int64(usage.ru_oublock) << 9
    }
}

/// A process for ever: its number and when it started.
public struct ProcessIdentity: Sendable, Hashable {
    public var processID: Int32
    /// Field 22 of /proc/PID/stat: clock ticks after boot.
    public var startTicks: UInt64

    public init(processID: Int32, startTicks: UInt64) {
        self.processID = processID
        self.startTicks = startTicks
    }

    public static var current: ProcessIdentity {
        of(getpid()) ?? ProcessIdentity(processID: getpid(), startTicks: 0)
    }

    /// Nil when no such process exists.
    public static func of(_ processID: Int32) -> ProcessIdentity? {
        ProcessStatus.read(processID).map { ProcessIdentity(processID: processID, startTicks: $0.startTicks) }
    }
}

/// The fields of /proc/PID/stat that matter here.
struct ProcessStatus {
    var processID: Int32
    var state: Character
    var parent: Int32
    var group: Int32
    var session: Int32
    var startTicks: UInt64

    static func read(_ processID: Int32, root: String = "/proc") -> ProcessStatus? {
        guard let text = SystemFile.text("\(root)/\(processID)/stat") else { return nil }
        return parse(text)
    }

    /// The name in parentheses may hold anything, so fields are counted after the last one.
    static func parse(_ text: String) -> ProcessStatus? {
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: close)...].split(whereSeparator: \.isWhitespace)
        guard fields.count > 19, let processID = Int32(text[..<open].filter(\.isNumber)), let parent = Int32(fields[1]),
            let group = Int32(fields[2]), let session = Int32(fields[3]), let start = UInt64(fields[19])
        else { return nil }
        return ProcessStatus(
            processID: processID, state: fields[0].first ?? "?", parent: parent, group: group, session: session,
            startTicks: start)
    }
}
