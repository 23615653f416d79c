import Absurd

/// What a node's operator may ask of the running leader: one line of JSON each, `{"command": NAME, ...}`.
public enum AdminRequest: Sendable, Hashable {
    case status
    case workers
    case ring
    /// Histograms and counts since the start.
    case measures
    case drain
    case resume
    case pause(queue: String)
    case unpause(queue: String)
    case resize(workers: Int)
    case restart(worker: Int)
    case logLevel(String)
    case stop

    /// - Throws: `Refusal` naming what is wrong with the line.
    public init(_ line: [UInt8]) throws {
        let json: JSONValue
        do { json = try JSONValue(parsing: line) } catch {
            throw Self.refusal("is not JSON: \(error)")
        }
        guard let command = json["command"]?.text else { throw Self.refusal("has no command") }
        switch command {
        case "status": self = .status
        case "workers": self = .workers
        case "ring": self = .ring
        case "measures": self = .measures
        case "drain": self = .drain
        case "resume": self = .resume
        case "stop": self = .stop
        case "pause", "unpause":
            guard let queue = json["queue"]?.text else { throw Self.refusal("\(command) names no queue") }
            self = command == "pause" ? .pause(queue: queue) : .unpause(queue: queue)
        case "resize":
            guard let count = json["workers"]?.int, (0...1024).contains(count) else {
                throw Self.refusal("resize needs workers, 0 to 1024")
            }
            self = .resize(workers: Int(count))
        case "restart":
            guard let worker = json["worker"]?.int, worker >= 0 else { throw Self.refusal("restart names no worker") }
            self = .restart(worker: Int(worker))
        case "loglevel":
            guard let level = json["level"]?.text else { throw Self.refusal("loglevel names no level") }
            self = .logLevel(level)
        default: throw Self.refusal("has an unknown command \"\(command)\"")
        }
    }

    private static func refusal(_ why: String) -> Refusal {
        Refusal("admin request", why: why, remedy: "see absurdctl --help", exit: .badData)
    }

    public var json: JSONValue {
        switch self {
        case .status: ["command": "status"]
        case .workers: ["command": "workers"]
        case .ring: ["command": "ring"]
        case .measures: ["command": "measures"]
        case .drain: ["command": "drain"]
        case .resume: ["command": "resume"]
        case .stop: ["command": "stop"]
        case .pause(let queue): ["command": "pause", "queue": .string(queue)]
        case .unpause(let queue): ["command": "unpause", "queue": .string(queue)]
        case .resize(let workers): ["command": "resize", "workers": .integer(Int64(workers))]
        case .restart(let worker): ["command": "restart", "worker": .integer(Int64(worker))]
        case .logLevel(let level): ["command": "loglevel", "level": .string(level)]
        }
    }
}
