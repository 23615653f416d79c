import Absurd
import CLinux
import Glibc

/// The Unix socket of `absurdctl`: 0600, and only this user or root is heard. Lines of JSON both ways.
///
/// Owned by the leader's thread; nothing here blocks. An operator who sends much or reads little is cut off.
final class AdminListener {
    private struct Session {
        var file: Int32
        var input: [UInt8] = []
    }

    private let path: String
    private let poller: Poller
    private let listener: Int32
    private var sessions: [UInt64: Session] = [:]
    private var nextSession: UInt64 = 0

    /// - Throws: `Refusal` when the socket can't be made.
    init(path: String, poller: Poller) throws {
        self.path = path
        self.poller = poller
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Refusal(
                path, why: "a socket's path may have 107 bytes", remedy: "choose a shorter --state-dir",
                exit: .configuration)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        listener = linux_unix_socket()
        unlink(path)
        let before = umask(0o177)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        umask(before)
        guard bound == 0, listen(listener, 16) == 0 else {
            let refusal = RunDirectory.refusal(path)
            Glibc.close(listener)
            throw refusal
        }
        poller.watch(listener, tag: ReadyTag.listener)
    }

    func close() {
        for session in sessions.values {
            poller.forget(session.file)
            Glibc.close(session.file)
        }
        sessions.removeAll()
        poller.forget(listener)
        Glibc.close(listener)
        unlink(path)
    }

    func accept() {
        while true {
            let file = linux_accept(listener)
            guard file >= 0 else { return }
            let user = linux_peer_user(file)
            guard user == 0 || user == Int(geteuid()), sessions.count < 32 else {
                Glibc.close(file)
                continue
            }
            nextSession += 1
            sessions[nextSession] = Session(file: file)
            poller.watch(file, tag: ReadyTag.admins | nextSession)
        }
    }

    /// Reads what a session sent and answers each whole line.
    func serve(_ tag: UInt64, _ answer: ([UInt8]) -> JSONValue) {
        let number = tag & ~ReadyTag.admins
        guard var session = sessions[number] else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(session.file, &buffer, buffer.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0, session.input.count < 65_536 else { return end(number) }
        session.input += buffer[..<count]
        while let newline = session.input.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(session.input[..<newline])
            session.input.removeSubrange(...newline)
            let reply = answer(line).jsonBytes + [UInt8(ascii: "\n")]
            let sent = reply.withUnsafeBytes { linux_send(session.file, $0.baseAddress, $0.count) }
            guard sent == reply.count else { return end(number) }
        }
        sessions[number] = session
    }

    private func end(_ number: UInt64) {
        guard let session = sessions.removeValue(forKey: number) else { return }
        poller.forget(session.file)
        Glibc.close(session.file)
    }
}
