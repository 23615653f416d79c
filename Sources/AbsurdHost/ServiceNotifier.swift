import Glibc

/// Tells systemd about this service by datagrams to $NOTIFY_SOCKET; does nothing outside of systemd.
///
/// The protocol is sd_notify(3): no library is needed for it.
public struct ServiceNotifier: Sendable {
    private let address: String?
    /// How often `alive` must be called at least: half of what systemd waits for. Nil: no watchdog.
    public let watchdogIntervalSeconds: Double?

    public init(environment: [String: String], processID: Int32 = getpid()) {
        let socket = environment["NOTIFY_SOCKET"]
        address = socket.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
        let forUs = environment["WATCHDOG_PID"].map { Int32($0) == processID } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Double($0) }
        watchdogIntervalSeconds = forUs ? microseconds.map { $0 / 2e6 } : nil
    }

    public func ready(_ status: String = "") { send(["READY=1"] + statusLine(status)) }
    public func status(_ status: String) { send(statusLine(status)) }
    public func alive() { send(["WATCHDOG=1"]) }
    public func stopping(_ status: String = "") { send(["STOPPING=1"] + statusLine(status)) }

    private func statusLine(_ status: String) -> [String] {
        status.isEmpty ? [] : ["STATUS=\(status.replacing("\n", with: " "))"]
    }

    private func send(_ lines: [String]) {
        guard let address, !lines.isEmpty else { return }
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return }
        defer { close(file) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        var name = Array(address.utf8)
        guard name.count < MemoryLayout.size(ofValue: target.sun_path) else { return }
        // A leading @ stands for the abstract namespace, whose names begin with a zero byte and have no end mark.
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let message = Array(lines.joined(separator: "\n").utf8)
        withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(file, message, message.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
