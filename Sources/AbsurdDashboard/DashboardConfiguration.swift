import Absurd
import AbsurdStore
import FlyingSocks
import Glibc
import Logging

/// What a dashboard needs to know before it starts.
public struct DashboardConfiguration: Sendable {
    public var listen: ListenAddress
    public var node: String
    public var queues: [String]
    public var database: ConnectionSettings
    /// The leader's: the token lies there.
    public var runDirectory: String
    /// Further names by which browsers and proxies reach it.
    public var hosts: [String] = []
    /// The file with the token that writing needs; nil: `http-token` in the run directory, made when missing.
    public var tokenFile: String?
    /// Nobody can write, whatever they know.
    public var isReadOnly = false
    public var logger: Logger

    public init(
        listen: ListenAddress, node: String, queues: [String], database: ConnectionSettings, runDirectory: String,
        logger: Logger
    ) {
        self.listen = listen
        self.node = node
        self.queues = queues
        self.database = database
        self.runDirectory = runDirectory
        self.logger = logger
    }

    func readToken() throws -> String? {
        if isReadOnly { return nil }
        if let tokenFile { return try AccessToken.read(tokenFile, makeIfMissing: false) }
        return try AccessToken.read(runDirectory + "/http-token", makeIfMissing: true)
    }
}

/// `127.0.0.1:8110`, `[::1]:8110`, `0.0.0.0:80`; port 0 is any that is free.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// As in a URL: an IPv6 address has brackets.
    public var host: String
    public var port: UInt16

    public static let usualPort: UInt16 = 8110

    public init(host: String = "127.0.0.1", port: UInt16) {
        self.host = host
        self.port = port
    }

    public init(_ text: String) throws(Refusal) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw Refusal(
                "listen \(text)", why: "not an address with a port", remedy: "use 127.0.0.1:8110", exit: .usage)
        }
        self.init(host: String(text[..<colon]), port: port)
        if host == "localhost" { host = "127.0.0.1" }
    }

    public var description: String { "\(host):\(port)" }

    func refusal(_ why: String, exit: ExitCode = .tryAgain) -> Refusal {
        Refusal(
            "listen \(self)", why: why, remedy: "choose another --listen, or none with --listen none", exit: exit)
    }

    /// Binds and lets go, so that a refusal says why, and a port of 0 becomes a number.
    func probe() throws(Refusal) -> (address: any SocketAddress, port: UInt16) {
        var port = port
        let address: any SocketAddress
        do {
            address = try make(port: port)
        } catch { throw refusal("not an IP address", exit: .usage) }
        let file = socket(Int32(address.family), Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { throw refusal(String(cString: strerror(errno))) }
        defer { close(file) }
        var yes: Int32 = 1
        setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        let code = address.withSockAddr { bind(file, $0, $1) == 0 && Glibc.listen(file, 1) == 0 ? 0 : errno }
        guard code == 0 else {
            throw refusal(String(cString: strerror(code)), exit: code == EACCES ? .notAllowed : .tryAgain)
        }
        guard port == 0 else { return (address, port) }
        var bound = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutableBytes(of: &bound) { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return }
            _ = getsockname(file, base, &size)
            port = UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
        }
        do { return (try make(port: port), port) } catch { throw refusal("not an IP address", exit: .usage) }
    }

    private func make(port: UInt16) throws -> any SocketAddress {
        if host.hasPrefix("["), host.hasSuffix("]") {
            return try sockaddr_in6.inet6(ip6: String(host.dropFirst().dropLast()), port: port)
        }
        return try sockaddr_in.inet(ip4: host, port: port)
    }
}
