import Absurd
import AbsurdRing
import Glibc

/// The whole life of an `absurd-worker`: attach to the shared memory, one thread a seat, leave when asked.
///
/// Who writes what: each thread owns its seat; the segment and the settings are read by all and changed by none.
/// Death: SIGKILL at any instruction is fine; the leader walks the lanes. The worker itself never ends a lane.
public enum WorkerProcess {
    public static let usage =
        "usage: absurd-worker --segment FD --bell FD --worker N --incarnation N --state-dir DIR "
        + "--scratch DIR --stage PROGRAM [--stage-name NAME]... (the leader starts it)"

    public static func run(_ arguments: [String]) -> ExitCode {
        // The leader decides when a worker ends; Ctrl-C and systemd signal the whole group.
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { Glibc.signal(signal, SIG_IGN) }
        guard let launch = WorkerLaunch(arguments: arguments) else { return complain(usage, .usage) }
        let segment: SharedSegment
        do {
            segment = try SharedSegment.attach(descriptor: launch.segment, bell: launch.bell)
        } catch {
            return complain(error.description, error.exit)
        }
        guard
            segment.enterWorkerRow(
                launch.worker, incarnation: launch.incarnation, processID: getpid(),
                startTicks: startTicks())
        else { return .tryAgain }
        let environment = environment()
        var threads: [pthread_t] = []
        for number in 0..<segment.shape.seatsPerWorker {
            let seat = segment.seat(worker: launch.worker, seat: number)
            guard let thread = start(SeatLoop(seat: seat, launch: launch, environment: environment)) else {
                return complain("absurd-worker: cannot start a thread: \(String(cString: strerror(errno)))", .tryAgain)
            }
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        return .success
    }

    private final class Box {
        let loop: SeatLoop
        init(_ loop: SeatLoop) { self.loop = loop }
    }

    private static func start(_ loop: SeatLoop) -> pthread_t? {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(loop)).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().loop.run()
                return nil
            }, box)
        return code == 0 ? thread : nil
    }

    /// Field 22 of /proc/self/stat: with the pid it names this process for ever.
    private static func startTicks() -> UInt64 {
        let file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = read(file, &buffer, buffer.count)
        let text = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return 0 }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? UInt64(fields[19]) ?? 0 : 0
    }

    private static func complain(_ line: String, _ exit: ExitCode) -> ExitCode {
        let text = line + "\n"
        _ = write(STDERR_FILENO, text, text.utf8.count)
        return exit
    }
}

extension WorkerProcess {
    static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let line = entry.pointee {
            let text = String(cString: line)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry += 1
        }
        return result
    }
}
