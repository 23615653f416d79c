import Absurd
import AbsurdLeader
import AbsurdStore
import FlyingFox
import FlyingSocks
import Foundation
import Glibc
import Logging

/// The dashboard of a running leader: pages, JSON, metrics and events over HTTP.
///
/// It lives beside the leader's thread and never on it: what it wants to know it asks through the leader's mailbox, and
/// the database through one connection of its own. When it fails, the leader goes on.
public final class Dashboard: Sendable {
    public let address: String
    public let port: UInt16
    let service: Service
    private let server: HTTPServer
    private let running: Task<Void, Never>

    /// For people: what to open in a browser.
    public var url: String { "http://\(address):\(port)/" }

    private init(_ service: Service, _ server: HTTPServer, _ running: Task<Void, Never>, address: String, port: UInt16)
    {
        self.service = service
        self.server = server
        self.running = running
        self.address = address
        self.port = port
    }

    /// - Throws: `Refusal` when the address can't be listened on or the token can't be read.
    public static func start(_ configuration: DashboardConfiguration, leader: Leader) async throws -> Dashboard {
        // A port that was free a moment ago may be somebody's now; where any will do, another is taken.
        var triesLeft = configuration.listen.port == 0 ? 5 : 1
        while true {
            triesLeft -= 1
            do { return try await open(configuration, leader) } catch let refusal as Refusal
                where refusal.exit == .tryAgain && triesLeft > 0
            {}
        }
    }

    private static func open(_ configuration: DashboardConfiguration, _ leader: Leader) async throws -> Dashboard {
        let token = try configuration.readToken()
        let (socket, port) = try configuration.listen.probe()
        let service = Service(configuration, port: port, token: token) { await leader.ask($0) }
        let server = HTTPServer(
            config: .init(address: socket, timeout: 30, sharedRequestReplaySize: 0, logger: .disabled),
            handler: Front(service))
        let (beginnings, beginning) = AsyncStream.makeStream(of: Bool.self)
        let running = Task {
            try? await server.run()
            beginning.yield(false)
        }
        Task { beginning.yield((try? await server.waitUntilListening(timeout: 10)) != nil) }
        var outcomes = beginnings.makeAsyncIterator()
        guard await outcomes.next() == true else {
            running.cancel()
            service.close()
            throw configuration.listen.refusal("it can't be listened on")
        }
        service.begin()
        return Dashboard(service, server, running, address: configuration.listen.host, port: port)
    }

    public func stop() async {
        service.close()
        await server.stop(timeout: 1)
        running.cancel()
        await running.value
    }
}

/// Between the HTTP library and the routes.
private struct Front: HTTPHandler {
    let service: Service

    init(_ service: Service) { self.service = service }

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        var answer: Answer
        do throws(Problem) { answer = await service.answer(try await Self.request(request)) } catch {
            answer = error.answer
        }
        var headers = HTTPHeaders()
        for (name, value) in Self.always { headers[HTTPHeader(name)] = value }
        headers[.contentType] = answer.contentType
        for (name, value) in answer.headers { headers[HTTPHeader(name)] = value }
        let status = HTTPStatusCode(answer.status, phrase: Self.phrases[answer.status] ?? "")
        switch answer.body {
        case .events(let stream):
            return HTTPResponse(
                statusCode: status, headers: headers, body: HTTPBodySequence(from: EventBytes(stream: stream)))
        case .bytes(let bytes):
            if request.method == .HEAD {
                headers[.contentLength] = "\(bytes.count)"
                return HTTPResponse(statusCode: status, headers: headers, body: Data())
            }
            return HTTPResponse(statusCode: status, headers: headers, body: Data(bytes))
        }
    }

    private static func request(_ request: HTTPRequest) async throws(Problem) -> Request {
        var headers: [String: String] = [:]
        var bytes = request.target.rawValue.utf8.count
        for (name, value) in request.headers {
            headers[name.rawValue.lowercased()] = value
            bytes += name.rawValue.utf8.count + value.utf8.count
        }
        guard bytes <= Limits.httpHeaderBytesMax else {
            throw Problem(431, "headers: more than \(Limits.httpHeaderBytesMax) bytes")
        }
        var body: [UInt8] = []
        let tooLarge = Problem(413, "body: more than \(Limits.httpBodyBytesMax) bytes")
        if let count = request.bodySequence.count, count > 8 * Limits.httpBodyBytesMax { throw tooLarge }
        var taken = 0
        do {
            for try await piece in request.bodySequence {
                taken += piece.count
                // What is too long is read on for a while and dropped: who still sends would not hear the refusal.
                if taken > 8 * Limits.httpBodyBytesMax { throw tooLarge }
                if taken <= Limits.httpBodyBytesMax { body += piece }
            }
            if taken > Limits.httpBodyBytesMax { throw tooLarge }
        } catch let problem as Problem { throw problem } catch {
            throw Problem(400, "body: it ended early")
        }
        let path = request.target.path()
        var query: [String: String] = [:]
        for item in request.query { query[item.name] = item.value }
        return Request(
            method: request.method == .HEAD ? "GET" : request.method.rawValue, path: path,
            segments: path.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }, query: query,
            headers: headers, body: body)
    }

    /// No page of ours runs what it did not bring along, is framed, or is guessed at.
    private static let always = [
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            + "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    ]

    private static let phrases = [
        200: "OK", 303: "See Other", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
        403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Payload Too Large",
        429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
        503: "Service Unavailable",
    ]
}
