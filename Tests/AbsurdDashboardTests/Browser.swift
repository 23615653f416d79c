import Absurd
import Foundation
import Glibc

/// A client of one server, byte by byte, so that a test decides every header. Blocking work runs on threads of its own.
struct Browser: Sendable {
    struct Reply: Sendable {
        var status: Int
        /// Names in lower case.
        var headers: [String: String]
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    }

    var port: UInt16
    var headers: [String: String] = [:]

    func with(_ name: String, _ value: String?) -> Browser {
        var copy = self
        copy.headers[name] = value
        return copy
    }

    func get(_ path: String) async throws -> Reply { try await send("GET", path) }

    func send(_ method: String, _ path: String, _ body: String = "") async throws -> Reply {
        try await detached {
            let file = try connect()
            defer { close(file) }
            try write(file, method, path, body, connection: "close")
            var bytes: [UInt8] = []
            while let piece = read(file) { bytes += piece }
            return try Self.reply(bytes)
        }
    }

    func json(_ method: String, _ path: String, _ body: JSONValue = [:]) async throws -> Reply {
        try await send(method, path, body.jsonText)
    }

    /// Reads a stream until `isEnough` says so of all that has come; fails when the server ends it or is silent for 30 s.
    func follow(
        _ path: String, onOpen: @escaping @Sendable () async throws -> Void,
        until isEnough: @escaping @Sendable (String) -> Bool
    ) async throws -> String {
        let file = try connect()
        defer { close(file) }
        try write(file, "GET", path, "", connection: "keep-alive")
        let opened = try await detached { () -> [UInt8] in
            var bytes: [UInt8] = []
            while let piece = read(file) {
                bytes += piece
                if String(decoding: bytes, as: UTF8.self).contains(": welcome") { return bytes }
            }
            throw Missing(what: "the beginning of \(path)")
        }
        try await onOpen()
        return try await detached {
            var bytes = opened
            while !isEnough(String(decoding: bytes, as: UTF8.self)) {
                guard let piece = read(file) else { throw Missing(what: "more of \(path)") }
                bytes += piece
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    // MARK: Parts

    private func connect() throws -> Int32 {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Missing(what: "a server at port \(port)") }
        return file
    }

    private func write(
        _ file: Int32, _ method: String, _ path: String, _ body: String, connection: String
    ) throws {
        var all = ["host": "127.0.0.1:\(port)", "connection": connection, "content-length": "\(body.utf8.count)"]
        all.merge(headers) { $1 }
        let lines = all.map { "\($0.key): \($0.value)\r\n" }.joined()
        let bytes = Array("\(method) \(path) HTTP/1.1\r\n\(lines)\r\n\(body)".utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // A server that refuses early stops reading; its answer is there all the same.
            guard count > 0 else { return }
            sent += count
        }
    }

    private func read(_ file: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(file, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private static func reply(_ bytes: [UInt8]) throws -> Reply {
        let end = Array("\r\n\r\n".utf8)
        guard let split = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else {
            throw Missing(what: "a reply; there are \(bytes.count) bytes")
        }
        let lines = String(decoding: bytes[..<split], as: UTF8.self).components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let sides = line.split(separator: ":", maxSplits: 1)
            headers[sides[0].lowercased()] = sides[1].trimmingCharacters(in: .whitespaces)
        }
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        return Reply(status: status, headers: headers, body: Array(bytes[(split + 4)...]))
    }

    private func detached<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}

struct Missing: Error { var what: String }
