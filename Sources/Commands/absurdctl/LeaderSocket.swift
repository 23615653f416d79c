import Absurd
import Glibc

/// One question, one answer: lines of JSON over the leader's socket.
struct LeaderSocket {
    let path: String

    static func stateDirectory(_ given: String?) -> String {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        return given ?? variable("ABSURD_STATE_DIR")
            ?? (geteuid() == 0
                ? "/var/lib/absurd"
                : variable("XDG_STATE_HOME").map { $0 + "/absurd" }
                    ?? (variable("HOME") ?? "/tmp") + "/.local/state/absurd")
    }

    /// - Throws: `Refusal` when no leader listens, or when it refuses.
    func ask(_ question: JSONValue) throws -> JSONValue {
        let file = try connect()
        defer { close(file) }
        let line = question.jsonText + "\n"
        guard write(file, line, line.utf8.count) == line.utf8.count else { throw gone("it does not listen") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.last != UInt8(ascii: "\n") {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw gone("it did not answer") }
            bytes += buffer[..<count]
        }
        let answer = try JSONValue(parsing: bytes)
        if let error = answer["error"]?.text {
            throw Refusal("leader", why: error, remedy: "", exit: .no)
        }
        return answer
    }

    private func connect() throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Refusal(path, why: "a socket's path may have 107 bytes", remedy: "use a shorter one", exit: .usage)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(file)
            if code == EACCES {
                throw Refusal(
                    "leader at \(path)", why: "not allowed", remedy: "be its user, or root", exit: .notAllowed)
            }
            throw gone("nobody listens there")
        }
        return file
    }

    private func gone(_ why: String) -> Refusal {
        Refusal("leader at \(path)", why: why, remedy: "start one, or give its --state-dir", exit: .unavailable)
    }
}
