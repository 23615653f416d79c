import AbsurdOperate
import AbsurdStore
import Glibc
import Synchronization

/// The monitor on a terminal: keys and looks go into the model, its frame goes onto the screen.
///
/// Two threads. The looking one reads a byte from `requests`, looks, puts the look into `newest` and wakes the drawing one,
/// which owns model and terminal. A database that hangs holds up the first only. Both end with the program.
struct MonitorScreen {
    private let reading: MonitorReading
    private let log: MonitorLog?
    private let interval: Double
    private let queue: String?

    init(_ reading: MonitorReading, interval: Double, queue: String?, log: MonitorLog?) {
        self.reading = reading
        self.interval = interval
        self.queue = queue
        self.log = log
    }

    private final class Newest: Sendable {
        let look = Mutex<MonitorSnapshot?>(nil)
    }

    func run() throws {
        let terminal = try Terminal()
        let newest = Newest()
        let requests = try startLooking(newest, wake: terminal.waker)
        var model = MonitorModel(intervalSeconds: interval, queue: queue)
        model.isUnicode = Self.isUnicode
        var nextLook = 0.0
        func resize() { _ = model.handle(.size(columns: terminal.size.columns, rows: terminal.size.rows)) }
        resize()
        while true {
            terminal.draw(model.frame, isColoured: Console.hasColour)
            let now = monotonicSeconds()
            if now >= nextLook {
                ask(requests)
                nextLook = now + interval
            }
            for input in terminal.wait(milliseconds: Int((nextLook - now) * 1000) + 1) {
                switch input {
                case .ended: return
                case .resized, .resumed: resize()
                case .woken:
                    guard let look = newest.look.withLock({ $0.take() }) else { continue }
                    try log?.append(look)
                    _ = model.handle(.look(look))
                case .bytes(let bytes):
                    for key in Key.parse(bytes) {
                        switch model.handle(.key(key)) {
                        case .none: break
                        case .look: nextLook = 0
                        case .quit: return
                        case .suspend: terminal.suspend()
                        }
                    }
                }
            }
        }
    }

    private func ask(_ requests: Int32) {
        var byte: UInt8 = 1
        _ = write(requests, &byte, 1)
    }

    /// - Returns: where to write a byte for a look.
    private func startLooking(_ newest: Newest, wake: @escaping @Sendable () -> Void) throws -> Int32 {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return -1 }
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        let reader = ends[0]
        nonisolated(unsafe) let reading = reading  // the new thread's alone from here on
        startThread("monitor") {
            var bytes = [UInt8](repeating: 0, count: 64)
            // Requests that came during a slow look are answered by one.
            while read(reader, &bytes, bytes.count) > 0 {
                let look = reading.look()
                newest.look.withLock { $0 = look }
                wake()
            }
        }
        return ends[1]
    }

    private static var isUnicode: Bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { Paths.environment[$0] }.first { !$0.isEmpty }
        return locale?.uppercased().contains("UTF") ?? false
    }
}
